"""Mutated replies, logs and files through all that decodes: `python -m tests.abi.fuzz --inputs 1000000`.

What decodes must be exactly what its bytes say (encoding it gives them back), and what does not must raise
the documented errors alone, at once. Equal seeds give equal inputs.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from eth_abi.abi import decode as reference
from eth_abi.abi import encode

from aggregator.abi.columns import Column
from aggregator.abi.events import Event
from aggregator.abi.function import Call, Function
from aggregator.abi.logs import Log, Logs, pack
from aggregator.abi.types import AbiType
from aggregator.model.errors import ReadError, RecordingError
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading import multicall, queued_calls
from aggregator.reading.answers import Answers
from aggregator.reading.cache import Stretch
from aggregator.reading.grids import plan
from aggregator.reading.reader_contract import TAG
from aggregator.reading.recording import Recording, Tape
from aggregator.reading.sqlite_cache import SqliteCache
from aggregator.reading.tapes import Replay
from tests.memory import peak_kib

SLOWEST_S = 1.0
MOST_GROWTH_KB = 300_000
_EVERY_CACHE = 400
"""A database costs as much as hundreds of replies: only so many inputs are of the cache."""
_TARGET = Address("0x" + "11" * 20)
_BLOCK = Block(ChainId(1), 17, "0x" + "ab" * 32, "0x" + "cd" * 32, 1_700_000_000)
_SIGNATURES = (
    "f()(uint256)",
    "f()(address,bool,int24,bytes4)",
    "f()(uint80,int256,uint256,uint256,uint80)",
    "f()((address,(uint8,bytes4)[2]))",
    "f()(string)",
    "f()(bytes,uint256)",
    "f()(address[])",
    "f()((address,string)[])",
    "f()((uint256,uint256,uint40,string,bool)[],uint256)",
    "f()(uint256[][])",
    "f()(string[2],bytes[][])",
    "f()((uint256,(bytes,int16[])[])[])",
)
_ODD = (0, 1, 2, 31, 32, 33, 64, 96, 2**31, 2**63, 2**64, 2**128, 2**251, 2**255, 2**256 - 32, 2**256 - 1)
_FIXED: Function[Any] = Function("f(address,uint256)(uint128,bool,address,int64)")
_EVENT: Event[Any] = Event("E(address indexed,uint256,string,int8[])")


class WrongError(Exception):
    """A decoder believed bytes that say something else."""


def value(rng: random.Random, kind: AbiType) -> Any:
    """A value of a type as it is decoded."""
    if kind.dims:
        size = kind.dims[-1]
        return tuple(value(rng, kind.element) for _ in range(rng.randint(0, 3) if size is None else size))
    if kind.base == "tuple":
        return tuple(value(rng, part) for _, part in kind.components)
    if kind.base == "address":
        return "0x" + rng.randbytes(20).hex()
    if kind.base == "bool":
        return rng.random() < 0.5
    if kind.base == "string":
        return "".join(rng.choice("aé€𝄞 \x00") for _ in range(rng.randint(0, 40)))
    if kind.base == "bytes":
        return rng.randbytes(rng.randint(0, 70))
    if kind.base.startswith("bytes"):
        return rng.randbytes(int(kind.base[5:]))
    bits = int(kind.base.lstrip("uint"))
    low = -(1 << bits - 1) if kind.base.startswith("int") else 0
    return rng.choice((low, low + (1 << bits) - 1, rng.randrange(low, low + (1 << bits)), max(low, 0)))


def mutated(rng: random.Random, raw: bytes) -> bytes:
    """Nothing to five changes: bits, words, cuts, and pieces that move."""
    made = bytearray(raw)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 5))):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(7):
            case 0 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 1:
                at -= at % 32
                made[at : at + 32] = rng.choice(_ODD).to_bytes(32)
            case 2:
                at -= at % 32
                made[at : at + 32] = (rng.randrange(len(made) + 64) // 32 * 32).to_bytes(32)
            case 3:
                del made[at:]
            case 4:
                del made[at : at + rng.choice((1, 32, 64))]
            case 5:
                made[at:at] = made[: rng.choice((1, 32, 64))]
            case _:
                made += rng.randbytes(rng.choice((1, 31, 32)))
    return bytes(made)


def _encoded(kind: AbiType, values: Sequence[Any]) -> bytes:
    return bytes(encode([part.canonical for _, part in kind.components], values))


def function(rng: random.Random) -> None:
    """A reply of any layout."""
    codec: Function[Any] = Function(rng.choice(_SIGNATURES))
    raw = mutated(rng, _encoded(codec.outputs, value(rng, codec.outputs)))
    found = codec.decode(raw, "fuzz")
    values = (found,) if len(codec.outputs.components) == 1 else found
    names = [part.canonical for _, part in codec.outputs.components]
    if _encoded(codec.outputs, values) != raw or reference(names, raw) != values:
        raise WrongError(f"{codec.signature} decoded {raw.hex()} as {found!r}")


def event(rng: random.Random) -> None:
    """The data and topics of a log."""
    kind = Function[Any]("f()(uint256,string,int8[])").outputs
    values = value(rng, kind)
    data, who = mutated(rng, _encoded(kind, values)), mutated(rng, bytes(12) + rng.randbytes(20))
    log = Log(_TARGET, (_EVENT.topic, who), data, 1, _BLOCK.hash, _BLOCK.hash, 0)
    found = _EVENT.decode(log)
    if _encoded(kind, found[1:]) != data or bytes(12) + bytes.fromhex(found[0][2:]) != who:
        raise WrongError(f"an event decoded {data.hex()} as {found!r}")


def column(rng: random.Random) -> None:
    """The words of many fixed replies, against one after another."""
    kind, count = _FIXED.outputs, rng.choice((1, 3, 30))
    raw = b"".join(_encoded(kind, value(rng, kind)) for _ in range(count))
    spoilt = bytearray(raw)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(raw)) // 32 * 32
        spoilt[at : at + 32] = rng.choice(_ODD).to_bytes(32)
    found = Column("fuzz", kind, bytes(spoilt), {})
    single = [spoilt[at : at + 128] for at in range(0, len(spoilt), 128)]
    for word in range(4):
        values = found.values(word)
        for one, row in zip(values, single, strict=True):
            one_word = AbiType("tuple", (kind.components[word],))
            if _encoded(one_word, [one]) != row[32 * word : 32 * word + 32]:
                raise WrongError(f"word {word} of {bytes(row).hex()} is {one!r}")


def aggregate(rng: random.Random) -> None:
    """A reply of aggregate3 to single calls and slices of columns."""
    calls = _FIXED.each(_TARGET, [_TARGET] * 6, list(range(6)))
    text: Function[str] = Function("f()(string)")
    batch: queued_calls.Batch = [
        (0, queued_calls.Slice(calls, 1, 4)),
        (1, text.at(_TARGET)),
        (2, queued_calls.Slice(calls, 0, 2)),
    ]
    data = (bytes(128), rng.randbytes(128), b"", rng.randbytes(rng.randint(0, 70)))
    results = [(rng.random() < 0.8, rng.choice(data)) for _ in range(6)]
    raw = mutated(rng, encode(["(bool,bytes)[]"], [results]))
    found = multicall.unpack(batch, raw)
    wanted = dict(_successes(raw))
    first, second = found[0], found[2]
    assert isinstance(first, Column)
    assert isinstance(second, Column)
    rows = [*_rows(first), found[1] if isinstance(found[1], bytes) else None, *_rows(second)]
    for i, row in enumerate(rows):
        if row is not None and row != wanted.get(i):
            raise WrongError(f"result {i} of {raw.hex()} is {row.hex()}")


def _successes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and data of the results, one behind the other; bytes between data and word are anything."""
    count = int.from_bytes(raw[32:64])
    at = 64 + 32 * count
    for i in range(count):
        size = int.from_bytes(raw[at + 64 : at + 96])
        if raw[at + 31]:
            yield i, raw[at + 96 : at + 96 + size]
        at += 96 + (size + 31) // 32 * 32


def _rows(found: Column) -> list[bytes | None]:
    rows = [found.raw[at : at + 128] for at in range(0, len(found.raw), 128)]
    return [None if i in found.failures else row for i, row in enumerate(rows)]


def reader(rng: random.Random) -> None:
    """A reply of the reader contract."""
    requests = [_FIXED.each([_TARGET] * 5, [_TARGET] * 5, list(range(5)))]
    for job in plan(requests, 3):
        answers = Answers(requests)
        status = bytes(rng.randrange(5) for _ in range(job.size))
        honest = TAG + status + rng.randbytes(job.reply_bytes - len(TAG) - job.size)
        answers.take(job, mutated(rng, honest))
        answers.missing(0)
        if len(answers.column(0)) != len(requests[0]):
            raise WrongError("a column of another length")


def logs(rng: random.Random) -> None:
    """Logs as they are kept."""
    request = Logs((_TARGET,), ((b"\x01" * 32,),), 10, 20)
    numbers = sorted(rng.choices(range(10, 21), k=rng.randint(0, 4)))
    honest = []
    for i, n in enumerate(numbers):
        topics, data = (b"\x01" * 32, rng.randbytes(32)), rng.randbytes(rng.randint(0, 40))
        honest.append(Log(_TARGET, topics, data, n, f"0x{n:064x}", _BLOCK.hash, i))
    raw = mutated(rng, pack(honest))
    found = request.decode(raw)
    if pack(found) != raw:
        raise WrongError(f"logs decoded {raw.hex()} as {found!r}")


_CALL: Call[int] = Function[int]("f()(uint256)").at(_TARGET)
_DOCUMENT: dict[str, Any] = {
    "format": "crossmargin-recording",
    "version": 2,
    "origin": "local node",
    "request": {"wallets": [_TARGET], "block": "latest"},
    "configuration": {"deployments": {}, "tokens": []},
    "chains": {
        "1": {
            "pins": {
                "latest": {
                    "chain": 1,
                    "number": 17,
                    "hash": _BLOCK.hash,
                    "parent_hash": _BLOCK.parent_hash,
                    "timestamp": 1_700_000_000,
                },
                "safe": {"error": "BlockUnavailable", "args": ["one", "pruned"]},
            },
            "calls": {f"{_BLOCK.hash}:{_TARGET}:{_CALL.data.hex()}": "0x" + "00" * 31 + "07"},
            "logs": {},
        }
    },
}
_ODD_JSON = (
    "null",
    "true",
    "0",
    "-1",
    "1e99",
    "1.5",
    '""',
    '"0x"',
    '"0xzz"',
    "[]",
    "{}",
    '{"error": 7}',
    str(2**63),
)
_ERRORS = ("CallReverted", "AdapterFault", "WrongChain", "Reorganised", "ReadError", "Exception", "keccak")


def recording(rng: random.Random) -> None:
    """The file of a recording, in its bytes or in its document, and what it replays."""
    document = orjson.loads(orjson.dumps(_DOCUMENT))
    for _ in range(rng.randrange(3)):
        _spoil(rng, document)
    packed = gzip.compress(orjson.dumps(document), compresslevel=1, mtime=0)
    if rng.random() < 0.5:
        packed = mutated(rng, packed)
    found = Recording.parse(packed, "fuzz")
    for chain, tape in found.tapes.items():
        replayed(chain, tape)


def replayed(chain: ChainId, tape: Tape) -> None:
    """What a replay makes of a tape: it waits for nothing, so that no loop is needed."""
    replay = Replay(chain, tape)
    for text in tape.pins:
        with suppress(ReadError):
            _now(replay.pin(text))
    [reply, _] = _now(replay.fetch(_BLOCK, [_CALL, Logs((_TARGET,))]))
    if isinstance(reply, bytes):
        with suppress(ReadError):
            _CALL.decode(reply)


def _now(work: Any) -> Any:
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise WrongError("a replay waits for something")


def _spoil(rng: random.Random, document: Any) -> None:
    at: Any = document
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
            at = at[key]
            continue
        if isinstance(at, dict) and rng.random() < 0.3:
            del at[key]
        elif key == "error":
            at[key] = rng.choice(_ERRORS)
        else:
            at[key] = orjson.loads(rng.choice(_ODD_JSON))
        return


class CacheFile:
    """A cache with known rows, whose file is spoilt anew for every input."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "reading.sqlite"
        with SqliteCache(self._path) as cache:
            cache.put(_BLOCK)
            cache.keep_logs(ChainId(1), b"f" * 16, [Stretch(1, 9, _BLOCK.hash, b"logs" * 20)])
            cache.predict(_BLOCK, {bytes([i]) * 16: bytes([i]) * 100 for i in range(20)})
        self._honest = self._path.read_bytes()

    def __call__(self, rng: random.Random) -> None:
        """Nothing is ever raised, and a row is the one that was kept or none."""
        for path in self._path.parent.iterdir():
            path.unlink()
        spoilt = bytearray(self._honest)
        for _ in range(rng.randint(1, 30)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        self._path.write_bytes(mutated(rng, bytes(spoilt)) if rng.random() < 0.3 else spoilt)
        with SqliteCache(self._path) as cache:
            if cache.get(ChainId(1), 17) not in (None, _BLOCK):
                raise WrongError("a header that was never kept")
            kept = [Stretch(1, 9, _BLOCK.hash, b"logs" * 20)]
            if cache.stretches(ChainId(1), b"f" * 16, 0, 20) not in ([], kept):
                raise WrongError("logs that were never kept")
            for i in range(20):
                if cache.prediction(ChainId(1), bytes([i]) * 16) not in (None, bytes([i]) * 100):
                    raise WrongError("a reply that was never kept")
            cache.predict(_BLOCK, {b"n" * 16: b"new"})


TARGETS: tuple[Callable[[random.Random], None], ...] = (
    function,
    function,
    event,
    column,
    aggregate,
    reader,
    logs,
    recording,
)


@dataclass(frozen=True)
class Outcome:
    """How many inputs decoded, and the findings."""

    decoded: int
    findings: list[str]


def fuzz(inputs: int, seed: int, folder: Path) -> Outcome:
    """That many inputs; findings name the seed of their input."""
    cache, decoded, findings = CacheFile(folder), 0, list[str]()
    before = peak_kib()
    for i in range(inputs):
        rng = random.Random(f"{seed} {i}")
        target = cache if i % _EVERY_CACHE == _EVERY_CACHE - 1 else TARGETS[i % len(TARGETS)]
        started = time.process_time()
        try:
            target(rng)
            decoded += 1
        except (ReadError, RecordingError):
            pass  # what is documented
        except Exception:  # noqa: BLE001  # anything else is a finding
            findings.append(f"input {seed} {i}: {traceback.format_exc()}")
        if time.process_time() - started > SLOWEST_S:
            findings.append(f"input {seed} {i}: took longer than {SLOWEST_S} s")
    grown = peak_kib() - before
    if grown > MOST_GROWTH_KB:
        findings.append(f"memory grew by {grown} kB")
    return Outcome(decoded, findings)


def main() -> int:
    """Prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        found = fuzz(given.inputs, given.seed, Path(folder))
    for text in found.findings[:20]:
        print(text)
    took_s = time.monotonic() - started
    print(f"{given.inputs} inputs in {took_s:.0f} s: {found.decoded} decoded, {len(found.findings)} findings")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
