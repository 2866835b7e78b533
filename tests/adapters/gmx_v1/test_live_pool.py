"""GLP of the stand-ins looked through: its parts are worth what redeeming it would give."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from aggregator.model.accounts import Account
from aggregator.model.assets import TokenList, index_id, token_id
from aggregator.model.errors import Unsupported
from aggregator.model.positions import Debt, Perp, Supply
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from aggregator.pricing.book import price_book
from aggregator.pricing.values import value_usd
from tests.adapters.gmx_v1.live import Site, listed


def pool_of(reading: Reading) -> Account:
    [found] = [account for account in reading.accounts if account.label.endswith("GLP")]
    return found


def worth(site: Site, reading: Reading) -> Decimal:
    """An account's value at what the reading itself quotes."""
    marks = price_book([reading], tokens=TokenList(listed(site.world))).marks
    values = [value_usd(position, marks) for position in pool_of(reading).positions]
    return sum((value for value in values if value is not None), Decimal(0))


def test_the_parts_are_worth_the_share_of_the_pool(site: Site) -> None:
    """Traders long and short, in profit and loss: the parts add up to the manager's own lowest total."""
    draw, user = random.Random(5), str(site.world.spare[14])
    site.crowd(8, 12)
    amount = site.gmx.add_liquidity(user, "USDC", 20_000)
    site.gmx.stake(user, amount // 3)
    signs: set[bool] = set()
    for _ in range(6):
        site.move(draw, 5_000)
        reading = site.read(user)
        assert not reading.failures
        aum, supply = site.gmx.manager.call("getAum", False), site.gmx.glp.call("totalSupply")  # noqa: FBT003
        share = Decimal(aum * amount // supply).scaleb(-30)
        assert abs(worth(site, reading) - share) < Decimal("0.01")
        perps = [one for one in pool_of(reading).positions if isinstance(one, Perp)]
        assert {perp.index for perp in perps} == {index_id("ETH"), index_id("BTC")}
        assert all(perp.size_raw > 0 for perp in perps)
        signs.update(perp.pnl_raw > 0 for perp in perps)
        assert pool_of(reading).rule is None
    assert signs == {True, False}


def test_staked_and_loose_glp_are_counted_once(site: Site) -> None:
    """Receipts name the three tokens that stand for it; rewards are a position, esGMX a warning."""
    user = str(site.world.spare[0])
    amount = site.gmx.add_liquidity(user, "DAI", 1_000)
    before = worth(site, site.read(user))
    site.gmx.stake(user, amount)
    site.reward(user, 10**16, 5 * 10**18)
    reading = site.read(user)
    weth = Decimal("0.01") * Decimal("1999.6")
    assert abs(worth(site, reading) - before - weth) < Decimal("0.01")
    chain = site.deployment.chain
    names = ("glp", "fee_glp", "staked_glp")
    assert reading.receipts == tuple(token_id(chain, site.deployment.addresses[name]) for name in names)
    assert any("5 esGMX" in sentence for sentence in reading.warnings)
    assert any("can't be redeemed for another" in sentence for sentence in reading.warnings)
    site.world.node.warp(1_000)
    assert not any("can't be redeemed" in sentence for sentence in site.read(user).warnings)


def test_what_the_manager_adds_or_deducts_is_in_dollars(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.add_liquidity(user, "USDC", 1_000)
    for addition, deduction, kind in ((10**36, 0, Supply), (0, 2 * 10**36, Debt)):
        site.gmx.manager.send("setAumAdjustment", addition, deduction)
        reading = site.read(user)
        [dollars] = [
            one
            for one in pool_of(reading).positions
            if isinstance(one, Supply | Debt) and one.asset.id == index_id("USD")
        ]
        assert isinstance(dollars, kind)
    site.gmx.manager.send("setAumAdjustment", 0, 10**40)
    [failure] = site.read(user).failures
    assert isinstance(failure.error, Unsupported)
    assert "worth nothing" in str(failure.error)


def test_a_token_that_was_removed_and_came_back_is_counted_as_the_contract_does(site: Site) -> None:
    """The list then names it twice, and so does the total; of positions there is one."""
    user, weth = str(site.world.spare[0]), site.gmx.tokens["WETH"].address
    site.gmx.add_liquidity(user, "USDC", 1_000)
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    site.gmx.vault.send("clearTokenConfig", weth)
    reading = site.read(user)
    [failure] = reading.failures
    assert "removed" in str(failure.error)
    site.gmx.vault.send("setTokenConfig", weth, 18, 10_000, 150, 0, False, True)  # noqa: FBT003
    reading = site.read(user)
    assert not reading.failures
    symbols = [one.asset.symbol for one in pool_of(reading).positions if isinstance(one, Supply)]
    assert symbols.count("WETH") == 2
    assert len(reading.accounts) == 2


def test_a_pool_of_two_totals_is_told(site: Site) -> None:
    """A stablecoin below its peg: redeeming takes it as that, depositing as a dollar."""
    user = str(site.world.spare[0])
    site.gmx.add_liquidity(user, "DAI", 1_000)
    assert not any("worth" in one for one in site.read(user).warnings)
    site.world.prices.set(USDC="0.95")
    [told] = [one for one in site.read(user).warnings if "worth" in one]
    assert told.endswith("% more")


def test_a_share_without_a_price_fails_alone(site: Site) -> None:
    """A feed that answers zero leaves positions in other tokens standing."""
    user = str(site.world.spare[0])
    site.gmx.add_liquidity(user, "USDC", 1_000)
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    site.gmx.feeds.set("WBTC", 0)
    reading = site.read(user)
    assert [account.label for account in reading.accounts] == ["GMX V1 ETH long"]
    [failure] = reading.failures
    assert failure.label == "GMX V1 GLP"
    assert "invalid price" in str(failure.error)


def test_an_address_of_another_vault_is_refused(site: Site) -> None:
    """Of the manager: the pool fails by name, positions stand."""
    other = dict(site.deployment.addresses)
    other["glp"] = parse_address(site.gmx.tokens["DAI"].address)
    with_other = site.with_addresses(other)
    user = str(site.world.spare[0])
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    reading = with_other.read(user)
    [failure] = reading.failures
    assert isinstance(failure.error, Unsupported)
    assert "configure that as `glp`" in str(failure.error)
    assert len(reading.accounts) == 1


@pytest.mark.parametrize("staking", [True, False])
def test_without_trackers_the_reading_says_so(site: Site, staking: bool) -> None:
    user = str(site.world.spare[0])
    amount = site.gmx.add_liquidity(user, "USDC", 1_000)
    site.gmx.stake(user, amount // 2)
    addresses = dict(site.deployment.addresses)
    if not staking:
        del addresses["fee_glp"], addresses["staked_glp"]
    reading = site.with_addresses(addresses).read(user)
    assert any("staked GLP is not read" in one for one in reading.warnings) == (not staking)
    assert abs(worth(site, reading) - (1_000 if staking else 500)) < 1


def test_trackers_the_wrong_way_round_are_refused(site: Site) -> None:
    """Each answers, but has no deposits of GLP: what is staked must not count as nothing."""
    user = str(site.world.spare[0])
    site.gmx.stake(user, site.gmx.add_liquidity(user, "USDC", 1_000))
    addresses = dict(site.deployment.addresses)
    addresses["fee_glp"], addresses["staked_glp"] = addresses["staked_glp"], addresses["fee_glp"]
    reading = site.with_addresses(addresses).read(user)
    [failure] = reading.failures
    assert not reading.accounts
    assert isinstance(failure.error, Unsupported)
    assert "takes no deposits of the glp" in str(failure.error)


def test_rewards_of_glp_that_is_gone_stand_without_the_pool(site: Site) -> None:
    """Neither a price of the pool's other tokens nor any GLP is needed to claim them."""
    user = str(site.world.spare[0])
    site.reward(user, 10**16, 0)
    site.gmx.feeds.set("WBTC", 0)
    reading = site.read(user)
    assert not reading.failures
    [reward] = pool_of(reading).positions
    assert isinstance(reward, Supply)
    assert (reward.asset.symbol, reward.raw) == ("WETH", 10**16)
