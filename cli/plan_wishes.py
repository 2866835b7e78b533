"""What a plan is asked for, as people write it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregator.app import PlanRequest

_SHARE = re.compile(r"(\d{1,2}(?:\.\d{1,9})?)%")


def plan_request(
    *,
    target: float | None,
    floor: float | None,
    kappa: float | None,
    most_cost: float | None,
    only: Sequence[str],
    no_bridge: bool,
    hedge: bool,
    shock: Sequence[str],
    stress: str | None,
    slippage: str | None,
    gas_usd: float | None,
    executor: str | None,
    no_estimates: bool,
) -> PlanRequest:
    """The request; raises BadConfiguration on what is out of bounds or contradicts itself."""
    from aggregator.app import PlanRequest  # noqa: PLC0415  # --help must not pay for it
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.plans import Targets  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import shocks  # noqa: PLC0415

    given: dict[str, Any] = {}
    for option, name, value, least in (
        ("--target", "health", target, 1.0),
        ("--floor", "floor", floor, 1.0),
        ("--kappa", "kappa", kappa, 0.0),
    ):
        if value is not None:
            if not (math.isfinite(value) and least <= value <= 20.0):
                raise BadConfiguration(option, f"{value:g}: give a number from {least:g} to 20")
            given[name] = value
    targets = Targets(**given)
    if targets.kappa == 20.0:  # targets are aimed a little higher
        raise BadConfiguration("--kappa", "20: give a number below it, where the stresses that are tried end")
    if targets.floor > targets.health:
        raise BadConfiguration("--floor", f"{targets.floor:g} is above the target of {targets.health:g}")
    for option, value in (("--max-cost", most_cost), ("--gas-usd", gas_usd)):
        if value is not None and not (math.isfinite(value) and value >= 0.0):
            raise BadConfiguration(option, f"{value:g}: give a number of USD, 0 or more")
    if shock and stress is not None:
        raise BadConfiguration("--stress", "give either a named stress or --shock")
    return PlanRequest(
        targets=targets,
        only=tuple(only),
        bridge=not no_bridge,
        hedge=hedge,
        most_cost_usd=most_cost,
        stress=stress,
        shock=shocks.scenario(" ".join(shock), shocks.moves(list(shock)), None) if shock else None,
        slippage=None if slippage is None else _share(slippage),
        gas_usd=gas_usd,
        executor=None if executor is None else parse_address(executor),
        estimates=not no_estimates,
    )


def _share(text: str) -> Decimal:
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    match = _SHARE.fullmatch(text)
    if match is None or Decimal(match[1]) > 50:
        raise BadConfiguration("--slippage", f"{text!r}: give a share of at most 50%, such as 0.1%")
    return Decimal(match[1]) / 100
