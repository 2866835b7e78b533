"""What other margin methods need to be computed beside ours: data, for comparison only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.model.errors import BadConfiguration
from aggregator.risk.tables import Table


@dataclass(frozen=True, slots=True)
class SpanParameters:
    """The extra scenarios' size in scan ranges and the share of their loss that counts; what a written option
    costs at least, as a share of its notional."""

    extreme_ranges: float
    extreme_weight: float
    short_option_minimum: float

    @staticmethod
    def of(table: Table) -> SpanParameters:
        """Raises BadConfiguration on a value that is missing, of the wrong type or out of range."""
        return SpanParameters(
            extreme_ranges=table.number("extreme_ranges", 1.0, 10.0),
            extreme_weight=table.number("extreme_weight", 0.0, 1.0),
            short_option_minimum=table.number("short_option_minimum", 0.0, 1.0),
        )


@dataclass(frozen=True, slots=True)
class ExchangeParameters:
    """Bands of the margin ratio, maintenance margins as shares of loans and notionals, and `collateral`: the
    share of positive equity that counts, by risk class, `named`, `mid` and `tail` among them."""

    remind: float
    no_new_orders: float
    liquidation: float
    loan_maintenance: float
    perp_maintenance: float
    written_option_maintenance: float
    collateral: Mapping[str, float]

    @staticmethod
    def of(table: Table, classes: tuple[str, ...], where: str) -> ExchangeParameters:
        """`classes` are the risk classes that need a rate; raises BadConfiguration as SpanParameters does,
        and where the bands are not in their order."""
        rates = table.table("collateral")
        result = ExchangeParameters(
            remind=table.number("remind", 1.0, 10.0),
            no_new_orders=table.number("no_new_orders", 1.0, 10.0),
            liquidation=table.number("liquidation", 1.0, 10.0),
            loan_maintenance=table.number("loan_maintenance", 0.0, 1.0),
            perp_maintenance=table.number("perp_maintenance", 0.0, 1.0),
            written_option_maintenance=table.number("written_option_maintenance", 0.0, 1.0),
            collateral={name: rates.number(name, 0.0, 1.0) for name in ("named", "mid", "tail", *classes)},
        )
        if not result.liquidation <= result.no_new_orders <= result.remind:
            raise BadConfiguration(where, "[exchange] bands must fall: remind, no_new_orders, liquidation")
        return result
