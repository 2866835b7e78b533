"""The local chain with stand-ins: who has an account, and what changes with what somebody does."""

from __future__ import annotations

import random

from aggregator.model.assets import index_id
from aggregator.model.errors import Unsupported
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, prices_of
from tests.adapters.derive_v2.live import Site
from tests.devnet.derive import series

DAY = 86_400


def numbers(reading: Reading) -> set[int]:
    return {int(one.id.rsplit(":", 1)[1]) for one in reading.accounts}


def test_accounts_follow_transfers_deposits_and_withdrawals(site: Site) -> None:
    """An account is whose it is now: events only say where to look."""
    derive, (ann, bob) = site.derive, site.world.spare[:2]
    account = derive.create(ann)
    derive.adjust(account, derive.cash.address, 100)
    assert numbers(site.read(ann)) == {account}
    derive.accounts.send("transferFrom", ann, bob, account, sender=ann)
    assert (numbers(site.read(ann)), numbers(site.read(bob))) == (set(), {account})
    derive.matching.send("depositSubAccountFor", account, ann, sender=bob)
    assert (numbers(site.read(ann)), numbers(site.read(bob))) == ({account}, set())
    [found] = site.read(ann).accounts
    assert found.owner_path == (found.id.split(":")[3],)
    derive.matching.send("completeWithdrawAccount", account)
    assert numbers(site.read(ann)) == {account}
    derive.adjust(account, derive.cash.address, -100)
    assert not site.read(ann).accounts


def test_margins_of_random_accounts_are_the_managers(site: Site) -> None:
    """Perps, options at what is intrinsic, collateral and cash, at moving prices; and so is the verdict."""
    derive, user, rng = site.derive, site.world.spare[2], random.Random(11)
    near, far = (site.now() + days * DAY for days in (30, 200))
    derive.feed.send("setForward", far, 50 * WAD)
    accounts = []
    for _ in range(12):
        account = derive.create(user)
        accounts.append(account)
        derive.adjust(account, derive.cash.address, rng.randint(-4_000, 4_000))
        if rng.random() < 0.7:
            derive.adjust(account, derive.base.address, rng.randint(1, 4))
        if rng.random() < 0.7:
            derive.open_perp(account, rng.choice([-3, -1, 2]), rng.randint(1_900, 2_100) * WAD)
        for _ in range(rng.randint(0, 4)):
            expiry, strike = rng.choice([near, far]), rng.choice([1_600, 1_800, 2_500, 3_200])
            option = series(expiry, strike, is_call=rng.random() < 0.5)
            derive.adjust(account, derive.option, rng.choice([-2, -1, 1, 3]), option)
    derive.perp.send("setFunding", 3 * WAD, 10**13)
    verdicts = set()
    for price in (2_000, 1_600, 2_560):
        derive.set_price(price * WAD)
        site.world.node.warp(5_000)
        reading, now = site.read(user), site.now()
        assert not reading.failures
        assert numbers(reading) == set(accounts)
        for one in reading.accounts:
            number = int(one.id.rsplit(":", 1)[1])
            if one.rule is None:
                assert all(isinstance(position, Supply) for position in one.positions)
                continue
            health = one.rule.health(prices_of(one.rule), now)
            margin = derive.margin(number, initial=False)
            assert health.power - health.requirement == margin
            assert health.liquidatable == (margin < 0)
            verdicts.add(health.liquidatable)
    assert verdicts == {True, False}


def test_liquidation_happens_where_it_is_foretold(site: Site) -> None:
    """One unit of the feed before it the margin is not below zero; at it, it is."""
    derive, user = site.derive, site.world.spare[3]
    account = derive.create(user)
    derive.adjust(account, derive.cash.address, 900)
    derive.open_perp(account, -4, 2_000 * WAD)
    derive.set_price(2_000 * WAD)
    rule = site.rule(user, account)
    eth = index_id("ETH")
    below, above = rule.liquidation_prices(prices_of(rule), site.now(), eth)
    assert below is None
    assert above is not None
    for price, expected in ((above - 1, False), (above, True)):
        derive.set_price(price)
        assert (derive.margin(account, initial=False) < 0) is expected
        assert site.rule(user, account).health({**prices_of(rule), eth: price}, site.now()).liquidatable is (
            expected
        )


def test_positions_say_what_is_held(site: Site) -> None:
    """In the tokens' decimals; what is owed is a debt."""
    derive, user = site.derive, site.world.spare[4]
    account, expiry = derive.create(user), site.now() + 10 * DAY
    derive.adjust(account, derive.cash.address, "-12.3456789")
    derive.adjust(account, derive.base.address, "1.5")
    derive.open_perp(account, -2, 2_100 * WAD)
    derive.adjust(account, derive.option, 5, series(expiry, 1_800, is_call=False))
    derive.set_price(2_000 * WAD)
    positions = site.account(user, account).positions
    [debt] = [one for one in positions if isinstance(one, Debt)]
    [base] = [one for one in positions if isinstance(one, Supply)]
    [perp] = [one for one in positions if isinstance(one, Perp)]
    [option] = [one for one in positions if isinstance(one, Option)]
    assert (debt.asset.symbol, debt.raw) == ("USDC", 12_345_679)
    assert (base.asset.symbol, base.raw) == ("WBTC", 150_000_000)
    assert (perp.size_raw, perp.entry_price_raw, perp.pnl_raw) == (-2 * WAD, 2_100 * WAD, 200_000_000)
    assert (option.right, option.strike_raw, option.expiry) == ("put", 1_800 * WAD, expiry)
    assert (option.size_raw, option.mark_raw, option.iv) == (5 * WAD, 0, None)
    assert (option.style, option.side, option.delivery) == ("european", "holder", "cash")
    assert (option.settlement.symbol, option.multiplier_raw) == ("USDC", None)
    assert option.mark_source is not None
    assert option.mark_source.startswith("Black-76 at ")


def test_a_live_auction_is_told_and_lasts_until_the_buffer_is_filled(site: Site) -> None:
    """Above the maintenance margin an account is sold on, as long as its buffer margin is below zero."""
    derive, user = site.derive, site.world.spare[5]
    account = derive.create(user)
    derive.adjust(account, derive.cash.address, 530)
    derive.open_perp(account, -4, 2_000 * WAD)
    derive.set_price(2_000 * WAD)
    assert not site.rule(user, account).health(prices_of(site.rule(user, account)), site.now()).liquidatable
    derive.auction.send("set", account, False, True)  # noqa: FBT003 - Solidity arguments
    for cash, sold in ((0, True), (70, False)):
        derive.adjust(account, derive.cash.address, cash)
        reading = site.read(user)
        [found] = reading.accounts
        assert found.rule is not None
        assert found.reported is not None
        assert found.rule.health(prices_of(found.rule), site.now()).liquidatable is sold
        assert found.reported.liquidatable is sold
        assert any("its solvent auction is live" in one for one in reading.warnings)


def test_a_stale_feed_fails_the_account_and_an_unknown_manager_another(site: Site) -> None:
    """Each by its name; cash alone needs no feed."""
    derive, user = site.derive, site.world.spare[6]
    perp, strange, cash = derive.create(user), derive.create(user, user), derive.create(user)
    derive.open_perp(perp, 1, 2_000 * WAD)
    derive.adjust(strange, derive.base.address, 1)
    derive.adjust(cash, derive.cash.address, 5)
    derive.set_price(2_000 * WAD, stale=True)
    reading = site.read(user)
    assert numbers(reading) == {cash}
    stale, unknown = sorted(reading.failures, key=lambda one: one.id)
    assert isinstance(stale.error, Unsupported)
    assert "too old" in str(stale.error)
    assert "manager" in str(unknown.error)
    assert "srm, pmrm or pmrm2" in str(unknown.error)


def test_cash_has_interest_and_a_rate(site: Site) -> None:
    """Both are in the position; the margin has neither."""
    derive, user = site.derive, site.world.spare[7]
    account = derive.create(user)
    derive.adjust(account, derive.cash.address, 1_000)
    derive.open_perp(account, 1, 2_000 * WAD)
    derive.set_price(2_000 * WAD)
    derive.cash.send("set", 9 * WAD // 10, True, 102 * WAD // 100)  # noqa: FBT003 - a Solidity argument
    reading = site.read(user)
    [found] = reading.accounts
    [supply] = [one for one in found.positions if isinstance(one, Supply)]
    assert supply.raw == 918_000_000
    assert found.rule is not None
    assert found.rule.health(prices_of(found.rule), site.now()).power == 1_000 * WAD
    assert any("interest of 20.000000 is pending" in one for one in reading.warnings)
    assert any("1 of cash counts as 0.9 USDC" in one for one in reading.warnings)
