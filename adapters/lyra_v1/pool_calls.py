"""The contract functions of a market's liquidity pool; but for its boards the same in Avalon and Newport."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Strike(NamedTuple):
    """What traders hold of a strike, long less short, in options; all with 18 decimals."""

    price: int
    skew: int
    calls: int
    puts: int


class Board(NamedTuple):
    """Options of one expiry (Unix seconds); `iv` and `settled_at`, 0 until then, with 18 decimals."""

    id: int
    expiry: int
    iv: int
    settled_at: int
    strikes: tuple[Strike, ...]


def _boards(rows: Any) -> tuple[Board, ...]:
    return tuple(Board(row[1], row[2], row[3], row[4], tuple(map(_strike, row[-1]))) for row in rows)


def _strike(row: Any) -> Strike:
    long_calls, long_puts, short_calls_base, short_calls_quote, short_puts = row[7:12]
    return Strike(row[2], row[3], long_calls - short_calls_base - short_calls_quote, long_puts - short_puts)


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
TOTAL_SHARES: Function[int] = Function("getTotalTokenSupply()(uint256)")

# OptionMarketViewer: all boards that are not settled yet
_WORDS_5 = ",".join(["uint256"] * 5)
_STRIKES = f"({_WORDS_5},(int256,int256,uint256,uint256,uint256),uint256,{_WORDS_5})[]"
_NET = "(int256,int256,int256)"
BOARDS: Function[tuple[Board, ...]] = Function(
    f"getLiveBoards(address)((address,uint256,uint256,uint256,uint256,bool,uint256,{_NET},{_STRIKES})[])",
    into=_boards,
)
NEWPORT_BOARDS: Function[tuple[Board, ...]] = Function(
    "getLiveBoards(address)"
    f"((address,uint256,uint256,uint256,uint256,bool,uint256,uint256,uint256,{_NET},{_STRIKES})[])",
    into=_boards,
)
