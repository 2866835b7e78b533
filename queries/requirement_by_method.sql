-- name: requirement_by_method
-- question: What would each margin method ask of each wallet, and how much less or more do we?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: method text = NULL; only this method: silos_isolated, native, span, value_at_risk, exchange_portfolio_margin, ours
-- grain: one row per wallet, method and variant, of wallets with positions; what each leg alone would need is not kept, and
--   snapshots of a release before the comparison have no rows
-- units: USD, against equity that counts debts and options at their value; equity_usd - requirement_usd is left_usd;
--   capital_efficiency is 1 - ours / requirement_usd, negative where ours asks more, NULL for ours and where nothing is asked
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
)
SELECT
    c.wallet,
    m.method,
    m.variant,
    m.requirement_usd,
    m.capital_efficiency,
    r.equity_usd,
    r.equity_usd - m.requirement_usd AS left_usd,
    c.as_of,
    c.partial
FROM margin_comparison AS m
JOIN chosen AS c ON c.snapshot_id = m.snapshot_id
JOIN risk_result AS r ON r.snapshot_id = m.snapshot_id
WHERE $method IS NULL OR m.method = $method
ORDER BY c.wallet, m.ordinal
