"""multicall.py as its README shows it: one Call per read, failures allowed.

Its default of 10,000 calls a batch makes bodies that the local node refuses, and it gives up on that refusal:
it is given the largest round number that the node takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from multicall import Call, Multicall
from multicall.multicall import batcher
from web3 import Web3

from benchmarks.peers.worker import Results, Task, serve

BATCH = 5_000


def prepare(task: Task) -> Callable[[], Results]:
    """Its client is made once; calls are made anew each round, as a program would."""
    w3 = Web3(Web3.HTTPProvider(task.url))
    batcher.step = BATCH
    asyncio.set_event_loop(asyncio.new_event_loop())

    def run() -> Results:
        calls = [
            Call(token, ["balanceOf(address)(uint256)", wallet], [((i, k), lambda ok, value: (ok, value))])
            for i, wallet in enumerate(task.wallets)
            for k, token in enumerate(task.tokens)
        ]
        found = Multicall(calls, block_id=task.block, require_success=False, _w3=w3)()
        return [found[i, k] for i in range(len(task.wallets)) for k in range(len(task.tokens))]

    return run


if __name__ == "__main__":
    serve(prepare)
