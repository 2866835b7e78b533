"""What an owner's actions do, against the real contracts: to the wei, and refusals as reverts."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.adjusting import ALL_PAUSED, BELOW_MINIMUM, AdjustableShortRule
from adapters.lyra_v1.amm import CUTOFF, DELTA, OUT_OF_BOUNDS, Fill
from adapters.lyra_v1.amm import Traded as Order
from adapters.lyra_v1.closing import EXPIRED, FROZEN, PAUSED
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.pool_value import WORTHLESS_POOL, Pool
from aggregator.model.actions import Applied, Deposit, Repay, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.lyra_v1.acting import Done, at_price, do, ordered, sent, shorts_of_multicall3
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.lyra import Kind
from tests.devnet.lyra_deploy import PRICING, TRADE_LIMITS, VARIANCE_FEE, units
from tests.devnet.multicall3 import MULTICALL3
from tests.volume import volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.model.actions import Action
    from aggregator.model.calls import UnsignedCall
    from tests.devnet.world import World

HOUR = 3_600
DAY = 24 * HOUR
TIGHT_VOLS = {
    "maxSkew": units("1.11"),
    "absMaxSkew": units("1.11"),
    "minSkew": units("0.94"),
    "absMinSkew": units("0.94"),
    "minDelta": units("0.1"),
    "minForceCloseDelta": units("0.3"),
    "capSkewsToAbs": True,
}
WIDE_DELTAS = {"minDelta": units("0.2"), "minForceCloseDelta": units("0.1")}
HANDS = Hands(parse_address(MULTICALL3), parse_address(MULTICALL3))


def random_terms(seed: int) -> tuple[int, dict[str, int], dict[str, int], dict[str, int], str]:
    """Terms of a market for test_actions_at_random_states, and a refusal that is always there."""
    rng = random.Random(seed)
    pricing = {
        "standardSize": units(rng.randint(1, 60)),
        "skewAdjustmentFactor": units(f"0.{rng.randint(0, 99)}"),
        "vegaFeeCoefficient": units(rng.randint(0, 9_000)),
        "optionPriceFee1xPoint": rng.randint(7, 60) * DAY,
        "spotPriceFee2xPoint": rng.randint(50, 90) * DAY,
    }
    limits = {
        "minDelta": units(f"0.{rng.randint(0, 40):02}"),
        "minForceCloseDelta": units(f"0.{rng.randint(0, 40):02}"),
        "minBaseIV": units(f"0.{rng.randint(60, 80)}"),
        "maxBaseIV": units(f"0.{rng.randint(80, 99)}"),
        "minVol": units(f"0.{rng.randint(60, 80)}"),
        "maxVol": units(f"0.{rng.randint(80, 99)}"),
    }
    names = ("defaultVarianceFeeCoefficient", "minimumStaticVega", "ivVarianceCoefficient")
    variance = {name: units(rng.randint(0, 300)) // 100 for name in names}
    return seed, pricing, limits, variance, BELOW_MINIMUM


def gained(outcome: Applied | Traded, asset: str) -> int:
    """What the owner's wallet gains of an asset."""
    moved = ((outcome.received, 1), (outcome.paid, -1))
    return sum(sign * one.raw for one, sign in moved if one is not None and one.asset == asset)


def compare_state(
    world: World, rule: AdjustableShortRule, after: AdjustableShortRule | None, done: Done
) -> None:
    """The short, its minimum, and the market's state of its series, its pool and its vega."""
    assert done.amount == (after.amount if after else 0)
    assert done.collateral == (after.collateral if after else 0)
    if after is None:
        return
    health = after.health(prices_of(rule), world.node.timestamp)
    assert health.requirement == done.least * (10**18 if after.in_quote else rule.spot.price)
    terms = after.closing.buy_back
    assert (terms.vols.iv, terms.vols.skew, terms.vols.net_std_vega) == (
        done.iv,
        done.skew,
        done.net_std_vega,
    )
    assert terms.pool.value(rule.spot.price) == done.net_value
    assert LyraFamily().load(after.to_json()) == after


def compare_refusal(world: World, rule: AdjustableShortRule, action: Action, refused: Refused) -> None:
    """Every function of the market that might do it reverts, one of them for this reason.

    Reasons of more than one word are ours, where the contract has no name for it.
    """
    functions, amount, left = ["closePosition", "forceClosePosition"], 0, 0
    if isinstance(action, Trade):
        amount = action.size_raw
        functions = functions if amount > 0 else ["openPosition"]
        fill = filled(rule, amount)
        left = rule.collateral if amount != rule.amount else 0
        if isinstance(fill, Fill) and left:
            cost = fill.cost if amount > 0 else -fill.cost
            left = max(left - cost, 0) if rule.in_quote else left
            functions = [name for name in functions if (name == "forceClosePosition") is fill.is_forced]
    elif isinstance(action, Withdraw) and action.raw is not None:
        left = max(rule.collateral - action.raw, 0)
    reasons = [do(world, rule, ordered(world, rule, one, abs(amount), left)).refused for one in functions]
    assert all(reasons)
    if " " not in refused.reason:
        assert any(reason and reason.startswith(refused.reason) for reason in reasons)


def filled(rule: AdjustableShortRule, amount: int) -> Fill | Refused | None:
    """A trade without what it does to the short; None where there is none of that size."""
    amm, seconds = rule.adjusting.amm, rule.expiry - rule.adjusting.time
    assert amm is not None
    if amount > rule.amount:
        return None
    return amm.fill(rule.closing.buy_back, Order(rule.kind, rule.strike, seconds, rule.spot.price, amount))


def compare(world: World, rule: AdjustableShortRule, action: Action) -> Applied | Traded | Refused:
    """Ours against theirs, at the rule's price."""
    now = world.node.timestamp
    assert rule.adjusting.time == now
    outcome = rule.apply(prices_of(rule), now, action)
    assert isinstance(outcome, Applied | Traded | Refused)
    calls = rule.calls(action, HANDS)
    if isinstance(outcome, Refused):
        assert not isinstance(calls, tuple)
        compare_refusal(world, rule, action, outcome)
        return outcome
    assert isinstance(calls, tuple)
    done = do(world, rule, sent(calls))
    assert done.refused is None
    closing = rule.closing
    assert gained(outcome, closing.quote) == done.quote
    assert done.base == (0 if rule.in_quote else gained(outcome, closing.collateral))
    after = outcome.successor
    assert after is None or isinstance(after, AdjustableShortRule)
    if isinstance(outcome, Applied):
        assert outcome.supplied == done.collateral
    else:
        assert outcome.size_raw == -done.amount
        assert outcome.margin is None or outcome.margin == (closing.collateral, done.collateral)
    compare_state(world, rule, after, done)
    return outcome


def actions(rule: AdjustableShortRule, rng: random.Random) -> list[Action]:
    """Collateral in, out up to its minimum and one wei beyond, options bought back and written."""
    least = rule.health(prices_of(rule), rule.adjusting.time)
    spare = rule.collateral - least.requirement // (10**18 if rule.in_quote else rule.spot.price)
    asset, market = rule.closing.collateral, rule.closing.market
    sizes = (rule.amount, rng.randint(1, rule.amount), rule.amount // 100 or 1, -rng.randint(1, rule.amount))
    return [
        Deposit(asset, rng.randint(1, 10**21)),
        *(Withdraw(asset, raw) for raw in (max(spare, 0), max(spare, 0) + 1, rng.randint(1, 10**19))),
        *(Trade(market, size) for size in sizes),
        Trade(market, rule.amount + 1),
    ]


@pytest.mark.parametrize(
    ("seed", "pricing", "limits", "variance", "expected"),
    [
        (40, {}, {}, {}, DELTA),
        (41, {"standardSize": units(3)}, TIGHT_VOLS, {"defaultVarianceFeeCoefficient": 0}, OUT_OF_BOUNDS),
        (42, {"standardSize": units(3)}, WIDE_DELTAS, {"forceCloseVarianceFeeCoefficient": 0}, DELTA),
        (43, {}, {}, {"vegaCoefficient": units("0.7")}, CUTOFF),
        *(random_terms(seed) for seed in range(100, volume(100, 160))),
    ],
)
def test_actions_at_random_states(
    devnet: World,
    seed: int,
    pricing: dict[str, int],
    limits: dict[str, int],
    variance: dict[str, int],
    expected: str,
) -> None:
    """Shorts of all kinds at the block's price and others, after trades that moved the volatility; the last
    time near expiry."""
    rng, lyra, user = random.Random(seed), devnet.lyra_v1, devnet.spare[0]
    for _ in range(5):
        open_random_short(lyra, user, rng)
        devnet.node.warp(rng.randint(1, 3 * HOUR))
    if seed == 43 or seed % 5 == 4:
        devnet.node.warp(lyra.expiry(lyra.boards()[0]) - devnet.node.timestamp - rng.randint(60, 10 * HOUR))
    lyra.pricer.send("setPricingParams", {**PRICING, **pricing})
    lyra.pricer.send("setTradeLimitParams", {**TRADE_LIMITS, **limits})
    lyra.pricer.send("setVarianceFeeParams", {**VARIANCE_FEE, **variance})
    found, forced = [], 0
    for rule in shorts_of_multicall3(devnet, user):
        assert isinstance(rule, CallableRule)
        spot = rule.spot.price
        for price in (spot, *(spot * rng.randint(600, 1_600) // 1_000 for _ in range(2))):
            here = at_price(rule, price)
            for action in actions(here, rng):
                found.append(compare(devnet, here, action))
                fill = filled(here, action.size_raw) if isinstance(action, Trade) else None
                forced += isinstance(fill, Fill) and fill.is_forced
    reasons = {one.reason for one in found if isinstance(one, Refused)}
    assert {BELOW_MINIMUM, expected} <= reasons
    assert sum(isinstance(one, Traded) for one in found) >= volume(15, 5)
    assert forced >= 3 or seed not in (42, 43)
    assert sum(isinstance(one, Applied) for one in found) >= 15


def test_what_refuses_every_action(devnet: World) -> None:
    """Paused markets, a frozen board, a pool that is worth nothing, and what is no action of this short."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    open_random_short(lyra, user, random.Random(1))
    [rule] = shorts_of_multicall3(devnet, user)
    asset, prices = rule.closing.collateral, prices_of(rule)
    moves: list[Action] = [Deposit(asset, 5), Withdraw(asset, 1), Trade(rule.closing.market, rule.amount)]

    def reasons() -> list[str | None]:
        [now] = [account.rule for account in read(devnet, MULTICALL3).accounts]
        assert isinstance(now, AdjustableShortRule)
        outcomes = [now.apply(prices, devnet.node.timestamp, move) for move in moves]
        theirs = [
            do(devnet, now, [*ordered(devnet, now, "openPosition", 0, 0)[:2], call]).refused
            for call in (
                (
                    lyra.market.address,
                    lyra.market.encode("addCollateral", now.adjusting.short.position_id, 5),
                ),
                ordered(devnet, now, "closePosition", 0, now.collateral - 1)[-1],
                ordered(devnet, now, "closePosition", now.amount, 0)[-1],
            )
        ]
        told = [one.reason if isinstance(one, Refused) else None for one in outcomes]
        assert [mine is None for mine in told] == [their is None for their in theirs]
        assert all(their.startswith(mine) for mine, their in zip(told, theirs, strict=True) if mine and their)
        return told

    assert reasons() == [None, None, None]
    with devnet.isolated():
        lyra.adapter.send("setMarketPaused", lyra.market.address, True)  # noqa: FBT003
        assert reasons() == [None, PAUSED, PAUSED]
    with devnet.isolated():
        lyra.adapter.send("setGlobalPaused", True)  # noqa: FBT003
        assert reasons() == [ALL_PAUSED] * 3
    with devnet.isolated():
        lyra.market.send("setBoardFrozen", lyra.boards()[0], True)  # noqa: FBT003
        lyra.market.send("setBoardFrozen", lyra.boards()[1], True)  # noqa: FBT003
        assert reasons() == [None, None, FROZEN]
    late = rule.expiry
    assert rule.apply(prices, late, moves[2]) == Refused(EXPIRED)
    assert all(isinstance(rule.apply(prices, late, move), Untold) for move in moves[:2])
    poor = replace(rule.closing.buy_back, pool=Pool(-1, 0, 0, 0, 0))
    poor_rule = replace(rule, closing=replace(rule.closing, buy_back=poor))
    worthless = [poor_rule.apply(prices, rule.adjusting.time, move) for move in moves[1:]]
    assert worthless == [Refused(WORTHLESS_POOL)] * 2
    others: tuple[Action, ...] = (
        Deposit(AssetId("another"), 1),
        Withdraw(AssetId("another"), 1),
        Trade("another", 1),
    )
    assert all(isinstance(rule.apply(prices, rule.adjusting.time, one), Refused) for one in others)
    assert isinstance(rule.apply(prices, rule.adjusting.time, Repay(asset, 1)), Untold)
    assert isinstance(rule.calls(Repay(asset, 1), HANDS), Untold)


def when_mined(
    world: World, rule: AdjustableShortRule, action: Action, hands: Hands
) -> tuple[AdjustableShortRule, Sequence[UnsignedCall]]:
    """The rule at the time of the last of its calls, each mined a second after the one before; and these."""
    for _ in range(2):
        calls = rule.calls(action, hands)
        assert not isinstance(calls, Untold)
        rule = replace(rule, adjusting=replace(rule.adjusting, time=world.node.timestamp + len(calls)))
    return rule, calls


@pytest.mark.parametrize("kind", [Kind.SHORT_CALL_BASE, Kind.SHORT_CALL_QUOTE, Kind.SHORT_PUT_QUOTE])
def test_calls_sent_as_transactions(devnet: World, kind: Kind) -> None:
    """One after the other, days apart; the account is read again each time and is what was foreseen."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    strike = lyra.strike_id(lyra.boards()[1], 2_000)
    lyra.open(user, strike, kind, 12, 9 if kind is Kind.SHORT_CALL_BASE else 14_000)
    for token in (lyra.quote, lyra.base):
        token.send("approve", lyra.market.address, 0, sender=user)
    for share in ("deposit", "withdraw", 3, -2, 1, "close"):
        devnet.node.warp(4 * DAY)
        [rule] = [account.rule for account in read(devnet, user).accounts]
        assert isinstance(rule, AdjustableShortRule)
        asset, market = rule.closing.collateral, rule.closing.market
        action: Action
        if isinstance(share, int):
            action = Trade(market, share * 10**18 + 7)
        elif share == "close":
            action = Trade(market, rule.amount)
        else:
            action = (Deposit if share == "deposit" else Withdraw)(asset, rule.collateral // 10 + 3)
        rule, calls = when_mined(devnet, rule, action, Hands(parse_address(user), parse_address(user)))
        mined = rule.adjusting.time
        outcome = rule.apply(prices_of(rule), mined, action)
        assert isinstance(outcome, Applied | Traded)
        before = [token.call("balanceOf", user) for token in (lyra.quote, lyra.base)]
        for call in calls:
            devnet.chain.transact(call.to, call.data, sender=user, value=call.value)
        assert devnet.node.timestamp == mined
        after = [token.call("balanceOf", user) for token in (lyra.quote, lyra.base)]
        assert after[0] - before[0] == gained(outcome, rule.closing.quote)
        assert after[1] - before[1] == (0 if rule.in_quote else gained(outcome, asset))
        accounts = read(devnet, user).accounts
        if outcome.successor is None:
            assert accounts == ()
            return
        [now] = [account.rule for account in accounts]
        foreseen = outcome.successor
        assert isinstance(now, AdjustableShortRule)
        assert isinstance(foreseen, AdjustableShortRule)
        assert now.health(prices_of(now), mined) == foreseen.health(prices_of(now), mined)
        assert (now.amount, now.collateral, now.adjusting) == (
            foreseen.amount,
            foreseen.collateral,
            foreseen.adjusting,
        )
        terms, told = now.closing.buy_back, foreseen.closing.buy_back
        assert terms.vols[:2] == told.vols[:2]
        assert terms.vols.net_std_vega == told.vols.net_std_vega
        assert terms.pool.value(now.spot.price) == told.pool.value(now.spot.price)
