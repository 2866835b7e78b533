"""What a plan is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.contract import RuleFamily
from aggregator.model.plans import Targets
from aggregator.model.portfolio import Portfolio
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import ChainId
from aggregator.planning.limits import Charges, Limits
from aggregator.risk.scenarios import CustomScenario, ScenarioSet


@dataclass(frozen=True, slots=True)
class Problem:
    """A portfolio's state, the targets, what may be done and at what cost.

    `markets` are spot markets by chain. `stress` asks for a plan that is done now and survives a scenario.
    """

    portfolio: Portfolio
    families: Mapping[str, RuleFamily]
    scenarios: ScenarioSet
    targets: Targets = field(default_factory=Targets)
    limits: Limits = field(default_factory=Limits)
    charges: Charges = field(default_factory=Charges)
    markets: Mapping[ChainId, Sequence[SpotMarket]] = field(default_factory=dict)
    stress: CustomScenario | None = None
