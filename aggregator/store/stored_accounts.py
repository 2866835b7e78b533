"""The rows of accounts and their positions as the objects they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account, Observation, Reported
from aggregator.model.assets import Asset, AssetId
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.rules import Rule
from aggregator.model.units import Address, ChainId
from aggregator.store.account_tables import AccountRow, PositionRow
from aggregator.store.columns import unix

_DERIVATIVE = ("market", "index_asset_id", "underlying", "size_raw", "size_decimals", "price_decimals")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "holding": ("amount_raw",),
    "supply": ("amount_raw", "is_collateral"),
    "debt": ("amount_raw", "rate_mode"),
    "perp": (*_DERIVATIVE, "entry_price_raw", "mark_price_raw", "pnl_raw", "funding_raw"),
    "option": (*_DERIVATIVE, "option_right", "option_style", "strike_raw", "rate"),
}
"""Columns that may be NULL in other kinds of position, but not in this one."""


def accounts_of(
    rows: Iterable[AccountRow], held: Iterable[PositionRow], families: Mapping[str, RuleFamily]
) -> tuple[Account, ...]:
    """The accounts of a snapshot, whose rows are given in their order.

    Raises ValueError where a rule's family is not among `families` or does not accept its data, and where a
    part of a row is missing.
    """
    positions: dict[str, list[Position]] = {}
    for row in held:
        positions.setdefault(row.account_id, []).append(_position(row))
    return tuple(
        Account(
            id=row.account_id,
            protocol=row.protocol,
            kind=cast("Any", row.kind),
            chain=ChainId(row.chain_id),
            label=row.label,
            owner_path=tuple(Address(address) for address in row.owner_path),
            positions=tuple(positions.get(row.account_id, ())),
            rule=_rule(row, families),
            reported=_reported(row),
            debt_is_recourse=row.debt_is_recourse,
            observed=observed(row),
        )
        for row in rows
    )


def _rule(row: AccountRow, families: Mapping[str, RuleFamily]) -> Rule | None:
    if row.rule_family is None or row.rule is None:
        return None
    family = families.get(row.rule_family)
    if family is None:
        raise ValueError(
            f"account {row.account_id} needs the rule family {row.rule_family}: install its adapter"
        )
    return family.load(row.rule)


def _reported(row: AccountRow) -> Reported | None:
    if row.reported_origin is None:
        return None
    return Reported(
        health=row.reported_health_raw,
        liquidatable=row.reported_liquidatable,
        liquidation_price=row.reported_liquidation_price_raw,
        origin=row.reported_origin,
    )


def observed(row: AccountRow) -> Observation | None:
    """Which venue answered for an account; raises ValueError where only a part of that is there."""
    told = (row.observed_at, row.observed_endpoint, row.observed_hash)
    if told == (None, None, None):
        return None
    if row.observed_at is None or row.observed_endpoint is None or row.observed_hash is None:
        raise ValueError(f"account {row.account_id} is of a venue of which a part is missing")
    return Observation(unix(row.observed_at), row.observed_endpoint, row.observed_hash)


def _position(row: PositionRow) -> Position:
    missing = [name for name in _REQUIRED.get(row.kind, ()) if getattr(row, name) is None]
    if missing:
        raise ValueError(f"account {row.account_id} holds a {row.kind} without {', '.join(missing)}")
    # The cast gives columns that are NULL in other kinds the type that they have in this one.
    of: Any = cast("Any", row)
    asset = Asset(AssetId(row.asset_id), row.symbol, row.decimals)
    match row.kind:
        case "holding":
            return Holding(asset, of.amount_raw, row.origin)
        case "supply":
            return Supply(asset, of.amount_raw, of.is_collateral, row.origin, of.apr)
        case "debt":
            return Debt(asset, of.amount_raw, of.rate_mode, row.origin, of.apr)
        case "perp":
            return Perp(
                market=of.market,
                index=AssetId(of.index_asset_id),
                underlying=of.underlying,
                size_raw=of.size_raw,
                size_decimals=of.size_decimals,
                entry_price_raw=of.entry_price_raw,
                mark_price_raw=of.mark_price_raw,
                price_decimals=of.price_decimals,
                pnl_raw=of.pnl_raw,
                funding_raw=of.funding_raw,
                funding_24h_raw=of.funding_24h_raw,
                settlement=asset,
                origin=row.origin,
                borrowing_raw=of.borrowing_raw or 0,
                borrowing_24h_raw=of.borrowing_24h_raw if of.borrowing_raw is not None else 0,
            )
        case "option":
            return Option(
                instrument=of.market,
                index=AssetId(of.index_asset_id),
                underlying=of.underlying,
                right=of.option_right,
                style=_style(row),
                size_raw=of.size_raw,
                size_decimals=of.size_decimals,
                strike_raw=of.strike_raw,
                price_decimals=of.price_decimals,
                expiry=None if of.expiry is None else unix(of.expiry),
                settlement=asset,
                mark_raw=of.mark_price_raw,
                iv=of.iv,
                iv_source=of.iv_source,
                rate=of.rate,
                origin=row.origin,
                delivery=of.option_delivery or "cash",
                multiplier_raw=of.multiplier_raw,
                mark_source=of.mark_source,
            )
        case kind:
            raise ValueError(f"account {row.account_id} holds a position of unknown kind {kind}")


def _style(row: PositionRow) -> Any:
    """A perpetual option is kept as an American one without expiry; a European one without is refused."""
    return "perpetual" if row.expiry is None and row.option_style == "american" else row.option_style
