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
)
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.market import Market, Spot, read_market, read_spot, read_spot_if_usable
from adapters.lyra_v1.portfolio import Holding, Judgement, Wallet
from aggregator.contract import Deployment, Deployments, Read, RuleFamily, ask, both
from aggregator.model.accounts import ProtocolKind
from aggregator.model.errors import BadConfiguration, ReadError, Unsupported
from aggregator.model.readings import Block, Reading
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


class LyraAdapter:
    """Reads the option positions of a wallet in each configured market."""

    name = "lyra_v1"
    kind: ProtocolKind = "option"

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments: Collection[Deployment] = tuple(deployments)
        self.family: RuleFamily | None = LyraFamily()

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """Every short as its own account, all longs as one; see model and README for expired ones."""
        [held], market = yield from both(
            ask([OWNER_POSITIONS.at(deployment.addresses["option_token"], wallet)]), read_market(deployment)
        )
        if not held:
            return (yield from _nothing_held(deployment, market, block))
        holdings, spot = yield from both(_read_series(deployment, held, block), read_spot(market))
        shorts = [one for one in holdings if one.can_be_liquidated]
        judgements = yield from _read_judgements(deployment, shorts, spot)
        owner = Wallet(deployment, wallet, market, spot.feed)
        accounts = [
            owner.short_account(one, judgements.get(one.position.position_id))
            for one in holdings
            if one.kind.is_short
        ]
        longs = [one for one in holdings if not one.kind.is_short]
        if longs:
            accounts.append(owner.long_account(longs))
        warnings = [sentence for one in holdings if (sentence := owner.warning(one))]
        if market.is_paused:
            warnings.append(f"{deployment.name} is paused: nothing can be traded or liquidated there.")
        return Reading(tuple(accounts), spot.quotes, block, tuple(warnings))

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


def _read_series(deployment: Deployment, held: Sequence[HeldPosition], block: Block) -> Read[list[Holding]]:
    market = deployment.addresses["option_market"]
    strikes = list(dict.fromkeys(position.strike_id for position in held))
    series, settlements = yield from both(
        ask([STRIKE_AND_BOARD.at(market, strike) for strike in strikes]),
        ask([SETTLEMENT.at(market, strike) for strike in strikes]),
    )
    by_strike = dict(zip(strikes, zip(series, settlements, strict=True), strict=True))
    holdings = []
    for position in held:
        if position.state != _ACTIVE or position.option_type not in _TYPES:
            raise Unsupported(
                f"option type {position.option_type} in state {position.state} of {deployment.name}",
                "this release knows Avalon's five types of active positions",
            )
        of, settlement = by_strike[position.strike_id]
        is_expired = block.timestamp >= of.expiry or settlement.price_at_expiry > 0
        kind = OptionType(position.option_type)
        holdings.append(Holding(kind, position, of, settlement, is_expired))
    return holdings


def _read_judgements(
    deployment: Deployment, shorts: Sequence[Holding], spot: Spot
) -> Read[dict[int, Judgement]]:
    """The protocol's own word on shorts, by position id."""
    cache, token = deployment.addresses["greek_cache"], deployment.addresses["option_token"]
    price = spot.feed.price
    asked = [
        MIN_COLLATERAL.at(cache, one.kind, one.series.strike, one.series.expiry, price, one.position.amount)
        for one in shorts
    ]
    flagged = [
        CAN_LIQUIDATE.at(token, one.position, one.series.expiry, one.series.strike, price) for one in shorts
    ]
    least, flags = yield from both(ask(asked), ask(flagged))
    return {
        one.position.position_id: Judgement(minimum, flag, call.origin)
        for one, minimum, flag, call in zip(shorts, least, flags, asked, strict=True)
    }


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
