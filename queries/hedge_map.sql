-- name: hedge_map
-- question: Which accounts of a wallet hedge each other, and how much of the exposure cancels out?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: underlying text = NULL; only this underlying, such as ETH
-- grain: one row per wallet, underlying and account; account_id is NULL where the snapshot is of a release that kept no
--   Greeks of positions: only the wallet's whole is known then
-- units: USD of delta at today's prices, options included; long_usd >= 0, short_usd <= 0 and exposure_usd are the
--   account's, wallet_exposure_usd the wallet's; hedged_share is the part of the wallet's long and short exposure that
--   cancels out, 0 to 1
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
parts AS (
    SELECT g.snapshot_id, g.underlying, g.account_id,
           100 * sum(greatest(g.delta_usd, 0)) AS long_usd,
           100 * sum(least(g.delta_usd, 0)) AS short_usd
    FROM position_greek AS g
    JOIN chosen AS c ON c.snapshot_id = g.snapshot_id
    WHERE $underlying IS NULL OR g.underlying = $underlying
    GROUP BY g.snapshot_id, g.underlying, g.account_id
),
wholes AS (
    SELECT g.snapshot_id, g.underlying, 100 * g.delta_usd AS exposure_usd
    FROM greek AS g
    JOIN chosen AS c ON c.snapshot_id = g.snapshot_id
    WHERE $underlying IS NULL OR g.underlying = $underlying
)
SELECT
    c.wallet,
    coalesce(w.underlying, p.underlying) AS underlying,
    a.protocol,
    a.chain_id,
    p.account_id,
    p.long_usd,
    p.short_usd,
    p.long_usd + p.short_usd AS exposure_usd,
    coalesce(w.exposure_usd, 0) AS wallet_exposure_usd,
    2 * least(sum(p.long_usd) OVER whole, abs(sum(p.short_usd) OVER whole))
        / nullif(sum(p.long_usd - p.short_usd) OVER whole, 0) AS hedged_share,
    c.snapshot_id,
    c.as_of,
    c.partial
FROM wholes AS w
-- What cancels out exactly has no row in greek.
FULL JOIN parts AS p ON p.snapshot_id = w.snapshot_id AND p.underlying = w.underlying
JOIN chosen AS c ON c.snapshot_id = coalesce(w.snapshot_id, p.snapshot_id)
LEFT JOIN account AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
WINDOW whole AS (PARTITION BY c.snapshot_id, coalesce(w.underlying, p.underlying))
ORDER BY c.wallet, 2, 8 DESC NULLS LAST, p.account_id
