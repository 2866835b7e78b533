"""The framework's answer for the whole as one row, and back: all that is not a list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from aggregator.model.results import (
    Band,
    HistoryUsed,
    Multiples,
    RiskResult,
    Verdict,
    Waterfall,
    WorstCase,
)
from aggregator.model.tails import Tails, ValueAtRisk
from aggregator.store.bulk import Columns
from aggregator.store.risk_tables import RiskResultRow, ValueAtRiskRow
from aggregator.store.values import finite, flagged, is_infinite, picked, unflagged

# Fields of RiskResult that are lists or parts, with tables or prefixed columns of their own.
_LISTED = {"accounts", "greeks", "position_greeks", "worst_scenarios", "survival", "flags"}
_SINGLE = {"multiples", "binding", "waterfall", "tails", "history", "worst_case", "fresh_kappa"}
_PARTS = _SINGLE | _LISTED
_INFINITE = {"kappa", "margin_coverage_ratio"}
_SCALARS = [f.name for f in fields(RiskResult) if f.name not in _PARTS | _INFINITE]
_MULTIPLES = [f.name for f in fields(Multiples)]
_TAILS = [f.name for f in fields(Tails) if f.name != "value_at_risk"]


def result_columns(result: RiskResult) -> Columns:
    """The result's scalars as columns of one row, without `snapshot_id`."""
    values: dict[str, Any] = {name: getattr(result, name) for name in _SCALARS}
    for name in _INFINITE:
        values |= flagged(name, getattr(result, name))
    for name in _MULTIPLES:
        values |= flagged(f"multiple_{name}", getattr(result.multiples, name))
    values |= {f.name: getattr(result.waterfall, f.name) for f in fields(Waterfall)}
    values |= {f"history_{f.name}": getattr(result.history, f.name, None) for f in fields(HistoryUsed)}
    values |= {f"tail_{name}": getattr(result.tails, name, None) for name in _TAILS}
    worst = result.worst_case
    values |= {f"worst_{name}": getattr(worst, name, None) for name in ("score", "verdict", "why")}
    values["worst_kappa"] = None if worst is None else finite(worst.kappa)
    values["fresh_kappa"] = None if result.fresh_kappa is None else finite(result.fresh_kappa)
    values["fresh_kappa_infinite"] = None if result.fresh_kappa is None else is_infinite(result.fresh_kappa)
    return {name: [value] for name, value in values.items()}


def whole_of(row: RiskResultRow, estimates: Sequence[ValueAtRiskRow]) -> dict[str, Any]:
    """The fields of a RiskResult that are not lists; raises ValueError where a part of one is missing."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _SCALARS}
    values |= {name: Band(values[name]) for name in ("band", "unified_band", "weakest_band")}
    values |= {name: unflagged(row, name) for name in _INFINITE}
    return values | {
        "verdict": Verdict(row.verdict),
        "multiples": Multiples(**{name: unflagged(row, f"multiple_{name}") for name in _MULTIPLES}),
        "waterfall": picked(Waterfall, row),
        "tails": _tails(row, estimates),
        "history": _history(row),
        "worst_case": _worst_case(row),
        "fresh_kappa": None if row.fresh_kappa_infinite is None else unflagged(row, "fresh_kappa"),
    }


def _worst_case(row: RiskResultRow) -> WorstCase | None:
    """Raises ValueError where a part of it is missing."""
    if row.worst_verdict is None:
        return None
    if row.worst_score is None or row.worst_why is None:
        raise ValueError("a part of its worst case is missing")
    kappa = math.inf if row.worst_kappa is None else row.worst_kappa
    return WorstCase(row.worst_score, kappa, Verdict(row.worst_verdict), row.worst_why)


def _history(row: RiskResultRow) -> HistoryUsed | None:
    """Raises ValueError where a part of it is missing."""
    parts = {f.name: getattr(row, f"history_{f.name}") for f in fields(HistoryUsed)}
    known = [value for value in parts.values() if value is not None]
    if not known:
        return None
    if len(known) < len(parts):
        raise ValueError("a part of its price history is missing")
    return HistoryUsed(**parts)


def _tails(row: RiskResultRow, estimates: Sequence[ValueAtRiskRow]) -> Tails | None:
    """Raises ValueError where a part of them is missing."""
    values: dict[str, Any] = {name: getattr(row, f"tail_{name}") for name in _TAILS}
    needed = [value for name, value in values.items() if name != "historical_absent"]
    if all(value is None for value in values.values()) and not estimates:
        return None
    if any(value is None for value in needed):
        raise ValueError("a part of its expected shortfall is missing")
    return Tails(**values, value_at_risk=tuple(picked(ValueAtRisk, estimate) for estimate in estimates))
