"""Events: which logs of a contract to ask for, and what their topics and data say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from aggregator.abi.function import outputs_decoder
from aggregator.abi.logs import Log, Logs, Topic
from aggregator.abi.types import AbiType, parse_event
from aggregator.abi.words import WordError, reader, writer
from aggregator.model.errors import MalformedReply
from aggregator.model.units import Address, keccak

T = TypeVar("T")


class Event(Generic[T]):
    """An event such as `Event("Transfer(address indexed sender,address indexed to,uint256 value)")`.

    Decodes to a namedtuple where every argument has a name, else to a tuple, or to what `into` makes of the
    arguments. An indexed argument that is no single word (text, array, struct) is its hash: 32 bytes.
    """

    def __init__(self, signature: str, *, into: Callable[..., T] | None = None) -> None:
        self.signature = signature
        self.into = into

    def __repr__(self) -> str:
        return f"Event({self.signature!r})"

    @cached_property
    def _parsed(self) -> tuple[str, AbiType, tuple[bool, ...]]:
        return parse_event(self.signature)

    @cached_property
    def canonical(self) -> str:
        """Name and types, as the first topic is computed from: `Transfer(address,address,uint256)`."""
        name, arguments, _ = self._parsed
        return name + arguments.canonical

    @cached_property
    def topic(self) -> bytes:
        """The hash that is its logs' first topic."""
        return keccak(self.canonical.encode())

    @cached_property
    def _indexed(self) -> list[AbiType]:
        _, arguments, flags = self._parsed
        return [kind for (_, kind), flag in zip(arguments.components, flags, strict=True) if flag]

    @cached_property
    def _readers(self) -> list[Callable[[bytes], Any]]:
        return [reader(kind.base) if _is_word(kind) else bytes for kind in self._indexed]

    @cached_property
    def _data(self) -> Callable[[bytes], Sequence[Any]]:
        _, arguments, flags = self._parsed
        rest = tuple(part for part, flag in zip(arguments.components, flags, strict=True) if not flag)
        return outputs_decoder(AbiType("tuple", rest))

    def logs(
        self,
        addresses: Address | Iterable[Address],
        *indexed: Any,
        from_block: int = 0,
        to_block: int | None = None,
    ) -> Logs:
        """The request for this event's logs of one contract or several, none meaning all.

        Each of `indexed` is what that indexed argument must be: a value, a list or tuple of which any will
        do, or None for anything. Raises WordError (a ValueError) where a value does not fit.
        """
        if len(indexed) > len(self._indexed):
            raise WordError(f"{self.canonical} has {len(self._indexed)} indexed arguments")
        topics: list[Topic] = [(self.topic,)]
        topics += [
            None if wanted is None else tuple(_word(kind, value) for value in _any_of(wanted))
            for kind, wanted in zip(self._indexed, indexed, strict=False)
        ]
        while topics[-1] is None:
            topics.pop()
        contracts = (addresses,) if isinstance(addresses, str) else tuple(addresses)
        return Logs(contracts, tuple(topics), from_block, to_block)

    def decode(self, log: Log) -> T:
        """The arguments of a log; raises MalformedReply where it is of another event or layout."""
        if len(log.topics) != len(self._indexed) + 1 or log.topics[0] != self.topic:
            raise MalformedReply(log.origin, f"it is no {self.signature}")
        try:
            words = [read(topic) for read, topic in zip(self._readers, log.topics[1:], strict=True)]
            data = iter(self._data(log.data))
        except WordError as error:
            raise MalformedReply(log.origin, str(error)) from error
        topics = iter(words)
        _, arguments, flags = self._parsed
        values = [next(topics) if flag else next(data) for flag in flags]
        if self.into is not None:
            return self.into(*values)
        return arguments.struct(*values)  # type: ignore[no-any-return]  # what T is without `into`


def _is_word(kind: AbiType) -> bool:
    return not kind.dims and kind.base not in ("tuple", "string", "bytes")


def _word(kind: AbiType, value: Any) -> bytes:
    if _is_word(kind):
        return writer(kind.base)(value)
    if not isinstance(value, bytes) or len(value) != 32:
        raise WordError(f"an indexed {kind.canonical} is filtered by its hash of 32 bytes, not {value!r}")
    return value


def _any_of(wanted: Any) -> Sequence[Any]:
    if not isinstance(wanted, list | tuple):
        return (wanted,)
    if not wanted:
        raise WordError("nothing that an argument may be: give None for anything")
    return wanted
