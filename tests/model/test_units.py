"""Addresses with checksums, and exact quantities."""

from __future__ import annotations

import decimal
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.errors import InvalidAddress
from aggregator.model.units import Address, checksum, keccak, parse_address, plain, scaled, unscaled

# Test cases of EIP-55: all capitals, all lower case, and mixed.
EIP_55 = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
UINT256 = st.integers(0, 2**256 - 1)


@pytest.mark.parametrize("text", EIP_55)
def test_checksums_of_the_eip(text: str) -> None:
    """The EIP's own spellings come out, and are accepted as they stand and in one case."""
    lower = Address(text.lower())
    assert checksum(lower) == text
    assert parse_address(text) == parse_address(text.lower()) == lower
    assert parse_address("0x" + text[2:].upper()) == lower


@pytest.mark.parametrize("text", EIP_55[4:])
def test_a_letter_of_the_wrong_case_is_refused(text: str) -> None:
    """Every single swap of case is found."""
    for i, c in enumerate(text[2:], start=2):
        if c.isalpha():
            with pytest.raises(InvalidAddress, match="checksum"):
                parse_address(text[:i] + c.swapcase() + text[i + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "vitalik.eth",
        EIP_55[4][:-1],
        EIP_55[4] + "0",
        EIP_55[4][2:],
        " " + EIP_55[4],
        EIP_55[4] + "\n",
        "0X" + EIP_55[4][2:],
        "0x" + "g" * 40,
        "0x" + "１" * 40,
    ],
)
def test_texts_that_are_no_address_are_refused_and_quoted(text: str) -> None:
    """The message repeats what was given."""
    with pytest.raises(InvalidAddress, match="is not a wallet address") as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)


def test_keccak_is_ethereums_and_not_sha3() -> None:
    """The hash of nothing, as the yellow paper has it."""
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(UINT256, st.integers(0, 255))
def test_scaling_loses_nothing(raw: int, decimals: int) -> None:
    """Every uint256 comes back, negated too, by either rounding."""
    for signed in (raw, -raw):
        value = scaled(signed, decimals)
        assert unscaled(value, decimals, rounding="down") == signed
        assert unscaled(value, decimals, rounding="up") == signed


def test_scaling_is_exact_at_78_digits_and_refuses_79() -> None:
    """The greatest uint256 has 78 digits; what has more would be rounded, and is refused."""
    assert str(scaled(2**256 - 1, 18)).replace(".", "") == str(2**256 - 1)
    assert str(scaled(-(10**78) + 1, 77)) == "-9." + "9" * 77
    with pytest.raises(decimal.Inexact):
        scaled(10**78 + 1, 18)


@given(UINT256, st.integers(0, 30))
def test_another_thread_is_as_exact(raw: int, decimals: int) -> None:
    """Threads start with a context of 28 digits, which must not matter."""
    found: list[int] = []

    def work() -> None:
        found.append(unscaled(scaled(raw, decimals), decimals, rounding="down"))
        found.append(decimal.getcontext().prec)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [raw, 28]


def test_a_narrow_context_does_not_matter() -> None:
    """Neither does what the caller set."""
    with decimal.localcontext(prec=3):
        assert unscaled(scaled(123456789, 4), 2, rounding="down") == 1234567
        assert unscaled(scaled(123456789, 4), 2, rounding="up") == 1234568


@pytest.mark.parametrize(
    ("text", "down", "up"),
    [
        ("1.239", 123, 124),
        ("1.23", 123, 123),
        ("0.001", 0, 1),
        ("-1.239", -124, -123),
        ("-0.001", -1, 0),
        ("1e30", 10**32, 10**32),
    ],
)
def test_rounding_goes_to_the_named_side_of_the_number_line(text: str, down: int, up: int) -> None:
    """Negative numbers too: down is towards minus infinity."""
    value = Decimal(text)
    assert unscaled(value, 2, rounding="down") == down
    assert unscaled(value, 2, rounding="up") == up


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=20))
def test_the_two_roundings_enclose_the_value(value: Decimal) -> None:
    """They differ by one exactly where the value has digits beyond the unit."""
    down, up = (unscaled(value, 6, rounding=side) for side in ("down", "up"))
    exact = value.scaleb(6, decimal.Context(prec=80))
    assert down <= exact <= up
    assert up - down == (0 if exact == exact.to_integral_value() else 1)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0, "0"),
        (15 * 10**17, "1.5"),
        (-20 * 10**18, "-20"),
        (1, f"0.{1:018}"),
        (10**40, f"1{0:022}"),
    ],
)
def test_numbers_are_written_without_exponent_and_trailing_zeros(raw: int, text: str) -> None:
    """To the last digit."""
    assert plain(scaled(raw, 18)) == text
