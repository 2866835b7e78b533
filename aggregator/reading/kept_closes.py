"""Daily closes that are final, in the cache: each day of a source is asked for once.

They were read at a finalized block, whose number and hash stand in their rows: where the chain has another
block there now, as a local chain that began anew, all of the source are dropped (`confirmed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from aggregator.model.readings import Block
from aggregator.model.units import plain
from aggregator.pricing.returns import Close

if TYPE_CHECKING:
    from aggregator.reading.price_history import PriceHistory
    from aggregator.reading.source import ChainSource
    from aggregator.reading.sqlite_cache import SqliteCache


class KeptCloses:
    """Closes of any source in a cache; several processes may keep some at once."""

    def __init__(self, cache: SqliteCache) -> None:
        self._cache = cache

    def get(self, source: PriceHistory, first: int, last: int) -> tuple[Close, ...]:
        """Those of days `first` to `last`, oldest first."""
        closes, _, _ = self._read(source, first, last)
        return closes

    def put(self, source: PriceHistory, closes: Sequence[Close], block: Block) -> None:
        """Keep closes that were read at a finalized block."""
        rows = [
            (
                source.chain,
                source.key,
                close.day,
                None if close.price is None else plain(close.price),
                block.number,
                block.hash,
            )
            for close in closes
        ]
        self._cache.write("closes", rows)

    async def confirmed(
        self, source: PriceHistory, chain: ChainSource, first: int, last: int
    ) -> tuple[Close, ...]:
        """Those of `get` if the chain still has their newest block; else they go, and there are none.

        Raises TransportError where the chain doesn't answer.
        """
        closes, number, block_hash = self._read(source, first, last)
        if not closes or (await chain.pin(str(number))).hash == block_hash:
            return closes
        of_source = ("DELETE FROM closes WHERE chain = ? AND source = ?", (source.chain, source.key))
        self._cache.write("closes", [], before=of_source)
        return ()

    def _read(self, source: PriceHistory, first: int, last: int) -> tuple[tuple[Close, ...], int, str]:
        """Closes, and the newest block at which some of them were read: number and hash."""
        rows = self._cache.rows(
            "SELECT chain, source, day, price, block, hash, digest FROM closes "
            "WHERE chain = ? AND source = ? AND day BETWEEN ? AND ? ORDER BY day",
            (source.chain, source.key, first, last),
        )
        closes, newest = [], (-1, "")
        for _, _, day, text, block, block_hash in rows:
            price = None if text is None else _price(text)
            if price is not None or text is None:
                closes.append(Close(day, price))
                newest = max(newest, (block, block_hash))
        return (tuple(closes), *newest)


def _price(text: str) -> Decimal | None:
    """The price; None where the text is none, and the row therefore no row."""
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price if price.is_finite() and price > 0 else None
