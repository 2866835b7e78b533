"""Whether kept snapshots still hold: by their own rows and rules, and by the chain they were read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aggregator.app.chains import at_heights
from aggregator.app.checks import check, read
from aggregator.app.readers import Selection
from aggregator.app.snapshots import families, publish, save_all, warehouse
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import SavedSnapshot, Verified


class OnChain(StrEnum):
    """Whether a snapshot's blocks are those of the chain."""

    CANONICAL = "canonical"
    REORGANISED = "reorganised"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class VerifiedSnapshot:
    """What is known of one snapshot.

    `told` says of each block that is another one, or that nobody could be asked for, why. `orphaned` is how
    it is marked now. `retaken` is the snapshot that stands in its place.
    """

    verified: Verified
    on_chain: OnChain
    told: tuple[str, ...]
    orphaned: bool
    retaken: SavedSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Which chains to compare blocks with: `rpc` URLs instead of the configured ones, `chains` only these.

    `offline` asks nobody.
    """

    chains: tuple[str, ...] = ()
    rpc: tuple[str, ...] = ()
    offline: bool = False


def verify(
    ids: Sequence[str] | None, config: Settings, where: Where, *, retake: bool = False
) -> tuple[VerifiedSnapshot, ...]:
    """Verify these snapshots, or all of them, in the order given, or the newest first.

    Rows: see `Warehouse.verify`. What a venue said in place of the chain can't be read again: of that only
    its rows are compared. Blocks: the hash at each block's number is asked for; a snapshot of which
    one is another now is marked orphaned, one whose blocks are back loses the mark, and one that could not
    be compared keeps the mark that it has. Snapshots whose rows have a fault are left as they are. With
    `retake` the wallets of orphaned ones are read again at the time of their newest block.
    """
    kept = warehouse(config)
    known = families(config)
    chosen = [line.id for line in kept.snapshots()] if ids is None else ids
    verified = [kept.verify(snapshot_id, known) for snapshot_id in dict.fromkeys(chosen)]
    blocks = {block for one in verified for block in one.blocks}
    selection = Selection((), chains=where.chains, rpc=where.rpc)
    now = {} if where.offline else at_heights(blocks, selection, config)
    verdicts = [_verdict(one, now) for one in verified]
    orphaned = [v.verified.id for v in verdicts if v.orphaned and v.verified.status != "orphaned"]
    restored = [v.verified.id for v in verdicts if not v.orphaned and v.verified.status == "orphaned"]
    if orphaned:
        kept.mark_orphaned(orphaned)
    if restored:
        kept.mark_canonical(restored)
    if orphaned or restored:
        publish(config)
    if not retake:
        return tuple(verdicts)
    return tuple(_retaken(verdict, config, where) if verdict.orphaned else verdict for verdict in verdicts)


def _verdict(one: Verified, now: Mapping[Block, Block | ReadError]) -> VerifiedSnapshot:
    marked = one.status == "orphaned"
    told, gone, unknown = [], False, not one.blocks
    for block in one.blocks:
        found, which = now.get(block), f"block {block.number} of chain {block.chain}"
        if not isinstance(found, Block):
            unknown = True
            told.append(
                f"{which} could not be compared: {found or 'its chain was not asked: give --rpc URL'}"
            )
        elif found.hash != block.hash:
            gone = True
            told.append(f"{which} is {found.hash} now, not {block.hash}")
    on_chain = OnChain.REORGANISED if gone else OnChain.UNCHECKED if unknown else OnChain.CANONICAL
    if one.faults or on_chain is OnChain.UNCHECKED:
        return VerifiedSnapshot(one, on_chain, tuple(told), marked)
    return VerifiedSnapshot(one, on_chain, tuple(told), on_chain is OnChain.REORGANISED)


def _retaken(verdict: VerifiedSnapshot, config: Settings, where: Where) -> VerifiedSnapshot:
    one = verdict.verified
    chains = tuple(sorted({str(ChainId(block.chain)) for block in one.blocks}))
    moment = f"{one.as_of:%Y-%m-%dT%H:%M:%SZ}"
    answer = read(Selection((one.wallet,), chains=chains, block=moment, rpc=where.rpc), config)
    [saved] = save_all(check(answer), answer, config, trigger="snapshot")
    return replace(verdict, retaken=saved)
