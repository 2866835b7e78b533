"""Jobs of many wallets and chains: common rounds, shared requests, failures that stay where they belong."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Function
from aggregator.contract import Deployment, Read, ask, attempt
from aggregator.model.accounts import Account
from aggregator.model.assets import native_id
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import AccountFailure, Block, Failure, Quote, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.run import Run, run
from aggregator.reading.source import Asked, Raw
from tests.devnet.node import Node
from tests.reading.contracts import ABSENT, ECHO, HEIGHT, NUMBER, PAUSED, SHORT, VALUE
from tests.reading.kit import (
    CHAIN,
    SECOND,
    WALLETS,
    SmallAdapter,
    asking,
    batches,
    echoes,
    jobs,
    replies,
    run_on,
    texts,
)
from tests.reading.servers import Refusal, Server, proxy


def owned(wallet: Address, _: Block) -> Read[Any]:
    """A read of three rounds: what all wallets share, then the wallet's own, then one of the two again."""
    [shared] = yield from ask([NUMBER.at(HEIGHT)])
    own = yield from ask([VALUE.at(ECHO, int(wallet, 16)), VALUE.at(ECHO, 7)])
    last = yield from ask([VALUE.at(ECHO, 1_000_000 + sum(own) + shared)])
    return last


@pytest.mark.parametrize("count", [1, 50])
def test_fifty_wallets_take_the_rounds_and_requests_of_one(count: int, node: Node) -> None:
    """The pin and one request a round; what is shared is asked once, for all of them."""
    with Server(proxy(node.url)) as server:
        found, requests = run_on(server.url, jobs(SmallAdapter("a", owned), WALLETS[:count]))
    assert found.rounds == {CHAIN: 3}
    assert requests == len(server.requests) == 4
    assert batches(server) == [1, count + (1 if int(WALLETS[count - 1], 16) < 7 else 0), count]
    number = found.blocks[CHAIN].number
    assert [text for text in texts(found) if isinstance(text, str)] == [
        f"a:31337:only [{1_000_000 + int(wallet, 16) + 7 + number}]" for wallet in WALLETS[:count]
    ]


def test_adapters_of_different_length_share_rounds(node: Node) -> None:
    """As many rounds as the longest of them; equal requests of different adapters are one call."""
    adapters = [
        SmallAdapter("one", echoes(1)),
        SmallAdapter("three", echoes(1, 2, 3)),
        SmallAdapter("none", echoes()),
    ]
    with Server(proxy(node.url)) as server:
        found, _ = run_on(server.url, [job for adapter in adapters for job in jobs(adapter)])
    assert found.rounds == {CHAIN: 3}
    assert batches(server) == [1, 1, 1]
    assert texts(found) == [
        "one:31337:only 01 [1]",
        "three:31337:only 01 [1, 2, 3]",
        "none:31337:only 01 []",
    ]


def test_nothing_is_asked_twice(node: Node) -> None:
    """What an earlier round was answered, a revert too, is at hand: the block is the same."""

    def twice(_: Address, __: Block) -> Read[Any]:
        first = yield from attempt([VALUE.at(ECHO, 5), NUMBER.at(PAUSED)])
        again = yield from attempt([NUMBER.at(PAUSED), VALUE.at(ECHO, 5), VALUE.at(ECHO, 6)])
        return [str(found) for found in (*first, *again)]

    with Server(proxy(node.url)) as server:
        found, _ = run_on(server.url, jobs(SmallAdapter("twice", twice)))
    assert batches(server) == [2, 1]
    assert "['5', 'number()@0xe2" in str(texts(found)[0])
    assert str(texts(found)[0]).count("paused") == 2


def test_an_endpoint_that_failed_is_asked_again(node: Node) -> None:
    """A fault of the transport is no reply: a later round may have one."""
    failing = True

    def fail_once(method: str, _: Any) -> Any:
        nonlocal failing
        if method == "eth_call" and failing:
            failing = False
            return Refusal(-32603, "the backend is restarting")
        return None

    def again(_: Address, __: Block) -> Read[Any]:
        [first] = yield from replies([VALUE.at(ECHO, 5)])
        [second] = yield from replies([VALUE.at(ECHO, 5)])
        return type(first).__name__, second

    with Server(proxy(node.url, fail_once)) as server:
        found, _ = run_on(server.url, jobs(SmallAdapter("again", again)))
    assert texts(found) == ["again:31337:only ('ProviderUnavailable', 5)"]


def test_a_column_that_was_answered_in_part_is_asked_again() -> None:
    """As a single call is."""

    class Once:
        """A source that leaves one row unanswered, once."""

        chain = CHAIN
        rounds = 0

        async def pin(self, _: str) -> Block:
            """See ChainSource."""
            return Block(CHAIN, 9, "0x" + "ab" * 32, "0x" + "cd" * 32, 1)

        def forget(self) -> None:
            """See ChainSource."""

        async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
            """See ChainSource."""
            self.rounds += 1
            failures = {1: ProviderUnavailable("one", "is down")} if self.rounds == 1 else {}
            return [Column("number", NUMBER.outputs, bytes(64), failures) for _ in requests]

    def again(_: Address, __: Block) -> Read[Any]:
        wanted = [NUMBER.each([HEIGHT, ECHO])]
        [first] = yield from replies(wanted)
        [second] = yield from replies(wanted)
        return len(first.failures), len(second.failures)

    found = asyncio.run(run(jobs(SmallAdapter("a", again)), {CHAIN: Once()}, "latest"))
    assert texts(found) == ["a:31337:only (1, 0)"]


def test_readings_carry_the_block_that_was_pinned(node: Node) -> None:
    """All of one chain the same."""
    found, _ = run_on(node.url, jobs(SmallAdapter("a", owned), WALLETS[:3]), block=str(node.block_number))
    results = [outcome.result for outcome in found.outcomes]
    assert [r.source for r in results if isinstance(r, Reading)] == [found.blocks[CHAIN]] * 3
    assert found.blocks[CHAIN].number == node.block_number


def build_badly(_: int) -> str:
    """An `into` with a defect."""
    raise KeyError("field")


def refuse(value: int) -> int:
    """An `into` that refuses what was decoded."""
    raise ValueError(f"{value} is no version")


FAILING = {
    "a revert": (asking(NUMBER.at(PAUSED)), CallReverted, "paused"),
    "no contract": (asking(NUMBER.at(ABSENT)), NoContract, "no contract at that address"),
    "a malformed reply": (asking(NUMBER.at(SHORT)), MalformedReply, "33 bytes"),
    "a refused version": (
        asking(Function("v()(uint256)", into=refuse).at(HEIGHT)),
        MalformedReply,
        "is no version",
    ),
    "a reply that cannot be built": (
        asking(Function("v()(uint256)", into=build_badly).at(HEIGHT)),
        AdapterFault,
        "KeyError",
    ),
    "a defect": (lambda wallet, _: owned(Address(wallet[:5] + "x"), _), AdapterFault, "ValueError"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failure_is_that_jobs_alone(case: str, node: Node) -> None:
    """The other adapter and the other wallets end as if it were not there."""
    read_of, kind, words = FAILING[case]
    work = [*jobs(SmallAdapter("bad", read_of)), *jobs(SmallAdapter("good", echoes(1, 2)), WALLETS[:2])]
    found, _ = run_on(node.url, work)
    failure = found.outcomes[0].result
    assert isinstance(failure, Failure)
    assert (failure.adapter, failure.deployment, failure.chain, failure.wallet) == (
        "bad",
        "only",
        CHAIN,
        WALLETS[0],
    )
    assert type(failure.error) is kind
    assert words in str(failure.error)
    assert texts(found)[1:] == ["good:31337:only 01 [1, 2]", "good:31337:only 02 [1, 2]"]


class Eager(SmallAdapter):
    """An adapter whose read is no generator function, and raises when it is called."""

    def read(self, *_: Any) -> Read[Reading]:
        """See Adapter."""
        raise Unsupported("this deployment", "remove it")


def test_an_adapter_that_raises_before_its_first_request_fails_alone(node: Node) -> None:
    """Whether it is a read error or a defect."""
    work = [*jobs(Eager("eager", echoes())), *jobs(SmallAdapter("good", echoes(1)))]
    eager, good = texts(run_on(node.url, work)[0])
    assert isinstance(eager, Unsupported)
    assert good == "good:31337:only 01 [1]"


def account(chain: ChainId) -> Account:
    """One that nothing is in."""
    return Account("a:1", "a", "lending", chain, "one", (WALLETS[0],), (), None, None)


def unread(chain: ChainId) -> AccountFailure:
    """The same one, of which nothing could be read."""
    return AccountFailure("a:1", "a", chain, "one", CallReverted("price()@0x1", "no"))


LIES: dict[str, tuple[tuple[Account, ...], Quote | AccountFailure | None, type[ReadError]]] = {
    "a price of zero": ((), Quote(native_id(CHAIN), 0, 8, "oracle"), UnusablePrice),
    "a price below zero": ((), Quote(native_id(CHAIN), -1, 8, "oracle"), UnusablePrice),
    "an account of another chain": ((account(SECOND),), None, AdapterFault),
    "one account twice": ((account(CHAIN), account(CHAIN)), None, AdapterFault),
    "an account that was read and was not": ((account(CHAIN),), unread(CHAIN), AdapterFault),
    "a failure of another chain": ((), unread(SECOND), AdapterFault),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_reading_that_cannot_be_used_fails_alone(lie: str, node: Node) -> None:
    """What would break the whole portfolio is that adapter's failure."""
    accounts, more, kind = LIES[lie]
    quotes = (more,) if isinstance(more, Quote) else ()
    failures = (more,) if isinstance(more, AccountFailure) else ()

    class Lying(SmallAdapter):
        def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:  # noqa: ARG002
            yield from ask([NUMBER.at(HEIGHT)])
            return Reading(accounts, quotes, block, failures=failures)

    work = [*jobs(Lying("lying", echoes())), *jobs(SmallAdapter("good", echoes(1)))]
    lying, good = texts(run_on(node.url, work)[0])
    assert type(lying) is kind
    assert good == "good:31337:only 01 [1]"


def test_a_read_may_fall_back_on_a_revert(node: Node) -> None:
    """A failure as a value lets the read go on, in its own rounds."""

    def with_fallback(_: Address, __: Block) -> Read[Any]:
        [first] = yield from attempt([NUMBER.at(PAUSED)])
        assert isinstance(first, CallReverted)
        return (yield from ask([VALUE.at(ECHO, 5)]))

    found, _ = run_on(node.url, jobs(SmallAdapter("a", with_fallback)))
    assert texts(found) == ["a:31337:only [5]"]


def test_no_jobs_are_no_requests() -> None:
    """Nothing is pinned."""
    assert run_on("http://127.0.0.1:1", []) == (Run((), {}, {}), 0)


def test_reads_that_were_abandoned_leave_nothing_behind(node: Node) -> None:
    """Warnings are errors in this suite: an unawaited coroutine or an open socket would be one."""
    run_on(node.url, jobs(SmallAdapter("x", FAILING["a revert"][0])))
    gc.collect()
