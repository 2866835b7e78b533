"""At which blocks snapshots lie."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.store.columns import unix
from aggregator.store.tables import BlockRow


def blocks(connection: sa.Connection, ids: Collection[str]) -> dict[str, tuple[Block, ...]]:
    """The blocks of each of these snapshots; one that read no chain, or is not there, is left out."""
    chosen = select(BlockRow).where(col(BlockRow.snapshot_id).in_(ids))
    found: dict[str, tuple[Block, ...]] = {}
    with Session(connection) as session:
        for row in session.exec(chosen.order_by(col(BlockRow.snapshot_id), col(BlockRow.chain_id))):
            found[row.snapshot_id] = (*found.get(row.snapshot_id, ()), block(row))
    return found


def block(row: BlockRow) -> Block:
    """A block as it was pinned."""
    return Block(
        chain=ChainId(row.chain_id),
        number=row.block_number,
        hash=row.block_hash,
        parent_hash=row.parent_hash,
        timestamp=unix(row.block_time),
    )
