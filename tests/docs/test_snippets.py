"""The small examples of docs/adapters.md do what the page says of them; so does the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Page
from aggregator.abi.graph import pack as pack_rows
from aggregator.abi.http import pack as pack_reply
from aggregator.abi.logs import Log, pack
from aggregator.contract import Deployments, Http, Read, Row
from aggregator.model.errors import CallReverted, ReadError, UnusablePrice
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address, ChainId
from aggregator.reading.run import Job, run
from aggregator.reading.source import Asked, Raw
from tests.docs.liquity_v1 import adapter as liquity
from tests.docs.snippets import (
    BALANCE,
    LATEST,
    MARKETS,
    SYMBOL,
    TRANSFER,
    Round,
    balances,
    markets,
    name_and_balance,
    price,
    prices,
    received,
    worth,
)
from tests.docs.test_liquity_v1 import BLOCK, FEED, HERE, MANAGER, POOL, WALLET

ONE, TWO = Address("0x" + "1" * 40), Address("0x" + "2" * 40)
GOOD, ZERO = Round(1, 5 * 10**8, 0, 1, 1), Round(1, 0, 0, 1, 1)
REVERTED = CallReverted(LATEST.at(ONE).origin, "stale")


def answered(read: Read[Any], replies: Sequence[Any]) -> Any:
    """What a read of one round returns."""
    next(read)
    with pytest.raises(StopIteration) as end:
        read.send(replies)
    return end.value.value


def test_both_asks_in_one_round() -> None:
    """Two types, one batch."""
    assert next(name_and_balance(ONE, WALLET)) == [SYMBOL.at(ONE), BALANCE.at(ONE, WALLET)]
    assert answered(name_and_balance(ONE, WALLET), ["WETH", 7]) == ("WETH", 7)


def test_attempt_falls_back() -> None:
    """A reverting and a zero answer are passed over; the last failure is raised where nothing is left."""
    assert answered(price("ETH", [ONE, TWO]), [REVERTED, GOOD]) == 5 * 10**8
    assert answered(price("ETH", [ONE, TWO]), [ZERO, GOOD]) == 5 * 10**8
    with pytest.raises(UnusablePrice):
        answered(price("ETH", [ONE, TWO]), [REVERTED, ZERO])


def test_logs_are_decoded_by_their_event() -> None:
    """The request names the wallet as the second indexed argument; each log is a transfer."""
    [wanted] = next(received(ONE, WALLET, 17))
    assert wanted == TRANSFER.logs(ONE, None, WALLET, from_block=17)
    words = [int(account, 16).to_bytes(32) for account in (TWO, WALLET)]
    logs = tuple(
        Log(ONE, (TRANSFER.topic, *words), n.to_bytes(32), 20 + n, f"0x{n:064x}", "0x" + "0" * 64, 0)
        for n in (3, 4)
    )
    assert wanted.decode(pack(logs)) == logs
    assert answered(received(ONE, WALLET, 17), [logs]) == {TWO: 7}


def test_rows_of_a_subgraph_discover() -> None:
    """One request, whose reply has typed rows and says where it lags."""
    [wanted] = next(markets(WALLET))
    assert wanted == MARKETS.of("morpho", account=WALLET)
    rows = tuple(Row({"id": name, "market": {"id": "0x" + "0a" * 32}}) for name in "ab")
    raw = pack_rows(20, [Page(17, None, "Qm", has_indexing_errors=False, rows=rows)])
    found, warnings = answered(markets(WALLET), [wanted.decode(raw)])
    assert found == [b"\x0a" * 32]
    assert "3 blocks behind" in str(warnings)


def test_a_venue_says_what_and_when() -> None:
    """One request, whose reply has its moment."""
    [wanted] = next(worth(WALLET))
    assert isinstance(wanted, Http)
    assert (wanted.venue, wanted.body) == ("desk", f'{{"wallet":"{WALLET}"}}')
    found = wanted.decode(pack_reply(5, "desk", {"result": {"worth_cents": 7}}))
    assert answered(worth(WALLET), [found]).value == 7
    assert found.observation.time == 5


def test_each_is_one_request() -> None:
    """Its reply is a column: values, or the error of a call that failed."""
    [calls] = next(balances([ONE, TWO], WALLET))
    assert isinstance(calls, Calls)
    assert len(calls) == 2
    column = calls.decode((3).to_bytes(32) + (2**255).to_bytes(32))
    assert answered(balances([ONE, TWO], WALLET), [column]) == [3, 2**255]
    failed = Column(column.origin, column.outputs, column.raw, {1: REVERTED})
    with pytest.raises(CallReverted):
        answered(balances([ONE, TWO], WALLET), [failed])
    assert failed.outcomes() == [3, REVERTED]


def test_join_isolates() -> None:
    """One price fails, the other stands."""
    found = answered(prices({"ETH": [ONE], "BTC": [TWO]}), [REVERTED, GOOD])
    assert found == [REVERTED, 5 * 10**8]


class Scripted:
    """A chain that answers from a table, and notes what each round asked."""

    def __init__(self, replies: Mapping[Call[Any], bytes]) -> None:
        self.replies = replies
        self.rounds: list[Sequence[Asked]] = []

    @property
    def chain(self) -> ChainId:
        """Ethereum's id."""
        return BLOCK.chain

    async def pin(self, block: str) -> Block:  # noqa: ARG002
        """The one block there is."""
        return BLOCK

    def forget(self) -> None:
        """See ChainSource."""

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:  # noqa: ARG002
        """The replies; what is not in the table reverts."""
        self.rounds.append(requests)
        found: list[bytes | ReadError] = [
            self.replies.get(request, CallReverted(request.origin, "")) if isinstance(request, Call) else b""
            for request in requests
        ]
        return list(found)


def words(*values: int) -> bytes:
    """A reply of as many words."""
    return b"".join(value.to_bytes(32) for value in values)


def test_wallets_share_rounds_and_requests() -> None:
    """Fifty wallets take the two rounds of one; the price and the totals are asked once."""
    wallets = [Address(f"0x{i:040x}") for i in range(1, 51)]
    manager, price_usd = MANAGER, 2_000 * WAD
    source = Scripted(
        {
            liquity.PRICE.at(FEED): words(price_usd),
            liquity.SYSTEM_COLLATERAL.at(manager): words(1_000 * WAD),
            liquity.SYSTEM_DEBT.at(manager): words(900_000 * WAD),
            liquity.POOL_DEPOSITS.at(POOL): words(0),
            liquity.RECOVERY.at(manager, price_usd): words(0),
            **{liquity.TROVE.at(manager, w): words(9_000 * WAD, 10 * WAD, 0, 0) for w in wallets[1:]},
            **{liquity.RATIO.at(manager, w, price_usd): words(2_222222222222222222) for w in wallets[1:]},
        }
    )
    adapter = liquity.build(Deployments(entries=(HERE,), tokens=()))
    jobs = [Job(adapter, HERE, wallet) for wallet in wallets]
    outcome = asyncio.run(run(jobs, {BLOCK.chain: source}, "latest"))
    assert [len(asked) for asked in source.rounds] == [50 + 4, 49 + 1]
    failed, *read = [o.result for o in outcome.outcomes]
    assert not isinstance(failed, Reading)
    assert isinstance(failed.error, CallReverted)
    assert all(isinstance(reading, Reading) and len(reading.accounts) == 1 for reading in read)
