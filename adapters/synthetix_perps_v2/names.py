"""Synthetix's names: bytes32 keys as text, and what an asset's key says of what it follows."""

from __future__ import annotations

import re

# A synth is spelled with a lower-case s before its currency: sETH, sBTC. Later markets use the bare
# currency (SOL, STETH, ETHBTC), whose own s is upper-case.
_SYNTH = re.compile(r"s[A-Z0-9]+")


def name_key(name: str) -> bytes:
    """ASCII text as the bytes32 by which contracts and currencies are looked up."""
    return name.encode("ascii").ljust(32, b"\0")


def key_text(key: bytes) -> str:
    """A bytes32 key as text; hex where it isn't printable ASCII."""
    text = key.rstrip(b"\0")
    return text.decode("ascii") if text.isascii() and text.decode("ascii").isprintable() else "0x" + key.hex()


def underlying_of(base_asset: str) -> str:
    """What the price of an asset follows: `ETH` for `sETH`; any other asset is its own underlying."""
    return base_asset[1:] if _SYNTH.fullmatch(base_asset) else base_asset
