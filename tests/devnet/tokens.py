"""The tokens that all protocols share, and sets of price feeds for them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.artifacts import Artifact, compiled, shipped
from tests.devnet.deployment import TokenEntry
from tests.devnet.errors import DevnetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.devnet.chain import Chain, Contract
    from tests.devnet.prices import Quotes

FEED_DECIMALS = 8
NATIVE = "ETH"
WRAPPED = "WETH"
COINS_WEI = 10**30
"""Of the wrapped coin's contract, so that all that tests mint can be unwrapped."""


@dataclass(frozen=True)
class TokenKind:
    """How a token is made and what crossmargin takes it for: its risk base and class."""

    name: str
    decimals: int
    underlying: str
    kind: str


KINDS: Mapping[str, TokenKind] = {
    "WETH": TokenKind("Wrapped Ether", 18, "ETH", "base"),
    "WBTC": TokenKind("Wrapped BTC", 8, "BTC", "wrapped_btc"),
    "USDC": TokenKind("USD Coin", 6, "USD", "stable"),
    "DAI": TokenKind("Dai Stablecoin", 18, "USD", "stable"),
    "wstETH": TokenKind("Wrapped liquid staked Ether 2.0", 18, "ETH", "lst"),
}


def _artifact(symbol: str) -> Artifact:
    """WETH9 with a function that mints, of Aave's package; the kit's own token for all others."""
    if symbol == WRAPPED:
        return shipped("@aave/core-v3", "artifacts/contracts/mocks/tokens")["WETH9Mocked"]
    return compiled("devnet")["MintableToken"]


class Tokens:
    """Mintable ERC-20 tokens by symbol."""

    def __init__(self, chain: Chain, addresses: Mapping[str, str]) -> None:
        self._contracts = {
            symbol: chain.at(_artifact(symbol), address, symbol) for symbol, address in addresses.items()
        }

    @classmethod
    def deploy(cls, chain: Chain) -> dict[str, str]:
        """Deploy every token of `KINDS`; addresses by symbol."""
        found = {
            symbol: chain.deploy(
                _artifact(symbol), *(() if symbol == WRAPPED else (kind.name, symbol, kind.decimals))
            ).address
            for symbol, kind in KINDS.items()
        }
        chain.node.set_balance(found[WRAPPED], COINS_WEI)
        return found

    def __getitem__(self, symbol: str) -> Contract:
        if symbol not in self._contracts:
            raise DevnetError(f"there is no token {symbol}; there are {', '.join(self._contracts)}")
        return self._contracts[symbol]

    def units(self, symbol: str, amount: Decimal | int | str) -> int:
        """An amount of whole tokens in the smallest unit.

        Raises `DevnetError` if the token has too few decimals for it, or for a float.
        """
        if isinstance(amount, float):
            raise DevnetError(f"write {amount!r} {symbol} as text or Decimal: a float is no exact amount")
        scaled = Decimal(amount).scaleb(KINDS[symbol].decimals)
        if scaled != int(scaled):
            raise DevnetError(f"{symbol} has {KINDS[symbol].decimals} decimals, too few for {amount}")
        return int(scaled)

    def balance(self, symbol: str, account: str) -> int:
        """Balance in the smallest unit."""
        found: int = self[symbol].call("balanceOf", account)
        return found

    def mint(self, symbol: str, account: str, amount: Decimal | int | str) -> None:
        """Create whole tokens out of nothing."""
        self[symbol].send("mint", account, self.units(symbol, amount))

    def spend(self, symbol: str, account: str, to: str, amount: Decimal | int | str) -> None:
        """Transfer whole tokens away from an account."""
        self[symbol].send("transfer", to, self.units(symbol, amount), sender=account)

    def entries(self, feeds: Feeds) -> list[TokenEntry]:
        """The native coin and all tokens as crossmargin's configuration names them."""
        native = TokenEntry("", NATIVE, 18, "ETH", "base", feeds[NATIVE].address)
        return [native, *(self._entry(symbol, feeds[symbol].address) for symbol in self._contracts)]

    def _entry(self, symbol: str, feed: str) -> TokenEntry:
        kind = KINDS[symbol]
        return TokenEntry(self[symbol].address, symbol, kind.decimals, kind.underlying, kind.kind, feed)


class Feeds:
    """Chainlink-style USD feeds with 8 decimals, one per symbol."""

    def __init__(self, chain: Chain, addresses: Mapping[str, str]) -> None:
        artifact = compiled("devnet")["SettableFeed"]
        self._contracts = {
            symbol: chain.at(artifact, address, f"{symbol}/USD") for symbol, address in addresses.items()
        }

    @classmethod
    def deploy(cls, chain: Chain, quotes: Quotes, symbols: Iterable[str]) -> dict[str, str]:
        """Deploy a feed per symbol with the present quotes; addresses by symbol."""
        artifact = compiled("devnet")["SettableFeed"]
        return {
            symbol: chain.deploy(
                artifact, quotes.scaled(symbol, FEED_DECIMALS), FEED_DECIMALS, f"{symbol} / USD"
            ).address
            for symbol in symbols
        }

    def __getitem__(self, symbol: str) -> Contract:
        if symbol not in self._contracts:
            raise DevnetError(f"there is no feed of {symbol}; there are {', '.join(self._contracts)}")
        return self._contracts[symbol]

    def write(self, quotes: Quotes) -> None:
        """Write the market into every feed."""
        for symbol, feed in self._contracts.items():
            feed.send("set", quotes.scaled(symbol, FEED_DECIMALS))

    def set(self, symbol: str, answer: int) -> None:
        """Write any answer into one feed, zero and below included; the next change of prices undoes it."""
        self[symbol].send("set", answer)
