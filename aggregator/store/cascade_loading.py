"""The rows of a cascade and of a ladder as what they were made from: `cascade_rows` the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aggregator.model.assets import AssetId
from aggregator.model.cascades import Cascade, CascadeStep, Refusal, Rung
from aggregator.model.rules import Amount, Repayment
from aggregator.model.units import Address
from aggregator.store.account_tables import AccountRow
from aggregator.store.cascade_rows import TOTALS
from aggregator.store.cascade_tables import (
    CascadeAmountRow,
    CascadeLossRow,
    CascadeRow,
    CascadeStepRow,
    LadderRungRow,
)


def cascade(
    row: CascadeRow,
    steps: Sequence[CascadeStepRow],
    amounts: Sequence[CascadeAmountRow],
    losses: Sequence[CascadeLossRow],
    wallet: Address,
) -> Cascade:
    """A cascade of a wallet; the rows of each part in order.

    Raises ValueError or LookupError on rows that no cascade has.
    """
    return Cascade(
        **{name: float(getattr(row, name)) for name in TOTALS},
        scenario=row.scenario,
        wallet=wallet,
        start_prices_usd=row.start_prices_usd,
        steps=tuple(
            _step(
                one,
                [moved for moved in amounts if moved.step == one.ordinal],
                [loss for loss in losses if loss.step == one.ordinal],
            )
            for one in steps
        ),
        refusals=tuple(Refusal(one["account_id"], one["label"], one["reason"]) for one in row.refusals),
        toxic=tuple(row.toxic),
        final_prices_usd=row.final_prices_usd,
        rounds=row.rounds,
        converged=row.converged,
        told=tuple(row.told),
    )


def _step(
    row: CascadeStepRow, amounts: Sequence[CascadeAmountRow], losses: Sequence[CascadeLossRow]
) -> CascadeStep:
    def moved(role: str) -> tuple[Amount, ...]:
        return tuple(Amount(AssetId(one.asset_id), one.amount_raw) for one in amounts if one.role == role)

    return CascadeStep(
        round=row.round,
        account_id=row.account_id,
        label=row.label,
        prices_usd=row.prices_usd,
        health=row.native_health,
        repaid=moved("repaid"),
        seized=moved("seized"),
        fees=moved("fee"),
        returned=moved("returned"),
        bad_debt=moved("bad_debt"),
        closed=tuple((one.asset_id, one.amount_raw) for one in amounts if one.role == "closed"),
        penalty_usd=float(row.penalty_usd),
        bad_debt_usd=float(row.bad_debt_usd),
        borne=tuple((one.bearer, float(one.loss_usd)) for one in losses),
        sold_usd=row.sold_usd,
        toxic=row.toxic,
        liquidated_usd=float(row.liquidated_usd),
        accounts=row.accounts,
        judged_at={AssetId(asset): int(price) for asset, price in row.judged_at.items()},
        offered=_offered(row),
    )


def _offered(row: CascadeStepRow) -> Repayment | None:
    if row.offered_asset_id is None:
        return None
    if row.offered_raw is None:
        raise ValueError(f"of what is offered for {row.account_id} the amount is missing")
    collateral = None if row.offered_for is None else AssetId(row.offered_for)
    return Repayment(Amount(AssetId(row.offered_asset_id), row.offered_raw), collateral)


def rung(row: LadderRungRow, accounts: Mapping[str, AccountRow]) -> Rung:
    """A rung of a ladder; `accounts` of its snapshot."""
    return Rung(
        account_id=row.account_id,
        label=accounts[row.account_id].label,
        underlying=row.underlying,
        price_usd=row.price_usd,
        distance=row.distance,
        liquidated_usd=float(row.liquidated_usd),
        cost_usd=float(row.cost_usd),
        follows=tuple(row.follows),
    )
