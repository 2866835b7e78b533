"""The codec gives the bytes and the values that eth_abi gives."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any, NamedTuple

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.function import Call, Function
from aggregator.abi.types import AbiType, SignatureError
from aggregator.abi.words import WordError
from aggregator.model.errors import MalformedReply, NoContract
from aggregator.model.units import Address
from tests.abi.strategies import STATIC_LEAVES, static_types, types, values, with_values

TARGET = Address("0x" + "11" * 20)


def function(inputs: list[AbiType], outputs: list[AbiType]) -> Function[Any]:
    """A function of these types."""
    ins, outs = (",".join(kind.canonical for kind in kinds) for kinds in (inputs, outputs))
    return Function(f"f({ins})({outs})")


def decoded(kinds: list[AbiType], raw: bytes) -> Any:
    """A reply of these types through our codec, always as a sequence."""
    value = function([], kinds).decode(raw, "test")
    return (value,) if len(kinds) == 1 else value


@given(with_values(static_types()))
def test_fixed_layouts_encode_as_eth_abi_does(case: tuple[list[AbiType], list[Any]]) -> None:
    """Calldata of static types, nested tuples and fixed arrays included, is equal byte for byte."""
    kinds, given_values = case
    made = function(kinds, []).at(TARGET, *given_values).data
    assert made[4:] == encode([kind.canonical for kind in kinds], given_values)


@given(with_values(static_types()))
def test_fixed_layouts_decode_as_eth_abi_does(case: tuple[list[AbiType], list[Any]]) -> None:
    """Replies of static types decode to eth_abi's values, which are the ones that were encoded."""
    kinds, given_values = case
    names = [kind.canonical for kind in kinds]
    raw = encode(names, given_values)
    assert decoded(kinds, raw) == decode(names, raw) == tuple(given_values)


@given(with_values(types()))
def test_dynamic_layouts_agree_with_eth_abi_both_ways(case: tuple[list[AbiType], list[Any]]) -> None:
    """Texts, dynamic arrays and structs of them: equal calldata, equal values."""
    kinds, given_values = case
    raw = encode([kind.canonical for kind in kinds], given_values)
    assert function(kinds, []).at(TARGET, *given_values).data[4:] == raw
    assert decoded(kinds, raw) == tuple(given_values)


@pytest.mark.parametrize("leaf", [leaf for leaf in STATIC_LEAVES if "int" in leaf])
def test_integers_of_every_width_are_exact_at_their_limits_and_refused_beyond(leaf: str) -> None:
    """The least and the greatest value survive; one more is refused in both directions."""
    bits = int(leaf.lstrip("uint"))
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if leaf.startswith("int") else (0, (1 << bits) - 1)
    codec: Function[int] = Function(f"f({leaf})({leaf})")
    for value in (low, high):
        word = codec.at(TARGET, value).data[4:]
        assert word == encode([leaf], [value])
        assert codec.decode(word, "test") == value
    for value in (low - 1, high + 1):
        with pytest.raises(WordError, match="does not fit"):
            codec.at(TARGET, value)
        if bits < 256:
            with pytest.raises(MalformedReply):
                codec.decode(value.to_bytes(32, signed=value < 0), "test")


@pytest.mark.parametrize(
    ("signature", "selector"),
    [
        ("balanceOf(address)(uint256)", "70a08231"),
        ("transfer(address,uint256)(bool)", "a9059cbb"),
        ("decimals()(uint8)", "313ce567"),
        ("aggregate3((address target,bool allowFailure,bytes data)[])((bool,bytes)[])", "82ad56cb"),
        ("f(uint)(uint)", "b3de648b"),
    ],
)
def test_selectors(signature: str, selector: str) -> None:
    """Known selectors; names of fields, and `uint` for `uint256`, change nothing."""
    assert Function[Any](signature).selector.hex() == selector


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "f",
        "f()",
        "f()()()",
        "f()() view",
        "1f()()",
        "f(uint7)()",
        "f(uint264)()",
        "f(uint08)()",
        "f(uint0)()",
        "f(bytes0)()",
        "f(bytes33)()",
        "f(ufixed)()",
        "f(address",
        "f(address))()",
        "f(,)()",
        "f(address,)()",
        "f(address uint256)(,)",
        "f(uint256[)()",
        "f(uint256[-1])()",
        "f()(uint256[0])",
        "f()(()[])",
        "f()((uint256 from)[])",
        "f()((uint256 _x)[])",
        "f()((uint256 a,uint256 a))",
        "f(💥)()",
    ],
)
def test_signatures_that_are_none_are_refused(signature: str) -> None:
    """A text that is no signature, or whose reply could not be built, is the writer's mistake."""
    with pytest.raises(SignatureError):
        _ = Function[Any](signature).canonical


class Pair(NamedTuple):
    """What a two-word reply is built into."""

    first: int
    second: int


def test_replies_are_built_into_the_callers_type() -> None:
    """`into` gets the outputs as arguments."""
    codec = Function("f()(uint256,uint256)", into=Pair)
    assert codec.decode((1).to_bytes(32) + (2).to_bytes(32), "test") == Pair(1, 2)


def test_named_structs_decode_to_namedtuples() -> None:
    """In fixed and in dynamic layouts, nested ones too."""
    fixed: Function[Any] = Function("f()((address asset,(uint256 low,uint256 high) range) row)")
    row = fixed.decode(encode(["(address,(uint256,uint256))"], [(TARGET, (1, 2))]), "test")
    assert (row.asset, row.range.low, row.range.high) == (TARGET, 1, 2)
    dynamic: Function[Any] = Function("f()((address asset,string symbol)[] rows,uint256)")
    rows, last = dynamic.decode(encode(["(address,string)[]", "uint256"], [[(TARGET, "A")], 7]), "test")
    assert (rows[0].asset, rows[0].symbol, last) == (TARGET, "A", 7)


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [
        ("f(address)()", ["0x11"]),
        ("f(address)()", ["0x" + "zz" * 20]),
        ("f(address)()", ["0x" + "11 " * 13 + "1"]),
        ("f(address)()", ["11" * 21]),
        ("f(address)()", [b"1" * 20]),
        ("f(bool)()", [1]),
        ("f(uint256)()", [True]),
        ("f(uint256)()", [1.0]),
        ("f(uint256)()", [-1]),
        ("f(bytes32)()", [b"short"]),
        ("f(bytes4)()", ["text"]),
        ("f(uint256)()", []),
        ("f(uint256)()", [1, 2]),
        ("f(uint256[2])()", [[1]]),
        ("f(uint256[2])()", [7]),
        ("f((uint256,bool))()", ["ab"]),
        ("f(uint256[])()", [[1, -1]]),
        ("f(uint256[])()", [7]),
        ("f(string,uint256)()", ["a"]),
        ("f(string)()", [b"bytes"]),
    ],
)
def test_arguments_that_do_not_fit_are_refused(signature: str, arguments: list[Any]) -> None:
    """One error for every wrong argument, whatever encodes it."""
    with pytest.raises(WordError):
        Function[Any](signature).at(TARGET, *arguments)


def test_no_data_means_no_contract_only_where_data_is_promised() -> None:
    """An empty reply is right for a function without outputs."""
    with pytest.raises(NoContract, match=r"balanceOf\(address\)@0x"):
        Function[int]("balanceOf(address)(uint256)").at(TARGET, TARGET).decode(b"")
    with pytest.raises(NoContract):
        Function[str]("symbol()(string)").at(TARGET).decode(b"")
    assert Function[Any]("poke()()").at(TARGET).decode(b"") == ()


def test_equal_calls_are_one_request() -> None:
    """A call is equal to another of the same signature, target and data, and differs in any of these."""
    call = Function[int]("balanceOf(address)(uint256)").at(TARGET, TARGET)
    assert call == Function[int]("balanceOf(address)(uint256)").at(TARGET, TARGET)
    assert hash(call) == hash(Function[int]("balanceOf(address)(uint256)").at(TARGET, TARGET))
    others: list[Call[Any]] = [
        Function[int]("balanceOf(address)(int256)").at(TARGET, TARGET),
        Function("balanceOf(address)(uint256)", into=str).at(TARGET, TARGET),
        dataclasses.replace(call, target=Address("0x" + "22" * 20)),
        dataclasses.replace(call, data=call.data + b"\0"),
    ]
    assert len({call, *others}) == 5
    assert Function[int]("f()()") != "f()()"


def test_errors_of_a_reply_survive_pickling() -> None:
    """They cross process boundaries, and keep what they say."""
    with pytest.raises(MalformedReply) as caught:
        Function[int]("f()(uint256)").decode(b"1", "somewhere")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


@given(st.data())
def test_fixed_words_with_foreign_bits_are_refused(data: st.DataObject) -> None:
    """A bit outside of a leaf's own makes the reply malformed, never a cut value."""
    leaf = data.draw(
        st.sampled_from([leaf for leaf in STATIC_LEAVES if leaf not in ("uint256", "int256", "bytes32")])
    )
    word = bytearray(encode([leaf], [data.draw(values(AbiType(leaf)))]))
    if leaf.startswith("bytes"):
        word[data.draw(st.integers(int(leaf[5:]), 31))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        bits = {"address": 160, "bool": 1}.get(leaf) or int(leaf.lstrip("uint"))
        bit = data.draw(st.integers(bits, 255))
        word[31 - bit // 8] ^= 1 << bit % 8
    with pytest.raises(MalformedReply):
        Function[Any](f"f()({leaf})").decode(bytes(word), "test")
