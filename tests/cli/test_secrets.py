"""Keys in the URLs of endpoints reach nothing that any command writes, whether it succeeds or fails."""

from __future__ import annotations

import gzip
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
import stamina

from aggregator.schedule import once
from tests.cli.runner import Result, crossmargin
from tests.devnet.world import World
from tests.reading.servers import Answer, Refusal, Reply, Server, on_chain, proxy
from tests.schedule.kit import desk

KEYS = (
    "k3y-of-path-0123456789",
    "k3y-of-query-0123456789",
    "k3y-of-user-0123456789",
    "k3y of/escapes+0123456789",
)
FORMS = (
    "http://{host}/v3/{0}",
    "http://{host}/?apikey={1}",
    "http://me:{2}@{host}/",
    "http://{host}/{3}/rpc",
)
"""Where a key may stand; the last one must be percent-encoded there."""
CONFIGURATION = "desk.toml"


def urls(host: str) -> list[str]:
    """Every form for one host."""
    shown = [*KEYS[:3], quote(KEYS[3], safe="")]
    return [form.format(*shown, host=host) for form in FORMS]


def secrets() -> list[str]:
    """Every key, as it is and as it stands in a URL."""
    return [*KEYS, quote(KEYS[3], safe=""), quote(KEYS[3])]


def quoting(form: int) -> Answer:
    """The endpoint of a form, which repeats its own key in a refusal."""
    said = (
        f"project {KEYS[form]} of /v3/{quote(KEYS[form], safe='')}?apikey={quote(KEYS[form])} has no credits"
    )
    return on_chain(31337, lambda *_: Refusal(-32000, said))


FAILURES: dict[str, Answer] = {
    "401": lambda _: Reply(401, " ".join(secrets()).encode()),
    "429": lambda _: Reply(429, " ".join(secrets()).encode(), {"retry-after": "3600"}),
    "wrong chain": on_chain(5),
    "a page that quotes keys": lambda _: Reply(200, " ".join(secrets()).encode()),
}


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def command_line(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> CommandLine:
    """The local chain with a cache, a database, a schedule, and everything logged."""
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "cache.sqlite"))
    found = desk(devnet, tmp_path)
    found.advance(1)
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(found.path))
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(found.config.database))

    def clock() -> datetime:
        return found.time() + timedelta(seconds=1)

    monkeypatch.setattr(once, "take_due", partial(once.take_due, clock=clock))
    caplog.set_level(logging.DEBUG)
    return CommandLine(devnet, tmp_path, caplog)


class CommandLine:
    """Runs commands in a folder, and looks for keys in whatever came of them."""

    def __init__(self, world: World, folder: Path, logs: pytest.LogCaptureFixture) -> None:
        self.world = world
        self.codes: dict[str, int] = {}
        self._folder = folder
        self._logs = logs
        self._shown: list[str] = []

    def configure(self, endpoints: Sequence[str]) -> None:
        """These in place of the node."""
        path = self._folder / CONFIGURATION
        listed = ", ".join(f'{{ url = "{url}" }}' for url in endpoints)
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [f"endpoints = [{listed}]" if line.startswith("endpoints =") else line for line in lines]
        if "[[subgraphs]]" in kept:
            kept = kept[: kept.index("[[subgraphs]]")]
        for number, url in enumerate(endpoints):
            kept += ["[[subgraphs]]", f'name = "sub{number}"', f'url = "{url}"', "chain = 31337"]
            kept += ['schema = "messari-lending"', 'adapter = "aave_v3"', 'deployment = "Aave V3.6 local"']
        path.write_text("\n".join(kept), encoding="utf-8")

    def run(self, *arguments: str) -> Result:
        """One command."""
        result = crossmargin(*arguments)
        grouped = arguments[0] in ("snapshot", "schedule")
        self.codes[" ".join(arguments[: 1 + grouped])] = result.code
        self._shown += [result.out, result.err]
        return result

    def everything(self, rpc: Sequence[str]) -> None:
        """All commands that read or write, and those that show what was written."""
        hedged = self.world.wallets["hedged"]
        (self._folder / "wallets.csv").write_text("\n".join(self.world.wallets.values()), encoding="utf-8")
        recording = str(self._folder / "one.cmrec")
        self.run("health", hedged, "--save")
        self.run("health", hedged, "--json", *(part for url in rpc for part in ("--rpc", url)))
        self.run("positions", hedged, "--rpc", rpc[-1])
        self.run("doctor")
        self.run("doctor", "--json", "--rpc", rpc[-1])
        self.run("chains")
        self.run("record", recording, hedged)
        self.run("replay", recording, "health", hedged, "--json")
        self.run("crosscheck", hedged)
        self.run("crosscheck", hedged, "--json")
        self.run("record", str(self._folder / "both.cmrec"), hedged, "--crosscheck")
        self.run("snapshot", "take", hedged, "--allow-partial")
        self.run("snapshot", "list", "--json")
        self.run("index", str(self._folder / "wallets.csv"), "--allow-partial")
        self.run("schedule", "once", "--wait", "0", "--allow-partial", "--json")
        self.run("schedule", "list", "--json")
        self.run("export", str(self._folder / "parquet"))
        self.run("export", str(self._folder / "csv"), "--format", "csv")

    def written(self) -> Iterator[tuple[str, str]]:
        """All texts, with where they stand: streams, logs, files in their bytes and unpacked, tables."""
        yield "streams", "\n".join(self._shown)
        yield "logs", self._logs.text
        yield "records", "\n".join(str(vars(record)) for record in self._logs.records)
        for path in sorted(self._folder.rglob("*")):
            if not path.is_file() or path.name == CONFIGURATION:
                continue
            raw = path.read_bytes()
            yield path.name, raw.decode("latin-1")
            if raw[:2] == b"\x1f\x8b":
                yield f"{path.name} unpacked", gzip.decompress(raw).decode()
            if path.suffix in (".duckdb", ".parquet"):
                yield from self._rows(path)

    def _rows(self, path: Path) -> Iterator[tuple[str, str]]:
        if path.suffix == ".parquet":
            yield path.name, str(duckdb.sql(f"FROM '{path}'").fetchall())
            return
        with duckdb.connect(str(path), read_only=True) as base:
            for (table,) in base.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                yield f"{path.name} {table}", str(base.execute(f'FROM "{table}"').fetchall())

    def leaks(self) -> list[str]:
        """Where keys are."""
        return [f"{key} in {where}" for where, text in self.written() for key in secrets() if key in text]


def test_keys_are_nowhere_after_reads_that_succeed(command_line: CommandLine) -> None:
    """One endpoint fails after the other until one answers; each has its key at another place."""
    with (
        Server(FAILURES["401"]) as first,
        Server(quoting(1)) as second,
        Server(FAILURES["429"]) as third,
        Server(proxy(command_line.world.node.url)) as good,
    ):
        hosts = [server.url.removeprefix("http://") for server in (first, second, third, good)]
        mixed = [urls(host)[i] for i, host in enumerate(hosts)]
        command_line.configure(mixed)
        command_line.everything(mixed)
    assert {command_line.codes[name] for name in ("snapshot take", "schedule once", "index", "export")} == {0}
    where = {place.split()[0] for place, _ in command_line.written()}
    assert {"test.duckdb", "test.published.duckdb", "one.cmrec", "cache.sqlite"} <= where
    assert any(place.endswith(".parquet") for place in where)
    assert command_line.leaks() == []


def test_keys_are_nowhere_where_endpoints_quote_their_own(command_line: CommandLine) -> None:
    """As they are, and percent-encoded."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(quoting(form))) for form in range(len(FORMS))]
        hosts = [server.url.removeprefix("http://") for server in servers]
        keyed = [urls(host)[i] for i, host in enumerate(hosts)]
        command_line.configure(keyed)
        command_line.everything(keyed)
    assert "has no credits" in str(list(command_line.written()))
    assert command_line.leaks() == []


@pytest.mark.parametrize("case", FAILURES)
def test_keys_are_nowhere_after_reads_that_fail(command_line: CommandLine, case: str) -> None:
    """Whatever the endpoints say."""
    with Server(FAILURES[case]) as server:
        keyed = urls(server.url.removeprefix("http://"))
        command_line.configure(keyed)
        command_line.everything(keyed)
        assert server.requests
    assert command_line.codes["doctor"] != 0
    assert command_line.leaks() == []


@pytest.mark.parametrize("host", ["closed", "127.0.0.1:99999999", "[", "no host"])
def test_keys_are_nowhere_after_urls_that_lead_nowhere(command_line: CommandLine, host: str) -> None:
    """A closed port, and URLs that are none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # never listened on
        keyed = urls(f"127.0.0.1:{taken.getsockname()[1]}" if host == "closed" else host)
        command_line.configure(keyed)
        command_line.everything(keyed)
    assert command_line.codes["doctor"] != 0
    assert command_line.leaks() == []
