-- name: net_exposure_by_underlying
-- question: What is held and owed of each underlying, and how does the whole move with it?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per underlying
-- units: USD; held_usd >= 0, owed_usd <= 0; derivatives_usd is the value of perps and options that settle in the
--   underlying; net_value_usd is the sum of the three; delta_units and exposure_usd (delta in USD, short < 0) count
--   spot, perps and options, and are NULL for USD; unvalued counts positions without a value, which no sum holds
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, coalesce(k.underlying, p.asset_id) AS underlying,
           p.kind, p.value_usd, p.value_usd IS NULL AS unvalued,
           NULL::DOUBLE AS delta_units, NULL::DOUBLE AS delta_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    LEFT JOIN asset_class AS k ON k.snapshot_id = p.snapshot_id AND k.asset_id = p.asset_id
    UNION ALL
    SELECT c.wallet, c.as_of, c.partial, g.underlying, NULL, NULL, false, g.delta_units, g.delta_usd
    FROM greek AS g
    JOIN chosen AS c ON c.snapshot_id = g.snapshot_id
)
SELECT
    underlying,
    count(DISTINCT wallet) AS wallets,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('holding', 'supply')), 0) AS held_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind = 'debt'), 0) AS owed_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('perp', 'option')), 0) AS derivatives_usd,
    coalesce(sum(value_usd), 0) AS net_value_usd,
    sum(delta_units) AS delta_units,
    100 * sum(delta_usd) AS exposure_usd,
    count(*) FILTER (WHERE unvalued) AS unvalued,
    min(as_of) AS oldest_as_of,
    bool_or(partial) AS partial
FROM legs
GROUP BY underlying
ORDER BY abs(exposure_usd) DESC NULLS LAST, abs(net_value_usd) DESC, underlying
