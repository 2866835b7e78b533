-- name: snapshot_gaps_and_partials
-- question: When was nothing read of a wallet, or not everything?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: max_gap_s integer = 90000; a longer time without a usable snapshot is a gap: 25 hours
-- parameter: since time = NULL; nothing that ended before
-- parameter: until time = NULL; the time up to which a last snapshot may be missed; NULL: now
-- grain: one row per finding: gap (no usable snapshot from from_time to to_time), never (a followed wallet without one),
--   partial, failed, orphaned (a snapshot), slot_missed, slot_failed (of the schedule; wallet is NULL)
-- units: seconds; times are UTC; reads_failed counts deployments of which something is missing
-- snapshots: all; a gap lies between complete or partial ones
WITH followed AS (
    SELECT address FROM wallet
    UNION
    SELECT DISTINCT wallet FROM snapshot
),
chosen AS (
    SELECT address AS wallet
    FROM followed
    WHERE ($wallet IS NULL OR address = $wallet)
      AND ($group IS NULL OR address IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
clock AS (
    SELECT coalesce($until, make_timestamp(epoch_us(now()))) AS until_time
),
usable AS (
    SELECT s.wallet, s.as_of,
           lead(s.as_of) OVER (PARTITION BY s.wallet ORDER BY s.as_of) AS next_as_of
    FROM snapshot AS s
    CROSS JOIN clock AS c
    WHERE s.status IN ('complete', 'partial') AND s.as_of <= c.until_time
),
gaps AS (
    SELECT u.wallet, u.as_of AS from_time, coalesce(u.next_as_of, c.until_time) AS to_time
    FROM usable AS u
    CROSS JOIN clock AS c
),
reasons AS (
    SELECT s.snapshot_id, string_agg(DISTINCT r.error_code, ', ' ORDER BY r.error_code) AS codes
    FROM read_status AS r
    JOIN snapshot AS s ON s.snapshot_id = r.snapshot_id
    WHERE r.status = 'error' AND s.status <> 'complete'
    GROUP BY s.snapshot_id
),
findings AS (
    SELECT 'gap' AS finding, wallet, from_time, to_time, NULL AS snapshot_id, NULL AS reads_failed, NULL AS reason
    FROM gaps
    WHERE date_diff('second', from_time, to_time) > $max_gap_s
    UNION ALL
    SELECT 'never', w.address, w.added_at, c.until_time, NULL, NULL, NULL
    FROM wallet AS w
    CROSS JOIN clock AS c
    WHERE w.address NOT IN (SELECT wallet FROM usable)
    UNION ALL
    SELECT s.status, s.wallet, s.as_of, s.as_of, s.snapshot_id, s.reads_failed, r.codes
    FROM snapshot AS s
    LEFT JOIN reasons AS r ON r.snapshot_id = s.snapshot_id
    WHERE s.status <> 'complete'
)
SELECT
    f.finding,
    f.wallet,
    NULL AS job,
    f.from_time,
    f.to_time,
    date_diff('second', f.from_time, f.to_time) AS seconds,
    f.snapshot_id,
    f.reads_failed,
    f.reason
FROM findings AS f
WHERE f.wallet IN (SELECT wallet FROM chosen) AND ($since IS NULL OR f.to_time >= $since)
  AND ($until IS NULL OR f.from_time <= $until)
UNION ALL
SELECT 'slot_' || r.outcome, NULL, r.job, r.due_at, r.due_at, 0, NULL, NULL, r.reason
FROM schedule_run AS r
WHERE r.outcome IN ('missed', 'failed') AND $wallet IS NULL AND ($group IS NULL OR r.group_name = ltrim($group, '@'))
  AND ($since IS NULL OR r.due_at >= $since) AND ($until IS NULL OR r.due_at <= $until)
ORDER BY from_time DESC, finding, wallet, job
