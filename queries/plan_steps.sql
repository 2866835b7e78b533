-- name: plan_steps
-- question: What are the steps of each wallet's latest plan, what do they cost, and how safe is it after each?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: kind text = NULL; only plans of this kind: repair or pre_emptive
-- grain: one row per step of the newest plan of each wallet; one within a flash bundle names its step in bundle
-- units: USD, exact to 8 digits; cumulative_usd counts a bundle once; amount_raw and size_raw in smallest units, amount in whole
--   ones; health_after is the account's own N/Q, weakest_after the least of all accounts (NULL: none requires anything, or within
--   a bundle); kappa_after in standard stresses (NULL: infinite, or within a bundle)
-- snapshots: all; the newest complete or partial one of each wallet that has a plan
WITH newest AS (
    SELECT p.snapshot_id, p.plan_id, p.kind, p.stress, p.status, s.wallet, s.as_of, s.status = 'partial' AS partial
    FROM plan AS p
    JOIN snapshot AS s ON s.snapshot_id = p.snapshot_id
    WHERE s.status IN ('complete', 'partial')
      AND ($wallet IS NULL OR s.wallet = $wallet)
      AND ($group IS NULL OR s.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
      AND ($kind IS NULL OR p.kind = $kind)
    QUALIFY row_number() OVER (PARTITION BY s.wallet ORDER BY s.as_of DESC, p.made_at DESC, p.plan_id) = 1
),
units AS (
    SELECT p.snapshot_id, p.asset_id, min(p.symbol) AS symbol, min(p.decimals) AS decimals
    FROM position AS p
    WHERE p.snapshot_id IN (SELECT snapshot_id FROM newest)
    GROUP BY p.snapshot_id, p.asset_id
),
weakest AS (
    SELECT a.snapshot_id, a.plan_id, a.step, min(a.native_health) AS health
    FROM plan_account AS a
    JOIN newest AS n ON n.snapshot_id = a.snapshot_id AND n.plan_id = a.plan_id
    GROUP BY a.snapshot_id, a.plan_id, a.step
)
SELECT
    n.wallet,
    n.kind,
    n.stress,
    n.status,
    t.ordinal + 1 AS step,
    t.bundle + 1 AS bundle,
    t.action,
    a.protocol,
    a.chain_id,
    t.account_id,
    t.market,
    u.symbol,
    t.amount_raw::DOUBLE / pow(10, u.decimals) AS amount,
    t.amount_raw,
    t.size_raw,
    t.cost_usd,
    sum(t.cost_usd) FILTER (WHERE t.bundle IS NULL) OVER (PARTITION BY t.snapshot_id ORDER BY t.ordinal) AS cumulative_usd,
    h.native_health AS health_after,
    w.health AS weakest_after,
    t.kappa_after,
    json_array_length(t.calls) AS calls,
    t.calls_unknown,
    n.plan_id,
    n.as_of,
    n.partial
FROM plan_step AS t
JOIN newest AS n ON n.snapshot_id = t.snapshot_id AND n.plan_id = t.plan_id
LEFT JOIN (SELECT * FROM account SEMI JOIN newest USING (snapshot_id)) AS a
    ON a.snapshot_id = t.snapshot_id AND a.account_id = t.account_id
LEFT JOIN units AS u ON u.snapshot_id = t.snapshot_id AND u.asset_id = t.asset_id
LEFT JOIN (SELECT * FROM plan_account SEMI JOIN newest USING (snapshot_id, plan_id)) AS h
    ON h.snapshot_id = t.snapshot_id AND h.plan_id = t.plan_id AND h.step = t.ordinal AND h.account_id = t.account_id
LEFT JOIN weakest AS w ON w.snapshot_id = t.snapshot_id AND w.plan_id = t.plan_id AND w.step = t.ordinal
ORDER BY n.wallet, t.ordinal
