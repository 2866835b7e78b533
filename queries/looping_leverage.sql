-- name: looping_leverage
-- question: Which accounts borrow what they supply, and how far are they levered?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per account and underlying that it both supplies as collateral and owes
-- units: USD, all >= 0; looped_usd is the lesser of both; looped_share is its part of supplied_usd, 0 to 1; account_leverage
--   is the account's collateral over its collateral less its debts, of all underlyings: 1 is no debt, NULL is nothing left
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
accounts AS (
    SELECT *,
           sum(supplied_usd) OVER account AS assets_usd,
           sum(supplied_usd - owed_usd) OVER account AS equity_usd
    FROM legs
    WINDOW account AS (PARTITION BY snapshot_id, account_id)
)
SELECT
    l.wallet,
    a.protocol,
    a.chain_id,
    l.account_id,
    l.underlying,
    l.supplied_usd,
    l.owed_usd,
    least(l.supplied_usd, l.owed_usd) AS looped_usd,
    least(l.supplied_usd, l.owed_usd) / l.supplied_usd AS looped_share,
    CASE WHEN l.equity_usd > 0 THEN l.assets_usd / l.equity_usd END AS account_leverage,
    l.as_of,
    l.partial
FROM accounts AS l
JOIN account AS a ON a.snapshot_id = l.snapshot_id AND a.account_id = l.account_id
WHERE l.supplied_usd > 0 AND l.owed_usd > 0
ORDER BY looped_usd DESC, l.account_id, l.underlying
