"""ABI types, parsed from the text of a signature such as `f(address)((address asset,uint256 n)[] rows)`."""

from __future__ import annotations

import keyword
import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

_LEAF = re.compile(r"(address|bool|string|bytes([1-9]|[12]\d|3[012])?|u?int([1-9]\d{0,2})?)")
_MAX_INDEXED = 3
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|\(|\)|,|\[\d*\])")


class SignatureError(ValueError):
    """A signature text that is not `name(inputs)(outputs)`: a defect of whoever wrote it."""


@dataclass(frozen=True)
class AbiType:
    """A type: a leaf such as `uint256`, or `tuple` with named components, inside zero or more arrays.

    `dims` from the innermost array outwards: None is dynamic, a number fixed.
    """

    base: str
    components: tuple[tuple[str, AbiType], ...] = ()
    dims: tuple[int | None, ...] = ()

    @cached_property
    def canonical(self) -> str:
        """The spelling that the selector and eth_abi use."""
        inner = (
            f"({','.join(t.canonical for _, t in self.components)})" if self.base == "tuple" else self.base
        )
        return inner + "".join(f"[{'' if d is None else d}]" for d in self.dims)

    @cached_property
    def words(self) -> int | None:
        """How many 32-byte words a value takes; None where that depends on the value."""
        if None in self.dims or self.base in ("string", "bytes"):
            return None
        width = 1
        if self.base == "tuple":
            widths = [t.words for _, t in self.components]
            if any(w is None for w in widths):
                return None
            width = sum(w for w in widths if w is not None)
        for dim in self.dims:
            width *= dim or 0
        return width

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The leaf types of a fixed layout, in the order of its words."""
        inner: tuple[str, ...] = (self.base,)
        if self.base == "tuple":
            inner = tuple(leaf for _, component in self.components for leaf in component.leaves)
        for dim in self.dims:
            inner *= dim or 0
        return inner

    @cached_property
    def element(self) -> AbiType:
        """The type of an array's elements."""
        return AbiType(self.base, self.components, self.dims[:-1])

    @cached_property
    def struct(self) -> Callable[..., Any]:
        """Builds a tuple type's value from its components: a namedtuple where they are named."""
        names = [name for name, _ in self.components]
        if not names or not all(names):
            return lambda *values: values
        return namedtuple("Struct", names)

    def shape(self, value: Any) -> Any:
        """A value as eth_abi decodes it, with structs as namedtuples."""
        if self.dims:
            return tuple(self.element.shape(v) for v in value) if self.base == "tuple" else value
        if self.base != "tuple":
            return value
        return self.struct(*(t.shape(v) for (_, t), v in zip(self.components, value, strict=True)))


def parse_signature(text: str) -> tuple[str, AbiType, AbiType]:
    """The name, the inputs and the outputs (both as tuple types). Raises SignatureError."""
    tokens = _tokens(text)
    if len(tokens) < 3 or not tokens[0].isidentifier():
        raise SignatureError(f"{text!r}: write name(inputs)(outputs)")
    inputs, rest = _tuple(tokens[1:], text)
    outputs, rest = _tuple(rest, text)
    if rest:
        raise SignatureError(f"{text!r}: {''.join(rest)!r} is left over")
    return tokens[0], inputs, outputs


def parse_event(text: str) -> tuple[str, AbiType, tuple[bool, ...]]:
    """The name of `E(address indexed sender,uint256 n)`, its arguments as one tuple type, which are indexed.

    Raises SignatureError.
    """
    tokens, depth, number = _tokens(text), 0, 0
    if len(tokens) < 3 or not tokens[0].isidentifier():
        raise SignatureError(f"{text!r}: write Name(type indexed name,type name)")
    plain, indexed = [], set()
    for before, word in pairwise(tokens):
        depth += (word == "(") - (word == ")")
        number += word == "," and depth == 1
        if word != "indexed":
            plain.append(word)
        elif depth == 1 and before not in ("(", ",", "indexed"):
            indexed.add(number)
        else:
            raise SignatureError(f"{text!r}: `indexed` stands after the type of an argument")
    arguments, rest = _tuple(plain, text)
    if rest:
        raise SignatureError(f"{text!r}: {''.join(rest)!r} is left over")
    if len(indexed) > _MAX_INDEXED:
        raise SignatureError(f"{text!r}: at most {_MAX_INDEXED} arguments are indexed")
    return tokens[0], arguments, tuple(i in indexed for i in range(len(arguments.components)))


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise SignatureError(f"{text!r}: unexpected {text[position:]!r}")
        tokens.append(match.group(1))
        position = match.end()
    return tokens


def _tuple(tokens: list[str], text: str) -> tuple[AbiType, list[str]]:
    if not tokens or tokens[0] != "(":
        raise SignatureError(f"{text!r}: expected a parenthesis")
    rest = tokens[1:]
    components: list[tuple[str, AbiType]] = []
    while rest and rest[0] != ")":
        if components:
            if rest[0] != ",":
                raise SignatureError(f"{text!r}: expected a comma before {rest[0]!r}")
            rest = rest[1:]
        component, rest = _typed(rest, text)
        name = ""
        if rest and rest[0].isidentifier():
            name, rest = rest[0], rest[1:]
            _check_name(name, [known for known, _ in components], text)
        components.append((name, component))
    if not rest:
        raise SignatureError(f"{text!r}: a parenthesis is not closed")
    return AbiType("tuple", tuple(components)), rest[1:]


def _check_name(name: str, others: list[str], text: str) -> None:
    # Structs become namedtuples, which refuse these, and would do so at the first reply only.
    if keyword.iskeyword(name) or name.startswith("_") or name in others:
        raise SignatureError(f"{text!r}: {name!r} can't name a field: choose another name or none")


def _typed(tokens: list[str], text: str) -> tuple[AbiType, list[str]]:
    if tokens and tokens[0] == "(":
        inner, rest = _tuple(tokens, text)
        if not inner.components:
            raise SignatureError(f"{text!r}: a struct has no components")
    elif tokens and _LEAF.fullmatch(tokens[0]):
        leaf = {"uint": "uint256", "int": "int256"}.get(tokens[0], tokens[0])
        bits = leaf.lstrip("uint")
        if "int" in leaf and not (0 < int(bits) <= 256 and int(bits) % 8 == 0):
            raise SignatureError(f"{text!r}: {leaf} is no integer type")
        inner, rest = AbiType(leaf), tokens[1:]
    else:
        raise SignatureError(f"{text!r}: {tokens[0] if tokens else 'nothing'!r} is no type")
    dims: list[int | None] = []
    while rest and rest[0].startswith("["):
        if rest[0] != "[]" and int(rest[0][1:-1]) == 0:
            raise SignatureError(f"{text!r}: an array has no items")
        dims.append(int(rest[0][1:-1]) if rest[0] != "[]" else None)
        rest = rest[1:]
    return AbiType(inner.base, inner.components, tuple(dims)), rest
