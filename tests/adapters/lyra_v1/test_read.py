"""The adapter's generator fed by hand: what it asks for, in which rounds, what bad replies do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.lyra_v1 import calls, closing_calls, pool_calls
from adapters.lyra_v1.adapter import NEWPORT_ROLES, ROLES, build
from adapters.lyra_v1.adjusting import AdjustableShortRule
from adapters.lyra_v1.amm import Bounds, ForcedClose
from adapters.lyra_v1.calls import (
    CacheParameters,
    HeldPosition,
    MarketAddresses,
    MinCollateral,
    Rate,
    Series,
    Settlement,
)
from adapters.lyra_v1.closing import Penalty
from adapters.lyra_v1.closing_calls import CachedGreeks, ForceClose, GlobalGreeks, Hedge, Limits
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.pool_calls import TokenPrice
from adapters.lyra_v1.premium import Pricing, Variance
from aggregator.contract import Call, Deployment, Deployments, Function
from aggregator.model.actions import Applied, Deposit, Trade, Untold
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NotRecorded,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Option
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import Address, ChainId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WAD = 10**18
DAY = 86_400
NOW = 1_796_000_000
WALLET = Address("0x" + "a1" * 20)
OTHER = Address("0x" + "b2" * 20)
BLOCK = Block(ChainId(10), 1, "0x01", "0x00", NOW)
AT = Deployment(
    adapter="lyra_v1",
    chain=ChainId(10),
    name="Lyra",
    addresses={role: Address(f"0x{i:040x}") for i, role in enumerate(ROLES, 1)},
    source="test",
)
NEWPORT = replace(
    AT,
    addresses={role: Address(f"0x{i:040x}") for i, role in enumerate(NEWPORT_ROLES, 1)},
    options={"version": "newport", "underlying": "ETH"},
)
SHORT = HeldPosition(7, 3, 3, 2 * WAD, 900 * WAD, 1)
LONG = HeldPosition(8, 3, 1, 5 * WAD, 0, 1)
ANSWERS: dict[Function[Any], Any] = {
    calls.OWNER_POSITIONS: (SHORT, LONG),
    calls.MIN_COLLATERAL_PARAMETERS: MinCollateral(
        200 * WAD, WAD // 5, 5 * WAD // 2, 1_209_600, 9 * WAD // 5, 4_838_400, 6 * WAD // 5, 4 * WAD // 5
    ),
    calls.CACHE_PARAMETERS: CacheParameters(DAY, WAD // 20),
    calls.BASE_KEY: b"sETH".ljust(32, b"\0"),
    calls.QUOTE_KEY: b"sUSD".ljust(32, b"\0"),
    calls.EXCHANGE_RATES: Address("0x" + "c3" * 20),
    calls.MARKET_PAUSED: False,
    calls.GLOBAL_PAUSED: False,
    calls.STRIKE_AND_BOARD: Series(1, 2_000 * WAD, WAD, NOW + 86_400, 8 * WAD // 10, frozen=False),
    calls.SETTLEMENT: Settlement(2_000 * WAD, 0, 0),
    calls.RATE_AND_INVALID: Rate(1_500 * WAD, invalid=False),
    calls.MIN_COLLATERAL: 600 * WAD,
    calls.CAN_LIQUIDATE: False,
}
CLOSING: dict[Function[Any], Any] = {
    calls.MARKET_ADDRESSES: MarketAddresses(*(Address(f"0x{i:040x}") for i in range(21, 31))),
    closing_calls.EXCHANGER: OTHER,
    closing_calls.FORCE_CLOSE: ForceClose(
        DAY // 2, DAY, 13 * WAD // 10, 16 * WAD // 10, WAD // 50, ForcedClose(WAD, 2 * WAD, WAD // 100)
    ),
    closing_calls.PENALTY: Penalty(WAD // 5, 4 * WAD // 10, 3 * WAD // 10, 15 * WAD),
    closing_calls.PRICING: Pricing(
        WAD // 100, 42 * DAY, 112 * DAY, WAD // 100, 42 * DAY, 84 * DAY, 100 * WAD, 50 * WAD, 3 * WAD // 4
    ),
    closing_calls.VARIANCE: Variance(WAD // 4, WAD // 4, 3 * WAD, WAD, WAD, WAD // 100, 0, WAD, WAD),
    closing_calls.LIMITS: Limits(
        Bounds(WAD // 100, WAD // 100, WAD // 3, 2 * WAD, WAD // 2, 3 * WAD // 2, WAD // 2, 3 * WAD),
        DAY // 2,
        WAD // 8,
        5 * WAD,
        caps_skew=False,
    ),
    closing_calls.GLOBAL_GREEKS: GlobalGreeks(-WAD, WAD),
    closing_calls.HEDGE: Hedge(WAD, 5_000 * WAD),
    closing_calls.EXCHANGE_FEE: WAD // 200,
    closing_calls.POOL_HEDGER: Address(f"0x{28:040x}"),
    closing_calls.NET_VALUE: 1_000_000 * WAD,
    closing_calls.CACHED_GREEKS: CachedGreeks(2 * WAD, 100 * WAD, 50 * WAD),
    closing_calls.MEAN_IV: 8 * WAD // 10,
    closing_calls.MEAN_SKEW: WAD,
}
POOL: dict[Function[Any], Any] = {
    calls.BALANCE: 0,
    pool_calls.TOKEN_PRICE: TokenPrice(WAD, is_stale=False, breaker_until=0),
    pool_calls.DEPOSIT_HEAD: 4,
    pool_calls.NEXT_DEPOSIT: 4,
    pool_calls.WITHDRAWAL_HEAD: 9,
    pool_calls.NEXT_WITHDRAWAL: 9,
}
ADJUSTING: dict[Function[Any], Any] = {closing_calls.RESERVED: WAD // 10}
ANSWERS |= CLOSING | POOL | ADJUSTING


def asked(
    answers: Mapping[Function[Any], Any], wallet: Address = WALLET, at: Deployment = AT
) -> tuple[Reading, list[Sequence[Call[Any]]]]:
    """The reading that comes of these replies, and the batches that were asked for."""
    read = build(Deployments((at,), ())).read(at, wallet, BLOCK)
    batches: list[Sequence[Call[Any]]] = []
    try:
        batch = next(read)
        while True:
            requests = [request for request in batch if isinstance(request, Call)]
            batches.append(requests)
            batch = read.send([answers[request.function] for request in requests])
    except StopIteration as done:
        reading = done.value
    assert isinstance(reading, Reading)
    return reading, batches


def test_three_rounds_and_one_account_per_short() -> None:
    """The short is judged by the protocol's own minimum; the long has no rule."""
    reading, batches = asked(ANSWERS)
    assert len(batches) == 3
    short, longs = reading.accounts
    assert short.id == f"lyra_v1:10:{AT.addresses['option_market']}:7"
    assert longs.id == f"lyra_v1:10:{AT.addresses['option_market']}:{WALLET}:long"
    assert short.reported is not None
    assert (short.reported.health, short.reported.liquidatable) == (15 * WAD // 10, False)
    assert (longs.rule, longs.reported) == (None, None)
    assert short.owner_path == longs.owner_path == (WALLET,)
    [option] = longs.positions
    assert isinstance(option, Option)
    assert (option.size_raw, option.iv, option.rate) == (5 * WAD, 0.8, 0.05)
    assert (option.style, option.delivery, option.multiplier_raw, option.side) == (
        "european",
        "cash",
        None,
        "holder",
    )
    # One day before expiry 2,000 is far above 1,500: the strike's present value less the spot.
    assert option.mark_raw is not None
    assert abs(option.mark_raw - (2_000 * math.exp(-0.05 / 365) - 1_500) * WAD) < WAD // 10**6
    assert option.mark_source == f"Black-Scholes at board.iv * strike.skew and {reading.quotes[0].origin}"
    assert option.instrument == "ETH 2026-12-01 2000 put"


def test_wallets_share_everything_but_their_positions() -> None:
    """Requests of the market are equal, so that they are fetched once."""
    batches = [asked(ANSWERS, wallet)[1] for wallet in (WALLET, OTHER)]
    own = [set(first) ^ set(second) for first, second in zip(*batches, strict=True)]
    assert [len(each) for each in own] == [2, 2, 0]
    assert {call.function for call in own[0]} == {calls.OWNER_POSITIONS}
    assert {call.function for call in own[1]} == {calls.BALANCE}


def test_a_series_is_asked_for_once() -> None:
    """Two positions of one strike, one strike with its board."""
    _, batches = asked(ANSWERS)
    assert [call.function for call in batches[1]].count(calls.STRIKE_AND_BOARD) == 1


def test_longs_alone_take_two_rounds() -> None:
    """There is nothing to judge."""
    reading, batches = asked({**ANSWERS, calls.OWNER_POSITIONS: (LONG,)})
    assert len(batches) == 2
    assert len(reading.accounts) == 1


def test_no_positions_give_no_accounts_but_prices() -> None:
    """The prices serve other adapters' positions."""
    reading, batches = asked({**ANSWERS, calls.OWNER_POSITIONS: ()})
    assert len(batches) == 2
    assert reading.accounts == ()
    assert reading.quotes[0].asset == "index:ETH"
    assert reading.warnings == ()


@pytest.mark.parametrize(
    ("rate", "told"), [(Rate(0, invalid=False), "is 0"), (Rate(WAD, invalid=True), "marked invalid")]
)
def test_a_bad_price_is_no_number(rate: Rate, told: str) -> None:
    """Zero, or flagged invalid."""
    with pytest.raises(UnusablePrice, match=told):
        asked({**ANSWERS, calls.RATE_AND_INVALID: rate})


OF_ACCOUNTS = {
    calls.STRIKE_AND_BOARD: ["short #7", "held"],
    calls.SETTLEMENT: ["short #7", "held"],
    calls.MIN_COLLATERAL: ["short #7"],
    calls.CAN_LIQUIDATE: ["short #7"],
}


@pytest.mark.parametrize(
    "function",
    [f for f in ANSWERS if f not in (calls.OWNER_POSITIONS, *OF_ACCOUNTS, *CLOSING, *POOL, *ADJUSTING)],
)
def test_a_failed_call_of_the_market_fails_the_read_of_a_holder(function: Function[Any]) -> None:
    """Never a smaller account."""
    with pytest.raises(CallReverted):
        asked({**ANSWERS, function: CallReverted(function.canonical, "no")})


@pytest.mark.parametrize("function", CLOSING)
def test_without_the_terms_of_liquidations_a_short_still_has_its_test(function: Function[Any]) -> None:
    """What is missing is named; what nobody answered is a failure, never a rule without its close-out."""
    reading, _ = asked({**ANSWERS, function: CallReverted(function.canonical, "no")})
    whole, _ = asked(ANSWERS)
    rules = [one.accounts[0].rule for one in (whole, reading)]
    assert [type(rule) for rule in rules] == [AdjustableShortRule, ShortOptionRule]
    assert [one.accounts[0].reported for one in (whole, reading)] == [whole.accounts[0].reported] * 2
    [sentence] = reading.warnings
    assert "does not tell what a liquidation takes" in sentence
    assert function.canonical in sentence
    unanswered = {**ANSWERS, function: ProviderUnavailable("one", "timed out")}
    try:
        failed, _ = asked(unanswered)
    except ProviderUnavailable:
        return
    assert [failure.label for failure in failed.failures] == ["Lyra short #7"]


@pytest.mark.parametrize(
    "error", [CallReverted("getOptionMarketParams()", "no"), NotRecorded("getOptionMarketParams()")]
)
def test_without_the_markets_part_of_fees_trades_are_untold(error: ReadError) -> None:
    """Also in recordings of before it was asked for; collateral still moves."""
    reading, _ = asked({**ANSWERS, closing_calls.RESERVED: error})
    rule = reading.accounts[0].rule
    assert isinstance(rule, AdjustableShortRule)
    assert (reading.warnings, reading.failures) == ((), ())
    prices = prices_of(rule)
    told = rule.apply(prices, NOW, Trade(rule.closing.market, WAD))
    assert isinstance(told, Untold)
    assert "getOptionMarketParams" in told.reason
    assert isinstance(rule.apply(prices, NOW, Deposit(rule.closing.collateral, 1)), Applied)


@pytest.mark.parametrize(
    ("function", "reply", "told"),
    [
        (closing_calls.POOL_HEDGER, OTHER, "hedger"),
        (closing_calls.EXCHANGE_FEE, WAD, "outside of what"),
        (closing_calls.PENALTY, Penalty(WAD + 1, 0, 0, 0), "outside of what"),
        (closing_calls.PENALTY, Penalty(0, WAD, 1, 0), "outside of what"),
        (closing_calls.PRICING, Pricing(0, 5, 5, 0, 5, 6, 0, 1, 0), "outside of what"),
        (closing_calls.PRICING, Pricing(0, 5, 6, 0, 5, 6, 0, 0, 0), "outside of what"),
    ],
)
def test_terms_that_contradict_give_no_close_out(function: Function[Any], reply: Any, told: str) -> None:
    """Another hedger than the listed one, and parameters that the contracts would not take."""
    reading, _ = asked({**ANSWERS, function: reply})
    assert type(reading.accounts[0].rule) is ShortOptionRule
    assert told in reading.warnings[0]


@pytest.mark.parametrize("function", OF_ACCOUNTS)
def test_a_failed_call_of_a_position_fails_its_account(function: Function[Any]) -> None:
    """Every account is there, or its failure is."""
    error = CallReverted(function.canonical, "no")
    reading, _ = asked({**ANSWERS, function: error})
    whole, _ = asked(ANSWERS)
    assert [failure.label for failure in reading.failures] == [f"Lyra {n}" for n in OF_ACCOUNTS[function]]
    assert all(failure.error is error for failure in reading.failures)
    missing = {failure.id for failure in reading.failures}
    assert reading.accounts == tuple(account for account in whole.accounts if account.id not in missing)
    assert len(reading.accounts) + len(missing) == 2


@pytest.mark.parametrize("position", [SHORT._replace(option_type=5), SHORT._replace(state=2)])
def test_unknown_positions_are_unsupported(position: HeldPosition) -> None:
    """Another type or state than this release knows: said, and the longs stand beside it."""
    reading, _ = asked({**ANSWERS, calls.OWNER_POSITIONS: (position, LONG)})
    [failure] = reading.failures
    assert isinstance(failure.error, Unsupported)
    assert "active positions" in str(failure.error)
    assert [account.label for account in reading.accounts] == ["Lyra held"]


@pytest.mark.parametrize(
    ("function", "reply", "error"),
    [
        (calls.STRIKE_AND_BOARD, Series(1, 0, WAD, NOW + DAY, WAD, frozen=False), Unsupported),
        (calls.STRIKE_AND_BOARD, Series(1, WAD, WAD, NOW + 101 * 365 * DAY, WAD, frozen=False), Unsupported),
        (calls.STRIKE_AND_BOARD, Series(1, WAD, WAD, 2**255, WAD, frozen=False), Unsupported),
        (calls.STRIKE_AND_BOARD, Series(1, 2**255, WAD, NOW + DAY, WAD, frozen=False), Unsupported),
        (calls.CACHE_PARAMETERS, CacheParameters(DAY, 2**255 - 1), Unsupported),
        (calls.CACHE_PARAMETERS, CacheParameters(DAY, -(2**255)), Unsupported),
        (calls.RATE_AND_INVALID, Rate(1, invalid=False), Unsupported),
    ],
)
def test_an_option_that_nothing_values_fails_by_name(
    function: Function[Any], reply: Any, error: type[ReadError]
) -> None:
    """Here, and not in the assessment, which would lose all other protocols with it."""
    reading, _ = asked({**ANSWERS, function: reply})
    assert reading.accounts == ()
    assert [failure.label for failure in reading.failures] == ["Lyra short #7", "Lyra held"]
    assert [type(failure.error) for failure in reading.failures] == [error, error]


def test_parameters_that_no_price_passes_fail_the_short_alone() -> None:
    """A shock of nothing leaves no spot price whose logarithm there is."""
    shocks = ANSWERS[calls.MIN_COLLATERAL_PARAMETERS]._replace(call_spot_shock=0)
    reading, _ = asked({**ANSWERS, calls.MIN_COLLATERAL_PARAMETERS: shocks})
    assert [account.label for account in reading.accounts] == ["Lyra held"]
    [failure] = reading.failures
    assert isinstance(failure.error, UnusablePrice)


def test_a_long_that_is_not_known_fails_all_longs() -> None:
    """They are one account, whose part would be a smaller number."""
    odd = LONG._replace(position_id=9, state=2)
    reading, _ = asked({**ANSWERS, calls.OWNER_POSITIONS: (SHORT, LONG, odd)})
    assert [account.label for account in reading.accounts] == ["Lyra short #7"]
    assert [failure.label for failure in reading.failures] == ["Lyra held"]


@pytest.mark.parametrize(
    ("base", "quote"), [(b"ETH", b"sUSD"), (b"sETH", b"USDC"), (b"", b""), (b"s", b"sUSD")]
)
def test_other_pairs_are_unsupported(base: bytes, quote: bytes) -> None:
    """A key that isn't a synth's, and keys of a market that the adapter doesn't know."""
    keys = {calls.BASE_KEY: base.ljust(32, b"\0"), calls.QUOTE_KEY: quote.ljust(32, b"\0")}
    with pytest.raises(Unsupported, match="market of"):
        asked({**ANSWERS, **keys})


def test_newports_structs_do_not_decode() -> None:
    """One word less in the parameters, one more in the settlement: an error, never a shifted field."""
    for function, words in ((calls.CACHE_PARAMETERS, 9), (calls.SETTLEMENT, 4)):
        with pytest.raises(MalformedReply):
            function.decode(bytes(32 * words), function.canonical)


def test_deployments_are_checked_when_built() -> None:
    """A missing address, an unknown version and Newport without its underlying are refused by name."""
    lacking = Deployment("lyra_v1", ChainId(10), "Lyra", {"option_market": WALLET}, "test")
    with pytest.raises(BadConfiguration, match="addresses lack option_token"):
        build(Deployments((lacking,), ()))
    for options, told in (
        ({"version": "pre-avalon"}, "neither 'avalon' nor 'newport'"),
        ({"version": "newport"}, "addresses lack exchange_adapter"),
    ):
        with pytest.raises(BadConfiguration, match=told):
            build(Deployments((replace(AT, options=options),), ()))
    for underlying in ({}, {"underlying": ""}, {"underlying": 1}):
        with pytest.raises(BadConfiguration, match="underlying should be a name"):
            build(Deployments((replace(NEWPORT, options={"version": "newport", **underlying}),), ()))


@pytest.mark.parametrize("error", [ProviderUnavailable("one", "timed out"), NotRecorded("rateAndInvalid")])
def test_a_price_that_nobody_answered_is_not_a_market_without_prices(error: ReadError) -> None:
    """Who holds nothing here would lose a source of prices, and others' marks would change without a word."""
    with pytest.raises(type(error)):
        asked({**ANSWERS, calls.OWNER_POSITIONS: (), calls.RATE_AND_INVALID: error})
    refused = {**ANSWERS, calls.OWNER_POSITIONS: (), calls.RATE_AND_INVALID: CallReverted("rates", "no")}
    reading, _ = asked(refused)
    assert (reading.quotes, len(reading.warnings)) == ((), 1)
