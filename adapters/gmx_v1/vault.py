"""What the vault says of itself: its settings, and state and prices of every token that it ever listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.gmx_v1 import calls
from adapters.gmx_v1.margin import BASIS_POINTS, DECIMALS, Funding, Terms
from adapters.gmx_v1.names import Names, read_symbols
from aggregator.contract import Column, Deployment, Function, Read, ask, attempt, both
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import MalformedReply, ReadError, Unsupported, UnusablePrice
from aggregator.model.units import Address, ChainId

FIRST = 24
"""Tokens that are asked for at once, before it is known how many there are."""
MOST = 64
MOST_DECIMALS = 36
ZERO = Address("0x" + "0" * 40)
# Bounds that the vault itself keeps its settings within; one without tokens is not set up.
_BOUNDS: tuple[tuple[Function[int], int, int], ...] = (
    (calls.MAX_LEVERAGE, BASIS_POINTS + 1, 2**128),
    (calls.LIQUIDATION_FEE, 0, 100 * 10**DECIMALS),
    (calls.MARGIN_FEE, 0, 500),
    (calls.MIN_PROFIT_TIME, 0, 2**64),
    (calls.FUNDING_INTERVAL, 3_600, 2**64),
    (calls.FUNDING_FACTOR, 0, 10_000),
    (calls.STABLE_FUNDING_FACTOR, 0, 10_000),
    (calls.TOKENS_LENGTH, 1, MOST),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The vault's own numbers; `tokens` as listed, one that was removed and came back twice."""

    vault: Address
    price_feed: Address
    max_leverage: int
    liquidation_fee: int
    margin_fee: int
    min_profit_time: int
    funding_interval: int
    funding_factor: int
    stable_funding_factor: int
    tokens: tuple[Address, ...]

    @property
    def distinct(self) -> tuple[Address, ...]:
        """The tokens, each once."""
        return tuple(dict.fromkeys(self.tokens))


@dataclass(frozen=True, slots=True)
class Token:
    """A listed token; amounts in its smallest unit, USD and prices with 30 decimals.

    `lowest` and `highest` are the prices that a liquidation takes, `worth` the vault's lowest price as its
    views tell it; an error where the price can't be had.
    """

    address: Address
    decimals: int
    is_stable: bool
    is_whitelisted: bool
    min_profit_bps: int
    pool: int
    reserved: int
    guaranteed: int
    cumulative_rate: int
    last_funding_time: int
    short_size: int
    lowest: int | ReadError
    highest: int | ReadError
    worth: int | ReadError


@dataclass(frozen=True, slots=True)
class System:
    """The settings with the state of all tokens, and what they are called, by address."""

    settings: Settings
    tokens: dict[Address, Token]
    assets: dict[Address, Asset]

    def funding(self, token: Token) -> Funding:
        """The funding rate of a collateral token."""
        own = self.settings
        return Funding(
            cumulative=token.cumulative_rate,
            last_time=token.last_funding_time,
            interval=own.funding_interval,
            factor=own.stable_funding_factor if token.is_stable else own.funding_factor,
            reserved=token.reserved,
            pool=token.pool,
        )

    def terms(self, index: Token) -> Terms:
        """The settings that a position in an index token is judged by."""
        own = self.settings
        return Terms(
            max_leverage=own.max_leverage,
            liquidation_fee=own.liquidation_fee,
            margin_fee_bps=own.margin_fee,
            min_profit_time=own.min_profit_time,
            min_profit_bps=index.min_profit_bps,
        )

    def listed(self, token: Address | None) -> Address:
        """The token itself; raises Unsupported on one without decimals and a price of the vault's."""
        if token not in self.tokens or not self.tokens[token].is_whitelisted:
            raise Unsupported(
                f"an amount of {token}", "the vault lists no such token, and has no price of it"
            )
        return token

    def worth(self, token: Token, chain: ChainId) -> tuple[int, str]:
        """The vault's lowest price of a token by its own views, and its origin; raises where it has none."""
        origin = calls.MIN_PRICE.at(self.settings.vault, token.address).origin
        return _price(token.worth, token_id(chain, token.address), origin), origin

    def closing_price(self, token: Token, chain: ChainId, *, highest: bool) -> tuple[int, str]:
        """The price that a liquidation takes, and its origin; raises where it has none."""
        call = calls.FEED_PRICE.at(self.settings.price_feed, token.address, highest, False, False)  # noqa: FBT003
        what = token.highest if highest else token.lowest
        return _price(what, token_id(chain, token.address), call.origin), call.origin


def _price(what: int | ReadError, asset: AssetId, origin: str) -> int:
    if isinstance(what, ReadError):
        raise what.with_traceback(None)
    if what <= 0:
        raise UnusablePrice(asset, origin, what)
    return what


def read_settings(deployment: Deployment) -> Read[Settings]:
    """The vault's settings and list of tokens, in one round; two where it lists more than `FIRST`.

    Raises MalformedReply on settings that no vault of this kind can have.
    """
    vault = deployment.addresses["vault"]
    numbers, ([price_feed], [listed]) = yield from both(
        ask([function.at(vault) for function, _, _ in _BOUNDS]),
        both(ask([calls.PRICE_FEED.at(vault)]), ask([calls.TOKEN.each(vault, range(FIRST))])),
    )
    for (function, least, most), value in zip(_BOUNDS, numbers, strict=True):
        if not least <= value <= most:
            raise MalformedReply(function.at(vault).origin, f"{value} is not between {least} and {most}")
    leverage, liquidation, margin, profit_time, interval, factor, stable_factor, count = numbers
    tokens = _first(listed, min(count, FIRST))
    if count > FIRST:
        [more] = yield from ask([calls.TOKEN.each(vault, range(FIRST, count))])
        tokens += _first(more, count - FIRST)
    if ZERO in tokens:
        raise MalformedReply(calls.TOKEN.at(vault, tokens.index(ZERO)).origin, "a token without an address")
    return Settings(
        vault=vault,
        price_feed=price_feed,
        max_leverage=leverage,
        liquidation_fee=liquidation,
        margin_fee=margin,
        min_profit_time=profit_time,
        funding_interval=interval,
        funding_factor=factor,
        stable_funding_factor=stable_factor,
        tokens=tuple(tokens),
    )


def _first(listed: Column, count: int) -> list[Address]:
    """The first of a column, of which the others may have reverted: they are beyond the list's end."""
    found: list[Address] = []
    for outcome in listed.outcomes()[:count]:
        if isinstance(outcome, ReadError):
            raise outcome.with_traceback(None)
        found.append(outcome)
    return found


def read_system(settings: Settings, names: Names, chain: ChainId) -> Read[System]:
    """The state and prices of all tokens, in one round; a price that can't be had is its error."""
    vault, feed, tokens = settings.vault, settings.price_feed, settings.distinct
    state: Sequence[Function[int]] = (
        *(calls.TOKEN_DECIMALS, calls.MIN_PROFIT, calls.POOL_AMOUNT, calls.RESERVED_AMOUNT),
        *(calls.GUARANTEED_USD, calls.CUMULATIVE_RATE, calls.LAST_FUNDING_TIME, calls.SHORT_SIZE),
    )
    (numbers, symbols), (flags, prices) = yield from both(
        both(ask([function.each(vault, tokens) for function in state]), read_symbols(names, chain, tokens)),
        both(
            ask([calls.IS_STABLE.each(vault, tokens), calls.IS_WHITELISTED.each(vault, tokens)]),
            attempt(
                [
                    calls.FEED_PRICE.each(feed, tokens, False, False, False),  # noqa: FBT003
                    calls.FEED_PRICE.each(feed, tokens, True, False, False),  # noqa: FBT003
                    calls.MIN_PRICE.each(vault, tokens),
                ]
            ),
        ),
    )
    decimals, min_profits, pools, reserved, guaranteed, rates, times, shorts = (
        column.values() for column in numbers
    )
    stable, whitelisted = (column.values() for column in flags)
    low, high, worth = (_outcomes(one, len(tokens)) for one in prices)
    for token, one in zip(tokens, decimals, strict=True):
        if one > MOST_DECIMALS:
            raise MalformedReply(calls.TOKEN_DECIMALS.at(vault, token).origin, f"{one} decimals")
    fields = (
        *(tokens, decimals, stable, whitelisted, min_profits, pools, reserved, guaranteed),
        *(rates, times, shorts, low, high, worth),
    )
    found = {row[0]: Token(*row) for row in zip(*fields, strict=True)}
    assets = {one.address: names.asset(chain, one.address, one.decimals, symbols) for one in found.values()}
    return System(settings, found, assets)


def _outcomes(column: Column | ReadError, count: int) -> list[int | ReadError]:
    return [column] * count if isinstance(column, ReadError) else column.outcomes()
