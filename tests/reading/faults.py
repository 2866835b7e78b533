"""Reads through endpoints that fail by a seeded schedule: `python -m tests.reading.faults --seeds 1000`.

Whatever happens, a read ends by its deadline, and every figure that it gives is the one of the undisturbed
read at the same block, or is missing and named; beside a healthy endpoint nothing is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import tomllib
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import stamina

from aggregator import app, settings
from aggregator.abi.events import Event
from aggregator.abi.logs import Logs
from aggregator.contract import Function
from aggregator.model.errors import ReadError, Reorganised
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading import client, patience
from aggregator.reading.chain import ChainReader
from aggregator.reading.recording import Recording
from aggregator.reading.run import RESTARTS
from aggregator.reading.source import Asked, Raw
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.reading.fault_checks import NAMES, error_faults, errors_in, portfolio_faults, raw_faults
from tests.reading.fault_endpoints import Spoilt
from tests.reading.fault_kinds import MOST_BYTES
from tests.reading.fault_schedules import DEADLINE_S, WAIT_S, Schedule
from tests.reading.fault_server import FaultServer
from tests.reading.histories import History, two_histories

ENDPOINTS = 3
TOKENS = ("USDC", "WETH", "WBTC", "DAI")

_BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
_SYMBOL: Function[str] = Function("symbol()(string)")
_TRANSFER: Event[Any] = Event("Transfer(address indexed sender,address indexed to,uint256 value)")


@dataclass
class Found:
    """What came of a schedule: what is wrong, what is missing, and what the endpoints did."""

    seed: int
    log: list[list[str]]
    complete: bool = False
    wrong: list[str] = field(default_factory=list)
    errors: list[ReadError] = field(default_factory=list)


class Bench:
    """Runs schedules against two histories; `truth` is what an undisturbed read gives at a block."""

    def __init__(self, histories: Sequence[History], server: FaultServer, folder: Path) -> None:
        self.histories = histories
        self._server = server
        self._folder = folder
        self._config = tomllib.loads(histories[0].world.config())
        world = histories[0].world
        self.wallets = tuple(parse_address(world.wallets[name]) for name in ("hedged", "legacy"))
        self._truths: dict[str, tuple[Portfolio, ...]] = {}
        self._raws: dict[str, list[Raw]] = {}
        holders = [Address(f"0x{i:040x}") for i in range(1, 70)] + list(self.wallets)
        tokens = [Address(world.tokens[symbol].address.lower()) for symbol in TOKENS]
        pairs = [(token, holder) for holder in holders for token in tokens]
        self.requests: list[Asked] = [
            _BALANCE.each([token for token, _ in pairs], [holder for _, holder in pairs]),
            *(_SYMBOL.at(token) for token in tokens),
            *(_BALANCE.at(token, wallet) for token in tokens for wallet in self.wallets),
            _TRANSFER.logs(tokens[0], from_block=histories[0].head - 60),
            Logs((), (), histories[0].head - 3),
        ]

    def config(self, urls: Sequence[str], **more: Any) -> settings.Settings:
        """The local chain with these endpoints."""
        chains = {
            chain: {
                **entry,
                "endpoints": [{"name": n, "url": u} for n, u in zip(NAMES, urls, strict=False)],
            }
            for chain, entry in self._config["chains"].items()
        }
        given = {"default_chains": list(chains), "cache": "off", "deadline_s": DEADLINE_S, **more}
        return settings.exactly({**self._config, "chains": chains, **given}, "local chain")

    def truth(self, block_hash: str) -> tuple[Portfolio, ...]:
        """The portfolios of the undisturbed read."""
        if block_hash not in self._truths:
            selection = app.Selection(self.wallets, block=block_hash)
            config = self.config([self._node(block_hash)], deadline_s=120.0)
            self._truths[block_hash] = app.read(selection, config).portfolios
            assert all(p.coverage.complete for p in self._truths[block_hash])
        return self._truths[block_hash]

    def raws(self, block: Block) -> list[Raw]:
        """The replies of the undisturbed fetch."""
        if block.hash not in self._raws:
            undisturbed = Schedule(seed=0, plans=())
            _, self._raws[block.hash] = asyncio.run(
                self._fetched([self._node(block.hash)], block.hash, undisturbed)
            )
        return self._raws[block.hash]

    def _node(self, block_hash: str) -> str:
        """The node that has a block."""
        [history] = [history for history in self.histories if block_hash in history.hashes.values()]
        return history.world.node.url

    def run(self, schedule: Schedule) -> Found:
        """One schedule."""
        spoilt = self._server.prepare(
            lambda session: [
                Spoilt(p, self.histories, session, random.Random(f"{schedule.seed} {i}"), WAIT_S)
                for i, p in enumerate(schedule.plans)
            ]
        )
        found = Found(schedule.seed, [one.log for one in spoilt])
        urls = self._server.urls[: len(schedule.plans)]
        started = time.monotonic()
        try:
            with _scaled():
                (self._direct if schedule.direct else self._read)(schedule, urls, found)
        except Exception:  # noqa: BLE001  # whatever it is, it is a finding
            found.wrong.append(traceback.format_exc())
        took_s = time.monotonic() - started
        self._server.hush()
        if took_s > schedule.longest_s:
            found.wrong.append(f"took {took_s:.1f} s of {schedule.longest_s:.1f} s")
        if schedule.complete and not found.complete:
            told = [f"{type(error).__name__}: {error}" for error in found.errors]
            found.wrong.append(f"incomplete beside a healthy endpoint: {told[:2]}")
        found.wrong += [fault for error in found.errors for fault in error_faults(error)]
        return found

    def _block(self, schedule: Schedule) -> str:
        head = self.histories[0].head
        return self.histories[0].hashes[head - 1] if schedule.block == "hash" else schedule.block

    def _read(self, schedule: Schedule, urls: Sequence[str], found: Found) -> None:
        """The four adapters through the application."""
        more = {"cache": str(self._folder / "cache.sqlite")} if schedule.cached else {}
        config = self.config(urls, confirm=schedule.confirm, deadline_s=schedule.deadline_s, **more)
        path = self._folder / "one.cmrec" if schedule.recorded else None
        answer = app.read(app.Selection(self.wallets, block=self._block(schedule)), config, record_to=path)
        found.complete = all(p.coverage.complete for p in answer.portfolios)
        for portfolio in answer.portfolios:
            found.errors += [failure.error for failure in portfolio.failures]
            blocks = list(portfolio.blocks.values())
            if blocks and self._exists(blocks[0].hash):
                truth = self.truth(blocks[0].hash)[self.wallets.index(portfolio.wallet)]
                found.wrong += portfolio_faults(portfolio, truth)
            elif portfolio.accounts or portfolio.coverage.ok or not portfolio.failures:
                found.wrong.append("figures of no block")
        if path is not None:
            again = app.replay(Recording.load(path)).portfolios
            if [_kept(p) for p in again] != [_kept(p) for p in answer.portfolios]:
                found.wrong.append("its replay differs")

    def _exists(self, block_hash: str) -> bool:
        return any(block_hash in history.hashes.values() for history in self.histories)

    def _direct(self, schedule: Schedule, urls: Sequence[str], found: Found) -> None:
        """Columns, single calls and logs, without adapters."""
        try:
            block, raws = asyncio.run(self._fetched(urls, self._block(schedule), schedule))
        except ReadError as error:
            found.errors.append(error)
            return
        found.errors += errors_in(raws)
        found.complete = not found.errors
        if self._exists(block.hash):
            for request, raw, honest in zip(self.requests, raws, self.raws(block), strict=True):
                found.wrong += raw_faults(request.origin, raw, honest)
        elif len(errors_in(raws)) < len(raws):
            found.wrong.append("figures of no block")

    async def _fetched(self, urls: Sequence[str], block: str, schedule: Schedule) -> tuple[Block, list[Raw]]:
        async with Client() as http:
            endpoints = [Endpoint(name, url) for name, url in zip(NAMES, urls, strict=False)]
            rpc = Rpc(endpoints, ChainId(31337), http)
            reader = ChainReader(rpc, confirm=schedule.confirm, deadline_s=schedule.deadline_s)
            for left in reversed(range(RESTARTS + 1)):
                try:
                    pinned = await reader.pin(block)
                    return pinned, await reader.fetch(pinned, self.requests)
                except Reorganised:
                    if not left:
                        raise
                    reader.forget()
        raise AssertionError("neither ended nor failed")


@contextmanager
def _scaled() -> Iterator[None]:
    """The client's limits, made so small that a thousand schedules take minutes."""
    with (
        patch.object(client, "TIMEOUT_S", WAIT_S),
        patch.object(patience, "_RETRY_S", 2 * WAIT_S),
        patch.object(client, "MAX_REPLY_BYTES", MOST_BYTES),
    ):
        yield


def _kept(portfolio: Portfolio) -> tuple[str, list[tuple[str, str]]]:
    """What a replay must give again: of a failure its code and its text."""
    failures = [(failure.error.code, str(failure.error)) for failure in portfolio.failures]
    return repr(replace(portfolio, failures=())), failures


@contextmanager
def bench() -> Iterator[Bench]:
    """Two nodes, three endpoints before them, and a folder."""
    with two_histories() as histories, FaultServer(ENDPOINTS) as server, TemporaryDirectory() as folder:
        yield Bench(histories, server, Path(folder))


def run(made: Bench, schedule: Schedule) -> Found:
    """A schedule, with quick retries unless it says otherwise."""
    with stamina.set_testing(not schedule.waits, attempts=patience.ATTEMPTS):
        return made.run(schedule)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run many schedules; prints those that went wrong, and how many did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--verbose", action="store_true", help="also what the endpoints did")
    given = parser.parse_args(arguments)
    failed, complete, started = [], 0, time.monotonic()
    with bench() as made:
        for seed in range(given.first, given.first + given.seeds):
            found = run(made, Schedule.of(seed))
            complete += found.complete
            if found.wrong:
                failed.append(seed)
                print(f"seed {seed}: {found.wrong[0]}"[-1500:])
            if given.verbose:
                print(Schedule.of(seed), *found.errors[:3], *found.log, sep="\n  ")
            sys.stdout.flush()
    took_s = time.monotonic() - started
    print(f"{given.seeds} schedules in {took_s:.0f} s: {complete} complete, {len(failed)} wrong {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
