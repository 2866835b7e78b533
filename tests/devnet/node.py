"""A local node: starts anvil, controls its clock and state, and stops it whatever happens.

Blocks are mined per transaction, one second apart, whatever the wall clock says: `warp` is the
only thing that moves time further, so that a world comes out the same on every machine.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.devnet.errors import NodeError
from tests.devnet.packages import anvil
from tests.devnet.rpc import Json, Rpc, as_bytes, as_int, as_object, as_text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

CHAIN_ID = 31337
GENESIS_TIMESTAMP = 1_793_491_200  # 2026-11-01 00:00:00 UTC
ACCOUNTS = 50
BLOCK_GAS_LIMIT = 100_000_000
HISTORY_BLOCKS = 192
START_TIMEOUT_SECONDS = 30.0

# The node must not outlive us, however we die: a shell waits beside it for the end of its standard
# input, which the operating system closes with our process. It prints the node's process id first.
_SUPERVISOR = """
exec 3<&0
"$@" >"$DEVNET_LOG" 2>&1 3<&- &
node=$!
echo $node
(read _ <&3; kill -9 $node) >/dev/null 2>&1 &
watcher=$!
wait $node
kill $watcher 2>/dev/null
"""


class Node:
    """An anvil process on this machine, as a context manager.

    `port` 0 takes a free one. `accounts` unlocked accounts come from anvil's well-known mnemonic,
    with 10,000 ETH each; gas is free, so that balances stay exact. `state` is a file written by
    `dump_state`, loaded at the start.

    Besides the latest block, the states of the last `history_blocks` that were mined can be read, where
    blocks that a revert took away count, too. The block of a snapshot that is mined upon, reverted to
    and mined upon again is lost as soon as its first turn to be forgotten comes. A state takes 50 kB on
    a bare node and half a megabyte in a world of all protocols.
    """

    def __init__(
        self,
        *,
        chain_id: int = CHAIN_ID,
        port: int = 0,
        genesis_timestamp: int = GENESIS_TIMESTAMP,
        state: Path | None = None,
        history_blocks: int = HISTORY_BLOCKS,
        extra: tuple[str, ...] = (),
    ) -> None:
        self.chain_id = chain_id
        self.host = "127.0.0.1"
        self.port = port
        self._genesis_timestamp = genesis_timestamp
        self._state = state
        self._history_blocks = history_blocks
        self._extra = extra
        self._process: subprocess.Popen[str] | None = None
        self._pid = 0
        self._client: Rpc | None = None
        self.reverts = 0

    @property
    def url(self) -> str:
        """Address of the JSON-RPC endpoint."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers. Raises `NodeError` with its own words if it does not."""
        command = [
            *(anvil(), "--host", self.host, "--port", str(self.port)),
            *("--chain-id", str(self.chain_id), "--accounts", str(ACCOUNTS)),
            *("--timestamp", str(self._genesis_timestamp), "--slots-in-an-epoch", "1"),
            *("--gas-limit", str(BLOCK_GAS_LIMIT), "--code-size-limit", "200000"),
            # Older states would go to the home folder, megabytes each, and stay when the node is killed.
            *("--prune-history", str(self._history_blocks)),
            # Of later ones every block writes its parent's hash into a slot, which all blocks after it hash.
            *("--hardfork", "cancun"),
            *("--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"),
            *(("--load-state", str(self._state)) if self._state else ()),
            *self._extra,
        ]
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SUPERVISOR, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # the shell's own word that the node was killed
                text=True,
                env={**os.environ, "DEVNET_LOG": str(log)},
                start_new_session=True,  # Ctrl-C reaches us first; we stop the node in order
            )
            try:
                assert self._process.stdout is not None
                self._pid = int(self._process.stdout.readline())
                self.port = self._listening(log)
                self._client = Rpc(self.host, self.port)
                self.rpc("anvil_setLoggingEnabled", False)  # noqa: FBT003 - a JSON value
            except BaseException:
                self.stop()
                raise
        self.rpc("anvil_setBlockTimestampInterval", 1)
        if self._state is not None:
            # anvil restores blocks, but not the clock behind them.
            self.warp(1)

    def connect(self) -> None:
        """Use a node that runs already, and that `stop` leaves running. Raises `NodeError`."""
        self._client = Rpc(self.host, self.port)
        self.chain_id = as_int(self.rpc("eth_chainId"))

    def _listening(self, log: Path) -> int:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            ended = self._process.poll() is not None
            written = log.read_text() if log.exists() else ""
            if found := re.search(r"^Listening on \S+:(\d+)$", written, re.MULTILINE):
                return int(found[1])
            if ended:
                raise NodeError(f"anvil ended at once:\n{written.strip()[-2000:]}")
            time.sleep(0.002)
        raise NodeError(f"anvil did not start within {START_TIMEOUT_SECONDS:.0f} s")

    def stop(self) -> None:
        """Stop the node and wait until it is gone; harmless when it already is."""
        if self._client is not None:
            self._client.close()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()

    def kill(self) -> None:
        """End the node at once, in the middle of whatever it does."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(timeout=5)

    def freeze(self) -> None:
        """Make the node accept connections and answer nothing, until `thaw` or `stop`."""
        self._signal(signal.SIGSTOP)
        # The signal stops one thread after the other: wait until a request goes unanswered.
        probe = Rpc(self.host, self.port, timeout_seconds=0.05)
        with contextlib.suppress(NodeError):
            while True:
                probe.request("web3_clientVersion")
        probe.close()

    def thaw(self) -> None:
        """Let a frozen node go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise NodeError("the node is not running")
        os.kill(self._pid, number)

    def rpc(self, method: str, *params: Json) -> Json:
        """Result of one JSON-RPC request. Raises `NodeError`."""
        if self._client is None:
            raise NodeError("the node is not running")
        return self._client.request(method, *params)

    def snapshot(self) -> str:
        """Remember the whole state; `revert` to it at most once."""
        return as_text(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Return to a snapshot, blocks and time included. Raises `NodeError` if it is unknown or used."""
        self._settle()
        if self.rpc("evm_revert", snapshot) is not True:
            raise NodeError(f"there is no snapshot {snapshot}")
        self.reverts += 1
        # Blocks mined from here on have other hashes than those that went: states are forgotten by hash.
        self.rpc("anvil_setCoinbase", f"0x{self.reverts:040x}")

    def _settle(self) -> None:
        """Wait until what was mined has left the pool, which the node empties after it has answered.

        Otherwise a transaction of a block that goes is mined a second time, or its sender's next one is
        taken out in its place.
        """
        for _ in range(500):
            if set(as_object(self.rpc("txpool_status")).values()) == {"0x0"}:
                return
            time.sleep(0.002)
        self.rpc("anvil_dropAllTransactions")  # what waits for an earlier one, and is never mined

    def block(self, which: int | str = "latest") -> dict[str, Json]:
        """A block without its transactions, by number, tag, or hash of 32 bytes."""
        method = "eth_getBlockByNumber"
        if isinstance(which, str) and len(which) == 66:
            method = "eth_getBlockByHash"
        return as_object(self.rpc(method, hex(which) if isinstance(which, int) else which, False))  # noqa: FBT003

    @property
    def timestamp(self) -> int:
        """Time of the latest block, Unix seconds."""
        return as_int(self.block()["timestamp"])

    @property
    def block_number(self) -> int:
        """Number of the latest block."""
        return as_int(self.rpc("eth_blockNumber"))

    def next_block_at(self, timestamp: int) -> None:
        """Give the next block this time, in Unix seconds; it must be later than the latest block."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def warp(self, seconds: int) -> None:
        """Mine one block, `seconds` (at least 1) after the latest one."""
        self.next_block_at(self.timestamp + seconds)
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks, one second apart."""
        for _ in range(blocks):
            self.rpc("evm_mine")

    def code(self, address: str) -> bytes:
        """Runtime code at an address, empty if there is none."""
        return as_bytes(self.rpc("eth_getCode", address, "latest"))

    def set_code(self, address: str, code: bytes) -> None:
        """Put runtime code at an address; no code removes the contract."""
        self.rpc("anvil_setCode", address, "0x" + code.hex())

    def balance(self, address: str) -> int:
        """Native coin of an address, in wei."""
        return as_int(self.rpc("eth_getBalance", address, "latest"))

    def set_balance(self, address: str, wei: int) -> None:
        """Set the native coin of an address, in wei."""
        self.rpc("anvil_setBalance", address, hex(wei))

    def dump_state(self, path: Path) -> None:
        """Write the latest state and the blocks to a file that `Node(state=...)` loads.

        Without slots that are zero: they are as if never written, but every block would hash them.
        """
        state = json.loads(gzip.decompress(as_bytes(self.rpc("anvil_dumpState"))))
        for account in state["accounts"].values():
            account["storage"] = {slot: word for slot, word in account["storage"].items() if int(word, 16)}
        path.write_text(json.dumps(state))
