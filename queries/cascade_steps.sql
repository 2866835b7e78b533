-- name: cascade_steps
-- question: Which accounts would be liquidated one after another, at which prices, and what does that cost?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: scenario text = NULL; only cascades that begin with this scenario
-- grain: one row per liquidation of a cascade; step counts from 1 in each; of a table's borrowers one row is all of a label in a round
-- units: USD, exact to 8 digits; prices_usd by underlying, before the liquidation's own sales; native_health is the N/Q that failed;
--   repaid, seized and bad_debt are exact amounts in smallest units with their assets; converged false: the cascade goes on
-- snapshots: all; the newest complete or partial one of each wallet that has such a cascade
WITH newest AS (
    SELECT c.*, s.wallet, s.as_of, s.status = 'partial' AS partial
    FROM cascade AS c
    JOIN snapshot AS s ON s.snapshot_id = c.snapshot_id
    WHERE s.status IN ('complete', 'partial')
      AND ($wallet IS NULL OR s.wallet = $wallet)
      AND ($group IS NULL OR s.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
      AND ($scenario IS NULL OR c.scenario = $scenario)
    QUALIFY rank() OVER (PARTITION BY s.wallet ORDER BY s.as_of DESC, s.taken_at DESC, s.snapshot_id DESC) = 1
),
moved AS (
    SELECT
        m.snapshot_id,
        m.cascade_id,
        m.step,
        m.role,
        string_agg(m.amount_raw || ' ' || m.asset_id, '; ' ORDER BY m.ordinal) AS amounts
    FROM cascade_amount AS m
    JOIN newest AS n ON n.snapshot_id = m.snapshot_id AND n.cascade_id = m.cascade_id
    GROUP BY m.snapshot_id, m.cascade_id, m.step, m.role
)
SELECT
    n.wallet,
    n.scenario,
    n.cascade_id,
    t.ordinal + 1 AS step,
    t.round,
    a.protocol,
    a.chain_id,
    t.account_id,
    t.label,
    t.accounts,
    t.native_health,
    t.prices_usd,
    r.amounts AS repaid,
    z.amounts AS seized,
    b.amounts AS bad_debt,
    t.liquidated_usd,
    t.penalty_usd,
    t.bad_debt_usd,
    t.toxic,
    n.converged,
    n.as_of,
    n.partial
FROM cascade_step AS t
JOIN newest AS n ON n.snapshot_id = t.snapshot_id AND n.cascade_id = t.cascade_id
LEFT JOIN (SELECT * FROM account SEMI JOIN newest USING (snapshot_id)) AS a
    ON a.snapshot_id = t.snapshot_id AND a.account_id = t.account_id
LEFT JOIN moved AS r
    ON r.snapshot_id = t.snapshot_id AND r.cascade_id = t.cascade_id AND r.step = t.ordinal AND r.role = 'repaid'
LEFT JOIN moved AS z
    ON z.snapshot_id = t.snapshot_id AND z.cascade_id = t.cascade_id AND z.step = t.ordinal AND z.role = 'seized'
LEFT JOIN moved AS b
    ON b.snapshot_id = t.snapshot_id AND b.cascade_id = t.cascade_id AND b.step = t.ordinal AND b.role = 'bad_debt'
ORDER BY n.wallet, n.scenario, n.cascade_id, t.ordinal
