"""Why a contract refused, as its revert data say."""

from __future__ import annotations

from aggregator.abi.function import Function
from aggregator.model.errors import CallReverted, ReadError
from aggregator.reading.text import printable

_ERROR = Function[str]("Error(string)(string)")
_PANIC = Function[int]("Panic(uint256)(uint256)")


def reverted(origin: str, data: bytes) -> ReadError:
    """The failure that revert data tells: its message, its panic code, or its first bytes in hex."""
    for function, prefix in ((_ERROR, ""), (_PANIC, "panic ")):
        if data[:4] == function.selector:
            try:
                value: object = function.decode(data[4:], origin)
            except ReadError:
                break
            return CallReverted(origin, f"{prefix}{printable(str(value)[:200])}")
    return CallReverted(origin, f"0x{data[:36].hex()}" if data else "")
