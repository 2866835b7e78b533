"""The loop of a peer's process: JSON lines in, JSON lines out. Standard library only.

The first line is the task; every further line asks for one round, which answers its seconds and the digest
of its results, which is computed after the clock has stopped.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Task:
    """Balances of wallets x tokens at one block, wallet by wallet."""

    url: str
    multicall3: str
    block: int
    tokens: list[str]
    wallets: list[str]


Results: TypeAlias = Iterable[tuple[bool, int]]


def digest(results: Results) -> str:
    """Hash of success flags and values: a byte and 32 bytes each."""
    joined = b"".join([bytes([success]) + (value or 0).to_bytes(32, "big") for success, value in results])
    return hashlib.sha256(joined).hexdigest()


def serve(prepare: Callable[[Task], Callable[[], Results]]) -> None:
    """Answer rounds until standard input ends; `prepare` is not timed."""
    run = prepare(Task(**json.loads(sys.stdin.readline())))
    for _ in sys.stdin:
        start = time.perf_counter()
        results = run()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "digest": digest(results)}), flush=True)
