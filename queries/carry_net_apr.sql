-- name: carry_net_apr
-- question: What does each lending account earn or cost per year at today's rates?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per lending account with a supply or a debt
-- units: USD; supplied_usd >= 0, owed_usd <= 0; rates are simple interest per year as fractions (0.05 is 5%): supply_apr and
--   borrow_apr by value, net_apr on what is left of supplies after debts (NULL: nothing is); interest_usd_year is earned less
--   paid, without rewards; unknown_usd is the value, regardless of sign, of what has no known rate: it is in none
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
accounts AS (
    SELECT c.wallet, a.protocol, a.chain_id, p.account_id, c.as_of, c.partial,
           coalesce(sum(p.value_usd) FILTER (WHERE p.kind = 'supply'), 0) AS supplied_usd,
           coalesce(sum(p.value_usd) FILTER (WHERE p.kind = 'debt'), 0) AS owed_usd,
           sum(p.value_usd) FILTER (WHERE p.kind = 'supply' AND p.apr IS NOT NULL) AS earning_usd,
           sum(p.value_usd) FILTER (WHERE p.kind = 'debt' AND p.apr IS NOT NULL) AS paying_usd,
           sum(p.value_usd::DOUBLE * p.apr) FILTER (WHERE p.kind = 'supply') AS earned_usd,
           sum(p.value_usd::DOUBLE * p.apr) FILTER (WHERE p.kind = 'debt') AS paid_usd,
           coalesce(sum(abs(p.value_usd)) FILTER (WHERE p.apr IS NULL), 0) AS unknown_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    JOIN account AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
    WHERE a.kind = 'lending' AND p.kind IN ('supply', 'debt')
    GROUP BY ALL
)
SELECT
    wallet,
    protocol,
    chain_id,
    account_id,
    supplied_usd,
    owed_usd,
    earned_usd / nullif(earning_usd, 0) AS supply_apr,
    paid_usd / nullif(paying_usd, 0) AS borrow_apr,
    coalesce(earned_usd, 0) + coalesce(paid_usd, 0) AS interest_usd_year,
    CASE WHEN supplied_usd + owed_usd > 0
         THEN (coalesce(earned_usd, 0) + coalesce(paid_usd, 0)) / (supplied_usd + owed_usd) END AS net_apr,
    unknown_usd,
    as_of,
    partial
FROM accounts
ORDER BY interest_usd_year, account_id
