"""What an owner's actions do, against the real contracts: to the wei, and refusals as reverts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.adjusting import BELOW_MINIMUM, AdjustableShortRule
from adapters.lyra_v1.amm import CUTOFF, DELTA, OUT_OF_BOUNDS, Fill
from adapters.lyra_v1.amm import Traded as Order
from adapters.lyra_v1.family import LyraFamily
from aggregator.model.actions import Applied, Deposit, Trade, Traded, Withdraw
from aggregator.model.calls import CallableRule
from aggregator.model.rules import Refused, prices_of
from tests.adapters.lyra_v1.acting import (
    HANDS,
    Done,
    at_price,
    do,
    gained,
    ordered,
    sent,
    shorts_of_multicall3,
)
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.lyra_deploy import PRICING, TRADE_LIMITS, VARIANCE_FEE, units
from tests.volume import volume

if TYPE_CHECKING:
    from aggregator.model.actions import Action
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
