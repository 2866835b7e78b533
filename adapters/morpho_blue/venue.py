"""Where a market's calls go, and what its contract can lend for one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact
from aggregator.model.units import Address, parse_address


@dataclass(frozen=True, slots=True)
class Venue:
    """The contract and the rest of a market's parameters, as read at a time in Unix seconds.

    What the contract has of the loan asset and of the collateral, all markets together, is None where it was
    not answered.
    """

    morpho: Address
    oracle: Address
    irm: Address
    read_at: int
    loan_cash: int | None
    collateral_cash: int | None


def venue_to_json(venue: Venue) -> dict[str, JsonValue]:
    """Data for load_venue."""
    return {
        "morpho": venue.morpho,
        "oracle": venue.oracle,
        "irm": venue.irm,
        "read_at": venue.read_at,
        "loan_cash": None if venue.loan_cash is None else str(venue.loan_cash),
        "collateral_cash": None if venue.collateral_cash is None else str(venue.collateral_cash),
    }


def load_venue(data: Mapping[str, JsonValue]) -> Venue:
    """The venue of a stored rule; raises ValueError on data of another shape."""
    return Venue(
        morpho=parse_address(entry(data, "morpho", str)),
        oracle=parse_address(entry(data, "oracle", str)),
        irm=parse_address(entry(data, "irm", str)),
        read_at=entry(data, "read_at", int),
        loan_cash=None if data.get("loan_cash") is None else exact(data, "loan_cash"),
        collateral_cash=None if data.get("collateral_cash") is None else exact(data, "collateral_cash"),
    )
