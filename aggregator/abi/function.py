"""A contract function, compiled once from its signature, and the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from aggregator.abi.columns import Column, columnar
from aggregator.abi.layout import check_canonical
from aggregator.abi.types import AbiType, parse_signature
from aggregator.abi.words import WordError, compile_decoder, compile_encoder, compile_single, is_flat
from aggregator.model.errors import MalformedReply, NoContract
from aggregator.model.units import Address, keccak

T = TypeVar("T")


class Function(Generic[T]):
    """A function such as `Function("balanceOf(address)(uint256)")`.

    Components may carry names: `f()((address asset,uint256 n)[] rows)` decodes to namedtuples. Arrays decode
    to tuples, addresses to lower-case text. `into` builds the reply from the outputs; without it one output
    is the reply itself and several are a tuple.
    """

    def __init__(self, signature: str, *, into: Callable[..., T] | None = None) -> None:
        self.signature = signature
        self.into = into

    def __repr__(self) -> str:
        return f"Function({self.signature!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Function):
            return NotImplemented
        return self.signature == other.signature and self.into == other.into

    def __hash__(self) -> int:
        return hash(self.signature)

    @cached_property
    def _parsed(self) -> tuple[str, AbiType, AbiType]:
        return parse_signature(self.signature)

    @cached_property
    def canonical(self) -> str:
        """Name and input types, as the selector is computed from: `balanceOf(address)`."""
        name, inputs, _ = self._parsed
        return name + inputs.canonical

    @cached_property
    def selector(self) -> bytes:
        """The first four bytes of the hash of the canonical signature."""
        return keccak(self.canonical.encode())[:4]

    @property
    def inputs(self) -> AbiType:
        """The inputs as one tuple type."""
        return self._parsed[1]

    @property
    def outputs(self) -> AbiType:
        """The outputs as one tuple type."""
        return self._parsed[2]

    @cached_property
    def _encode(self) -> Callable[[Sequence[Any]], bytes]:
        if self.inputs.words is not None:
            return compile_encoder(self.inputs)
        from eth_abi.abi import encode  # noqa: PLC0415  # 0.2 s of import that fixed layouts never need
        from eth_abi.exceptions import EncodingError  # noqa: PLC0415

        types = [t.canonical for _, t in self.inputs.components]

        def encode_dynamic(values: Sequence[Any]) -> bytes:
            try:
                return bytes(encode(types, values))
            except (EncodingError, ValueError, TypeError) as error:
                raise WordError(f"{self.canonical}: {error}") from error

        return encode_dynamic

    @cached_property
    def _decode(self) -> Callable[[bytes], Sequence[Any]]:
        return outputs_decoder(self.outputs)

    def at(self, target: Address, *arguments: Any) -> Call[T]:
        """A call of this function; raises WordError (a ValueError) where an argument does not fit."""
        return Call(self, target, self.selector + self._encode(arguments))

    def each(self, targets: Address | Sequence[Address], *arguments: Any) -> Calls:
        """Many calls as one request: each argument, and `targets`, is one value for all or a sequence.

        All inputs and outputs must have a fixed layout; raises WordError otherwise.
        """
        places, rows = columnar(self.inputs, self.outputs, self.selector, targets, arguments)
        return Calls(self, places, rows)

    def decode(self, raw: bytes, origin: str) -> T:
        """The reply; raises NoContract on no data where some is promised, MalformedReply on bad data."""
        if not raw and self.outputs.components:
            raise NoContract(origin)
        try:
            return self.value(raw)
        except WordError as error:
            raise MalformedReply(origin, str(error)) from error

    @cached_property
    def value(self) -> Callable[[bytes], T]:
        """Decodes a reply as `decode` does, but raises WordError on whatever is none."""
        decode: Callable[[bytes], Any] = self._decode
        into = self.into
        if into is not None:
            return lambda raw: into(*decode(raw))
        if len(self.outputs.components) != 1:
            if self.outputs.words is not None and is_flat(self.outputs):
                return decode
            return lambda raw: tuple(decode(raw))  # type: ignore[return-value]
        if self.outputs.words == 1:
            return compile_single(self.outputs)
        return lambda raw: decode(raw)[0]


def outputs_decoder(outputs: AbiType) -> Callable[[bytes], Sequence[Any]]:
    """A decoder of a tuple type of any layout; it raises WordError on bytes that are none."""
    return compile_decoder(outputs) if outputs.words is not None else _dynamic_decoder(outputs)


def _dynamic_decoder(outputs: AbiType) -> Callable[[bytes], Sequence[Any]]:
    from eth_abi.abi import decode  # noqa: PLC0415  # see Function._encode
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    types = [t.canonical for _, t in outputs.components]

    def decode_dynamic(raw: bytes) -> Sequence[Any]:
        check_canonical(outputs, raw)
        try:
            values = decode(types, raw)
        except (DecodingError, UnicodeDecodeError) as error:
            raise WordError(f"{type(error).__name__}: {error}") from error
        return outputs.shape(values)  # type: ignore[no-any-return]

    return decode_dynamic


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call: equal calls are sent once."""

    function: Function[T]
    target: Address
    data: bytes

    @property
    def origin(self) -> str:
        """Where a figure comes from: `balanceOf(address)@0x…`."""
        return f"{self.function.canonical}@{self.target}"

    def decode(self, raw: bytes) -> T:
        """See Function.decode."""
        try:
            return self.function.value(raw)
        except WordError:
            return self.function.decode(raw, self.origin)  # again, for an error that names the origin


@dataclass(frozen=True, slots=True)
class Calls:
    """Many calls of one function as arrays: 20 bytes of `targets` and `width` bytes of `rows` a call."""

    function: Function[Any]
    targets: bytes
    rows: bytes

    def __len__(self) -> int:
        return len(self.targets) // 20

    @property
    def width(self) -> int:
        """Bytes of calldata of one call."""
        return 4 + 32 * (self.function.inputs.words or 0)

    @property
    def reply_width(self) -> int:
        """Bytes of one reply."""
        return 32 * (self.function.outputs.words or 0)

    @property
    def origin(self) -> str:
        """Where the figures come from."""
        return f"{self.function.canonical}@{len(self)} targets"

    def one(self, i: int) -> tuple[Address, bytes]:
        """The target and the calldata of call `i`."""
        target = Address("0x" + self.targets[20 * i : 20 * i + 20].hex())
        return target, self.rows[self.width * i : self.width * (i + 1)]

    def decode(self, raw: bytes) -> Column:
        """The replies, concatenated, as a column in which no call failed."""
        if len(raw) != len(self) * self.reply_width:
            raise MalformedReply(self.origin, f"{len(raw)} bytes for {len(self)} replies")
        return Column(self.origin, self.function.outputs, raw, {})
