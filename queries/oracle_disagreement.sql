-- name: oracle_disagreement
-- question: Where do other sources say another price than the one that counts, and how much depends on it?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: over number = 0.0; only sources further than this from the price that counts (0.01: 1%)
-- grain: one row per asset and other source of its price
-- units: deviation as a fraction of the price that counts, the furthest of all snapshots, and the two prices of that snapshot in
--   USD; value_usd adds absolute values of positions in the asset; mark_overdue_s and overdue_s in seconds beyond the heartbeat
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
held AS (
    SELECT p.snapshot_id, p.asset_id, sum(abs(p.value_usd))::DOUBLE AS value_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    GROUP BY p.snapshot_id, p.asset_id
)
SELECT
    o.asset_id,
    o.origin,
    o.chain_id,
    arg_max(o.deviation, abs(o.deviation)) AS deviation,
    arg_max(o.price_usd, abs(o.deviation)) AS price_usd,
    arg_max(m.price_usd, abs(o.deviation)) AS mark_usd,
    any_value(m.origin ORDER BY m.origin) AS mark_origin,
    max(o.overdue_s) AS overdue_s,
    max(m.overdue_s) AS mark_overdue_s,
    count(DISTINCT c.wallet) AS wallets,
    coalesce(sum(h.value_usd), 0) AS value_usd,
    min(c.as_of) AS oldest_as_of,
    bool_or(c.partial) AS partial
FROM price_source AS o
JOIN chosen AS c ON c.snapshot_id = o.snapshot_id
JOIN price_source AS m ON m.snapshot_id = o.snapshot_id AND m.asset_id = o.asset_id AND m.is_mark
LEFT JOIN held AS h ON h.snapshot_id = o.snapshot_id AND h.asset_id = o.asset_id
WHERE NOT o.is_mark
GROUP BY o.asset_id, o.origin, o.chain_id
HAVING max(abs(o.deviation)) >= $over
ORDER BY max(abs(o.deviation)) DESC, value_usd DESC, o.asset_id, o.origin
