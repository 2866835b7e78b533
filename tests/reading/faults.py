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
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import stamina

from aggregator import app, settings
from aggregator.abi.columns import Column
from aggregator.abi.logs import Event, Logs
from aggregator.contract import Function
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    NoContract,
    ReadError,
    Reorganised,
    Unpriced,
)
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading import client, upstream
from aggregator.reading.chain import ChainReader
from aggregator.reading.recording import Recording
from aggregator.reading.source import Asked, Raw
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.reading.fault_endpoints import Plan, Spoilt, plan, quirks
from tests.reading.fault_server import FaultServer
from tests.reading.histories import History, two_histories

WAIT_S = 0.6
DEADLINE_S = 4 * WAIT_S  # as 30 s are to 120 s
MARGIN_S = 3.0
ENDPOINTS = 3
NAMES = ("one", "two", "three")
TOKENS = ("USDC", "WETH", "WBTC", "DAI")

_BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
_SYMBOL: Function[str] = Function("symbol()(string)")
_TRANSFER: Event[Any] = Event("Transfer(address indexed sender,address indexed to,uint256 value)")


@dataclass(frozen=True)
class Schedule:
    """One run: its endpoints in order, and how they are asked."""

    seed: int
    plans: tuple[Plan, ...]
    block: str
    confirm: int
    direct: bool
    waits: bool
    cached: bool
    recorded: bool

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """The schedule of a seed."""
        rng = random.Random(seed)
        count = rng.choice((1, 2, 2, 3, 3))
        plans = [plan(rng) for _ in range(count)]
        if rng.random() < 0.6:
            plans[rng.randrange(count)] = Plan(quirks(rng))
        confirm = 2 if count > 1 and rng.random() < 0.15 else 1
        return cls(
            seed=seed,
            plans=tuple(plans),
            block=rng.choice(("latest", "latest", "latest", "-2", "hash", "finalized")),
            confirm=confirm,
            direct=rng.random() < 0.3,
            waits=rng.random() < 0.05,
            cached=rng.random() < 0.4,
            recorded=rng.random() < 0.1,
        )

    @property
    def complete(self) -> bool:
        """Whether nothing may be missing: where one must agree with another, two that do."""
        return sum(p.healthy for p in self.plans) >= self.confirm and not (
            self.confirm > 1 and not all(p.healthy for p in self.plans)
        )

    @property
    def longest_s(self) -> float:
        """A read of a chain that is reorganised again and again starts four times."""
        times = (
            4
            if any(p.forks or "an odd header" in p.kinds or "an odd log" in p.kinds for p in self.plans)
            else 1
        )
        return times * DEADLINE_S + MARGIN_S


@dataclass
class Found:
    """What came of a schedule: how it is wrong, if at all, and what the endpoints did."""

    seed: int
    wrong: list[str]
    log: list[list[str]]
    complete: bool
    took_s: float
    told: list[str]


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
            _, self._raws[block.hash] = asyncio.run(self._fetched([self._node(block.hash)], block.hash, 1))
        return self._raws[block.hash]

    def _node(self, block_hash: str) -> str:
        [one] = {h.world.node.url: 0 for h in self.histories if block_hash in h.hashes.values()}
        return one

    def run(self, schedule: Schedule, wait_s: float = WAIT_S) -> Found:
        """One schedule."""
        spoilt = self._server.prepare(
            lambda session: [
                Spoilt(p, self.histories, session, random.Random(f"{schedule.seed} {i}"), wait_s)
                for i, p in enumerate(schedule.plans)
            ]
        )
        self._told: list[str] = []
        started = time.monotonic()
        wrong: list[str] = []
        complete = False
        urls = self._server.urls[: len(schedule.plans)]
        try:
            with patch.object(client, "TIMEOUT_S", wait_s), patch.object(upstream, "_RETRY_S", 2 * wait_s):
                if schedule.direct:
                    complete = self._direct(schedule, urls, wrong)
                else:
                    complete = self._read(schedule, urls, wrong)
        except Exception:  # noqa: BLE001  # whatever it is, it is a finding
            wrong.append(traceback.format_exc())
        took_s = time.monotonic() - started
        self._server.hush()
        if took_s > schedule.longest_s:
            wrong.append(f"took {took_s:.1f} s of {schedule.longest_s:.1f} s")
        if schedule.complete and not complete:
            wrong.append(f"incomplete beside a healthy endpoint: {self._told[:2]}")
        return Found(schedule.seed, wrong, [s.log for s in spoilt], complete, took_s, self._told)

    def _block(self, schedule: Schedule) -> str:
        head = self.histories[0].head
        return self.histories[0].hashes[head - 1] if schedule.block == "hash" else schedule.block

    def _read(self, schedule: Schedule, urls: Sequence[str], wrong: list[str]) -> bool:
        """The four adapters through the application."""
        more = {"cache": str(self._folder / "cache.sqlite")} if schedule.cached else {}
        config = self.config(urls, confirm=schedule.confirm, **more)
        path = self._folder / "one.cmrec" if schedule.recorded else None
        answer = app.read(app.Selection(self.wallets, block=self._block(schedule)), config, record_to=path)
        for portfolio in answer.portfolios:
            self._compare(portfolio, wrong)
        if path is not None:
            again = app.replay(Recording.load(path)).portfolios
            if _plain(again) != _plain(answer.portfolios):
                wrong.append("its replay differs")
        return all(p.coverage.complete for p in answer.portfolios)

    def _compare(self, portfolio: Portfolio, wrong: list[str]) -> None:
        for failure in portfolio.failures:
            self._check_error(failure.error, wrong)
        if not portfolio.blocks:
            if portfolio.accounts or portfolio.coverage.ok:
                wrong.append("figures without a block")
            return
        [block] = portfolio.blocks.values()
        truth = self.truth(block.hash)[self.wallets.index(portfolio.wallet)]
        if portfolio.coverage.complete:
            if _plain([portfolio]) != _plain([truth]):
                wrong.append(
                    f"complete, and differs from the undisturbed read: {_differences(portfolio, truth)}"
                )
            return
        if not portfolio.failures:
            wrong.append("incomplete, and no failure is named")
        if all(isinstance(f.error, Unpriced) for f in portfolio.failures):
            wrong.append("incomplete, and only prices are named")
        known = {account.id: account for account in truth.accounts}
        for account in portfolio.accounts:
            honest = known.get(account.id)
            if honest is None:
                wrong.append(f"{account.id} does not exist")
            elif account.kind != "wallet" and account != honest:
                wrong.append(f"{account.id} differs: {account} is {honest}")
            elif not set(map(repr, account.positions)) <= set(map(repr, honest.positions)):
                wrong.append(f"{account.id} has other positions")
        for asset, mark in portfolio.marks.items():
            other = truth.marks.get(asset)
            if other is not None and other.origin == mark.origin and other != mark:
                wrong.append(f"{asset} is {mark} and not {other}")
        failed = {failure.deployment for failure in portfolio.failures}
        missing = set(known) - {account.id for account in portfolio.accounts}
        if missing and not failed:
            wrong.append(f"{missing} are missing without a word")

    def _direct(self, schedule: Schedule, urls: Sequence[str], wrong: list[str]) -> bool:
        """Columns, single calls and logs, without adapters."""
        try:
            block, found = asyncio.run(self._fetched(urls, self._block(schedule), schedule.confirm))
        except ReadError as error:
            self._check_error(error, wrong)
            return False
        complete = True
        for request, raw, honest in zip(self.requests, found, self.raws(block), strict=True):
            if isinstance(raw, Column) and isinstance(honest, Column):
                width = request.reply_width  # type: ignore[union-attr]
                for i in range(len(raw)):
                    if i in raw.failures:
                        complete = False
                        self._check_error(raw.failures[i], wrong)
                    elif raw.raw[width * i : width * (i + 1)] != honest.raw[width * i : width * (i + 1)]:
                        wrong.append(f"row {i} of {request.origin}")
            elif isinstance(raw, ReadError):
                complete = False
                self._check_error(raw, wrong)
            elif raw != honest:
                wrong.append(f"{request.origin} gave {raw!r}, not {honest!r}")
        return complete

    def _check_error(self, error: ReadError, wrong: list[str]) -> None:
        """Every failure says what failed, and none is one of ours or puts it down to the contracts."""
        text = str(error)
        self._told.append(f"{type(error).__name__}: {text}")
        if isinstance(error, AdapterFault | CallReverted | NoContract):
            wrong.append(f"{type(error).__name__}: {text}")
        elif not any(name in text for name in (*NAMES, "chain 31337", "@0x", "aggregate3", "logs", "1:")):
            wrong.append(f"{type(error).__name__} names nobody: {text}")

    async def _fetched(self, urls: Sequence[str], block: str, confirm: int) -> tuple[Block, list[Raw]]:
        async with Client() as http:
            endpoints = [Endpoint(name, url) for name, url in zip(NAMES, urls, strict=False)]
            rpc = Rpc(endpoints, ChainId(31337), http)
            reader = ChainReader(rpc, confirm=confirm, deadline_s=DEADLINE_S)
            for left in reversed(range(4)):
                try:
                    pinned = await reader.pin(block)
                    return pinned, await reader.fetch(pinned, self.requests)
                except Reorganised:
                    if not left:
                        raise
                    reader.forget()
        raise AssertionError("neither ended nor failed")


def _plain(portfolios: Sequence[Portfolio]) -> list[str]:
    """What must be equal; texts of failures come back from a recording in classes of their own."""
    return [repr(portfolio) for portfolio in portfolios]


def _differences(first: Portfolio, second: Portfolio) -> str:
    names = [n for n in first.__slots__ if repr(getattr(first, n)) != repr(getattr(second, n))]  # type: ignore[attr-defined]
    return "; ".join(f"{n}: {getattr(first, n)} is not {getattr(second, n)}" for n in names)[:2000]


@contextmanager
def bench() -> Iterator[Bench]:
    """Two nodes, three endpoints before them, and a folder."""
    with two_histories() as histories, FaultServer(ENDPOINTS) as server, TemporaryDirectory() as folder:
        yield Bench(histories, server, Path(folder))


def run(found: Bench, seed: int) -> Found:
    """The schedule of a seed, with quick retries unless it says otherwise."""
    schedule = Schedule.of(seed)
    with stamina.set_testing(not schedule.waits, attempts=upstream.ATTEMPTS):
        return found.run(schedule)


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
            found = run(made, seed)
            complete += found.complete
            if found.wrong:
                failed.append(seed)
                print(f"seed {seed}: {found.wrong[0]}"[:1500])
            if given.verbose:
                print(Schedule.of(seed), *found.log, sep="\n  ")
            sys.stdout.flush()
    took_s = time.monotonic() - started
    print(f"{given.seeds} schedules in {took_s:.0f} s: {complete} complete, {len(failed)} wrong {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
