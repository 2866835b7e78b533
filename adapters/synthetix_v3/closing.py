"""What liquidating an account does, as `liquidate` and `liquidateMarginOnly` do it.

Source: LiquidationModule.sol of npm `@synthetixio/perps-market` 3.13.0. Flagging takes all collateral and
writes off the debt; then each position is closed as far as its market's window lets it, at the index price.
The profit or loss of what is touched falls to the market, and the rest of such a position begins anew. The
liquidator is anybody but a market's endorsed one, who has no limit and no reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adapters.synthetix_v3.margin import PositionState, SynthetixV3Rule
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee
from aggregator.model.rules import Amount, Refused


def close_out(
    rule: SynthetixV3Rule, prices: Mapping[AssetId, int], time: int, market: str | None
) -> CloseOut | Refused:
    """One liquidation of an account, at these prices and this time.

    The reward is the pool's to pay, and counts as a fee. What the seized collateral is worth beyond losses,
    debt and reward is `forfeited`, in snxUSD; what is missing is `bad_debt`. `successor` is flagged, without
    collateral and debt; None where no position is left. The interest rate stays as it was read.
    """
    if market is not None:
        return Refused("an account is liquidated as a whole: name no market")
    if not rule.health(prices, time).liquidatable:
        return Refused("NotEligibleForLiquidation" if rule.positions else "NotEligibleForMarginLiquidation")
    seized = rule.collateral_value(prices)
    closed: list[Closed] = []
    left: list[PositionState] = []
    realised = flag_rewards = 0
    for one in rule.positions:
        price = prices[one.feed.asset]
        flag_rewards += one.market.flag_reward(one.size, price)
        amount = one.market.liquidatable_amount(one.size, time)
        signed = amount if one.size > 0 else -amount
        if amount:
            realised += rule.profit(one, price, time)
            closed.append(Closed(one.name, signed, price))
        if signed != one.size:
            left.append(_rest(rule, one, signed, price, time))
    reward = _reward(rule, seized, flag_rewards, liquidated=bool(closed))
    rest = seized + realised - rule.debt - reward
    successor = None
    if left:
        successor = replace(
            rule,
            usd_amount=0,
            debt=0,
            collaterals=(),
            positions=tuple(left),
            rewards=rule.rewards.with_feeds(len(left)),
            interest_time=time,
            flagged=True,
        )
    return CloseOut(
        closed=tuple(closed),
        fees=(Fee("liquidator", Amount(rule.usd, reward)),) if reward else (),
        returned=(),
        forfeited=(Amount(rule.usd, rest),) if rest > 0 else (),
        bad_debt=(Amount(rule.usd, -rest),) if rest < 0 else (),
        borne_by=rule.loss_bearers if rest < 0 else (),
        successor=successor,
        posted=None if successor is None else (),
    )


def _rest(rule: SynthetixV3Rule, one: PositionState, closed: int, price: int, time: int) -> PositionState:
    """What stays of a position: begun anew where it was touched, else with what it has accrued."""
    market = one.market.after(closed, time)
    if closed:
        return replace(
            one, market=market, size=one.size - closed, entry_price=price, settled_funding=0, interest=0
        )
    return replace(
        one,
        market=market,
        settled_funding=one.settled_funding + one.market.unrecorded_funding(price, time),
        interest=one.interest + rule.interest_since(time),
    )


def _reward(rule: SynthetixV3Rule, seized: int, flag_rewards: int, *, liquidated: bool) -> int:
    """What the liquidator gets: the one who flags is paid for that, too (`_liquidateAccount`)."""
    rewards = rule.rewards
    if rule.flagged:
        earned, cost = 0, rewards.liquidate_cost
        if not liquidated:
            return 0
    else:
        earned = max(flag_rewards, rewards.for_collateral(seized))
        cost = rewards.liquidate_cost + rewards.flag_cost
    if earned + cost == 0:
        return 0
    return rewards.reward(earned, cost, 0 if rule.flagged else seized)
