"""Deploying contracts, sending transactions and calling, with as few requests as there can be.

A transaction is one request (`eth_sendTransactionSync`), a call another. web3's own path takes
three requests and 8 ms for a call; a suite of hundreds of states would spend its time there.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet.abi import Abi, AbiValue, Errors, checksummed
from tests.devnet.artifacts import Artifact
from tests.devnet.errors import DevnetError, NodeError, TransactionReverted
from tests.devnet.rpc import Json, as_bytes, as_int, as_list, as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eth_typing import ABIElement

    from tests.devnet.node import Node

ZERO_ADDRESS = "0x" + "0" * 40
MAX_UINT256 = 2**256 - 1
GAS = 60_000_000


@dataclass(frozen=True)
class Log:
    """One log entry of a transaction."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What a successful transaction left behind; `contract` is the address it created, if any."""

    hash: str
    block_number: int
    gas_used: int
    contract: str | None
    logs: tuple[Log, ...]


class Chain:
    """A node seen by one sender. `using` gives the same node with another default sender."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.accounts = [checksummed(as_text(one)) for one in as_list(node.rpc("eth_accounts"))]
        self.sender: str = self.accounts[0]
        self.errors = Errors()

    def using(self, sender: str) -> Chain:
        """The same chain with another default sender."""
        other = copy(self)
        other.sender = sender
        return other

    def deploy(
        self, artifact: Artifact, *arguments: AbiValue, libraries: Mapping[str, str] | None = None
    ) -> Contract:
        """Deploy a contract, its libraries linked by name to the given addresses."""
        abi = artifact.interface
        self.errors.learn(abi)
        data = as_bytes(artifact.linked(libraries or {})) + abi.encode_constructor(arguments)
        receipt = self._transact(f"deploying {artifact.name}", None, data, self.sender, 0)
        if receipt.contract is None:
            raise NodeError(f"deploying {artifact.name} created nothing")
        return Contract(self, receipt.contract, abi, artifact.name)

    def at(self, abi: Artifact | Sequence[ABIElement], address: str, name: str = "") -> Contract:
        """A contract that is there already."""
        interface = abi.interface if isinstance(abi, Artifact) else Abi(abi)
        self.errors.learn(interface)
        return Contract(self, checksummed(address), interface, name or getattr(abi, "name", address))

    def transact(self, to: str, data: bytes = b"", *, sender: str | None = None, value: int = 0) -> Receipt:
        """Send a transaction, with `value` in wei. Raises `TransactionReverted`."""
        return self._transact(f"transaction to {to}", to, data, sender or self.sender, value)

    def _transact(self, what: str, to: str | None, data: bytes, sender: str, value: int) -> Receipt:
        request: dict[str, Json] = {
            "from": sender,
            "data": "0x" + data.hex(),
            # The bytes of a transaction before a revert are never sent again: they would have its hash, and
            # the node may answer with the receipt that it had then.
            "gas": hex(GAS - self.node.reverts),
            "gasPrice": "0x0",
            "value": hex(value),
        }
        if to is not None:
            request["to"] = to
        found = as_object(self.node.rpc("eth_sendTransactionSync", request))
        if as_int(found["status"]) != 1:
            raise self._reverted(what, as_text(found["transactionHash"]))
        created = found["contractAddress"]
        logs = [as_object(one) for one in as_list(found["logs"])]
        return Receipt(
            hash=as_text(found["transactionHash"]),
            block_number=as_int(found["blockNumber"]),
            gas_used=as_int(found["gasUsed"]),
            contract=None if created is None else checksummed(as_text(created)),
            logs=tuple(
                Log(
                    checksummed(as_text(log["address"])),
                    tuple(as_bytes(topic) for topic in as_list(log["topics"])),
                    as_bytes(log["data"]),
                )
                for log in logs
            ),
        )

    def _reverted(self, what: str, transaction: str) -> TransactionReverted:
        trace = as_object(self.node.rpc("debug_traceTransaction", transaction, {"tracer": "callTracer"}))
        output = trace.get("output")
        data = as_bytes(output) if isinstance(output, str) else b""
        error = trace.get("error")
        # Out of gas, an invalid opcode: the trace knows, there is no data.
        reason = self.errors.reason(data) or (error if isinstance(error, str) else "")
        return TransactionReverted(what, reason, data)

    def call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | str = "latest", what: str = ""
    ) -> bytes:
        """Raw reply of a call at a block number or tag. Raises `TransactionReverted`."""
        request: dict[str, Json] = {"from": sender or self.sender, "to": to, "data": "0x" + data.hex()}
        at = hex(block) if isinstance(block, int) else block
        try:
            return as_bytes(self.node.rpc("eth_call", request, at))
        except NodeError as error:
            # Code 3 is "execution reverted"; anything else is the node's own trouble.
            if error.code != 3:
                raise
            reason = self.errors.reason(error.data)
            raise TransactionReverted(what or f"call of {to}", reason, error.data) from error


class Contract:
    """A deployed contract: `call` reads, `send` changes, `events` reads what a change left."""

    def __init__(self, chain: Chain, address: str, abi: Abi, name: str) -> None:
        self.chain = chain
        self.address = address
        self.abi = abi
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name} at {self.address}>"

    def encode(self, function: str, *arguments: AbiValue) -> bytes:
        """Calldata of a function."""
        return self.abi.encode_call(function, arguments)

    def call(
        self, function: str, *arguments: AbiValue, sender: str | None = None, block: int | str = "latest"
    ) -> AbiValue:
        """What a function returns, see `Abi.decode_result`. Raises `TransactionReverted`."""
        what = f"{self.name}.{function}"
        data = self.abi.encode_call(function, arguments)
        reply = self.chain.call(self.address, data, sender=sender, block=block, what=what)
        return self.abi.decode_result(function, len(arguments), reply)

    def send(self, function: str, *arguments: AbiValue, sender: str | None = None, value: int = 0) -> Receipt:
        """Send a transaction that runs a function. Raises `TransactionReverted`."""
        data = self.abi.encode_call(function, arguments)
        what = f"{self.name}.{function}"
        return self.chain._transact(what, self.address, data, sender or self.chain.sender, value)

    def events(self, receipt: Receipt, name: str) -> list[dict[str, AbiValue]]:
        """The events of that name that this contract emitted in a transaction."""
        item = self.abi.event(name)
        found = [
            self.abi.decode_event(item["name"], log.topics, log.data)
            for log in receipt.logs
            if log.address == self.address
        ]
        return [fields for fields in found if fields is not None]

    def as_sender(self, sender: str) -> Contract:
        """The same contract with another default sender."""
        return Contract(self.chain.using(sender), self.address, self.abi, self.name)


def bytes32(text: str) -> bytes:
    """ASCII text as the `bytes32` that Solidity code uses for names. At most 32 characters."""
    raw = text.encode("ascii")
    if len(raw) > 32:
        raise DevnetError(f"{text!r} is longer than 32 bytes")
    return raw.ljust(32, b"\0")
