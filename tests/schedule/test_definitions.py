"""Jobs as the configuration gives them."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest

from aggregator import settings
from aggregator.model.errors import BadConfiguration
from aggregator.schedule.definitions import ScheduleJob, jobs
from aggregator.schedule.slots import Every
from tests.docs.generated import ROOT

JOB: dict[str, Any] = {"name": "desk", "group": "desk", "every": "15m"}


def built(*entries: dict[str, Any]) -> tuple[ScheduleJob, ...]:
    """The jobs of a configuration with these entries."""
    return jobs(settings.build({"schedule": list(entries)}, "here"))


def test_the_jobs_that_the_page_shows() -> None:
    """Both work, with the defaults that it names."""
    page = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    desk, archive = built(*tomllib.loads(shown)["schedule"])
    assert (desk.name, desk.group, desk.shown) == ("desk", "desk", "cron */15 * * * *")
    assert (desk.chains, desk.block, desk.catch_up, desk.patience) == ((), "latest", 96, timedelta(minutes=2))
    assert archive.rule == Every(timedelta(days=1))
    assert (archive.chains, archive.block) == (("ethereum", "optimism"), "finalized")
    assert archive.patience == timedelta(hours=1)


def test_patience_depends_on_the_block() -> None:
    """What is final on two chains is many minutes apart: neither is behind because of that."""
    kinds = ("latest", "safe", "finalized")
    given = [built(JOB | {"block": kind})[0].patience for kind in kinds]
    assert given == [timedelta(minutes=2), timedelta(minutes=30), timedelta(hours=1)]
    assert built(JOB | {"block": "finalized", "patience": "5m"})[0].patience == timedelta(minutes=5)


def test_groups_and_chains_are_taken_as_people_write_them() -> None:
    """With or without @; a chain by its number."""
    [job] = built(JOB | {"group": "@desk", "chains": [10, "ethereum"]})
    assert (job.group, job.chains) == ("desk", ("10", "ethereum"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"every": ""}, "needs either `cron` or `every`"),
        ({"cron": "* * * * *"}, "needs either `cron` or `every`"),
        ({"every": "", "cron": "* * *"}, "3 fields"),
        ({"every": "10s"}, "under a minute"),
        ({"every": "soon"}, "is no duration"),
        ({"patience": "0m"}, "is no duration"),
        ({"block": "pending"}, "latest"),
        ({"name": "a b"}, "name"),
        ({"catch_up": 0}, "greater than or equal to 1"),
        ({"more": 1}, "more"),
    ],
)
def test_what_can_not_be_a_job_is_refused(change: dict[str, Any], why: str) -> None:
    """With what is wrong."""
    with pytest.raises(BadConfiguration, match=re.escape(why)):
        built(JOB | change)


def test_two_jobs_of_one_name_are_refused() -> None:
    """Their slots would be mixed up."""
    with pytest.raises(BadConfiguration, match="is there twice"):
        built(JOB, JOB | {"group": "other"})
