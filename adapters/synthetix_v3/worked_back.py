"""From what the contracts said of an account to its rule, checked before anything relies on it."""

from __future__ import annotations

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.funding import Recomputed, recomputed
from adapters.synthetix_v3.handle import Handle
from adapters.synthetix_v3.margin import DECIMALS, Collateral, PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.replies import Held, MarketReply, SynthReply, System
from adapters.synthetix_v3.rewards import Rewards
from aggregator.model.assets import AssetId, index_id, token_id
from aggregator.model.errors import MalformedReply, Unsupported, UnusablePrice
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.readings import Block
from aggregator.model.rules import WAD, Feed, Oracle, prices_of

# One unit for each figure that is worked back, and for each that the contract rounds.
_SLACK = 16


def rule_of(found: Held, system: System, block: Block, usd: AssetId) -> SynthetixV3Rule:
    """The account's rule; raises UnusablePrice, MalformedReply where figures contradict each other.

    Raises Unsupported where the rule does not lead to the margins that the perps market itself answers: then
    it is of a version that computes otherwise.
    """
    overview = found.overview
    minimum, profit_ratio, maximum, scaling = system.guards
    rule = SynthetixV3Rule(
        usd=usd,
        usd_amount=found.usd_amount,
        debt=overview.debt,
        collaterals=tuple(_collateral(one, system, block) for one in found.synths),
        positions=tuple(_position(one, system, block) for one in found.markets),
        rewards=Rewards(minimum, profit_ratio, maximum, scaling, system.collateral_reward, *found.costs),
        interest_rate=system.interest_rate,
        interest_time=block.timestamp,
        flagged=overview.flagged,
        handle=Handle(system.perps, overview.account, _order_until(found)),
    )
    assets = [feed.asset for feed in rule.feeds]
    if len(set(assets)) != len(assets):
        what = (
            f"account {overview.account} with two markets or synths of one name: {', '.join(sorted(assets))}"
        )
        raise Unsupported(what, "their prices can't be told apart; report it with a recording")
    health = rule.health(prices_of(rule), block.timestamp)
    required = health.requirement if rule.positions else 0
    slack = _SLACK * (1 + len(assets))
    if abs(health.power - overview.available) > slack or abs(required - overview.required) > slack:
        raise Unsupported(
            f"a perps market that answers a margin of {overview.available} and requires {overview.required} "
            f"where {health.power} and {required} are computed",
            "it is of another version than 3.13; report it with a recording",
        )
    return rule


def _order_until(found: Held) -> int | None:
    order, strategy = found.overview.order, found.strategy
    if not order.size_delta:
        return 0
    return None if strategy is None else order.commitment_time + strategy.delay + strategy.window


def recomputed_of(one: MarketReply, time: int) -> Recomputed:
    """When a market's funding was last recomputed, as far as events tell."""
    return recomputed(one.summary, one.latest, time)


def index_feed(one: MarketReply, system: System) -> Feed:
    """The index price of a market; raises UnusablePrice where it is zero."""
    origin = calls.SUMMARY.at(system.perps, one.identity).origin
    asset = index_id(one.symbol or f"Synthetix V3 market {one.identity}")
    if one.summary.index_price <= 0:
        raise UnusablePrice(asset, origin, one.summary.index_price)
    return Feed(asset, Oracle.MARKET, one.summary.index_price, DECIMALS, origin)


def synth_feed(one: SynthReply, system: System, block: Block) -> Feed:
    """The price at which a synth counts; raises UnusablePrice where it is zero."""
    call = calls.SPOT_PRICE.at(system.spot, one.identity, calls.SELL, calls.DEFAULT_TOLERANCE)
    asset = token_id(block.chain, one.token)
    if one.price <= 0:
        raise UnusablePrice(asset, call.origin, one.price)
    return Feed(asset, Oracle.MARKET, one.price, DECIMALS, call.origin)


def price_profit(one: MarketReply) -> int:
    """Profit by the price alone: the total has funding and interest in it."""
    position = one.position
    return position.total_pnl - position.accrued_funding + position.owed_interest


def _collateral(one: SynthReply, system: System, block: Block) -> Collateral:
    _, upper, lower, scalar = one.limits
    discount = 0
    if one.skew_scale:
        impact = multiply(divide(one.amount, one.skew_scale), scalar)
        discount = min(max(impact, lower), upper)
    if discount > WAD:
        origin = calls.COLLATERAL_CONFIGURATION.at(system.perps, one.identity).origin
        raise MalformedReply(origin, f"a discount of {discount}, more than all")
    return Collateral(synth_feed(one, system, block), one.amount, discount)


def _position(one: MarketReply, system: System, block: Block) -> PositionState:
    feed, position = index_feed(one, system), one.position
    origin = calls.OPEN_POSITION.at(system.perps, 0, one.identity).origin
    if position.size == 0:
        raise MalformedReply(origin, f"market {one.identity} is listed as open without a position")
    market = _market(one, block.timestamp)
    entry = feed.price - factor_of(price_profit(one), position.size)
    if entry <= 0:
        raise MalformedReply(origin, f"a profit of {position.total_pnl}, which no entry price gives")
    per_unit = factor_of(position.accrued_funding, position.size)
    locked = multiply(multiply(abs(position.size), feed.price), one.locked_oi_ratio)
    if position.owed_interest and not locked:
        raise MalformedReply(origin, f"interest of {position.owed_interest} on nothing that is locked")
    return PositionState(
        name=_name(one),
        feed=feed,
        market=market,
        size=position.size,
        entry_price=entry,
        settled_funding=per_unit - market.unrecorded_funding(feed.price, block.timestamp),
        interest=factor_of(position.owed_interest, locked) if position.owed_interest else 0,
    )


def _market(one: MarketReply, time: int) -> Market:
    impact, minimum, scalar, flag_reward, minimum_margin = one.margins
    _, window, max_pd, _ = one.limits
    capacity, limit, latest = one.capacity
    skew_scale, max_velocity = one.funding
    known = recomputed_of(one, time)
    used = limit - capacity
    if not 0 <= used <= limit or latest > time:
        raise MalformedReply(f"liquidationCapacity of market {one.identity}", f"{one.capacity} at {time}")
    market = Market(
        skew=one.summary.skew,
        skew_scale=skew_scale,
        max_funding_velocity=max_velocity,
        funding_rate=known.rate,
        funding_time=known.time,
        impact_ratio=impact,
        minimum_ratio=minimum,
        maintenance_scalar=scalar,
        flag_reward_ratio=flag_reward,
        minimum_position_margin=minimum_margin,
        locked_oi_ratio=one.locked_oi_ratio,
        window_limit=limit,
        window_seconds=window,
        max_liquidation_pd=max_pd,
        liquidated=((latest, used),) if latest else (),
    )
    if market.funding_velocity() != one.summary.funding_velocity:
        # At the block itself nothing else would show it: the funding that has accrued is worked back.
        raise Unsupported(
            f"market {one.identity} with a funding velocity of {one.summary.funding_velocity}, "
            f"where {market.funding_velocity()} is computed",
            "it is of another version than 3.13; report it with a recording",
        )
    return market


def _name(one: MarketReply) -> str:
    return one.symbol or f"market {one.identity}"


def factor_of(product: int, other: int) -> int:
    """A number with 18 decimals, nearest to zero, that gives `product` when multiplied by `other` != 0."""
    size = -(-abs(product) * WAD // abs(other))
    return size if (product >= 0) == (other > 0) else -size
