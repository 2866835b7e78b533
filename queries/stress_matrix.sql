-- name: stress_matrix
-- question: What does each account lose in the worst scenarios of its wallet?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: top integer = 5; how many of the worst scenarios of each wallet
-- grain: one row per wallet, scenario and account, of the worst scenarios that the snapshot keeps
-- units: USD, a gain is negative; level in standard stresses; wallet_loss_usd is of the whole, loss_usd of the account
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
    s.ordinal + 1 AS rank,
    s.name AS scenario,
    s.level,
    s.loss_usd AS wallet_loss_usd,
    a.protocol,
    a.chain_id,
    l.account_id,
    l.loss_usd,
    c.as_of,
    c.partial
FROM scenario_loss AS s
JOIN chosen AS c ON c.snapshot_id = s.snapshot_id
LEFT JOIN (SELECT * FROM scenario_account_loss SEMI JOIN chosen USING (snapshot_id)) AS l
    ON l.snapshot_id = s.snapshot_id AND l.role = s.role AND l.scenario_ordinal = s.ordinal
LEFT JOIN (SELECT * FROM account SEMI JOIN chosen USING (snapshot_id)) AS a
    ON a.snapshot_id = l.snapshot_id AND a.account_id = l.account_id
WHERE s.role = 'worst' AND s.ordinal < $top
ORDER BY c.wallet, s.ordinal, l.loss_usd DESC, l.account_id
