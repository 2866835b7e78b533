"""What a reading says of one account, made of what was read; errors where it would not be the whole."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.compound_v2.calls import SNAPSHOT
from adapters.compound_v2.comptroller import Comptroller
from adapters.compound_v2.interest import Clock
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.market import Market
from adapters.compound_v2.position import Leg
from adapters.compound_v2.user import Entered, Stock, VaiState, unknown_markets
from aggregator.contract import Deployment
from aggregator.model.accounts import Reported
from aggregator.model.errors import AdapterFault, CallReverted, ReadError, Unsupported
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.readings import Quote
from aggregator.model.rules import WAD, Feed, Oracle, prices_of

# Interest that no market has stored yet is told from here on, as a part of the debt.
STALE_BPS = 1


def check(
    deployment: Deployment,
    comptroller: Comptroller,
    clock: Clock,
    entered: Entered,
    held: list[tuple[Market, Stock]],
) -> None:
    """What the rule relies on; a difference must not become a number."""
    unknown = unknown_markets(comptroller, entered)
    if unknown:
        raise AdapterFault(f"{deployment.name} does not list {', '.join(unknown)}, which the wallet entered")
    for market, stock in held:
        if stock.owed and market.address not in entered.markets:
            raise AdapterFault(
                f"the wallet owes in {market.c_token} of {deployment.name} without entering it"
            )
        if market.totals.accrued_at > clock.at:
            raise Unsupported(
                f"{market.c_token}, whose interest is that of {market.totals.accrued_at}, after {clock.at},",
                "it counts by another clock: see options.clock and addresses.multicall3 of its entry",
            )
        if stock.exchange_rate != market.totals.exchange_rate:
            raise Unsupported(
                f"the exchange rate of {market.c_token} ({stock.exchange_rate})",
                "it is not cash plus borrows less reserves for each token; report this with a recording",
            )
        if market.address in entered.markets and isinstance(market.price, ReadError):
            raise market.price.with_traceback(None)


def leg_of(market: Market, stock: Stock, oracle: Oracle) -> Leg:
    """One leg of the rule; raises the error of a market without a price."""
    if isinstance(market.price, ReadError):
        raise market.price.with_traceback(None)
    return Leg(
        c_token=market.c_token,
        feed=Feed(market.asset.id, oracle, market.price, market.price_decimals, market.price_origin),
        decimals=market.asset.decimals,
        tokens=stock.tokens,
        factor=market.factor if stock.factor is None else stock.factor,
        owed=stock.owed,
        totals=market.totals,
        incentive=market.core_incentive if stock.incentive is None else stock.incentive,
        vai_incentive=market.core_incentive,
        seize_share=market.seize_share,
        forced=market.forced or stock.forced,
        native=market.native,
        repay_paused=market.repay_paused,
        seize_paused=market.seize_paused,
        liquidate_paused=market.liquidate_paused,
        # Compound counts a collateral at one factor, whatever for.
        lending_factor=market.factor if stock.factor is None else stock.lending_factor,
    )


def quotes_of(markets: tuple[Market, ...], vai: VaiState | None) -> Iterator[Quote]:
    """Prices of all underlyings that have one, once each; VAI's is the oracle's, not the dollar."""
    quoted = set()
    for market in markets:
        if not isinstance(market.price, ReadError) and market.asset.id not in quoted:
            quoted.add(market.asset.id)
            yield Quote(market.asset.id, market.price, market.price_decimals, market.price_origin)
    if vai is not None and not isinstance(vai.price, ReadError) and vai.price > 0:
        yield Quote(vai.asset.id, vai.price, vai.asset.decimals, vai.price_origin)


def positions_of(
    clock: Clock,
    entered: Entered,
    held: list[tuple[Market, Stock]],
    rule: CompoundRule,
    vai: VaiState | None,
) -> Iterator[Position]:
    """Amounts with interest up to the block; rates at what the market has stored."""
    for market, stock in held:
        totals = market.totals.accrued(clock.at)
        origin = f"{SNAPSHOT.canonical}@{market.address}"
        if stock.tokens:
            factor = market.factor if stock.factor is None else stock.factor
            counted = market.address in entered.markets and factor > 0
            apr = market.totals.supply_rate * clock.per_year
            raw = stock.tokens * totals.exchange_rate // WAD
            yield Supply(market.asset, raw, counted, origin, apr)
        if stock.owed:
            apr = market.totals.rate / WAD * clock.per_year
            yield Debt(market.asset, market.totals.grown(stock.owed, totals), "variable", origin, apr)
    if vai is not None and rule.vai is not None:
        debt = rule.vai.debt.accrued(clock.at)
        origin = rule.vai.feed.origin
        yield Debt(vai.asset, debt.owed, "variable", origin, debt.rate / WAD * clock.per_year)


def reported(
    deployment: Deployment, markets: tuple[Market, ...], rule: CompoundRule, entered: Entered
) -> Reported:
    """The comptroller's own word, by what its markets have stored, as the quotient of both sides.

    Raises AdapterFault where the difference of our sides is not exactly the one that it answers: a market
    that was missed shows there. Raises CallReverted where it answers an error code, UnusablePrice where that
    is for a market that was entered and is empty.
    """
    said = entered.said
    if said.error:
        for market in markets:
            if market.address in entered.markets and isinstance(market.price, ReadError):
                raise market.price.with_traceback(None)
        raise CallReverted(said.origin, f"error code {said.error}")
    sides = rule.sides(prices_of(rule))
    if sides.collateral - sides.debt != said.liquidity - said.shortfall:
        raise AdapterFault(
            f"collateral less debt on {deployment.name} is {sides.collateral - sides.debt}, "
            f"{said.origin} says {said.liquidity - said.shortfall}"
        )
    health = sides.collateral * WAD // sides.debt if sides.debt else None
    return Reported(health, said.shortfall > 0 or rule.forced, None, said.origin)


def warnings_of(
    deployment: Deployment, terms: Terms, held: list[tuple[Market, Stock]], rule: CompoundRule, time: int
) -> Iterator[str]:
    """What the user should know of pauses, forced liquidations and interest that is not stored yet."""
    where = deployment.name
    if terms.paused:
        yield f"{where} is paused: no repayment, withdrawal or liquidation now"
    for market, stock in held:
        symbol = market.asset.symbol
        if stock.owed and (market.forced or stock.forced):
            yield f"the debt in {symbol} on {where} can be liquidated at any health: the protocol forces it"
        if stock.owed and market.repay_paused:
            yield f"repaying {symbol} is paused on {where}"
        if stock.tokens and market.seize_paused:
            yield f"seizing {symbol} is paused on {where}: no liquidation takes it now"
    if rule.vai is not None and rule.vai.forced:
        yield f"the debt in VAI on {where} can be liquidated at any health: the protocol forces it"
    stored, now = rule.sides(prices_of(rule)), rule.accrued(time).sides(prices_of(rule))
    if (now.debt - stored.debt) * 10_000 > stored.debt * STALE_BPS:
        yield f"{where} has not stored all interest yet: its own health is that of an earlier block"
