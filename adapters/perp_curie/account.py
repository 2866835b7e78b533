"""From what the contracts said to an account: positions, rule, and the protocol's own word."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from adapters.perp_curie import calls
from adapters.perp_curie.access import Access
from adapters.perp_curie.averages import Averages
from adapters.perp_curie.collateral_reading import CollateralReply
from adapters.perp_curie.margin import DECIMALS, CurieRule
from adapters.perp_curie.market import MILLION, Collateral, MarketState, RangeOrder, cut
from adapters.perp_curie.reading import MarketReply, Own, Trader
from adapters.perp_curie.sale import SaleTerms
from adapters.perp_curie.system import Settings, System
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset, index_id, token_id
from aggregator.model.errors import MalformedReply, UnusablePrice
from aggregator.model.openings import Opening
from aggregator.model.positions import Debt, Perp, Position, Supply
from aggregator.model.readings import Block, Quote
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, ChainId
from aggregator.pricing.concentrated import Q96

PROTOCOL = "perp_curie"
_BASE = re.compile(r"v[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Said:
    """All that was read of one trader at one deployment; `others` are markets where nothing is open."""

    system: System
    settings: Settings
    trader: Trader
    markets: Sequence[MarketReply]
    collaterals: Sequence[CollateralReply]
    terms: SaleTerms | None
    own: Own
    others: Sequence[MarketReply] = ()


def account_of(said: Said, rule: CurieRule, label: str, wallet: Address, block: Block) -> Account:
    """The trader's one account under its rule."""
    settlement = Asset(rule.settlement, said.settings.symbol, rule.settlement_decimals)
    origin = calls.BALANCE.at(said.system.vault, wallet).origin
    perps = [_perp(rule, one, settlement, said, wallet) for one in rule.markets if one.is_open]
    positions: list[Position] = [_cash(rule, settlement, origin)]
    for reply in said.collaterals:
        asset = Asset(token_id(block.chain, reply.token), reply.symbol, reply.decimals)
        held = calls.BALANCE_OF_TOKEN.at(said.system.vault, wallet, reply.token).origin
        positions.append(Supply(asset, reply.balance, is_collateral=True, origin=held))
    positions.extend(one for one in perps if one.size_raw or one.pnl_raw or one.funding_raw)
    return Account(
        id=f"{PROTOCOL}:{block.chain}:{said.system.clearing_house}:{wallet}",
        protocol=PROTOCOL,
        kind="perp",
        chain=block.chain,
        label=label,
        owner_path=(wallet,),
        positions=tuple(positions),
        rule=rule,
        reported=_reported(said, wallet),
        openings=tuple(_opening(rule, one, settlement, said) for one in rule.others),
    )


def rule_of(said: Said, block: Block) -> CurieRule:
    """The rule at the block; raises UnusablePrice on a price of 0."""
    totals, system, names = said.trader.totals, said.system, names_of(said.markets)
    further = names_of(said.others, names.values())
    others = [one for one in said.others if one.is_open and one.pool is not None and one.price > 0]
    return CurieRule(
        time=block.timestamp,
        settlement=token_id(block.chain, system.settlement),
        settlement_decimals=system.settlement_decimals,
        balance=said.trader.balance,
        owed_pnl=totals.owed_realized_pnl,
        pending_fee=totals.pending_fee,
        markets=tuple(_market(one, names[one.base], said.settings, block) for one in said.markets),
        collaterals=tuple(_collateral(one, block.chain) for one in said.collaterals),
        maintenance_ratio=said.settings.maintenance_ratio,
        penalty_ratio=said.settings.penalty_ratio,
        insurance=said.settings.capacity,
        paused=system.paused,
        terms=said.terms,
        access=Access(
            system.clearing_house,
            system.vault,
            said.settings.initial_ratio,
            said.settings.vault_paused,
            said.settings.room,
        ),
        others=tuple(_market(one, further[one.base], said.settings, block) for one in others),
    )


def quotes_of(rule: CurieRule, said: Said) -> list[Quote]:
    """The prices that the protocol uses: marks of open markets, collaterals, settlement token at 1."""
    moving = [one.feed for one in rule.markets if one.is_open] + [one.feed for one in rule.collaterals]
    return [
        _counted(rule, said),
        *(Quote(feed.asset, feed.price, feed.decimals, feed.origin) for feed in moving),
    ]


def _counted(rule: CurieRule, said: Said) -> Quote:
    """What the protocol takes the settlement token for."""
    counted = calls.SETTLEMENT_TOKEN.at(said.system.vault).origin
    one = 10**rule.settlement_decimals
    return Quote(rule.settlement, one, rule.settlement_decimals, f"{counted} (counts as 1 USD)")


def names_of(markets: Sequence[MarketReply], taken: Collection[str] = ()) -> dict[Address, str]:
    """A name for each market by its base token: its symbol, if that is a plain one and no other's yet.

    Open markets choose first: one that has stopped may have left its symbol to a successor.
    """
    names: dict[Address, str] = {}
    for one in sorted(markets, key=lambda reply: not reply.is_open):
        plain = _BASE.fullmatch(one.symbol) and one.symbol not in (*taken, *names.values())
        names[one.base] = one.symbol if plain else f"{one.symbol}@{one.base}"
    return names


def _market(reply: MarketReply, name: str, settings: Settings, block: Block) -> MarketState:
    chain, time = block.chain, block.timestamp
    if reply.is_open:
        asset, oracle = index_id(name[1:] if _BASE.fullmatch(name) else name), Oracle.MARKET
    else:
        asset, oracle = token_id(chain, reply.base), Oracle.FIXED
    if reply.price <= 0:
        raise UnusablePrice(asset, reply.price_origin, reply.price)
    return MarketState(
        base=reply.base,
        name=name,
        feed=Feed(asset, oracle, reply.price, DECIMALS, reply.price_origin),
        is_open=reply.is_open,
        size=reply.taker.size,
        notional=reply.taker.notional,
        orders=tuple(
            RangeOrder(one.lower, one.upper, one.liquidity, one.base_debt, one.quote_debt)
            for one in reply.orders
        ),
        root=reply.root,
        funding=reply.funding,
        premium=_premium(reply, settings),
        pool=reply.pool,
        averages=_averages(reply, time),
    )


def _averages(reply: MarketReply, time: int) -> Averages | None:
    """What the mark is made of; None where the mark that was read is not what follows from it."""
    found = reply.averages
    return found if found is not None and found.mark(time) == reply.price else None


def _premium(reply: MarketReply, settings: Settings) -> int:
    """Market above index, both as averages, within the largest funding rate (`_getDeltaTwapX96`)."""
    if reply.market_twap is None or reply.index_twap is None:
        return 0
    # The contract passes the market's average through 18 decimals only where it reports it.
    market = reply.market_twap * reply.market_twap // Q96
    index = reply.index_twap * Q96 // WAD
    most = index * settings.max_funding_rate // MILLION
    return max(-most, min(most, market - index))


def _collateral(reply: CollateralReply, chain: ChainId) -> Collateral:
    asset = token_id(chain, reply.token)
    if reply.price <= 0:
        raise UnusablePrice(asset, reply.origin, reply.price)
    feed = Feed(asset, Oracle.MARKET, reply.price, reply.price_decimals, reply.origin)
    return Collateral(
        feed,
        reply.symbol,
        reply.decimals,
        reply.balance,
        reply.config.ratio,
        reply.config.discount,
        reply.track,
        reply.room,
    )


def _perp(rule: CurieRule, market: MarketState, settlement: Asset, said: Said, wallet: Address) -> Perp:
    price = market.feed.price
    reply = next(one for one in said.markets if one.base == market.base)
    known = reply.market_twap is not None and reply.index_twap is not None
    day = cut(market.funding_growth(), Q96)
    index = market.feed.asset
    return Perp(
        market=market.name,
        index=index,
        underlying=index.removeprefix("index:"),
        size_raw=market.total_size(price),
        size_decimals=DECIMALS,
        entry_price_raw=market.entry_price(price),
        mark_price_raw=price,
        price_decimals=DECIMALS,
        pnl_raw=market.profit(price) // rule.unit,
        funding_raw=-market.funding // rule.unit,
        settlement=settlement,
        origin=calls.ACCOUNT_INFO.at(said.system.account_balance, wallet, market.base).origin,
        funding_24h_raw=-day // rule.unit if known else None,
    )


def _opening(rule: CurieRule, market: MarketState, settlement: Asset, said: Said) -> Opening:
    """A position that could be opened: the pool's depth, the fees and the margin are the rule's."""
    feed = market.feed
    return Opening.at(
        market.name,
        feed,
        underlying=feed.asset.removeprefix("index:"),
        settlement=settlement,
        size_decimals=DECIMALS,
        price_decimals=DECIMALS,
        origin=feed.origin,
        further=(_counted(rule, said),),
    )


def _cash(rule: CurieRule, settlement: Asset, origin: str) -> Position:
    """Settlement token with fees, realised profit, and what stopped markets will pay out."""
    raw = rule.settlement_raw
    if raw < 0:
        return Debt(settlement, -raw, "variable", origin)
    return Supply(settlement, raw, is_collateral=True, origin=origin)


def _reported(said: Said, wallet: Address) -> Reported:
    own = said.own
    if own.requirement < 0:
        where = calls.REQUIREMENT.at(said.system.account_balance, wallet).origin
        raise MalformedReply(where, f"a requirement of {own.requirement}")
    return Reported(
        health=own.value * WAD // own.requirement if own.requirement else None,
        # What a liquidation requires; the contracts have no public function of it.
        liquidatable=own.value < own.requirement,
        liquidation_price=None,
        origin=calls.ACCOUNT_VALUE.at(said.system.clearing_house, wallet).origin,
    )
