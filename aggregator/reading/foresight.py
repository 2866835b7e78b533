"""Asks early for what a read is likely to want next, so that discovery costs no round of its own.

Reads are deterministic generators of replies. Before a round, a twin of a read is run on what is known of
this block and, where nothing is, on the replies of earlier runs: whatever it asks for is sent along with the
round. The read itself is driven with replies of the pinned block only, so a prediction that no longer holds,
or a cache full of nonsense, costs requests and rounds, and never a figure.

Requests that name a wallet are never kept. To a twin they answer as an empty wallet would, which leads it to
everything that is asked of every wallet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Page, Subgraph, pack
from aggregator.abi.http import Http
from aggregator.abi.logs import Logs
from aggregator.contract import Read, join
from aggregator.model.errors import NoVenue
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading.cache import PredictionCache
from aggregator.reading.decoding import decoded
from aggregator.reading.predictions import alike, blank_reply, key, packed_reply, same_shape, unpacked_reply
from aggregator.reading.source import Asked, Raw, Wanted

MAX_CALLS = 2_000
"""Contract calls that are asked for early with one round, at most."""
MAX_KEPT = 2_000
"""Replies that are kept of one round, at most."""
STAGES = 8
"""How far ahead a twin runs."""
_UNKNOWN = 2**53
"""The number of a block that is not known yet: later than any that a deployment dates itself from."""
_WORD = 32
_BLANK_PAGE = Page(0, None, "", has_indexing_errors=False)


@dataclass(slots=True, eq=False)
class _Twin:
    """A read to be made anew, and all that it asked for when it was last run; None before."""

    make: Callable[[Block], Read[Any]]
    asked: set[Asked] | None = None


class Foresight:
    """What the reads of one chain will ask for; each of `twins` makes a read at a block anew.

    A few twins speak for all wallets of a deployment: what wallets share is asked for early once.
    """

    def __init__(
        self,
        chain: ChainId,
        twins: Sequence[Callable[[Block], Read[Any]]],
        wallets: Collection[Address],
        cache: PredictionCache,
    ) -> None:
        self._chain = chain
        self._twins = list(map(_Twin, twins))
        self._wallets = {bytes.fromhex(wallet[2:]) for wallet in wallets}
        self._cache = cache
        self._guesses: dict[Asked, Any] = {}
        self._stored: dict[Asked, bytes] = {}
        self._expected: list[Asked] | None = None
        self._surprises: set[Asked] = set()
        self._kept: dict[bytes, bytes] = {}

    def expect(self, now: int) -> None:
        """Look ahead of the first round while its block, about `now` in Unix seconds, is still asked for."""
        self._expected = self._ahead(Block(self._chain, _UNKNOWN, "0x", "0x", now), {}, ())

    def follow(self, wallet: Address, twins: Sequence[Callable[[Block], Read[Any]]]) -> None:
        """One more wallet, that was found while others are read: before anything that names it is asked."""
        self._wallets.add(bytes.fromhex(wallet[2:]))
        self._guesses.clear()  # what names it was asked of anybody so far
        self._twins += map(_Twin, twins)

    def ended(self, twin: Callable[[Block], Read[Any]]) -> None:
        """The read that a twin speaks for asks for nothing more, and so would the twin."""
        self._twins = [other for other in self._twins if other.make is not twin]

    def ahead(self, block: Block, known: Mapping[Asked, Any], asked: Collection[Asked]) -> list[Asked]:
        """Requests that are neither known nor asked for now and that will probably be next."""
        if not known and self._expected is not None:
            return [request for request in self._expected if request not in asked]
        return self._ahead(block, known, asked)

    def _ahead(self, block: Block, known: Mapping[Asked, Any], asked: Collection[Asked]) -> list[Asked]:
        found: dict[Asked, None] = {}
        room = MAX_CALLS
        # The others would ask for the same again.
        due = [twin for twin in self._twins if twin.asked is None or twin.asked & self._surprises]
        for place, twin in enumerate(due):
            twin.asked = set()
            for request in self._wanted(twin.make(block), known):
                twin.asked.add(request)
                if request in known or request in asked or request in found:
                    continue
                room -= len(request) if isinstance(request, Calls) else 1
                if room < 0:
                    for cut in due[place:]:
                        cut.asked = None  # still due: it was not run, or not to its end
                    return list(found)
                found[request] = None
        return list(found)

    def learn(self, replies: Mapping[Asked, Raw]) -> None:
        """Compare what a round was answered with what was predicted.

        Figures change with every block; a twin asks for something else where what is told of a wallet is not
        what a blank one has, or where something has another size than before.
        """
        self._surprises = set()
        for request, raw in replies.items():
            if isinstance(request, Logs | Subgraph | Http) or self._names_wallet(request):
                if not alike(self._prediction(request), raw):
                    self._surprises.add(request)
                continue
            packed, before = packed_reply(raw), self._stored.get(request)
            if packed is None or before is None or not same_shape(packed, before):
                self._surprises.add(request)
            if packed is not None and packed != before:
                self._kept[key(request)] = packed

    def keep(self, block: Block) -> None:
        """Keep what was learned for later runs."""
        self._cache.predict(block, dict(islice(self._kept.items(), MAX_KEPT)))
        self._kept.clear()

    def _wanted(self, read: Read[Any], known: Mapping[Asked, Any]) -> Iterator[Asked]:
        """What a twin asks for until it needs a reply that nobody can guess."""
        twin = join([read], isolate=True)  # whatever it raises is a result
        replies: list[Any] | None = None
        for _ in range(STAGES):
            try:
                asked: Sequence[Any] = twin.send(replies) if replies is not None else next(twin)
            except StopIteration:
                return
            yield from asked
            replies = []
            for request in asked:
                reply = known[request] if request in known else self._guess(request)
                if reply is None:
                    return
                replies.append(reply)

    def _guess(self, request: Asked) -> Any:
        """A reply for a twin; None where nobody knows one."""
        if request not in self._guesses:
            raw = self._prediction(request)
            self._guesses[request] = None if raw is None else decoded(request, raw)
        return self._guesses[request]

    def _prediction(self, request: Asked) -> Raw | None:
        if isinstance(request, Logs):
            return b"" if self._names_wallet(request) else None
        if isinstance(request, Http):
            return NoVenue(request.venue)  # what it will say nobody knows; a read can do without it
        if isinstance(request, Subgraph):
            return pack(_BLANK_PAGE.number, [_BLANK_PAGE]) if self._names_wallet(request) else None
        if self._names_wallet(request):
            return blank_reply(request)
        packed = self._cache.prediction(self._chain, key(request))
        if packed is None:
            return None
        self._stored[request] = packed
        return unpacked_reply(request, packed)

    def _names_wallet(self, request: Wanted | Logs | Subgraph[Any]) -> bool:
        match request:
            case Call(target=target, data=data):
                return bytes.fromhex(target[2:]) in self._wallets or self._in_words(data[4:])
            case Calls(rows=rows):
                width = request.width
                return any(self._in_words(rows[at + 4 : at + width]) for at in range(0, len(rows), width))
            case Logs(topics=topics):
                return any(self._in_words(word) for topic in topics for word in topic or ())
            case Subgraph(variables=variables):
                return any(wallet.hex() in str(value) for _, value in variables for wallet in self._wallets)

    def _in_words(self, data: bytes) -> bool:
        return any(data[at + 12 : at + _WORD] in self._wallets for at in range(0, len(data), _WORD))
