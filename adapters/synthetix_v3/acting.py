"""What an owner's actions do to an account: snxUSD in and out (`modifyCollateral`), as far as it is known.

Source: PerpsAccountModule.sol and PerpsAccount.sol of npm `@synthetixio/perps-market` 3.13.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.margin import DECIMALS, SynthetixV3Rule
from aggregator.contract import Function, approval, token_address
from aggregator.model.actions import Action, Applied, Deposit, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, Refused
from aggregator.model.units import plain, scaled

MODIFY_COLLATERAL: Function[tuple[()]] = Function("modifyCollateral(uint128,uint128,int256)()")

OTHERS = Untold("only snxUSD in and out is known: what another amount of a synth counts for is not read")
TRADES = Untold(
    "what settling an order takes is not known: its fees, the reward of whoever settles it and the price "
    "that he brings are not read"
)
UNADDRESSED = Untold("the account's number and its order were not read: read it again")
_SLACK = 10**8
"""By how much a margin that is worked back may be off at another price or time: 1e-10 USD."""


def apply(
    rule: SynthetixV3Rule, prices: Mapping[AssetId, int], time: int, action: Action
) -> Applied | Refused | Untold:
    """See AdjustableRule; the cap on snxUSD and on kinds of collateral is not read, and taken for granted.

    Moving collateral settles nothing. What is left after a withdrawal must cover the initial margin; where
    that depends on the last units of figures that are worked back it is Untold. Raises UnusablePrice.
    """
    match action:
        case Deposit(asset, raw) | Withdraw(asset, int(raw)) if asset == rule.usd:
            pass
        case Withdraw(asset, None) if asset == rule.usd:
            raw = rule.usd_amount
        case Trade():
            return TRADES
        case _:
            return OTHERS
    if rule.handle is None:
        return UNADDRESSED
    if rule.flagged:
        return Refused("AccountLiquidatable")
    if (waits := rule.handle.waits(time)) is None:
        return Untold("when the order that is listed can no longer be settled is not read")
    if waits:
        return Refused("PendingOrderExists")
    if isinstance(action, Withdraw):
        kept = _withdrawal(rule, prices, time, raw)
        if kept is not None:
            return kept
    moved, left = Amount(rule.usd, raw), rule.usd_amount + (-raw if isinstance(action, Withdraw) else raw)
    return Applied(
        paid=moved if isinstance(action, Deposit) else None,
        received=moved if isinstance(action, Withdraw) else None,
        supplied=left,
        owed=None,
        successor=replace(rule, usd_amount=left),
    )


def calls_of(rule: SynthetixV3Rule, action: Action) -> Sequence[UnsignedCall] | Untold:
    """See CallableRule; a deposit is preceded by the approval of snxUSD, which the system burns."""
    handle = rule.handle
    match action:
        case Deposit(asset, raw) if asset == rule.usd:
            change, what = raw, f"deposit {plain(scaled(raw, DECIMALS))} snxUSD"
        case Withdraw(asset, raw_or_all) if asset == rule.usd:
            raw = rule.usd_amount if raw_or_all is None else raw_or_all
            change, what = -raw, f"withdraw {plain(scaled(raw, DECIMALS))} snxUSD"
        case Trade():
            return TRADES
        case _:
            return OTHERS
    if handle is None:
        return UNADDRESSED
    if token_address(rule.usd) is None:
        return Untold(f"{rule.usd} is no token that could be approved")
    data = MODIFY_COLLATERAL.at(handle.perps, handle.account, calls.SNX_USD, change).data
    moving = UnsignedCall(handle.perps, data, 0, f"{what}, Synthetix V3 account {handle.account}")
    return (approval(rule.usd, handle.perps, change), moving) if change > 0 else (moving,)


def _withdrawal(
    rule: SynthetixV3Rule, prices: Mapping[AssetId, int], time: int, raw: int
) -> Refused | Untold | None:
    """Why snxUSD can't be taken out (`validateWithdrawableAmount`).

    More than all accounts have together is refused in other words, which need what is not read.
    """
    if raw > rule.usd_amount:
        return Refused("InsufficientSynthCollateral")
    health = rule.health(prices, time)
    short = Refused("InsufficientCollateralAvailableForWithdraw")
    if rule.debt:
        return short if raw else None
    if not rule.positions:
        return None
    initial = sum(one.market.initial_margin(one.size, prices[one.feed.asset]) for one in rule.positions)
    maintained = sum(
        one.market.maintenance_margin(one.size, prices[one.feed.asset]) for one in rule.positions
    )
    free = health.power - (health.requirement - maintained + initial)
    if min(abs(free), abs(free - raw)) <= _SLACK:
        return Untold("it leaves the initial margin to 1e-10 USD, which is closer than it is known")
    if free < 0:
        return Refused("AccountLiquidatable")
    return short if raw > free else None
