"""The contract functions of a market's liquidity pool, the same in Avalon and Newport."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.units import Address


class TokenPrice(NamedTuple):
    """What a share is worth in quote (18 decimals), whether the Greeks behind that are old, and until when
    (Unix seconds) the circuit breaker keeps queues from being processed."""

    price: int
    is_stale: bool
    breaker_until: int


class Queued(NamedTuple):
    """An entry of a queue: quote to be deposited, or shares still to be paid out; 18 decimals.

    `done` is what came of it so far: shares minted, or quote sent.
    """

    id: int
    beneficiary: Address
    amount: int
    done: int
    since: int


_QUEUED = "uint256,address,uint256,uint256,uint256"

TOKEN_PRICE: Function[TokenPrice] = Function(
    "getTokenPriceWithCheck()(uint256,bool,uint256)", into=TokenPrice
)
DEPOSIT_HEAD: Function[int] = Function("queuedDepositHead()(uint256)")
NEXT_DEPOSIT: Function[int] = Function("nextQueuedDepositId()(uint256)")
WITHDRAWAL_HEAD: Function[int] = Function("queuedWithdrawalHead()(uint256)")
NEXT_WITHDRAWAL: Function[int] = Function("nextQueuedWithdrawalId()(uint256)")
DEPOSIT: Function[Queued] = Function(f"queuedDeposits(uint256)({_QUEUED})", into=Queued)
WITHDRAWAL: Function[Queued] = Function(f"queuedWithdrawals(uint256)({_QUEUED})", into=Queued)
