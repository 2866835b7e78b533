"""Examines what can be used of a chain: endpoints, overrides, history, Multicall3, deployments, subgraphs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aggregator.contract import Adapter, Deployment, Exchange, Owners, Read, join
from aggregator.model.errors import (
    CrossmarginError,
    MissingMulticall,
    NoContract,
    ProviderUnavailable,
    ReadError,
)
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.faults import RpcError
from aggregator.reading.pins import Pin
from aggregator.reading.run import drive
from aggregator.reading.upstream import Upstream

# Runtime code that returns 42: PUSH1 42, PUSH0-free, stored at 0 and returned as one word.
_ANSWER_42 = "0x602a60005260206000f3"
_NOWHERE = "0x000000000000000000000000000000000000c0de"
_DEPTHS = (128, 10_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `error` is None where it is in order."""

    subject: str
    finding: str
    error: CrossmarginError | None = None

    @property
    def ok(self) -> bool:
        """Whether it can be used."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """All checks of one chain; `block` is None where it can't be reached."""

    chain: ChainId
    block: Block | None
    checks: tuple[Check, ...]


async def examine(
    chain: ChainId,
    reader: ChainReader,
    deployed: Sequence[tuple[Adapter | Exchange | Owners, Deployment]],
    block: str,
) -> ChainReport:
    """A chain's report, each of its endpoints by itself; failures are checks of it, never raised."""
    try:
        pinned = await reader.pin(block)
    except ReadError as error:
        return ChainReport(chain, None, (Check("endpoint", "can't be used", error),))
    of_endpoints = await asyncio.gather(
        *(_endpoint(upstream, pinned, len(reader.rpc.upstreams) == 1) for upstream in reader.rpc.upstreams)
    )
    checks = [check for of_one in of_endpoints for check in of_one]
    checks += await _subgraphs(reader, pinned)
    try:
        multicall3 = await _multicall3(reader, pinned)
        checks.append(multicall3)
        if multicall3.ok:  # nothing can be read without it
            checks += await _deployments(reader, pinned, deployed)
    except ReadError as error:
        checks.append(Check("endpoint", "failed while it was examined", error))
    return ChainReport(chain, pinned, tuple(checks))


async def _endpoint(upstream: Upstream, block: Block, alone: bool) -> list[Check]:
    """Whether one endpoint has the pinned block, and what it can do."""
    of = "" if alone else f" of {upstream.name}"
    subject = "endpoint" if alone else f"endpoint {upstream.name}"
    pin = Pin(block)
    try:
        answer = await pin.call(upstream, _NOWHERE, b"")
        await pin.check()
        if isinstance(answer, RpcError):
            raise ProviderUnavailable(upstream.name, f"eth_call was refused: {answer}")
        how = "number" if upstream.by_hash is False else "hash"
        found = f"serves chain {block.chain}, block {block.number} by its {how}"
        return [
            Check(subject, found),
            await _overrides(upstream, block, f"state overrides{of}"),
            await _history(upstream, block, f"history{of}"),
        ]
    except ReadError as error:
        return [Check(subject, "can't be used", error)]


async def _subgraphs(reader: ChainReader, block: Block) -> list[Check]:
    """How far each configured subgraph is behind the block."""
    if reader.subgraphs is None:
        return []
    from aggregator.reading.subgraph import check_lag  # noqa: PLC0415  # few have one

    checks = []
    for source, head in await reader.subgraphs.states():
        subject = f"subgraph {source.endpoint.name}"
        try:
            if isinstance(head, ReadError):
                raise head
            check_lag(head, block, source)
        except ReadError as error:
            checks.append(Check(subject, "can't be used", error))
            continue
        lag = max(0, block.number - head.number)
        errors = "; it says that it has indexing errors" if head.has_indexing_errors else ""
        found = f"has indexed block {head.number}, {lag} before block {block.number}{errors}"
        checks.append(Check(subject, found if lag else f"has indexed block {block.number}{errors}"))
    return checks


async def _multicall3(reader: ChainReader, block: Block) -> Check:
    code = await reader.code(reader.multicall3, block)
    if len(code) <= 2:
        return Check("Multicall3", "is missing", MissingMulticall(block.chain, reader.multicall3))
    return Check("Multicall3", f"at {reader.multicall3}")


async def _overrides(upstream: Upstream, block: Block, subject: str) -> Check:
    if not upstream.endpoint.state_overrides:
        return Check(subject, "not tried, as configured: reads use Multicall3 alone")
    call = {"to": _NOWHERE, "data": "0x"}
    override = {_NOWHERE: {"code": _ANSWER_42}}
    [answer] = await upstream.ask([("eth_call", [call, hex(block.number), override])])
    works = answer == f"0x{42:064x}"
    return Check(subject, "supported" if works else "not supported: reads use Multicall3 alone")


async def _history(upstream: Upstream, block: Block, subject: str) -> Check:
    deepest = 0
    for depth in (d for d in (*_DEPTHS, block.number) if d <= block.number):
        [answer] = await upstream.ask([("eth_getBalance", [_NOWHERE, hex(block.number - depth)])])
        if isinstance(answer, RpcError):
            break
        deepest = depth
    if deepest == 0:
        return Check(subject, "nothing before the latest blocks")
    whole = deepest == block.number
    return Check(subject, "whole (archive)" if whole else f"at least {deepest:,} blocks back")


async def _deployments(
    reader: ChainReader, block: Block, deployed: Sequence[tuple[Adapter | Exchange | Owners, Deployment]]
) -> list[Check]:
    checks: list[Check] = []
    probes: list[tuple[str, Read[tuple[str, ...]]]] = []
    for adapter, deployment in deployed:
        subject = f"{adapter.name} · {deployment.name}"
        empty = [
            f"{role} {address}"
            for role, address in deployment.addresses.items()
            if len(await reader.code(address, block)) <= 2
        ]
        if empty:
            checks.append(Check(subject, "no code at an address", NoContract(", ".join(empty))))
        else:
            probes.append((subject, adapter.probe(deployment, block)))
    results: list[Any] = []
    if probes:
        results, _ = await drive(join([probe for _, probe in probes], isolate=True), reader, block)
    for (subject, _), result in zip(probes, results, strict=True):
        if isinstance(result, ReadError):
            checks.append(Check(subject, "can't be used", result))
        else:
            checks.append(Check(subject, "; ".join(result)))
    return checks
