"""Events: compiled from their signature, decoded against eth_abi, refused where a log is another one."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.events import Event
from aggregator.abi.logs import Log, Logs
from aggregator.abi.types import AbiType, SignatureError
from aggregator.abi.words import WordError
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.units import Address, keccak
from tests.abi.strategies import types, values

TOKEN, OTHER = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
OWNER = Address("0x" + "aa" * 20)
TRANSFER: Event[Any] = Event("Transfer(address indexed sender,address indexed to,uint256 value)")
TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def a_log(topics: tuple[bytes, ...], data: bytes = b"") -> Log:
    """A log of no particular place."""
    return Log(TOKEN, topics, data, 7, "0x" + "ab" * 32, "0x" + "cd" * 32, 3)


def word(value: int) -> bytes:
    """One word."""
    return value.to_bytes(32)


def test_a_transfer_is_decoded_by_name() -> None:
    """Topics and data in the order of the signature."""
    log = a_log((TRANSFER.topic, word(int(OWNER, 16)), word(5)), word(10**18))
    found = TRANSFER.decode(log)
    assert TRANSFER.topic.hex() == TRANSFER_TOPIC
    assert (found.sender, found.to, found.value) == (OWNER, "0x" + f"{5:040x}", 10**18)


class Sent(NamedTuple):
    """What a transfer moved."""

    sender: Address
    to: Address
    value: int


def test_into_and_unnamed_arguments() -> None:
    """A class takes the arguments in order; without names they are a tuple."""
    log = a_log((TRANSFER.topic, word(1), word(2)), word(3))
    plain: Event[Any] = Event("Transfer(address indexed,address indexed,uint256)")
    assert plain.decode(log) == ("0x" + f"{1:040x}", "0x" + f"{2:040x}", 3)
    assert Event(TRANSFER.signature, into=Sent).decode(log) == Sent(*plain.decode(log))
    assert plain.topic == TRANSFER.topic


@given(st.lists(types(), min_size=1, max_size=5), st.data())
def test_any_event_is_decoded_as_eth_abi_encodes_it(kinds: list[AbiType], data: st.DataObject) -> None:
    """Random types, indexed or not; an indexed one that is no word is its hash."""
    flags = [data.draw(st.booleans()) for _ in kinds]
    flags = [flag and sum(flags[:i]) < 3 for i, flag in enumerate(flags)]
    arguments = ",".join(k.canonical + (" indexed" if f else "") for k, f in zip(kinds, flags, strict=True))
    event: Event[Any] = Event(f"E({arguments})")
    topics, expected, rest, rest_types = [event.topic], [], [], []
    for kind, flag in zip(kinds, flags, strict=True):
        value = data.draw(values(kind))
        if not flag:
            rest.append(value)
            rest_types.append(kind.canonical)
            value = kind.shape(value)
        elif kind.dims or kind.base in ("tuple", "string", "bytes"):
            value = data.draw(st.binary(min_size=32, max_size=32))
            topics.append(value)
        else:
            topics.append(encode([kind.canonical], [value]))
        expected.append(value)
    assert event.topic == keccak(f"E({','.join(kind.canonical for kind in kinds)})".encode())
    found = event.decode(a_log(tuple(topics), encode(rest_types, rest)))
    assert found == tuple(expected)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=4), st.binary(max_size=200))
def test_hostile_logs_raise_read_errors_or_decode(topics: list[bytes], data: bytes) -> None:
    """Whatever a node sends."""
    for event in (TRANSFER, Event[Any]("N(string indexed,(uint8,bytes)[])")):
        for first in ([], [event.topic]):
            with contextlib.suppress(ReadError):
                event.decode(a_log(tuple([*first, *topics][:4]), data))


@pytest.mark.parametrize(
    "log",
    [
        a_log(()),
        a_log((TRANSFER.topic, word(1), word(2), word(3))),  # an NFT's transfer has the same first topic
        a_log((word(0), word(1), word(2)), word(3)),
        a_log((TRANSFER.topic, word(1 << 160), word(2)), word(3)),
        a_log((TRANSFER.topic, word(1), word(2)), word(3) + b"\0"),
        a_log((TRANSFER.topic, word(1), word(2)), b""),
    ],
)
def test_a_log_of_another_event_is_malformed(log: Log) -> None:
    """Its place is named."""
    with pytest.raises(MalformedReply, match="log 3 of block 7@0x1111"):
        TRANSFER.decode(log)


@pytest.mark.parametrize(
    "signature",
    [
        "Transfer",
        "Transfer(address indexed indexed to)",
        "Transfer(indexed address)",
        "Transfer((address indexed a) b)",
        "E(uint8 indexed a,uint8 indexed b,uint8 indexed c,uint8 indexed d)",
        "E(uint8)(uint8)",
        "E(address from)",
    ],
)
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    """A defect of whoever wrote it."""
    with pytest.raises(SignatureError):
        _ = Event[Any](signature).topic


def test_filters_are_encoded_as_topics() -> None:
    """A value, any of several, anything; what follows the last wish is left out."""
    topic = (TRANSFER.topic,)
    owner = word(int(OWNER, 16))
    assert TRANSFER.logs(TOKEN) == Logs((TOKEN,), (topic,))
    assert TRANSFER.logs(TOKEN, OWNER) == Logs((TOKEN,), (topic, (owner,)))
    assert TRANSFER.logs([TOKEN, OTHER], None, [OWNER, TOKEN], from_block=5, to_block=9) == Logs(
        (TOKEN, OTHER), (topic, None, (owner, word(int(TOKEN, 16)))), 5, 9
    )
    text: Event[Any] = Event("Named(string indexed)")
    assert text.logs((), keccak(b"x")).topics == ((text.topic,), (keccak(b"x"),))


@pytest.mark.parametrize("wishes", [("0x12",), (None, None, None), ([],), (7,)])
def test_a_filter_that_fits_no_argument_is_refused(wishes: tuple[Any, ...]) -> None:
    """No contract could answer it."""
    with pytest.raises(WordError):
        TRANSFER.logs(TOKEN, *wishes)
    with pytest.raises(WordError):
        Event[Any]("Named(string indexed)").logs(TOKEN, "a text")
