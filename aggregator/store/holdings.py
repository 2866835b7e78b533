"""Positions of the latest snapshots of any number of wallets as columns: SQL does the arithmetic, in floats.

Nothing is made of a wallet of which a row can't be valued: it is named with the reason, and has no positions
here. Exact figures of one wallet come from `loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from aggregator.model.assets import AssetId, TokenList
from aggregator.risk.columns import OptionColumns, PerpColumns, PositionColumns, SpotColumns
from aggregator.risk.factors import Factor
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import ScenarioSet

_CHOSEN = """
WITH chosen AS (
    SELECT wallet, snapshot_id, as_of, row_number() OVER (ORDER BY wallet) - 1 AS number
    FROM latest
    WHERE $group IS NULL OR wallet IN (SELECT address FROM wallet_group WHERE group_name = $group)
), silo AS (
    SELECT a.*, c.number AS wallet, row_number() OVER (ORDER BY c.number, a.ordinal) - 1 AS number,
           epoch_us(coalesce(a.observed_at, b.block_time)) // 1000000 AS time,
           b.chain_id IS NULL AS is_nowhere
    FROM account AS a
    JOIN chosen AS c USING (snapshot_id)
    LEFT JOIN snapshot_block AS b ON b.snapshot_id = a.snapshot_id AND b.chain_id = a.chain_id
)
"""

_WALLETS = f"""{_CHOSEN}
SELECT c.wallet, c.snapshot_id, c.as_of, s.status = 'partial' AS is_partial,
       r.scan_requirement_usd + r.add_on_usd AS requirement_then_usd
FROM chosen AS c
JOIN snapshot AS s USING (snapshot_id)
LEFT JOIN risk_result AS r USING (snapshot_id)
ORDER BY c.number
"""  # noqa: S608  # our own text

_ACCOUNTS = (
    f"{_CHOSEN} SELECT wallet, account_id, time, protocol, chain_id, is_nowhere FROM silo ORDER BY number"  # noqa: S608
)

# Of one kind each; in the other columns it is NULL. A figure that can't be worked out is NULL too.
_POSITIONS = f"""{_CHOSEN}, legs AS (
    SELECT c.number AS wallet, a.number AS account, p.ordinal AS place, p.account_id, p.kind, p.asset_id,
           p.index_asset_id, p.option_right, p.option_style, p.expiry, p.iv, p.rate,
           nullif(TRY_CAST(q.price_raw AS DOUBLE), 0) / pow(10, q.decimals) AS settlement_usd,
           nullif(TRY_CAST(i.price_raw AS DOUBLE), 0) / pow(10, i.decimals) AS index_usd,
           pow(10, p.decimals) AS unit, pow(10, p.size_decimals) AS size_unit,
           pow(10, p.price_decimals) AS price_unit,
           TRY_CAST(p.amount_raw AS DOUBLE) AS amount, TRY_CAST(p.size_raw AS DOUBLE) AS size,
           TRY_CAST(p.mark_price_raw AS DOUBLE) AS mark, TRY_CAST(p.strike_raw AS DOUBLE) AS strike,
           TRY_CAST(p.pnl_raw AS DOUBLE) AS pnl, TRY_CAST(p.funding_raw AS DOUBLE) AS funding,
           coalesce(TRY_CAST(p.borrowing_raw AS DOUBLE), 0) AS borrowing,
           TRY_CAST(p.funding_24h_raw AS DOUBLE) AS funding_24h,
           if(p.borrowing_raw IS NULL, 0, TRY_CAST(p.borrowing_24h_raw AS DOUBLE)) AS borrowing_24h
    FROM position AS p
    JOIN chosen AS c USING (snapshot_id)
    LEFT JOIN silo AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
    LEFT JOIN price AS q ON q.snapshot_id = p.snapshot_id AND q.asset_id = p.asset_id
    LEFT JOIN price AS i ON i.snapshot_id = p.snapshot_id AND i.asset_id = p.index_asset_id
), figures AS (
    SELECT *,
           CASE kind WHEN 'perp' THEN 1 WHEN 'option' THEN 2 ELSE 0 END AS type,
           if(kind = 'debt', -1, 1) * amount / unit * settlement_usd AS value_usd,
           size / size_unit * (mark / price_unit) * settlement_usd AS notional_usd,
           (pnl + funding + borrowing) / unit * settlement_usd AS cash_usd,
           funding_24h / unit * settlement_usd AS funding_usd,
           borrowing_24h / unit * settlement_usd AS borrowing_usd,
           CASE option_right WHEN 'call' THEN 1.0 WHEN 'put' THEN -1.0 END AS sign,
           option_style = 'american' AND expiry IS NOT NULL AS is_american,
           strike / price_unit AS strike_price, (epoch_us(expiry) // 1000000)::DOUBLE AS expires,
           mark / price_unit AS mark_price, size / size_unit AS quantity
    FROM legs
)
SELECT wallet, account, place, account_id, asset_id, type,
       coalesce(index_asset_id, asset_id) AS index_asset_id, index_usd, settlement_usd, value_usd,
       notional_usd, cash_usd, funding_usd, borrowing_usd, sign, is_american, strike_price AS strike,
       expires AS expiry, iv, rate, mark_price AS mark, quantity,
       CASE
           WHEN account IS NULL THEN 'it belongs to no account'
           WHEN settlement_usd IS NULL THEN 'there is no price of ' || asset_id
           WHEN type = 0 AND value_usd IS NULL THEN 'its amount is missing'
           WHEN type > 0 AND index_asset_id IS NULL THEN 'its index is missing'
           WHEN type = 1 AND (notional_usd IS NULL OR cash_usd IS NULL)
           THEN 'its size, mark, profit or funding is missing'
           WHEN type = 2 AND index_usd IS NULL THEN 'there is no price of ' || index_asset_id
           WHEN type = 2 AND (sign IS NULL OR strike IS NULL OR quantity IS NULL OR rate IS NULL)
           THEN 'its right, strike, size or rate is missing'
           WHEN type = 2 AND (option_style IS NULL OR option_style = 'european' AND expiry IS NULL)
           THEN 'its style or expiry is missing'
       END AS why
FROM figures
ORDER BY account, place
"""  # noqa: S608  # our own text


@dataclass(frozen=True, slots=True)
class LatestWallet:
    """The latest snapshot of a wallet; `why` it can't be valued, None where it can.

    `requirement_then_usd`: scan requirement and add-ons as they were saved; None where there are none.
    """

    wallet: str
    snapshot_id: str
    as_of: datetime
    is_partial: bool
    requirement_then_usd: float | None
    why: str | None


@dataclass(frozen=True, eq=False, slots=True)
class LatestPositions:
    """Positions of wallets in the order of their addresses.

    `protocol` (accounts,) is the position of each account's in `protocols`; `factors` is what
    columns refer to.
    """

    wallets: tuple[LatestWallet, ...]
    protocols: tuple[str, ...]
    protocol: NDArray[np.intp]
    columns: PositionColumns
    factors: tuple[Factor, ...]


def latest_positions(
    connection: sa.Connection, scenarios: ScenarioSet, tokens: TokenList, group: str | None = None
) -> LatestPositions:
    """What each wallet's latest complete or partial snapshot holds, by these scenarios and tokens.

    `group`: only its wallets. Raises what DuckDB raises.
    """
    wallets, accounts, positions = (
        _table(connection, sql, {"group": group}) for sql in (_WALLETS, _ACCOUNTS, _POSITIONS)
    )
    why = _faults(accounts, positions)
    positions = positions.filter(pa.array(~np.isin(_array(positions, "wallet"), list(why))))
    columns, factors = _columns(wallets.num_rows, accounts, positions, scenarios, tokens)
    protocols, protocol = _coded(accounts["protocol"])
    return LatestPositions(
        wallets=tuple(LatestWallet(**row, why=why.get(at)) for at, row in enumerate(wallets.to_pylist())),
        protocols=protocols,
        protocol=protocol,
        columns=columns,
        factors=factors,
    )


def _table(connection: sa.Connection, sql: str, values: Mapping[str, object]) -> pa.Table:
    driver: Any = connection.connection.driver_connection
    return driver.sql(sql, params=dict(values)).to_arrow_table()


def _array(table: pa.Table, name: str) -> NDArray[Any]:
    """A column; NULL is NaN."""
    return np.asarray(table[name].to_numpy())


def _coded(texts: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The distinct texts, and which of them each is."""
    coded = pa.chunked_array(texts.chunks, pa.string()).combine_chunks().dictionary_encode()
    return tuple(coded.dictionary.to_pylist()), np.asarray(coded.indices).astype(np.intp)


def _faults(accounts: pa.Table, positions: pa.Table) -> dict[int, str]:
    """Why a wallet, by its position, can't be valued: the first reason of each."""
    found: dict[int, str] = {}
    bad = positions.filter(positions["why"].is_valid())
    for row in bad.select(["wallet", "account_id", "place", "why"]).to_pylist():
        found.setdefault(row["wallet"], f"position {row['place']} of {row['account_id']}: {row['why']}")
    for row in accounts.filter(accounts["is_nowhere"]).to_pylist():
        found.setdefault(row["wallet"], f"chain {row['chain_id']} of an account has no block")
    # Keys that nothing but a user's own SQL can break; a figure would count twice.
    for table, keys in ((accounts, ["wallet", "account_id"]), (positions, ["wallet", "account_id", "place"])):
        counts = table.group_by(keys).aggregate([([], "count_all")])
        for row in counts.filter(pc.greater(counts["count_all"], 1)).to_pylist():
            found.setdefault(row["wallet"], f"there are two rows of {row['account_id']}, or of a price of it")
    return found


def _columns(
    count: int, accounts: pa.Table, positions: pa.Table, scenarios: ScenarioSet, tokens: TokenList
) -> tuple[PositionColumns, tuple[Factor, ...]]:
    """The columns of `count` wallets, and the factors that they refer to."""
    names = ("asset_id", "index_asset_id")
    ids = pa.chunked_array([chunk for name in names for chunk in positions[name].chunks], pa.string())
    texts, numbers = _coded(ids)
    assets, (payment, price) = [AssetId(text) for text in texts], numbers.reshape(2, -1)
    numbering = Numbering(scenarios, {asset: tokens.classify(asset) for asset in assets})
    factor = np.array([numbering.number(numbering.of(asset)) for asset in assets], dtype=np.intp)
    kind = _array(positions, "type")
    pairs, which = np.unique(
        np.stack([price, payment], axis=1)[kind == 1], axis=0, return_inverse=True
    )  # of perps
    paid = [numbering.number(numbering.paid_in(assets[i], assets[j])) for i, j in pairs.tolist()]
    price_factor = factor[price]
    price_factor[kind == 1] = np.array(paid, dtype=np.intp)[which.ravel()]
    every = {"factor": factor[payment], "payment_factor": factor[payment], "price_factor": price_factor}

    def of(number: int, columns: type[Any]) -> Any:
        chosen = kind == number
        return columns(
            **{
                name: (every[name] if name in every else _array(positions, name).astype(_dtype(name)))[chosen]
                for name in columns.__dataclass_fields__
            }
        )

    wallet = _array(accounts, "wallet")
    columns = PositionColumns(
        account_start=np.searchsorted(wallet, np.arange(count + 1)).astype(np.intp),
        time=np.nan_to_num(_array(accounts, "time")).astype(np.int64),
        spot=of(0, SpotColumns),
        perp=of(1, PerpColumns),
        option=of(2, OptionColumns),
    )
    return columns, numbering.factors


def _dtype(name: str) -> type[np.generic]:
    kinds: dict[str, type[np.generic]] = {"account": np.intp, "place": np.intp, "is_american": np.bool_}
    return kinds.get(name, np.float64)
