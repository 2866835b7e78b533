"""Encoding and decoding by a contract's ABI.

Structs come out as dicts by field name, and go in as dicts or tuples; arrays are lists, addresses
checksummed text, bytes `bytes`. Functions are named `name`, or `name(type,...)` where two share a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.devnet.errors import DevnetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eth_typing import ABIComponent, ABIElement, ABIEvent, ABIFunction

# What a call returns is known only from an ABI that is read at run time.
AbiValue = Any

checksummed = lru_cache(maxsize=10_000)(to_checksum_address)


@lru_cache(maxsize=10_000)
def _hash(text: str) -> bytes:
    """Of a signature; a test asks for the same few thousands of times."""
    return keccak(text=text)


def type_name(component: ABIComponent) -> str:
    """Canonical type, structs spelled as tuples: `(address,uint256)[]`."""
    kind = component["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_name(part) for part in component['components'])}){kind[5:]}"


def signature(item: ABIElement) -> str:
    """Canonical signature of a function, event or error: `transfer(address,uint256)`."""
    if item["type"] in {"fallback", "receive", "constructor"}:
        raise DevnetError(f"a {item['type']} has no signature")
    named = cast("ABIFunction", item)
    return f"{named['name']}({','.join(type_name(part) for part in named.get('inputs', []))})"


def selector(item: ABIElement) -> bytes:
    """First 4 bytes of calldata of a function, or of the data of a custom error."""
    return _hash(signature(item))[:4]


class Abi:
    """An ABI, indexed."""

    def __init__(self, items: Sequence[ABIElement]) -> None:
        self.items = items
        self._functions: dict[str, list[ABIFunction]] = {}
        self._events: dict[str, ABIEvent] = {}
        self.errors: dict[bytes, ABIElement] = {}
        self._constructor: Sequence[ABIComponent] = ()
        for item in items:
            if item["type"] == "function":
                self._functions.setdefault(item["name"], []).append(item)
                self._functions.setdefault(signature(item), []).append(item)
            elif item["type"] == "event":
                self._events[item["name"]] = item
            elif item["type"] == "constructor":
                self._constructor = cast("ABIFunction", item).get("inputs", ())
            elif item["type"] == "error":
                self.errors[selector(item)] = item

    def function(self, name: str, arguments: int) -> ABIFunction:
        """The function of that name or signature with so many arguments.

        Raises `DevnetError` if there is none or more than one.
        """
        found = [item for item in self._functions.get(name, []) if len(item.get("inputs", [])) == arguments]
        if len(found) != 1:
            raise DevnetError(f"{len(found)} functions are called {name} with {arguments} arguments")
        return found[0]

    def encode_call(self, name: str, arguments: Sequence[AbiValue]) -> bytes:
        """Calldata of a function."""
        item = self.function(name, len(arguments))
        return selector(item) + _encode(item.get("inputs", ()), arguments)

    def encode_constructor(self, arguments: Sequence[AbiValue]) -> bytes:
        """What follows the creation code."""
        if len(arguments) != len(self._constructor):
            raise DevnetError(
                f"the constructor takes {len(self._constructor)} arguments, got {len(arguments)}"
            )
        return _encode(self._constructor, arguments)

    def decode_result(self, name: str, arguments: int, data: bytes) -> AbiValue:
        """What a function returned: a value, a tuple of several, None for nothing.

        Raises `DevnetError` if the data is no such result, as when there is no contract.
        """
        outputs = self.function(name, arguments).get("outputs", ())
        values = _decode(name, outputs, data)
        if not outputs:
            return None
        return values[0] if len(values) == 1 else tuple(values)

    def event(self, name: str) -> ABIEvent:
        """The event of that name. Raises `DevnetError` if there is none."""
        if name not in self._events:
            raise DevnetError(f"there is no event {name}")
        return self._events[name]

    def decode_event(self, name: str, topics: Sequence[bytes], data: bytes) -> dict[str, AbiValue] | None:
        """Fields of an event by name, None if the log is of another event.

        An indexed field of dynamic type comes out as its hash.
        """
        item = self.event(name)
        if not topics or topics[0] != _hash(signature(item)):
            return None
        indexed = [part for part in item["inputs"] if part["indexed"]]
        plain = [part for part in item["inputs"] if not part["indexed"]]
        fields = dict(zip((part["name"] for part in plain), _decode(name, plain, data), strict=True))
        for part, topic in zip(indexed, topics[1:], strict=True):
            fixed = part["type"] not in {"string", "bytes"} and not part["type"].endswith("]")
            fields[part["name"]] = _decode(name, [part], topic)[0] if fixed else topic
        return fields


def _encode(components: Iterable[ABIComponent], values: Sequence[AbiValue]) -> bytes:
    parts = list(components)
    ordered = [_ordered(part, value) for part, value in zip(parts, values, strict=True)]
    return encode([type_name(part) for part in parts], ordered)


def _decode(what: str, components: Sequence[ABIComponent], data: bytes) -> list[AbiValue]:
    try:
        values = decode([type_name(part) for part in components], data)
    except DecodingError as error:
        raise DevnetError(f"{what} answered {len(data)} bytes that are no such result: {error}") from error
    return [_named(part, value) for part, value in zip(components, values, strict=True)]


def _element(component: ABIComponent) -> ABIComponent:
    """The component of an array's elements."""
    kind = component["type"]
    return {**component, "type": kind[: kind.rindex("[")]}


def _ordered(component: ABIComponent, value: AbiValue) -> AbiValue:
    """The value with every dict turned into a tuple in the order of the struct."""
    kind = component["type"]
    if not kind.startswith("tuple"):
        return value
    if kind.endswith("]"):
        element = _element(component)
        return [_ordered(element, one) for one in value]
    parts = component["components"]
    fields = [value[part["name"]] for part in parts] if isinstance(value, Mapping) else list(value)
    return tuple(_ordered(part, field) for part, field in zip(parts, fields, strict=True))


def _named(component: ABIComponent, value: AbiValue) -> AbiValue:
    kind = component["type"]
    if kind.endswith("]"):
        element = _element(component)
        return [_named(element, one) for one in value]
    if kind == "tuple":
        parts = component["components"]
        return {part["name"]: _named(part, field) for part, field in zip(parts, value, strict=True)}
    return checksummed(value) if kind == "address" else value


class Errors:
    """Turns revert data into words; knows the custom errors that it was shown."""

    def __init__(self) -> None:
        self._known: dict[bytes, ABIElement] = {}

    def learn(self, abi: Abi) -> None:
        """Add the custom errors of an ABI."""
        self._known.update(abi.errors)

    def reason(self, data: bytes) -> str:
        """The reason in revert data, "" if there is none."""
        if not data:
            return ""
        head, tail = data[:4], data[4:]
        try:
            if head == _hash("Error(string)")[:4]:
                return str(decode(["string"], tail)[0])
            if head == _hash("Panic(uint256)")[:4]:
                return f"Panic({decode(['uint256'], tail)[0]:#x})"
            if head in self._known:
                item = cast("ABIFunction", self._known[head])
                values = _decode(item["name"], item.get("inputs", ()), tail)
                return f"{item['name']}({', '.join(map(str, values))})"
        except (DecodingError, DevnetError):
            return "0x" + data.hex()
        return "0x" + data.hex()
