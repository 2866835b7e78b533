-- name: plan_cost_vs_avoided
-- question: What does each plan cost, and what would the liquidations cost that it prevents?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: since time = NULL; no snapshot before
-- grain: one row per plan
-- units: USD, exact to 8 digits; cost_usd is fees_usd, slippage_usd and gas_usd; avoided_usd and saved_usd (avoided less cost) are
--   NULL where the cost of the liquidations is not known; missing_usd is what an infeasible plan lacks; kappa in standard stresses,
--   NULL: infinite
-- snapshots: all; complete and partial ones
SELECT
    s.wallet,
    p.kind,
    p.stress,
    p.status,
    p.steps,
    p.cost_usd,
    p.fees_usd,
    p.slippage_usd,
    p.gas_usd,
    p.avoided_usd,
    p.avoided_usd - p.cost_usd AS saved_usd,
    p.missing_usd,
    p.binding_account,
    p.target_health,
    p.target_kappa,
    p.kappa_before,
    p.kappa_after,
    p.plan_id,
    s.as_of,
    s.status = 'partial' AS partial
FROM plan AS p
JOIN snapshot AS s ON s.snapshot_id = p.snapshot_id
WHERE s.status IN ('complete', 'partial')
  AND ($wallet IS NULL OR s.wallet = $wallet)
  AND ($group IS NULL OR s.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
  AND ($since IS NULL OR s.as_of >= $since)
ORDER BY s.wallet, s.as_of, p.made_at, p.plan_id
