-- name: siloed_vs_unified_requirement
-- question: How much less margin would each wallet need if its accounts could share it?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per wallet
-- units: USD; siloed_usd is the sum of what the framework requires of each account alone, unified_usd of the whole;
--   saved_share is the part of siloed_usd that netting saves, 0 to 1, NULL where nothing is required; native_headroom_usd is
--   N - Q as the protocols count it; equity_usd - unified_usd is excess_usd
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
    r.equity_usd,
    r.isolated_requirement_usd AS siloed_usd,
    r.requirement_usd AS unified_usd,
    r.isolated_requirement_usd - r.requirement_usd AS saved_usd,
    CASE
        WHEN r.isolated_requirement_usd > 0
        THEN greatest(0, least(1, 1 - r.requirement_usd / r.isolated_requirement_usd))
    END AS saved_share,
    r.native_headroom_usd,
    r.common_haircuts_usd,
    r.excess_usd,
    c.as_of,
    c.partial
FROM risk_result AS r
JOIN chosen AS c ON c.snapshot_id = r.snapshot_id
ORDER BY saved_usd DESC, c.wallet
