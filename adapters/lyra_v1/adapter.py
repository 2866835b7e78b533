"""Lyra V1 (Avalon): options on Synthetix spot, shorts with partial collateral.

A short takes three rounds: the wallet's positions and the market's parameters; the series, their settlement
and the spot price; the protocol's own minimum collateral. Without shorts it is two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.lyra_v1.calls import (
    CAN_LIQUIDATE,
    LIVE_BOARDS,
    MARKET_ADDRESSES,
    MIN_COLLATERAL,
    OWNER_POSITIONS,
    SETTLEMENT,
    STRIKE_AND_BOARD,
    HeldPosition,
    Series,
    Settlement,
)
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.market import Market, Spot, read_market, read_spot, read_spot_if_usable
from adapters.lyra_v1.portfolio import Holding, Judgement, Wallet
from aggregator.contract import Deployment, Deployments, Read, RuleFamily, ask, attempt, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.errors import BadConfiguration, ReadError, Unsupported
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.units import Address, scaled

ROLES = (
    "option_market",
    "option_token",
    "greek_cache",
    "synthetix_adapter",
    "quote_asset",
    "base_asset",
    "viewer",
)
VERSION = "avalon"
_ACTIVE = 1
_TYPES = frozenset(OptionType)
_LONGS = frozenset(kind for kind in OptionType if not kind.is_short)


class LyraAdapter:
    """Reads the option positions of a wallet in each configured market."""

    name = "lyra_v1"
    kind: ProtocolKind = "option"

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments: Collection[Deployment] = tuple(deployments)
        self.family: RuleFamily | None = LyraFamily()

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """Every short as its own account, all longs as one; see model and README for expired ones.

        A short that can't be read fails alone, and so do all longs where one of them can't. Strikes that
        nobody answered for fail the read.
        """
        [held], market = yield from both(
            ask([OWNER_POSITIONS.at(deployment.addresses["option_token"], wallet)]), read_market(deployment)
        )
        if not held:
            return (yield from _nothing_held(deployment, market, block))
        found, spot = yield from both(_read_series(deployment, held, block), read_spot(market))
        owner = Wallet(deployment, wallet, market, spot.feed)
        pairs = list(zip(held, found, strict=True))
        longs = [one for position, one in pairs if position.option_type in _LONGS]
        shorts = [(position, one) for position, one in pairs if position.option_type not in _LONGS]
        outcomes = yield from join(
            [
                *(_short(owner, one, spot) for _, one in shorts),
                *([_all_longs(owner, longs)] if longs else []),
            ],
            isolate=True,
        )
        accounts, failures = list[Account](), list[AccountFailure]()
        for outcome, position in zip(outcomes, [*(p for p, _ in shorts), None], strict=False):
            if isinstance(outcome, ReadError):
                failures.append(owner.failure(position, outcome))
            else:
                accounts.append(outcome)
        holdings = [one for one in found if isinstance(one, Holding)]
        warnings = [sentence for one in holdings if (sentence := owner.warning(one))]
        if market.is_paused:
            warnings.append(f"{deployment.name} is paused: nothing can be traded or liquidated there.")
        return Reading(tuple(accounts), spot.quotes, block, tuple(warnings), failures=tuple(failures))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """The market's state; raises Unsupported where the addresses are not of one Avalon market."""
        at = deployment.addresses
        ([listed], [boards]), market = yield from both(
            both(
                ask([MARKET_ADDRESSES.at(at["viewer"], at["option_market"])]),
                ask([LIVE_BOARDS.at(at["option_market"])]),
            ),
            read_market(deployment),
        )
        for role in ("option_market", "option_token", "greek_cache", "quote_asset", "base_asset"):
            if getattr(listed, role) != at[role]:
                raise Unsupported(
                    f"{role} {at[role]} in {deployment.name}",
                    f"its viewer says {getattr(listed, role)}; correct the address",
                )
        spot = yield from read_spot(market)
        price = scaled(spot.feed.price, spot.feed.decimals).normalize()
        state = "paused" if market.is_paused else "open"
        return (
            f"{market.underlying} options against {market.quote.symbol}, {state}",
            f"{len(boards)} live expiries, spot {price:f}",
        )


def _nothing_held(deployment: Deployment, market: Market, block: Block) -> Read[Reading]:
    spot = yield from read_spot_if_usable(market)
    if isinstance(spot, ReadError):
        # Nothing of this wallet depends on the price here.
        return Reading((), (), block, (f"{deployment.name} gives no prices: {spot}",))
    return Reading((), spot.quotes, block)


def _read_series(
    deployment: Deployment, held: Sequence[HeldPosition], block: Block
) -> Read[list[Holding | ReadError]]:
    """Each position with its series, or why that can't be told."""
    market = deployment.addresses["option_market"]
    strikes = list(dict.fromkeys(position.strike_id for position in held))
    series, settlements = yield from both(
        attempt([STRIKE_AND_BOARD.at(market, strike) for strike in strikes]),
        attempt([SETTLEMENT.at(market, strike) for strike in strikes]),
    )
    by_strike = dict(zip(strikes, zip(series, settlements, strict=True), strict=True))
    return [_holding(deployment, position, *by_strike[position.strike_id], block) for position in held]


def _holding(
    deployment: Deployment,
    position: HeldPosition,
    series: Series | ReadError,
    settlement: Settlement | ReadError,
    block: Block,
) -> Holding | ReadError:
    if position.state != _ACTIVE or position.option_type not in _TYPES:
        return Unsupported(
            f"option type {position.option_type} in state {position.state} of {deployment.name}",
            "this release knows Avalon's five types of active positions",
        )
    if isinstance(series, ReadError):
        return series
    if isinstance(settlement, ReadError):
        return settlement
    is_expired = block.timestamp >= series.expiry or settlement.price_at_expiry > 0
    return Holding(OptionType(position.option_type), position, series, settlement, is_expired)


def _short(owner: Wallet, held: Holding | ReadError, spot: Spot) -> Read[Account]:
    """A short's account with the protocol's own word on it."""
    if isinstance(held, ReadError):
        raise held.with_traceback(None)
    if not held.can_be_liquidated:
        return owner.short_account(held, None)
    at, price = owner.deployment.addresses, spot.feed.price
    series, position = held.series, held.position
    least = MIN_COLLATERAL.at(
        at["greek_cache"], held.kind, series.strike, series.expiry, price, position.amount
    )
    flag = CAN_LIQUIDATE.at(at["option_token"], position, series.expiry, series.strike, price)
    [minimum], [flagged] = yield from both(ask([least]), ask([flag]))
    return owner.short_account(held, Judgement(minimum, flagged, least.origin))


def _all_longs(owner: Wallet, longs: Sequence[Holding | ReadError]) -> Read[Account]:
    """One account of all options held; raises the first one's error that can't be told."""
    yield from ()
    known = list[Holding]()
    for one in longs:
        if isinstance(one, ReadError):
            raise one.with_traceback(None)
        known.append(one)
    return owner.long_account(known)


def build(deployments: Deployments) -> LyraAdapter:
    """The adapter; raises BadConfiguration where a deployment lacks an address or isn't Avalon."""
    for entry in deployments.entries:
        missing = [role for role in ROLES if role not in entry.addresses]
        if missing:
            raise BadConfiguration(f"deployment {entry.key}", f"it lacks the address of {', '.join(missing)}")
        version = entry.options.get("version", VERSION)
        if version != VERSION:
            raise BadConfiguration(
                f"deployment {entry.key}",
                f"version {version!r} can't be read: Newport has other structs behind the same selectors, "
                f"and this release reads {VERSION!r} only",
            )
    return LyraAdapter(deployments.entries)
