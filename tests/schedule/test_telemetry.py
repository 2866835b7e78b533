"""What the daemon tells of itself, without a daemon."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.app import Checked
from aggregator.schedule.metrics import Telemetry, serve
from aggregator.schedule.passes import Pass, Taken
from aggregator.store.saved import ScheduleRun
from tests.schedule.year import JOB
from tests.store.samples import PORTFOLIO, RESULT, WALLET

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SLOT = timedelta(hours=2)
OK = ScheduleRun("desk", "desk", NOON, NOON, NOON + timedelta(seconds=3), "ok")


class Clock:
    """A clock that is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def figure(telemetry: Telemetry, name: str) -> float:
    """The value of a metric by its name and labels."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", telemetry.page().decode(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def lag(telemetry: Telemetry) -> float:
    """The lag of the only job."""
    return figure(telemetry, 'crossmargin_schedule_lag_seconds{job="desk"}')


def test_lag_grows_though_nobody_looks() -> None:
    """A daemon that is not woken any more, or whose passes break, has a lag from the next slot on."""
    clock = Clock(NOON)
    telemetry = Telemetry([JOB], clock)
    assert lag(telemetry) == 0
    telemetry.passed("desk", Pass())
    clock.now = NOON + SLOT
    assert lag(telemetry) == 0
    clock.now += timedelta(minutes=7)
    assert lag(telemetry) == 420
    telemetry.broke("desk", "boom")
    assert lag(telemetry) == 420
    telemetry.passed("desk", Pass(waiting=(NOON,)))
    assert lag(telemetry) == SLOT.total_seconds() + 420
    telemetry.passed("desk", Pass())
    assert lag(telemetry) == 0


def test_lag_counts_from_what_was_recorded_before_the_start() -> None:
    """A failed slot settles nothing."""
    telemetry = Telemetry([JOB], Clock(NOON + 3 * SLOT))
    telemetry.restore("desk", [OK, replace(OK, due_at=NOON + SLOT, outcome="failed")])
    assert lag(telemetry) == 2 * SLOT.total_seconds()


def test_a_slot_that_is_taken_again_is_not_the_newest() -> None:
    """The score of a wallet and the last success stay those of the newest slot."""
    telemetry = Telemetry([JOB], Clock(NOON))
    score, success = (
        f'crossmargin_wallet_score{{wallet="{WALLET}"}}',
        'crossmargin_schedule_last_success_timestamp_seconds{job="desk"}',
    )
    for hours, points in ((2, 70.0), (0, 20.0), (4, 50.0)):
        run = replace(OK, due_at=NOON + timedelta(hours=hours))
        telemetry.settled(run, Taken("ok", checked=(Checked(PORTFOLIO, replace(RESULT, score=points)),)))
        expected = 70.0 if hours < 4 else 50.0
        assert figure(telemetry, score) == expected
        assert figure(telemetry, success) == (NOON + timedelta(hours=max(hours, 2))).timestamp()


def test_readers_that_see_an_old_copy_are_unhealthy() -> None:
    """What was committed and can't be published is as good as missing to them."""
    telemetry = Telemetry([JOB], Clock(NOON))
    assert telemetry.health()[0] is True
    telemetry.unpublished = "no space left on device"
    ok, document = telemetry.health()
    assert (ok, document["unpublished"]) == (False, "no space left on device")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]"])  # noqa: S104  # where a user may listen
def test_it_answers_where_it_is_told_to(host: str) -> None:
    """Also on another address than loopback, and on IPv6."""
    server = serve(f"{host}:0", Telemetry([JOB], Clock(NOON)))
    try:
        at = "[::1]" if ":" in host else "127.0.0.1"
        with urllib.request.urlopen(f"http://{at}:{server.server_port}/health", timeout=10) as answer:
            assert json.load(answer)["ok"] is True
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{at}:{server.server_port}/etc", timeout=10)
    finally:
        server.shutdown()
        server.server_close()
