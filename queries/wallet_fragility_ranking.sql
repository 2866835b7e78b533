-- name: wallet_fragility_ranking
-- question: Which wallets break first?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per wallet; rank 1 is the most fragile, equals share a rank
-- units: survives_stresses is the lesser of multiple_native (until an account can be liquidated) and kappa (until the whole is
--   insolvent), in standard stresses, NULL: none on the grid is too much; score 0 to 100; USD; owed_usd <= 0; an incomplete
--   wallet may be worse than its figures: see partial and verdict
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
owed AS (
    SELECT p.snapshot_id, sum(p.value_usd) AS owed_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    WHERE p.kind = 'debt'
    GROUP BY p.snapshot_id
),
ranked AS (
    SELECT c.wallet, c.as_of, c.partial, r.*, least(r.multiple_native, r.kappa) AS survives_stresses
    FROM risk_result AS r
    JOIN chosen AS c ON c.snapshot_id = r.snapshot_id
    WHERE r.score IS NOT NULL
)
SELECT
    rank() OVER (ORDER BY r.survives_stresses NULLS LAST) AS rank,
    r.wallet,
    w.label,
    r.survives_stresses,
    r.score,
    r.band,
    r.verdict,
    r.multiple_native,
    r.kappa,
    r.weakest_account,
    r.equity_usd,
    coalesce(o.owed_usd, 0) AS owed_usd,
    r.as_of,
    r.partial
FROM ranked AS r
LEFT JOIN owed AS o ON o.snapshot_id = r.snapshot_id
LEFT JOIN wallet AS w ON w.address = r.wallet
ORDER BY rank, r.score, r.wallet
