"""Reads of the local chain in which some replies are others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aggregator.contract import Column, Function, Request
from aggregator.model.errors import ReadError
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from tests.adapters.gmx_v1.live import Site
from tests.reading_kit import Change, altered, pin, run_read


def read_with(site: Site, change: Change | None = None, user: str | None = None) -> tuple[Reading, int]:
    """A reading of the hedged wallet, or of another, with some replies changed; and its rounds."""
    node, rounds = site.world.node, list[int]()
    wallet = parse_address(user or site.world.wallets["hedged"])
    read = site.adapter.read(site.deployment, wallet, pin(node.url, node.chain_id))
    return run_read(node.url, node.chain_id, altered(read, change, rounds)), len(rounds)


def instead(function: Function[Any], said: Any) -> Change:
    """Every reply of one function is another; of a column, every word of every row."""

    def answer(request: Request[Any], reply: Any) -> Any:
        if getattr(request, "function", None) != function:
            return reply
        if not isinstance(reply, Column) or isinstance(said, ReadError):
            return said
        return replace(reply, raw=said.to_bytes(32, "big") * (len(reply.raw) // 32), failures={})

    return answer
