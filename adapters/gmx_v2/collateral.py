"""Collateral to claim: price impact beyond its limit, kept by market, token, account and time.

No contract lists these: the account's logs tell where something was put, and the DataStore how much of it
can be claimed now. Source: `claimCollateral` and `_getClaimableFactor` of MarketUtils.sol, and
EventEmitter.sol of github gmx-io/gmx-synthetics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.fixed_point import FLOAT, apply_factor
from aggregator.contract import Deployment, Event, Read, ask, both
from aggregator.model.errors import BadConfiguration, MalformedReply, Unsupported
from aggregator.model.readings import Block
from aggregator.model.units import Address, keccak

MOST = 4_000
"""Places that are asked for: an hour each, of every market."""
_NAME = "ClaimableCollateralUpdated"


class Slot(NamedTuple):
    """Where an amount is kept; `time_key` counts divisors of time since 1970."""

    market: Address
    token: Address
    time_key: int


@dataclass(frozen=True, slots=True)
class Collateral:
    """What can be claimed now by token, and how many amounts wait for their release."""

    amounts: Mapping[Address, int]
    waiting: int


@dataclass(frozen=True, slots=True)
class _Emitted:
    name: str
    addresses: Mapping[str, Address]
    uints: Mapping[str, int]


def _emitted(_sender: Address, name: str, _hash: bytes, _topic: bytes, data: tuple[Any, ...]) -> _Emitted:
    return _Emitted(name, dict(data[0][0]), dict(data[1][0]))


_KINDS = ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")
_DATA = ",".join(f"((string,{kind})[],(string,{kind}[])[])" for kind in _KINDS)
EMITTED: Event[_Emitted] = Event(
    f"EventLog1(address,string,string indexed,bytes32 indexed,({_DATA}))", into=_emitted
)


def blocks(deployment: Deployment) -> int:
    """How far back logs are looked for, 0 where not at all.

    Raises BadConfiguration where `options.claimable_blocks` is no such number, or there is no emitter.
    """
    found = deployment.options.get("claimable_blocks", 0)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        why = f"options.claimable_blocks is {found!r}, not a number of blocks"
        raise BadConfiguration(deployment.key, why)
    if found and "event_emitter" not in deployment.addresses:
        raise BadConfiguration(deployment.key, "addresses lack event_emitter, for options.claimable_blocks")
    return found


def unlooked(deployment: Deployment, block: Block) -> str | None:
    """A warning of where collateral to claim is not looked for; None where everywhere."""
    if not blocks(deployment):
        return f"{deployment.name}: collateral that may be claimed after large price impact is not read"
    first = _first_block(deployment, block)
    if first <= (deployment.first_block or 0):
        return None
    return f"{deployment.name}: collateral to claim is only looked for since block {first}"


def _first_block(deployment: Deployment, block: Block) -> int:
    return max(deployment.first_block or 0, block.number - blocks(deployment))


def slots(deployment: Deployment, wallet: Address, block: Block) -> Read[tuple[Slot, ...]]:
    """One round, or none: where the wallet's collateral was put, each place once.

    Raises MalformedReply on a log of another account, Unsupported on more places than are asked for.
    """
    if not blocks(deployment):
        return ()
    emitter, topic = deployment.addresses["event_emitter"], bytes(12) + bytes.fromhex(wallet[2:])
    wanted = EMITTED.logs(emitter, keccak(_NAME.encode()), topic, from_block=_first_block(deployment, block))
    [logs] = yield from ask([wanted])
    found: dict[Slot, None] = {}
    for log in logs:
        one = EMITTED.decode(log)
        try:
            slot = Slot(one.addresses["market"], one.addresses["token"], one.uints["timeKey"])
            owner = one.addresses["account"]
        except KeyError as error:
            raise MalformedReply(log.origin, f"no {error} in {_NAME}") from error
        if owner != wallet or one.name != _NAME:
            raise MalformedReply(log.origin, f"{one.name} of {owner}")
        found[slot] = None
    if len(found) > MOST:
        raise Unsupported(f"collateral to claim in {len(found)} places", f"at most {MOST} are read")
    return tuple(found)


def claimable(
    deployment: Deployment, wallet: Address, found: tuple[Slot, ...], time: int
) -> Read[Collateral]:
    """One round, or none: how much of it can be claimed at `time`.

    Raises MalformedReply where the contract would revert.
    """
    if not found:
        return Collateral({}, 0)
    store = deployment.addresses["data_store"]
    [column], [terms] = yield from both(
        ask([calls.UINT.each(store, [key for slot in found for key in _keys(slot, wallet)])]),
        ask(
            [
                calls.UINT.each(
                    store,
                    [keys.key("CLAIMABLE_COLLATERAL_TIME_DIVISOR"), keys.key("CLAIMABLE_COLLATERAL_DELAY")],
                )
            ]
        ),
    )
    values, (divisor, delay) = column.values(), terms.values()
    amounts: dict[Address, int] = {}
    waiting = 0
    for i, slot in enumerate(found):
        amount, claimed, of_time, of_account, reduction = values[5 * i : 5 * i + 5]
        age = time - slot.time_key * divisor
        factor = _factor(max(of_time, of_account), reduction, released=age > delay)
        if age < 0 or factor > FLOAT:
            where = f"collateral to claim of {slot.market} at {slot.time_key} in {store}"
            raise MalformedReply(where, f"a factor of {factor}, {age} seconds after it was put there")
        released = max(apply_factor(amount, factor), claimed)
        if released > claimed:
            amounts[slot.token] = amounts.get(slot.token, 0) + released - claimed
        waiting += amount > released
    return Collateral(amounts, waiting)


def _factor(factor: int, reduction: int, *, released: bool) -> int:
    if not factor and not reduction and released:
        return FLOAT
    return max(0, factor - reduction)


def _keys(slot: Slot, wallet: Address) -> tuple[bytes, ...]:
    """Of the amount, of what was claimed of it, and of three factors: for all, for the account, less this."""
    place = (slot.market, slot.token, slot.time_key)
    return (
        keys.key("CLAIMABLE_COLLATERAL_AMOUNT", *place, wallet),
        keys.key("CLAIMED_COLLATERAL_AMOUNT", *place, wallet),
        keys.key("CLAIMABLE_COLLATERAL_FACTOR", *place),
        keys.key("CLAIMABLE_COLLATERAL_FACTOR", *place, wallet),
        keys.key("CLAIMABLE_COLLATERAL_REDUCTION_FACTOR", *place, wallet),
    )
