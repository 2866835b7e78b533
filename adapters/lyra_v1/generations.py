"""Avalon and Newport behind the same questions: the selectors are shared, the structs are not."""

from __future__ import annotations

from adapters.lyra_v1.avalon import read_avalon, read_avalon_spot
from adapters.lyra_v1.calls import SETTLEMENT, Settlement
from adapters.lyra_v1.closing_terms import Sources, read_newport_sources, read_sources
from adapters.lyra_v1.market import NEWPORT, Market, Spot, version_of
from adapters.lyra_v1.newport import read_newport, read_newport_spot
from adapters.lyra_v1.newport_calls import NEWPORT_SETTLEMENT
from aggregator.contract import Deployment, Function, Read


def read_market(deployment: Deployment) -> Read[Market]:
    """A market in one round; raises Unsupported where it is none of its generation's."""
    is_newport = version_of(deployment) == NEWPORT
    return (yield from (read_newport if is_newport else read_avalon)(deployment))


def read_spot(deployment: Deployment, market: Market) -> Read[Spot]:
    """The market's prices in one round; raises UnusablePrice where one is zero or flagged invalid."""
    if market.synths is None:
        return (yield from read_newport_spot(deployment, market))
    return (yield from read_avalon_spot(market, market.synths))


def settlement_of(deployment: Deployment) -> Function[Settlement]:
    """The view of what a strike settles at."""
    return NEWPORT_SETTLEMENT if version_of(deployment) == NEWPORT else SETTLEMENT


def read_closing_sources(deployment: Deployment) -> Read[Sources]:
    """Where the terms of liquidations are, in one round."""
    is_newport = version_of(deployment) == NEWPORT
    return (yield from (read_newport_sources if is_newport else read_sources)(deployment))
