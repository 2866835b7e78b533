"""The small examples of docs/adapters.md, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aggregator.contract import (
    Column,
    Event,
    Function,
    Http,
    Observed,
    Query,
    Read,
    Row,
    ask,
    attempt,
    both,
    join,
)
from aggregator.model.errors import ReadError, UnusablePrice
from aggregator.model.units import Address


class Round(NamedTuple):
    """What a Chainlink-style feed answers."""

    round_id: int
    answer: int
    started_at: int
    updated_at: int
    answered_in_round: int


BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
SYMBOL: Function[str] = Function("symbol()(string)")
LATEST: Function[Round] = Function("latestRoundData()(uint80,int256,uint256,uint256,uint80)", into=Round)


def name_and_balance(token: Address, wallet: Address) -> Read[tuple[str, int]]:
    """One round, two types of reply."""
    [symbol], [balance] = yield from both(ask([SYMBOL.at(token)]), ask([BALANCE.at(token, wallet)]))
    return symbol, balance


def price(asset: str, feeds: Sequence[Address]) -> Read[int]:
    """The answer of the first feed that has one, all of them asked in one round."""
    calls = [LATEST.at(feed) for feed in feeds]
    last: ReadError = UnusablePrice(asset, "no feed", 0)
    for call, answer in zip(calls, (yield from attempt(calls)), strict=True):
        if isinstance(answer, ReadError):
            last = answer
        elif answer.answer > 0:
            return answer.answer
        else:
            last = UnusablePrice(asset, call.origin, answer.answer)
    raise last


def balances(tokens: Sequence[Address], wallet: Address) -> Read[list[int]]:
    """One columnar request; raises the error of the first call that failed."""
    column: Column
    [column] = yield from ask([BALANCE.each(tokens, wallet)])
    return column.values()


def prices(feeds: dict[str, Sequence[Address]]) -> Read[list[int | ReadError]]:
    """Any number of reads in common rounds, each failing for itself."""
    return (yield from join([price(asset, of) for asset, of in feeds.items()], isolate=True))


class Transfer(NamedTuple):
    """What the event of a token says."""

    sender: Address
    recipient: Address
    amount: int


TRANSFER: Event[Transfer] = Event("Transfer(address indexed,address indexed,uint256)", into=Transfer)


def received(token: Address, wallet: Address, first_block: int) -> Read[dict[Address, int]]:
    """How much of a token a wallet was ever sent, by sender."""
    [logs] = yield from ask([TRANSFER.logs(token, None, wallet, from_block=first_block)])
    found: dict[Address, int] = {}
    for transfer in map(TRANSFER.decode, logs):
        found[transfer.sender] = found.get(transfer.sender, 0) + transfer.amount
    return found


def market_id(row: Row) -> bytes:
    """A market's id: 32 bytes in hex."""
    return bytes.fromhex(row.text("market", "id").removeprefix("0x"))


MARKETS: Query[bytes] = Query(
    "positions",
    "market { id }",
    where="account: $account",
    account="String!",
    schema="lending",
    into=market_id,
)


def markets(wallet: Address) -> Read[tuple[list[bytes], tuple[str, ...]]]:
    """Markets in which a wallet may have a position, to be read from the contract; and what to warn of."""
    [found] = yield from ask([MARKETS.of("morpho", account=wallet)])
    return sorted(set(found.rows)), found.warnings


def worth_cents(row: Row) -> int:
    """What an account at a venue is worth, in cents."""
    return row.natural("result", "worth_cents")


def worth(wallet: Address) -> Read[Observed[int]]:
    """The same, with when the venue said so."""
    [found] = yield from ask([Http.post("desk", "/public/worth", worth_cents, wallet=wallet)])
    return found
