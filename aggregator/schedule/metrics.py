"""What the daemon tells of itself: Prometheus metrics and a health answer, over HTTP."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from aggregator.model.errors import BadConfiguration
from aggregator.model.results import Verdict
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.passes import Pass, Taken
from aggregator.schedule.slots import Rule
from aggregator.store.saved import ScheduleRun

_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)


@dataclass(slots=True)
class JobState:
    """How a job is: why its last slot or pass did not work, and the oldest slot that is open.

    `next_due` is the first slot that the last pass did not see.
    """

    rule: Rule
    next_due: datetime | None = None
    fault: str | None = None
    waiting: datetime | None = None
    why: str = ""
    last: ScheduleRun | None = None


class Telemetry:
    """The figures of all jobs; one registry per daemon. `clock` gives aware UTC.

    `unpublished` is why readers do not see what was committed, None where they do.
    """

    def __init__(self, jobs: Sequence[ScheduleJob], clock: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._lock = threading.Lock()
        self.states = {job.name: JobState(job.rule) for job in jobs}
        self.unpublished: str | None = None
        self._newest: dict[str, datetime] = {}
        of_job, registry = ["job"], self.registry
        self._runs = Counter(
            "crossmargin_schedule_runs", "Slots by what came of them", ["job", "outcome"], registry=registry
        )
        self._success = Gauge(
            "crossmargin_schedule_last_success_timestamp_seconds",
            "The slot of the last ok or partial",
            of_job,
            registry=registry,
        )
        lag = Gauge(
            "crossmargin_schedule_lag_seconds",
            "Age of the oldest slot that is due and not settled; 0 if none",
            of_job,
            registry=registry,
        )
        self._seconds = Histogram(
            "crossmargin_schedule_slot_seconds",
            "How long a slot took to read, judge and keep",
            of_job,
            buckets=_SECONDS,
            registry=registry,
        )
        self._failed = Counter(
            "crossmargin_schedule_failed_reads",
            "Reads of a deployment that failed",
            of_job,
            registry=registry,
        )
        self._score = Gauge(
            "crossmargin_wallet_score", "The last score; NaN without positions", ["wallet"], registry=registry
        )
        self._verdict = Gauge(
            "crossmargin_wallet_verdict",
            "1 for the last verdict, 0 for the others",
            ["wallet", "verdict"],
            registry=registry,
        )
        for job in jobs:
            for outcome in ("ok", "partial", "failed", "missed"):
                self._runs.labels(job.name, outcome)
            self._failed.labels(job.name)
            lag.labels(job.name).set_function(partial(self._lag_s, job.name))

    def restore(self, job: str, runs: Sequence[ScheduleRun]) -> None:
        """What is known from before the start."""
        good = [run for run in runs if run.outcome in {"ok", "partial"}]
        with self._lock:
            if good and self._is_newest(f"job {job}", good[-1].due_at):
                self._success.labels(job).set(good[-1].due_at.timestamp())
            state = self.states[job]
            state.last = runs[-1] if runs else None
            if settled := [run.due_at for run in runs if run.outcome != "failed"]:
                state.next_due = state.rule.next_after(settled[-1])

    def settled(self, run: ScheduleRun, taken: Taken) -> None:
        """Note what came of a slot."""
        with self._lock:
            self.states[run.job].last = run
            self._runs.labels(run.job, run.outcome).inc()
            if run.outcome in {"ok", "partial"} and self._is_newest(f"job {run.job}", run.due_at):
                self._success.labels(run.job).set(run.due_at.timestamp())
            if run.started_at is not None and run.ended_at is not None:
                self._seconds.labels(run.job).observe((run.ended_at - run.started_at).total_seconds())
            self._failed.labels(run.job).inc(sum(c.portfolio.coverage.failed for c in taken.checked))
            for checked in taken.checked:
                score, wallet = checked.risk.score, checked.portfolio.wallet
                if not self._is_newest(f"wallet {wallet}", run.due_at):
                    continue
                self._score.labels(wallet).set(math.nan if score is None else score)
                for verdict in Verdict:
                    self._verdict.labels(wallet, verdict.value).set(checked.risk.verdict is verdict)

    def passed(self, job: str, found: Pass) -> None:
        """Note what a pass left open."""
        with self._lock:
            state = self.states[job]
            state.fault = None
            state.waiting, state.why = (found.waiting[0] if found.waiting else None), found.why
            state.next_due = state.rule.next_after(self._clock())

    def broke(self, job: str, why: str) -> None:
        """Note that a pass could not be done."""
        with self._lock:
            self.states[job].fault = why

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether every job works, and a document that says what is wrong.

        A job works unless its last pass broke or the slot that was taken last failed. One that waits for
        its block is no fault: see the lag. That readers are kept from what was committed is one.
        """
        with self._lock:
            jobs = {name: self._described(state) for name, state in self.states.items()}
        ok = self.unpublished is None and all(described["ok"] for described in jobs.values())
        return ok, {"ok": ok, "unpublished": self.unpublished, "jobs": jobs}

    def page(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _described(self, state: JobState) -> dict[str, object]:
        failed = state.last is not None and state.last.outcome == "failed"
        return {
            "ok": state.fault is None and not failed,
            "fault": state.fault,
            "last": None
            if state.last is None
            else {
                "due_at": _text(state.last.due_at),
                "outcome": state.last.outcome,
                "reason": state.last.reason,
            },
            "waiting_since": None if state.waiting is None else _text(state.waiting),
            "waiting_for": state.why or None,
        }

    def _lag_s(self, job: str) -> float:
        """Not only of what a pass found waiting: nobody may have looked since."""
        oldest = self.states[job].waiting or self.states[job].next_due
        return 0.0 if oldest is None else max(0.0, (self._clock() - oldest).total_seconds())

    def _is_newest(self, name: str, due_at: datetime) -> bool:
        """Whether nothing newer was told of a job or a wallet: a slot may be taken again."""
        newest = self._newest[name] = max(due_at, self._newest.get(name, due_at))
        return newest == due_at


def serve(address: str, telemetry: Telemetry) -> ThreadingHTTPServer:
    """A server of `/metrics` and `/health` on `HOST:PORT`, in threads of its own, until it is shut down.

    Raises BadConfiguration where the address is none or taken.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise BadConfiguration("metrics", f"{address!r} is neither HOST:PORT nor off")

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a connection that says nothing does not keep its thread

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, telemetry.page())
            elif path == "/health":
                ok, document = telemetry.health()
                self._answer(200 if ok else 503, "application/json", json.dumps(document).encode())
            else:
                self._answer(404, "text/plain", b"/metrics or /health\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Scrapes are not worth a line."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        server = Server((host.strip("[]"), int(port)), Handler)
    except (OSError, OverflowError) as error:
        raise BadConfiguration("metrics", f"can't listen on {address} ({error})") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
