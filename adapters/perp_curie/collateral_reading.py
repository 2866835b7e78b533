"""What the contracts say of a trader's collateral beside the settlement token, and of its sale: round 2."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.perp_curie import averages_reading, calls
from adapters.perp_curie.averages import Track
from adapters.perp_curie.calls import CollateralConfig
from adapters.perp_curie.market import COLLATERAL_SECONDS, MILLION, MOST_DECIMALS
from adapters.perp_curie.sale import SaleTerms
from adapters.perp_curie.system import System
from aggregator.contract import Read, ask, both, join, optional
from aggregator.model.errors import MalformedReply
from aggregator.model.readings import Block
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class CollateralReply:
    """What the contracts said of one collateral of a trader; `price` is the mean of the time of `track`.

    `room` is how much more of it the vault takes (below zero: it is above its cap), None where not known.
    """

    token: Address
    symbol: str
    decimals: int
    balance: int
    config: CollateralConfig
    price: int
    price_decimals: int
    origin: str
    track: Track | None
    room: int | None


def collaterals(
    at: System, wallet: Address, tokens: tuple[Address, ...], block: Block
) -> Read[list[CollateralReply]]:
    """Round 2: what a trader has beside the settlement token."""
    return (yield from join([_collateral(at, wallet, token, block) for token in tokens]))


def _collateral(at: System, wallet: Address, token: Address, block: Block) -> Read[CollateralReply]:
    manager = at.collateral_manager
    priced = calls.COLLATERAL_PRICE.at(manager, token, COLLATERAL_SECONDS)
    [balance, price, price_decimals, decimals], ((([config], [symbol]), held), track) = yield from both(
        ask(
            [
                calls.BALANCE_OF_TOKEN.at(at.vault, wallet, token),
                priced,
                calls.COLLATERAL_PRICE_DECIMALS.at(manager, token),
                calls.DECIMALS.at(token),
            ]
        ),
        both(
            both(
                both(ask([calls.COLLATERAL_CONFIG.at(manager, token)]), ask([calls.SYMBOL.at(token)])),
                optional(ask([calls.TOKEN_BALANCE.at(token, at.vault)])),
            ),
            averages_reading.collateral(at, token, COLLATERAL_SECONDS, block),
        ),
    )
    origin = calls.BALANCE_OF_TOKEN.at(at.vault, wallet, token).origin
    if balance < 0:
        raise MalformedReply(origin, f"a balance of {balance}")
    if max(decimals, price_decimals) > MOST_DECIMALS or max(config.ratio, config.discount) > MILLION:
        raise MalformedReply(
            calls.COLLATERAL_CONFIG.at(manager, token).origin,
            f"{decimals} and {price_decimals} decimals, ratios {config.ratio} and {config.discount}",
        )
    room = None if held is None else config.deposit_cap - held[0]
    return CollateralReply(
        token, symbol, decimals, balance, config, price, price_decimals, priced.origin, track, room
    )


def sale_terms(at: System, wallet: Address, tokens: tuple[Address, ...]) -> Read[SaleTerms | None]:
    """Round 2: when and how much collateral is sold; None where there is none to sell."""
    if not tokens:
        return None
    manager = at.collateral_manager
    asked = [
        calls.SALE_MARGIN_RATIO.at(at.vault),
        calls.INITIAL_RATIO.at(at.config),
        calls.DEBT_SHARE.at(manager),
        calls.SALE_PART.at(manager),
        calls.SALE_FEE_RATIO.at(manager),
    ]
    limits = [calls.MOST_DEBT.at(manager, wallet), calls.SMALL_DEBT.at(manager)]
    ratios, ([most_debt, small_debt], [paused]) = yield from both(
        ask(asked), both(ask(limits), ask([calls.PAUSED.at(at.vault)]))
    )
    for call, ratio in zip(asked, ratios, strict=True):
        if ratio > MILLION:
            raise MalformedReply(call.origin, f"a ratio of {ratio} of {MILLION}")
    margin, initial, share, part, fee = ratios
    return SaleTerms(margin, initial, share, most_debt, part, small_debt, fee, paused)
