"""Assets and what moves them: an asset is identified by where it lives, never by its symbol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NewType

from aggregator.model.units import Address, ChainId

AssetId = NewType("AssetId", str)
"""`eip155:1/erc20:0x…`, `eip155:1/native`, or `index:ETH` for the price that a derivative follows."""

USD = "USD"


def token_id(chain: ChainId, address: Address) -> AssetId:
    """The identity of an ERC-20 token."""
    return AssetId(f"eip155:{chain}/erc20:{address}")


def native_id(chain: ChainId) -> AssetId:
    """The identity of a chain's native coin."""
    return AssetId(f"eip155:{chain}/native")


def index_id(underlying: str) -> AssetId:
    """The identity of an underlying's price itself, such as a perp's index."""
    return AssetId(f"index:{underlying}")


@dataclass(frozen=True, slots=True)
class Asset:
    """Something with an amount: identity, symbol as the chain spells it (untrusted text), decimals."""

    id: AssetId
    symbol: str
    decimals: int


PEG_CLASSES = ("stable", "synthetic_usd", "lst", "lrt", "wrapped_btc", "algo_stable")
"""Risk classes whose tokens are pegged to their underlying."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What moves an asset: its base (`USD`, `ETH`, …) and its risk class.

    An asset that no table knows is its own base (`underlying` is its id) in class `tail`.
    Classes: base, stable, synthetic_usd, lst, lrt, wrapped_btc, algo_stable, mid, tail.
    """

    underlying: str
    risk_class: str

    @property
    def is_pegged(self) -> bool:
        """Whether it may lose the peg to its underlying."""
        return self.risk_class in PEG_CLASSES


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token of the configuration's table: what it is, what moves it, and who else prices it.

    `feed` is a Chainlink-style contract that answers its price in USD, at least every `heartbeat_s`.
    """

    chain: ChainId
    address: Address | None
    asset: Asset
    classification: Classification
    feed: Address | None = None
    heartbeat_s: int | None = None


class TokenList:
    """The configuration's tokens, by asset id. A later entry replaces an earlier one of the same id."""

    def __init__(self, tokens: Iterable[ListedToken]) -> None:
        self._by_id: Mapping[AssetId, ListedToken] = {token.asset.id: token for token in tokens}

    def __iter__(self) -> Iterator[ListedToken]:
        return iter(self._by_id.values())

    def on(self, chain: ChainId) -> tuple[ListedToken, ...]:
        """The tokens of one chain, in the order of the configuration."""
        return tuple(token for token in self if token.chain == chain)

    def classify(self, asset: AssetId) -> Classification:
        """What moves an asset; `index:X` moves with X; an unknown one is its own base in class `tail`."""
        if asset.startswith("index:"):
            return Classification(asset.removeprefix("index:"), "base")
        listed = self._by_id.get(asset)
        return listed.classification if listed else Classification(asset, "tail")
