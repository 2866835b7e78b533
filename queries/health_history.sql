-- name: health_history
-- question: How did the score of each wallet move?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: since time = NULL; no snapshot before
-- parameter: until time = NULL; no snapshot after
-- grain: one row per snapshot
-- units: score 0 to 100, NULL without positions; score_change since the wallet's snapshot before; kappa and multiple_native in
--   standard stresses, NULL with the flag beside: none on the grid is too much; USD
-- snapshots: all; complete and partial
WITH history AS (
    SELECT s.wallet, s.as_of, s.snapshot_id, s.status = 'partial' AS partial, r.*,
           r.score - lag(r.score) OVER (PARTITION BY s.wallet ORDER BY s.as_of, s.taken_at, s.snapshot_id) AS score_change
    FROM snapshot AS s
    JOIN (SELECT * RENAME (snapshot_id AS id) FROM risk_result) AS r ON r.id = s.snapshot_id
    WHERE s.status IN ('complete', 'partial')
      AND ($wallet IS NULL OR s.wallet = $wallet)
      AND ($group IS NULL OR s.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
)
SELECT
    wallet,
    as_of,
    score,
    score_change,
    band,
    verdict,
    unified_band,
    weakest_band,
    kappa,
    kappa_infinite,
    multiple_native,
    multiple_native_infinite,
    equity_usd,
    requirement_usd,
    weakest_account,
    framework_version,
    snapshot_id,
    partial
FROM history
WHERE ($since IS NULL OR as_of >= $since) AND ($until IS NULL OR as_of <= $until)
ORDER BY wallet, as_of, snapshot_id
