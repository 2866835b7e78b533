"""A risk result as rows and columns, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlmodel import SQLModel

from aggregator.model.families import RayFamily
from aggregator.model.results import (
    AccountRisk,
    AssetLiquidationPrice,
    Band,
    Greeks,
    HistoryUsed,
    LiquidationPrice,
    Multiples,
    PositionGreeks,
    RiskResult,
    ScenarioLoss,
    Verdict,
    Waterfall,
    WorstCase,
)
from aggregator.model.survival import SurvivalPoint
from aggregator.model.tails import Tails, ValueAtRisk
from aggregator.store.bulk import Columns
from aggregator.store.columns import flagged, unflagged
from aggregator.store.requirement_rows import survival_columns
from aggregator.store.requirement_tables import SurvivalPointRow
from aggregator.store.risk_tables import (
    AccountRiskRow,
    AssetLiquidationPointRow,
    GreekRow,
    LiquidationPointRow,
    PositionGreekRow,
    RiskResultRow,
    ScenarioAccountLossRow,
    ScenarioLossRow,
    ValueAtRiskRow,
)

T = TypeVar("T")

# Fields of RiskResult that are lists or parts, with tables or prefixed columns of their own.
_LISTED = {"accounts", "greeks", "position_greeks", "worst_scenarios", "survival", "flags"}
_SINGLE = {"multiples", "binding", "waterfall", "tails", "history", "worst_case", "fresh_kappa"}
_PARTS = _SINGLE | _LISTED
_INFINITE = {"kappa", "margin_coverage_ratio"}
_SCALARS = [f.name for f in fields(RiskResult) if f.name not in _PARTS | _INFINITE]
_MULTIPLES = [f.name for f in fields(Multiples)]
_TAILS = [f.name for f in fields(Tails) if f.name != "value_at_risk"]
_LISTS = {"liquidation_prices", "asset_liquidation_prices"}
_ACCOUNT = [f.name for f in fields(AccountRisk) if f.name not in _LISTS | {"lam_native", "binding_family"}]


def _result_columns(result: RiskResult) -> Columns:
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
    values["worst_kappa"] = None if worst is None else _finite(worst.kappa)
    values["fresh_kappa"] = None if result.fresh_kappa is None else _finite(result.fresh_kappa)
    values["fresh_kappa_infinite"] = None if result.fresh_kappa is None else _is_infinite(result.fresh_kappa)
    return {name: [value] for name, value in values.items()}


def risk_columns(result: RiskResult) -> dict[type[SQLModel], Columns]:
    """The columns of every table that tells what risk said, without `snapshot_id`."""
    accounts, scenarios = result.accounts, _scenarios(result)
    points = [(a.account_id, i, p) for a in accounts for i, p in enumerate(a.liquidation_prices)]
    assets = [(a.account_id, i, p) for a in accounts for i, p in enumerate(a.asset_liquidation_prices)]
    estimates = () if result.tails is None else result.tails.value_at_risk
    parts = [
        (role, rank, i, account_id, loss)
        for role, rank, scenario in scenarios
        for i, (account_id, loss) in enumerate(scenario.by_account)
    ]
    return {
        RiskResultRow: _result_columns(result),
        ValueAtRiskRow: {
            **_attributes(estimates, [f.name for f in fields(ValueAtRisk)]),
            "ordinal": range(len(estimates)),
        },
        SurvivalPointRow: survival_columns(result.survival),
        AccountRiskRow: {
            **_attributes(accounts, _ACCOUNT),
            "ordinal": range(len(accounts)),
            "lam_native": [_finite(a.lam_native) for a in accounts],
            "lam_native_infinite": [_is_infinite(a.lam_native) for a in accounts],
        },
        LiquidationPointRow: {
            **_attributes([p for _, _, p in points], [f.name for f in fields(LiquidationPrice)]),
            "account_id": [account_id for account_id, _, _ in points],
            "ordinal": [i for _, i, _ in points],
        },
        AssetLiquidationPointRow: {
            **_attributes([p for _, _, p in assets], [f.name for f in fields(AssetLiquidationPrice)]),
            "account_id": [account_id for account_id, _, _ in assets],
            "ordinal": [i for _, i, _ in assets],
        },
        GreekRow: {
            **_attributes(result.greeks, [f.name for f in fields(Greeks)]),
            "ordinal": range(len(result.greeks)),
        },
        PositionGreekRow: {
            **_attributes([p.greeks for p in result.position_greeks], [f.name for f in fields(Greeks)]),
            "account_id": [p.account_id for p in result.position_greeks],
            "position_ordinal": [p.ordinal for p in result.position_greeks],
            "ordinal": range(len(result.position_greeks)),
        },
        ScenarioLossRow: {
            **_attributes([s for _, _, s in scenarios], ["name", "level", "loss_usd"]),
            "role": [role for role, _, _ in scenarios],
            "ordinal": [rank for _, rank, _ in scenarios],
        },
        ScenarioAccountLossRow: {
            "role": [part[0] for part in parts],
            "scenario_ordinal": [part[1] for part in parts],
            "ordinal": [part[2] for part in parts],
            "account_id": [part[3] for part in parts],
            "loss_usd": [part[4] for part in parts],
        },
    }


def to_result(
    row: RiskResultRow,
    *,
    estimates: Sequence[ValueAtRiskRow],
    survival: tuple[SurvivalPoint, ...],
    accounts: Sequence[AccountRiskRow],
    points: Sequence[LiquidationPointRow],
    asset_points: Sequence[AssetLiquidationPointRow],
    greeks: Sequence[GreekRow],
    position_greeks: Sequence[PositionGreekRow],
    scenarios: Sequence[ScenarioLossRow],
    losses: Sequence[ScenarioAccountLossRow],
    flags: tuple[str, ...],
) -> RiskResult:
    """The result that the rows of one snapshot, each table in its order, were made from."""
    by_role = {
        role: tuple(_scenario(s, losses) for s in scenarios if s.role == role)
        for role in ("worst", "binding")
    }
    values: dict[str, Any] = {name: getattr(row, name) for name in _SCALARS}
    values |= {name: Band(values[name]) for name in ("band", "unified_band", "weakest_band")}
    values["verdict"] = Verdict(row.verdict)
    values |= {name: unflagged(row, name) for name in _INFINITE}
    return RiskResult(
        **values,
        multiples=Multiples(**{name: unflagged(row, f"multiple_{name}") for name in _MULTIPLES}),
        waterfall=_picked(Waterfall, row),
        tails=_tails(row, estimates),
        survival=survival,
        accounts=tuple(
            AccountRisk(
                **{name: getattr(account, name) for name in _ACCOUNT},
                lam_native=unflagged(account, "lam_native"),
                binding_family=None if account.binding_ray is None else RayFamily.stored(account.binding_ray),
                liquidation_prices=tuple(
                    _picked(LiquidationPrice, p) for p in points if p.account_id == account.account_id
                ),
                asset_liquidation_prices=tuple(
                    _picked(AssetLiquidationPrice, p)
                    for p in asset_points
                    if p.account_id == account.account_id
                ),
            )
            for account in accounts
        ),
        greeks=tuple(_picked(Greeks, greek) for greek in greeks),
        position_greeks=tuple(
            PositionGreeks(row.account_id, row.position_ordinal, _picked(Greeks, row))
            for row in position_greeks
        ),
        worst_scenarios=by_role["worst"],
        binding=by_role["binding"][0] if by_role["binding"] else None,
        flags=flags,
        history=_history(row),
        worst_case=_worst_case(row),
        fresh_kappa=None if row.fresh_kappa_infinite is None else unflagged(row, "fresh_kappa"),
    )


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
    return Tails(**values, value_at_risk=tuple(_picked(ValueAtRisk, estimate) for estimate in estimates))


def _scenarios(result: RiskResult) -> list[tuple[str, int, ScenarioLoss]]:
    binding = [] if result.binding is None else [("binding", 0, result.binding)]
    return [("worst", i, scenario) for i, scenario in enumerate(result.worst_scenarios)] + binding


def _scenario(row: ScenarioLossRow, losses: Iterable[ScenarioAccountLossRow]) -> ScenarioLoss:
    mine = [
        (part.account_id, part.loss_usd)
        for part in losses
        if part.role == row.role and part.scenario_ordinal == row.ordinal
    ]
    return ScenarioLoss(row.name, row.level, row.loss_usd, tuple(mine))


def _attributes(items: Sequence[object], attributes: Iterable[str]) -> dict[str, Sequence[object]]:
    return {name: [getattr(item, name) for item in items] for name in attributes}


def _picked(kind: type[T], row: SQLModel) -> T:
    """A dataclass whose fields are columns of the row."""
    return kind(**{f.name: getattr(row, f.name) for f in fields(cast("Any", kind))})


def _is_infinite(value: float) -> bool:
    return value == math.inf


def _finite(value: float) -> float | None:
    return None if _is_infinite(value) else value
