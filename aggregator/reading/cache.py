"""What reading remembers between runs.

Nothing here is needed for an answer, and nothing in it is believed without a second look: logs are checked
against the chain's present hash of their last block, predicted replies only tell what to ask for; an answer
that uses daily closes (kept_closes.py) says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aggregator.model.readings import Block
from aggregator.model.units import ChainId


@dataclass(frozen=True, slots=True)
class Stretch:
    """All logs of one filter in blocks `first` to `last`, as `abi.logs.pack` gives them; `hash` is the last
    block's."""

    first: int
    last: int
    hash: str
    packed: bytes


class HeaderCache(Protocol):
    """Block headers by number, finalized ones only. A hint: what is decided by them is checked on the chain.

    A local chain that was started anew has the same id and other blocks.
    """

    def get(self, chain: ChainId, number: int) -> Block | None:
        """The header at a height; None where it is not known."""
        ...

    def put(self, block: Block) -> None:
        """Keep a header at or below the last finalized one."""
        ...


class LogCache(Protocol):
    """Stretches of finalized logs by filter. Whoever uses one has its last block's hash confirmed first."""

    def stretches(self, chain: ChainId, filter_key: bytes, first: int, last: int) -> list[Stretch]:
        """Those that overlap blocks `first` to `last`, none of which overlap each other, in order."""
        ...

    def keep_logs(self, chain: ChainId, filter_key: bytes, stretches: Sequence[Stretch]) -> None:
        """Keep these, in place of all that lie between the first's begin and the last's end."""
        ...


class PredictionCache(Protocol):
    """Replies of past reads, from which the next read's requests are guessed, and nothing else."""

    def prediction(self, chain: ChainId, request: bytes) -> bytes | None:
        """The last known reply to a request, by its key."""
        ...

    def predict(self, block: Block, replies: Mapping[bytes, bytes]) -> None:
        """Keep replies of a block by the keys of their requests."""
        ...


class ReadingCache(HeaderCache, LogCache, PredictionCache, Protocol):
    """All of them."""
