"""Calls in one go that change nothing: what a series of them would answer, as if Multicall3 made them.

Each sees what those before it did, all at the time of the latest block. Where Multicall3 owns the
contracts, a series may change settings and prices on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet import multicall3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.devnet.abi import AbiValue
    from tests.devnet.chain import Chain, Contract

Step = tuple["Contract", str, tuple["AbiValue", ...]]


@dataclass(frozen=True)
class Outcome:
    """What a call answered, see `Abi.decode_result`; or why it reverted, and then no value."""

    value: AbiValue
    refused: str | None


def simulate(chain: Chain, steps: Sequence[Step]) -> list[Outcome]:
    """The outcome of every call (contract, function, arguments); one that reverts undoes itself only."""
    batch = [(contract.address, True, contract.encode(name, *args)) for contract, name, args in steps]
    replies = multicall3.attach(chain).call("aggregate3", batch)
    outcomes = []
    for (contract, name, args), reply in zip(steps, replies, strict=True):
        data = reply["returnData"]
        if reply["success"]:
            outcomes.append(Outcome(contract.abi.decode_result(name, len(args), data), None))
        else:
            outcomes.append(Outcome(None, chain.errors.reason(data) or "no reason"))
    return outcomes


def values(chain: Chain, steps: Sequence[Step]) -> list[AbiValue]:
    """The values of calls none of which may revert. Raises `AssertionError` with the first reason."""
    found = simulate(chain, steps)
    for (contract, name, _), outcome in zip(steps, found, strict=True):
        assert outcome.refused is None, f"{contract.name}.{name}: {outcome.refused}"
    return [outcome.value for outcome in found]
