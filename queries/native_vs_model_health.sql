-- name: native_vs_model_health
-- question: Is each account as healthy as its protocol says, by its own rule and by ours?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: tolerance_bps number = 1; differences beyond are flagged
-- grain: one row per account with a test of its own
-- units: native_health is N/Q by the protocol's rule at the block, reported_health the protocol's answer, check_bps their
--   difference in basis points (NULL: it answers none); model_ratio is the account's equity over what the framework
--   requires of it alone; survives_stresses is NULL where no stress on the grid makes it fail
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
    a.protocol,
    a.chain_id,
    a.account_id,
    v.native_health,
    v.reported_health,
    v.check_bps,
    v.check_bps IS NOT NULL AND abs(v.check_bps) > $tolerance_bps AS differs,
    v.liquidatable,
    a.reported_liquidatable,
    v.equity_usd,
    v.requirement_usd,
    v.equity_usd / nullif(v.requirement_usd, 0) AS model_ratio,
    v.lam_native AS survives_stresses,
    v.oracle_blind,
    c.as_of,
    c.partial
FROM account_risk AS v
JOIN chosen AS c ON c.snapshot_id = v.snapshot_id
JOIN account AS a ON a.snapshot_id = v.snapshot_id AND a.account_id = v.account_id
WHERE a.rule_family IS NOT NULL
ORDER BY v.native_health NULLS LAST, a.account_id
