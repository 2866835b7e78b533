"""The cheapest steps that keep wallets from liquidation, with the markets that they would be done at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app.answers import Answer
from aggregator.app.checks import read, scenarios_of
from aggregator.app.markets import MarketReader
from aggregator.app.readers import Selection
from aggregator.app.recorded import replay
from aggregator.app.stressing import StressRequest, stresses_of
from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Plan, Targets
from aggregator.model.portfolio import Portfolio
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.planning.limits import Charges, Kind, Limits
    from aggregator.reading.recording import Recording
    from aggregator.risk.scenarios import CustomScenario, ScenarioSet


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Targets and limits of a plan.

    `only` are kinds of steps and accounts that are allowed (empty: all). `stress` names a scenario, or
    `shock` is one, that accounts must survive beside the targets of today. `executor` is the contract that
    runs flash bundles, on every chain, in place of the configured ones. `estimates`: see Limits.
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
    executor: Address | None = None
    estimates: bool = True


def read_with_markets(selection: Selection, config: Settings, *, record_to: Path | None = None) -> Answer:
    """Read wallets, and at the same blocks the spot markets between what they have; raises as `read` does."""
    reader = MarketReader(config)
    answer = read(selection, config, record_to=record_to, afterwards=reader.read, exchanges=reader.exchanges)
    return replace(answer, markets=reader.found)


def replay_with_markets(recording: Recording) -> Answer:
    """The same from a recording: markets are those that were asked when it was made."""
    reader = MarketReader(settings.exactly(recording.configuration, "recording"))
    answer = replay(recording, afterwards=reader.read)
    return replace(answer, markets=reader.found)


def repair(answer: Answer, request: PlanRequest) -> tuple[Plan, ...]:
    """The cheapest certified plan of each wallet of an answer, by the settings of its read.

    Swaps are at the answer's markets. Raises BadConfiguration on a stress, or an account of none of the
    wallets, that has no such name, and on limits that rule each other out.
    """
    from aggregator.planning.problem import Problem  # noqa: PLC0415  # numpy: not for --help
    from aggregator.planning.repair import repair  # noqa: PLC0415  # numpy, HiGHS: not for --help

    named = _Named.by(request, answer.settings, answer.portfolios)
    scenarios = scenarios_of(answer)
    scenario = request.shock
    if request.stress is not None:
        [scenario] = [one.scenario for one in stresses_of(StressRequest(names=(request.stress,)), scenarios)]
    unread = tuple(
        f"{one.deployment.name} could not be read, and its swaps are not in the plan: {one.error}"
        for one in answer.markets.failures
    )
    plans = (
        repair(
            Problem(
                portfolio=portfolio,
                families=answer.families,
                scenarios=scenarios,
                targets=request.targets,
                limits=_limits(portfolio, request, answer.settings, named),
                charges=_charges(answer.settings, request),
                markets=answer.markets.by_chain,
                stress=scenario,
            )
        )
        for portfolio in answer.portfolios
    )
    return tuple(
        replace(
            plan, told=(*plan.told, *unread), avoided_usd=_avoided_usd(plan, portfolio, scenario, scenarios)
        )
        for plan, portfolio in zip(plans, answer.portfolios, strict=True)
    )


def _avoided_usd(
    plan: Plan, portfolio: Portfolio, scenario: CustomScenario | None, scenarios: ScenarioSet
) -> float | None:
    """What the liquidations would cost that a plan prevents: in its scenario, else those of today's prices.

    None where some remain, where there is neither (when an account is liquidated is then not known), and
    where a cascade does not tell what all of them cost.
    """
    from aggregator.planning.cascade import cascade  # noqa: PLC0415
    from aggregator.risk.scenarios import CustomScenario  # noqa: PLC0415

    if plan.status != "feasible":
        return None
    if scenario is None:
        if not any(account.liquidatable for account in plan.before.accounts):
            return None
        scenario = CustomScenario("today", {})
    found = cascade(portfolio, [scenario], scenarios=scenarios).cascade
    return None if found.refusals or not found.converged else found.own_cost_usd


def _limits(portfolio: Portfolio, request: PlanRequest, config: Settings, named: _Named) -> Limits:
    from aggregator.planning.limits import DEFAULT_KINDS, Limits  # noqa: PLC0415

    kinds = named.kinds or DEFAULT_KINDS
    if request.hedge:
        kinds |= {"hedge"}
    if not request.bridge:
        kinds -= {"bridge"}
    return Limits(
        kinds,
        named.of(portfolio),
        request.most_cost_usd,
        executors=_executors(portfolio, request, config),
        estimates=request.estimates,
    )


def _executors(portfolio: Portfolio, request: PlanRequest, config: Settings) -> dict[ChainId, Address]:
    if request.executor is not None:
        return dict.fromkeys(portfolio.blocks, request.executor)
    return {ChainId(chain): parse_address(address) for chain, address in config.plan.flash_executor.items()}


@dataclass(frozen=True, slots=True)
class _Named:
    """What `only` allows: kinds of steps (none: the usual ones), and accounts by what they are called."""

    kinds: frozenset[Kind]
    accounts: tuple[str, ...]

    @staticmethod
    def by(request: PlanRequest, config: Settings, portfolios: Sequence[Portfolio]) -> _Named:
        """Raises BadConfiguration on what is called so in no wallet, and on what other options rule out."""
        from aggregator.planning.limits import KINDS  # noqa: PLC0415

        names = [one.strip().casefold() for one in request.only]
        named = _Named(
            frozenset(kind for kind in KINDS if kind in names),
            tuple(name for name in names if name not in KINDS),
        )
        for name in named.accounts:
            if not name or not any(_called(name, one) for one in portfolios):
                rules = [a.label for one in portfolios for a in one.accounts if a.rule is not None]
                told = f"no kind of step and no account is called so: {'; '.join(rules)}"
                raise BadConfiguration(f"--only {name or repr(name)}", told)
        if "bridge" in named.kinds and not (request.bridge and request.estimates):
            other = "--no-estimates" if request.bridge else "--no-bridge"
            raise BadConfiguration("--only bridge", f"not together with {other}")
        if "flash" in named.kinds and request.executor is None and not config.plan.flash_executor:
            told = "no contract runs bundles: name yours with --flash-executor"
            raise BadConfiguration("--only flash", told)
        if named.kinds and "flash" not in named.kinds and request.executor is not None:
            raise BadConfiguration("--flash-executor", "--only allows no bundles: name flash there too")
        return named

    def of(self, portfolio: Portfolio) -> frozenset[str] | None:
        """The accounts of a wallet that are allowed, perhaps none; None for all of them."""
        if not self.accounts:
            return None
        return frozenset(id_ for name in self.accounts for id_ in _called(name, portfolio))


def _called(name: str, portfolio: Portfolio) -> frozenset[str]:
    """The accounts that have this id or adapter, or it as a part of their label."""
    return frozenset(
        account.id
        for account in (*portfolio.accounts, *portfolio.openable)
        if name in (account.id.casefold(), account.protocol.casefold()) or name in account.label.casefold()
    )


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
