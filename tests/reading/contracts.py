"""Contracts of a few bytes, written by hand: what each returns is plain from its code."""

from __future__ import annotations

from typing import Any

from aggregator.contract import Function
from aggregator.model.units import Address

ECHO = Address("0x" + "e0" * 20)
HEIGHT = Address("0x" + "e1" * 20)
PAUSED = Address("0x" + "e2" * 20)
SHORT = Address("0x" + "e3" * 20)
GREEDY = Address("0x" + "e4" * 20)
SLOT = Address("0x" + "e5" * 20)
MUTE = Address("0x" + "e6" * 20)
HEAVY = Address("0x" + "e7" * 20)
LOGGER = Address("0x" + "e8" * 20)
ABSENT = Address("0x" + "ee" * 20)

_REASON = Function[Any]("Error(string)()").at(ABSENT, "paused").data

CODE = {
    # CALLDATALOAD(4) returned: the first argument.
    ECHO: bytes.fromhex("60043560005260206000f3"),
    # NUMBER returned: the block at which it is asked.
    HEIGHT: bytes.fromhex("4360005260206000f3"),
    # CODECOPY of what follows the first 12 bytes, and REVERT with it.
    PAUSED: bytes.fromhex(f"60{len(_REASON):02x}600c60003960{len(_REASON):02x}6000fd") + _REASON,
    # 33 bytes of zeros: no ABI type has that size.
    SHORT: bytes.fromhex("60216000f3"),
    # INVALID, which takes all the gas that the call was given.
    GREEDY: bytes.fromhex("fe"),
    # SLOAD(0) returned.
    SLOT: bytes.fromhex("60005460005260206000f3"),
    # A loop of 100,000 turns of 26 gas each, then NUMBER returned.
    HEAVY: bytes.fromhex("620186a05b6001900380600457504360005260206000f3"),
    # REVERT with nothing.
    MUTE: bytes.fromhex("60006000fd"),
    # LOG2 of the third word of the calldata, with the first two as topics.
    LOGGER: bytes.fromhex("60403560005260203560003560206000a200"),
}

VALUE: Function[int] = Function("value(uint256)(uint256)")
NUMBER: Function[int] = Function("number()(uint256)")
