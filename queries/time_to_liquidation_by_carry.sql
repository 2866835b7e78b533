-- name: time_to_liquidation_by_carry
-- question: Which accounts do interest, funding and borrowing alone bring to liquidation, and when?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: within number = NULL; only accounts that fail within so many days
-- grain: one row per account whose own test fails at the snapshot's prices and rates: with source calendar any account, within the
--   horizon of the longest calendar that is stored; with source interest (no calendar says more) a lending account, within ten years
-- units: days from as_of, 0 is now; fails_at is UTC; interest_usd_day is earned less paid, of a calendar with funding (NULL: a rate is not
--   known); native_health is N/Q
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
looked AS (
    SELECT k.snapshot_id, k.calendar_id, k.horizon_days
    FROM calendar AS k
    JOIN chosen AS c ON c.snapshot_id = k.snapshot_id
    QUALIFY row_number() OVER (PARTITION BY k.snapshot_id ORDER BY k.horizon_days DESC, k.made_at DESC, k.calendar_id) = 1
),
followed AS (
    SELECT
        k.snapshot_id,
        k.account_id,
        l.horizon_days,
        k.carry_usd_day::DOUBLE AS carry_usd_day,
        min(e.days) AS days,
        min(e.event_at) AS event_at
    FROM calendar_account AS k
    JOIN looked AS l ON l.snapshot_id = k.snapshot_id AND l.calendar_id = k.calendar_id
    LEFT JOIN (SELECT * FROM calendar_event WHERE kind = 'liquidation') AS e
        ON e.snapshot_id = k.snapshot_id AND e.calendar_id = k.calendar_id AND e.account_id = k.account_id
    WHERE k.judged
    GROUP BY k.snapshot_id, k.account_id, l.horizon_days, k.carry_usd_day
),
failing AS (
    SELECT snapshot_id, account_id, carry_usd_day AS interest_usd_day, days AS runway_days, event_at AS fails_at, 'calendar' AS source
    FROM followed
    WHERE days IS NOT NULL
    UNION ALL
    SELECT
        v.snapshot_id, v.account_id, v.interest_usd_day, v.runway_days, c.as_of + to_seconds(v.runway_days * 86400), 'interest'
    FROM account_risk AS v
    JOIN chosen AS c ON c.snapshot_id = v.snapshot_id
    LEFT JOIN followed AS f ON f.snapshot_id = v.snapshot_id AND f.account_id = v.account_id
    WHERE v.runway_days IS NOT NULL AND (f.account_id IS NULL OR (f.days IS NULL AND v.runway_days > f.horizon_days))
)
SELECT
    c.wallet,
    a.protocol,
    a.chain_id,
    v.account_id,
    v.native_health,
    f.interest_usd_day,
    f.runway_days,
    f.fails_at,
    v.liquidatable,
    f.source,
    c.as_of,
    c.partial
FROM failing AS f
JOIN chosen AS c ON c.snapshot_id = f.snapshot_id
JOIN account_risk AS v ON v.snapshot_id = f.snapshot_id AND v.account_id = f.account_id
JOIN account AS a ON a.snapshot_id = v.snapshot_id AND a.account_id = v.account_id
WHERE $within IS NULL OR f.runway_days <= $within
ORDER BY f.runway_days, v.account_id
