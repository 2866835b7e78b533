"""What is checked of a reading before anything is computed from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.contract import Read
from aggregator.model.errors import MalformedReply
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address
from aggregator.reading.jobs import reading_of
from tests.reading.kit import CHAIN, SmallAdapter, jobs
from tests.store.samples import DERIVATIVES, USDC, WALLET_ACCOUNT

BLOCK = Block(CHAIN, 7, "0x" + "11" * 32, "0x" + "22" * 32, 1_795_349_011)
PERP = next(p for p in DERIVATIVES.positions if isinstance(p, Perp))


class Holder(SmallAdapter):
    """An adapter that answers one position without asking anything."""

    def __init__(self, position: Any) -> None:
        super().__init__("holder", lambda *_: iter(()))  # type: ignore[arg-type]
        self._position = position

    def read(self, deployment: Any, wallet: Address, block: Block) -> Read[Reading]:  # noqa: ARG002
        """See Adapter."""
        yield from ()
        account = replace(WALLET_ACCOUNT, chain=CHAIN, positions=(self._position,))
        return Reading((account,), (), block)


def read(position: Any) -> Reading:
    """What comes of an adapter that answers this position."""
    [job] = jobs(Holder(position))
    try:
        next(reading_of(job, BLOCK))
    except StopIteration as ended:
        found: Reading = ended.value
        return found
    raise AssertionError("it asked for something")


@pytest.mark.parametrize("raw", [0, 2**256 - 1, -(2**255)])
def test_amounts_of_256_bits_are_taken(raw: int) -> None:
    """Whatever a contract can hold."""
    assert read(replace(PERP, pnl_raw=raw)).accounts[0].positions == (replace(PERP, pnl_raw=raw),)


@pytest.mark.parametrize(
    ("position", "name"),
    [
        (Supply(USDC, 2**256, True, "o"), "raw"),  # noqa: FBT003
        (replace(PERP, size_raw=-(2**300)), "size_raw"),
        (replace(PERP, funding_24h_raw=2**400), "funding_24h_raw"),
    ],
)
def test_a_product_beyond_them_fails_the_read(position: Any, name: str) -> None:
    """No Decimal and no column holds it: the read fails alone, and by name."""
    with pytest.raises(MalformedReply, match=f"its {name} has .* bits, beyond 256"):
        read(position)
