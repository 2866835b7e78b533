"""What all wallets of one market share at one block, whichever of the two generations it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from adapters.lyra_v1.collateral import CollateralParameters
from aggregator.contract import Deployment, Read
from aggregator.model.assets import Asset
from aggregator.model.errors import UNANSWERED, ReadError
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed
from aggregator.model.units import Address

PRICE_DECIMALS = 18
AVALON, NEWPORT = "avalon", "newport"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Synths:
    """How Synthetix knows an Avalon market's assets, and where it tells their rates."""

    base_key: bytes
    quote_key: bytes
    exchange_rates: Address


@dataclass(frozen=True, slots=True)
class Market:
    """A market's assets, parameters and state. `synths` is None in Newport, which has other tokens.

    `is_paused_everywhere` is whether all markets are, which then take no collateral either.
    """

    base: Asset
    quote: Asset
    underlying: str
    parameters: CollateralParameters
    is_paused: bool
    synths: Synths | None = None
    is_paused_everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """The market's prices: the underlying's spot as a feed, and all of them as quotes."""

    feed: Feed
    quotes: tuple[Quote, ...]


def version_of(deployment: Deployment) -> str:
    """Which generation of contracts a deployment is of."""
    return str(deployment.options.get("version", AVALON))


@dataclass(frozen=True, slots=True)
class Untold:
    """Why something that its asker can do without is not known; no error itself, which would be raised."""

    error: ReadError


def unless_refused(read: Read[R]) -> Read[R | Untold]:
    """What a read finds, or why there is none: for what its asker can do without.

    Raises what nobody answered: that says nothing of the market, and would be missing without a word.
    """
    try:
        return (yield from read)
    except UNANSWERED:
        raise
    except ReadError as error:
        return Untold(error)
