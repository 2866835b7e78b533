"""From what a market said to an account: positions, rule, and the protocol's own word."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.calls import Valued
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import DECIMALS, PerpsV2Rule
from adapters.synthetix_perps_v2.market import Conditions, Details, Held, OpenPosition
from adapters.synthetix_perps_v2.names import underlying_of
from adapters.synthetix_perps_v2.terms import Terms, Unsaid
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset, index_id
from aggregator.model.errors import NotRecorded, ReadError, UnusablePrice
from aggregator.model.fixed_point import multiply
from aggregator.model.openings import Opening
from aggregator.model.positions import Perp, Position, Supply
from aggregator.model.readings import AccountFailure, Block, Quote
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, plain, scaled

_PROTOCOL = "synthetix_perps_v2"


def account_of(found: Details, wallet: Address, block: Block, susd: Asset) -> Account:
    """One isolated margin account; raises UnusablePrice where the market's price values nothing.

    The margin is a Supply as last settled; profit and funding since then are in the Perp.
    """
    held, opened = found.held, found.position
    origin = calls.POSITIONS.at(held.market, wallet).origin
    positions: list[Position] = [Supply(susd, held.margin, is_collateral=True, origin=origin)]
    rule = reported = None
    openings: tuple[Opening, ...] = ()
    if opened is not None:
        positions.append(_perp(held, opened, susd, block.timestamp, origin))
        rule = _rule(found, opened.market, susd, opened)
        reported = _reported(rule, opened, calls.LIQUIDATION_PRICE.at(held.market, wallet).origin)
    elif isinstance(could := could_open(found, susd, origin), Openable):
        rule, openings = could
    if locked := found.order.locked:
        locked_origin = calls.DELAYED_ORDERS.at(held.market, wallet).origin
        positions.append(Supply(susd, locked, is_collateral=False, origin=locked_origin))
    return Account(
        id=_id(held.market, wallet, block),
        protocol=_PROTOCOL,
        kind="perp",
        chain=block.chain,
        label=f"Synthetix {held.label}",
        owner_path=(wallet,),
        positions=tuple(positions),
        rule=rule,
        reported=reported,
        openings=openings,
    )


def openable_of(
    found: Details, wallet: Address, block: Block, susd: Asset, susd_quote: Quote
) -> Account | str:
    """An account that is not there in a market where one could be, or why it can't be told, as a sentence."""
    origin = calls.POSITIONS.at(found.held.market, wallet).origin
    could = could_open(found, susd, origin)
    if isinstance(could, str):
        return could
    account = replace(account_of(found, wallet, block, susd), positions=())
    return with_quotes(account, susd_quote)


def with_quotes(account: Account, susd_quote: Quote) -> Account:
    """The account with what its openings are settled at."""
    openings = tuple(replace(one, quotes=(*one.quotes, susd_quote)) for one in account.openings)
    return replace(account, openings=openings)


class Openable(NamedTuple):
    """A rule without a position, and the position that could be opened under it."""

    rule: PerpsV2Rule
    openings: tuple[Opening, ...]


def could_open(found: Details, susd: Asset, origin: str) -> Openable | str:
    """What could be opened in an account without a position, or why nothing can, as a sentence."""
    held, conditions, terms = found.held, found.conditions, found.terms
    if found.suspension is not None:
        return f"{held.label} is suspended"
    for one in (conditions, terms):
        if isinstance(one, Unsaid):
            return f"{held.label}: {one.error}"
    if not isinstance(conditions, Conditions) or not isinstance(terms, Terms):
        return f"{held.label} was not asked"
    try:
        feed = _feed(held, conditions.price)
    except UnusablePrice as error:
        return f"{held.label}: {error}"
    rule = _rule(found, conditions, susd, None)
    opening = Opening.at(
        held.label,
        feed,
        underlying=underlying_of(held.base_asset),
        settlement=susd,
        size_decimals=DECIMALS,
        price_decimals=DECIMALS,
        origin=origin,
        most_raw=terms.max_market_size,
    )
    return Openable(rule, (opening,))


def failure_of(
    market: Address, wallet: Address, block: Block, error: ReadError, label: str = ""
) -> AccountFailure:
    """The margin account in a market that could not be read; by its address where its key is not known."""
    return AccountFailure(
        id=_id(market, wallet, block),
        protocol=_PROTOCOL,
        chain=block.chain,
        label=f"Synthetix {label or f'market {market}'}",
        error=error,
    )


def _id(market: Address, wallet: Address, block: Block) -> str:
    return f"{_PROTOCOL}:{block.chain}:{market}:{wallet}"


def quote_of(found: Details) -> Quote | None:
    """The market's price in USD of what it follows; None where no position needed it."""
    if found.position is None:
        return None
    feed = _feed(found.held, found.position.market.price)
    return Quote(feed.asset, feed.price, feed.decimals, feed.origin)


def warnings_of(found: Details, time: int) -> list[str]:
    """What the user should know of an account at a time, beyond its figures."""
    held, opened, order = found.held, found.position, found.order
    warnings = []
    if found.suspension is not None:
        warnings.append(
            f"{held.label}: the protocol has suspended this market ({found.suspension}); until it resumes "
            "nothing there can be changed or liquidated"
        )
    if opened is not None and opened.flagged:
        warnings.append(f"{held.label}: the position is flagged and can be liquidated at any price")
    unsaid = found.terms if opened is not None else None
    if isinstance(unsaid, Unsaid) and not isinstance(unsaid.error, NotRecorded):
        warnings.append(f"{held.label}: what withdrawing and trading take there is not known: {unsaid.error}")
    if order.size_delta:
        kind = "an off-chain delayed order" if order.is_offchain else "a delayed order"
        warnings.append(
            f"{held.label}: {kind} of {plain(scaled(order.size_delta, DECIMALS))} is pending: "
            f"{found.windows.sentence(order, time)}; until it is executed or cancelled the margin can't be "
            f"changed, and its deposit of {plain(scaled(order.locked, DECIMALS))} sUSD goes to whoever "
            "does that"
        )
    return warnings


def _perp(held: Held, opened: OpenPosition, susd: Asset, time: int, origin: str) -> Perp:
    underlying = underlying_of(held.base_asset)
    price = opened.market.price.value
    received_24h = -multiply(opened.market.state.funding_rate_at(time), price)
    return Perp(
        market=held.label,
        index=index_id(underlying),
        underlying=underlying,
        size_raw=held.size,
        size_decimals=DECIMALS,
        entry_price_raw=held.last_price,
        mark_price_raw=price,
        price_decimals=DECIMALS,
        pnl_raw=opened.profit_loss.value,
        funding_raw=opened.accrued_funding.value,
        settlement=susd,
        origin=origin,
        funding_24h_raw=multiply(held.size, received_24h),
    )


def _feed(held: Held, price: Valued) -> Feed:
    asset = index_id(underlying_of(held.base_asset))
    origin = calls.ASSET_PRICE.at(held.market).origin
    if price.invalid or price.value <= 0:
        marked = f"{origin} (marked invalid)" if price.invalid else origin
        raise UnusablePrice(asset, marked, price.value)
    return Feed(asset, Oracle.MARKET, price.value, DECIMALS, origin)


def _rule(found: Details, market: Conditions, susd: Asset, opened: OpenPosition | None) -> PerpsV2Rule:
    held = found.held
    rule = ClosablePerpsV2Rule(
        feed=_feed(held, market.price),
        market=market.state,
        size=held.size,
        margin=held.margin,
        last_price=held.last_price,
        settled_funding=opened.settled_funding if opened else 0,
        flagged=opened is not None and opened.flagged,
        closing=Closing(
            market=held.label,
            settlement=susd.id,
            max_delta=market.max_delta,
            max_skew=market.max_skew,
            endorsed=market.endorsed,
            suspension=found.suspension,
            commit_deposit=found.order.commit_deposit,
            keeper_deposit=found.order.keeper_deposit,
        ),
    )
    return rule if not isinstance(found.terms, Terms) else TradablePerpsV2Rule.of(rule, found.terms)


def _reported(rule: PerpsV2Rule, opened: OpenPosition, origin: str) -> Reported:
    """The protocol's word, from its own views as far as they go.

    It answers no ratio. Its liquidation price P solves margin + (P - price)*size = requirement + premium,
    with the latter at the present price: so its margin and P give the requirement, less the premium, which
    no view tells. Where a view is cut off at zero, the next best one stands in.
    """
    price, liquidation_price = opened.market.price.value, opened.liquidation_price.value
    # Zero is what a margin below zero is cut off at: then the parts tell how far below it is.
    unsettled = opened.profit_loss.value + opened.accrued_funding.value
    margin = opened.remaining_margin.value or rule.margin + unsettled
    premium = rule.market.liquidation_premium(rule.size, price)
    if liquidation_price > 0:
        required = margin + multiply(liquidation_price - price, rule.size) - premium
    else:
        required = rule.market.liquidation_margin(rule.size, price)
    return Reported(
        health=(margin - premium) * WAD // required if required > 0 else None,
        liquidatable=opened.can_liquidate or opened.flagged,
        liquidation_price=liquidation_price or None,
        origin=origin,
    )
