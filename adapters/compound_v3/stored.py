"""Stored rules, checked while they are read: what `CometRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.compound_v3.collateral import Collateral
from adapters.compound_v3.interest import Accrual
from adapters.compound_v3.margin import CometRule
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed
from aggregator.model.units import parse_address


def load_rule(data: Mapping[str, JsonValue]) -> CometRule:
    """The rule that `CometRule.to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, CometRule.family)
    return CometRule(
        base=load_feed(entry(data, "base", dict), quoted=True),
        base_decimals=entry(data, "base_decimals", int),
        principal=exact(data, "principal"),
        accrual=Accrual(
            supply_index=exact(data, "supply_index"),
            borrow_index=exact(data, "borrow_index"),
            supply_rate=exact(data, "supply_rate"),
            borrow_rate=exact(data, "borrow_rate"),
            updated_at=entry(data, "updated_at", int),
        ),
        collaterals=tuple(_load_collateral(held) for held in entry(data, "collaterals", list)),
        absorb_paused=entry(data, "absorb_paused", bool),
        comet=None if data.get("comet") is None else parse_address(entry(data, "comet", str)),
        read_at=None if data.get("read_at") is None else entry(data, "read_at", int),
        cash=None if data.get("cash") is None else exact(data, "cash"),
    )


def _load_collateral(data: JsonValue) -> Collateral:
    if not isinstance(data, dict):
        raise ValueError(f"'collaterals' of a stored rule should hold objects, not {data!r}")
    return Collateral(
        feed=load_feed(entry(data, "feed", dict), quoted=True),
        decimals=entry(data, "decimals", int),
        balance=exact(data, "balance"),
        liquidate_factor=exact(data, "liquidate_factor"),
        liquidation_factor=exact(data, "liquidation_factor"),
        borrow_factor=None if data.get("borrow_factor") is None else exact(data, "borrow_factor"),
        room=None if data.get("room") is None else exact(data, "room"),
    )
