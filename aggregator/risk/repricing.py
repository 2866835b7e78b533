"""Prices that have moved: marks, perps and options anew, and what oracles answer then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Option, Perp, Position
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed, Rule
from aggregator.risk.book import Book
from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Factor, Peg
from aggregator.risk.numbering import Numbering
from aggregator.risk.parameters import VolatilityParameters
from aggregator.risk.scenarios import CustomScenario

LEAST = 1e-18
"""What is left of a price that falls to nothing: a mark is never zero, and beside any other this is."""

SPARE_DECIMALS = 18
"""A moved mark has so many decimals more than the quote that it was."""


@dataclass(frozen=True, slots=True)
class Multipliers:
    """What underlyings and pegs are multiplied with."""

    bases: Mapping[str, float]
    pegs: Mapping[Peg, float]

    def of(self, factor: Factor) -> float:
        """What a factor is multiplied with: exactly 1 where nothing of it moves, never 0."""
        product = self.bases.get(factor.underlying, 1.0)
        for peg in factor.pegs:
            product *= self.pegs[peg]
        return max(product, LEAST)


class Priced(TypedDict):
    """Marks of assets and spots of underlyings, as a portfolio has them."""

    marks: dict[AssetId, Quote]
    spots: dict[str, float]


def judged_prices(
    rule: Rule, read: Mapping[AssetId, int], moves: Multipliers, numbering: Numbering
) -> dict[AssetId, int]:
    """What a rule's oracle answers once everything has moved; `read` is what it answered before.

    A price that falls to nothing stays at one smallest unit.
    """
    return {feed.asset: answered(read[feed.asset], times_of(feed, moves, numbering)) for feed in rule.feeds}


def iv_after(
    contracts: Contracts, scenario: CustomScenario, size: VolatilityParameters
) -> NDArray[np.float64]:
    """The implied volatility of each contract after a scenario, shape (contracts,).

    Never below the least factor of the standard shock; a contract that has none keeps none.
    """
    standard = np.exp(contracts.log_iv_factors(size)[:, scenario.vol])
    after = contracts.iv * standard * scenario.iv_times + scenario.iv_points
    result: NDArray[np.float64] = np.where(
        contracts.iv > 0.0, np.maximum(after, size.lowest_factor * contracts.iv), 0.0
    )
    return result


def marked_again(
    today: Book, scenario: CustomScenario, moves: Multipliers, numbering: Numbering
) -> list[Account]:
    """The accounts of a book of one portfolio with their perps and options at other marks."""
    options = _options(today, scenario, moves)
    return [
        replace(
            account,
            positions=tuple(
                _perp(position, moves, numbering)
                if isinstance(position, Perp)
                else options.get((i, place), position)
                for place, position in enumerate(account.positions)
            ),
        )
        for i, account in enumerate(today.accounts)
    ]


def priced(portfolio: Portfolio, moves: Multipliers, numbering: Numbering) -> Priced:
    """A portfolio's marks and spots once everything has moved."""
    return Priced(
        marks={
            asset: _mark(quote, moves.of(numbering.of(asset))) for asset, quote in portfolio.marks.items()
        },
        spots={u: spot * moves.of(Factor(u)) for u, spot in portfolio.spots.items()},
    )


def _times(raw: int, factor: float) -> int:
    """`raw * factor` to the nearest integer, exactly `raw` where the factor is 1."""
    numerator, denominator = factor.as_integer_ratio()
    return (2 * raw * numerator + denominator) // (2 * denominator)


def _mark(quote: Quote, factor: float) -> Quote:
    if factor == 1.0:
        return quote
    price = max(1, _times(quote.price * 10**SPARE_DECIMALS, factor))
    return replace(quote, price=price, decimals=quote.decimals + SPARE_DECIMALS)


def _perp(perp: Perp, moves: Multipliers, numbering: Numbering) -> Perp:
    """A perp gains size * (P' - P) in its settlement asset, whatever that is worth then."""
    factor = moves.of(numbering.paid_in(perp.index, perp.settlement.id))
    factor /= moves.of(numbering.of(perp.settlement.id))
    mark = _times(perp.mark_price_raw, factor)
    gained = perp.size_raw * (mark - perp.mark_price_raw) * 10**perp.settlement.decimals
    unit = 10 ** (perp.size_decimals + perp.price_decimals)
    return replace(perp, mark_price_raw=mark, pnl_raw=perp.pnl_raw + gained // unit)


def _options(today: Book, scenario: CustomScenario, moves: Multipliers) -> dict[tuple[int, int], Position]:
    """The options that change, by the place of their account and their own in it."""
    legs, contracts = today.legs, today.contracts
    if not len(contracts):
        return {}
    factors = np.array([moves.of(factor) for factor in today.factors])
    iv = iv_after(contracts, scenario, today.scenarios.parameters.volatility)
    times = np.divide(iv, contracts.iv, out=np.ones(len(iv)), where=contracts.iv > 0.0)
    paid_usd = contracts.settlement_usd * factors[contracts.payment_factor]
    units = contracts.values(factors, times) / paid_usd
    idle = (factors[contracts.price_factor] == 1.0) & (times == 1.0)
    result: dict[tuple[int, int], Position] = {}
    for i, place, k in zip(legs.holder, legs.held_as, legs.contract, strict=True):
        option = today.accounts[i].positions[place]
        if idle[k] or not isinstance(option, Option):
            continue
        mark = option.mark_raw
        if mark is not None:
            mark = round(float(units[k]) * 10**option.price_decimals)
        # A writer's guess becomes a number, so that it moves as it was valued.
        known = option.iv is not None or contracts.iv[k] > 0.0
        result[int(i), int(place)] = replace(option, mark_raw=mark, iv=float(iv[k]) if known else None)
    return result


def times_of(feed: Feed, moves: Multipliers, numbering: Numbering) -> float:
    """What a feed's own answer is multiplied with."""
    asset, against, _ = numbering.of_feed(feed)
    return moves.of(asset) / moves.of(against)


def answered(price: int, factor: float) -> int:
    """What an oracle answers whose price is multiplied: one smallest unit at least."""
    return max(1, _times(price, factor))
