"""A subgraph beside a place that contracts were read at: what it is asked, and what comes of comparing."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, Inexact

from aggregator.app.comparing import Key, by_contracts, by_second_source, judge
from aggregator.app.crosschecks import Compared, Comparison
from aggregator.app.places import Place
from aggregator.contract import Read, SecondSource, join
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.sightings import SightingKind, Sightings
from aggregator.model.units import Address, ChainId
from aggregator.settings import SubgraphSettings


@dataclass(frozen=True, slots=True)
class Pair:
    """A subgraph, what reads it, and the deployment that it is about, by its name."""

    entry: SubgraphSettings
    source: SecondSource
    deployment: str

    def is_of(self, place: Place) -> bool:
        """Whether the place is of the deployment."""
        deployment = place.job.deployment
        return (deployment.adapter, deployment.chain, deployment.name) == (
            self.entry.adapter,
            self.entry.chain,
            self.deployment,
        )

    def sightings(self, wallet: Address, reading: Reading) -> Read[tuple[Sightings, ...]]:
        """What it says of an address and of everyone through whom the adapter found accounts of it."""
        owners = dict.fromkeys([wallet, *(account.owner_path[-1] for account in reading.accounts)])
        chain = ChainId(self.entry.chain)
        return tuple((yield from join([self.source.read(self.entry.name, chain, owner) for owner in owners])))

    def addable(self, found: tuple[Sightings, ...] | ReadError) -> tuple[Sightings, ...] | ReadError:
        """What was found, unless its amounts are such that no sum of them is exact."""
        try:
            by_second_source(() if isinstance(found, ReadError) else found)
        except Inexact:
            return self.too_fine()
        return found

    def too_fine(self) -> MalformedReply:
        """The error of amounts that can't be added or compared exactly."""
        return MalformedReply(f"subgraph {self.entry.name}", "its amounts have too many digits")

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:
        """Why it does not know of a position; see SecondSource."""
        return self.source.unseen(kind, amount) if kind in self.source.kinds else f"any {kind}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pair said of one place at a block, and what contracts said at blocks of the past."""

    pair: Pair
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

    def failed(self, error: ReadError) -> Failure:
        """An error as what failed of the wallet."""
        entry, path = self.pair.entry, self.place.path
        name = entry.name if len(path) == 1 else f"{entry.name} for {path[-1]}"
        return Failure(entry.kind, name, ChainId(entry.chain), path[0], error)

    def compared(self, found: tuple[Sightings, ...]) -> Comparison:
        """Every position of either side, judged; raises Inexact where amounts have too many digits."""
        pair = self.pair
        ours, theirs = by_contracts(self.place.reading.accounts), by_second_source(found)
        lag = max(sightings.lag for sightings in found)
        lacking = ", ".join(failure.label for failure in self.place.reading.failures)
        positions = []
        for key in dict.fromkeys([*ours, *theirs]):
            owner, kind, what = key
            mine, other = ours.get(key), theirs.get(key)
            judged = judge(
                kind,
                mine,
                other,
                now=self.block.timestamp,
                lag=lag,
                unseen="" if mine is None else pair.unseen(kind, mine.amount),
                lacking=lacking,
                then=None if other is None else self.amount_at(other.block, key),
            )
            positions.append(Compared(owner, kind, what, mine, other, judged))
        number = min(sightings.number for sightings in found)
        path, how = self.place.path, self.place.how
        return Comparison(pair.entry, pair.deployment, path, how, number, lag, tuple(positions))
