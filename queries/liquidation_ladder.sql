-- name: liquidation_ladder
-- question: In which order are accounts liquidated as one underlying moves, and how much debt falls at each step?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: underlying text = NULL; only this underlying, such as ETH
-- parameter: direction text = NULL; only down or only up
-- grain: one row per account, underlying and direction that liquidates it; step counts from the nearest price
-- units: price_usd of the underlying if only it (and what is pegged to it) moves, distance relative to today: -0.45 is 45%
--   down; requirement_usd is the account's debt or maintenance margin Q, cumulative_usd adds it up to this step; liquidated_usd and
--   cost_usd are of the cascade that begins there, to the wallet, where source is ladder; with source price (no ladder is stored)
--   they are NULL; what can be liquidated today stands at distance 0, as down
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
laddered AS (
    SELECT r.snapshot_id, r.ladder_id
    FROM ladder AS r
    JOIN chosen AS c ON c.snapshot_id = r.snapshot_id
    QUALIFY row_number() OVER (PARTITION BY r.snapshot_id ORDER BY r.made_at DESC, r.ladder_id) = 1
),
point AS (
    SELECT
        snapshot_id, account_id, underlying, direction, price_usd, distance,
        NULL::DECIMAL(38, 8) AS liquidated_usd, NULL::DECIMAL(38, 8) AS cost_usd, 'price' AS source
    FROM liquidation_point
    WHERE snapshot_id NOT IN (SELECT snapshot_id FROM laddered)
    UNION ALL
    SELECT
        r.snapshot_id, r.account_id, r.underlying, CASE WHEN r.distance > 0 THEN 'up' ELSE 'down' END, r.price_usd, r.distance,
        r.liquidated_usd, r.cost_usd, 'ladder'
    FROM ladder_rung AS r
    JOIN laddered AS l ON l.snapshot_id = r.snapshot_id AND l.ladder_id = r.ladder_id
)
SELECT
    p.underlying,
    p.direction,
    row_number() OVER ladder AS step,
    p.price_usd,
    p.distance,
    c.wallet,
    a.protocol,
    a.chain_id,
    p.account_id,
    v.native_requirement_usd AS requirement_usd,
    sum(v.native_requirement_usd) OVER (ladder ROWS UNBOUNDED PRECEDING) AS cumulative_usd,
    p.liquidated_usd,
    p.cost_usd,
    p.source,
    c.as_of,
    c.partial
FROM point AS p
JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
JOIN account AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
JOIN account_risk AS v ON v.snapshot_id = p.snapshot_id AND v.account_id = p.account_id
WHERE ($underlying IS NULL OR p.underlying = $underlying) AND ($direction IS NULL OR p.direction = $direction)
WINDOW ladder AS (PARTITION BY p.underlying, p.direction ORDER BY abs(p.distance), p.account_id, p.snapshot_id)
ORDER BY p.underlying, p.direction, step
