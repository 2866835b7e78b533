"""The cheapest steps that keep wallets from liquidation, with the markets that they would be done at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from aggregator.app.answers import Answer
from aggregator.app.checks import scenarios_of
from aggregator.app.stressing import StressRequest, stresses_of
from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Plan, Targets
from aggregator.model.portfolio import Portfolio
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import ChainId
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.planning.limits import Charges, Limits
    from aggregator.risk.scenarios import CustomScenario


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Targets and limits of a plan.

    `only` are kinds of steps and accounts that are allowed (empty: all). `stress` names a scenario, or
    `shock` is one, that accounts must survive beside the targets of today.
    """

    targets: Targets = field(default_factory=Targets)
    only: tuple[str, ...] = ()
    bridge: bool = True
    hedge: bool = False
    most_cost_usd: float | None = None
    stress: str | None = None
    shock: CustomScenario | None = None
    slippage: Decimal | None = None
    gas_usd: float | None = None


Markets = Mapping[ChainId, Sequence[SpotMarket]]


def repair(answer: Answer, request: PlanRequest, markets: Markets | None = None) -> tuple[Plan, ...]:
    """The cheapest certified plan of each wallet of an answer, by the settings of its read.

    `markets` are spot markets by chain, read at the answer's blocks. Raises BadConfiguration on a stress or
    an account that has no such name.
    """
    from aggregator.planning.problem import Problem  # noqa: PLC0415  # numpy: not for --help
    from aggregator.planning.repair import repair  # noqa: PLC0415  # numpy, HiGHS: not for --help

    scenarios = scenarios_of(answer)
    scenario = request.shock
    if request.stress is not None:
        [scenario] = [one.scenario for one in stresses_of(StressRequest(names=(request.stress,)), scenarios)]
    return tuple(
        repair(
            Problem(
                portfolio=portfolio,
                families=answer.families,
                scenarios=scenarios,
                targets=request.targets,
                limits=_limits(portfolio, request),
                charges=_charges(answer.settings, request),
                markets=markets or {},
                stress=scenario,
            )
        )
        for portfolio in answer.portfolios
    )


def _limits(portfolio: Portfolio, request: PlanRequest) -> Limits:
    from aggregator.planning.limits import DEFAULT_KINDS, KINDS, Limits  # noqa: PLC0415

    named = [one.casefold() for one in request.only]
    kinds = frozenset(kind for kind in KINDS if kind in named) or DEFAULT_KINDS
    if request.hedge:
        kinds |= {"hedge"}
    if not request.bridge:
        kinds -= {"bridge"}
    accounts: set[str] = set()
    for name in (one for one in named if one not in KINDS):
        found = {
            account.id
            for account in portfolio.accounts
            if name in (account.id.casefold(), account.protocol.casefold())
            or name in account.label.casefold()
        }
        if not found:
            labels = "; ".join(account.label for account in portfolio.accounts if account.rule is not None)
            raise BadConfiguration(f"--only {name}", f"no kind of step and no account is called so: {labels}")
        accounts |= found
    return Limits(kinds, frozenset(accounts) if accounts else None, request.most_cost_usd)


def _charges(config: Settings, request: PlanRequest) -> Charges:
    from aggregator.planning.limits import Charges  # noqa: PLC0415

    plan = config.plan
    gas = {ChainId(chain): usd for chain, usd in plan.gas_usd.items()}
    found = Charges(gas, plan.gas_elsewhere_usd, plan.slippage, plan.bridge, plan.swap)
    if request.slippage is not None:
        found = replace(found, slippage=request.slippage)
    if request.gas_usd is not None:
        found = replace(found, gas_usd={}, gas_elsewhere_usd=request.gas_usd)
    return found
