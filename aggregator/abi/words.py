"""The fixed-layout codec: values whose types all take a known number of 32-byte words.

A compiled decoder is a tuple of word readers and one builder, so that a hot signature costs one slice and
one conversion a word. Bytes that a conforming contract never sends (a boolean of 2, an address with high
bits, an integer outside its type) are refused rather than cut to size.
"""

from __future__ import annotations

from binascii import a2b_hex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from operator import call
from struct import Struct
from typing import Any, TypeAlias

from aggregator.abi.types import AbiType

Reader: TypeAlias = Callable[[bytes], Any]
Writer: TypeAlias = Callable[[Any], bytes]


class WordError(ValueError):
    """A word that its type does not allow, or a value that does not fit its type."""


def reader(leaf: str) -> Reader:
    """Decodes one word of a leaf type."""
    if leaf == "uint256":
        return _read_uint256
    if leaf == "address":
        return _read_address
    if leaf == "bool":
        return _read_bool
    if leaf.startswith("uint"):
        return _bounded_uint(int(leaf[4:]))
    if leaf.startswith("int"):
        return _bounded_int(int(leaf[3:]))
    return _fixed_bytes(int(leaf[5:]))


_HIGH = bytes(12)
_BOOLEANS = {bytes(32): False, bytes(31) + b"\1": True}


_read_uint256: Callable[[bytes], int] = int.from_bytes


def _read_address(word: bytes) -> str:
    if word[:12] != _HIGH:
        raise WordError("an address has bits above 160")
    return "0x" + word[12:].hex()


def _read_bool(word: bytes) -> bool:
    value = _BOOLEANS.get(word)
    if value is None:
        raise WordError(f"a boolean is {int.from_bytes(word)}")
    return value


def _bounded_uint(bits: int) -> Reader:
    end = 1 << bits

    def read(word: bytes) -> int:
        value = _read_uint256(word)
        if value >= end:
            raise WordError(f"{value} does not fit uint{bits}")
        return value

    return read


def _bounded_int(bits: int) -> Reader:
    end, modulus = 1 << (bits - 1), 1 << 256
    start = modulus - end

    def read(word: bytes) -> int:
        value = _read_uint256(word)
        if value < end:
            return value
        if value < start:
            raise WordError(f"{int.from_bytes(word, signed=True)} does not fit int{bits}")
        return value - modulus

    return read


def _fixed_bytes(size: int) -> Reader:
    def read(word: bytes) -> bytes:
        if any(word[size:]):
            raise WordError(f"bytes{size} has data beyond its size")
        return word[:size]

    return read


def writer(leaf: str) -> Writer:
    """Encodes one value of a leaf type as a word."""
    if leaf == "address":
        return _write_address
    if leaf == "bool":
        return _write_bool
    if leaf.startswith("bytes"):
        size = int(leaf[5:])
        return lambda value: _padded(value, size)
    signed = leaf.startswith("int")
    bits = int(leaf.lstrip("uint"))
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)

    def write(value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value < high:
            raise WordError(f"{value!r} does not fit {leaf}")
        return value.to_bytes(32, signed=signed)

    return write


def _write_address(value: Any) -> bytes:
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        with suppress(ValueError):  # told below
            return _HIGH + a2b_hex(value[2:])
    raise WordError(f"{value!r} is no address")


def address_bytes(values: Sequence[Any]) -> bytes:
    """Addresses as 20 bytes each, one after another; raises WordError where a value is none."""
    count = len(values)
    try:
        joined = "".join(values)
    except TypeError:
        joined = ""
    # A slice with a step looks at the same place of every address.
    prefixed = joined[::42] == "0" * count and joined[1::42] == "x" * count
    if not prefixed or len(joined) != 42 * count or (count and set(map(len, values)) != {42}):
        wrong = next((v for v in values if not (isinstance(v, str) and len(v) == 42 and v[:2] == "0x")), None)
        raise WordError(f"{wrong!r} is no address")
    try:
        digits = bytearray(joined, "ascii")
        del digits[::42], digits[::41]  # every 0, then every x, which now is the first of 41
        return a2b_hex(digits)
    except ValueError as error:
        raise WordError(f"an address is not hex: {error}") from None


def _write_bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise WordError(f"{value!r} is no boolean")
    return bytes(31) + bytes([value])


def _padded(value: Any, size: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise WordError(f"{value!r} is not bytes{size}")
    return value + bytes(32 - size)


def builder(abi_type: AbiType) -> Callable[[Iterator[Any]], Any]:
    """Assembles a value of a fixed layout from its decoded words."""
    if abi_type.dims:
        inner, count = builder(abi_type.element), abi_type.dims[-1] or 0
        return lambda values: tuple(inner(values) for _ in range(count))
    if abi_type.base == "tuple":
        parts, struct = [builder(t) for _, t in abi_type.components], abi_type.struct
        return lambda values: struct(*[part(values) for part in parts])
    return next


def flatten(abi_type: AbiType, value: Any) -> Iterator[Any]:
    """The leaf values of a fixed layout, in the order of its words; raises WordError on a wrong shape."""
    if abi_type.dims:
        for item in _items(abi_type, value, abi_type.dims[-1] or 0):
            yield from flatten(abi_type.element, item)
    elif abi_type.base == "tuple":
        items = _items(abi_type, value, len(abi_type.components))
        for (_, component), item in zip(abi_type.components, items, strict=True):
            yield from flatten(component, item)
    else:
        yield value


def _items(abi_type: AbiType, value: Any, count: int) -> Sequence[Any]:
    if not isinstance(value, (tuple, list)):
        raise WordError(f"{abi_type.canonical} needs a tuple or a list, not {value!r}")
    if len(value) != count:
        raise WordError(f"{abi_type.canonical} needs {count} values, not {len(value)}")
    return value


def compile_decoder(abi_type: AbiType) -> Callable[[bytes], Sequence[Any]]:
    """A decoder of a fixed tuple layout: the whole reply, no byte more or less, else WordError.

    It gives a plain tuple where the layout is flat.
    """
    kinds = abi_type.leaves
    size = 32 * len(kinds)
    readers = [reader(kind) for kind in kinds]
    split = Struct("32s" * len(kinds)).unpack
    build = None if is_flat(abi_type) else builder(abi_type)
    plain = set(kinds) == {"uint256"}

    def decode(raw: bytes) -> Sequence[Any]:
        if len(raw) != size:
            raise _missized(raw, abi_type, size)
        values = tuple(map(_read_uint256, split(raw)) if plain else map(call, readers, split(raw)))
        return values if build is None else build(iter(values))

    return decode


def compile_single(abi_type: AbiType) -> Callable[[bytes], Any]:
    """As compile_decoder for a tuple of one word, whose value it gives without the tuple."""
    [kind] = abi_type.leaves
    read = reader(kind)
    build = builder(abi_type) if kind != abi_type.components[0][1].canonical else None

    def decode(raw: bytes) -> Any:
        if len(raw) != 32:
            raise _missized(raw, abi_type, 32)
        value = read(raw)
        return value if build is None else build(iter([value]))[0]

    return decode


def _missized(raw: bytes, abi_type: AbiType, size: int) -> WordError:
    return WordError(f"{len(raw)} bytes where {abi_type.canonical} takes {size}")


def compile_encoder(abi_type: AbiType) -> Callable[[Sequence[Any]], bytes]:
    """An encoder of a fixed tuple layout; raises WordError where a value does not fit."""
    writers = [writer(kind) for kind in abi_type.leaves]
    flat = is_flat(abi_type)

    def encode(values: Sequence[Any]) -> bytes:
        words = _items(abi_type, values, len(writers)) if flat else list(flatten(abi_type, values))
        return b"".join(map(call, writers, words))

    return encode


def is_flat(abi_type: AbiType) -> bool:
    """Whether each component of a tuple type is one leaf."""
    return all(not t.dims and t.base != "tuple" for _, t in abi_type.components)
