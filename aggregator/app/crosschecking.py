"""A wallet from contracts beside the same wallet from subgraphs, at the same block.

Contracts are the first source; nothing of a subgraph is counted. What differs is told with its reason, and
what no subgraph covers is told as well. The addresses that hold positions for a wallet are compared like the
wallet itself, each for itself, where they count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, Inexact
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app import checks, recorded
from aggregator.app.answers import Answer
from aggregator.app.comparing import Key, by_contracts, by_second_source, judge
from aggregator.app.crosschecks import Compared, Comparison, CrossCheck, CrossChecked
from aggregator.app.owning import Belongings, belongings
from aggregator.app.places import Place, places
from aggregator.app.readers import Selection
from aggregator.contract import Read, SecondSource, join
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.sightings import SightingKind, Sightings
from aggregator.model.units import Address, ChainId
from aggregator.reading import registry
from aggregator.reading.run import Run, drive, run
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings, SubgraphSettings

if TYPE_CHECKING:
    from aggregator.reading.recording import Recording

MAX_EVENTS = 100
"""Blocks of the past at which one account is read, at most."""


def crosscheck(
    selection: Selection, config: Settings, *, history: bool = False, record_to: Path | None = None
) -> CrossChecked:
    """Read wallets from contracts and from the configured subgraphs; with `record_to` keep every reply.

    With `history` the contracts are read again at the block of each position's last event. Raises UsageError
    as `read` does, and BadConfiguration where no subgraph belongs to what is read.
    """
    work = _Crosscheck(config, history=history)
    answer = checks.read(selection, config, record_to=record_to, afterwards=work.read)
    return work.result(answer)


def replayed_crosscheck(recording: Recording, *, history: bool = False) -> CrossChecked:
    """The same from a recording that was made with the subgraphs."""
    work = _Crosscheck(settings.exactly(recording.configuration, "recording"), history=history)
    return work.result(recorded.replay(recording, afterwards=work.read))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A subgraph, what reads it, and the deployment that it is about, by its name."""

    entry: SubgraphSettings
    source: SecondSource
    deployment: str


@dataclass(frozen=True, slots=True)
class _Asked:
    pair: _Pair
    place: Place
    block: Block
    result: tuple[Sightings, ...] | ReadError
    past: dict[int, Reading | Failure] = field(default_factory=dict)

    def events(self) -> list[int]:
        """Blocks of the last events of what differs, the newest first, none beyond the compared one."""
        if isinstance(self.result, ReadError):
            return []
        ours = by_contracts(self.place.reading.accounts)
        found = {
            theirs.block
            for key, theirs in by_second_source(self.result).items()
            if key in ours and ours[key].amount != theirs.amount
        }
        return sorted((n for n in found if n is not None and n < self.block.number), reverse=True)

    def amount_at(self, number: int | None, key: Key) -> Decimal | None:
        """What contracts said at a block; None where they were not read there."""
        reading = None if number is None else self.past.get(number)
        if not isinstance(reading, Reading) or reading.failures:
            return None
        found = by_contracts(reading.accounts).get(key)
        return Decimal(0) if found is None else found.amount


class _Crosscheck:
    """Reads subgraphs after the contracts, from the same sources at the same blocks."""

    def __init__(self, config: Settings, *, history: bool) -> None:
        self._config = config
        self._history = history
        self._sources = registry.second_sources(config)
        self._asked: list[_Asked] = []
        self._places: list[Place] = []
        self._belongings: Mapping[Address, Belongings] = {}

    async def read(self, outcome: Run, sources: Mapping[ChainId, ChainSource]) -> None:
        """See answers.Afterwards."""
        wallets = list(dict.fromkeys(one.job.wallet for one in outcome.outcomes))
        self._belongings = belongings(outcome.found, wallets)
        self._places = list(places(outcome, self._belongings))
        pairs = [pair for entry in self._config.subgraphs for pair in self._pairs(entry, outcome)]
        if not pairs:
            why = "none belongs to a deployment that is read: give one its `adapter` and `deployment`"
            raise BadConfiguration("subgraphs", why)
        for chain, block in outcome.blocks.items():
            wanted = [
                (pair, place)
                for pair in pairs
                if pair.entry.chain == chain
                for place in self._places
                if _belongs(pair, place)
            ]
            reads = [_sightings(pair, place.job.wallet, place.reading) for pair, place in wanted]
            results, _ = await drive(join(reads, isolate=True), sources[chain], block)
            self._asked += [
                _Asked(pair, place, block, _addable(pair, result))
                for (pair, place), result in zip(wanted, results, strict=True)
            ]
        for asked in self._asked if self._history else ():
            for number in asked.events()[:MAX_EVENTS]:
                past = await run([asked.place.job], sources, str(number))
                asked.past[number] = past.outcomes[0].result

    def _pairs(self, entry: SubgraphSettings, outcome: Run) -> Iterable[_Pair]:
        """Raises BadConfiguration where it can't be told which deployment a subgraph is about."""
        if not entry.adapter or entry.kind not in self._sources:
            return
        jobs = [one.job for one in outcome.outcomes if one.job.adapter.name == entry.adapter]
        names = list(dict.fromkeys(j.deployment.name for j in jobs if j.deployment.chain == entry.chain))
        found = [name for name in names if entry.deployment in ("", name)]
        if len(found) > 1:
            why = f"`deployment` must be one of {', '.join(found)}"
            raise BadConfiguration(f"subgraph {entry.name}", why)
        if entry.deployment and names and not found:
            why = f"{entry.adapter} has no {entry.deployment!r} there, but {', '.join(names)}"
            raise BadConfiguration(f"subgraph {entry.name}", why)
        for name in found:
            yield _Pair(entry, self._sources[entry.kind], name)

    def result(self, answer: Answer) -> CrossChecked:
        """A cross-check for each wallet of the answer."""
        return CrossChecked(answer, tuple(self._of(portfolio.wallet) for portfolio in answer.portfolios))

    def _of(self, wallet: Address) -> CrossCheck:
        mine = [asked for asked in self._asked if asked.place.path[0] == wallet]
        comparisons, failures, warnings = [], list[Failure](), list[str]()
        for asked in mine:
            entry = asked.pair.entry
            if isinstance(asked.result, ReadError):
                failures.append(_failure(asked, asked.result))
                continue
            try:
                comparisons.append(_compared(asked, asked.result))
            except Inexact:
                failures.append(_failure(asked, _too_fine(asked.pair)))
                continue
            warnings += [text for found in asked.result for text in found.warnings]
            if self._history and len(asked.past) < len(asked.events()):
                warnings.append(f"subgraph {entry.name}: only the {MAX_EVENTS} newest events were looked at")
            warnings += [
                f"what was so at block {number} is not known: {past.error}"
                for number, past in asked.past.items()
                if isinstance(past, Failure)
            ]
            warnings += [
                f"what was so at block {number} is not known of {one.label}: {one.error}"
                for number, past in asked.past.items()
                if isinstance(past, Reading)
                for one in past.failures
            ]
        covered = {id(asked.place) for asked in mine}
        uncovered = [
            account
            for place in self._places
            if place.path[0] == wallet and id(place) not in covered
            for account in place.accounts
        ]
        warnings += [
            f"subgraph {entry.name} is not compared: nothing installed reads the schema {entry.kind!r}"
            for entry in self._config.subgraphs
            if entry.adapter and entry.kind not in self._sources
        ]
        return CrossCheck(
            wallet=wallet,
            comparisons=tuple(comparisons),
            uncovered=tuple(uncovered),
            uncounted=tuple(h for h in self._belongings[wallet].holders if not h.counted),
            failures=tuple(failures),
            warnings=tuple(dict.fromkeys(warnings)),
        )


def _failure(asked: _Asked, error: ReadError) -> Failure:
    entry, path = asked.pair.entry, asked.place.path
    name = entry.name if len(path) == 1 else f"{entry.name} for {path[-1]}"
    return Failure(entry.kind, name, ChainId(entry.chain), path[0], error)


def _belongs(pair: _Pair, place: Place) -> bool:
    deployment = place.job.deployment
    return (deployment.adapter, deployment.chain, deployment.name) == (
        pair.entry.adapter,
        pair.entry.chain,
        pair.deployment,
    )


def _sightings(pair: _Pair, wallet: Address, reading: Reading) -> Read[tuple[Sightings, ...]]:
    """What a subgraph says of an address and of everyone through whom the adapter found accounts of it."""
    owners = dict.fromkeys([wallet, *(account.owner_path[-1] for account in reading.accounts)])
    chain = ChainId(pair.entry.chain)
    return tuple((yield from join([pair.source.read(pair.entry.name, chain, owner) for owner in owners])))


def _addable(pair: _Pair, found: tuple[Sightings, ...] | ReadError) -> tuple[Sightings, ...] | ReadError:
    """What was found, unless its amounts are such that no sum of them is exact."""
    try:
        by_second_source(() if isinstance(found, ReadError) else found)
    except Inexact:
        return _too_fine(pair)
    return found


def _too_fine(pair: _Pair) -> MalformedReply:
    return MalformedReply(f"subgraph {pair.entry.name}", "its amounts have too many digits")


def _compared(asked: _Asked, found: tuple[Sightings, ...]) -> Comparison:
    pair = asked.pair
    ours, theirs = by_contracts(asked.place.reading.accounts), by_second_source(found)
    lag = max(sightings.lag for sightings in found)
    lacking = ", ".join(failure.label for failure in asked.place.reading.failures)
    positions = []
    for key in dict.fromkeys([*ours, *theirs]):
        owner, kind, what = key
        mine, other = ours.get(key), theirs.get(key)
        unseen = "" if mine is None else _unseen(pair.source, kind, mine.amount)
        judged = judge(
            kind,
            mine,
            other,
            now=asked.block.timestamp,
            lag=lag,
            unseen=unseen,
            lacking=lacking,
            then=None if other is None else asked.amount_at(other.block, key),
        )
        positions.append(Compared(owner, kind, what, mine, other, judged))
    number = min(sightings.number for sightings in found)
    path, how = asked.place.path, asked.place.how
    return Comparison(pair.entry, pair.deployment, path, how, number, lag, tuple(positions))


def _unseen(source: SecondSource, kind: SightingKind, amount: Decimal) -> str:
    return source.unseen(kind, amount) if kind in source.kinds else f"any {kind}"
