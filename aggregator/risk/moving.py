"""A portfolio as it would be after prices and volatilities have moved: everything marked again.

The result is a portfolio like any other, so that whatever is asked of it (score, requirement, distances) is a
real assessment after the move: marks and spots are the moved ones, perps have gained or lost, options are
valued anew, and each protocol's own rule is judged at the prices that its oracle would answer. What does not
move keeps its very numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.errors import NativeUnknown, UnusablePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Option, Perp, Position
from aggregator.model.readings import Failure, Quote
from aggregator.model.rules import Feed, Rule
from aggregator.risk.book import Book, book
from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Factor, Peg
from aggregator.risk.numbering import Numbering
from aggregator.risk.parameters import VolatilityParameters
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

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


def moved(portfolio: Portfolio, scenario: CustomScenario, scenarios: ScenarioSet) -> Portfolio:
    """The portfolio after a scenario, at the same block and time.

    An account whose rule can't be asked at the moved prices loses it, and the portfolio is incomplete: its
    own health is unknown then. Prices that fall to nothing stay at one smallest unit of a protocol's oracle.
    What protocols reported is kept only of accounts whose own prices stand still. Raises BadConfiguration on
    a scenario that moves what nothing is, UnusablePrice where an asset has no mark.
    """
    today = book([portfolio], scenarios)
    numbering = Numbering(scenarios, portfolio.classes)
    moves = _moves(portfolio, today, scenario, numbering)
    accounts: list[Account] = []
    lost: list[tuple[Account, NativeUnknown]] = []
    for i, account in enumerate(_marked_again(today, scenario, moves, numbering)):
        judged, error = _judged(account, moves, numbering, int(today.time[i]))
        accounts.append(judged)
        if error is not None:
            lost.append((account, error))
    return replace(
        portfolio,
        accounts=tuple(accounts),
        **_priced(portfolio, moves, numbering),
        **without_native(portfolio, lost),
    )


def multipliers(
    portfolio: Portfolio,
    scenario: CustomScenario,
    scenarios: ScenarioSet,
    more: Iterable[Factor] = (),
) -> Multipliers:
    """What a scenario multiplies all that the portfolio and `more` depend on with; raises as `moved`."""
    today = book([portfolio], scenarios)
    return _moves(portfolio, today, scenario, Numbering(scenarios, portfolio.classes), more)


def moved_on(
    portfolio: Portfolio,
    origin: Portfolio,
    before: Multipliers,
    after: Multipliers,
    scenarios: ScenarioSet,
) -> Portfolio:
    """A portfolio marked at `before` times the prices of `origin`, as it is at `after` times them.

    Positions may differ from those of `origin`. Volatilities stand still, and so do the prices that accounts
    are judged at: see `judged_prices`. Marks are made of those of `origin`, so that nothing adds up over many
    small moves.
    """
    numbering = Numbering(scenarios, portfolio.classes)
    step = Multipliers(
        bases={u: after.bases[u] / max(times, LEAST) for u, times in before.bases.items()},
        pegs={peg: after.pegs[peg] / max(times, LEAST) for peg, times in before.pegs.items()},
    )
    accounts = _marked_again(book([portfolio], scenarios), CustomScenario("moved on", {}), step, numbering)
    return replace(portfolio, accounts=tuple(accounts), **_priced(origin, after, numbering))


def judged_prices(
    rule: Rule, read: Mapping[AssetId, int], moves: Multipliers, numbering: Numbering
) -> dict[AssetId, int]:
    """What a rule's oracle answers once everything has moved; `read` is what it answered before.

    A price that falls to nothing stays at one smallest unit.
    """
    return {feed.asset: _answered(read[feed.asset], _times_of(feed, moves, numbering)) for feed in rule.feeds}


class _Priced(TypedDict):
    marks: dict[AssetId, Quote]
    spots: dict[str, float]


class _Incomplete(TypedDict):
    failures: tuple[Failure, ...]
    coverage: Coverage


def without_native(portfolio: Portfolio, lost: Sequence[tuple[Account, NativeUnknown]]) -> _Incomplete:
    """What changes of a portfolio whose accounts' own health is not known any more: it is incomplete."""
    failures = [
        Failure(account.protocol, account.label, account.chain, portfolio.wallet, error)
        for account, error in lost
    ]
    coverage, more = portfolio.coverage, len(failures)
    return _Incomplete(
        failures=(*portfolio.failures, *failures),
        coverage=replace(coverage, expected=coverage.expected + more, failed=coverage.failed + more),
    )


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


def _marked_again(
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


def _priced(portfolio: Portfolio, moves: Multipliers, numbering: Numbering) -> _Priced:
    return _Priced(
        marks={
            asset: _mark(quote, moves.of(numbering.of(asset))) for asset, quote in portfolio.marks.items()
        },
        spots={u: spot * moves.of(Factor(u)) for u, spot in portfolio.spots.items()},
    )


def _moves(
    portfolio: Portfolio,
    today: Book,
    scenario: CustomScenario,
    numbering: Numbering,
    more: Iterable[Factor] = (),
) -> Multipliers:
    factors = [
        *more,
        *today.factors,
        *(numbering.of(asset) for asset in portfolio.marks),
        *(Factor(underlying) for underlying in portfolio.spots),
    ]
    axes = today.scenarios.axes(factors)
    rays = today.scenarios.custom([scenario], axes)
    return Multipliers(
        bases={u: 1.0 + float(move) for u, move in zip(axes.bases, rays.base[0], strict=True)},
        pegs={peg: 1.0 + float(move) for peg, move in zip(axes.pegs, rays.peg[0], strict=True)},
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


def _judged(
    account: Account, moves: Multipliers, numbering: Numbering, time: int
) -> tuple[Account, NativeUnknown | None]:
    """The account at the prices of its own oracle; without its rule, and why, where that has no answer."""
    rule = account.rule
    if rule is None:
        return account, None
    factors = {feed.asset: _times_of(feed, moves, numbering) for feed in rule.feeds}
    if all(factor == 1.0 for factor in factors.values()):
        return account, None
    prices = {asset: _answered(price, factors[asset]) for asset, price in account.prices.items()}
    try:
        rule.health(prices, time)
    except (UnusablePrice, ArithmeticError, ValueError) as error:
        return replace(account, rule=None, reported=None), NativeUnknown(account.label, str(error))
    return replace(account, judged_at=prices, reported=None), None


def _times_of(feed: Feed, moves: Multipliers, numbering: Numbering) -> float:
    """What a feed's own answer is multiplied with."""
    asset, against, _ = numbering.of_feed(feed)
    return moves.of(asset) / moves.of(against)


def _answered(price: int, factor: float) -> int:
    return max(1, _times(price, factor))
