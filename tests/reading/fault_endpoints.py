"""Endpoints over one or two histories that are healthy, slow to follow, or spoilt by a seeded schedule."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import orjson

from tests.reading.fault_kinds import BATCH, HARMLESS, KINDS, REPLY, WIRE, Item
from tests.reading.fault_server import Wire
from tests.reading.histories import History


@dataclass(frozen=True)
class Quirks:
    """What honest endpoints differ in.

    `by_hash`: takes a block's hash in eth_call. `overrides`: takes state overrides, refuses or ignores them.
    `batches`: takes JSON-RPC batches. `most_calls`: calls of an aggregate3 that its gas is enough for.
    `log_range`: blocks of an eth_getLogs.
    """

    by_hash: bool = True
    overrides: str = "taken"
    batches: bool = True
    most_calls: int | None = None
    log_range: int | None = None


@dataclass(frozen=True)
class Plan:
    """How an endpoint behaves.

    It spoils a request with one of `kinds` where its number is in `first` to `last`, with a `chance`.
    `lag` blocks at the head are not there yet. From its request `fork_at` on it follows the other history;
    with `flapping` every request is answered by either. One that `lies` changes every number that
    contracts answer, which nobody sees who asks nobody else.
    """

    quirks: Quirks
    kinds: tuple[str, ...] = ()
    first: int = 0
    last: int = 10**9
    chance: float = 1.0
    lag: int = 0
    fork_at: int | None = None
    flapping: bool = False
    chain_id: str | None = None
    lies: bool = False

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        strays = self.lies or self.flapping or self.lag or self.fork_at is not None
        return not strays and self.chain_id is None and set(self.kinds) <= set(HARMLESS)

    @property
    def reorganises(self) -> bool:
        """Whether it ever tells of another block than before."""
        odd = {"an odd header", "another header", "an odd log"} & set(self.kinds)
        return self.fork_at is not None or self.flapping or bool(odd)


def quirks(rng: random.Random) -> Quirks:
    """Usual ones more often than not."""
    return Quirks(
        by_hash=rng.random() < 0.7,
        overrides=rng.choice(("taken", "taken", "refused", "ignored")),
        batches=rng.random() < 0.9,
        most_calls=rng.choice((None, None, None, 40)),
        log_range=rng.choice((None, None, 50)),
    )


def plan(rng: random.Random) -> Plan:
    """Anything from a healthy endpoint to one of another chain."""
    base = Plan(quirks(rng))
    kinds = tuple(rng.sample(KINDS, rng.randint(1, 4)))
    match rng.randrange(10):
        case 0:
            return replace(base, kinds=kinds)
        case 1 | 2:
            return replace(base, kinds=kinds, chance=rng.uniform(0.1, 0.7))
        case 3:
            return replace(base, kinds=kinds, first=rng.randint(1, 6))
        case 4:
            return replace(base, kinds=kinds, last=rng.randint(0, 4))
        case 5:
            return replace(base, lag=rng.randint(1, 8), kinds=kinds, chance=rng.choice((0.0, 0.2)))
        case 6:
            return replace(base, fork_at=rng.randint(0, 6), kinds=kinds, chance=rng.choice((0.0, 0.2)))
        case 7:  # by number nobody can tell which backend gave a figure
            return replace(base, flapping=True, quirks=replace(base.quirks, by_hash=True, batches=True))
        case 8:
            return replace(base, chain_id=rng.choice(("0x5", "0x0", "chain", "", "0x" + "f" * 70)))
        case _:
            return replace(base, kinds=HARMLESS, chance=0.5)


@dataclass
class Spoilt:
    """An endpoint by its plan; `log` is what it did to each request."""

    plan: Plan
    histories: Sequence[History]
    session: aiohttp.ClientSession
    rng: random.Random
    wait_s: float
    log: list[str] = field(default_factory=list)

    async def __call__(self, body: bytes) -> Wire:
        """The answer to one request body."""
        number, plan = len(self.log), self.plan
        follows = plan.fork_at is not None and number >= plan.fork_at
        history = self.histories[self.rng.randrange(2) if plan.flapping else int(follows)]
        kind = ""
        if plan.kinds and plan.first <= number <= plan.last and self.rng.random() < plan.chance:
            kind = self.rng.choice(plan.kinds)
        asked = orjson.loads(body)
        calls = asked if isinstance(asked, list) else [asked]
        names = ",".join(call["method"] for call in calls[:3])
        self.log.append(f"{history.name} {names}: {kind}")
        if isinstance(asked, list) and not plan.quirks.batches:
            return Wire(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}')
        replies = await asyncio.gather(*(self._one(history, c["method"], c["params"]) for c in calls))
        if kind in REPLY:
            i = self.rng.randrange(len(calls))
            replies[i] = REPLY[kind](self.rng, replies[i], calls[i]["params"])
        items: list[Item] = [
            {"jsonrpc": "2.0", "id": c["id"], **r} for c, r in zip(calls, replies, strict=True)
        ]
        if kind in BATCH:
            items = BATCH[kind](self.rng, items)
            if not isinstance(asked, list):
                items = items[:1] or [{}]
        honest = orjson.dumps(items if isinstance(asked, list) else items[0])
        return WIRE[kind](self.rng, honest, self.wait_s) if kind in WIRE else Wire(honest)

    async def _one(self, history: History, method: str, params: list[Any]) -> dict[str, Any]:
        plan, head = self.plan, history.head - self.plan.lag
        lacking = {history.hashes[n] for n in history.hashes if n > head}
        match method:
            case "eth_chainId" if plan.chain_id is not None:
                return {"result": plan.chain_id}
            case "eth_blockNumber":
                return {"result": hex(head)}
            case "eth_getBlockByNumber":
                name = hex(head) if params[0] == "latest" else params[0]
                if name in ("safe", "finalized"):
                    name = hex(head - 2)
                if name.startswith("0x") and int(name, 16) > head:
                    return {"result": None}
                return await history.answer(self.session, method, [name, *params[1:]])
            case "eth_getBlockByHash" if params[0] in lacking:
                return {"result": None}
            case "eth_getLogs":
                return await self._logs(history, params[0], head)
            case "eth_call":
                return await self._call(history, params, head, lacking)
            case _:
                return await history.answer(self.session, method, params)

    async def _logs(self, history: History, wanted: dict[str, Any], head: int) -> dict[str, Any]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        most = self.plan.quirks.log_range
        if most is not None and last - first + 1 > most:
            return _refusal(f"block range is limited to {most} blocks")
        seen = {**wanted, "toBlock": hex(min(last, head))}
        if first > head:
            return {"result": []}
        return await history.answer(self.session, "eth_getLogs", [seen])

    async def _call(
        self, history: History, params: list[Any], head: int, lacking: set[str]
    ) -> dict[str, Any]:
        known, at = self.plan.quirks, params[1]
        if isinstance(at, dict):
            if not known.by_hash:
                return {"error": {"code": -32602, "message": "invalid params: cannot unmarshal object"}}
            if at["blockHash"] in lacking or at["blockHash"] not in history.hashes.values():
                return _refusal("header not found")
        elif int(at, 16) > head:
            return _refusal("header not found")
        if len(params) > 2:
            if known.overrides == "refused":
                return {"error": {"code": -32602, "message": "too many arguments, want at most 2"}}
            if known.overrides == "ignored":
                params = params[:2]
        elif known.most_calls is not None and int(params[0]["data"][74:138], 16) > known.most_calls:
            return _refusal("out of gas")
        found = await history.answer(self.session, "eth_call", params)
        return lied(found) if self.plan.lies else found


def lied(honest: dict[str, Any]) -> dict[str, Any]:
    """A reply of aggregate3 in which the last bit of every word that a contract gave is another one."""
    if "result" not in honest:
        return honest
    raw = bytearray.fromhex(honest["result"][2:])
    for i in range(int.from_bytes(raw[32:64])):
        at = 64 + int.from_bytes(raw[64 + 32 * i : 96 + 32 * i])
        if int.from_bytes(raw[at + 64 : at + 96]) == 32:
            raw[at + 127] ^= 1
    return {"result": "0x" + raw.hex()}


def _refusal(message: str) -> dict[str, Any]:
    return {"error": {"code": -32000, "message": message}}
