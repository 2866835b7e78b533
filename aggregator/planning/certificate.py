"""The full model run on every state of a plan: exact rules, full revaluation, expected shortfall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from aggregator.contract import RuleFamily
from aggregator.model.plans import AccountState, Shortfall, State, Targets
from aggregator.model.results import RiskResult
from aggregator.planning.goals import own_test, spare_usd
from aggregator.planning.ordering import keeps_floor
from aggregator.risk.assess import assess_all
from aggregator.risk.copies import Copy
from aggregator.risk.scenarios import ScenarioSet


def states(
    copies: Sequence[Copy], *, families: Mapping[str, RuleFamily], scenarios: ScenarioSet
) -> list[State]:
    """What the full model says of each; raises as `assess` does."""
    results = assess_all([one.result() for one in copies], families=families, scenarios=scenarios)
    return [_state(one, result) for one, result in zip(copies, results, strict=True)]


def _state(copy: Copy, result: RiskResult) -> State:
    accounts = tuple(
        AccountState(
            account_id=risk.account_id,
            label=copy.accounts[risk.account_id].label,
            power_usd=risk.power_usd,
            requirement_usd=risk.native_requirement_usd,
            health=risk.native_health,
            liquidatable=risk.liquidatable,
        )
        for risk in result.accounts
        if copy.accounts[risk.account_id].rule is not None
    )
    return State(accounts, result.equity_usd, result.requirement_usd, result.kappa, result.score)


def unsafe(before: Copy, after: Copy, floor: Fraction) -> tuple[str, ...]:
    """The accounts that a step takes below the floor, or further below it, by their exact rules."""
    found = []
    for name, account in after.accounts.items():
        was = before.accounts.get(name)
        if account.rule is None or account is was:
            continue
        test = None if was is None else own_test(before, was)
        if not keeps_floor(test, own_test(after, account), floor):
            found.append(name)
    return tuple(found)


def shortfalls(copy: Copy, state: State, targets: Targets) -> tuple[Shortfall, ...]:
    """What is missing to the targets in a state, the largest first."""
    least = Fraction(str(targets.health))
    found = []
    for account in copy.accounts.values():
        said = own_test(copy, account)
        if said is None or not said.requirement:
            continue
        spare = spare_usd(copy, account, said, least)
        if spare < 0.0:
            found.append(
                Shortfall(
                    account.id,
                    -spare,
                    f"{account.label} lacks ${-spare:,.2f} of margin to a health of {targets.health:g}",
                )
            )
    if state.kappa < targets.kappa:
        missing = max(0.0, state.requirement_usd * targets.kappa - state.equity_usd)
        found.append(
            Shortfall(
                None,
                missing,
                f"the whole survives {state.kappa:.3f} standard stresses of {targets.kappa:g}",
            )
        )
    return tuple(sorted(found, key=lambda one: -one.missing_usd))
