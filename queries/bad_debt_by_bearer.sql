-- name: bad_debt_by_bearer
-- question: Who would bear the bad debt that liquidations leave?
-- parameter: wallet address = NULL; only this wallet
-- parameter: group text = NULL; only the wallets of this group
-- parameter: scenario text = NULL; only cascades that begin with this scenario
-- grain: one row per cascade and bearer; a cascade without bad debt has none
-- units: USD, exact to 8 digits; liquidations that it bears a part of; share of the cascade's bad debt; own_share_usd is the wallet's
--   part of all of it, by its supplies; converged false: there may be more
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
)
SELECT
    n.wallet,
    n.scenario,
    n.cascade_id,
    l.bearer,
    count(DISTINCT l.step) AS liquidations,
    sum(l.loss_usd) AS loss_usd,
    CASE WHEN n.bad_debt_usd > 0 THEN sum(l.loss_usd)::DOUBLE / n.bad_debt_usd::DOUBLE END AS share,
    n.own_share_usd,
    n.converged,
    n.as_of,
    n.partial
FROM cascade_loss AS l
JOIN newest AS n ON n.snapshot_id = l.snapshot_id AND n.cascade_id = l.cascade_id
GROUP BY n.wallet, n.scenario, n.cascade_id, l.bearer, n.bad_debt_usd, n.own_share_usd, n.converged, n.as_of, n.partial
ORDER BY n.wallet, n.scenario, n.cascade_id, sum(l.loss_usd) DESC, l.bearer
