-- name: stable_peg_exposure
-- question: What depends on each dollar token keeping its peg?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: fall_bps integer = 1000; fall of the token in basis points that change_usd is computed for
-- grain: one row per asset of class stable or synthetic_usd whose underlying is USD
-- units: USD; held_usd >= 0, owed_usd <= 0, derivatives_usd is the value of what settles in it; change_usd is what net_usd
--   loses (< 0) or gains in the fall; price_usd is of the newest snapshot, deviation_bps its distance from 1 USD
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, p.asset_id, p.symbol, k.risk_class, p.kind, p.value_usd, q.price_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    JOIN asset_class AS k ON k.snapshot_id = p.snapshot_id AND k.asset_id = p.asset_id
    LEFT JOIN price AS q ON q.snapshot_id = p.snapshot_id AND q.asset_id = p.asset_id
    WHERE k.underlying = 'USD' AND k.risk_class IN ('stable', 'synthetic_usd')
)
SELECT
    asset_id,
    min(symbol) AS symbol,
    min(risk_class) AS risk_class,
    count(DISTINCT wallet) AS wallets,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('holding', 'supply')), 0) AS held_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind = 'debt'), 0) AS owed_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('perp', 'option')), 0) AS derivatives_usd,
    coalesce(sum(value_usd), 0) AS net_usd,
    -coalesce(sum(value_usd), 0) * ($fall_bps / 10000) AS change_usd,
    arg_max(price_usd, (as_of, wallet)) AS price_usd,
    (arg_max(price_usd, (as_of, wallet))::DOUBLE - 1) * 10000 AS deviation_bps,
    min(as_of) AS oldest_as_of,
    bool_or(partial) AS partial
FROM legs
GROUP BY asset_id
ORDER BY abs(net_usd) DESC, asset_id
