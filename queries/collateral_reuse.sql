-- name: collateral_reuse
-- question: How much collateral of one account can only have been borrowed in another account of the wallet?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per wallet and underlying that is both collateral and owed
-- units: USD, all >= 0; looped_usd is what accounts owe and hold of the underlying themselves, reused_usd what only matches
--   between accounts: the collateral is gone where the debt is called; reused_share is its part of collateral_usd, 0 to 1
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, p.snapshot_id, p.account_id, coalesce(k.underlying, p.asset_id) AS underlying,
           coalesce(sum(p.value_usd) FILTER (WHERE p.kind = 'supply'), 0) AS supplied_usd,
           coalesce(-sum(p.value_usd) FILTER (WHERE p.kind = 'debt'), 0) AS owed_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    LEFT JOIN asset_class AS k ON k.snapshot_id = p.snapshot_id AND k.asset_id = p.asset_id
    WHERE p.kind = 'debt' OR (p.kind = 'supply' AND p.is_collateral)
    GROUP BY ALL
),
wholes AS (
    SELECT wallet, any_value(as_of) AS as_of, any_value(partial) AS partial, underlying,
           count(DISTINCT account_id) AS accounts,
           sum(supplied_usd) AS collateral_usd,
           sum(owed_usd) AS owed_usd,
           sum(least(supplied_usd, owed_usd)) AS looped_usd
    FROM legs
    GROUP BY wallet, underlying
)
SELECT
    wallet,
    underlying,
    accounts,
    collateral_usd,
    owed_usd,
    looped_usd,
    least(collateral_usd, owed_usd) - looped_usd AS reused_usd,
    (least(collateral_usd, owed_usd) - looped_usd) / collateral_usd AS reused_share,
    as_of,
    partial
FROM wholes
WHERE collateral_usd > 0 AND owed_usd > 0
ORDER BY reused_usd DESC, wallet, underlying
