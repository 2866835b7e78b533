"""A wallet's positions: every pair of listed tokens is asked for, held ones with the vault's own word."""

from __future__ import annotations

from typing import NamedTuple

from adapters.gmx_v1 import calls
from adapters.gmx_v1.calls import Stored
from adapters.gmx_v1.margin import BASIS_POINTS, RATE_PRECISION
from adapters.gmx_v1.vault import Settings, System
from aggregator.contract import Column, Deployment, Read, ask, both
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.rules import WAD, Health
from aggregator.model.units import Address, keccak

_WORDS = 9
"""A position in a reply of the Reader."""


class Pair(NamedTuple):
    """Where a wallet may have a position."""

    collateral: Address
    index_token: Address
    is_long: bool

    def key(self, wallet: Address) -> str:
        """The vault's own key of the position, as 0x hex."""
        packed = b"".join(bytes.fromhex(one[2:]) for one in (wallet, self.collateral, self.index_token))
        return "0x" + keccak(packed + bytes([self.is_long])).hex()


class Held(NamedTuple):
    """A position that is open."""

    pair: Pair
    stored: Stored
    origin: str


class Word(NamedTuple):
    """The vault's own word on a position; funding that the next update adds is in its requirement."""

    health: Health
    origin: str


def pairs(settings: Settings) -> list[Pair]:
    """All that the vault could ever have let anybody open: a long is backed by its index, a short never."""
    tokens = settings.distinct
    longs = [Pair(token, token, is_long=True) for token in tokens]
    return longs + [Pair(one, of, is_long=False) for one in tokens for of in tokens if one != of]


def read_held(settings: Settings, wallet: Address) -> Read[tuple[list[Held], dict[Pair, ReadError]]]:
    """The open positions, and pairs that could not be asked: each may hold one. In one round.

    Raises where none could be asked.
    """
    asked, vault = pairs(settings), settings.vault
    collaterals, indices, sides = ([pair[i] for pair in asked] for i in range(3))
    column: Column
    [column] = yield from ask([calls.POSITION.each(vault, wallet, collaterals, indices, sides)])
    failed = {asked[i]: error for i, error in column.failures.items()}
    if len(failed) == len(asked):
        raise failed[asked[0]].with_traceback(None)
    rows = zip(asked, *(column.outcomes(word) for word in range(8)), strict=True)
    held = []
    for pair, *words in rows:
        if pair in failed or not any(words[:4]):
            continue
        stored = Stored(*words)
        origin = calls.POSITION.at(vault, wallet, *pair).origin
        if stored.size and stored.average_price:
            held.append(Held(pair, stored, origin))
        else:
            why = f"a position of {stored.size} at the price {stored.average_price}"
            failed[pair] = MalformedReply(origin, why)
    return held, failed


def read_word(deployment: Deployment, system: System, held: Held, wallet: Address) -> Read[Word]:
    """What the vault says of a position at the block, in one round.

    Raises MalformedReply where the Reader tells another position than the vault.
    """
    vault, pair, stored = system.settings.vault, held.pair, held.stored
    reader_call = calls.READER_POSITIONS.at(
        deployment.addresses["reader"], vault, wallet, [pair.collateral], [pair.index_token], [pair.is_long]
    )
    validate = calls.VALIDATE.at(vault, wallet, *pair, False)  # noqa: FBT003
    ([words], [(state, _)]), (position_fee, funding_fee, following) = yield from both(
        both(ask([reader_call]), ask([validate])),
        ask(
            [
                calls.POSITION_FEE.at(vault, wallet, *pair, stored.size),
                calls.FUNDING_FEE.at(vault, wallet, *pair, stored.size, stored.entry_funding_rate),
                calls.NEXT_RATE.at(vault, pair.collateral),
            ]
        ),
    )
    if len(words) != _WORDS or words[:3] != stored[:3]:
        raise MalformedReply(reader_call.origin, f"{words!r} is not the vault's {stored!r}")
    if state > 2:
        raise MalformedReply(validate.origin, f"{state} is no state of a liquidation")
    power = stored.collateral + (words[8] if words[7] else -words[8])
    # A token that was never borrowed has no clock: its first update adds nothing, whatever the view says.
    added = following if system.tokens[pair.collateral].last_funding_time else 0
    fees = position_fee + funding_fee + stored.size * added // RATE_PRECISION
    by_leverage = -(-stored.size * BASIS_POINTS // system.settings.max_leverage)
    required = max(fees + system.settings.liquidation_fee, by_leverage)
    health = Health(
        power=power,
        requirement=required,
        decimals=30,
        health=power * WAD // required,
        liquidatable=state != 0 or power < required,
    )
    return Word(health, f"{validate.origin} and {reader_call.origin}")
