"""A liquidation's terms: what goes in comes out, whole or not at all; stored and loaded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.lyra_v1.base_exchange import BaseRate, SynthFee
from adapters.lyra_v1.closing import (
    EXPIRED,
    NOT_LIQUIDATABLE,
    ClosableShortRule,
    Closing,
    Penalty,
)
from adapters.lyra_v1.collateral import CollateralParameters, OptionType
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.pool_value import WORTHLESS_POOL, NewportPool, Pool
from adapters.lyra_v1.premium import BuyBack, Forced, Pricing, Variance, Vols
from aggregator.model.assets import AssetId, index_id
from aggregator.model.close_outs import ClosableRule, CloseOut
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Feed, Oracle, Refused, prices_of
from tests.adapters.lyra_v1.strategies import DAY, NOW, WAD, rules

FAMILY = LyraFamily()
ETH = index_id("ETH")
BASE, QUOTE = AssetId("base"), AssetId("quote")
PRICING = Pricing(
    WAD // 100, 42 * DAY, 112 * DAY, WAD // 100, 42 * DAY, 84 * DAY, 100 * WAD, 50 * WAD, 3 * WAD // 4
)
POOL = Pool(10**9 * WAD, WAD, WAD, WAD, 10_000 * WAD)
TERMS = BuyBack(
    pricing=PRICING,
    variance=Variance(WAD // 4, WAD // 4, 3 * WAD, WAD, WAD, WAD // 100, 0, 3 * WAD // 2, WAD),
    forced=Forced(13 * WAD // 10, 16 * WAD // 10, WAD // 50, DAY // 2, WAD // 8, 5 * WAD, caps_skew=False),
    vols=Vols(8 * WAD // 10, WAD, 7 * WAD // 10, WAD, 75 * WAD // 100, 2 * WAD, -WAD),
    pool=POOL,
    rate=WAD // 20,
)


RULE = ShortOptionRule(
    kind=OptionType.SHORT_PUT_QUOTE,
    amount=WAD,
    collateral=500 * WAD,
    strike=2_000 * WAD,
    expiry=NOW + 30 * DAY,
    parameters=CollateralParameters(
        200 * WAD, WAD // 5, 2 * WAD, 0, WAD, 60 * DAY, 12 * WAD // 10, 8 * WAD // 10, 0
    ),
    spot=Feed(ETH, Oracle.MARKET, 2_000 * WAD, 18, "a test"),
)


def closable(rule: ShortOptionRule, terms: BuyBack = TERMS, refusal: str | None = None) -> ClosableShortRule:
    """The same short with the terms of a liquidation."""
    return ClosableShortRule(
        kind=rule.kind,
        amount=rule.amount,
        collateral=rule.collateral,
        strike=rule.strike,
        expiry=rule.expiry,
        parameters=rule.parameters,
        spot=rule.spot,
        closing=Closing(
            market="an option",
            collateral=BASE if rule.kind is OptionType.SHORT_CALL_BASE else QUOTE,
            quote=QUOTE,
            refusal=refusal,
            exchange=SynthFee(WAD // 200),
            penalty=Penalty(WAD // 5, 4 * WAD // 10, 3 * WAD // 10, 15 * WAD),
            buy_back=terms,
        ),
    )


@given(rules())
def test_the_collateral_is_divided_whole(short: ShortOptionRule) -> None:
    """Owner, liquidator, security module and pool get all of it; an insolvent owner gets nothing."""
    rule = closable(short)
    assert isinstance(rule, ClosableRule)
    found = rule.close_out(prices_of(rule), NOW)
    if short.expiry <= NOW:
        assert found == Refused(EXPIRED)
        return
    if not rule.health(prices_of(rule), NOW).liquidatable:
        assert found == Refused(NOT_LIQUIDATABLE)
        return
    assert isinstance(found, CloseOut)
    parts = [*found.returned, *found.forfeited, *(fee.amount for fee in found.fees)]
    assert sum(one.raw for one in parts) == rule.collateral
    assert {one.asset for one in parts} <= {rule.closing.collateral}
    assert not (found.returned and found.bad_debt)
    assert bool(found.borne_by) == bool(found.bad_debt)
    assert {one.asset for one in found.bad_debt} <= {QUOTE}
    [closed] = found.closed
    assert (closed.market, closed.size_raw) == ("an option", -rule.amount)


@given(rules())
def test_liquidation_prices_are_next_to_safe_ones(short: ShortOptionRule) -> None:
    """Failing at the price found and not one unit nearer; calls upwards, puts downwards."""
    rule = closable(short)
    price = rule.spot.price
    below, above = rule.liquidation_prices(prices_of(rule), NOW, ETH)
    if rule.health(prices_of(rule), NOW).liquidatable:
        assert (below, above) == (price, price)
        return
    assert rule.liquidation_prices({**prices_of(rule), QUOTE: 7}, NOW, QUOTE) == (None, None)
    assert (below if rule.kind.is_call else above) is None
    for found, nearer in ((below, 1), (above, -1)):
        if found is not None:
            assert rule.health({ETH: found}, NOW).liquidatable
            assert not rule.health({ETH: found + nearer}, NOW).liquidatable


@given(rules(), st.sampled_from([None, "MarketIsPaused"]), st.booleans())
def test_stored_terms_are_read_back(short: ShortOptionRule, refusal: str | None, caps: bool) -> None:
    """Through text and back; without them the rule is the plain one."""
    terms = replace(TERMS, forced=TERMS.forced._replace(caps_skew=caps))
    rule = closable(short, terms, refusal)
    data = json.loads(json.dumps(rule.to_json()))
    assert FAMILY.load(data) == rule
    del data["closing"]
    assert FAMILY.load(data) == short


@given(rules(), st.integers(0, 18), st.integers(0, 10**40))
def test_newports_terms_are_read_back(short: ShortOptionRule, decimals: int, rate: int) -> None:
    """Other pools, exchanges and decimals, each as it was."""
    pool = NewportPool(-(10**30), 5, -7, 9, WAD, 1, -2, -3, 4)
    rule = closable(short, replace(TERMS, pool=pool))
    closing = replace(
        rule.closing, exchange=BaseRate(rate, WAD), collateral_decimals=decimals, quote_decimals=6
    )
    rule = replace(rule, closing=closing)
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule


def test_terms_without_decimals_have_18() -> None:
    """Snapshots of before Newport's liquidations were known."""
    rule = closable(RULE)
    data = rule.to_json()
    assert isinstance(data["closing"], dict)
    old = {name: value for name, value in data["closing"].items() if not name.endswith("_decimals")}
    assert FAMILY.load({**data, "closing": old}) == rule
    with pytest.raises(ValueError, match="19, not 0 to 18"):
        FAMILY.load({**data, "closing": {**old, "quote_decimals": "19"}})


@given(rules(), st.integers(0, 18))
def test_transfers_are_cut_to_the_tokens_units(short: ShortOptionRule, decimals: int) -> None:
    """No part is more than with 18 decimals, and of all at most four units are lost."""
    exact = closable(replace(short, expiry=NOW + 30 * DAY))
    cut = replace(exact, closing=replace(exact.closing, collateral_decimals=decimals, quote_decimals=6))
    found, whole = (one.close_out(prices_of(one), NOW) for one in (cut, exact))
    if not isinstance(found, CloseOut) or not isinstance(whole, CloseOut):
        assert found == whole
        return
    unit = 10 ** (18 - decimals)
    parts = [*found.returned, *found.forfeited, *(fee.amount for fee in found.fees)]
    lost = cut.collateral - sum(one.raw for one in parts) * unit
    assert 0 <= lost < 4 * unit
    assert sum(one.raw for one in found.returned) == sum(one.raw for one in whole.returned) // unit
    assert sum(one.raw for one in found.bad_debt) == sum(one.raw for one in whole.bad_debt) // 10**12


@pytest.mark.parametrize("change", [{"market": 5}, {"penalty": {}}, {"buy_back": {}}, {"base_fee": 1}])
@given(short=rules())
def test_other_terms_are_refused(change: dict[str, object], short: ShortOptionRule) -> None:
    """ValueError, never other terms."""
    rule = closable(short)
    data = {**rule.to_json(), "closing": {**rule.closing.to_json(), **change}}
    with pytest.raises(ValueError, match=r".+"):
        FAMILY.load(data)  # type: ignore[arg-type]  # wrong on purpose


@given(rules())
def test_refusals_in_words(short: ShortOptionRule) -> None:
    """What keeps a liquidation from happening, and prices that no contract takes."""
    rule = closable(replace(short, expiry=NOW + DAY, collateral=0))
    now = prices_of(rule)
    assert rule.close_out(now, NOW, "another") == Refused("no position in another")
    assert closable(rule, refusal="BoardIsFrozen").close_out(now, NOW) == Refused("BoardIsFrozen")
    for rest in (-(10**9) * WAD, -1):
        poor = replace(TERMS, pool=Pool(rest, 0, 0, 0, 0))
        assert closable(rule, poor).close_out(now, NOW) == Refused(WORTHLESS_POOL)
    for price in (0, -1, 1):
        with pytest.raises(UnusablePrice):
            rule.close_out({ETH: price}, NOW)


@given(rules(), st.integers(1, 10**6))
def test_a_pool_worth_less_asks_for_more(short: ShortOptionRule, part: int) -> None:
    """Only where closing adds to what the pool has sold net; a worthless one can't be asked then."""
    arguments = (short.kind, short.amount, short.strike, 30 * DAY, short.spot.price)
    adding = replace(TERMS, vols=TERMS.vols._replace(net_std_vega=WAD))
    poorer = replace(adding, pool=Pool(POOL.rest // (part + 1), 0, 0, 0, 0))
    assert poorer.cost(*arguments)[1] >= adding.cost(*arguments)[1] - 1
    with pytest.raises(ValueError, match=WORTHLESS_POOL):
        replace(adding, pool=Pool(0, 0, 0, 0, 0)).cost(*arguments)
    lessening = replace(TERMS, vols=TERMS.vols._replace(net_std_vega=-(10**30)))
    without = replace(lessening, pool=Pool(1, 0, 0, 0, 0))
    assert without.cost(*arguments) == lessening.cost(*arguments)
