"""What each second source makes of rows, fed by hand: sightings, or a malformed reply."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.messari import lending, options, perpetuals
from aggregator.abi.graph import Page, pack
from aggregator.contract import Row, SecondSource, Subgraph
from aggregator.model.assets import Asset, Classification, ListedToken, token_id
from aggregator.model.errors import MalformedReply, StaleSource
from aggregator.model.sightings import Sightings, option_identity
from aggregator.model.units import Address, ChainId

CHAIN = ChainId(1)
OWNER = Address("0x" + "11" * 20)
WETH = Address("0x" + "aa" * 20)
TOKENS = (ListedToken(CHAIN, WETH, Asset(token_id(CHAIN, WETH), "WETH", 18), Classification("ETH", "base")),)
TOKEN = {"id": WETH, "symbol": "WETH", "decimals": 18}
LENT = {
    "id": "a",
    "side": "LENDER",
    "balance": "1500000000000000000",
    "timestampOpened": "100",
    "blockNumberOpened": "10",
    "market": {"id": "0x", "inputToken": TOKEN},
    "snapshots": [{"timestamp": "170", "blockNumber": "17"}],
}
PERP = {"id": "0x01", "side": "SHORT", "balance": "25", "asset": {**TOKEN, "decimals": 1}}
OPTION = {
    "id": "0x01",
    "amount": "2000000000000000000",
    "asset": TOKEN,
    "option": {
        "type": "CALL",
        "name": "ETH call",
        "strikePrice": "2500.00",
        "expirationTimestamp": "1793500000",
        "underlyingAsset": TOKEN,
    },
}
LENDING, PERPETUALS, OPTIONS = lending.build(TOKENS), perpetuals.build(TOKENS), options.build(TOKENS)


def sightings(source: SecondSource, *rows: dict[str, Any], pinned: int = 9) -> Sightings:
    """What a source makes of a reply with these rows, of block 7."""
    read = source.read("here", CHAIN, OWNER)
    [request] = next(read)
    assert isinstance(request, Subgraph)
    assert dict(request.variables) == {"account": OWNER}
    page = Page(7, None, "Qm", has_indexing_errors=False, rows=tuple(map(Row, rows)))
    try:
        reply: Any = request.decode(pack(pinned, [page]))
    except MalformedReply as error:
        reply = error
    try:
        read.send([reply])
    except StopIteration as done:
        found = done.value
        assert isinstance(found, Sightings)
        return found
    raise AssertionError("it took more than one round")


def test_lending_is_a_supply_or_a_debt_since_its_last_event() -> None:
    """Both versions' words for a lender; without snapshots it was last so when it was opened."""
    debt = {**LENT, "id": "b", "side": "BORROWER", "snapshots": []}
    three = {**LENT, "id": "c", "side": "COLLATERAL"}
    found = sightings(LENDING, LENT, debt, three)
    assert [(one.kind, one.amount, one.since, one.block) for one in found.found] == [
        ("supply", Decimal("1.5"), 170, 17),
        ("debt", Decimal("1.5"), 100, 10),
        ("supply", Decimal("1.5"), 170, 17),
    ]
    assert {one.what for one in found.found} == {token_id(CHAIN, WETH)}
    assert found.found[0].origin == "position a of positions@subgraph here"
    assert (found.number, found.lag) == (7, 2)
    assert "2 blocks behind" in str(found.warnings)
    assert sightings(LENDING, {**LENT, "balance": "0"}).found == ()


def test_perps_have_a_sign_and_move_with_what_the_configuration_says() -> None:
    """A short is below zero; an asset that is not listed is known by its symbol."""
    other = {**PERP, "id": "0x02", "side": "LONG", "asset": {"id": OWNER, "symbol": "XYZ", "decimals": 0}}
    found = sightings(PERPETUALS, PERP, other, pinned=7)
    assert [(one.what, one.amount) for one in found.found] == [("ETH", Decimal("-2.5")), ("XYZ", Decimal(25))]
    assert found.warnings == ()


def test_options_are_known_by_their_terms() -> None:
    """However the strike is written; writers are not in the schema."""
    [one] = sightings(OPTIONS, OPTION).found
    assert (one.what, one.amount) == ("ETH:call:2500:1793500000", Decimal(2))
    assert option_identity("ETH", "call", Decimal("2.5E+3"), 1793500000) == one.what
    assert option_identity("ETH", "call", Decimal("0.10"), 1) == "ETH:call:0.1:1"
    assert OPTIONS.unseen("option", Decimal(-1)) == "who wrote an option"
    assert OPTIONS.unseen("option", Decimal(1)) == ""


def within(row: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """The row with another value at a path."""
    if len(path) == 1:
        return {**row, path[0]: value}
    return {**row, path[0]: within(row[path[0]], value, *path[1:])}


@pytest.mark.parametrize(
    ("source", "row"),
    [
        (LENDING, within(LENT, "VOYEUR", "side")),
        (LENDING, within(LENT, "-1", "balance")),
        (LENDING, within(LENT, 1.5, "balance")),
        (LENDING, within(LENT, 256, "market", "inputToken", "decimals")),
        (LENDING, within(LENT, "0x12", "market", "inputToken", "id")),
        (LENDING, within(LENT, None, "market")),
        (LENDING, within(LENT, [{}], "snapshots")),
        (LENDING, within(LENT, None, "snapshots")),
        (LENDING, within(LENT, [{"timestamp": str(2**63), "blockNumber": "17"}], "snapshots")),
        (PERPETUALS, within(PERP, "FLAT", "side")),
        (PERPETUALS, within(PERP, "-25", "balance")),
        (OPTIONS, within(OPTION, "STRADDLE", "option", "type")),
        (OPTIONS, within(OPTION, None, "option", "expirationTimestamp")),
        (OPTIONS, within(OPTION, "NaN", "option", "strikePrice")),
    ],
)
def test_a_row_that_is_none_fails_all(source: SecondSource, row: dict[str, Any]) -> None:
    """Never the others alone."""
    good = {**row, "id": row["id"] + "0"}
    with pytest.raises(MalformedReply, match="positions@subgraph here"):
        sightings(source, row, good)


def test_a_failure_is_raised() -> None:
    """A stale subgraph says nothing of a wallet."""
    read = LENDING.read("here", CHAIN, OWNER)
    next(read)
    with pytest.raises(StaleSource):
        read.send([StaleSource("here", 5, 100, 50)])
