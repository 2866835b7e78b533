"""Reads of the real contracts, replayed: what they answered on a local node, and their own word elsewhere.

`real.cmrec` holds every reply to the adapter's reads of one wallet at several blocks. The contracts were
those of derivexyz/v2-core 7736900d and v2-matching f6c20f46, compiled by solc 0.8.27 with OpenZeppelin 5.0.2,
with feeds that anybody may set in place of the signed ones: spot prices, and forwards, perp and impact prices
at fixed distances from them. `real.json` says of each block what `getMargin` and `getMarginAndMarkToMarket`
answer there and at other prices and times, and what bids of the auction did.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any

from adapters.derive_v2.adapter import build
from adapters.derive_v2.margin import DeriveRule
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, token_id
from aggregator.model.readings import Block, Reading
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.recording import Recording, Tape
from aggregator.reading.run import drive
from aggregator.reading.tapes import Replay
from tests.reading_kit import Change, altered

HERE = Path(__file__).parent
CHAIN = ChainId(31337)


@cache
def said() -> Any:
    """What the contracts say beside the recording."""
    return json.loads((HERE / "real.json").read_text())


@cache
def _recording() -> Recording:
    return Recording.load(HERE / "real.cmrec")


def tape() -> Tape:
    """All that the chain answered."""
    return _recording().tapes[CHAIN]


def deployment(**options: Any) -> Deployment:
    """The contracts as crossmargin's configuration names them."""
    addresses = {role: parse_address(address) for role, address in said()["deployment"].items()}
    return Deployment("derive_v2", CHAIN, "Derive local", addresses, "a local node", options=options)


def adapter(at: Deployment) -> Adapter:
    """The adapter over a deployment."""
    return build(Deployments((at,), ()))


def block_of(state: str) -> Block:
    """The block of a state."""
    pinned = tape().pins[said()["states"][state]["block"]]
    assert isinstance(pinned, Block)
    return pinned


@cache
def read(state: str) -> Reading:
    """What the adapter reads of the wallet at a state."""
    return replayed(state)[0]


def replayed(state: str, change: Change | None = None, at: Deployment | None = None) -> tuple[Reading, int]:
    """A read and its rounds, its replies changed on the way; raises what it raises."""
    here, block = at or deployment(), block_of(state)
    source = Replay(CHAIN, tape())
    reading = adapter(here).read(here, parse_address(said()["user"]), block)
    return asyncio.run(drive(altered(reading, change), source, block))


def account(state: str, number: int) -> Account:
    """One account of a state by its number."""
    [found] = [one for one in read(state).accounts if one.id.endswith(f":{number}")]
    return found


def rule_of(state: str, number: int) -> DeriveRule:
    """An account's rule."""
    rule = account(state, number).rule
    assert isinstance(rule, DeriveRule)
    return rule


def token(symbol: str) -> AssetId:
    """The identity of a token by its symbol."""
    return token_id(CHAIN, parse_address(said()["tokens"][symbol]))
