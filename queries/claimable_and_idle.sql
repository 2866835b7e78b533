-- name: claimable_and_idle
-- question: What lies idle in wallets, backs nothing, or has accrued and could be claimed?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: min_usd number = 0; leave out rows worth less
-- grain: one row per wallet, asset and state: idle (in the wallet itself), not_collateral (supplied, backs no debt),
--   accrued_funding (received by perps, not settled yet); rewards of protocols are not read
-- units: amount_raw exact in 10^-decimals, value_usd in USD at the snapshot's price
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, p.snapshot_id, p.chain_id, p.asset_id, p.symbol, p.decimals,
           CASE p.kind WHEN 'holding' THEN 'idle' WHEN 'supply' THEN 'not_collateral' ELSE 'accrued_funding' END AS state,
           CASE p.kind WHEN 'perp' THEN p.funding_raw ELSE p.amount_raw END AS raw
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    WHERE p.kind = 'holding'
       OR (p.kind = 'supply' AND NOT p.is_collateral)
       OR (p.kind = 'perp' AND p.funding_raw NOT LIKE '-%')
),
summed AS (
    SELECT wallet, chain_id, asset_id, min(symbol) AS symbol, state, sum(raw::BIGNUM)::VARCHAR AS amount_raw,
           any_value(decimals) AS decimals, any_value(snapshot_id) AS snapshot_id, any_value(as_of) AS as_of,
           any_value(partial) AS partial
    FROM legs
    GROUP BY wallet, chain_id, asset_id, state
)
SELECT
    s.wallet,
    s.chain_id,
    s.asset_id,
    s.symbol,
    s.state,
    s.amount_raw,
    s.decimals,
    s.amount_raw::DOUBLE / pow(10, s.decimals) * q.price_usd::DOUBLE AS value_usd,
    s.as_of,
    s.partial
FROM summed AS s
LEFT JOIN price AS q ON q.snapshot_id = s.snapshot_id AND q.asset_id = s.asset_id
WHERE s.amount_raw <> '0' AND (value_usd IS NULL OR value_usd >= $min_usd)
ORDER BY value_usd DESC NULLS LAST, s.wallet, s.asset_id, s.state
