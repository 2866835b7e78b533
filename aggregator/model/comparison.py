"""One book under several margin methods, as plain data. USD are floats: they come from scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """A way to ask for margin (RISK.md section 12)."""

    LEGS = "legs_isolated"
    SILOS = "silos_isolated"
    NATIVE = "native"
    SPAN = "span"
    EXCHANGE = "exchange_portfolio_margin"
    VAR = "value_at_risk"
    OURS = "ours"


class MarginBand(StrEnum):
    """What an exchange does at a ratio of adjusted equity to maintenance margin."""

    FREE = "free"
    REMIND = "remind"
    NO_NEW_ORDERS = "no_new_orders"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True)
class Requirement:
    """`Asked` without its sentence, as snapshots keep it."""

    method: Method
    variant: str
    requirement_usd: float
    capital_efficiency: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one method asks of a book in USD, against equity that counts options at their value.

    `method` with `variant` (such as `delta-normal 1 day`; empty where there is one only) is unique.
    `capital_efficiency` is 1 - M/requirement: what ours saves against it, negative where ours asks more;
    None where nothing is asked, and for ours itself. `why` is one sentence about what makes it differ.
    """

    method: Method
    variant: str
    requirement_usd: float
    capital_efficiency: float | None
    why: str


@dataclass(frozen=True, slots=True)
class SpanUnderlying:
    """SPAN of one underlying in USD: the largest loss of its 16 scenarios and which one that is, the delta
    that other underlyings may offset, the credit for it, and the least that written options cost."""

    underlying: str
    scenario: str
    scanning_risk_usd: float
    delta_usd: float
    credit_usd: float
    short_option_minimum_usd: float

    @property
    def risk_usd(self) -> float:
        """Scanning risk less credit, at least the short-option minimum."""
        return max(self.scanning_risk_usd - self.credit_usd, self.short_option_minimum_usd)


@dataclass(frozen=True, slots=True)
class Span:
    """SPAN of a book in USD; `net_option_value_usd` is what its options are worth, written ones < 0."""

    underlyings: tuple[SpanUnderlying, ...]
    net_option_value_usd: float

    @property
    def risk_usd(self) -> float:
        """What must be there where equity counts options at their value already."""
        return sum((entry.risk_usd for entry in self.underlyings), 0.0)

    @property
    def margin_usd(self) -> float:
        """What must be there in cash: risk less the net option value that is credited, at least nothing."""
        return max(0.0, self.risk_usd - self.net_option_value_usd)


@dataclass(frozen=True, slots=True)
class ExchangeMargin:
    """An exchange's portfolio margin: equity by asset at collateral rates, maintenance margin, and the ratio
    of the two (inf where nothing is to be maintained), in USD."""

    adjusted_equity_usd: float
    maintenance_usd: float
    ratio: float
    band: MarginBand


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same book under every method; `missing` are sentences about methods that could not be computed."""

    rows: tuple[Asked, ...]
    span: Span
    exchange: ExchangeMargin
    missing: tuple[str, ...]

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The figures of all rows, none of them -0.0: a database gives that back as 0.0."""
        return tuple(
            Requirement(row.method, row.variant, row.requirement_usd + 0.0, row.capital_efficiency)
            for row in self.rows
        )
