"""Keeping checks in the database, and what it keeps. Whoever changes it publishes it for readers here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator import __version__
from aggregator.app.checks import Answer, Checked
from aggregator.model.units import Address
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import Origin, SavedSnapshot, Summary, Trigger
    from aggregator.store.warehouse import Warehouse


def warehouse(config: Settings) -> Warehouse:
    """The configured database; what is changed through it must be published."""
    from aggregator.store.warehouse import Warehouse  # noqa: PLC0415  # a second of imports

    return Warehouse(config.database, lock_timeout_s=config.lock_timeout_s)


def publish(config: Settings) -> None:
    """Let readers see the database as it is now: after every change of it, or after several."""
    warehouse(config).publish()


def save(checked: Checked, answer: Answer, config: Settings, *, trigger: Trigger = "health") -> SavedSnapshot:
    """`save_all` of one."""
    return save_all([checked], answer, config, trigger=trigger)[0]


def save_all(
    found: Sequence[Checked],
    answer: Answer,
    config: Settings,
    *,
    trigger: Trigger = "health",
    published: bool = True,
) -> list[SavedSnapshot]:
    """Keep the checks of an answer in one transaction; the same check again changes nothing.

    Whoever saves often may publish several at once: not `published`, readers don't see them yet.
    """
    from aggregator.store.saving import Saving  # noqa: PLC0415

    taken_at = datetime.now(UTC)
    source: Origin = "recording" if answer.recorded else "chain"
    saved = warehouse(config).save_many(
        Saving(
            portfolio=checked.portfolio,
            result=checked.risk,
            expected=answer.deployments,
            tool_version=__version__,
            taken_at=taken_at,
            trigger=trigger,
            source=source,
        )
        for checked in found
    )
    if published:
        publish(config)
    return saved


def list_snapshots(
    config: Settings, wallet: Address | None = None, *, limit: int | None = None
) -> tuple[Summary, ...]:
    """What the database keeps (of one wallet), the newest first."""
    return tuple(warehouse(config).for_reading().snapshots(wallet, limit=limit))
