"""Random signatures and values that fit them, for checks against eth_abi.

Strategies that are needed again are made once: Hypothesis takes longer to make one than to draw from it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from aggregator.abi.types import AbiType

INT_BITS = range(8, 257, 8)
STATIC_LEAVES = (
    "address",
    "bool",
    *(f"uint{bits}" for bits in INT_BITS),
    *(f"int{bits}" for bits in INT_BITS),
    *(f"bytes{size}" for size in range(1, 33)),
)


@cache
def static_types(*, depth: int = 2) -> st.SearchStrategy[AbiType]:
    """Leaves, tuples of them and fixed arrays of either."""
    leaf = st.sampled_from(STATIC_LEAVES).map(AbiType)
    if depth == 0:
        return leaf
    inner = static_types(depth=depth - 1)
    fixed = st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        leaf,
        st.lists(inner, min_size=1, max_size=4).map(_struct),
        st.builds(lambda kind, dims: AbiType(kind.base, kind.components, kind.dims + dims), inner, fixed),
    )


@cache
def types(*, depth: int = 2) -> st.SearchStrategy[AbiType]:
    """Any types, texts and dynamic arrays among them."""
    leaf = st.sampled_from(("string", "bytes", "uint256", "address", "int24")).map(AbiType)
    if depth == 0:
        return leaf
    inner = types(depth=depth - 1)
    dims = st.lists(st.none() | st.integers(1, 3), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        leaf,
        static_types(depth=1),
        st.lists(inner, min_size=1, max_size=3).map(_struct),
        st.builds(lambda kind, more: AbiType(kind.base, kind.components, kind.dims + more), inner, dims),
    )


def values(kind: AbiType) -> st.SearchStrategy[Any]:
    """Values of a type as they are decoded, extremes of integers included."""
    if kind.dims:
        size = kind.dims[-1]
        least, most = (0, 3) if size is None else (size, size)
        return st.lists(values(kind.element), min_size=least, max_size=most).map(tuple)
    if kind.base == "tuple":
        return st.tuples(*(values(component) for _, component in kind.components))
    return _leaf_values(kind.base)


@cache
def _leaf_values(leaf: str) -> st.SearchStrategy[Any]:
    if leaf == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if leaf == "bool":
        return st.booleans()
    if leaf == "string":
        return st.text(max_size=40)
    if leaf == "bytes":
        return st.binary(max_size=70)
    if leaf.startswith("bytes"):
        size = int(leaf[5:])
        return st.binary(min_size=size, max_size=size)
    bits = int(leaf.lstrip("uint"))
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if leaf.startswith("int") else (0, (1 << bits) - 1)
    return st.sampled_from((low, high, 0, 1)) | st.integers(low, high)


def _struct(components: list[AbiType]) -> AbiType:
    return AbiType("tuple", tuple(("", component) for component in components))


@st.composite
def with_values(draw: st.DrawFn, kinds: st.SearchStrategy[AbiType]) -> tuple[list[AbiType], list[Any]]:
    """One to four types, and one value of each."""
    chosen = draw(st.lists(kinds, min_size=1, max_size=4))
    return chosen, [draw(values(kind)) for kind in chosen]
