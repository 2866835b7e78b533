"""What a cross-check says: each wallet's positions in both sources, and what could not be compared."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.app.answers import Answer
from aggregator.app.comparing import Judged, Ours, Theirs, Verdict
from aggregator.model.accounts import Account
from aggregator.model.holders import Holder
from aggregator.model.readings import Failure
from aggregator.model.sightings import SightingKind
from aggregator.model.units import Address
from aggregator.settings import SubgraphSettings


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind and asset of an owner in both sources; a side is None where it says nothing of it."""

    owner: Address
    kind: SightingKind
    what: str
    ours: Ours | None
    theirs: Theirs | None
    judged: Judged

    @property
    def name(self) -> str:
        """What people call it, as the contracts say, or else the subgraph; unclean."""
        side = self.ours or self.theirs
        return side.name if side else self.what


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that one subgraph was compared in of one address.

    `path` leads from the wallet to the address; `how` says how it belongs to the wallet, empty for itself.
    The subgraph answered of block `number`, `lag` blocks behind.
    """

    subgraph: SubgraphSettings
    deployment: str
    path: tuple[Address, ...]
    how: str
    number: int
    lag: int
    positions: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One wallet: what was compared, what no subgraph covers, and which subgraphs could not be read.

    `uncounted` are addresses that may be the wallet's and are neither read nor compared for it.
    """

    wallet: Address
    comparisons: tuple[Comparison, ...]
    uncovered: tuple[Account, ...]
    uncounted: tuple[Holder, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]

    def count(self, verdict: Verdict) -> int:
        """How many positions came to a verdict."""
        return sum(p.judged.verdict is verdict for c in self.comparisons for p in c.positions)


@dataclass(frozen=True, slots=True)
class CrossChecked:
    """The wallets as contracts tell them, and one cross-check for each."""

    answer: Answer
    checks: tuple[CrossCheck, ...]
