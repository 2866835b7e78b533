"""Actions of any rule: nothing is lost on the way, and what is stored is read again."""

from __future__ import annotations

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.family import PerpsV2Family
from aggregator.model.actions import AdjustableRule, Applied, Deposit, Trade, Traded, Withdraw
from aggregator.model.calls import CallableRule
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import Refused
from tests.adapters.synthetix_perps_v2.strategies import DAY, ETH, NOW, prices, signed, tradable_rules

FAMILY = PerpsV2Family()


def _worth(rule: TradablePerpsV2Rule, price: int, time: int) -> int:
    return rule.margin + rule.profit_loss(price) + rule.accrued_funding(price, time)


@given(tradable_rules(), prices(), st.integers(0, 30 * DAY), st.integers(1, 10**24), st.booleans())
def test_transfers_of_margin_lose_nothing(
    rule: TradablePerpsV2Rule, price: int, later: int, raw: int, into: bool
) -> None:
    """The margin settled is what there was, more or less what was moved; once settled, to move again too."""
    time, susd = NOW + later, rule.closing.settlement
    done = rule.apply({ETH: price}, time, Deposit(susd, raw) if into else Withdraw(susd, raw))
    if isinstance(done, Refused):
        return
    assert isinstance(done, Applied)
    after = done.successor
    assert isinstance(after, TradablePerpsV2Rule)
    assert _worth(after, price, time) == _worth(rule, price, time) + (raw if into else -raw)
    assert (done.supplied, after.margin) == (after.margin, _worth(after, price, time))
    again = after.apply({ETH: price}, time, Withdraw(susd, None))
    if isinstance(again, Refused):  # what the leverage leaves may be less than a liquidation asks
        return
    assert isinstance(again, Applied)
    assert again.received is not None
    assert again.supplied == after.margin - again.received.raw


@given(tradable_rules(), prices(), st.integers(0, 30 * DAY), signed(1, 10**22), st.sampled_from([0, 1, 2]))
def test_a_trade_costs_its_fee_and_its_impact(
    rule: TradablePerpsV2Rule, price: int, later: int, size: int, kind: int
) -> None:
    """And nothing else: a close, an opposite trade, or any; what it ends with can be closed in parts."""
    time = NOW + later
    change = (-rule.size, -rule.size // 2 or 1, size)[kind]
    done = rule.apply({ETH: price}, time, Trade(rule.closing.market, change))
    assume(isinstance(done, Traded))
    assert isinstance(done, Traded)
    after = done.successor
    assert isinstance(after, TradablePerpsV2Rule)
    assert done.fee is not None
    impact = multiply(change, done.price_raw - price)
    lost = _worth(rule, price, time) - _worth(after, price, time)
    assert abs(lost - done.fee.raw - impact) <= 5 + abs(rule.market.skew_scale) // 10**30
    assert after.market.skew - rule.market.skew == after.size - rule.size == change
    assert not after.health({ETH: price}, time).liquidatable


@given(tradable_rules())
def test_stored_rules_are_read_again(rule: TradablePerpsV2Rule) -> None:
    """All of it, and it knows actions and calls."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule
    assert isinstance(rule, AdjustableRule)
    assert isinstance(rule, CallableRule)
