"""What goes wrong between a client and a node: every fault is one that a client can see without a second
source. A wrong figure in an otherwise perfect reply is none of these; see `confirm`."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from typing import Any

from tests.reading.fault_server import Wire

Item = dict[str, Any]
WireFault = Callable[[random.Random, bytes, float], Wire]
"""Of a random source, the honest body, and the seconds after which the client gives up."""
ReplyFault = Callable[[random.Random, Item, list[Any]], Item]
"""Of a random source, the honest reply to one call, and the call's parameters."""
BatchFault = Callable[[random.Random, list[Item]], list[Item]]

_PAGE = b"<html><body>We'll be right back</body></html>"
MOST_BYTES = 8 * 2**20
"""In place of the client's 64 MiB, as its times are shorter, too."""
_BOMB = gzip.compress(bytes(MOST_BYTES + 2**20))
_WORD = 32


def _cut(rng: random.Random, body: bytes, _: float) -> Wire:
    return Wire(body, cut=rng.randrange(len(body)))


def _truncated(rng: random.Random, body: bytes, _: float) -> Wire:
    return Wire(body[: rng.randrange(len(body))])


def _garbled(rng: random.Random, body: bytes, _: float) -> Wire:
    spoilt = bytearray(body)
    for _ in range(rng.randint(1, 5)):
        spoilt[rng.randrange(len(body))] = rng.choice((0xFF, 0x00, 0xC3))
    return Wire(bytes(spoilt))


def _noise(rng: random.Random, _: bytes, __: float) -> Wire:
    return Wire(rng.randbytes(rng.randint(0, 200)))


WIRE: dict[str, WireFault] = {
    "delayed": lambda rng, body, _: Wire(body, delay_s=rng.uniform(0.0, 0.1)),
    "later than is waited for": lambda _, body, wait_s: Wire(body, delay_s=1.3 * wait_s),
    "silence": lambda *_: Wire(silent=True),
    "drips": lambda _, body, wait_s: Wire(body, drip_s=wait_s / 40 if len(body) > 60 else 0.0),
    "reset": lambda *_: Wire(reset=True),
    "cut": _cut,
    "more promised than sent": lambda _, body, __: Wire(body, promised=len(body) + 10, cut=len(body)),
    "truncated": _truncated,
    "garbled": _garbled,
    "noise": _noise,
    "nothing": lambda *_: Wire(b""),
    "429": lambda *_: Wire(status=429),
    "429 for a while": lambda rng, *_: Wire(
        status=429, headers={"retry-after": rng.choice(("0", "1", "3600", "soon", "-1"))}
    ),
    "500": lambda *_: Wire(_PAGE, 500),
    "502": lambda *_: Wire(_PAGE, 502),
    "503 for a while": lambda *_: Wire(_PAGE, 503, {"retry-after": "1"}),
    "a page": lambda *_: Wire(_PAGE),
    "moved": lambda *_: Wire(status=302, headers={"location": "http://127.0.0.1:9/"}),
    "no key": lambda *_: Wire(status=401),
    "a gzip bomb": lambda *_: Wire(_BOMB, headers={"content-encoding": "gzip"}),
    "no gzip": lambda _, body, __: Wire(body, headers={"content-encoding": "gzip"}),
    "half a gzip": lambda _, body, __: Wire(gzip.compress(body)[:-9], headers={"content-encoding": "gzip"}),
    "an unknown encoding": lambda _, body, __: Wire(body, headers={"content-encoding": "br"}),
    "nested without end": lambda *_: Wire(b"[" * 100_000),
}

_REFUSALS: tuple[tuple[int, str], ...] = (
    (-32000, "internal error"),
    (-32603, "Internal error"),
    (-32005, "rate limit exceeded"),
    (-32000, "header not found"),
    (-32000, "missing trie node 00"),
    (-32000, "out of gas"),
    (-32000, "execution timeout"),
    (-32000, "request entity too large"),
    (-32601, "the method does not exist"),
    (-32602, "invalid params"),
)


def _refused(rng: random.Random, _: Item, __: list[Any]) -> Item:
    code, message = rng.choice(_REFUSALS)
    return {"error": {"code": code, "message": message}}


def _odd_error(rng: random.Random, _: Item, __: list[Any]) -> Item:
    return {"error": rng.choice(("no", 7, [], {"code": "x", "message": None}, {}, False))}


def _odd_type(rng: random.Random, _: Item, __: list[Any]) -> Item:
    odd: list[Any] = [None, 5, True, {}, [], "", "0xzz", "hello", "0x0", [["0x"]], {"hash": 5}, 1e99, "0x"]
    return {"result": rng.choice(odd)}


def _odd_header(rng: random.Random, honest: Item, _: list[Any]) -> Item:
    found = honest.get("result")
    if not isinstance(found, dict) or "parentHash" not in found:
        return honest
    field = rng.choice(("hash", "number", "parentHash", "timestamp"))
    odd: dict[str, list[Any]] = {
        "hash": ["0x" + rng.randbytes(32).hex(), "0x12", 7, None],
        "number": ["0x" + "f" * 80, "-0x1", None],
        "parentHash": ["0x12", None, 7],
        "timestamp": ["0x" + "f" * 80, "-0x5", "soon", None],
    }
    return {"result": {**found, field: rng.choice(odd[field])}}


def _other_header(_: random.Random, honest: Item, __: list[Any]) -> Item:
    found = honest.get("result")
    if not isinstance(found, dict) or "parentHash" not in found:
        return honest
    number = int(found["number"], 16) + 1
    other = {"number": hex(number), "parentHash": found["hash"], "hash": f"0x{number:064x}"}
    return {"result": {**found, **other}}


def _odd_log(rng: random.Random, honest: Item, _: list[Any]) -> Item:
    found = honest.get("result")
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        return honest
    i = rng.randrange(len(found))
    log = found[i]
    spoilt: list[Any] = [
        [*found[:i], {**log, "removed": True}, *found[i + 1 :]],
        [*found[:i], {**log, "blockNumber": hex(10**9)}, *found[i + 1 :]],
        [*found[:i], {**log, "address": "0x" + "77" * 20}, *found[i + 1 :]],
        [*found[:i], {**log, "topics": []}, *found[i + 1 :]],
        [*found[:i], {**log, "data": "0x123"}, *found[i + 1 :]],
        [*found[:i], {**log, "data": None}, *found[i + 1 :]],
        [*found[:i], {**log, "blockHash": "0x" + "12" * 32}, *found[i + 1 :]] if len(found) > 1 else [7],
        [*found, log],
        [*reversed(found)] if len(found) > 1 else [None],
        [*found, {}],
        [*found, 7],
    ]
    return {"result": rng.choice(spoilt)}


def _hostile(rng: random.Random, honest: Item, _: list[Any]) -> Item:
    found = honest.get("result")
    if not isinstance(found, str) or len(found) < 200 or not found.startswith("0x"):
        return honest
    raw = bytearray.fromhex(found[2:])
    if int.from_bytes(raw[:_WORD]) == _WORD:
        _spoil_results(rng, raw)
    else:
        _spoil_cells(rng, raw)
    return {"result": "0x" + raw.hex()}


def _put(raw: bytearray, at: int, value: int) -> None:
    raw[at : at + _WORD] = value.to_bytes(_WORD)


def _spoil_results(rng: random.Random, raw: bytearray) -> None:
    """Of what aggregate3 answers: a length, an array's count, an offset, a flag."""
    count = int.from_bytes(raw[_WORD : 2 * _WORD])
    places = [2 * _WORD + _WORD * i for i in range(count)]
    place = rng.choice(places)
    start = 2 * _WORD + int.from_bytes(raw[place : place + _WORD])
    size = int.from_bytes(raw[start + 2 * _WORD : start + 3 * _WORD])
    match rng.randrange(8):
        case 0:
            _put(raw, 0, rng.choice((0, 2**255, 64)))
        case 1:
            _put(raw, _WORD, rng.choice((0, 2**255, count + 1, count - 1, 2**64, 2**251)))
        case 2:
            _put(raw, place, rng.choice((0, 2**255, 2**64 - 32, len(raw), 2**251, start)))
        case 3 if count > 1:
            _put(raw, places[0], int.from_bytes(raw[places[1] : places[1] + _WORD]))
        case 4:
            _put(raw, start, rng.choice((2, 2**255)))
        case 5:
            _put(raw, start + _WORD, rng.choice((0, 2**255, 96)))
        case 6:
            odd = (2**255, 2**64, size + _WORD, max(0, size - _WORD) if size else 2**30)
            _put(raw, start + 2 * _WORD, rng.choice(odd))
        case _:
            del raw[rng.randrange(_WORD, len(raw) - _WORD) :]


def _spoil_cells(rng: random.Random, raw: bytearray) -> None:
    """Of what the reader contract answers: its tag, a status, its length."""
    match rng.randrange(4):
        case 0:
            raw[rng.randrange(_WORD)] ^= 1 << rng.randrange(8)
        case 1:
            raw[_WORD] = rng.choice((5, 255))
        case 2:
            del raw[rng.randrange(_WORD, len(raw)) :]
        case _:
            raw += rng.randbytes(rng.randint(1, 64))


REPLY: dict[str, ReplyFault] = {
    "a refusal": _refused,
    "an odd error": _odd_error,
    "an odd type": _odd_type,
    "an odd header": _odd_header,
    "another header": _other_header,
    "an odd log": _odd_log,
    "hostile data": _hostile,
    "neither": lambda *_: {},
}


def _swapped_ids(rng: random.Random, items: list[Item]) -> list[Item]:
    others: list[Callable[[int], Any]] = [lambda i: i + 100, str, lambda _: None, lambda i: [i]]
    odd = rng.choice(others)
    return [{**item, "id": odd(item["id"])} for item in items]


def _doubled(rng: random.Random, items: list[Item]) -> list[Item]:
    twice = rng.choice(items)
    other = {"jsonrpc": "2.0", "id": twice["id"], "result": rng.choice(items).get("result")}
    return rng.choice(([*items, other], [other, *items]))


BATCH: dict[str, BatchFault] = {
    "reordered": lambda rng, items: rng.sample(items, len(items)),
    "one missing": lambda rng, items: rng.sample(items, len(items) - 1),
    "other ids": _swapped_ids,
    "one doubled": _doubled,
    "an item of another kind": lambda rng, items: [*items[1:], rng.choice([None, 7, [], "x"])],  # type: ignore[list-item]
}

KINDS = (*WIRE, *REPLY, *BATCH)
HARMLESS = ("delayed", "reordered")
"""What a client must not even notice."""
