"""What the comet itself says of an account, and that it is what we say."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.compound_v3.calls import LIQUIDATABLE, OWED, SUPPLIED
from adapters.compound_v3.collateral import credit_of, value_of
from adapters.compound_v3.margin import CometRule, quotient
from adapters.compound_v3.market import Market
from adapters.compound_v3.user import User
from aggregator.contract import Deployment
from aggregator.model.accounts import Reported
from aggregator.model.errors import AdapterFault, ReadError
from aggregator.model.rules import prices_of


def check_balances(deployment: Deployment, market: Market, user: User, time: int) -> None:
    """Raises AdapterFault where the comet's own balance of base is another than the principal gives."""
    now = market.accrual.at(time)
    for function, mine, theirs in (
        (SUPPLIED, now.supplied(user.principal), user.supplied),
        (OWED, now.owed(user.principal), user.owed),
    ):
        if mine != theirs:
            what = f"{function.canonical}@{market.comet.address}"
            raise AdapterFault(f"base on {deployment.name} comes to {mine}, {what} says {theirs}")


def reported_of(
    deployment: Deployment, market: Market, user: User, balances: Sequence[int], rule: CometRule
) -> Reported:
    """The comet's own flag, and the quotient of both sides of its test by its own answers.

    A comet has no health factor: the quotient is of `collateralBalanceOf`, `borrowBalanceOf` and `getPrice`,
    with the factors that it lists. Raises AdapterFault where the flag is not what the rule gives at the last
    accrual, which is where `isLiquidatable` stops counting.
    """
    if isinstance(user.liquidatable, ReadError):
        raise user.liquidatable
    ours = rule.health(prices_of(rule), rule.accrual.updated_at).liquidatable
    origin = f"{LIQUIDATABLE.canonical}@{market.comet.address}"
    if ours != user.liquidatable:
        raise AdapterFault(f"liquidatable on {deployment.name} is {ours}, {origin} says {user.liquidatable}")
    prices = prices_of(rule)
    power = sum(
        credit_of(value_of(balance, prices[listed.asset.id], listed.asset.decimals), listed.liquidate_factor)
        for listed, balance in zip(market.collaterals, balances, strict=True)
        if balance
    )
    requirement = value_of(user.owed, prices[market.base.asset.id], market.base.asset.decimals)
    return Reported(quotient(power, requirement), user.liquidatable, None, origin)
