-- name: concentration_hhi
-- question: How concentrated is each wallet: in one underlying, asset, protocol or chain?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- grain: one row per wallet and dimension (underlying, asset, protocol, chain)
-- units: shares are parts of gross_usd (absolute values, of perps the notional), 0 to 1; hhi is the sum of their squares:
--   1 is all in one; effective_parts is 1 / hhi; a position without a value counts nothing, a wallet without value
--   has no row
-- snapshots: latest; the newest complete or partial one of each wallet
WITH chosen AS (
    SELECT l.snapshot_id, l.wallet, l.as_of, s.status = 'partial' AS partial
    FROM latest AS l
    JOIN snapshot AS s ON s.snapshot_id = l.snapshot_id
    WHERE ($wallet IS NULL OR l.wallet = $wallet)
      AND ($group IS NULL OR l.wallet IN (SELECT address FROM wallet_group WHERE group_name = ltrim($group, '@')))
),
legs AS (
    SELECT c.wallet, c.as_of, c.partial, a.protocol, p.chain_id, coalesce(p.index_asset_id, p.asset_id) AS asset_id,
           coalesce(k.underlying, p.underlying, p.asset_id) AS underlying,
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
    LEFT JOIN (SELECT * FROM asset_class SEMI JOIN chosen USING (snapshot_id)) AS k
        ON k.snapshot_id = p.snapshot_id AND k.asset_id = coalesce(p.index_asset_id, p.asset_id)
    LEFT JOIN (SELECT * FROM price SEMI JOIN chosen USING (snapshot_id)) AS q
        ON q.snapshot_id = p.snapshot_id AND q.asset_id = p.asset_id
),
parts AS (
    SELECT l.wallet, l.as_of, l.partial, d.dimension,
           CASE d.dimension
               WHEN 'underlying' THEN l.underlying
               WHEN 'asset' THEN l.asset_id
               WHEN 'protocol' THEN l.protocol
               ELSE l.chain_id::VARCHAR
           END AS part,
           sum(l.gross_usd) AS part_usd
    FROM legs AS l
    CROSS JOIN (VALUES ('underlying'), ('asset'), ('protocol'), ('chain')) AS d(dimension)
    GROUP BY ALL
    HAVING sum(l.gross_usd) > 0
),
shares AS (
    SELECT *, part_usd / sum(part_usd) OVER (PARTITION BY wallet, dimension) AS share
    FROM parts
)
SELECT
    wallet,
    dimension,
    sum(share * share) AS hhi,
    1 / sum(share * share) AS effective_parts,
    count(*) AS parts,
    arg_min(part, (-share, part)) AS largest,
    max(share) AS largest_share,
    sum(part_usd) AS gross_usd,
    any_value(as_of) AS as_of,
    any_value(partial) AS partial
FROM shares
GROUP BY wallet, dimension
ORDER BY wallet, hhi DESC, dimension
