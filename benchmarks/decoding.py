"""Decoding of fixed layouts: single replies and columns, against eth_abi."""

from __future__ import annotations

import statistics
from typing import Any

from eth_abi.abi import decode as eth_abi_decode
from eth_abi.abi import encode

from aggregator.abi.function import Function
from aggregator.model.units import Address
from benchmarks.measure import interleaved

COUNT = 20_000
WANTED = 15.0
LAYOUTS = {
    "uint256": ["uint256"],
    "six uint256": ["uint256"] * 6,
    "account data": ["uint256", "uint256", "int128", "address", "bool", "uint40"],
}


def decode(rounds: int) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Seconds of each contender, and the ratios with what is wanted of them."""
    contenders: dict[str, Any] = {}
    for name, types in LAYOUTS.items():
        replies = [encode(types, [_value(kind, i) for kind in types]) for i in range(COUNT)]
        function: Function[Any] = Function(f"f(address)({','.join(types)})")
        call = function.at(Address("0x" + "11" * 20), "0x" + "22" * 20)
        column = function.each(Address("0x" + "11" * 20), ["0x" + "22" * 20] * COUNT)
        raw = b"".join(replies)

        def single(replies: list[bytes] = replies, call: Any = call) -> list[Any]:
            return [call.decode(reply) for reply in replies]

        def columns(raw: bytes = raw, column: Any = column, width: int = len(types)) -> list[list[Any]]:
            decoded = column.decode(raw)
            return [decoded.values(word) for word in range(width)]

        def peer(replies: list[bytes] = replies, types: list[str] = types) -> list[Any]:
            return [eth_abi_decode(types, reply) for reply in replies]

        assert [x if len(types) > 1 else (x,) for x in single()] == peer()
        assert list(zip(*columns(), strict=True)) == peer()
        contenders |= {f"{name}: one by one": single, f"{name}: column": columns, f"{name}: eth_abi": peer}
    seconds = interleaved(contenders, rounds)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    ratios: dict[str, object] = {}
    print(f"\ndecode of {COUNT} replies")
    for name in LAYOUTS:
        for way in ("one by one", "column"):
            ratio = median[f"{name}: eth_abi"] / median[f"{name}: {way}"]
            ratios[f"{name}: {way}"] = {"reached": round(ratio, 1), "wanted": WANTED}
            met = "met" if ratio >= WANTED else "MISSED"
            print(f"{name + ', ' + way:30}{ratio:7.1f} times eth_abi, wanted {WANTED:5.1f}  {met}")
    return {f"decode {name}": times for name, times in seconds.items()}, ratios


def _value(kind: str, number: int) -> Any:
    if kind == "address":
        return f"0x{number:040x}"
    if kind == "bool":
        return number % 2 == 0
    return number * 10**18 if kind == "uint256" else number
