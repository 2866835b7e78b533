"""A risk result as rows and columns, and back: its lists; see `whole_rows` for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

from sqlmodel import SQLModel

from aggregator.model.families import RayFamily
from aggregator.model.results import (
    AccountRisk,
    AssetLiquidationPrice,
    Greeks,
    LiquidationPrice,
    PositionGreeks,
    RiskResult,
    ScenarioLoss,
)
from aggregator.model.survival import SurvivalPoint
from aggregator.model.tails import ValueAtRisk
from aggregator.store.account_risk_tables import AccountRiskRow, AssetLiquidationPointRow, LiquidationPointRow
from aggregator.store.bulk import Columns
from aggregator.store.greek_tables import GreekRow, PositionGreekRow
from aggregator.store.requirement_rows import survival_columns
from aggregator.store.requirement_tables import SurvivalPointRow
from aggregator.store.risk_tables import (
    RiskResultRow,
    ScenarioAccountLossRow,
    ScenarioLossRow,
    ValueAtRiskRow,
)
from aggregator.store.values import attributes, finite, is_infinite, picked, unflagged
from aggregator.store.whole_rows import result_columns, whole_of

_LISTS = {"liquidation_prices", "asset_liquidation_prices"}
_ACCOUNT = [f.name for f in fields(AccountRisk) if f.name not in _LISTS | {"lam_native", "binding_family"}]


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
        RiskResultRow: result_columns(result),
        ValueAtRiskRow: {
            **attributes(estimates, [f.name for f in fields(ValueAtRisk)]),
            "ordinal": range(len(estimates)),
        },
        SurvivalPointRow: survival_columns(result.survival),
        AccountRiskRow: {
            **attributes(accounts, _ACCOUNT),
            "ordinal": range(len(accounts)),
            "lam_native": [finite(a.lam_native) for a in accounts],
            "lam_native_infinite": [is_infinite(a.lam_native) for a in accounts],
        },
        LiquidationPointRow: {
            **attributes([p for _, _, p in points], [f.name for f in fields(LiquidationPrice)]),
            "account_id": [account_id for account_id, _, _ in points],
            "ordinal": [i for _, i, _ in points],
        },
        AssetLiquidationPointRow: {
            **attributes([p for _, _, p in assets], [f.name for f in fields(AssetLiquidationPrice)]),
            "account_id": [account_id for account_id, _, _ in assets],
            "ordinal": [i for _, i, _ in assets],
        },
        GreekRow: {
            **attributes(result.greeks, [f.name for f in fields(Greeks)]),
            "ordinal": range(len(result.greeks)),
        },
        PositionGreekRow: {
            **attributes([p.greeks for p in result.position_greeks], [f.name for f in fields(Greeks)]),
            "account_id": [p.account_id for p in result.position_greeks],
            "position_ordinal": [p.ordinal for p in result.position_greeks],
            "ordinal": range(len(result.position_greeks)),
        },
        ScenarioLossRow: {
            **attributes([s for _, _, s in scenarios], ["name", "level", "loss_usd"]),
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
    return RiskResult(
        **whole_of(row, estimates),
        survival=survival,
        accounts=tuple(
            AccountRisk(
                **{name: getattr(account, name) for name in _ACCOUNT},
                lam_native=unflagged(account, "lam_native"),
                binding_family=None if account.binding_ray is None else RayFamily.stored(account.binding_ray),
                liquidation_prices=tuple(
                    picked(LiquidationPrice, p) for p in points if p.account_id == account.account_id
                ),
                asset_liquidation_prices=tuple(
                    picked(AssetLiquidationPrice, p)
                    for p in asset_points
                    if p.account_id == account.account_id
                ),
            )
            for account in accounts
        ),
        greeks=tuple(picked(Greeks, greek) for greek in greeks),
        position_greeks=tuple(
            PositionGreeks(row.account_id, row.position_ordinal, picked(Greeks, row))
            for row in position_greeks
        ),
        worst_scenarios=by_role["worst"],
        binding=by_role["binding"][0] if by_role["binding"] else None,
        flags=flags,
    )


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
