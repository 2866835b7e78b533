"""What changed between two snapshots of a wallet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from aggregator.app.snapshots import stored
from aggregator.model.assets import AssetId
from aggregator.model.errors import BadConfiguration
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Quote
from aggregator.model.results import AccountRisk
from aggregator.model.units import EXACT, scaled
from aggregator.pricing.values import value_usd
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import StoredSnapshot

Key: TypeAlias = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A position on one side: whole units (debts and shorts negative) and USD, None where it has no mark."""

    amount: Decimal
    value_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class PositionChange:
    """A position that is new (`before` None), gone (`after` None), or of another amount or value.

    `name` is a symbol, market or instrument: untrusted text.
    """

    account_id: str
    account: str
    kind: str
    name: str
    before: Held | None
    after: Held | None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """An account that is new, gone, or of another health or equity."""

    account_id: str
    account: str
    before: AccountRisk | None
    after: AccountRisk | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two snapshots of one wallet, and every account and position in which they differ."""

    before: StoredSnapshot
    after: StoredSnapshot
    accounts: tuple[AccountChange, ...]
    positions: tuple[PositionChange, ...]


def diff(first: str, second: str, config: Settings) -> Difference:
    """What changed from one kept snapshot to another of the same wallet.

    Raises StoreError where one is not there, BadConfiguration where they are of two wallets.
    """
    before, after = stored(first, config), stored(second, config)
    if before.summary.wallet != after.summary.wallet:
        told = f"is of {after.summary.wallet}, and {first} of {before.summary.wallet}"
        raise BadConfiguration(f"snapshot {second}", told)
    return Difference(before, after, tuple(_accounts(before, after)), tuple(_positions(before, after)))


def _accounts(before: StoredSnapshot, after: StoredSnapshot) -> Iterable[AccountChange]:
    labels = {a.id: a.label for side in (before, after) for a in side.portfolio.accounts}
    was = {risk.account_id: risk for risk in before.result.accounts}
    now = {risk.account_id: risk for risk in after.result.accounts}
    for account_id in dict.fromkeys([*was, *now]):
        if was.get(account_id) != now.get(account_id):
            yield AccountChange(account_id, labels[account_id], was.get(account_id), now.get(account_id))


def _positions(before: StoredSnapshot, after: StoredSnapshot) -> Iterable[PositionChange]:
    was, now = _held(before), _held(after)
    for key in dict.fromkeys([*was, *now]):
        side = now if key in now else was
        account, name = side[key].account, side[key].name
        old = was[key].held if key in was else None
        new = now[key].held if key in now else None
        if old != new:
            yield PositionChange(key[0], account, key[1], name, old, new)


@dataclass(frozen=True, slots=True)
class _Named:
    account: str
    name: str
    held: Held


def _held(snapshot: StoredSnapshot) -> Mapping[Key, _Named]:
    """Positions by what identifies them; equal ones of an account are numbered in their order."""
    marks = snapshot.portfolio.marks
    found: dict[Key, _Named] = {}
    for account in snapshot.portfolio.accounts:
        for position in account.positions:
            kind, name, identity, part = _identity(position)
            number = 0
            while (key := (account.id, kind, identity, part, number)) in found:
                number += 1
            found[key] = _Named(account.label, name, _amount(position, marks))
    return found


def _identity(position: Position) -> tuple[str, str, str, str]:
    """Kind, name for people, identity in the account, and what tells two of one identity apart."""
    match position:
        case Holding(asset=asset):
            return "holding", asset.symbol, asset.id, ""
        case Supply(asset=asset, is_collateral=is_collateral):
            return "supply", asset.symbol, asset.id, "collateral" if is_collateral else ""
        case Debt(asset=asset, rate_mode=rate_mode):
            return "debt", asset.symbol, asset.id, rate_mode
        case Perp(market=market):
            return "perp", market, market, ""
        case Option(instrument=instrument):
            return "option", instrument, instrument, "long" if position.size_raw > 0 else "short"


def _amount(position: Position, marks: Mapping[AssetId, Quote]) -> Held:
    match position:
        case Debt(asset=asset, raw=raw):
            amount = EXACT.minus(scaled(raw, asset.decimals))
        case Holding(asset=asset, raw=raw) | Supply(asset=asset, raw=raw):
            amount = scaled(raw, asset.decimals)
        case Perp() | Option():
            amount = scaled(position.size_raw, position.size_decimals)
    return Held(amount, value_usd(position, marks))
