-- name: oracle_staleness
-- question: Which prices were old when they were read, and what depends on them?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: only_stale boolean = false; leave out prices within their heartbeat or without one
-- grain: one row per asset and source of its price
-- units: seconds at the block that was read, the largest of all snapshots: age_s since the oracle changed the price, overdue_s
--   beyond its heartbeat (0: in time, NULL: no heartbeat or no time is known); used_usd adds absolute values of what the asset
--   prices, of perps and options size x index price
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
clocks AS (
    SELECT c.snapshot_id, b.chain_id, b.block_time
    FROM snapshot_block AS b
    JOIN chosen AS c ON c.snapshot_id = b.snapshot_id
),
used AS (
    SELECT p.snapshot_id, p.asset_id, sum(abs(p.value_usd))::DOUBLE AS value_usd, 0.0::DOUBLE AS units
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    GROUP BY p.snapshot_id, p.asset_id
    UNION ALL
    SELECT p.snapshot_id, p.index_asset_id, 0.0, sum(abs(p.size_raw::DOUBLE / pow(10, p.size_decimals)))
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    WHERE p.index_asset_id IS NOT NULL
    GROUP BY p.snapshot_id, p.index_asset_id
),
uses AS (
    SELECT snapshot_id, asset_id, sum(value_usd) AS value_usd, sum(units) AS units
    FROM used
    GROUP BY snapshot_id, asset_id
),
aged AS (
    SELECT q.asset_id, q.quoted_asset_id, q.origin, c.wallet, c.as_of, c.partial, q.heartbeat_s,
           date_diff('second', q.updated_at, coalesce(t.block_time, c.as_of)) AS age_s,
           coalesce(u.value_usd, 0) + coalesce(u.units, 0) * q.price_usd::DOUBLE AS used_usd
    FROM price AS q
    JOIN chosen AS c ON c.snapshot_id = q.snapshot_id
    LEFT JOIN clocks AS t ON t.snapshot_id = q.snapshot_id AND t.chain_id = coalesce(q.chain_id, TRY_CAST(regexp_extract(q.quoted_asset_id, '^eip155:([0-9]+)/', 1) AS BIGINT))
    LEFT JOIN uses AS u ON u.snapshot_id = q.snapshot_id AND u.asset_id = q.asset_id
)
SELECT
    asset_id,
    quoted_asset_id,
    origin,
    max(age_s) AS age_s,
    max(heartbeat_s) AS heartbeat_s,
    max(greatest(0, age_s - heartbeat_s)) FILTER (WHERE age_s IS NOT NULL AND heartbeat_s IS NOT NULL) AS overdue_s,
    coalesce(overdue_s > 0, false) AS stale,
    count(DISTINCT wallet) AS wallets,
    sum(used_usd) AS used_usd,
    min(as_of) AS oldest_as_of,
    bool_or(partial) AS partial
FROM aged
GROUP BY asset_id, quoted_asset_id, origin
HAVING NOT $only_stale OR coalesce(overdue_s > 0, false)
ORDER BY overdue_s DESC NULLS LAST, used_usd DESC, asset_id, origin
