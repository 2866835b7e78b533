-- name: binding_account
-- question: Which account of each wallet would be liquidated first, and in which scenario?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per wallet; without account where nothing of it can be liquidated
-- units: survives_stresses of the account and kappa of the whole in standard stresses, NULL: none on the grid is too much;
--   native_health is N/Q, NULL: nothing is required; distance is the relative move of underlying alone to the account's
--   nearest liquidation price, -0.45 is 45% down
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
           arg_min(p.underlying, (abs(p.distance), p.underlying, p.direction)) AS underlying,
           arg_min(p.price_usd, (abs(p.distance), p.underlying, p.direction)) AS price_usd,
           arg_min(p.distance, (abs(p.distance), p.underlying, p.direction)) AS distance
    FROM liquidation_point AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    GROUP BY p.snapshot_id, p.account_id
)
SELECT
    c.wallet,
    r.band,
    r.unified_band,
    r.weakest_band,
    r.kappa,
    a.protocol,
    a.chain_id,
    r.weakest_account AS account_id,
    v.native_health,
    v.liquidatable,
    v.lam_native AS survives_stresses,
    v.binding_ray AS binding_scenario,
    n.underlying,
    n.price_usd,
    n.distance,
    c.as_of,
    c.partial
FROM risk_result AS r
JOIN chosen AS c ON c.snapshot_id = r.snapshot_id
LEFT JOIN (SELECT * FROM account SEMI JOIN chosen USING (snapshot_id)) AS a
    ON a.snapshot_id = r.snapshot_id AND a.account_id = r.weakest_account
LEFT JOIN (SELECT * FROM account_risk SEMI JOIN chosen USING (snapshot_id)) AS v
    ON v.snapshot_id = r.snapshot_id AND v.account_id = r.weakest_account
LEFT JOIN points AS n ON n.snapshot_id = r.snapshot_id AND n.account_id = r.weakest_account
ORDER BY v.liquidatable DESC NULLS LAST, v.lam_native NULLS LAST, c.wallet
