"""Why a wallet's figures are what they are, and what would happen first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aggregator.contract import RuleFamily
from aggregator.model.explanation import Explanation, Threat
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import AccountRisk, AssetLiquidationPrice, LiquidationPrice, RiskResult
from aggregator.risk.assess import assessments
from aggregator.risk.book import book
from aggregator.risk.changes import changes
from aggregator.risk.contributions import binding, contributions, worst_draws
from aggregator.risk.distance import distance
from aggregator.risk.grid import STANDARD
from aggregator.risk.judging import judging
from aggregator.risk.numbering import Numbering
from aggregator.risk.parameters import USD_PEGS
from aggregator.risk.prevention import preventions
from aggregator.risk.scan import scan
from aggregator.risk.scenarios import ScenarioSet


def explain(
    portfolio: Portfolio,
    risk: RiskResult,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
) -> Explanation:
    """The explanation of `risk`, which is the framework's answer for the portfolio.

    Raises as `assess`, ArithmeticError where parts do not add up to their whole, and Unjudgeable where an
    account's own test has no answer farther out than `assess` looks.
    """
    scanned = scan(book([portfolio], scenarios), families)
    level, ray = binding(scanned)
    drawn = worst_draws(scanned, risk)
    first = next((a for a in risk.accounts if a.account_id == risk.weakest_account), None)
    threat = None if first is None else _threat(first, portfolio, scenarios)
    return Explanation(
        scenario=risk.binding.name if drawn and risk.binding else scanned.rays.names[ray],
        level=drawn.level if drawn else float(STANDARD[level]),
        draws=len(drawn.draws) if drawn else None,
        requirement_usd=risk.requirement_usd,
        contributions=contributions(scanned, risk, drawn),
        changes=changes(scanned.book, risk, scenarios),
        threat=threat,
        # What its own test is nobody knows where it has no health of its own.
        preventions=()
        if first is None or threat is None or first.native_health is None
        else preventions(scanned, first, threat),
        distance=distance(scanned.book, scanned.groups),
    )


def explained(
    portfolio: Portfolio,
    risk: RiskResult,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
) -> tuple[Portfolio, RiskResult, Explanation]:
    """The explanation, and the portfolio and answer that it is of.

    Accounts that turn out to be Unjudgeable have lost their rule then, and the portfolio is assessed anew.
    Otherwise raises as `explain`.
    """

    def evaluate(given: Sequence[Portfolio]) -> tuple[Portfolio, RiskResult, Explanation]:
        [mine] = given
        answer = risk
        if mine is not portfolio:
            [(mine, answer)] = assessments(given, families=families, scenarios=scenarios)
        return mine, answer, explain(mine, answer, families=families, scenarios=scenarios)

    return judging([portfolio], evaluate)[1]


def _threat(first: AccountRisk, portfolio: Portfolio, scenarios: ScenarioSet) -> Threat:
    """Where the weakest account is liquidated: the price that is the fewest of its standard moves away."""
    near = min(_ways(first, portfolio, scenarios), key=lambda way: way.order, default=None)
    return Threat(
        account_id=first.account_id,
        now=first.liquidatable,
        stresses=first.lam_native,
        scenario=first.binding_ray,
        factor=None if near is None else near.factor,
        direction=None if near is None else near.found.direction,
        price_usd=None if near is None else near.found.price_usd,
        distance=None if near is None else near.found.distance,
        standard_move=None if near is None else near.standard_move,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One price that liquidates an account; `standard_move` is how far one standard stress moves it that way,
    None where none does."""

    factor: str
    found: LiquidationPrice | AssetLiquidationPrice
    standard_move: float | None

    @property
    def order(self) -> tuple[float, float]:
        """How many standard moves it is away, then how far."""
        distance, move = self.found.distance, self.standard_move
        if not move:
            return math.inf, abs(distance)
        return math.log1p(distance) / math.log1p(math.copysign(move, distance)), abs(distance)


def _ways(first: AccountRisk, portfolio: Portfolio, scenarios: ScenarioSet) -> Iterator[_Way]:
    for price in first.liquidation_prices:
        yield _Way(price.underlying, price, scenarios.scan_range(price.underlying))
    numbering, size = Numbering(scenarios, portfolio.classes), scenarios.parameters
    for alone in first.asset_liquidation_prices:
        classes = [peg.risk_class for peg in numbering.of(alone.asset_id).pegs]
        down = max((-size.peg[name] for name in classes), default=None)
        up = size.peg_up if any(name in USD_PEGS for name in classes) else None
        yield _Way(alone.asset_id, alone, down if alone.direction == "down" else up)
