"""Random shorts on the option market of the local chain."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from aggregator.model.assets import index_id
from tests.devnet.lyra import STRIKES, Kind
from tests.devnet.lyra_deploy import units

if TYPE_CHECKING:
    import random

    from tests.devnet.lyra import LyraV1

ETH = index_id("ETH")
SHORTS = (Kind.SHORT_CALL_BASE, Kind.SHORT_CALL_QUOTE, Kind.SHORT_PUT_QUOTE)


def open_random_short(lyra: LyraV1, user: str, rng: random.Random, *, board: int | None = None) -> int:
    """A short of any kind, strike, expiry and size, with 1 to 1.5 times the collateral that it needs."""
    kind, board = rng.choice(SHORTS), rng.choice(lyra.boards()) if board is None else board
    strike = lyra.strike_id(board, rng.choice(STRIKES))
    amount = Decimal(rng.randint(1, 2_000)).scaleb(-2)
    arguments = (
        int(kind),
        lyra.strike(strike)["strikePrice"],
        lyra.expiry(board),
        lyra.spot(),
        units(amount),
    )
    least: int = lyra.greek_cache.call("getMinCollateral", *arguments)
    # The transaction is mined a few seconds later.
    collateral = Decimal(least * rng.randint(1001, 1500) // 1000).scaleb(-18)
    return lyra.open(user, strike, kind, amount, collateral)
