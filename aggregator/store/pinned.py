"""At which blocks snapshots lie."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.store.columns import table_of, unix
from aggregator.store.tables import BlockRow


def blocks(connection: sa.Connection, ids: Collection[str]) -> dict[str, tuple[Block, ...]]:
    """The blocks of each of these snapshots; one that read no chain, or is not there, is left out."""
    table = table_of(BlockRow)
    statement = sa.select(table).where(table.c.snapshot_id.in_(ids))
    found: dict[str, tuple[Block, ...]] = {}
    for row in connection.execute(statement.order_by(table.c.snapshot_id, table.c.chain_id)):
        block = Block(
            ChainId(row.chain_id), row.block_number, row.block_hash, row.parent_hash, unix(row.block_time)
        )
        found[row.snapshot_id] = (*found.get(row.snapshot_id, ()), block)
    return found
