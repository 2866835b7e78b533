"""A plan: steps that bring a wallet's accounts to their targets, each with the state that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aggregator.model.actions import Action
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import Address, ChainId


@dataclass(frozen=True, slots=True)
class Swap:
    """Sell exactly `sold` at a market, for at least `least` of its other side."""

    market: SpotMarket
    sold: Amount
    least: Amount


@dataclass(frozen=True, slots=True)
class Transfer:
    """Send `sent` to another wallet account of the same person, by its id; `arrives` is what gets there.

    They differ where the other one is on another chain: in the asset, and by what a bridge takes.
    """

    sent: Amount
    arrives: Amount
    to: str


@dataclass(frozen=True, slots=True)
class Flash:
    """Borrow `lent` for one transaction in which `steps` happen, and pay it back with `fee` at its end.

    `lender` is the account's id at whose protocol it is borrowed.
    """

    lender: str
    lent: Amount
    fee: Amount
    steps: tuple[Step, ...]


Move: TypeAlias = Action | Swap | Transfer | Flash


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account's own test: N and Q in USD, and the exact rule's N/Q (None: nothing required).

    The `ahead` ones are N and Q after ten more minutes of interest and funding at the same prices (None: not
    known). Between `health_low` and `health_high` N/Q stays however late in those minutes the plan is sent,
    and while averages that its protocol judges at catch up with the last prices (None: nothing required).
    """

    account_id: str
    label: str
    power_usd: float
    requirement_usd: float
    health: float | None
    liquidatable: bool
    power_ahead_usd: float | None
    requirement_ahead_usd: float | None
    health_low: float | None
    health_high: float | None


@dataclass(frozen=True, slots=True)
class State:
    """All accounts that have a rule, and the whole, as the full model has them; see RiskResult."""

    accounts: tuple[AccountState, ...]
    equity_usd: float
    requirement_usd: float
    kappa: float
    score: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step costs in USD: fees of venues and lenders, what prices give way, gas.

    `slippage_usd` is below zero where a price is better than the mark.
    """

    fees_usd: float
    slippage_usd: float
    gas_usd: float

    @property
    def usd(self) -> float:
        """All of it."""
        return self.fees_usd + self.slippage_usd + self.gas_usd


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `move` is done with an account, or in a wallet account, and `purse` pays and receives.

    `amount` is what is moved, in integers rounded against the user; the fields of `move` say exactly what is
    asked of the venue, None for all of it. `after` is the state after it, None within a flash bundle, whose
    end alone counts. `calls` are what would be sent, by `sender`; where they can't be told `untold` says why.
    """

    account_id: str
    purse_id: str
    move: Move
    amount: Amount | None
    paid: tuple[Amount, ...]
    received: tuple[Amount, ...]
    cost: Cost
    after: State | None
    sender: Address
    calls: tuple[UnsignedCall, ...]
    untold: str | None


@dataclass(frozen=True, slots=True)
class Targets:
    """What a plan must reach: `floor` is the least health of every account after every step, `health` the
    least at the end, `kappa` how many standard stresses the whole must survive then (0: any)."""

    floor: float = 1.02
    health: float = 1.25
    kappa: float = 1.25


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What is missing to a target, in USD of N - h*Q, or of the whole's reserve (`account_id` None).

    `needed` says in a sentence what would be needed.
    """

    account_id: str | None
    missing_usd: float
    needed: str


Status: TypeAlias = Literal["safe", "feasible", "infeasible"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: `safe` where nothing need be done, `infeasible` where the steps come nearest.

    `avoided_usd` is what the liquidations that it prevents would cost, None where that is not known.
    `binding` is the account that keeps the plan from being cheaper, or from its targets; None is the whole.
    `stress` is the scenario that a pre-emptive plan is for. `told` are sentences on what is not
    counted or not known. `blocks` are the numbers of the blocks that it was made at.
    """

    wallet: Address
    status: Status
    targets: Targets
    before: State
    steps: tuple[Step, ...]
    after: State
    cost_usd: float
    avoided_usd: float | None
    shortfalls: tuple[Shortfall, ...]
    binding: str | None
    told: tuple[str, ...]
    blocks: Mapping[ChainId, int]
    stress: str | None = None

    @property
    def missing_usd(self) -> float:
        """What is missing to all targets: of each account, and of the whole, its largest shortfall."""
        missed: dict[str | None, float] = {}
        for one in self.shortfalls:
            missed[one.account_id] = max(missed.get(one.account_id, 0.0), one.missing_usd)
        return sum(missed.values())
