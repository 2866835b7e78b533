"""Keeping checks in the database, and what it keeps. Whoever changes it publishes it for readers here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator import __version__
from aggregator.app.answers import Answer
from aggregator.app.checks import Checked, adapters
from aggregator.contract import RuleFamily
from aggregator.model.units import Address, ChainId
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import Origin, SavedSnapshot, StoredSnapshot, Summary, Trigger
    from aggregator.store.saving import Saving
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
    saved = warehouse(config).save_many(savings(found, answer, trigger=trigger))
    if published:
        publish(config)
    return saved


def savings(found: Iterable[Checked], answer: Answer, *, trigger: Trigger) -> Iterator[Saving]:
    """The checks of an answer as they are to be saved, now."""
    from aggregator.store.saving import Saving  # noqa: PLC0415

    taken_at = datetime.now(UTC)
    source: Origin = "recording" if answer.recorded else "chain"
    for checked in found:
        yield Saving(
            portfolio=checked.portfolio,
            result=checked.risk,
            expected=answer.reads[checked.portfolio.wallet],
            tool_version=__version__,
            taken_at=taken_at,
            trigger=trigger,
            source=source,
            comparison=checked.asked,
        )


def list_snapshots(
    config: Settings, wallet: Address | None = None, *, limit: int | None = None
) -> tuple[Summary, ...]:
    """What the database keeps (of one wallet), the newest first."""
    return tuple(warehouse(config).for_reading().snapshots(wallet, limit=limit))


def stored(snapshot_id: str, config: Settings) -> StoredSnapshot:
    """A snapshot as it was saved; raises StoreError where there is none of this id."""
    return warehouse(config).for_reading().load(snapshot_id, families(config))


def prune(
    config: Settings, *, keep_last: int | None = None, before: datetime | None = None, dry_run: bool = False
) -> int:
    """Delete old snapshots; returns how many.

    With `keep_last` those of each wallet that are older than its newest N that can be used, with `before`
    (an aware time) those whose newest block is older; with both only those that are both.
    """
    count = warehouse(config).prune(keep_last=keep_last, before=before, dry_run=dry_run)
    if count and not dry_run:
        publish(config)
    return count


def families(config: Settings) -> Mapping[str, RuleFamily]:
    """The rule families of the installed adapters, by name."""
    return {a.family.name: a.family for a in adapters(config) if a.family is not None}


def chain_names(config: Settings) -> dict[ChainId, str]:
    """The names of the configured chains."""
    return {ChainId(chain): entry.name for chain, entry in config.chains.items()}
