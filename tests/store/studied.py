"""A plan, cascades, a ladder and a calendar built by hand, with every field set to something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from aggregator.model.actions import Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calendars import AccountCarry, Calendar, CalendarEvent
from aggregator.model.calls import UnsignedCall
from aggregator.model.cascades import Cascade, CascadeStep, Refusal, Rung
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
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Amount, JsonValue, Refused, Repayment
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId
from aggregator.store.calendar_rows import calendar_study
from aggregator.store.cascade_rows import cascade_study, ladder_study
from aggregator.store.opening import Opening
from aggregator.store.plan_rows import plan_study
from aggregator.store.saved import SavedSnapshot, SavedStudy
from aggregator.store.saving import Saving
from aggregator.store.studies import save
from aggregator.store.study_rows import Study
from tests.store.blank import blank, copied
from tests.store.samples import (
    COMPARISON,
    DERIVATIVES,
    EXPECTED,
    LOAN,
    MAINNET,
    PORTFOLIO,
    RESULT,
    SUSD,
    TAKEN_AT,
    USDC,
    WALLET,
    WALLET_ACCOUNT,
    WETH,
)

MOST = 2**256 - 1
POOL = Address("0x" + "07" * 20)
INPUTS = {"targets": {"health": 1.25}, "slippage": "0.001"}


@dataclass(frozen=True, slots=True)
class Desk:
    """A stand-in of a market of which nothing but its name is kept."""

    family: ClassVar[str] = "desk"
    chain: ChainId = MAINNET
    assets: tuple[AssetId, AssetId] = (WETH.id, USDC.id)
    label: str = "=Desk \x1b[31m"

    def swap(self, sold: Amount) -> Swapped | Refused:
        raise NotImplementedError(sold)

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        raise NotImplementedError((sold, least, sender, deadline))

    def to_json(self) -> dict[str, JsonValue]:
        return {}


def state(kappa: float, health: float | None) -> State:
    """Both accounts that are judged."""
    accounts = (
        AccountState(
            account_id=LOAN.id,
            label=LOAN.label,
            power_usd=61_000.1,
            requirement_usd=60_000.0,
            health=health,
            liquidatable=health is not None and health < 1,
            power_ahead_usd=61_000.25,
            requirement_ahead_usd=60_000.5,
            health_low=0.5,
            health_high=None,
        ),
        AccountState(
            account_id=DERIVATIVES.id,
            label=DERIVATIVES.label,
            power_usd=0.1 + 0.2,
            requirement_usd=0.0,
            health=None,
            liquidatable=False,
            power_ahead_usd=None,
            requirement_ahead_usd=None,
            health_low=None,
            health_high=None,
        ),
    )
    return State(accounts, -1_000.125, 7_000.5, kappa, None if math.isinf(kappa) else 50.25)


CALL = UnsignedCall(POOL, bytes.fromhex("a9059cbb00ff"), 2**255 + 1, 'repay "all"', "the keeper")


def step(move: Move, amount: Amount | None, after: State | None, **changes: object) -> Step:
    """A step with costs and a call."""
    made = Step(
        account_id=LOAN.id,
        purse_id=WALLET_ACCOUNT.id,
        move=move,
        amount=amount,
        paid=(Amount(USDC.id, MOST),),
        received=(Amount(WETH.id, 1), Amount(USDC.id, 0)),
        cost=Cost(0.1, 0.2, 1 / 3),
        after=after,
        sender=WALLET,
        calls=(CALL, CALL),
        untold=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # as the fields are


BUNDLE = Flash(
    lender=LOAN.id,
    lent=Amount(USDC.id, 10**12),
    fee=Amount(USDC.id, 5 * 10**8),
    steps=(
        step(Repay(USDC.id, None), Amount(USDC.id, 10**12), None, calls=(), untold="no call is known"),
        step(Withdraw(WETH.id, 2**200), Amount(WETH.id, 2**200), None),
    ),
)
PLAN = Plan(
    wallet=WALLET,
    status="infeasible",
    targets=Targets(1.02, 1.3, 1.5),
    before=state(0.5, 0.99),
    steps=(
        step(Deposit(WETH.id, MOST), Amount(WETH.id, MOST), state(0.75, 1.05)),
        step(BUNDLE, Amount(USDC.id, 10**12), state(1.0, 1.1)),
        step(Trade("sETHPERP", -(2**255)), None, state(1.1, 1.15), account_id=DERIVATIVES.id),
        step(
            Swap(Desk(), Amount(WETH.id, 10**18 + 1), Amount(USDC.id, 2_000_000_001)),
            Amount(WETH.id, 10**18 + 1),
            state(1.2, 1.15),
            account_id=WALLET_ACCOUNT.id,
        ),
        step(
            Transfer(Amount(USDC.id, 7), Amount(SUSD.id, 6), "wallet:10:wallet:somebody"),
            Amount(USDC.id, 7),
            state(math.inf, 1.2),
            account_id=WALLET_ACCOUNT.id,
        ),
    ),
    after=state(math.inf, 1.2),
    cost_usd=5 * (0.1 + 0.2 + 1 / 3),
    avoided_usd=1_234.567890123,
    shortfalls=(
        Shortfall(LOAN.id, 12.5, "deposit 0.01 WETH"),
        Shortfall(None, 1e-9, "more"),
    ),
    binding=LOAN.id,
    told=("swaps are counted at less", "the keeper must act"),
    blocks={MAINNET: 21_204_331},
    stress="covid",
)


def liquidation(number: int, **changes: object) -> CascadeStep:
    """One liquidation, of the loan."""
    made = CascadeStep(
        round=number,
        account_id=LOAN.id,
        label="=Loan\u202e",
        prices_usd={"ETH": 1_463.7864197530001, "BTC": 0.1 + 0.2},
        health=0.987654321,
        repaid=(Amount(USDC.id, MOST),),
        seized=(Amount(WETH.id, 10**18 + number),),
        fees=(Amount(WETH.id, 1),),
        returned=(Amount(USDC.id, 0),),
        bad_debt=(Amount(USDC.id, 123), Amount(SUSD.id, 2**200)),
        closed=(("sETHPERP", -(2**255)), ("sBTCPERP", 5)),
        penalty_usd=12.000000005,
        bad_debt_usd=1_000.25,
        borne=(("insurance_fund", 400.125), ("suppliers", 600.125)),
        sold_usd={"ETH": -0.0, "BTC": -12.5},
        toxic=True,
        liquidated_usd=9_000.1,
        judged_at={WETH.id: 2**200},
        offered=Repayment(Amount(USDC.id, MOST), WETH.id),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # as the fields are


CASCADE = Cascade(
    scenario="covid",
    wallet=WALLET,
    start_prices_usd={"ETH": 1_463.7864197530001},
    steps=(
        liquidation(1),
        liquidation(1, account_id="aave_v3: 12 borrowers", accounts=12, health=None, offered=None),
        liquidation(2, bad_debt=(), borne=(), bad_debt_usd=0.0),
    ),
    refusals=(Refusal(DERIVATIVES.id, DERIVATIVES.label, "nobody may liquidate it"),),
    toxic=(LOAN.id,),
    final_prices_usd={"ETH": 1_400.0},
    value_before_usd=10_000.5,
    value_after_usd=-1.25,
    penalties_usd=24.00000001,
    fees_usd=0.25,
    impact_usd=1e-9,
    bad_debt_usd=2_000.5,
    own_share_usd=-0.0,
    rounds=2,
    converged=False,
    told=("100 rounds",),
    liquidated_usd=27_000.3,
    path_usd=-3.5,
    own_cost_usd=25.125,
)
RUNGS = (
    Rung(LOAN.id, LOAN.label, "ETH", 1_800.1, -0.139, 61_000.25, 3_050.0125, (DERIVATIVES.id,)),
    Rung(DERIVATIVES.id, DERIVATIVES.label, "ETH", 2_400.0, 0.147, 1e-9, 0.0, ()),
)
CALENDAR = Calendar(
    wallet=WALLET,
    horizon_days=365,
    events=(
        CalendarEvent(1_795_400_000, 0.5787, "health", LOAN.id, LOAN.label, threshold=1.1),
        CalendarEvent(1_795_500_000, 1.7361, "liquidation", LOAN.id, LOAN.label),
        CalendarEvent(1_795_600_000, 2.8935, "expiry", DERIVATIVES.id, "x", instrument="=ETH-C", size=-10.5),
    ),
    accounts=(
        AccountCarry(LOAN.id, LOAN.label, -12.345678905, judged=True),
        AccountCarry(DERIVATIVES.id, DERIVATIVES.label, None, judged=False),
        AccountCarry(WALLET_ACCOUNT.id, WALLET_ACCOUNT.label, -0.0, judged=None),
    ),
)


def studies() -> list[Study]:
    """One of each kind."""
    return [
        plan_study(PLAN, INPUTS),
        cascade_study(CASCADE, {"scenario": "covid"}),
        ladder_study(RUNGS, {}),
        calendar_study(CALENDAR, {"horizon_days": 365}),
    ]


def save_studied(
    path: Path,
    found: Sequence[Study] | None = None,
    portfolio: Portfolio = PORTFOLIO,
    *,
    taken_at: datetime = TAKEN_AT,
) -> tuple[SavedSnapshot, list[SavedStudy]]:
    """Save the sample's snapshot with studies of it; a new file is a copy where they are the sample's."""
    if not path.exists():
        if found is None and portfolio is PORTFOLIO and taken_at is TAKEN_AT:
            return copied(_sample, path)
        blank(path)
    saving = Saving(portfolio, RESULT, EXPECTED, "0.1.0", taken_at, comparison=COMPARISON)
    opening = Opening(path, lock_timeout_s=10.0)
    [saved] = save(opening, [(saving, studies() if found is None else found)])
    return saved


def _sample(path: Path) -> tuple[SavedSnapshot, list[SavedStudy]]:
    return save_studied(blank(path))
