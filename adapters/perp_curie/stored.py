"""Rules as JSON: what is written here, `loading` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.perp_curie.market import Collateral, MarketState, RangeOrder
from aggregator.model.rules import JsonValue
from aggregator.model.stored import feed_to_json

if TYPE_CHECKING:
    from adapters.perp_curie.access import Access
    from adapters.perp_curie.averages import Averages, Track
    from adapters.perp_curie.margin import CurieRule
    from adapters.perp_curie.pool import Pool
    from adapters.perp_curie.sale import SaleTerms


def rule_to_json(rule: CurieRule) -> dict[str, JsonValue]:
    """Data for loading.load_rule."""
    return {
        "family": rule.family,
        "time": rule.time,
        "settlement": rule.settlement,
        "settlement_decimals": rule.settlement_decimals,
        "balance": str(rule.balance),
        "owed_pnl": str(rule.owed_pnl),
        "pending_fee": str(rule.pending_fee),
        "markets": [_market(one) for one in rule.markets],
        "collaterals": [_collateral(one) for one in rule.collaterals],
        "maintenance_ratio": rule.maintenance_ratio,
        "penalty_ratio": rule.penalty_ratio,
        "insurance": str(rule.insurance),
        "paused": rule.paused,
        "terms": None if rule.terms is None else _terms(rule.terms),
        "access": None if rule.access is None else _access(rule.access),
        **({"others": [_market(one) for one in rule.others]} if rule.others else {}),
    }


def _market(market: MarketState) -> dict[str, JsonValue]:
    return {
        "base": market.base,
        "name": market.name,
        "feed": feed_to_json(market.feed),
        "is_open": market.is_open,
        "size": str(market.size),
        "notional": str(market.notional),
        "orders": [_order(one) for one in market.orders],
        "root": str(market.root),
        "funding": str(market.funding),
        "premium": str(market.premium),
        "pool": None if market.pool is None else _pool(market.pool),
        "averages": None if market.averages is None else _averages(market.averages),
    }


def _pool(pool: Pool) -> dict[str, JsonValue]:
    depth = pool.depth
    return {
        "tick": depth.tick,
        "liquidity": str(depth.liquidity),
        "spacing": depth.spacing,
        "lowest": depth.lowest,
        "highest": depth.highest,
        "crossings": [{"tick": tick, "net": str(net)} for tick, net in depth.crossings],
        "exchange_fee": pool.exchange_fee,
        "uniswap_fee": pool.uniswap_fee,
        "insurance_share": pool.insurance_share,
        "most_ticks": pool.most_ticks,
        "most_spread": pool.most_spread,
        "index": str(pool.index),
        "recent": None
        if pool.recent is None
        else [{"tick": tick, "time": time} for tick, time in pool.recent],
    }


def _averages(averages: Averages) -> dict[str, JsonValue]:
    return {
        "ticks": _track(averages.ticks),
        "index": _track(averages.index),
        "root": str(averages.root),
        "market_seconds": averages.market_seconds,
        "premium_seconds": averages.premium_seconds,
        "funding_seconds": averages.funding_seconds,
        "most_funding": averages.most_funding,
    }


def _track(track: Track) -> dict[str, JsonValue]:
    sums: list[JsonValue] = [{"time": time, "sum": str(total)} for time, total in track.sums]
    return {"sums": sums, "last": str(track.last)}


def _order(order: RangeOrder) -> dict[str, JsonValue]:
    return {
        "lower": order.lower,
        "upper": order.upper,
        "liquidity": str(order.liquidity),
        "base_debt": str(order.base_debt),
        "quote_debt": str(order.quote_debt),
    }


def _collateral(held: Collateral) -> dict[str, JsonValue]:
    return {
        "feed": feed_to_json(held.feed),
        "name": held.name,
        "decimals": held.decimals,
        "balance": str(held.balance),
        "ratio": held.ratio,
        "discount": held.discount,
        "track": None if held.track is None else _track(held.track),
        **_room(held.room),
    }


def _access(access: Access) -> dict[str, JsonValue]:
    return {
        "clearing_house": access.clearing_house,
        "vault": access.vault,
        "initial_ratio": access.initial_ratio,
        "vault_paused": access.vault_paused,
        **_room(access.room),
    }


def _room(room: int | None) -> dict[str, JsonValue]:
    """Left out where it is not known: what was stored before it was read stays what was saved."""
    return {} if room is None else {"room": str(room)}


def _terms(terms: SaleTerms) -> dict[str, JsonValue]:
    return {
        "margin_ratio": terms.margin_ratio,
        "initial_ratio": terms.initial_ratio,
        "debt_share": terms.debt_share,
        "most_debt": str(terms.most_debt),
        "part": terms.part,
        "small_debt": str(terms.small_debt),
        "fee_ratio": terms.fee_ratio,
        "paused": terms.paused,
    }
