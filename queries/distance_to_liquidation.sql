-- name: distance_to_liquidation
-- question: How far is each account from liquidation, and on which side?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: within number = NULL; only accounts with a liquidation price within this relative move: 0.2 is 20% either way
-- grain: one row per account that owes something or needs margin, or that its protocol says is liquidatable
-- units: down and up are relative moves of one underlying alone to the nearest liquidation price on that side (-0.45 is 45%
--   down), NULL: none; prices in USD; native_health is N/Q; survives_stresses NULL: no stress on the grid makes it fail, or
--   unjudged: its protocol tells reported_health and not by which test, so that nobody knows where it would be liquidated
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
points AS (
    SELECT p.snapshot_id, p.account_id,
           max(p.distance) FILTER (WHERE p.direction = 'down') AS down,
           arg_max(p.underlying, (p.distance, p.underlying)) FILTER (WHERE p.direction = 'down') AS down_underlying,
           arg_max(p.price_usd, (p.distance, p.underlying)) FILTER (WHERE p.direction = 'down') AS down_price_usd,
           min(p.distance) FILTER (WHERE p.direction = 'up') AS up,
           arg_min(p.underlying, (p.distance, p.underlying)) FILTER (WHERE p.direction = 'up') AS up_underlying,
           arg_min(p.price_usd, (p.distance, p.underlying)) FILTER (WHERE p.direction = 'up') AS up_price_usd,
           min(abs(p.distance)) AS nearest
    FROM liquidation_point AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    GROUP BY p.snapshot_id, p.account_id
)
SELECT
    c.wallet,
    a.protocol,
    a.chain_id,
    v.account_id,
    v.native_health,
    v.reported_health,
    v.native_health IS NULL AND v.check_bps IS NULL AND v.reported_health IS NOT NULL AS unjudged,
    v.liquidatable,
    v.lam_native AS survives_stresses,
    n.down,
    n.down_underlying,
    n.down_price_usd,
    n.up,
    n.up_underlying,
    n.up_price_usd,
    c.as_of,
    c.partial
FROM account_risk AS v
JOIN chosen AS c ON c.snapshot_id = v.snapshot_id
JOIN account AS a ON a.snapshot_id = v.snapshot_id AND a.account_id = v.account_id
LEFT JOIN points AS n ON n.snapshot_id = v.snapshot_id AND n.account_id = v.account_id
WHERE (v.native_health IS NOT NULL OR v.reported_health IS NOT NULL OR v.liquidatable)
  AND ($within IS NULL OR v.liquidatable OR n.nearest <= $within)
ORDER BY v.liquidatable DESC, n.nearest NULLS LAST, v.account_id
