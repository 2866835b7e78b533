-- name: time_to_liquidation_by_carry
-- question: Which accounts does interest alone bring to liquidation, and when?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: within number = NULL; only accounts that fail within so many days
-- grain: one row per lending account whose own test fails within ten years at the snapshot's prices and rates
-- units: days from as_of, 0 is now; fails_at is UTC; interest_usd_day is earned less paid (NULL: a rate is not known); native_health is N/Q
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
    v.account_id,
    v.native_health,
    v.interest_usd_day,
    v.runway_days,
    c.as_of + to_seconds(v.runway_days * 86400) AS fails_at,
    v.liquidatable,
    c.as_of,
    c.partial
FROM account_risk AS v
JOIN chosen AS c ON c.snapshot_id = v.snapshot_id
JOIN account AS a ON a.snapshot_id = v.snapshot_id AND a.account_id = v.account_id
WHERE v.runway_days IS NOT NULL AND ($within IS NULL OR v.runway_days <= $within)
ORDER BY v.runway_days, v.account_id
