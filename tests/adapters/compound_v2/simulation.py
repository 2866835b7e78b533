"""What the contracts would answer: many calls in one, simulated at a block, none of it kept.

Multicall3 is the sender, so that it can liquidate; a call may add interest that a later one then sees.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.devnet import multicall3
from tests.devnet.abi import Abi
from tests.devnet.rpc import Json, as_bytes
from tests.devnet.venus_deploy import MARKETS

if TYPE_CHECKING:
    from tests.devnet.chain import Contract
    from tests.devnet.venus import VenusCore

_ABI = Abi(
    json.loads("""[{"type": "function", "name": "aggregate3Value", "stateMutability": "payable",
      "inputs": [{"name": "calls", "type": "tuple[]", "components": [
        {"name": "target", "type": "address"}, {"name": "allowFailure", "type": "bool"},
        {"name": "value", "type": "uint256"}, {"name": "callData", "type": "bytes"}]}],
      "outputs": [{"name": "returnData", "type": "tuple[]", "components": [
        {"name": "success", "type": "bool"}, {"name": "returnData", "type": "bytes"}]}]}]""")
)


@dataclass(frozen=True)
class Reverted:
    """A call that failed, with its reason."""

    reason: str


@dataclass
class Simulation:
    """Calls to make in this order; `add` tells the place of a call's answer in what `run` returns."""

    pool: VenusCore
    calls: list[tuple[Contract, str, tuple[Any, ...], int]] = field(default_factory=list)

    def add(self, contract: Contract, function: str, *arguments: Any, value: int = 0) -> int:
        self.calls.append((contract, function, arguments, value))
        return len(self.calls) - 1

    def accrue(self) -> None:
        """All markets and VAI add their interest."""
        for symbol in MARKETS:
            self.add(self.pool.markets[symbol], "accrueInterest")
        self.add(self.pool.vai_controller, "accrueVAIInterest")

    def run(self, block: int) -> list[Any]:
        """The answers at a block number, the present one or a later one."""
        chain = self.pool.chain
        packed = [
            {"target": c.address, "allowFailure": True, "value": value, "callData": c.encode(name, *args)}
            for c, name, args, value in self.calls
        ]
        data = _ABI.encode_call("aggregate3Value", [packed])
        request: dict[str, Json] = {
            "from": self.pool.site.account("lp"),
            "to": multicall3.MULTICALL3,
            "data": "0x" + data.hex(),
            "value": hex(sum(value for *_, value in self.calls)),
            "gas": hex(100_000_000),
        }
        raw = as_bytes(chain.node.rpc("eth_call", request, "latest", {}, {"number": hex(block)}))
        answers: list[Any] = []
        results = _ABI.decode_result("aggregate3Value", 1, raw)
        for (contract, name, args, _), result in zip(self.calls, results, strict=True):
            if result["success"]:
                answers.append(contract.abi.decode_result(name, len(args), result["returnData"]))
            else:
                answers.append(Reverted(chain.errors.reason(result["returnData"])))
        return answers
