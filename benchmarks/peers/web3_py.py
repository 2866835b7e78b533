"""web3.py in its two ways to ask much at once: `batch_requests`, and aggregate3 through a contract object."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from web3 import Web3

from benchmarks.peers.worker import Results, Task, serve
from tests.devnet.multicall3 import ABI

CHUNK = 500
_BALANCE: list[Any] = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]


def batched(task: Task) -> Callable[[], Results]:
    """JSON-RPC batches of one eth_call per read."""
    w3 = Web3(Web3.HTTPProvider(task.url))
    tokens = [w3.eth.contract(Web3.to_checksum_address(token), abi=_BALANCE) for token in task.tokens]
    wallets = [Web3.to_checksum_address(wallet) for wallet in task.wallets]

    def run() -> Results:
        calls = [token.functions.balanceOf(wallet) for wallet in wallets for token in tokens]
        found: list[tuple[bool, int]] = []
        for start in range(0, len(calls), CHUNK):
            with w3.batch_requests() as batch:
                for call in calls[start : start + CHUNK]:
                    batch.add(call)
                values: list[Any] = batch.execute()  # raises where one fails
                found += [(True, value) for value in values]
        return found

    return run


def aggregated(task: Task) -> Callable[[], Results]:
    """One aggregate3 for every so many reads."""
    w3 = Web3(Web3.HTTPProvider(task.url))
    multicall = w3.eth.contract(Web3.to_checksum_address(task.multicall3), abi=ABI)
    token = w3.eth.contract(abi=_BALANCE)
    wallets = [Web3.to_checksum_address(wallet) for wallet in task.wallets]
    targets = [Web3.to_checksum_address(address) for address in task.tokens]

    def run() -> Results:
        calls = [
            (target, True, token.encode_abi("balanceOf", [wallet]))
            for wallet in wallets
            for target in targets
        ]
        found: list[tuple[bool, int]] = []
        for start in range(0, len(calls), CHUNK):
            chunk = calls[start : start + CHUNK]
            answers = multicall.functions.aggregate3(chunk).call(block_identifier=task.block)
            found += [(success, int.from_bytes(data, "big")) for success, data in answers]
        return found

    return run


if __name__ == "__main__":
    serve({"batch": batched, "aggregate3": aggregated}[sys.argv[1]])
