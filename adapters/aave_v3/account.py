"""What a wallet's balances in a market make: the rule, the positions, what the pool says, warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapters.aave_v3.calls import PRICE, RESERVE_DATA, SCALED_BALANCE, STABLE_PRINCIPAL
from adapters.aave_v3.collateral import Opening
from adapters.aave_v3.interest import RAY
from adapters.aave_v3.lending import Lending
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.market import Market, Reserve, why_unpriced
from adapters.aave_v3.terms import PoolTerms, ReserveTerms
from adapters.aave_v3.user import Balance, EMode, PoolWord, User
from aggregator.contract import Deployment, Read
from aggregator.model.accounts import Reported
from aggregator.model.assets import AssetId
from aggregator.model.errors import AdapterFault, MalformedReply, ReadError, Unsupported
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.rules import WAD, Feed, Oracle, prices_of
from aggregator.model.units import Address


def read_rule(
    market: Market,
    oracles: Mapping[Address, Oracle],
    user: User,
    emode: EMode | None,
    balances: Mapping[int, Balance],
    lending: Lending,
    time: int,
) -> Read[LiquidatableAaveRule]:
    """The rule over the reserves that the wallet's flags name; asks nothing unless a price is missing.

    `balances` are by reserve id, `oracles` the kinds of oracle by asset, market where not given. Raises what
    a price failed with, and Unsupported for debt that health and liquidation count at different prices.
    """
    version = market.pool.version
    legs: list[Leg] = []
    terms: list[ReserveTerms] = []
    for reserve in market.reserves:
        collateral = user.uses_as_collateral(reserve)
        if not collateral and not user.borrows(reserve):
            continue
        mode = emode if emode is not None and emode.covers(reserve) else None
        if emode is not None and emode.price is not None and mode is None and user.borrows(reserve):
            raise Unsupported(
                f"debt in {reserve.asset.symbol} outside of eMode category {emode.category}",
                "the pool liquidates it at the category's own price; leave the category, or repay it",
            )
        price, origin = yield from _price(market, reserve, mode)
        counts = collateral and not (version.threshold_gate and reserve.threshold_bps == 0)
        balance = balances.get(reserve.id, Balance(0, 0, None))
        feed = _feed(market, reserve, oracles, price, origin)
        legs.append(_leg(reserve, feed, mode, balance, collateral=counts))
        known = _terms(market, reserve, mode, lending)
        # What is flagged and does not count may still be what isolates the account.
        dormant = None if collateral != counts else 0 if counts else balance.supplied_scaled
        terms.append(replace(known, dormant=dormant))
    return LiquidatableAaveRule(
        version.maths,
        market.base_decimals,
        tuple(legs),
        version.release,
        market.sentinel_closed,
        tuple(terms),
        PoolTerms(market.pool.address, lending.premium_bps, time),
        _openings(market, oracles, user, emode, balances, lending),
    )


def _openings(
    market: Market,
    oracles: Mapping[Address, Oracle],
    user: User,
    emode: EMode | None,
    balances: Mapping[int, Balance],
    lending: Lending,
) -> tuple[Opening, ...]:
    """The reserves without a part in the account's health that the wallet could supply, or has supplied."""
    found = []
    for reserve in market.reserves:
        if user.uses_as_collateral(reserve) or user.borrows(reserve) or not reserve.active:
            continue
        balance = balances.get(reserve.id, Balance(0, 0, None))
        if not (balance.supplied_scaled or reserve.id in lending.held):
            continue
        mode = emode if emode is not None and emode.covers(reserve) else None
        price, origin = reserve.price, reserve.price_origin
        if mode is not None and mode.price is not None:
            price, origin = mode.price, PRICE.at(market.pool.oracle, mode.price_source).origin
        threshold_bps = mode.threshold_bps if mode else reserve.threshold_bps
        if isinstance(price, ReadError) or not threshold_bps:
            continue
        leg = _leg(reserve, _feed(market, reserve, oracles, price, origin), mode, balance, collateral=False)
        terms = replace(_terms(market, reserve, mode, lending), dormant=balance.supplied_scaled)
        found.append(Opening(leg, terms))
    return tuple(found)


def _feed(
    market: Market, reserve: Reserve, oracles: Mapping[Address, Oracle], price: int, origin: str
) -> Feed:
    return Feed(
        asset=reserve.asset.id,
        oracle=oracles.get(reserve.address, Oracle.MARKET),
        price=price,
        decimals=market.base_decimals,
        origin=origin,
        quote=market.quote,
    )


def _leg(reserve: Reserve, feed: Feed, mode: EMode | None, balance: Balance, *, collateral: bool) -> Leg:
    return Leg(
        feed=feed,
        decimals=reserve.asset.decimals,
        supplied_scaled=balance.supplied_scaled if collateral else 0,
        threshold_bps=mode.threshold_bps if mode else reserve.threshold_bps,
        owed_scaled=balance.owed_scaled,
        accrual=reserve.accrual,
        stable=balance.stable,
    )


def _terms(market: Market, reserve: Reserve, mode: EMode | None, lending: Lending) -> ReserveTerms:
    return ReserveTerms(
        bonus_bps=mode.bonus_bps if mode else reserve.bonus_bps,
        fee_bps=reserve.fee_bps,
        active=reserve.active,
        paused=reserve.paused,
        grace_until=reserve.grace_until,
        ltv_zero=_ltv_zero(market, reserve, mode),
        a_token=reserve.a_token,
        lendable=lending.lendable(market, reserve),
        frozen=reserve.frozen,
        ceiling=reserve.debt_ceiling,
        cash=lending.cash.get(reserve.id),
        supply_cap=lending.caps.get(reserve.id),
    )


def _ltv_zero(market: Market, reserve: Reserve, mode: EMode | None) -> bool | None:
    """Whether nobody may borrow on a reserve; up to V3.5 an eMode category has no say in that."""
    if mode is None or not market.pool.version.emode_ltv_zero:
        return reserve.ltv_bps == 0
    return True if mode.ltv_bps == 0 else mode.blocks(reserve)


def _price(market: Market, reserve: Reserve, mode: EMode | None) -> Read[tuple[int, str]]:
    """What the pool counts a reserve at, and where that is from; raises what the oracle failed with."""
    price, origin, oracle = reserve.price, reserve.price_origin, market.pool.oracle
    if mode is not None and mode.price is not None:
        price, origin = mode.price, PRICE.at(oracle, mode.price_source).origin
        if isinstance(price, ReadError):
            raise price
    if isinstance(price, ReadError):
        raise (yield from why_unpriced(oracle, reserve, price))
    return price, origin


def check(market: Market, held: Sequence[tuple[Reserve, Balance]], time: int) -> None:
    """Raises MalformedReply on interest that no reserve has: the pool's totals only tell of what counts."""
    origin = f"{RESERVE_DATA.canonical}@{market.pool.address}"
    for reserve, _ in held:
        accrual = reserve.accrual
        if min(accrual.liquidity_index, accrual.borrow_index) < RAY or accrual.updated_at > time:
            raise MalformedReply(origin, f"no reserve has these indices: {reserve.asset.symbol} {accrual}")


def positions(
    market: Market, held: Sequence[tuple[Reserve, Balance]], counted: Collection[AssetId], time: int
) -> Iterator[Position]:
    """Supply and debt of every reserve at a time; the supply of `counted` assets is collateral."""
    maths = market.pool.version.maths
    for reserve, balance in held:
        asset, accrual = reserve.asset, reserve.accrual
        if balance.supplied_scaled:
            raw = accrual.supplied(maths, balance.supplied_scaled, time)
            origin = f"{SCALED_BALANCE.canonical}@{reserve.a_token}"
            yield Supply(asset, raw, asset.id in counted, origin, accrual.liquidity_rate / RAY)
        if balance.owed_scaled:
            raw = accrual.owed(maths, balance.owed_scaled, time)
            origin = f"{SCALED_BALANCE.canonical}@{reserve.debt_token}"
            yield Debt(asset, raw, "variable", origin, accrual.borrow_rate / RAY)
        if balance.stable:
            raw = balance.stable.owed(time)
            origin = f"{STABLE_PRINCIPAL.canonical}@{reserve.stable_debt_token}"
            yield Debt(asset, raw, "stable", origin, balance.stable.rate / RAY)


def reported(rule: AaveRule, said: PoolWord | ReadError, time: int, deployment: Deployment) -> Reported:
    """The pool's own word; raises AdapterFault where its totals are not those that the rule is made from.

    A reserve that was missed would understate debt or overstate health: 1 bp, and a cent or 0.00001 of
    another currency, are above any rounding.
    """
    if isinstance(said, ReadError):
        raise said
    ours = rule.totals(prices_of(rule), time)
    in_usd = all(feed.quote is None for feed in rule.feeds)
    least = 10**rule.base_decimals // (100 if in_usd else 100_000)
    for name, mine, theirs in (
        ("collateral", ours.collateral, said.collateral),
        ("debt", ours.debt, said.debt),
    ):
        if abs(mine - theirs) > max(theirs // 10_000, least):
            raise AdapterFault(f"{name} on {deployment.name} adds up to {mine}, {said.origin} says {theirs}")
    liquidatable = said.health is not None and said.health < WAD
    return Reported(said.health, liquidatable, None, said.origin)


def warnings(
    deployment: Deployment, market: Market, held: Sequence[tuple[Reserve, Balance]], time: int
) -> Iterator[str]:
    """What keeps the wallet or its liquidators from acting now."""
    for reserve, _ in held:
        if reserve.paused:
            symbol = reserve.asset.symbol
            yield f"{symbol} is paused on {deployment.name}: no repayment or withdrawal now"
    if not any(balance.owed_scaled or balance.stable for _, balance in held):
        return
    for reserve, _ in held:
        if reserve.grace_until >= time:
            until = datetime.fromtimestamp(reserve.grace_until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            yield f"nobody is liquidated over {reserve.asset.symbol} on {deployment.name} until {until}"
    if market.sentinel_closed:
        yield (
            f"the sentinel of {deployment.name} reports an outage of the sequencer: no borrowing, and no "
            "liquidation at a health of 0.95 or more"
        )
