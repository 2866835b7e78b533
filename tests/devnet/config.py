"""The configuration file that makes crossmargin read the local chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.devnet.deployment import DeploymentEntry, TokenEntry


def render(
    *, chain_id: int, url: str, deployments: Iterable[DeploymentEntry], tokens: Iterable[TokenEntry]
) -> str:
    """The configuration as TOML: one chain, its deployments and its tokens."""
    lines = [
        f"[chains.{chain_id}]",
        'name = "local"',
        f'endpoints = [{{ name = "local", url = {_text(url)} }}]',
        'origin = "local node"',
    ]
    for entry in deployments:
        lines += [
            "",
            f"[[deployments.{entry.adapter}]]",
            f"chain = {chain_id}",
            f"name = {_text(entry.name)}",
            "verified = true",  # the kit's own tests see it work
            *([f"first_block = {entry.first_block}"] if entry.first_block is not None else []),
            f"[deployments.{entry.adapter}.addresses]",
            *(f"{name} = {_text(address)}" for name, address in entry.addresses.items()),
            *([f"[deployments.{entry.adapter}.options]"] if entry.options else []),
            *(f"{name} = {_option(value)}" for name, value in entry.options.items()),
        ]
    for token in tokens:
        lines += [
            "",
            "[[tokens]]",
            f"chain = {chain_id}",
            *([f"address = {_text(token.address)}"] if token.address else []),
            f"symbol = {_text(token.symbol)}",
            f"decimals = {token.decimals}",
            f"underlying = {_text(token.underlying)}",
            f"class = {_text(token.kind)}",
            *([f"feed = {_text(token.feed)}"] if token.feed else []),
        ]
    return "\n".join(lines) + "\n"


def _option(value: str | Mapping[str, int]) -> str:
    if isinstance(value, str):
        return _text(value)
    return "{ " + ", ".join(f"{_text(name)} = {number}" for name, number in value.items()) + " }"


def _text(value: str) -> str:
    # A JSON string without control characters is a TOML basic string.
    return json.dumps(value, ensure_ascii=False)
