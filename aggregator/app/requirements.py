"""What the wallets of the database would require under today's configuration, all at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app.history import history_now
from aggregator.app.snapshots import warehouse
from aggregator.app.wallets import group_members, group_name
from aggregator.model.assets import TokenList
from aggregator.model.errors import StoreError
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.risk.bulk import ScanRequirements
    from aggregator.risk.scenarios import ScenarioSet
    from aggregator.store.holdings import LatestPositions

NO_NUMBER = "a figure of it is no finite number: see `crossmargin snapshot verify`"


@dataclass(frozen=True, slots=True)
class ScanFigures:
    """USD of one wallet. `alone_usd` is what its accounts would require by themselves, add-ons included.

    The loss of the scan is the one of `scenario` at stress multiple `level`.
    """

    equity_usd: float
    scan_usd: float
    add_on_usd: float
    alone_usd: float
    scenario: str
    level: float

    @property
    def requirement_usd(self) -> float:
        """Scan and add-ons together."""
        return self.scan_usd + self.add_on_usd

    @property
    def coverage(self) -> float:
        """Equity as a multiple of the requirement; infinite where nothing is required."""
        return self.equity_usd / self.requirement_usd if self.requirement_usd > 0.0 else math.inf

    @property
    def saved_share(self) -> float | None:
        """The part of what the accounts would require alone that netting them saves; None of nothing."""
        return 1.0 - self.requirement_usd / self.alone_usd if self.alone_usd > 0.0 else None


@dataclass(frozen=True, slots=True)
class Unknown:
    """How many positions of a wallet are valued for want of something; see `risk.columns.Unknowns`."""

    options_without_iv: int
    options_without_expiry: int
    perps_without_costs: int


@dataclass(frozen=True, slots=True)
class WalletRequirement:
    """One wallet at its latest snapshot; without `figures` the snapshot says `why`.

    `requirement_then_usd` are scan and add-ons under the parameters and feeds of when it was saved.
    """

    wallet: str
    snapshot_id: str
    as_of: datetime
    is_partial: bool
    requirement_then_usd: float | None
    unknown: Unknown
    figures: ScanFigures | None
    why: str | None


@dataclass(frozen=True, slots=True)
class SavedRequirements:
    """All wallets by address; `without` a snapshot are members of the group of which there is none.

    `based` says what volatilities and correlations are of, `notice` why kept price history is not used.
    """

    wallets: tuple[WalletRequirement, ...]
    without: tuple[str, ...]
    parameters_hash: str
    scenario_hash: str
    based: str
    notice: str | None


def saved_requirements(config: Settings, group: str | None = None) -> SavedRequirements:
    """The scan requirement of each wallet's latest snapshot, of all or of a group's, today.

    Parameters, classes of tokens and price history are today's, positions and prices the snapshot's. Neither
    expected shortfall nor late feeds are in it. Raises StoreError where there is no database, and
    BadConfiguration where a group has no wallet or the extra `bulk` is not installed.
    """
    from aggregator.risk.bulk import compiled  # noqa: PLC0415  # numpy: not for --help
    from aggregator.risk.parameters import parameters  # noqa: PLC0415
    from aggregator.risk.scenarios import scenario_set  # noqa: PLC0415
    from aggregator.store.holdings import latest_positions  # noqa: PLC0415
    from aggregator.store.opening import Opening  # noqa: PLC0415

    compiled()
    path = warehouse(config).reading()
    if not path.exists():
        raise StoreError(str(config.database), "it is not there yet: `crossmargin snapshot take` makes it")
    members = () if group is None else group_members(config, group)
    known = parameters(*settings.risk_parameters(config), where="risk parameters")
    tokens = TokenList(registry.listed_tokens(config.tokens))
    history, notice = history_now(config, int(time.time()))
    scenarios = scenario_set(known, tokens, history=history)
    name = None if group is None else group_name(group)
    held = Opening(path, lock_timeout_s=config.lock_timeout_s).read(
        lambda connection: latest_positions(connection, scenarios, tokens, name)
    )
    rows = tuple(_rows(held, scenarios))
    there = {row.wallet for row in rows}
    return SavedRequirements(
        wallets=rows,
        without=tuple(member for member in members if member not in there),
        parameters_hash=known.hash,
        scenario_hash=scenarios.hash,
        based=scenarios.inputs.told,
        notice=notice,
    )


def _rows(held: LatestPositions, scenarios: ScenarioSet) -> Iterator[WalletRequirement]:
    import numpy as np  # noqa: PLC0415

    from aggregator.risk.bulk import requirements_in_parts  # noqa: PLC0415

    of = scenarios.parameters.haircut.of
    kept = np.array([1.0 - of(protocol) for protocol in held.protocols])[held.protocol]
    counts = held.columns.unknowns()
    unknown = zip(*(getattr(counts, field.name).tolist() for field in fields(counts)), strict=True)
    parts = requirements_in_parts(held.columns, held.factors, kept, scenarios)
    found = chain.from_iterable(_figures(part) for _, part in parts)
    for one, figures, not_known in zip(held.wallets, found, unknown, strict=True):
        finite = all(map(math.isfinite, (figures.equity_usd, figures.requirement_usd, figures.alone_usd)))
        why = one.why or (None if finite else NO_NUMBER)
        yield WalletRequirement(
            wallet=one.wallet,
            snapshot_id=one.snapshot_id,
            as_of=one.as_of,
            is_partial=one.is_partial,
            requirement_then_usd=one.requirement_then_usd,
            unknown=Unknown(*not_known),
            figures=figures if why is None else None,
            why=why,
        )


def _figures(found: ScanRequirements) -> Iterator[ScanFigures]:
    """Those of each wallet of a part, in its order."""
    arrays = (found.equity_usd, found.scan_usd, found.add_on_usd, found.isolated_usd, found.ray, found.level)
    for equity, scan, add_on, alone, ray, level in zip(*(a.tolist() for a in arrays), strict=True):
        yield ScanFigures(equity, scan, add_on, alone, found.rays.names[ray], level)
