"""One market for all protocols: a spot price of ETH and BTC, a staking rate and the stablecoin pegs.

Protocols subscribe with a function that writes the quotes into their own feeds, so that a price is
never moved in one protocol and forgotten in another.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.errors import DevnetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Quotes:
    """The market at one moment: USD per coin, except `wstETH`, which is ETH per wstETH."""

    ETH: Decimal = Decimal(2000)
    BTC: Decimal = Decimal(40000)
    wstETH: Decimal = Decimal("1.15")  # noqa: N815 - the symbol
    USDC: Decimal = Decimal(1)
    DAI: Decimal = Decimal(1)
    sUSD: Decimal = Decimal(1)  # noqa: N815 - the symbol

    def usd(self, symbol: str) -> Decimal:
        """USD per token; wrapped coins follow their base. Raises `DevnetError` for an unknown symbol."""
        base = BASES.get(symbol, symbol)
        if base == "wstETH":
            return self.wstETH * self.ETH
        if base not in SYMBOLS:
            raise DevnetError(f"there is no price of {symbol}")
        value: Decimal = getattr(self, base)
        return value

    def scaled(self, symbol: str, decimals: int) -> int:
        """USD per token as an integer with so many decimals, rounded down."""
        return int(self.usd(symbol).scaleb(decimals))


BASES: Mapping[str, str] = {
    "WETH": "ETH",
    "sETH": "ETH",
    "WBTC": "BTC",
    "sBTC": "BTC",
    "sUSD of Lyra": "sUSD",
}
SYMBOLS = frozenset(field.name for field in fields(Quotes))


class Prices:
    """The current quotes, and who writes them into contracts."""

    def __init__(self, quotes: Quotes | None = None) -> None:
        self.quotes = quotes or Quotes()
        self._subscribers: list[Callable[[Quotes], None]] = []

    def subscribe(self, write: Callable[[Quotes], None]) -> None:
        """Have `write(quotes)` called on every change; it is not called now."""
        self._subscribers.append(write)

    def set(self, **changes: Decimal | int | str) -> Quotes:
        """Change some quotes (`prices.set(ETH=1800, BTC="35000.5")`) and write all to every protocol.

        Raises `DevnetError` for an unknown name or a float, which is no exact price.
        """
        unknown = sorted(set(changes) - SYMBOLS)
        if unknown:
            raise DevnetError(
                f"there is no price of {', '.join(unknown)}; there are {', '.join(sorted(SYMBOLS))}"
            )
        for name, value in changes.items():
            if isinstance(value, float):
                raise DevnetError(f"write the price of {name} as text or Decimal, not as the float {value!r}")
        self.quotes = replace(self.quotes, **{name: Decimal(value) for name, value in changes.items()})
        return self.refresh()

    def refresh(self) -> Quotes:
        """Write the present quotes to every protocol again, so that no feed is stale."""
        for write in self._subscribers:
            write(self.quotes)
        return self.quotes

    def restore(self, quotes: Quotes) -> None:
        """Take over quotes that the contracts already have, as after reverting to a snapshot."""
        self.quotes = quotes
