"""The node, transactions, calls and decoding, on contracts of the kit's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.devnet import multicall3
from tests.devnet.abi import Errors
from tests.devnet.artifacts import compiled
from tests.devnet.chain import Chain, Contract, bytes32
from tests.devnet.errors import DevnetError, NodeError, TransactionReverted
from tests.devnet.node import GENESIS_TIMESTAMP, Node
from tests.devnet.rpc import Rpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """A bare chain, for tests that leave nothing behind that others see."""
    with Node() as node:
        yield Chain(node)


@pytest.fixture
def feed(chain: Chain) -> Contract:
    """A new price feed."""
    return chain.deploy(compiled("devnet")["SettableFeed"], 2000 * 10**8, 8, "ETH / USD")


def ended(pid: int) -> bool:
    """Whether a process is gone, waiting up to 5 seconds for it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_long_history_leaves_no_files_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run thousands of blocks; anvil would keep the old states of a killed node for good."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with Node() as node:
        node.rpc("anvil_mine", hex(600))
        assert node.block_number >= 600
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_two_chains_with_the_same_history_have_the_same_blocks() -> None:
    hashes = []
    for _ in range(2):
        with Node() as node:
            Chain(node).deploy(compiled("devnet")["SettableFeed"], 1, 8, "")
            node.warp(1000)
            hashes.append(node.block()["hash"])
    assert hashes[0] == hashes[1]


def test_time_moves_one_second_a_block_and_by_warping_only() -> None:
    with Node() as node:
        assert node.timestamp == GENESIS_TIMESTAMP
        node.mine(3)
        assert (node.block_number, node.timestamp) == (3, GENESIS_TIMESTAMP + 3)
        node.warp(86_400)
        node.mine()
        assert node.timestamp == GENESIS_TIMESTAMP + 3 + 86_400 + 1


def test_a_snapshot_brings_back_state_blocks_and_time_once(chain: Chain, feed: Contract) -> None:
    node = chain.node
    before, snapshot = (node.block_number, node.timestamp), node.snapshot()
    feed.send("set", 7)
    node.warp(5000)
    node.revert(snapshot)
    assert (node.block_number, node.timestamp) == before
    assert feed.call("latestAnswer") == 2000 * 10**8
    feed.send("set", 7)
    assert node.timestamp == before[1] + 1
    with pytest.raises(NodeError, match="there is no snapshot"):
        node.revert(snapshot)


def test_what_was_reverted_is_not_mined_again(chain: Chain, feed: Contract) -> None:
    """Every block after a revert has the one transaction that was sent for it."""
    node = chain.node
    for price in range(1, 60):
        snapshot = node.snapshot()
        feed.send("set", price)
        assert len(node.block()["transactions"]) == 1  # type: ignore[arg-type]
        node.revert(snapshot)
    node.mine()
    assert node.block()["transactions"] == []


@pytest.mark.parametrize(("history", "lost"), [(12, True), (1000, False)])
def test_what_was_before_a_snapshot_may_be_lost(
    history: int, lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its state was kept once before, since the node forgets by hash; and a long history keeps it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with Node(history_blocks=history) as node:
        node.mine(2)
        answers = []
        for _ in range(4):
            snapshot = node.snapshot()
            node.mine(5)
            try:
                answers.append(node.rpc("eth_getBalance", "0x" + "11" * 20, "0x2"))
            except NodeError as error:
                answers.append("BlockOutOfRange" in str(error))
            node.revert(snapshot)
    assert (True in answers) is lost
    assert set(answers) <= {True, "0x0"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_dumped_state_is_loaded_with_its_clock(tmp_path: Path) -> None:
    with Node() as node:
        feed = Chain(node).deploy(compiled("devnet")["SettableFeed"], 42, 8, "")
        node.warp(100_000)
        expected = (node.block_number, node.timestamp)
        node.dump_state(tmp_path / "state.json")
    with Node(state=tmp_path / "state.json") as node:
        # Loading mines one block, since the node itself does not restore its clock.
        assert (node.block_number, node.timestamp) == (expected[0] + 1, expected[1] + 1)
        loaded = Chain(node).at(compiled("devnet")["SettableFeed"], feed.address)
        assert loaded.call("latestAnswer") == 42
        loaded.send("set", 43)
        assert node.timestamp == expected[1] + 2


def test_a_killed_node_is_reported_and_stopping_it_again_is_harmless() -> None:
    with Node() as node:
        node.kill()
        with pytest.raises(NodeError, match="eth_chainId: no answer from the node"):
            node.rpc("eth_chainId")
        node.stop()


def test_a_frozen_node_answers_nothing_until_thawed() -> None:
    with Node() as node:
        impatient = Rpc(node.host, node.port, timeout_seconds=0.3)
        node.freeze()
        with pytest.raises(NodeError, match="timed out"):
            impatient.request("eth_chainId")
        node.thaw()
        assert impatient.request("eth_chainId") == hex(node.chain_id)
        impatient.close()


def test_a_frozen_node_is_stopped_all_the_same() -> None:
    with Node() as node:
        node.freeze()
        pid = node._pid
    assert ended(pid)


def test_the_node_does_not_outlive_a_killed_test_process() -> None:
    script = (
        "import os, signal\n"
        "from tests.devnet.node import Node\n"
        "node = Node(); node.start(); print(node._pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ended(int(done.stdout))


def test_a_node_that_cannot_start_says_why(chain: Chain) -> None:
    with pytest.raises(NodeError, match="in use"):
        Node(port=chain.node.port).start()


def test_the_chain_id_is_as_asked() -> None:
    with Node(chain_id=424242) as node:
        assert node.rpc("eth_chainId") == hex(424242)


def test_a_feed_keeps_its_rounds(chain: Chain, feed: Contract) -> None:
    feed.send("set", -5)
    now = chain.node.timestamp
    assert feed.call("latestRoundData") == (2, -5, now, now, 2)
    assert feed.call("getRoundData", 1)[1] == 2000 * 10**8
    feed.send("setAt", 6, 1234)
    assert feed.call("latestRoundData") == (3, 6, 1234, 1234, 3)


def test_events_are_decoded_indexed_fields_included(feed: Contract) -> None:
    receipt = feed.send("set", 11)
    [event] = feed.events(receipt, "AnswerUpdated")
    assert (event["current"], event["roundId"]) == (11, 2)


def test_balances_stay_exact_because_gas_is_free(chain: Chain) -> None:
    sender, receiver = chain.accounts[30], "0x" + "12" * 20
    before = chain.node.balance(sender)
    chain.transact(receiver, sender=sender, value=10**18)
    assert chain.node.balance(sender) == before - 10**18
    assert chain.node.balance(receiver) == 10**18


def test_a_revert_carries_its_reason_from_a_call_and_from_a_transaction(chain: Chain) -> None:
    token = chain.deploy(compiled("devnet")["MintableToken"], "Token", "TKN", 18)
    expected = rf"InsufficientBalance\({chain.sender}, 0, 5\)"
    with pytest.raises(TransactionReverted, match=expected):
        token.call("transfer", chain.accounts[1], 5)
    with pytest.raises(TransactionReverted, match=expected):
        token.send("transfer", chain.accounts[1], 5)
    reverting = chain.deploy(compiled("devnet")["AlwaysReverts"])
    with pytest.raises(TransactionReverted) as caught:
        chain.transact(reverting.address)
    assert caught.value.reason == "always reverts"


def test_reasons_are_read_from_revert_data() -> None:
    errors = Errors()
    panic = bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")
    assert errors.reason(panic) == "Panic(0x11)"
    assert errors.reason(b"") == ""
    assert errors.reason(b"\xde\xad\xbe\xef") == "0xdeadbeef"
    # The selector of Error(string) with nothing behind it is no text.
    assert errors.reason(bytes.fromhex("08c379a0")) == "0x08c379a0"


def test_what_is_no_such_contract_or_function_is_named(chain: Chain, feed: Contract) -> None:
    missing = chain.at(compiled("devnet")["SettableFeed"], "0x" + "34" * 20)
    with pytest.raises(DevnetError, match="latestAnswer answered 0 bytes"):
        missing.call("latestAnswer")
    with pytest.raises(DevnetError, match="0 functions are called nothing"):
        feed.call("nothing")


def test_multicall3_packs_calls_and_survives_a_failing_one(chain: Chain, feed: Contract) -> None:
    reverting = chain.deploy(compiled("devnet")["AlwaysReverts"])
    multicall = multicall3.install(chain)
    assert multicall.address == "0xcA11bde05977b3631167028862bE2a173976CA11"
    calls = [
        {"target": feed.address, "allowFailure": True, "callData": feed.encode("latestAnswer")},
        (reverting.address, True, b""),
    ]
    good, bad = multicall.call("aggregate3", calls)
    assert (good["success"], int.from_bytes(good["returnData"], "big")) == (True, 2000 * 10**8)
    assert (bad["success"], chain.errors.reason(bad["returnData"])) == (False, "always reverts")
    assert multicall.call("getCurrentBlockTimestamp") == chain.node.timestamp


def test_names_of_more_than_32_bytes_are_refused() -> None:
    assert bytes32("sETH") == b"sETH" + bytes(28)
    with pytest.raises(DevnetError, match="longer than 32 bytes"):
        bytes32("x" * 33)
