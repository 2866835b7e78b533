"""Identities and exact quantities: integers as the chain has them, Decimals made without rounding."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Literal, NewType

from Crypto.Hash import keccak as _keccak

from aggregator.model.errors import InvalidAddress

Address = NewType("Address", str)
"""A 20-byte account address: `0x` and 40 lower-case hex digits."""

ChainId = NewType("ChainId", int)
"""An EIP-155 chain id."""

Rounding = Literal["up", "down"]

# uint256 has 78 digits. Threads reset decimal's own context to 28 digits, so ours is always passed.
EXACT = Context(prec=78, traps=[Inexact, InvalidOperation, Overflow])

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def keccak(data: bytes) -> bytes:
    """Keccak-256, as Ethereum hashes: 32 bytes."""
    return _keccak.new(data=data, digest_bits=256).digest()


def parse_address(text: str) -> Address:
    """The address that `text` spells; mixed case must be a valid EIP-55 checksum.

    Raises InvalidAddress where it isn't 20 bytes of hex or its checksum is wrong.
    """
    if not _ADDRESS.fullmatch(text):
        raise InvalidAddress(text, "it is not 0x followed by 40 hex digits")
    lower = Address(text.lower())
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and checksum(lower) != text:
        raise InvalidAddress(text, "its EIP-55 checksum does not match; a digit or its case is mistyped")
    return lower


def checksum(address: Address) -> str:
    """The EIP-55 spelling of an address."""
    digest = keccak(address[2:].encode()).hex()
    digits = (c.upper() if int(d, 16) >= 8 else c for c, d in zip(address[2:], digest, strict=False))
    return "0x" + "".join(digits)


def scaled(raw: int, decimals: int) -> Decimal:
    """`raw / 10**decimals`, exactly. Raises decimal.Inexact beyond 78 significant digits."""
    return EXACT.scaleb(EXACT.create_decimal(raw), -decimals)


def plain(value: Decimal) -> str:
    """A number as people write it, exactly: `1.5`, `-20`, without exponent and trailing zeros."""
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def unscaled(value: Decimal, decimals: int, *, rounding: Rounding) -> int:
    """`value * 10**decimals` as an integer, rounded to the named side of the number line."""
    shifted = EXACT.scaleb(value, decimals)
    mode = ROUND_CEILING if rounding == "up" else ROUND_FLOOR
    return int(shifted.to_integral_value(rounding=mode))
