"""Liquidations of the real contracts, compared with what the rule said of them a second before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.perp_curie.margin import CurieRule
from aggregator.model.close_outs import CloseOut
from aggregator.model.rules import WAD, Refused, prices_of
from tests.adapters.perp_curie.live import Site, compare
from tests.devnet.errors import TransactionReverted


def liquidated(site: Site, user: str, market: str) -> tuple[CurieRule, CloseOut]:
    """What the rule says that a liquidation in the next second does, checked against it once it is done."""
    before = site.rule(user)
    said = before.close_out(prices_of(before), site.world.node.timestamp + 1, market)
    if isinstance(said, Refused):
        with pytest.raises(TransactionReverted, match=said.reason.partition(":")[0]):
            site.curie.liquidate(user, market)
        raise LookupError(said.reason)
    receipt = site.curie.liquidate(user, market)
    [event] = site.curie.clearing_house.events(receipt, "PositionLiquidated")
    [closed] = said.closed
    assert abs(closed.size_raw) == event["positionSize"]
    assert closed.price * abs(closed.size_raw) // 10**18 == event["positionNotional"]
    fees = {fee.receiver: fee.amount.raw for fee in said.fees}
    penalty = event["liquidationFee"]
    in_debt = "insurance_fund" not in fees
    assert fees["liquidator"] == (penalty if in_debt else penalty // 2) // before.unit
    assert in_debt or fees["insurance_fund"] == (penalty - penalty // 2) // before.unit
    settled = site.curie.vault.events(receipt, "BadDebtSettled")
    assert [one.raw for one in said.bad_debt] == [one["amount"] for one in settled]
    if isinstance(said.successor, CurieRule):
        compare(said.successor, site.rule(user))
    else:
        account = site.said(user)
        assert (account.value, account.requirement) == (0, 0)
        assert not site.read(user).accounts
    return before, said


def test_liquidations_are_the_contracts_in_part_whole_and_with_bad_debt(site: Site) -> None:
    """Prices fall twice: positions are taken over in part, as a whole, and below zero."""
    users, done, parts, debts, refused = site.world.spare[:14], 0, 0, 0, 0
    for i, user in enumerate(users):
        site.curie.deposit(user, "USDC", 400 + 40 * (i % 5))
        if i % 4 == 0:
            site.curie.deposit(user, "WETH", "0.05")
        site.curie.open(user, "vETH", f"{1 + i / 50:.2f}")
        if i % 3:
            site.curie.open(user, "vBTC", "0.02")
    gone: set[str] = set()
    for drop in (0.05, 0.09, 0.12):
        site.fall(drop)
        for user in users:
            for market in ("vETH", "vBTC"):
                if user in gone:
                    continue
                try:
                    before, said = liquidated(site, user, market)
                except LookupError:
                    refused += 1
                    continue
                [held] = [one.size for one in before.markets if one.name == market]
                done, parts = done + 1, parts + (said.closed[0].size_raw != held)
                debts += bool(said.bad_debt)
                if said.successor is None:
                    gone.add(user)
    assert done > 10
    assert refused > 10
    assert parts > 2
    assert debts > 0


def test_orders_must_be_cancelled_first_and_the_fund_must_cover_the_loss(site: Site) -> None:
    """Both are refusals of the contract, too, by its own code."""
    curie, (maker, taker) = site.curie, site.world.spare[:2]
    for user in (maker, taker):
        curie.deposit(user, "USDC", 500)
        curie.open(user, "vETH", "1.9")
    curie.add_liquidity(maker, "vETH", quote=50, lower=1_500, upper=2_500)
    site.fall(0.22)
    site.fall(0.22)
    with pytest.raises(LookupError, match="CH_CLWTISO"):
        liquidated(site, maker, "vETH")
    fund = curie.insurance_fund.address
    site.world.node.rpc("anvil_impersonateAccount", fund)
    site.world.tokens.spend("USDC", fund, site.world.spare[2], 50_000)
    rule = site.rule(taker)
    assert rule.insurance < 1_000 * WAD
    [warning] = [one for one in site.read(taker).warnings if "insurance fund" in one]
    assert "can't be liquidated" in warning
    with pytest.raises(LookupError, match="CH_IIC"):
        liquidated(site, taker, "vETH")
    now = site.world.node.timestamp
    enough = replace(rule, insurance=10**6 * WAD)
    whole = enough.close_out(prices_of(rule), now)
    assert isinstance(whole, CloseOut)
    assert whole == enough.close_out(prices_of(rule), now, "vETH")
    assert whole.bad_debt
    assert whole.successor is None
