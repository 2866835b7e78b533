"""Lists of wallets: every row is checked before anything is read, and strangers' text breaks nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.app.wallet_lists import WalletList, of_addresses, of_file
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address, checksum

ADDRESSES = st.integers(0, 2**160 - 1).map(lambda number: Address(f"0x{number:040x}"))
ONE, TWO, THREE = (Address("0x" + digit * 40) for digit in "1ab")


def of_text(folder: Path, text: str | bytes, column: str | None = None) -> WalletList:
    """The wallets of a file that holds this."""
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return of_file(path, column).wallets


def everyone(found: WalletList) -> list[Address]:
    """All wallets of a list."""
    return list(found.part(0, len(found)))


@given(st.lists(ADDRESSES, min_size=1, max_size=40), st.sampled_from([str, checksum, str.upper]))
def test_each_wallet_once_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, wallets: list[Address], spelling: object
) -> None:
    """However it is spelled, and however often; parts together are the whole."""
    folder = tmp_path_factory.mktemp("lists")
    spelled = [spelling(w).replace("0X", "0x") for w in wallets]  # type: ignore[operator]  # one of three
    found = of_text(folder, "\n".join(["wallet", *spelled]))
    assert everyone(found) == list(dict.fromkeys(wallets))
    assert found.duplicates == len(wallets) - len(found)
    parts = [found.part(start, start + 7) for start in range(0, len(found), 7)]
    assert [wallet for part in parts for wallet in part] == everyone(found)
    assert found.sha256 == of_addresses(wallets).sha256


def test_zero_bytes_at_the_ends_tell_wallets_apart() -> None:
    """Twenty bytes are compared, not a text that ends at the first zero."""
    wallets = [Address(f"0x{number << shift:040x}") for number in range(3) for shift in (0, 8, 152)]
    assert everyone(of_addresses(wallets)) == list(dict.fromkeys(wallets))


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (f"{ONE}\n{TWO}\n", None),
        (f"\n{ONE}\r\n\r\n{TWO}", None),
        (f"\ufeffaddress\n{ONE}\n{TWO}\n", None),
        (f"whatever\n{ONE}\n {TWO} \n", None),
        (f"id,Wallet\n1,{ONE}\n2,{TWO}\n", None),
        (f'id;"wallet";note\n1;{ONE};"two\nlines"\n2;{TWO};\n', None),
        (f"address\twallet\n{THREE}\t{ONE}\n{THREE}\t{TWO}\n", None),
        (f"owner,address\n{ONE},{THREE}\n{TWO},{THREE}\n", "OWNER"),
    ],
)
def test_ways_to_write_a_list(tmp_path: Path, text: str, column: str | None) -> None:
    """With and without a header, with the usual separators, `wallet` before `address`."""
    assert everyone(of_text(tmp_path, text, column)) == [ONE, TWO]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it holds no wallet"),
        ("wallet\n\n", "it holds no wallet"),
        ("a,b\n1,2\n", "none is named wallet or address among its columns 'a', 'b'"),
        (f"wallet,wallet\n{ONE},{TWO}\n", "name one with --column"),
        (f"{ONE},{TWO}\n", "name one with --column"),
        (f'x,wallet\n"a\nb",{ONE}\n1,0x12\n2\n', r"2 rows .*line 4: '0x12' .*; line 5: empty"),
        (f"wallet\n{checksum(TWO)[:-1]}b\n", r"line 2: .* \(its EIP-55 checksum does not match"),
        ("wallet\n" + "\x1b[31mred\n" * 12, r"12 rows .*line 2: '\\x1b\[31mred' .*and 2 more\. Nothing was"),
        ("0x" + "1" * 2_000_000, "a line has 1,000,000 characters or more"),
        ('wallet\n"' + "x\n" * 200_000, "is no CSV in UTF-8"),
        (f'wallet\n{ONE}\n"{TWO}\n', "is no CSV in UTF-8 .unexpected end of data"),
        (f"treasury.eth\n{ONE}\n", "line 1: 'treasury.eth'"),
        (f"O{ONE[1:]}\n{TWO}\n", "line 1: 'Ox1111"),
        (f"{ONE[2:]}\n{TWO}\n", "line 1: '1111"),
        (b"\xff\xfe0\0x\0", "line 1 is no CSV in UTF-8"),
        (f"wallet\n{ONE}\n\xff".encode("latin-1"), "is no CSV in UTF-8"),
        (b"PAR1 and so on", "it is no whole Parquet file"),
    ],
)
def test_what_is_no_list_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Where it stands in the file, with nothing that a terminal would obey."""
    with pytest.raises(BadConfiguration, match=told) as error:
        of_text(tmp_path, text)
    assert str(error.value).isprintable()


@given(st.binary(max_size=300), st.none() | st.text(max_size=5))
def test_any_bytes_are_a_list_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, column: str | None
) -> None:
    """Nothing else is raised."""
    try:
        found = of_text(tmp_path_factory.mktemp("lists"), data, column)
    except BadConfiguration:
        return
    assert len(found) > 0


@given(st.data())
def test_a_spoilt_parquet_file_is_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """One byte is another, or the end is missing: its wallets, or an error."""
    path = tmp_path_factory.mktemp("lists") / "list.parquet"
    pq.write_table(pa.table({"wallet": [ONE, TWO]}), path)
    whole = path.read_bytes()
    at = data.draw(st.integers(4, len(whole) - 1))
    spoilt = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    path.write_bytes(spoilt[: data.draw(st.integers(at, len(whole)))])
    try:
        found = of_file(path).wallets
    except BadConfiguration:
        return
    assert len(found) == 2


BYTES = [bytes.fromhex(wallet[2:]) for wallet in (ONE, TWO, ONE)]
TEXTS = [str(wallet) for wallet in (ONE, TWO, ONE)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(BYTES, pa.binary()),
        pa.array(BYTES, pa.binary(20)),
    ],
    ids=str,
)
def test_parquet_holds_text_or_bytes(tmp_path: Path, column: pa.Array) -> None:
    """As data providers write it; the name does not matter."""
    pq.write_table(pa.table({"n": [1, 2, 3], "Address": column}), tmp_path / "wallets.csv")
    found = of_file(tmp_path / "wallets.csv").wallets
    assert (everyone(found), found.duplicates) == ([ONE, TWO], 1)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ([1, 2], "'wallet' holds int64, not addresses"),
        ([ONE, None], r"1 row .*row 2: empty"),
        ([b"\x01" * 19, b""], r"2 rows .*row 1: .* \(it is neither text nor 20 bytes\); row 2: empty"),
        ([["x"]], "holds list"),
    ],
)
def test_parquet_without_wallets_is_told(tmp_path: Path, column: list[object], told: str) -> None:
    """By type, and by row."""
    pq.write_table(pa.table({"wallet": column}), tmp_path / "w.parquet")
    with pytest.raises(BadConfiguration, match=told):
        of_file(tmp_path / "w.parquet")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Neither is a folder one."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadConfiguration, match="it can't be read"):
            of_file(path)
