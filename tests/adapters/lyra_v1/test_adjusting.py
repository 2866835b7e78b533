"""An owner's actions by hand: what moves adds up, what is stored is read back, bounds hold on both sides."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.lyra_v1.adjusting import BELOW_MINIMUM, AdjustableShortRule
from adapters.lyra_v1.amm import Amm, Bounds, Fill, ForcedClose
from adapters.lyra_v1.amm import Traded as Order
from adapters.lyra_v1.closing import EXPIRED, ClosableShortRule
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.orders import TOLERANCE_BPS, Adjusting, Short
from adapters.lyra_v1.pool_value import WORTHLESS_POOL, Pool
from aggregator.model.actions import AdjustableRule, Applied, Deposit, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import Address
from tests.adapters.lyra_v1.strategies import DAY, NOW, WAD, rules
from tests.adapters.lyra_v1.test_closing import ETH, RULE, TERMS, closable

FAMILY = LyraFamily()
MARKET, WALLET = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)
HANDS = Hands(WALLET, WALLET)
TOKEN = AssetId("eip155:10/erc20:0x" + "c3" * 20)
QUOTE = AssetId("eip155:10/erc20:0x" + "d4" * 20)
OPEN = Bounds(-WAD, -WAD, 0, 10**30, 0, 10**30, 0, 10**30)
AMM = Amm(OPEN, ForcedClose(12 * WAD // 10, 14 * WAD // 10, WAD // 100), WAD // 10, 90 * WAD)


def adjustable(rule: ShortOptionRule, amm: Amm | None = AMM) -> AdjustableShortRule:
    """The same short with what its owner can do."""
    closing = closable(rule, TERMS).closing
    collateral = TOKEN if rule.kind is OptionType.SHORT_CALL_BASE else QUOTE
    return AdjustableShortRule(
        kind=rule.kind,
        amount=rule.amount,
        collateral=rule.collateral,
        strike=rule.strike,
        expiry=rule.expiry,
        parameters=rule.parameters,
        spot=rule.spot,
        closing=replace(closing, collateral=collateral, quote=QUOTE),
        adjusting=Adjusting(Short(MARKET, 3, 7, rule.kind), NOW, paused_everywhere=False, amm=amm),
    )


def sum_of(outcome: Applied | Traded, asset: AssetId) -> int:
    """What the wallet gains of an asset."""
    moves = ((outcome.received, 1), (outcome.paid, -1))
    return sum(sign * one.raw for one, sign in moves if one is not None and one.asset == asset)


@given(rules(), st.integers(1, 1_000), st.sampled_from([1, -1]))
def test_what_trades_move_adds_up(short: ShortOptionRule, part: int, sign: int) -> None:
    """Wallet and collateral together pay or get the cost, and the short keeps its minimum."""
    rule = adjustable(replace(short, expiry=max(short.expiry, NOW + DAY)))
    assert isinstance(rule, AdjustableRule)
    assert isinstance(rule, CallableRule)
    size = sign * max(rule.amount * part // 1_000, 1)
    outcome = rule.apply(prices_of(rule), NOW, Trade(rule.closing.market, size))
    calls = rule.calls(Trade(rule.closing.market, size), HANDS)
    if isinstance(outcome, Refused):
        assert isinstance(calls, Untold)
        return
    assert isinstance(outcome, Traded)
    assert not isinstance(calls, Untold)
    order = Order(rule.kind, rule.strike, rule.expiry - NOW, rule.spot.price, size)
    fill = AMM.fill(rule.closing.buy_back, order)
    assert isinstance(fill, Fill)
    assert outcome.size_raw == size - rule.amount
    left = outcome.successor.collateral if isinstance(outcome.successor, AdjustableShortRule) else 0
    cost = fill.cost * sign
    if rule.in_quote:
        assert sum_of(outcome, QUOTE) + left - rule.collateral == -cost
    else:
        assert sum_of(outcome, QUOTE) == -cost
        assert sum_of(outcome, TOKEN) + left == rule.collateral
    if outcome.successor is not None:
        assert not outcome.successor.health(prices_of(rule), NOW).liquidatable
    assert calls[-1].to == MARKET
    words = [int.from_bytes(calls[-1].data[i : i + 32], "big") for i in range(4, 4 + 8 * 32, 32)]
    assert words[:6] == [3, 7, 1, int(rule.kind), abs(size), left]
    if sign > 0:
        assert fill.cost <= words[7] <= fill.cost * (10_000 + TOLERANCE_BPS) // 10_000 + 1
    else:
        assert fill.cost * (10_000 - TOLERANCE_BPS) // 10_000 - 1 <= words[6] <= fill.cost


@given(rules(), st.integers(1, 10**24))
def test_collateral_moves_up_to_the_minimum(short: ShortOptionRule, raw: int) -> None:
    """What is put in can be taken out; one wei below the minimum can't."""
    rule = adjustable(replace(short, expiry=max(short.expiry, NOW + DAY)))
    prices, asset = prices_of(rule), rule.closing.collateral
    least = rule.health(prices, NOW).requirement // (WAD if rule.in_quote else rule.spot.price)
    put = rule.apply(prices, NOW, Deposit(asset, raw))
    assert isinstance(put, Applied)
    more = put.successor
    assert isinstance(more, AdjustableShortRule)
    back = more.apply(prices, NOW, Withdraw(asset, raw))
    spare = more.collateral - least
    if rule.collateral < least:
        assert back == Refused(BELOW_MINIMUM)
    else:
        assert isinstance(back, Applied)
        assert back.successor == rule
    if spare > 0:
        edge = more.apply(prices, NOW, Withdraw(asset, spare))
        assert isinstance(edge, Applied)
        assert edge.supplied == least
        assert more.apply(prices, NOW, Withdraw(asset, spare + 1)) == Refused(
            BELOW_MINIMUM if least else "it has less collateral than that"
        )


@given(rules(), st.booleans(), st.booleans())
def test_stored_actions_are_read_back(short: ShortOptionRule, paused: bool, told: bool) -> None:
    """Through text and back; without them the rule is the one of before they were known."""
    rule = adjustable(short, AMM if told else None)
    rule = replace(
        rule, adjusting=replace(rule.adjusting, paused_everywhere=paused, untold=None if told else "no")
    )
    data = json.loads(json.dumps(rule.to_json()))
    assert FAMILY.load(data) == rule
    for wrong in ({"amm": 5}, {"option_market": "0x"}, {"position_id": 7}, {"paused_everywhere": "no"}):
        with pytest.raises(ValueError, match=r".+"):
            FAMILY.load({**data, "adjusting": {**data["adjusting"], **wrong}})
    del data["adjusting"]
    older = FAMILY.load(data)
    assert type(older) is ClosableShortRule
    assert older.closing == rule.closing
    if not told and short.expiry > NOW:
        trade = Trade(rule.closing.market, rule.amount)
        assert rule.apply(prices_of(rule), NOW, trade) == Untold("no")


def test_prices_that_no_contract_takes() -> None:
    """They are errors as elsewhere; an expired option is neither bought nor written."""
    rule = adjustable(RULE)
    trade = Trade(rule.closing.market, rule.amount)
    for price in (0, -1, 1):
        for action in (trade, Withdraw(QUOTE, 1)):
            with pytest.raises(UnusablePrice):
                rule.apply({ETH: price}, NOW, action)
    assert rule.apply(prices_of(rule), rule.expiry, trade) == Refused(EXPIRED)
    assert isinstance(rule.apply(prices_of(rule), rule.expiry - 1, trade), Traded)


def test_a_pool_that_a_trade_leaves_with_nothing_refuses_it() -> None:
    """What the pool counts the option at is more than all that it has and is paid."""
    has = replace(TERMS, pool=Pool(1_000_000 * WAD, 0, 0, 0, 0))
    outcomes = []
    for counted_at in (999_999 * WAD, 1_001_000 * WAD):
        rule = adjustable(RULE, replace(AMM, counted_at=counted_at))
        rule = replace(rule, closing=replace(rule.closing, buy_back=has))
        outcomes.append(rule.apply(prices_of(rule), NOW, Trade(rule.closing.market, rule.amount)))
    assert isinstance(outcomes[0], Traded)
    assert outcomes[1] == Refused(WORTHLESS_POOL)


def test_a_forced_close_only_where_nothing_else_is_taken() -> None:
    """Within the cutoff, and out of the deltas that are traded; in the gap between the two bounds neither."""
    rule, seconds = adjustable(RULE), RULE.expiry - NOW

    def filled(amm: Amm, seconds: int) -> Fill | Refused:
        order = Order(rule.kind, rule.strike, seconds, rule.spot.price, rule.amount)
        return amm.fill(rule.closing.buy_back, order)

    regular, late = filled(AMM, seconds), filled(AMM, DAY // 4)
    assert isinstance(regular, Fill)
    assert isinstance(late, Fill)
    assert (regular.is_forced, late.is_forced) == (False, True)
    assert late.iv == rule.closing.buy_back.vols.iv < regular.iv
    outside = filled(replace(AMM, bounds=OPEN._replace(least_delta=WAD // 2, forced_delta=WAD // 2)), seconds)
    assert isinstance(outside, Fill)
    assert outside.is_forced
    assert outside.cost > regular.cost
    gap = filled(replace(AMM, bounds=OPEN._replace(least_delta=WAD // 2, forced_delta=WAD // 100)), seconds)
    assert gap == Refused("TradeDeltaOutOfRange")
