"""Figures of the contracts' own tests as holdings: decimals of float64 with 18 decimals.

The files name their sources: the tests of lyra-utils 759e962 and of v2-core 7736900d.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from aggregator.model.assets import index_id
from aggregator.model.rules import Feed, Oracle

NOW = 1_700_000_000


@cache
def vectors(name: str) -> Any:
    """The parsed file of this name."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text())


def wad(value: float | str) -> int:
    """The decimal that is written, with 18 decimals; a text is a whole number already."""
    if isinstance(value, str):
        return 2**128 - 1 if value.startswith("2**128-1") else int(value)
    return int(Decimal(repr(value)).scaleb(18))


def feed(underlying: str, price: int) -> Feed:
    """A price in USD."""
    return Feed(index_id(underlying), Oracle.MARKET, price, 18, "getSpot()@0x1")


def perp(size: float, price: float, spot: float, confidence: float, cash: float) -> PerpHeld | None:
    """A perp whose cash is given, without funding; None where there is none."""
    if not size:
        return None
    return PerpHeld(
        size=wad(size),
        price=wad(price),
        gap=wad(price) - wad(spot),
        frozen=False,
        confidence=wad(confidence),
        last_mark=wad(price),
        realised=wad(cash),
        applied=0,
        aggregated=0,
        had=0,
        funding_rate=0,
        funding_time=NOW,
    )


def option(row: Any) -> OptionHeld:
    """An option of a vector."""
    return OptionHeld(wad(row["K"]), row["call"], wad(row["qty"]), wad(row["vol"]))


def expiry(row: Any) -> Expiry:
    """An expiry of a vector, whose forward is whole or in two parts."""
    return Expiry(
        time=NOW + row["sec"],
        fixed=wad(row.get("Ffix", 0.0)),
        variable=wad(row["Fvar"] if "Fvar" in row else row["F"]),
        rate=wad(row.get("rate", 0.0)),
        confidence=wad(row["conf"]),
        options=tuple(map(option, row["opts"])),
    )


def holdings(name: str, row: Any, cash: float) -> Holdings:
    """What is held of a market, of whose perp `cash` is known."""
    return Holdings(
        name=name,
        spot=feed(name, wad(row["S"])),
        confidence=wad(row["sconf"]),
        perp=perp(row["perp"], row["perp_px"], row["S"], row["perp_conf"], cash),
        base=wad(row["base"]),
        expiries=tuple(map(expiry, row["expiries"])),
    )
