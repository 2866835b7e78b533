"""What a comptroller and its markets say of one wallet, and of what decides its liquidation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.compound_v2.calls import (
    ACCOUNT_LIQUIDITY,
    ACTION_PAUSED,
    ASSETS_IN,
    COLLATERAL_FACTOR,
    EFFECTIVE_FACTOR,
    EFFECTIVE_INCENTIVE,
    FORCE_VAI,
    FORCED,
    FORCED_FOR_USER,
    LEAST_VAI,
    LIQUIDATE,
    LIQUIDATION_THRESHOLD,
    MINT_VAI_PAUSED,
    MINTED_VAI,
    PAST_VAI_INTEREST,
    PRICE,
    REPAY_VAI_PAUSED,
    SNAPSHOT,
    SYMBOL,
    TREASURY_SHARE,
    VAI,
    VAI_INDEX,
    VAI_MINTER_INDEX,
    VAI_RATE,
)
from adapters.compound_v2.comptroller import Comptroller, column
from adapters.compound_v2.interest import Minted
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.position import VaiDebt
from aggregator.contract import Deployment, Read, ask, attempt, both, join, optional, symbol_of
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address

VAI_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Said:
    """The comptroller's own word by what its markets have stored: an error code, both differences."""

    error: int
    liquidity: int
    shortfall: int
    origin: str


@dataclass(frozen=True, slots=True)
class Entered:
    """The markets that a wallet has entered, and what the comptroller says of it."""

    markets: frozenset[Address]
    said: Said


@dataclass(frozen=True, slots=True)
class Stock:
    """What a wallet has in one market as stored, and what it is judged by where that depends on the wallet.

    `factor` and `incentive` are None on Compound, `lending_factor` too, and where it was not answered.
    """

    tokens: int
    owed: int
    exchange_rate: int
    factor: int | None
    incentive: int | None
    forced: bool
    lending_factor: int | None = None


@dataclass(frozen=True, slots=True)
class VaiState:
    """VAI on this comptroller: the token, its price in USD or why there is none, the wallet's debt."""

    asset: Asset
    price: int | ReadError
    price_origin: str
    debt: VaiDebt


def read_entered(deployment: Deployment, wallet: Address) -> Read[Entered]:
    """One round."""
    at = deployment.addresses["comptroller"]
    call = ACCOUNT_LIQUIDITY.at(at, wallet)
    [assets], [(error, liquidity, shortfall)] = yield from both(ask([ASSETS_IN.at(at, wallet)]), ask([call]))
    return Entered(frozenset(assets), Said(error, liquidity, shortfall, call.origin))


def read_stocks(comptroller: Comptroller, wallet: Address) -> Read[list[Stock]]:
    """One round: the wallet in every market; raises Unsupported on a snapshot that is an error code."""
    at, markets = comptroller.address, list(comptroller.markets)
    if not markets:
        return []
    reads: list[Read[Any]] = [ask([SNAPSHOT.each(markets, wallet)])]
    if comptroller.venus:
        reads += [
            column(EFFECTIVE_FACTOR, at, wallet, markets, LIQUIDATION_THRESHOLD),
            column(EFFECTIVE_INCENTIVE, at, wallet, markets),
            column(FORCED_FOR_USER, at, wallet, markets),
        ]
    reads.append(_lending_factors(comptroller, wallet))
    [snapshots], *own, lending = yield from join(reads)
    errors, tokens, owed, rates = (snapshots.values(word) for word in range(4))
    for market, error in zip(markets, errors, strict=True):
        if error:
            raise Unsupported(
                f"the market {market}, whose {SNAPSHOT.canonical} answers the error code {error}",
                "its balances can't be told; report this with a recording",
            )
    factors, incentives, forced = own or (
        [None] * len(markets),
        [None] * len(markets),
        [False] * len(markets),
    )
    rows = zip(tokens, owed, rates, factors, incentives, forced, lending, strict=True)
    return [Stock(*row) for row in rows]


def _lending_factors(comptroller: Comptroller, wallet: Address) -> Read[Sequence[int | None]]:
    """What each market lends at to the wallet on Venus; on Compound that is the factor of liquidations."""
    markets = list(comptroller.markets)
    unknown: Sequence[int | None] = [None] * len(markets)
    if not comptroller.venus:
        return unknown
    read = column(EFFECTIVE_FACTOR, comptroller.address, wallet, markets, COLLATERAL_FACTOR)
    return (yield from optional(read)) or unknown


def read_terms(comptroller: Comptroller) -> Read[Terms]:
    """One round: what the liquidator contract keeps and demands, if there is one."""
    at = comptroller.liquidator
    paused = comptroller.paused and comptroller.venus
    if at is None:
        return Terms(comptroller.close_factor, paused, 0, None)
    [[share], [force], [least]] = yield from join(
        [ask([TREASURY_SHARE.at(at)]), ask([FORCE_VAI.at(at)]), ask([LEAST_VAI.at(at)])]
    )
    return Terms(comptroller.close_factor, paused, share, least if force else None)


def read_vai(deployment: Deployment, comptroller: Comptroller, wallet: Address) -> Read[VaiState | None]:
    """Two rounds, none where the comptroller has no VAI: the wallet's debt; then the token and its price.

    The controller does not tell when it last accrued: its index is taken for that of the block, as its
    own view takes it.
    """
    at, controller = comptroller.address, comptroller.vai_controller
    if controller is None:
        return None
    minted, numbers, past_index, flags, [token] = yield from join(
        [
            ask([MINTED_VAI.at(at, wallet)]),
            ask([VAI_INDEX.at(controller), VAI_RATE.at(controller)]),
            ask([PAST_VAI_INTEREST.at(controller, wallet), VAI_MINTER_INDEX.at(controller, wallet)]),
            ask(
                [
                    FORCED.at(at, controller),
                    ACTION_PAUSED.at(at, controller, LIQUIDATE),
                    MINT_VAI_PAUSED.at(at),
                    REPAY_VAI_PAUSED.at(at),
                ]
            ),
            ask([VAI.at(controller)]),
        ]
    )
    price_call = PRICE.at(comptroller.oracle, token)
    [[price], [symbol]] = yield from join([attempt([price_call]), attempt([SYMBOL.at(token)])])
    asset = Asset(token_id(deployment.chain, token), symbol_of(token, symbol), VAI_DECIMALS)
    index, rate = numbers
    past, minter_index = past_index
    forced, liquidate_paused, mint_paused, repay_paused = flags
    debt = VaiDebt(
        feed=Feed(
            asset.id, Oracle.FIXED, WAD, VAI_DECIMALS, f"one dollar in {ACCOUNT_LIQUIDITY.canonical}@{at}"
        ),
        debt=Minted(minted[0], past, minter_index, index, rate, comptroller.block_number),
        forced=forced,
        liquidate_paused=liquidate_paused,
        repay_paused=mint_paused or repay_paused,
        controller=controller,
    )
    return VaiState(asset, price, price_call.origin, debt)


def unknown_markets(comptroller: Comptroller, entered: Entered) -> Sequence[Address]:
    """Markets that the wallet has entered and the comptroller does not list."""
    return sorted(entered.markets.difference(comptroller.markets))
