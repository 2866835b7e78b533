"""Stored rules, checked while they are read: what `CurieRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.perp_curie.access import Access
from adapters.perp_curie.averages import Averages, Track
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import Collateral, MarketState, RangeOrder
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.sale import SaleTerms
from adapters.perp_curie.swap import Depth
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed, objects
from aggregator.model.units import parse_address
from aggregator.pricing.concentrated import MAX_TICK


def load_rule(data: Mapping[str, JsonValue]) -> CurieRule:
    """The rule that `CurieRule.to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, CurieRule.family)
    return CurieRule(
        time=entry(data, "time", int),
        settlement=AssetId(entry(data, "settlement", str)),
        settlement_decimals=entry(data, "settlement_decimals", int),
        balance=exact(data, "balance"),
        owed_pnl=exact(data, "owed_pnl"),
        pending_fee=exact(data, "pending_fee"),
        markets=tuple(_market(one) for one in objects(data, "markets")),
        collaterals=tuple(_collateral(one) for one in objects(data, "collaterals")),
        maintenance_ratio=entry(data, "maintenance_ratio", int),
        penalty_ratio=entry(data, "penalty_ratio", int),
        insurance=exact(data, "insurance"),
        paused=entry(data, "paused", bool),
        terms=None if data.get("terms") is None else _terms(entry(data, "terms", dict)),
        access=None if data.get("access") is None else _access(entry(data, "access", dict)),
        others=tuple(_market(one) for one in objects(data, "others")) if "others" in data else (),
    )


def _market(data: Mapping[str, JsonValue]) -> MarketState:
    return MarketState(
        base=entry(data, "base", str),
        name=entry(data, "name", str),
        feed=load_feed(entry(data, "feed", dict)),
        is_open=entry(data, "is_open", bool),
        size=exact(data, "size"),
        notional=exact(data, "notional"),
        orders=tuple(_order(one) for one in objects(data, "orders")),
        root=exact(data, "root"),
        funding=exact(data, "funding"),
        premium=exact(data, "premium"),
        pool=None if data.get("pool") is None else _pool(entry(data, "pool", dict)),
        averages=None if data.get("averages") is None else _averages(entry(data, "averages", dict)),
    )


def _pool(data: Mapping[str, JsonValue]) -> Pool:
    recent = None
    if data.get("recent") is not None:
        recent = tuple((entry(one, "tick", int), entry(one, "time", int)) for one in objects(data, "recent"))
    depth = Depth(
        tick=entry(data, "tick", int),
        liquidity=exact(data, "liquidity"),
        spacing=entry(data, "spacing", int),
        lowest=entry(data, "lowest", int),
        highest=entry(data, "highest", int),
        crossings=tuple((entry(one, "tick", int), exact(one, "net")) for one in objects(data, "crossings")),
    )
    return Pool(
        depth=depth,
        exchange_fee=entry(data, "exchange_fee", int),
        uniswap_fee=entry(data, "uniswap_fee", int),
        insurance_share=entry(data, "insurance_share", int),
        most_ticks=entry(data, "most_ticks", int),
        most_spread=entry(data, "most_spread", int),
        index=exact(data, "index"),
        recent=recent,
    )


def _averages(data: Mapping[str, JsonValue]) -> Averages:
    return Averages(
        ticks=_track(entry(data, "ticks", dict)),
        index=_track(entry(data, "index", dict)),
        root=exact(data, "root"),
        market_seconds=entry(data, "market_seconds", int),
        premium_seconds=entry(data, "premium_seconds", int),
        funding_seconds=entry(data, "funding_seconds", int),
        most_funding=entry(data, "most_funding", int),
    )


def _track(data: Mapping[str, JsonValue]) -> Track:
    sums = tuple((entry(one, "time", int), exact(one, "sum")) for one in objects(data, "sums"))
    return Track(sums, exact(data, "last"))


def _order(data: Mapping[str, JsonValue]) -> RangeOrder:
    order = RangeOrder(
        lower=entry(data, "lower", int),
        upper=entry(data, "upper", int),
        liquidity=exact(data, "liquidity"),
        base_debt=exact(data, "base_debt"),
        quote_debt=exact(data, "quote_debt"),
    )
    if not -MAX_TICK <= order.lower < order.upper <= MAX_TICK:
        raise ValueError(f"a stored order from tick {order.lower} to {order.upper}")
    return order


def _collateral(data: Mapping[str, JsonValue]) -> Collateral:
    return Collateral(
        feed=load_feed(entry(data, "feed", dict)),
        name=entry(data, "name", str),
        decimals=entry(data, "decimals", int),
        balance=exact(data, "balance"),
        ratio=entry(data, "ratio", int),
        discount=entry(data, "discount", int),
        track=None if data.get("track") is None else _track(entry(data, "track", dict)),
        room=None if data.get("room") is None else exact(data, "room"),
    )


def _access(data: Mapping[str, JsonValue]) -> Access:
    return Access(
        clearing_house=parse_address(entry(data, "clearing_house", str)),
        vault=parse_address(entry(data, "vault", str)),
        initial_ratio=entry(data, "initial_ratio", int),
        vault_paused=entry(data, "vault_paused", bool),
        room=None if data.get("room") is None else exact(data, "room"),
    )


def _terms(data: Mapping[str, JsonValue]) -> SaleTerms:
    return SaleTerms(
        margin_ratio=entry(data, "margin_ratio", int),
        initial_ratio=entry(data, "initial_ratio", int),
        debt_share=entry(data, "debt_share", int),
        most_debt=exact(data, "most_debt"),
        part=entry(data, "part", int),
        small_debt=exact(data, "small_debt"),
        fee_ratio=entry(data, "fee_ratio", int),
        paused=entry(data, "paused", bool),
    )
