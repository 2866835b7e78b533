"""An owner's calls sent as transactions, on a copy of a portfolio, and what refuses all of them."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.adjusting import ALL_PAUSED, AdjustableShortRule
from adapters.lyra_v1.closing import EXPIRED, FROZEN, PAUSED
from adapters.lyra_v1.pool_value import WORTHLESS_POOL, Pool
from aggregator import app, settings
from aggregator.model.actions import Applied, Deposit, Repay, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands
from aggregator.model.positions import Holding
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from aggregator.risk.copies import Copy
from aggregator.risk.steps import close
from tests.adapters.lyra_v1.acting import HANDS, do, gained, ordered, shorts_of_multicall3
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.lyra import Kind
from tests.devnet.multicall3 import MULTICALL3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.model.actions import Action
    from aggregator.model.calls import UnsignedCall
    from tests.devnet.world import World

DAY = 86_400


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

    def made(at: AdjustableShortRule) -> Sequence[UnsignedCall]:
        calls = at.calls(action, hands)
        assert not isinstance(calls, Untold)
        return calls

    mined = world.node.timestamp + len(made(rule))
    rule = replace(rule, adjusting=replace(rule.adjusting, time=mined))
    return rule, made(rule)


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


def test_closing_a_covered_call_on_a_copy(devnet: World) -> None:
    """The wallet pays quote and gets its base back, and the account is gone."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    lyra.open(user, lyra.strike_id(lyra.boards()[1], 2_000), Kind.SHORT_CALL_BASE, 2, 2)
    config = settings.build(tomllib.loads(devnet.config()), "local")
    [portfolio] = app.read(app.Selection((parse_address(user),)), config).portfolios
    [account] = [one for one in portfolio.accounts if one.kind == "option"]
    rule = account.rule
    assert isinstance(rule, AdjustableShortRule)
    outcome = rule.apply(prices_of(rule), rule.adjusting.time, Trade(rule.closing.market, rule.amount))
    assert isinstance(outcome, Traded)
    copy = Copy.of(portfolio)
    close(copy, account.id, None, Fraction(1), "--close")
    for asset in (rule.closing.quote, rule.closing.collateral):
        held = [
            sum(
                one.raw
                for each in some
                for one in each.positions
                if isinstance(one, Holding) and one.asset.id == asset
            )
            for some in (portfolio.accounts, copy.result().accounts)
        ]
        assert held[1] - held[0] == gained(outcome, asset)
    assert gained(outcome, rule.closing.collateral) == 2 * 10**18
    assert gained(outcome, rule.closing.quote) < 0
    assert account.id not in {one.id for one in copy.result().accounts}
    assert copy.lost == {}
