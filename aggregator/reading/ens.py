"""Names of the Ethereum Name Service, resolved at the pinned block: two rounds there, up to four back.

A name means what the resolver says that the registry names for it, or for the nearest name above it
(ENSIP-10). The address is that of Ethereum (coin type 60), on every chain that is read.
"""

from __future__ import annotations

import re

from aggregator.contract import Call, Function, Read, ask, attempt, both
from aggregator.model.errors import CallReverted, ReadError, UnresolvedName
from aggregator.model.units import Address, keccak

RESOLVER: Function[Address] = Function("resolver(bytes32)(address)")
OWNER: Function[Address] = Function("owner(bytes32)(address)")
ADDR: Function[Address] = Function("addr(bytes32)(address)")
NAME: Function[str] = Function("name(bytes32)(string)")
SUPPORTS: Function[bool] = Function("supportsInterface(bytes4)(bool)")
RESOLVE: Function[bytes] = Function("resolve(bytes,bytes)(bytes)")

ZERO = Address("0x" + "0" * 40)
EXTENDED = bytes.fromhex("9061b923")
"""The interface of a resolver that answers for names below its own (ENSIP-10)."""
OFFCHAIN = "0x556f1830"
"""The selector of OffchainLookup (EIP-3668): the answer is to be fetched from a gateway."""
_LONGEST = 255
_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")


def normalised(name: str) -> str:
    """A name as ENSIP-15 normalises it; raises UnresolvedName where it can't be.

    Plain names are their own normal form: only others take the second that the library takes to import.
    """
    found = name if _PLAIN.fullmatch(name) else _by_library(name)
    if "." not in found or any(not 0 < len(label.encode()) <= _LONGEST for label in found.split(".")):
        raise UnresolvedName(name, "it is no name with parts such as treasury.eth: correct its spelling")
    return found


def _by_library(name: str) -> str:
    from ens import _normalization as library  # noqa: PLC0415
    from ens.exceptions import InvalidName  # noqa: PLC0415
    from ens.utils import normalize_name  # noqa: PLC0415
    from pyunormalize import NFC  # noqa: PLC0415

    # web3 8.0 hands over a list of characters, which pyunormalize takes no longer since its version 18.
    library.NFC = lambda characters: NFC("".join(characters))
    try:
        return str(normalize_name(name))
    except InvalidName as error:
        why = f"it is no name that ENS allows ({error}): correct its spelling"
        raise UnresolvedName(name, why) from error


def namehash(name: str) -> bytes:
    """The node of a normalised name; the root's is 32 zeros (EIP-137)."""
    node = bytes(32)
    for label in reversed(name.split(".") if name else ()):
        node = keccak(node + keccak(label.encode()))
    return node


def resolve(registry: Address, name: str) -> Read[Address]:
    """The address of a normalised name; raises UnresolvedName where it has none that can be read here."""
    labels = name.split(".")
    above = [".".join(labels[i:]) for i in range(len(labels))]
    resolvers, [owner] = yield from both(
        ask([RESOLVER.at(registry, namehash(one)) for one in above]),
        ask([OWNER.at(registry, namehash(name))]),
    )
    resolver = next((one for one in resolvers if one != ZERO), None)
    if resolver is None:
        raise UnresolvedName(name, _unknown(owner))
    direct: Call[Address] = ADDR.at(resolver, namehash(name))
    encoded = b"".join(bytes([len(label.encode())]) + label.encode() for label in labels) + b"\0"
    extended = RESOLVE.at(resolver, encoded, direct.data)
    ([supports], [answer]), [wrapped] = yield from both(
        both(attempt([SUPPORTS.at(resolver, EXTENDED)]), attempt([direct])), attempt([extended])
    )
    if supports is True:
        answer = wrapped if isinstance(wrapped, ReadError) else _unwrapped(wrapped, extended.origin)
    elif resolvers[0] == ZERO:
        raise UnresolvedName(name, _unknown(owner))
    if isinstance(answer, CallReverted) and answer.reason.startswith(OFFCHAIN):
        why = "its resolver sends to a gateway outside of the chain (CCIP read), which is not followed"
        raise UnresolvedName(name, f"{why}: give the 0x address that an ENS application shows")
    if isinstance(answer, CallReverted):
        why = f"its resolver refused ({answer.reason or 'no reason given'})"
        raise UnresolvedName(name, f"{why}: give the 0x address")
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    if answer == ZERO:
        raise UnresolvedName(name, "it has no Ethereum address: give the 0x address")
    return answer


def reverse(registry: Address, address: Address) -> Read[str | None]:
    """The name that an address gives itself, where that name leads back to it; None in every other case.

    A name is no figure: where it can't be read there is none.
    """
    node = namehash(f"{address[2:]}.addr.reverse")
    try:
        [resolver] = yield from ask([RESOLVER.at(registry, node)])
        if resolver == ZERO:
            return None
        [name] = yield from ask([NAME.at(resolver, node)])
        if normalised(name) != name:
            return None
        found = yield from resolve(registry, name)
    except (ReadError, UnresolvedName):
        return None
    return name if found == address else None


def _unknown(owner: Address) -> str:
    if owner == ZERO:
        return "it is not registered at that block: correct its spelling, or give the 0x address"
    return "it has no resolver: its owner has set none; give the 0x address"


def _unwrapped(answer: bytes, origin: str) -> Address | ReadError:
    try:
        return ADDR.decode(answer, origin)
    except ReadError as error:
        return error
