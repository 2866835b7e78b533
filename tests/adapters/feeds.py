"""Prices written into feeds of the local chain without a block: no time passes, and nothing is mined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.model.units import keccak

if TYPE_CHECKING:
    from tests.devnet.chain import Contract


def rewrite(feed: Contract, answer: int) -> None:
    """Change what a feed of the kit answered last; that round's time stays.

    Only where the tested figures depend on no time between the prices: a block costs the node several times
    a call.
    """
    latest = int(feed.call("latestRound"))
    # Of SettableFeed: the mapping of rounds is its third slot, the answer a round's first word.
    slot = keccak(latest.to_bytes(32, "big") + (2).to_bytes(32, "big"))
    word = "0x" + answer.to_bytes(32, "big", signed=True).hex()
    feed.chain.node.rpc("anvil_setStorageAt", feed.address, "0x" + slot.hex(), word)
