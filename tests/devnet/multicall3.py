"""The real Multicall3 at the address that it has on every chain.

Its deployment cannot be replayed here (it was one pre-signed transaction), so the creation code that
the package viem carries is run once and the resulting runtime code is put at the canonical address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.devnet.chain import Chain, Contract
from tests.devnet.errors import DevnetError, NodeError
from tests.devnet.packages import packages

if TYPE_CHECKING:
    from eth_typing import ABIElement

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"

ABI: list[ABIElement] = [
    {
        "type": "function",
        "name": "aggregate3",
        "stateMutability": "payable",
        "inputs": [
            {
                "name": "calls",
                "type": "tuple[]",
                "components": [
                    {"name": "target", "type": "address"},
                    {"name": "allowFailure", "type": "bool"},
                    {"name": "callData", "type": "bytes"},
                ],
            }
        ],
        "outputs": [
            {
                "name": "returnData",
                "type": "tuple[]",
                "components": [{"name": "success", "type": "bool"}, {"name": "returnData", "type": "bytes"}],
            }
        ],
    },
    {
        "type": "function",
        "name": "getBlockNumber",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "blockNumber", "type": "uint256"}],
    },
    {
        "type": "function",
        "name": "getCurrentBlockTimestamp",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "timestamp", "type": "uint256"}],
    },
    {
        "type": "function",
        "name": "getEthBalance",
        "stateMutability": "view",
        "inputs": [{"name": "addr", "type": "address"}],
        "outputs": [{"name": "balance", "type": "uint256"}],
    },
]


def install(chain: Chain) -> Contract:
    """Put Multicall3 at its canonical address."""
    receipt = chain._transact("deploying Multicall3", None, _creation_code(), chain.sender, 0)
    if receipt.contract is None:
        raise NodeError("deploying Multicall3 created nothing")
    chain.node.set_code(MULTICALL3, chain.node.code(receipt.contract))
    return attach(chain)


def attach(chain: Chain) -> Contract:
    """Multicall3 where it already is."""
    return chain.at(ABI, MULTICALL3, "Multicall3")


def _creation_code() -> bytes:
    text = (packages() / "viem" / "constants" / "contracts.ts").read_text()
    found = re.search(r"multicall3Bytecode\s*=\s*'0x([0-9a-f]+)'", text)
    if found is None:
        raise DevnetError("viem no longer carries the creation code of Multicall3")
    return bytes.fromhex(found[1])
