"""Tokens as the chain and the oracle tell them, and how options of them are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.calls import Series
from adapters.opyn_gamma.fixed_point import DECIMALS, OPTION_DECIMALS
from aggregator.contract import Read, ask, attempt, both, symbol_of
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import (
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import Quote
from aggregator.model.units import Address, ChainId, plain, scaled


@dataclass(frozen=True, slots=True)
class Tokens:
    """Assets by their addresses, and the quotes of those that were asked for."""

    assets: Mapping[Address, Asset]
    quotes: Mapping[Address, Quote]

    def instrument(self, series: Series) -> str:
        """The option's name in the style of its token's symbol: `oWETHUSDC/USDC-24SEP21-1800P`."""
        underlying, strike_asset, collateral = (
            self.assets[token].symbol for token in (series.underlying, series.strike_asset, series.collateral)
        )
        day = datetime.fromtimestamp(series.expiry, UTC).strftime("%d%b%y").upper()
        strike = plain(scaled(series.strike, OPTION_DECIMALS))
        return f"o{underlying}{strike_asset}/{collateral}-{day}-{strike}{'P' if series.is_put else 'C'}"


def read_tokens(
    chain: ChainId, oracle: Address, tokens: Sequence[Address], priced: Sequence[Address]
) -> Read[Tokens]:
    """Tokens in one round, with the oracle's price in USD of some of them.

    Raises UnusablePrice on a price of zero, Unsupported on more decimals than Gamma's numbers have.
    """
    prices = [calls.PRICE.at(oracle, token) for token in priced]
    (decimals, symbols), answers = yield from both(
        both(
            ask([calls.DECIMALS.at(token) for token in tokens]),
            attempt([calls.SYMBOL.at(token) for token in tokens]),
        ),
        ask(prices),
    )
    assets = {
        token: Asset(token_id(chain, token), symbol_of(token, symbol), places)
        for token, places, symbol in zip(tokens, decimals, symbols, strict=True)
    }
    for token, asset in assets.items():
        if asset.decimals > DECIMALS:
            raise Unsupported(f"{token} with {asset.decimals} decimals", f"at most {DECIMALS} can be counted")
    quotes = {}
    for token, price, call in zip(priced, answers, prices, strict=True):
        if price <= 0:
            raise UnusablePrice(token_id(chain, token), call.origin, price)
        quotes[token] = Quote(token_id(chain, token), price, OPTION_DECIMALS, call.origin)
    return Tokens(assets, quotes)
