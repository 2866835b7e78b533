"""A ReadingCache in one SQLite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.cache import Stretch
from aggregator.reading.cache_file import CacheFile

MAX_REPLY_BYTES = 256 * 2**10
"""The largest reply that is worth predicting from."""
MAX_LOG_BYTES = 8 * 2**20
"""The largest stretch of logs that is kept as one row."""


class SqliteCache(CacheFile):
    """A ReadingCache in a file; without one that can be used it knows nothing, and keeps nothing."""

    def get(self, chain: ChainId, number: int) -> Block | None:
        """See HeaderCache."""
        rows = self.rows(
            "SELECT chain, number, hash, parent_hash, time, digest FROM header "
            "WHERE chain = ? AND number = ?",
            (chain, number),
        )
        for _, _, block_hash, parent_hash, timestamp in rows:
            return Block(chain, number, block_hash, parent_hash, timestamp)
        return None

    def put(self, block: Block) -> None:
        """See HeaderCache."""
        row = (block.chain, block.number, block.hash, block.parent_hash, block.timestamp)
        self.write("header", [row])

    def stretches(self, chain: ChainId, filter_key: bytes, first: int, last: int) -> list[Stretch]:
        """See LogCache."""
        rows = self.rows(
            "SELECT chain, filter, first, last, hash, packed, digest FROM logs "
            "WHERE chain = ? AND filter = ? AND first <= ? AND last >= ? ORDER BY first",
            (chain, filter_key, last, first),
        )
        found: list[Stretch] = []
        for _, _, begin, end, block_hash, packed in rows:
            if begin <= end and (not found or begin > found[-1].last):
                found.append(Stretch(begin, end, block_hash, packed))
        return found

    def keep_logs(self, chain: ChainId, filter_key: bytes, stretches: Sequence[Stretch]) -> None:
        """See LogCache."""
        if not stretches:
            return
        rows = [
            (chain, filter_key, s.first, s.last, s.hash, s.packed)
            for s in stretches
            if len(s.packed) <= MAX_LOG_BYTES
        ]
        span = (chain, filter_key, stretches[-1].last, stretches[0].first)
        self.write(
            "logs",
            rows,
            ("DELETE FROM logs WHERE chain = ? AND filter = ? AND first <= ? AND last >= ?", span),
        )

    def prediction(self, chain: ChainId, request: bytes) -> bytes | None:
        """See PredictionCache."""
        rows = self.rows(
            "SELECT chain, request, hash, reply, digest FROM prediction WHERE chain = ? AND request = ?",
            (chain, request),
        )
        for _, _, _, reply in rows:
            return bytes(reply)
        return None

    def predict(self, block: Block, replies: Mapping[bytes, bytes]) -> None:
        """See PredictionCache."""
        rows = [
            (block.chain, request, block.hash, reply)
            for request, reply in replies.items()
            if len(reply) <= MAX_REPLY_BYTES
        ]
        self.write("prediction", rows)
