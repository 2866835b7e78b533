-- name: option_greeks_by_underlying
-- question: How do the options react to price, volatility, time and interest?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per underlying of an option
-- units: held and written count positions; delta and gamma in units of the underlying and in USD, gamma and gamma_usd per
--   +1%, vega_usd per +1 point of volatility, theta_usd per day, rho_usd per +1 basis point; option_delta_units is NULL
--   where a snapshot is of a release that kept no Greeks of positions; delta_units counts spot and perps too
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
options AS (
    SELECT c.wallet, c.as_of, c.partial, p.snapshot_id, coalesce(k.underlying, p.underlying) AS underlying,
           p.size_raw, p.expiry, g.delta_units
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    LEFT JOIN asset_class AS k ON k.snapshot_id = p.snapshot_id AND k.asset_id = p.index_asset_id
    LEFT JOIN position_greek AS g
        ON g.snapshot_id = p.snapshot_id AND g.account_id = p.account_id AND g.position_ordinal = p.ordinal
        AND g.underlying = coalesce(k.underlying, p.underlying)
    WHERE p.kind = 'option'
),
detailed AS (
    SELECT DISTINCT g.snapshot_id
    FROM position_greek AS g
    JOIN chosen AS c ON c.snapshot_id = g.snapshot_id
),
counted AS (
    SELECT o.underlying,
           count(DISTINCT o.wallet) AS wallets,
           count(*) FILTER (WHERE o.size_raw NOT LIKE '-%') AS held,
           count(*) FILTER (WHERE o.size_raw LIKE '-%') AS written,
           min(o.expiry) AS next_expiry,
           CASE WHEN bool_and(d.snapshot_id IS NOT NULL) THEN coalesce(sum(o.delta_units), 0) END AS option_delta_units,
           min(o.as_of) AS oldest_as_of,
           bool_or(o.partial) AS partial
    FROM options AS o
    LEFT JOIN detailed AS d ON d.snapshot_id = o.snapshot_id
    GROUP BY o.underlying
),
summed AS (
    SELECT g.underlying, sum(g.delta_units) AS delta_units, sum(g.gamma_units) AS gamma_units,
           sum(g.gamma_usd) AS gamma_usd, sum(g.vega_usd) AS vega_usd, sum(g.theta_usd) AS theta_usd,
           sum(g.rho_usd) AS rho_usd
    FROM greek AS g
    JOIN chosen AS c ON c.snapshot_id = g.snapshot_id
    GROUP BY g.underlying
)
SELECT
    counted.underlying,
    counted.wallets,
    counted.held,
    counted.written,
    counted.next_expiry,
    counted.option_delta_units,
    summed.delta_units,
    summed.gamma_units,
    summed.gamma_usd,
    summed.vega_usd,
    summed.theta_usd,
    summed.rho_usd,
    counted.oldest_as_of,
    counted.partial
FROM counted
LEFT JOIN summed ON summed.underlying = counted.underlying
ORDER BY abs(summed.vega_usd) DESC NULLS LAST, counted.underlying
