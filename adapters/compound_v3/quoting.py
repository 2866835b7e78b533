"""Which currency a comet's feeds count in: no contract tells it, so every deployment has to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from adapters.compound_v3.margin import PRICE_DECIMALS
from adapters.compound_v3.market import Market
from aggregator.contract import Deployment
from aggregator.model.assets import USD, AssetId, Classification
from aggregator.model.errors import BadConfiguration, ReadError, Unsupported

ONE = 10**PRICE_DECIMALS


class Quoting(StrEnum):
    """The option `quote` of a deployment.

    `base`: the feeds count in the base itself, whose own feed answers one, or in the coin that the base
    wraps (WBTC at its price in BTC).
    """

    USD = "usd"
    BASE = "base"


def quoting_of(entry: Deployment) -> Quoting:
    """The entry's option; raises BadConfiguration where it is missing or misspelt."""
    text = entry.options.get("quote")
    allowed = [quoting.value for quoting in Quoting]
    if text not in allowed:
        raise BadConfiguration(
            entry.key,
            f"options.quote is {text!r}, not one of {allowed}: say whether the comet's feeds count in USD or "
            "in its base token",
        )
    return Quoting(text)


def quote_of(market: Market, quoting: Quoting) -> AssetId | None:
    """What the comet's feeds count in; None is USD."""
    return market.base.asset.id if quoting is Quoting.BASE else None


def check_quoting(
    deployment: Deployment, market: Market, quoting: Quoting, classes: Mapping[AssetId, Classification]
) -> None:
    """Raises Unsupported where the option contradicts the price of the base: every figure would be wrong."""
    price = market.base.price
    if isinstance(price, ReadError):
        return
    listed = classes.get(market.base.asset.id)
    one_ether = quoting is Quoting.USD and price == ONE and listed is not None and listed.underlying != USD
    many_bases = quoting is Quoting.BASE and abs(price - ONE) > ONE // 10
    if one_ether or many_bases:
        raise Unsupported(
            f"quote = {quoting.value!r} of {deployment.name}, whose base {market.base.asset.symbol} is at "
            f"{price} (8 decimals),",
            "correct options.quote of the deployment: 'base' where the base's own price is one, else 'usd'",
        )
