"""The positions of an account once something is added, taken away or closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import TypeGuard, assert_never

from aggregator.model.accounts import Account
from aggregator.model.actions import Settled
from aggregator.model.assets import Asset, AssetId
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply

ORIGIN = "what if"
"""Of positions that nobody has read."""


def perp_closed(perp: Perp, share: Fraction) -> tuple[Perp, int]:
    """What is left of a perp, and what the closed part has gained, funding and borrowing included."""

    def kept(raw: int) -> int:
        return raw - int(raw * share)

    def kept_or_unknown(raw: int | None) -> int | None:
        return None if raw is None else kept(raw)

    rest = replace(
        perp,
        size_raw=kept(perp.size_raw),
        pnl_raw=kept(perp.pnl_raw),
        funding_raw=kept(perp.funding_raw),
        borrowing_raw=kept(perp.borrowing_raw),
        funding_24h_raw=kept_or_unknown(perp.funding_24h_raw),
        borrowing_24h_raw=kept_or_unknown(perp.borrowing_24h_raw),
    )
    before = perp.pnl_raw + perp.funding_raw + perp.borrowing_raw
    return rest, before - rest.pnl_raw - rest.funding_raw - rest.borrowing_raw


def total(account: Account, kind: type[Supply] | type[Debt], asset: AssetId) -> int:
    """What an account has supplied, or owes, of an asset."""
    return sum(p.raw for p in account.positions if isinstance(p, kind) and p.asset.id == asset)


def with_supply(account: Account, asset: Asset, raw: int) -> tuple[Position, ...]:
    """The positions with so much of an asset supplied."""
    return _with_total(
        account,
        lambda p: isinstance(p, Supply),
        asset,
        raw,
        Supply(asset, raw, True, ORIGIN),  # noqa: FBT003
    )


def as_collateral(account: Account, asset: AssetId) -> int:
    """What an account has supplied of an asset as collateral."""
    return sum(p.raw for p in account.positions if _is_collateral(p) and p.asset.id == asset)


def with_collateral(account: Account, asset: Asset, raw: int) -> tuple[Position, ...]:
    """The positions with so much of an asset as collateral; what is lent of it beside that stays."""
    made = Supply(asset, raw, True, ORIGIN)  # noqa: FBT003
    return _with_total(account, _is_collateral, asset, raw, made)


def with_debt(account: Account, asset: Asset, raw: int) -> tuple[Position, ...]:
    """The positions with so much of an asset owed: what is repaid is the variable debt first."""
    fixed = sum(
        p.raw
        for p in account.positions
        if isinstance(p, Debt) and p.rate_mode == "stable" and p.asset.id == asset.id
    )
    variable = max(raw - fixed, 0)
    kept = _with_total(
        account,
        lambda p: isinstance(p, Debt) and p.rate_mode == "variable",
        asset,
        variable,
        Debt(asset, variable, "variable", ORIGIN),
    )
    return _with_total(
        replace(account, positions=kept),
        lambda p: isinstance(p, Debt) and p.rate_mode == "stable",
        asset,
        raw - variable,
        Debt(asset, raw - variable, "stable", ORIGIN),
    )


def with_margin(account: Account, asset: Asset, gained: int) -> tuple[Position, ...]:
    """The positions once a gain has become margin, or a loss has been taken from it."""
    left = total(account, Supply, asset.id) + gained
    positions = with_supply(account, asset, max(left, 0))
    return positions if left >= 0 else (*positions, Debt(asset, -left, "variable", ORIGIN))


def with_settled(account: Account, done: Settled) -> tuple[Position, ...]:
    """The positions once the venue has made profit and funding of the account's perp margin."""
    return tuple(
        replace(
            position,
            entry_price_raw=done.entry_price_raw,
            pnl_raw=done.pnl_raw,
            funding_raw=done.funding_raw,
        )
        if isinstance(position, Perp)
        else position
        for position in account.positions
    )


def _is_collateral(position: Position) -> TypeGuard[Supply]:
    return isinstance(position, Supply) and position.is_collateral


def _with_total(
    account: Account, ours: Callable[[Position], bool], asset: Asset, raw: int, made: Supply | Debt
) -> tuple[Position, ...]:
    """The positions with one of these kind and asset that is `raw`; a new one where there is none."""
    result: list[Position] = []
    done = raw == 0
    for position in account.positions:
        if not (ours(position) and isinstance(position, Supply | Debt) and position.asset.id == asset.id):
            result.append(position)
        elif not done:
            result.append(replace(position, raw=raw))
            done = True
    return tuple(result if done else [*result, made])


def is_called(position: Position, name: str) -> bool:
    """Whether a position is what somebody calls so: a symbol, a market, an instrument or an underlying."""
    match position:
        case Holding() | Supply() | Debt():
            names = {position.asset.symbol, str(position.asset.id)}
        case Perp():
            names = {position.market, position.underlying}
        case Option():
            names = {position.instrument, position.underlying}
        case _:
            assert_never(position)
    return name.casefold() in {one.casefold() for one in names}
