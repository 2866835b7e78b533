-- name: exposure_by_protocol_chain
-- question: How much is at stake in each protocol on each chain?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per protocol and chain
-- units: USD; held_usd >= 0, owed_usd <= 0; net_usd is their sum with derivatives_usd, the value of perps and options;
--   gross_usd adds absolute values, of perps the notional; gross_share is the part of all rows' gross_usd, 0 to 1;
--   unvalued counts positions without a value, which no sum holds
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, a.protocol, p.chain_id, p.account_id, p.kind, p.value_usd,
           CASE p.kind
               WHEN 'perp' THEN abs(
                   p.size_raw::DOUBLE / pow(10, p.size_decimals)
                   * (p.mark_price_raw::DOUBLE / pow(10, p.price_decimals)) * q.price_usd::DOUBLE
               )
               ELSE abs(p.value_usd)::DOUBLE
           END AS gross_usd
    FROM position AS p
    JOIN chosen AS c ON c.snapshot_id = p.snapshot_id
    JOIN account AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
    LEFT JOIN (SELECT * FROM price SEMI JOIN chosen USING (snapshot_id)) AS q
        ON q.snapshot_id = p.snapshot_id AND q.asset_id = p.asset_id
)
SELECT
    protocol,
    chain_id,
    count(DISTINCT wallet) AS wallets,
    count(DISTINCT account_id) AS accounts,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('holding', 'supply')), 0) AS held_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind = 'debt'), 0) AS owed_usd,
    coalesce(sum(value_usd) FILTER (WHERE kind IN ('perp', 'option')), 0) AS derivatives_usd,
    coalesce(sum(value_usd), 0) AS net_usd,
    coalesce(sum(gross_usd), 0) AS gross_usd,
    coalesce(sum(gross_usd), 0) / nullif(sum(sum(gross_usd)) OVER (), 0) AS gross_share,
    count(*) FILTER (WHERE value_usd IS NULL) AS unvalued,
    min(as_of) AS oldest_as_of,
    bool_or(partial) AS partial
FROM legs
GROUP BY protocol, chain_id
ORDER BY gross_usd DESC, protocol, chain_id
