"""The rows of a plan as the plan they were made from: `plan_rows` the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from aggregator.model.actions import Deposit, Repay, Trade, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.plans import (
    AccountState,
    Cost,
    Flash,
    Move,
    Plan,
    Shortfall,
    State,
    Step,
    Swap,
    Targets,
    Transfer,
)
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import PastMarket
from aggregator.model.units import Address, ChainId
from aggregator.store.account_tables import AccountRow
from aggregator.store.plan_rows import BEFORE
from aggregator.store.plan_tables import PlanAccountRow, PlanRow, PlanShortfallRow, PlanStepRow
from aggregator.store.values import unflagged

V = TypeVar("V")


def plan(
    row: PlanRow,
    steps: Sequence[PlanStepRow],
    states: Sequence[PlanAccountRow],
    missing: Sequence[PlanShortfallRow],
    accounts: Mapping[str, AccountRow],
    wallet: Address,
    blocks: Mapping[ChainId, int],
) -> Plan:
    """A plan; steps and shortfalls in order, `accounts` and `blocks` of its snapshot.

    Of a swap's market what the plan says is kept (PastMarket), of an account that the plan opens no label but
    its id, which stands behind the others. Raises ValueError or LookupError on rows that
    no plan has.
    """
    known = _Rows(steps, states, accounts)
    outer = [one for one in steps if one.bundle is None]
    return Plan(
        wallet=wallet,
        status=cast("Any", row.status),
        targets=Targets(row.floor_health, row.target_health, row.target_kappa),
        before=known.state(row, "before", BEFORE),
        steps=tuple(known.step(one) for one in outer),
        after=known.state(row, "after", outer[-1].ordinal if outer else BEFORE),
        cost_usd=float(row.cost_usd),
        avoided_usd=None if row.avoided_usd is None else float(row.avoided_usd),
        shortfalls=tuple(Shortfall(one.account_id, float(one.missing_usd), one.needed) for one in missing),
        binding=row.binding_account,
        told=tuple(row.told),
        blocks=blocks,
        stress=row.stress,
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one plan beside its own, and the accounts of its snapshot."""

    steps: Sequence[PlanStepRow]
    states: Sequence[PlanAccountRow]
    accounts: Mapping[str, AccountRow]

    def state(self, row: PlanRow | PlanStepRow, when: str, step: int) -> State:
        """The whole as a row has it, with every account after a step."""
        after = {one.account_id: one for one in self.states if one.step == step}
        opened = sorted(after.keys() - self.accounts.keys())
        of: Any = cast("Any", row)
        return State(
            accounts=tuple(
                AccountState(
                    account_id=name,
                    label=self.accounts[name].label if name in self.accounts else name,
                    power_usd=after[name].power_usd,
                    requirement_usd=after[name].native_requirement_usd,
                    health=after[name].native_health,
                    liquidatable=after[name].liquidatable,
                    power_ahead_usd=after[name].power_ahead_usd,
                    requirement_ahead_usd=after[name].native_requirement_ahead_usd,
                    health_low=after[name].native_health_low,
                    health_high=after[name].native_health_high,
                )
                for name in (*(name for name in self.accounts if name in after), *opened)
            ),
            equity_usd=getattr(of, f"equity_{when}_usd"),
            requirement_usd=getattr(of, f"requirement_{when}_usd"),
            kappa=unflagged(row, f"kappa_{when}"),
            score=getattr(of, f"score_{when}"),
        )

    def step(self, row: PlanStepRow) -> Step:
        """One step, a bundle with those within it."""
        return Step(
            account_id=row.account_id,
            purse_id=row.wallet_account_id,
            move=self._move(row),
            amount=None if row.amount_raw is None else _amount(row),
            paid=_amounts(row.paid),
            received=_amounts(row.received),
            cost=Cost(float(row.fees_usd), float(row.slippage_usd), float(row.gas_usd)),
            after=None if row.kappa_after_infinite is None else self.state(row, "after", row.ordinal),
            sender=Address(row.sender),
            calls=tuple(_call(one) for one in row.calls),
            untold=row.calls_unknown,
        )

    def _move(self, row: PlanStepRow) -> Move:
        match row.action:
            case "repay":
                return Repay(_amount(row).asset, _asked(row))
            case "deposit":
                return Deposit(_amount(row).asset, there(_asked(row)))
            case "withdraw":
                return Withdraw(_amount(row).asset, _asked(row))
            case "trade":
                return Trade(there(row.market), there(row.size_raw))
            case "swap":
                sold, least = _amount(row), _least(row)
                chain = ChainId(self.accounts[row.account_id].chain_id)
                return Swap(PastMarket(chain, (sold.asset, least.asset), there(row.market)), sold, least)
            case "transfer":
                return Transfer(_amount(row), _least(row), there(row.to_account_id))
            case "flash":
                inner = tuple(self.step(one) for one in self.steps if one.bundle == row.ordinal)
                lent = _amount(row)
                return Flash(there(row.to_account_id), lent, Amount(lent.asset, there(row.fee_raw)), inner)
            case action:
                raise ValueError(f"a plan has a step of unknown action {action}")


def there(value: V | None) -> V:
    """A value that steps of this action have; raises ValueError where it is NULL."""
    if value is None:
        raise ValueError("a part of a step is missing")
    return value


def _amount(row: PlanStepRow) -> Amount:
    return Amount(AssetId(there(row.asset_id)), there(row.amount_raw))


def _least(row: PlanStepRow) -> Amount:
    return Amount(AssetId(there(row.least_asset_id)), there(row.least_raw))


def _asked(row: PlanStepRow) -> int | None:
    """What the venue is asked for; of a plan that was saved before that was kept what was moved."""
    if row.everything:
        return None
    return row.amount_raw if row.asked_raw is None else row.asked_raw


def _amounts(found: Sequence[Sequence[str]]) -> tuple[Amount, ...]:
    return tuple(Amount(AssetId(asset), int(raw)) for asset, raw in found)


def _call(one: Mapping[str, Any]) -> UnsignedCall:
    return UnsignedCall(
        to=Address(one["to"]),
        data=bytes.fromhex(one["data"].removeprefix("0x")),
        value=int(one["value"]),
        description=one["description"],
        later=one["later"],
    )
