"""Liquidations of the stand-ins, to the smallest unit of what is paid out and kept."""

from __future__ import annotations

import random

import pytest

from adapters.gmx_v1.closing import CANNOT_LIQUIDATE
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.rules import Refused, prices_of
from tests.adapters.gmx_v1.live import Place, Site, rule_of
from tests.devnet.errors import TransactionReverted


def moved(site: Site, place: Place) -> tuple[int, int, int]:
    """Balances of owner and liquidator in the collateral, and the fees that the vault has kept."""
    tokens, liquidator = site.gmx.tokens, site.gmx.site.account("liquidator")
    kept = site.gmx.vault.call("feeReserves", tokens[place.collateral].address)
    return (
        tokens.balance(place.collateral, place.user),
        tokens.balance(place.collateral, liquidator),
        int(kept),
    )


def liquidated(site: Site, place: Place) -> str | None:
    """Liquidates; the vault's reason where it refuses."""
    try:
        site.gmx.liquidate(place.user, place.index, place.collateral, is_long=place.is_long)
    except TransactionReverted as error:
        return error.reason
    return None


def test_close_outs_are_the_vaults(site: Site) -> None:
    """Returned, liquidator's fee and protocol's fee at states of both kinds; refused where it reverts."""
    draw, full, returned, refused = random.Random(11), 0, 0, 0
    places = site.crowd(3, 14)
    for step in range(8):
        site.move(draw, draw.choice((1, 4_000, 40_000)))
        site.gmx.vault.send("setMaxLeverage", 60_000 if step % 2 else 150_000)
        accounts = site.accounts([one.user for one in places])
        for place, account in zip(places, accounts, strict=True):
            rule, snapshot, before = rule_of(account), site.world.node.snapshot(), moved(site, place)
            reason = liquidated(site, place)
            ours = rule.close_out(prices_of(rule), site.world.node.timestamp)
            if isinstance(ours, Refused):
                assert ours.reason == reason == CANNOT_LIQUIDATE
                refused += 1
            else:
                assert reason is None
                got = [now - then for now, then in zip(moved(site, place), before, strict=True)]
                fees = {fee.receiver: fee.amount.raw for fee in ours.fees}
                paid = sum(amount.raw for amount in ours.returned)
                assert got == [paid, fees.get("liquidator", 0), fees.get("protocol", 0)]
                assert bool(ours.bad_debt) == (ours.borne_by == (LossBearer.POOL,)) == (not paid)
                full, returned = full + (not paid), returned + bool(paid)
            site.world.node.revert(snapshot)
    assert full > 10
    assert returned > 3
    assert refused > 20


def test_another_market_is_refused(site: Site) -> None:
    rule = rule_of(site.account(site.crowd(3, 1)[0].user))
    refused = rule.close_out(prices_of(rule), site.world.node.timestamp, "DOGE long")
    assert refused == Refused("no position in DOGE long")


@pytest.mark.parametrize("fee", [0, 5])
def test_leverage_alone_returns_the_rest(site: Site, fee: int) -> None:
    """A largest leverage that falls below a position's makes it liquidatable without any loss."""
    [place] = site.crowd(9, 1)
    site.gmx.vault.send("setMarginFees", 10, fee * 10**30, 0)
    site.gmx.vault.send("setMaxLeverage", 11_000)
    account = site.account(place.user)
    assert account.reported is not None
    assert account.reported.liquidatable
    rule, before = rule_of(account), moved(site, place)
    site.gmx.liquidate(place.user, place.index, place.collateral, is_long=place.is_long)
    ours = rule.close_out(prices_of(rule), site.world.node.timestamp)
    assert isinstance(ours, CloseOut)
    [returned] = ours.returned
    assert moved(site, place)[0] - before[0] == returned.raw > 0
    assert not ours.bad_debt
