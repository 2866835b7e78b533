"""From what the contracts said of a position to an account: positions, rule, and the protocol's own word."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.accrual import borrowing_per_second, elapsed, funding_per_second
from adapters.gmx_v2.calls import Info, RawMarket, RawPosition, Test
from adapters.gmx_v2.closing import deleveraging
from adapters.gmx_v2.fixed_point import FLOAT, apply_factor
from adapters.gmx_v2.impact import limited, pending_usd
from adapters.gmx_v2.margin import GmxRule
from adapters.gmx_v2.position import Position, accrued, pnl
from adapters.gmx_v2.reading import MarketReply
from adapters.gmx_v2.state import Market, Prices
from adapters.gmx_v2.tokens import Table
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset, index_id, token_id
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.fixed_point import truncated
from aggregator.model.flips import FURTHEST
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Block
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import Address

PROTOCOL = "gmx_v2"
USD_DECIMALS = 18
DOLLAR = Asset(index_id("USD"), "USD", USD_DECIMALS)
"""What profits are counted in; they are paid in the market's tokens."""
DAY_SECONDS = 86_400
_TO_WAD = 10 ** (30 - USD_DECIMALS)
_NOBODY = Address("0x" + "0" * 40)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a market last settled for a position's side and collateral, with 45 decimals."""

    funding: int
    claim_long: int
    claim_short: int


def account_id(chain: int, one: RawPosition) -> str:
    """Of a position: the wallet may have one of each market, collateral and side."""
    side = "long" if one.is_long else "short"
    return f"{PROTOCOL}:{chain}:{one.market}:{one.account}:{one.collateral}-{side}"


def label_of(deployment: Deployment, known: Table, one: RawPosition, raw: RawMarket | None) -> str:
    """Of a position whose market could not be read: what is known beforehand, and addresses beside it."""
    index = known.known(raw.index_token) if raw else None
    name = f"{index.underlying}/USD {one.market}" if index else one.market
    return f"{deployment.name} {name} {'long' if one.is_long else 'short'}"


def settled(deployment: Deployment, one: RawPosition, found: MarketReply) -> Read[Settled]:
    """One round: funding of a unit of size as last settled."""
    store, market = deployment.addresses["data_store"], one.market
    asked = [
        keys.key("FUNDING_FEE_AMOUNT_PER_SIZE", market, one.collateral, one.is_long),
        keys.key("CLAIMABLE_FUNDING_AMOUNT_PER_SIZE", market, found.raw.long_token, one.is_long),
        keys.key("CLAIMABLE_FUNDING_AMOUNT_PER_SIZE", market, found.raw.short_token, one.is_long),
    ]
    [column] = yield from ask([calls.UINT.each(store, asked)])
    return Settled(*column.values())


def own_word(
    deployment: Deployment, reader: Address, one: RawPosition, found: MarketReply
) -> Read[tuple[Info, Test | ReadError]]:
    """One round: the Reader's figures of the position, which must answer, and its own test, which may not."""
    at = deployment.addresses
    key = keys.position_key(one.account, one.market, one.collateral, one.is_long)
    prices = found.market.prices({feed.asset: feed.price for feed in found.market.feeds})
    pairs = tuple((pair.low, pair.high) for pair in (prices.index, prices.long, prices.short))
    about = (at["data_store"], at["referral_storage"], key)
    infos, [test] = yield from both(
        attempt([call.at(reader, *about, pairs, 0, _NOBODY, True) for call in calls.INFO]),  # noqa: FBT003
        attempt([calls.TEST.at(reader, *about, tuple(found.raw), pairs, True, True)]),  # noqa: FBT003
    )
    for info in infos:
        if isinstance(info, Info):
            if info.key not in (key, bytes(32)):
                raise MalformedReply(_origin(reader), f"a position {info.key.hex()}, not {key.hex()}")
            return info, test
    refusal = next(error for error in infos if isinstance(error, ReadError))
    raise refusal.with_traceback(None)


def rule_of(one: RawPosition, found: MarketReply, last: Settled, info: Info, block: Block) -> GmxRule:
    """The rule at the block; raises MalformedReply where position and market contradict each other."""
    raw = found.raw
    where = f"the position {account_id(block.chain, one)}"
    profit = raw.long_token if one.is_long else raw.short_token
    try:
        rule = GmxRule(
            time=block.timestamp,
            market=found.market,
            position=Position(
                is_long=one.is_long,
                collateral_is_long=one.collateral == raw.long_token,
                size_usd=one.size_usd,
                size_tokens=one.size_tokens,
                collateral=one.collateral_amount,
                pending_impact=one.pending_impact,
                borrowing_factor=one.borrowing_factor,
                funding=last.funding - one.funding,
                claim_long=last.claim_long - one.claim_long,
                claim_short=last.claim_short - one.claim_short,
                discount=max(info.referral_discount, info.pro_discount),
            ),
            collateral=token_id(block.chain, one.collateral),
            profit=token_id(block.chain, profit),
        )
        prices = prices_of(rule)
        rule.health(prices, rule.time)
        # Powers grow with the index's price: none may be too large where a liquidation price is looked for.
        index = found.market.index.feed.asset
        rule.health({**prices, index: prices[index] * FURTHEST}, rule.time)
    except (ArithmeticError, ValueError) as error:
        raise MalformedReply(where, str(error)) from error
    return rule


def account_of(
    deployment: Deployment,
    reader: Address,
    known: Table,
    one: RawPosition,
    found: MarketReply,
    rule: GmxRule,
    said: tuple[Info, Test | ReadError],
) -> Account:
    """One position: its collateral as a Supply, the rest as a Perp."""
    token = found.long if rule.position.collateral_is_long else found.short
    origin = calls.POSITIONS.at(reader, _NOBODY, one.account, 0, 0).origin
    posted = Supply(known.asset(token.described), one.collateral_amount, is_collateral=True, origin=origin)
    return Account(
        id=account_id(deployment.chain, one),
        protocol=PROTOCOL,
        kind="perp",
        chain=deployment.chain,
        label=f"{deployment.name} {rule.market.name} {'long' if one.is_long else 'short'}",
        owner_path=(one.account,),
        positions=(posted, _perp(rule, found, origin)),
        rule=rule,
        reported=_reported(reader, rule, *said),
    )


def _perp(rule: GmxRule, found: MarketReply, origin: str) -> Perp:
    market, position = rule.market, rule.position
    prices = market.prices(prices_of(rule))
    owed = accrued(market, position, prices, rule.time)
    held = prices.long if position.collateral_is_long else prices.short
    claims = owed.claim_long * prices.long.low + owed.claim_short * prices.short.low
    profit = pnl(market, position, prices)[0] + pending_usd(position.pending_impact, prices.index)
    sign = 1 if position.is_long else -1
    rate = borrowing_per_second(market, prices, position.is_long)
    return Perp(
        market=market.name,
        index=market.index.feed.asset,
        underlying=found.index.described.underlying,
        size_raw=sign * position.size_tokens,
        size_decimals=found.index.described.decimals,
        entry_price_raw=position.size_usd // position.size_tokens,
        mark_price_raw=prices.index.for_pnl(is_long=position.is_long, maximize=False),
        price_decimals=market.index.feed.decimals,
        pnl_raw=truncated(profit, _TO_WAD),
        funding_raw=truncated(claims - owed.funding * held.low, _TO_WAD),
        settlement=DOLLAR,
        origin=origin,
        funding_24h_raw=truncated(_funding_of_a_day(rule, prices), _TO_WAD),
        borrowing_raw=-(owed.borrowing_usd // _TO_WAD),
        borrowing_24h_raw=-(apply_factor(position.size_usd, DAY_SECONDS * rate) // _TO_WAD),
    )


def _funding_of_a_day(rule: GmxRule, prices: Prices) -> int:
    """At the rate that holds at the block: the larger side's size divides it among the other."""
    market, position = rule.market, rule.position
    longs, shorts = market.open_interest(True), market.open_interest(False)  # noqa: FBT003
    if not longs or not shorts:
        return 0
    seconds = elapsed(market.funding.updated_at, rule.time)
    rate, longs_pay = funding_per_second(market, prices.index.mid, seconds)
    paid = apply_factor(position.size_usd, DAY_SECONDS * rate)
    if position.is_long == longs_pay:
        return -paid
    payers, receivers = (longs, shorts) if longs_pay else (shorts, longs)
    return paid * payers // receivers


def _reported(reader: Address, rule: GmxRule, info: Info, test: Test | ReadError) -> Reported:
    """What the Reader's own figures amount to; its test alone would leave out what is not settled yet."""
    market, position = rule.market, rule.position
    prices = market.prices(prices_of(rule))
    price = (prices.long if position.collateral_is_long else prices.short).low
    impact = limited(market.impact, info.impact_usd, position.size_usd)
    impact += pending_usd(position.pending_impact, prices.index)
    least = -apply_factor(position.size_usd, market.impact.max_for_liquidations)
    left = position.collateral * price + info.pnl_usd + max(min(impact, 0), least) - info.total_cost * price
    if isinstance(test, ReadError):
        required = max(
            market.fees.min_collateral_usd,
            apply_factor(position.size_usd, market.fees.min_collateral_factor),
            1,
        )
        failed = False
    else:
        required, failed = max(test.min_collateral, test.min_for_leverage, 1), test.liquidatable
    return Reported(
        health=left * WAD // required,
        liquidatable=failed or left < required,
        liquidation_price=None,
        origin=_origin(reader),
    )


def warnings_of(deployment: Deployment, market: Market, rule: GmxRule) -> list[str]:
    """What the user should know of a position's market."""
    name = f"{deployment.name} {market.name}"
    found = []
    if market.disabled:
        found.append(f"{name} is disabled: nothing can be traded or liquidated there")
    if deleveraging(market, prices_of(rule), rule.position.is_long):
        side = "longs" if rule.position.is_long else "shorts"
        found.append(f"{name}: the profit of all {side} is so large that positions may be reduced (ADL)")
    capped, whole = pnl(market, rule.position, market.prices(prices_of(rule)))
    if capped != whole:
        share = capped * FLOAT // whole * 100 / FLOAT
        found.append(f"{name}: the pool pays {share:.1f}% of the profit, as all profits exceed its limit")
    return found


def _origin(reader: Address) -> str:
    return f"getPositionInfo@{reader}"
