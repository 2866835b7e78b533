"""A wallet from contracts beside the same wallet from subgraphs, at the same block.

Contracts are the first source; nothing of a subgraph is counted. What differs is told with its reason, and
what no subgraph covers is told as well. The addresses that hold positions for a wallet are compared like the
wallet itself, each for itself, where they count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Inexact
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app import checks, recorded
from aggregator.app.answers import Answer
from aggregator.app.crosschecks import CrossCheck, CrossChecked
from aggregator.app.owning import Belongings, belongings
from aggregator.app.places import Place, places
from aggregator.app.readers import Selection
from aggregator.contract import join
from aggregator.model.errors import BadConfiguration, ReadError
from aggregator.model.readings import Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading import registry
from aggregator.reading.run import Run, drive, run
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings, SubgraphSettings

if TYPE_CHECKING:
    from aggregator.reading.recording import Recording
from aggregator.app.crosscheck_sides import Asked, Pair

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


class _Crosscheck:
    """Reads subgraphs after the contracts, from the same sources at the same blocks."""

    def __init__(self, config: Settings, *, history: bool) -> None:
        self._config = config
        self._history = history
        self._sources = registry.second_sources(config)
        self._asked: list[Asked] = []
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
                if pair.is_of(place)
            ]
            reads = [pair.sightings(place.job.wallet, place.reading) for pair, place in wanted]
            results, _ = await drive(join(reads, isolate=True), sources[chain], block)
            self._asked += [
                Asked(pair, place, block, pair.addable(result))
                for (pair, place), result in zip(wanted, results, strict=True)
            ]
        for asked in self._asked if self._history else ():
            for number in asked.events()[:MAX_EVENTS]:
                past = await run([asked.place.job], sources, str(number))
                asked.past[number] = past.outcomes[0].result

    def _pairs(self, entry: SubgraphSettings, outcome: Run) -> Iterable[Pair]:
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
            yield Pair(entry, self._sources[entry.kind], name)

    def result(self, answer: Answer) -> CrossChecked:
        """A cross-check for each wallet of the answer."""
        return CrossChecked(answer, tuple(self._of(portfolio.wallet) for portfolio in answer.portfolios))

    def _of(self, wallet: Address) -> CrossCheck:
        mine = [asked for asked in self._asked if asked.place.path[0] == wallet]
        comparisons, failures, warnings = [], list[Failure](), list[str]()
        for asked in mine:
            entry = asked.pair.entry
            if isinstance(asked.result, ReadError):
                failures.append(asked.failed(asked.result))
                continue
            try:
                comparisons.append(asked.compared(asked.result))
            except Inexact:
                failures.append(asked.failed(asked.pair.too_fine()))
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
