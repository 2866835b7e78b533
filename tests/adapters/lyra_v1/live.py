"""Random shorts on the option market of the local chain, and what an account is worth there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from adapters.lyra_v1.black_scholes import option_prices
from aggregator.model.assets import index_id
from aggregator.model.positions import Debt, Option, Supply
from tests.devnet.lyra import STRIKES, Kind
from tests.devnet.lyra_deploy import GREEK_CACHE, units

if TYPE_CHECKING:
    import random

    from aggregator.model.accounts import Account
    from tests.devnet.lyra import LyraV1

WAD = 10**18
RATE = GREEK_CACHE["rateAndCarry"]
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


def worth(lyra: LyraV1, account: Account, spot: int) -> int:
    """An account in quote at a spot price, options by the contract's formula at the volatility they have."""
    base, now, total = lyra.base.address.lower(), lyra.chain.node.timestamp, 0
    for one in account.positions:
        if isinstance(one, Option):
            assert one.expiry is not None
            assert one.iv is not None
            prices = option_prices(one.expiry - now, round(one.iv * WAD), spot, one.strike_raw, RATE)
            total += one.size_raw * prices[one.right == "put"]
            continue
        assert isinstance(one, Supply | Debt)
        price = spot if base in one.asset.id else WAD
        total += price * (one.raw if isinstance(one, Supply) else -one.raw)
    return total // WAD
