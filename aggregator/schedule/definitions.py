"""The jobs of the configuration: which group is taken when, on which chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from aggregator.model.errors import BadConfiguration
from aggregator.schedule.cron import Cron
from aggregator.schedule.slots import Rule, duration, every
from aggregator.settings import ScheduleSettings, Settings

Tag: TypeAlias = Literal["latest", "safe", "finalized"]

# Newest blocks of chains are seconds apart. What is safe or final moves in steps of minutes, on layer 2 after
# the blocks of layer 1 that hold its batches.
_PATIENCE: dict[Tag, str] = {"latest": "2m", "safe": "30m", "finalized": "1h"}


@dataclass(frozen=True, slots=True)
class ScheduleJob:
    """A job. `shown` is its rule as configured; no `chains` means those that are read by default.

    `catch_up` bounds how many slots are taken after an outage; `patience` is how long the others wait for a
    chain that is behind or does not answer.
    """

    name: str
    group: str
    rule: Rule
    shown: str
    chains: tuple[str, ...]
    block: Tag
    catch_up: int
    patience: timedelta


def jobs(settings: Settings) -> tuple[ScheduleJob, ...]:
    """The jobs in the order of the configuration; raises BadConfiguration where one can't be used."""
    found = tuple(_job(entry) for entry in settings.schedule)
    names = [job.name for job in found]
    for name in names:
        if names.count(name) > 1:
            raise BadConfiguration(f"schedule {name!r}", "is there twice: give each job a name of its own")
    return found


def _job(entry: ScheduleSettings) -> ScheduleJob:
    where = f"schedule {entry.name!r}"
    if bool(entry.cron) == bool(entry.every):
        raise BadConfiguration(where, "needs either `cron` or `every`")
    try:
        rule: Rule = Cron.parse(entry.cron) if entry.cron else every(entry.every)
        patience = duration(entry.patience or _PATIENCE[entry.block])
    except ValueError as error:
        raise BadConfiguration(where, str(error)) from error
    return ScheduleJob(
        name=entry.name,
        group=entry.group.removeprefix("@"),
        rule=rule,
        shown=f"cron {entry.cron}" if entry.cron else f"every {entry.every}",
        chains=entry.chains,
        block=entry.block,
        catch_up=entry.catch_up,
        patience=patience,
    )
