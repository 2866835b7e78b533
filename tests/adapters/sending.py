"""Sends a rule's unsigned calls on the local chain, as their sender would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.units import parse_address

if TYPE_CHECKING:
    from aggregator.model.actions import Untold
    from tests.devnet.world import World


def alone(wallet: str) -> Hands:
    """A wallet that acts for itself."""
    address = parse_address(wallet)
    return Hands(address, address)


def told(calls: Sequence[UnsignedCall] | Untold) -> Sequence[UnsignedCall]:
    """The calls, which the rule must know."""
    assert not hasattr(calls, "reason"), calls
    return calls


def send_all(
    world: World, calls: Sequence[UnsignedCall], sender: str, *, at: int | None = None, main: str = ""
) -> None:
    """All of them in order; the first one to `main` is mined at the time `at`. Raises TransactionReverted."""
    for call in calls:
        if at is not None and call.to == main.lower():
            world.node.next_block_at(at)
            at = None
        world.chain.transact(call.to, call.data, sender=sender, value=call.value)
