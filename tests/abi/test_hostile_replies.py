"""Replies that no conforming contract sends: refused as malformed, quickly, and never read as values."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.function import Function
from aggregator.model.errors import MalformedReply, NoContract, ReadError

RESERVE_WORDS = 65
SIGNATURES = (
    "f()(uint256)",
    "f()(address,bool,int24)",
    "f()((address,(uint8,bytes4)[2]))",
    "f()(string)",
    "f()(bytes,uint256)",
    "f()(address[])",
    "f()((address,string)[])",
    "f()(uint256[][])",
    "f()(string[2],bytes[][])",
    "f()()",
)


def word(value: int) -> bytes:
    """One word."""
    return value.to_bytes(32)


def reserves(words: int, *, names: bool = False) -> str:
    """The type of a list of structs of that many numbers, with a text at the end or without."""
    return f"({','.join(['uint256'] * words)}{',string' if names else ''})[]"


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_arbitrary_bytes_raise_read_errors_or_decode(signature: str, raw: bytes) -> None:
    """Nothing but a ReadError escapes."""
    with contextlib.suppress(ReadError):
        Function[Any](signature).decode(raw, "test")


@given(
    st.sampled_from(SIGNATURES),
    st.lists(st.sampled_from((0, 1, 2, 32, 64, 96, 2**64, 2**256 - 1)), max_size=12),
)
def test_arbitrary_words_raise_read_errors_or_decode(signature: str, words: list[int]) -> None:
    """The same over replies that look like offsets and lengths."""
    with contextlib.suppress(ReadError):
        Function[Any](signature).decode(b"".join(map(word, words)), "test")


@given(
    st.sampled_from(("f()(address,bool)", "f()((uint256,string)[],bytes)", "f()(uint256[],string)")),
    st.data(),
)
def test_cut_and_extended_replies_are_malformed(signature: str, data: st.DataObject) -> None:
    """A reply longer or shorter than its values is refused; only nothing at all is no contract."""
    whole = {
        "f()(address,bool)": encode(["address", "bool"], ["0x" + "11" * 20, True]),
        "f()((uint256,string)[],bytes)": encode(
            ["(uint256,string)[]", "bytes"], [[(1, "a"), (2, "b")], b"x" * 33]
        ),
        "f()(uint256[],string)": encode(["uint256[]", "string"], [[1, 2, 3], "text"]),
    }[signature]
    codec: Function[Any] = Function(signature)
    codec.decode(whole, "test")
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(MalformedReply if cut else NoContract):
        codec.decode(cut, "test")
    with pytest.raises(MalformedReply):
        codec.decode(whole + data.draw(st.binary(min_size=1, max_size=64)), "test")


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_structs_of_another_version_are_malformed(names: bool, count: int) -> None:
    """A list whose structs have one field more or less than the signature says is never read as values."""
    row = [*range(RESERVE_WORDS), *(["WETH"] if names else [])]
    rows = [tuple(row)] * count
    raw = encode([reserves(RESERVE_WORDS, names=names)], [rows])
    assert len(Function[Any](f"f()({reserves(RESERVE_WORDS, names=names)})").decode(raw, "test")) == count
    for other in (RESERVE_WORDS - 1, RESERVE_WORDS + 1):
        with pytest.raises(MalformedReply):
            Function[Any](f"f()({reserves(other, names=names)})").decode(raw, "test")


def test_a_field_more_in_an_empty_list_changes_nothing() -> None:
    """An empty list of structs has one encoding, whatever the struct."""
    raw = encode([reserves(3)], [[]])
    assert Function[Any](f"f()({reserves(4)})").decode(raw, "test") == ()


HOSTILE = {
    "a length of 2**255": ("f()(uint256[])", [32, 2**255]),
    "a length beyond 64 bits of items that have tails": ("f()(string[])", [32, 2**70]),
    "a length that multiplied by 32 wraps around": ("f()(bytes32[])", [32, 2**251]),
    "a text of 2**256 - 1 bytes": ("f()(string)", [32, 2**256 - 1]),
    "an offset outside": ("f()(string)", [2**200, 0]),
    "an offset to itself": ("f()(uint256[])", [0, 0]),
    "an array that is its own item": ("f()(uint256[][])", [32, 1, 0]),
    "an offset backwards": ("f()(string[])", [32, 2, 64, 0, 0]),
    "two values in one place": ("f()(string,string)", [64, 64, 0]),
    "two texts of which the first is told twice": (
        "f()(string,string)",
        [64, 64, 1, 97 << 248, 1, 98 << 248],
    ),
    "two texts in the wrong order": ("f()(string,string)", [128, 64, 1, 97 << 248, 1, 98 << 248]),
    "a gap before the value": ("f()(string)", [64, 0, 0]),
    "bytes after the end of a text": ("f()(string)", [32, 1, 2**256 - 1]),
    "a text that is not UTF-8": ("f()(string)", [32, 1, 0xFF << 248]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_offsets_and_lengths_are_malformed(case: str) -> None:
    """Each is refused, and at once."""
    signature, words = HOSTILE[case]
    started = time.process_time()
    with pytest.raises(MalformedReply):
        Function[Any](signature).decode(b"".join(map(word, words)), "test")
    assert time.process_time() - started < 1


def test_overlapping_arrays_do_not_multiply_the_work() -> None:
    """2,000 arrays that all lie in the same place would be 4,000,000 items in 128 kB; here they are none."""
    count = 2_000
    inner = word(count) + word(7) * count
    raw = word(32) + word(count) + word(32 * count) * count + inner
    started = time.process_time()
    with pytest.raises(MalformedReply):
        Function[Any]("f()(uint256[][])").decode(raw, "test")
    assert time.process_time() - started < 1
