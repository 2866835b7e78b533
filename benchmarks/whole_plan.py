"""A plan as a whole: ten accounts and thirty actions, from the portfolio to the certified steps."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from aggregator.model.plans import Plan, Targets
from aggregator.planning import answer
from aggregator.planning.allowed import Allowed
from aggregator.planning.certificate import states
from aggregator.planning.limits import Charges
from aggregator.planning.ordering import sequence
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from aggregator.risk.copies import Copy
from benchmarks.parts import Part
from tests.planning.acting import flat, lender, trader
from tests.planning.wallets import product
from tests.risk.builders import CHAIN, account, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES

HEALTHS = (1.6, 1.05, 1.45, 1.09, 1.35, 1.12)
"""Of the lending accounts: every other one is short."""


def problem(*, options: bool) -> Problem:
    """Six lending accounts, three with perps, one wallet: three lending accounts are short."""
    accounts = [
        lender(f"lender {i}", {"ETH": 25.0, "USDC": -80_000.0 / health}) for i, health in enumerate(HEALTHS)
    ]
    margins = (2_800.0, 3_000.0, 4_000.0)
    accounts += [trader(f"trader {i}", 10.0, margin, maintenance=0.05) for i, margin in enumerate(margins)]
    if options:
        contracts = (
            option("ETH", -5, "call", 4_400, years=0.2, iv=0.6, mark=210.0, settlement="USDC"),
            option("ETH", 5, "put", 3_500, years=0.2, iv=0.7, mark=150.0, settlement="USDC"),
        )
        accounts.append(account("options", *contracts, supply("USDC", 20_000), kind="option"))
    accounts.append(wallet(holding("LINK", 100), holding("ETH", 0.5)))
    return Problem(
        portfolio=portfolio(*accounts),
        families=FAMILIES,
        scenarios=scenarios(),
        targets=Targets(),
        charges=Charges(gas_elsewhere_usd=0.5),
        markets={CHAIN: [product("ETH", "USDC", 2e7), flat("LINK", "USDC")]},
    )


def whole(*, options: bool) -> Part:
    """The whole plan, and of it the order and the certificate; what is left is the search."""
    asked = problem(options=options)
    name = "whole plan, options" if options else "whole plan"
    with (
        patch.object(answer, "sequence", wraps=sequence) as ordered,
        patch.object(answer, "states", wraps=states) as certified,
    ):
        found = repair(asked)

    def check() -> None:
        assert found.status == "feasible", found.shortfalls
        assert len(Allowed(Copy.of(asked.portfolio), asked).all()) >= 30
        assert 6 <= len(found.steps) <= 8, [type(step.move).__name__ for step in found.steps]

    def plan() -> Plan:
        return repair(asked)

    contenders: dict[str, Callable[[], object]] = {
        f"{name}, total": plan,
        f"{name}, order": lambda: sequence(*ordered.call_args.args, **ordered.call_args.kwargs),
        f"{name}, certificate": lambda: states(*certified.call_args.args, **certified.call_args.kwargs),
    }

    def figures(seconds: Mapping[str, list[float]]) -> dict[str, Any]:
        total, *rest = (statistics.median(seconds[one]) for one in contenders)
        return {
            f"{name}, s": round(total, 4),
            f"{name}, search s": round(total - sum(rest), 4),
            f"{name}, steps": len(found.steps),
        }

    return Part(contenders, check, figures)
