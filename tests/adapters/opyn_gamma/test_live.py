"""Vaults and options before expiry, read from the stand-ins: each account beside the protocol's own word."""

from __future__ import annotations

import random

import pytest

from adapters.opyn_gamma.closing import NO_ROUND, TOO_EARLY, ClosableNakedVaultRule
from aggregator.model.accounts import Account
from aggregator.model.close_outs import CloseOut
from aggregator.model.errors import UnusablePrice
from aggregator.model.positions import Option, Supply
from aggregator.model.rules import WAD, Oracle, Refused, prices_of
from aggregator.model.units import Address, parse_address
from tests.adapters.opyn_gamma.world import CALL, DAY, PUT, Gamma, owner_of
from tests.reading_kit import pin


def rule_of(account: Account) -> ClosableNakedVaultRule:
    """The account's rule, which is a naked vault's."""
    assert isinstance(account.rule, ClosableNakedVaultRule)
    return account.rule


def test_a_naked_vault_is_an_account_with_its_rule(gamma: Gamma, me: Address) -> None:
    """The published example on 4,100 USDC: 3,994.5 are required; the call is counted in the underlying."""
    put, call = gamma.otoken(PUT, 1_800, 50), gamma.otoken(CALL, 2_500, 20)
    gamma.open(me, 1, short=(put, 5 * 10**8), collateral=("USDC", 4_100 * 10**6))
    gamma.open(me, 1, short=(call, 10**8), collateral=("WETH", 3 * 10**17))
    reading = gamma.read(me)
    assert reading.failures == ()
    first, second = reading.accounts
    controller = parse_address(gamma.controller.address)
    assert first.id == f"opyn_gamma:31337:{controller}:{me}:1"
    assert (first.label, first.owner_path, first.kind) == ("Gamma vault #1", (me,), "option")
    option, collateral = first.positions
    assert isinstance(option, Option)
    assert isinstance(collateral, Supply)
    assert (option.instrument, option.right, option.size_raw) == (
        "oWETHUSDC/USDC-21DEC26-1800P",
        "put",
        -5 * 10**8,
    )
    assert (option.index, option.strike_raw, option.expiry) == (
        gamma.asset("WETH"),
        1_800 * 10**8,
        gamma.day + 50 * DAY,
    )
    # There is no volatility on the chain: the framework substitutes its own, and says so.
    assert (option.iv, option.iv_source, option.mark_raw, option.mark_source) == (None, None, None, None)
    # Gamma pays in money what an option is worth at expiry; an oToken is an option on one whole token.
    assert (option.style, option.side, option.delivery) == ("european", "writer", "cash")
    assert (option.settlement.symbol, option.multiplier_raw, option.rate) == ("USDC", None, 0.0)
    assert (collateral.asset.id, collateral.raw, collateral.is_collateral) == (
        gamma.asset("USDC"),
        4_100 * 10**6,
        True,
    )
    for account in (first, second):
        rule, reported = rule_of(account), account.reported
        health = rule.health(prices_of(rule), pin(gamma.node.url).timestamp)
        assert reported is not None
        assert (health.health, health.liquidatable) == (reported.health, reported.liquidatable)
    assert first.reported is not None
    assert first.reported.health == 4_100 * 10**6 * WAD // 3_994_500_000
    assert [feed.oracle for feed in rule_of(first).feeds] == [Oracle.MARKET, Oracle.FIXED]
    assert {quote.asset: quote.usd for quote in reading.quotes} == {
        gamma.asset("WETH"): 2_000,
        gamma.asset("USDC"): 1,
    }


def test_random_naked_vaults_at_random_prices(gamma: Gamma) -> None:
    """Health and flag are the calculator's; the auction is `isLiquidatable` of the latest round."""
    chance = random.Random(5)
    owners = [owner_of(gamma, i) for i in range(6)]
    for owner in owners:
        for _ in range(4):
            product = chance.choice([PUT, CALL])
            option = gamma.otoken(product, chance.randrange(1_000, 3_000), chance.choice([3, 20, 55]))
            size = chance.randrange(10**6, 10**10)
            least = 10**15 if product == CALL else 10**6
            collateral = least + chance.randrange(size * 10**10 if product == CALL else size * 10)
            gamma.open(owner, 1, short=(option, size), collateral=(product[2], collateral))
    sold = 0
    for price in (900, 1_700, 2_300, 4_000):
        gamma.feeds["WETH"].send("set", price * 10**8)
        gamma.node.warp(chance.choice([60, 1_500, 4_000]))
        latest = gamma.feeds["WETH"].call("latestRound")
        now = pin(gamma.node.url).timestamp
        for owner in owners:
            reading = gamma.read(owner)
            assert reading.failures == ()
            assert len(reading.accounts) == 4
            for account in reading.accounts:
                rule, reported = rule_of(account), account.reported
                prices = prices_of(rule)
                health = rule.health(prices, now)
                assert reported is not None
                assert (health.health, health.liquidatable) == (reported.health, reported.liquidatable)
                number = int(account.id.rpartition(":")[2])
                fails, auction, _ = gamma.controller.call("isLiquidatable", owner, number, latest)
                assert fails == health.liquidatable
                out = rule.close_out(prices, now)
                assert isinstance(out, CloseOut) == fails
                if isinstance(out, CloseOut):
                    taken = sum(fee.amount.raw for fee in out.fees)
                    assert taken == rule.leg.size * auction // 10**8
                    sold += 1
    assert 20 < sold < 76


def test_a_spread_has_its_requirement_and_no_rule(gamma: Gamma, me: Address) -> None:
    """Nothing can liquidate it: 2 puts at 1,800 covered at 1,500 need 600 of its 900 USDC."""
    short, long = gamma.otoken(PUT, 1_800, 20), gamma.otoken(PUT, 1_500, 20)
    gamma.open(me, 0, short=(short, 2 * 10**8), long=(long, 2 * 10**8), collateral=("USDC", 900 * 10**6))
    account = gamma.account(me)
    assert account.rule is None
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (15 * WAD // 10, False)
    sizes = [position.size_raw for position in account.positions if isinstance(position, Option)]
    assert sizes == [-2 * 10**8, 2 * 10**8]


def test_a_covered_call_and_a_long_alone(gamma: Gamma, me: Address) -> None:
    """A long in a vault requires nothing."""
    option = gamma.otoken(CALL, 2_500, 20)
    gamma.open(me, 0, short=(option, 10**8), collateral=("WETH", 10**18))
    gamma.open(me, 0, long=(option, 10**8))
    covered, long = gamma.read(me).accounts
    assert covered.reported is not None
    assert long.reported is not None
    assert (covered.reported.health, long.reported.health) == (WAD, None)
    assert (covered.rule, long.rule) == (None, None)


def test_the_borrowable_pool_is_named(gamma: Gamma, me: Address) -> None:
    """Type 2 is as type 0, but its collateral may be lent to others."""
    option = gamma.otoken(CALL, 2_500, 20)
    gamma.open(me, 2, short=(option, 10**8), collateral=("WETH", 10**18))
    reading = gamma.read(me)
    [account] = reading.accounts
    assert account.rule is None
    assert "may be lent" in reading.warnings[0]


def test_empty_places_are_nothing(gamma: Gamma, me: Address) -> None:
    """A vault that was emptied or settled is no account; collateral alone is one."""
    nothing = "0x" + "00" * 20
    gamma.open_raw(me, 1, [], [], [], [], [], [])
    gamma.open_raw(me, 0, [nothing], [], [nothing], [0], [], [0])
    gamma.open_raw(me, 1, [nothing], [], [gamma.at("WETH")], [0], [], [10**18])
    account = gamma.account(me)
    assert account.id.endswith(":3")
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert (supply.raw, account.rule, account.reported) == (10**18, None, None)


def test_options_held_are_accounts_that_nothing_liquidates(gamma: Gamma, me: Address) -> None:
    """Each kind is one, and its token is not counted once more as a holding."""
    options = [gamma.otoken(PUT, 1_800, 20), gamma.otoken(CALL, 2_500, 20), gamma.otoken(CALL, 2_600, 20)]
    for option, amount in zip(options[:2], (3, 4), strict=True):
        gamma.contract(option).send("mint", me, amount)
    reading = gamma.read(me)
    assert [account.positions[0].size_raw for account in reading.accounts] == [3, 4]  # type: ignore[union-attr]
    assert all(account.rule is None and account.reported is None for account in reading.accounts)
    held = [parse_address(option) for option in options[:2]]
    assert [account.id.rpartition(":")[2] for account in reading.accounts] == held
    assert [receipt.rpartition(":")[2] for receipt in reading.receipts] == held


def test_an_old_round_can_not_liquidate(gamma: Gamma, me: Address) -> None:
    """A vault that changed after the latest round waits for another one, and the flag says that it fails."""
    option = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 1, short=(option, 5 * 10**8), collateral=("USDC", 2_000 * 10**6))
    reading = gamma.read(me)
    assert reading.warnings == ()
    rule = rule_of(reading.accounts[0])
    now = pin(gamma.node.url).timestamp
    assert rule.health(prices_of(rule), now).liquidatable
    assert rule.close_out(prices_of(rule), now) == Refused(TOO_EARLY)
    gamma.feeds["WETH"].send("set", 2_000 * 10**8)
    reading = gamma.read(me)
    rule = rule_of(reading.accounts[0])
    assert isinstance(rule.close_out(prices_of(rule), pin(gamma.node.url).timestamp), CloseOut)
    assert "any round since" in reading.warnings[0]


def test_a_price_without_rounds_is_told(gamma: Gamma, me: Address) -> None:
    """Where the oracle answers another pricer than its logs tell, the auction's begin is not known."""
    option = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 1, short=(option, 5 * 10**8), collateral=("USDC", 2_000 * 10**6))
    gamma.feeds["WETH"].send("set", 2_000 * 10**8)
    other = gamma.new("StandInOpynPricer", gamma.feeds["WETH"].address)
    gamma.oracle.send("swapPricer", gamma.at("WETH"), other.address)
    rule = rule_of(gamma.account(me))
    assert rule.auction.round_time is None
    assert rule.close_out(prices_of(rule), pin(gamma.node.url).timestamp) == Refused(NO_ROUND)


def test_collateral_below_the_dust_has_a_rule_and_no_word(gamma: Gamma, me: Address) -> None:
    """The calculator refuses to tell, and a liquidator need not ask it."""
    option = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 1, short=(option, 10**8), collateral=("USDC", 10**6))
    account = gamma.account(me)
    assert account.reported is None
    rule = rule_of(account)
    assert rule.health(prices_of(rule), pin(gamma.node.url).timestamp).liquidatable


def test_a_pause_is_told(gamma: Gamma, me: Address) -> None:
    """By the rule and to the user."""
    option = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 1, short=(option, 5 * 10**8), collateral=("USDC", 2_000 * 10**6))
    for fully, partially, word in ((True, True, "C5"), (False, True, "C4")):
        gamma.controller.send("pause", fully, partially)
        reading = gamma.read(me)
        rule = rule_of(reading.accounts[0])
        out = rule.close_out(prices_of(rule), pin(gamma.node.url).timestamp)
        assert isinstance(out, Refused)
        assert out.reason.startswith(word)
        assert word in reading.warnings[-1]


def test_a_price_of_zero_fails_its_vault_alone(gamma: Gamma, me: Address) -> None:
    """The other stands, and the result is incomplete."""
    good, bad = gamma.otoken(PUT, 1_800, 20), gamma.otoken(("WBTC", "USDC", "USDC", True), 30_000, 20)
    gamma.open(me, 0, short=(good, 10**8), collateral=("USDC", 1_800 * 10**6))
    gamma.open(me, 0, short=(bad, 10**8), collateral=("USDC", 30_000 * 10**6))
    gamma.feeds["WBTC"].send("set", 0)
    reading = gamma.read(me)
    assert len(reading.accounts) == 1
    [failure] = reading.failures
    assert (failure.id.rpartition(":")[2], failure.label) == ("2", "Gamma vault #2")
    with pytest.raises(UnusablePrice):
        raise failure.error
