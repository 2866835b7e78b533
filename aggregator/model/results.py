"""What risk says of a portfolio, as plain data that `store` and `cli` can write. USD are floats here:
they come from scenarios; balances never do. Infinity is `math.inf`; JSON writes it as null."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from aggregator.model.assets import AssetId
from aggregator.model.families import RayFamily
from aggregator.model.survival import SurvivalPoint
from aggregator.model.tails import Tails


class Band(StrEnum):
    """The score's verdict in words, worst last (RISK.md section 5)."""

    NONE = "NONE"
    STRONG = "STRONG"
    HEALTHY = "HEALTHY"
    WATCH = "WATCH"
    CRITICAL = "CRITICAL"
    UNDER_MARGINED = "UNDER-MARGINED"
    INSOLVENT = "INSOLVENT"
    NATIVE_LIQUIDATION = "NATIVE-LIQUIDATION"


class Verdict(StrEnum):
    """The band for tables and exit codes; `unknown` where something could not be read."""

    OK = "ok"
    WARN = "warn"
    CRITICAL = "critical"
    LIQUIDATABLE = "liquidatable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Multiples:
    """How many standard stresses until: one account fails its own test, no transfer can help, insolvency."""

    native: float
    operational: float
    solvency: float


@dataclass(frozen=True, slots=True)
class LiquidationPrice:
    """Where an account is liquidated if only this underlying (and all that moves with it) moves.

    `distance` is the relative move from today: -0.45 is 45% down.
    """

    underlying: str
    direction: Literal["down", "up"]
    price_usd: float
    distance: float


@dataclass(frozen=True, slots=True)
class AssetLiquidationPrice:
    """Where an account is liquidated if only this asset's own price moves; see LiquidationPrice."""

    asset_id: AssetId
    direction: Literal["down", "up"]
    price_usd: float
    distance: float


@dataclass(frozen=True, slots=True)
class AccountRisk:
    """One account in the framework: its own test (N, Q in USD) and its share of ours.

    `native_health` is the exact rule's N/Q (None: nothing required); `check_bps` its difference from what
    the protocol reports, in basis points (None: the protocol reports none). `lam_native` is the first
    stress multiple at which it fails its own test (inf: never on the grid). `requirement_usd` is its M when
    alone. `binding_ray` is the scenario in which it fails first, and `binding_family` what that is about.
    `sets_band` is False below the dust line.
    `interest_usd_day` is what a lending account earns a day, paid < 0 (None: a rate is not known);
    `runway_days` is how long its own test holds at today's prices and rates (None: for ten years, or it is
    no lending account).
    """

    account_id: str
    equity_usd: float
    power_usd: float
    native_requirement_usd: float
    native_health: float | None
    reported_health: float | None
    check_bps: float | None
    liquidatable: bool
    lam_native: float
    binding_ray: str | None
    requirement_usd: float
    liquidation_prices: tuple[LiquidationPrice, ...]
    asset_liquidation_prices: tuple[AssetLiquidationPrice, ...]
    sets_band: bool
    oracle_blind: bool
    interest_usd_day: float | None
    runway_days: float | None
    binding_family: RayFamily | None = None

    @property
    def is_unjudged(self) -> bool:
        """Whether its protocol tells a health, and there is no rule to say what that is at other prices."""
        return self.native_health is None and self.check_bps is None and self.reported_health is not None


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities to one underlying in its base units and in USD.

    `delta_usd` is the change for +1%; `gamma_units` the change of delta (units) for +1%, `gamma_usd` what
    that adds to `delta_usd`; `vega_usd` per +1 vol point; `theta_usd` per day; `rho_usd` per +1 bp.
    """

    underlying: str
    delta_units: float
    delta_usd: float
    gamma_units: float
    gamma_usd: float
    vega_usd: float
    theta_usd: float
    rho_usd: float


@dataclass(frozen=True, slots=True)
class PositionGreeks:
    """One position's part of the Greeks of one underlying; `ordinal` is its place in the account, from 0."""

    account_id: str
    ordinal: int
    greeks: Greeks


@dataclass(frozen=True, slots=True)
class ScenarioLoss:
    """The loss of the whole in one scenario at stress multiple `level` (1 is a standard stress)."""

    name: str
    level: float
    loss_usd: float
    by_account: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """E0 - M in three parts: native headroom + common haircuts + netting (RISK.md section 6)."""

    native_headroom_usd: float
    common_haircuts_usd: float
    netting_usd: float
    excess_usd: float


@dataclass(frozen=True, slots=True)
class HistoryUsed:
    """The price history that a result rests on.

    `source` says which underlyings' prices are from where; `last_day` is the last that it has (2026-11-28);
    `hash` identifies all of its returns.
    """

    source: str
    last_day: str
    hash: str


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The worst that may be true of the whole while parts are unread; `why` is a sentence.

    `verdict` is what it would then be: `liquidatable`, with score and kappa 0, where what is unread may owe.
    """

    score: float
    kappa: float
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class RiskResult:
    """The framework's answer for one portfolio.

    `score` is None without positions. `kappa` is the stress multiple that the whole survives (inf: none on
    the grid breaks it). `unified_band` is by kappa alone, `weakest_band` by the weakest account, `band` the
    worse of the two. `margin_coverage_ratio` is E0/M (inf where M is 0). `requirement_usd` is the larger of
    `scan_requirement_usd` and that of `tails`, plus `add_on_usd`; `binding` is the scenario that the larger
    one comes from, or the mean of the worst draws. `tails` is None in what an earlier release has stored, and
    `survival`, from which kappa and the requirement follow, is empty there and without positions.
    `closing_cost_usd` is what selling the net deltas at once would cost, in no other figure; None in what an
    earlier release has stored. `flags` are sentences. `worst_case` is None where everything was read;
    `fresh_kappa` is what kappa would be if no price were late, None where none is. `history` is None where
    all volatilities and correlations are the configured defaults.
    """

    score: float | None
    kappa: float
    band: Band
    unified_band: Band
    weakest_band: Band
    verdict: Verdict
    margin_coverage_ratio: float
    equity_usd: float
    walk_away_equity_usd: float
    gross_usd: float
    requirement_usd: float
    scan_requirement_usd: float
    add_on_usd: float
    isolated_requirement_usd: float
    multiples: Multiples
    weakest_account: str | None
    accounts: tuple[AccountRisk, ...]
    greeks: tuple[Greeks, ...]
    position_greeks: tuple[PositionGreeks, ...]
    worst_scenarios: tuple[ScenarioLoss, ...]
    binding: ScenarioLoss | None
    waterfall: Waterfall
    tails: Tails | None
    survival: tuple[SurvivalPoint, ...]
    flags: tuple[str, ...]
    framework_version: str
    parameters_hash: str
    scenario_hash: str
    history: HistoryUsed | None = None
    worst_case: WorstCase | None = None
    fresh_kappa: float | None = None
    closing_cost_usd: float | None = None

    @property
    def liquidity_adjusted_loss_usd(self) -> float | None:
        """The loss of the requirement's scenario or draws, and closing the book after it."""
        loss = max(self.scan_requirement_usd, 0.0 if self.tails is None else self.tails.requirement_usd)
        return None if self.closing_cost_usd is None else loss + self.closing_cost_usd
