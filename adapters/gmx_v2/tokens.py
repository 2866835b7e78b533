"""Tokens: names and decimals, and prices as the protocol's provider of on-chain prices gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.state import Token
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.assets import Asset, AssetId, ListedToken, index_id, native_id, token_id
from aggregator.model.errors import (
    BadConfiguration,
    InvalidAddress,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address, ChainId, keccak, parse_address

T = TypeVar("T")

PRICE_DECIMALS = 30
_PLAIN = re.compile(r"[A-Z0-9]{1,15}")
_PRICED_APART = ("lst", "lrt")
"""Classes whose price is not that of what moves them: an index of such a token follows the token."""


@dataclass(frozen=True, slots=True)
class Described:
    """A token by its address: `underlying` is what an index of it follows."""

    address: Address
    symbol: str
    decimals: int
    underlying: str


@dataclass(frozen=True, slots=True)
class Priced:
    """A token and its price: the feed's `price`, and the stable one beside which the protocol puts it.

    Of a feed of the configuration's own, when it was updated and how often it should be, as of any Quote.
    """

    described: Described
    price: int
    stable: int
    origin: str
    updated_at: int | None = None
    heartbeat_s: int | None = None

    @property
    def decimals(self) -> int:
        """Of the price: USD for the smallest unit with 30."""
        return PRICE_DECIMALS - self.described.decimals

    def token(self, asset: AssetId) -> Token:
        """The token under the name by which its price moves."""
        return Token(Feed(asset, Oracle.MARKET, self.price, self.decimals, self.origin), self.stable)

    def quote(self, asset: AssetId) -> Quote:
        """What the protocol's oracle says."""
        return Quote(asset, self.price, self.decimals, self.origin, self.updated_at, self.heartbeat_s)


@dataclass(frozen=True, slots=True)
class Table:
    """Tokens that are known beforehand: index tokens without a contract, and those of the configuration.

    And the contracts that come in versions, the newest first.
    """

    chain: ChainId
    synthetic: Mapping[Address, Described]
    listed: Mapping[Address, ListedToken]
    native: Asset
    readers: tuple[Address, ...]
    providers: tuple[Address, ...]

    def asset(self, token: Described) -> Asset:
        """The token as an asset of its chain."""
        return Asset(token_id(self.chain, token.address), token.symbol, token.decimals)

    def known(self, address: Address) -> Described | None:
        """A token that need not be asked."""
        if found := self.synthetic.get(address):
            return found
        listed = self.listed.get(address)
        if listed is None:
            return None
        asset, kind = listed.asset, listed.classification
        underlying = asset.symbol if kind.risk_class in _PRICED_APART else kind.underlying
        return Described(address, asset.symbol, asset.decimals, underlying)


def table(deployment: Deployment, listed: tuple[ListedToken, ...]) -> Table:
    """The table of a deployment: `options.synthetic` has the decimals of each symbol.

    Raises BadConfiguration where that is no such table.
    """
    options = deployment.options.get("synthetic", {})
    if not isinstance(options, Mapping):
        raise BadConfiguration(deployment.key, "options.synthetic should be a table of decimals")
    synthetic = {}
    for symbol, decimals in options.items():
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= PRICE_DECIMALS:
            raise BadConfiguration(deployment.key, f"options.synthetic.{symbol} is {decimals!r}, no decimals")
        address = synthetic_address(deployment.chain, symbol)
        synthetic[address] = Described(address, symbol, decimals, symbol)
    mine = {one.address: one for one in listed if one.chain == deployment.chain and one.address}
    coin = next((one.asset for one in listed if one.chain == deployment.chain and not one.address), None)
    native = coin or Asset(native_id(deployment.chain), "native coin", 18)
    return Table(
        deployment.chain,
        synthetic,
        mine,
        native,
        readers=(deployment.addresses["reader"], *_older(deployment, "older_readers")),
        providers=(deployment.addresses["price_provider"], *_older(deployment, "older_price_providers")),
    )


def _older(deployment: Deployment, option: str) -> list[Address]:
    """Contracts that the newest one replaced, the newest of them first."""
    found = deployment.options.get(option, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadConfiguration(deployment.key, f"options.{option} should be a list of addresses")
    try:
        return [parse_address(one) for one in found]
    except InvalidAddress as error:
        raise BadConfiguration(deployment.key, f"options.{option}: {error}") from error


def newest(answers: Sequence[T | ReadError]) -> tuple[int, T | ReadError]:
    """What the newest contract answers that is there already at the block, and which one it is."""
    for number, answer in enumerate(answers):
        if not isinstance(answer, NoContract):
            return number, answer
    return 0, answers[0]


def synthetic_address(chain: ChainId, symbol: str) -> Address:
    """The address that stands for an index without a contract: a hash of the chain and the symbol."""
    text = symbol.encode()
    padded = text.ljust(-(-len(text) // 32) * 32, b"\0")
    head = chain.to_bytes(32) + (64).to_bytes(32) + len(text).to_bytes(32)
    return Address("0x" + keccak(head + padded)[-20:].hex())


def describe(known: Table, address: Address) -> Read[Described]:
    """One round for a token that is not in the table; raises Unsupported where it has no contract."""
    if found := known.known(address):
        return found
    [symbol], [decimals] = yield from both(
        attempt([calls.SYMBOL.at(address)]), attempt([calls.DECIMALS.at(address)])
    )
    if isinstance(symbol, ReadError) or isinstance(decimals, ReadError):
        raise Unsupported(
            f"the token {address}, which does not say its symbol and decimals,",
            "add its symbol and decimals to the deployment's `options.synthetic`, if it is an index",
        )
    if decimals > PRICE_DECIMALS:
        raise MalformedReply(calls.DECIMALS.at(address).origin, f"{decimals} decimals")
    underlying = symbol if _PLAIN.fullmatch(symbol) else f"{symbol}@{address}"
    return Described(address, symbol, decimals, underlying)


def priced(deployment: Deployment, known: Table, address: Address) -> Read[Priced]:
    """One round: what a token is and costs; raises what the provider answers where nobody knows a price."""
    listed = known.listed.get(address)
    feed = listed.feed if listed else None
    store = deployment.addresses["data_store"]
    asked = [calls.PRICE.at(one, address, b"") for one in known.providers]
    (found, (answers, [stable])), own = yield from both(
        both(
            describe(known, address),
            both(attempt(asked), ask([calls.UINT.at(store, keys.key("STABLE_PRICE", address))])),
        ),
        _of_feed(feed),
    )
    number, answer = newest(answers)
    if not isinstance(answer, ReadError):
        origin = asked[number].origin
        return Priced(found, _single(origin, address, answer, stable), stable, origin)
    if listed is None or feed is None or own is None:
        raise answer.with_traceback(None)
    price, decimals, updated_at = own
    origin = calls.ANSWER.at(feed).origin
    scaled = price * 10 ** (PRICE_DECIMALS - found.decimals) // 10**decimals
    if scaled <= 0:
        raise UnusablePrice(token_id(known.chain, address), origin, price)
    return Priced(found, scaled, stable, origin, updated_at, listed.heartbeat_s)


def _of_feed(feed: Address | None) -> Read[tuple[int, int, int] | None]:
    """What the configuration's own feed of a token says, its decimals, and since when."""
    if feed is None:
        return None
    [answer], [decimals] = yield from both(
        attempt([calls.ANSWER.at(feed)]), attempt([calls.DECIMALS.at(feed)])
    )
    if isinstance(answer, ReadError) or isinstance(decimals, ReadError) or decimals > PRICE_DECIMALS:
        return None
    return answer[1], decimals, answer[3]


def _single(origin: str, address: Address, answer: calls.OraclePrice, stable: int) -> int:
    """The feed's price behind a pair, of which the other is the stable one, or the same."""
    low, high = answer.low, answer.high
    if answer.token != address:
        raise MalformedReply(origin, f"a price of {answer.token}, not of {address}")
    if not 0 < low <= high:
        raise UnusablePrice(address, origin, min(low, high))
    if low == high:
        return low
    if stable not in (low, high):
        raise MalformedReply(origin, f"from {low} to {high}, which no stable price explains")
    return high if stable == low else low


def index_asset(token: Described) -> AssetId:
    """What a position on this index follows."""
    return index_id(token.underlying)
