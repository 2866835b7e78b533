"""Delayed orders: what is locked in one, and whether a keeper may execute it, must wait, or comes too late.

Source: `executeDelayedOrder`, `executeOffchainDelayedOrder` and `_confirmCanCancel` in
PerpsV2MarketDelayedExecution.sol of npm `synthetix` 2.102.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple


class DelayedOrder(NamedTuple):
    """An order that a keeper may execute later; without one, all fields are zero.

    Both deposits have left the margin: the keeper's is his if he executes or cancels it. An off-chain order
    has neither a target round nor a time at which it becomes executable.
    """

    is_offchain: bool
    size_delta: int
    desired_fill_price: int
    target_round_id: int
    commit_deposit: int
    keeper_deposit: int
    executable_at_time: int
    intention_time: int
    tracking_code: bytes

    @property
    def locked(self) -> int:
        """Both deposits, in sUSD with 18 decimals."""
        return self.commit_deposit + self.keeper_deposit


class OrderState(Enum):
    """What may be done with an order; an expired one can't be executed any more."""

    WAITING = "waiting"
    EXECUTABLE = "executable"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Windows:
    """The market's settings for orders, in seconds or rounds of the price, and the round at the block.

    An off-chain order takes a price that is more than `min_age` younger than itself, while it is less than
    `max_age` old. Another one may be executed from its time or round on, for so many seconds and rounds.
    """

    min_age: int
    max_age: int
    confirm_seconds: int
    confirm_rounds: int
    current_round: int

    def state(self, order: DelayedOrder, time: int) -> OrderState:
        """Of a pending order; a keeper must bring the price for an off-chain one."""
        if order.is_offchain:
            age = time - order.intention_time
            if age >= self.max_age:
                return OrderState.EXPIRED
            return OrderState.EXECUTABLE if age > self.min_age else OrderState.WAITING
        late = time - order.executable_at_time
        rounds = self.current_round - order.target_round_id
        if late > self.confirm_seconds or rounds > self.confirm_rounds:
            return OrderState.EXPIRED
        return OrderState.EXECUTABLE if late >= 0 or rounds >= 0 else OrderState.WAITING

    def sentence(self, order: DelayedOrder, time: int) -> str:
        """What the user should know of when it is executed."""
        state = self.state(order, time)
        if state is OrderState.EXPIRED:
            return "it has expired and can only be cancelled, by anybody"
        if order.is_offchain:
            until = _clock(order.intention_time + self.max_age)
            if state is OrderState.WAITING:
                since = _clock(order.intention_time + self.min_age)
                return f"it waits for a price from after {since} and expires at {until}"
            return f"it is executable by whoever brings a price, and expires at {until}"
        until = _clock(order.executable_at_time + self.confirm_seconds)
        if state is OrderState.WAITING:
            at = _clock(order.executable_at_time)
            return f"it waits until {at} or the next round of the price"
        return f"it is executable, and expires after {until} or some rounds of the price"


def _clock(time: int) -> str:
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # a contract may answer any number
        return f"second {time}"
