"""How far a trader may go: each refusal of the real contracts, closings in part, and what can't be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.perp_curie.margin import CurieRule
from aggregator.model.actions import Applied, Deposit, Repay, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId, index_id, token_id
from aggregator.model.calls import Hands
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.perp_curie.live import Site
from tests.adapters.perp_curie.test_live_actions import SETTLED, calls_of, done, refused, send, tried
from tests.devnet.errors import TransactionReverted


def trader(site: Site, usdc: int = 2_000, size: str = "0.5") -> str:
    """One with a position in vETH, where no average moves."""
    user = str(site.world.spare[0])
    site.curie.deposit(user, "USDC", usdc)
    site.curie.open(user, "vETH", size)
    site.world.node.warp(SETTLED)
    return user


def rooms(rule: CurieRule) -> list[int | None]:
    """How much more the vault takes of its token and of collaterals."""
    assert rule.access is not None
    return [rule.access.room, *(one.room for one in rule.collaterals)]


def most_ticks(site: Site, ticks: int) -> None:
    site.curie.exchange.send("setMaxTickCrossedWithinBlock", site.curie.bases["vETH"].address, ticks)


def test_margin_is_needed_for_more_and_less_of_it_for_less(site: Site) -> None:
    user = trader(site)
    assert refused(site, user, Trade("vETH", 20 * WAD)) == "CH_NEFCI"
    assert refused(site, user, Trade("vETH", -20 * WAD)) == "CH_NEFCI"
    rule = site.rule(user)
    assert refused(site, user, Withdraw(rule.settlement, 1_990 * 10**6)) == "V_NEFC"
    done(site, user, Withdraw(rule.settlement, 1_800 * 10**6))
    done(site, user, Withdraw(rule.settlement, None))
    assert refused(site, user, Trade("vETH", WAD // 100)) == "CH_NEFCI"
    # Below the maintenance margin a part is no way out, while all of it borrows nothing any more.
    site.fall(0.06)
    assert refused(site, user, Trade("vETH", -WAD // 10)) == "CH_NEFCM"
    done(site, user, Trade("vETH", -WAD // 2))


@pytest.mark.parametrize(("symbol", "code"), [("USDC", "V_GTSTBC"), ("WETH", "V_GTDC")])
def test_a_vault_takes_no_more_than_its_cap(site: Site, symbol: str, code: str) -> None:
    """It is three units above; two are taken out, then two more: there is room for one."""
    user, curie = trader(site), site.curie
    other = str(site.world.spare[1])
    for one in (user, other):
        curie.deposit(one, "WETH", 1)
    site.world.tokens.mint(symbol, user, 1)
    token = curie.tokens[symbol].address
    cap = site.world.tokens.balance(symbol, curie.vault.address) - 3
    if symbol == "USDC":
        curie.config.send("setSettlementTokenBalanceCap", cap)
    else:
        curie.collateral_manager.send("setDepositCap", token, cap)
    asset, others = token_id(site.deployment.chain, parse_address(token)), site.rule(other)
    for _ in range(2):
        assert refused(site, user, Deposit(asset, 1)) == code
        said = done(site, user, Withdraw(asset, 2))
        assert isinstance(said.successor, CurieRule)
        assert said.successor.access == site.rule(user).access
        assert isinstance(said, Applied)
        assert said.room is not None
        before, others = rooms(others), others.with_room(said.room)
        assert before != rooms(others) == rooms(site.rule(other))
    assert refused(site, user, Deposit(asset, 2)) == code
    done(site, user, Deposit(asset, 1))


def test_the_price_may_move_only_so_far(site: Site) -> None:
    user = trader(site, 10_000_000)
    assert refused(site, user, Trade("vETH", 150 * WAD)) == "EX_OPB"
    assert "UB_UOA" in site_refusal(site, user, 10_000_000 * WAD)
    done(site, user, Trade("vETH", 20 * WAD))
    site.world.node.warp(SETTLED)
    most_ticks(site, 100)
    assert refused(site, user, Trade("vETH", 30 * WAD)) == "EX_OPLAS"
    for size in (1, -1, -3):
        done(site, user, Trade("vETH", size))
    # A closing stops there, both ways.
    for again in (0, -40 * WAD):
        if again:
            most_ticks(site, 1_000)
            site.world.node.warp(SETTLED)
            done(site, user, Trade("vETH", again))
            site.world.node.warp(SETTLED)
            most_ticks(site, 100)
        [held] = [one.size for one in site.rule(user).markets]
        closed = done(site, user, Trade("vETH", -held))
        assert isinstance(closed, Traded)
        assert 0 < abs(closed.size_raw) < abs(held)
    most_ticks(site, 0)
    assert refused(site, user, Trade("vETH", WAD)) == "EX_MIP"


def site_refusal(site: Site, user: str, size: int) -> str:
    rule = site.rule(user)
    said = rule.apply(prices_of(rule), rule.time, Trade("vETH", size))
    assert isinstance(said, Refused)
    with pytest.raises(TransactionReverted) as caught:
        tried(site, user, rule, Trade("vETH", size))
    assert caught.value.reason in said.reason
    return said.reason


def test_a_bound_of_quote_keeps_the_trader_from_a_worse_price(site: Site) -> None:
    """Somebody else trades before the call is mined: half a percent is let pass, more is not."""
    user = trader(site)
    for size, code in ((WAD // 10, "CH_TMRL"), (-WAD // 10, "CH_TLRS"), (-WAD // 2, "CH_TLRS")):
        calls = calls_of(site.rule(user), user, Trade("vETH", size))
        price = site.curie.spot("vETH")
        site.curie.arbitrage("vETH", price * (102 if size > 0 else 98) / 100)
        with pytest.raises(TransactionReverted, match=code):
            send(site, user, calls)
        site.curie.arbitrage("vETH", price)
        site.world.node.warp(SETTLED)
        send(site, user, calls)
        site.world.node.warp(SETTLED)


def test_a_trade_of_the_last_seconds_is_measured_from_what_was_before_it(site: Site) -> None:
    """Where the exchange may have noted either tick, what both allow is told, and nothing else."""
    user = trader(site, 10_000_000)
    most_ticks(site, 400)
    site.curie.arbitrage("vETH", site.curie.spot("vETH") * 103 / 100)
    rule, small, large = site.rule(user), Trade("vETH", WAD), Trade("vETH", 25 * WAD)
    time = site.world.node.timestamp + 1
    said = rule.apply(prices_of(rule), time, large)
    assert isinstance(said, Untold)
    assert "last seconds" in said.reason
    with pytest.raises(TransactionReverted, match="EX_OPLAS"):
        tried(site, user, rule, large)
    assert isinstance(rule.apply(prices_of(rule), time + 15, large), Traded)
    said = rule.apply(prices_of(rule), time, small)
    assert isinstance(said, Traded)
    send(site, user, calls_of(rule, user, small))
    assert said.size_raw == site.rule(user).markets[0].size
    # Of two trades at once the second is measured from before the first.
    site.world.node.warp(SETTLED)
    rule = site.rule(user)
    first = rule.apply(prices_of(rule), rule.time, large)
    assert isinstance(first, Traded)
    after = first.successor
    assert isinstance(after, CurieRule)
    assert after.markets[0].pool is not None
    assert rule.markets[0].pool is not None
    most_ticks(site, (after.markets[0].pool.depth.tick - rule.markets[0].pool.depth.tick) * 3 // 2)
    done(site, user, large)
    after = site.rule(user)
    assert isinstance(after.apply(prices_of(after), after.time + 1, large), Untold)
    with pytest.raises(TransactionReverted, match="EX_OPLAS"):
        tried(site, user, after, large)
    assert isinstance(after.apply(prices_of(after), after.time + 15, large), Traded)


def test_a_trader_pays_a_fee_of_ones_own(site: Site) -> None:
    user = trader(site)
    whole = done(site, user, Trade("vETH", WAD // 10))
    registry, yes = site.curie.registry, True
    registry.send("setFeeManager", registry.chain.sender, yes)
    registry.send("setFeeDiscountRatio", user, 750_000)
    site.world.node.warp(SETTLED)
    less = done(site, user, Trade("vETH", WAD // 10))
    assert isinstance(whole, Traded)
    assert isinstance(less, Traded)
    assert whole.fee is not None
    assert less.fee is not None
    assert less.fee.raw == pytest.approx(whole.fee.raw / 4, rel=0.01)


def test_what_is_stopped_refuses(site: Site) -> None:
    user = trader(site)
    rule = site.rule(user)
    assert refused(site, user, Deposit(rule.settlement, 0)) == "V_ZA"
    site.curie.vault.send("pause")
    for action in (Deposit(rule.settlement, 1), Withdraw(rule.settlement, 1)):
        assert refused(site, user, action) == "Pausable"
    site.curie.vault.send("unpause")
    site.curie.clearing_house.send("pause")
    assert refused(site, user, Trade("vETH", WAD)) == "Pausable"
    done(site, user, Withdraw(rule.settlement, 10**6))
    site.curie.clearing_house.send("unpause")
    site.curie.pause_market("vETH")
    assert refused(site, user, Trade("vETH", WAD)) == "CH_MNO"


def test_a_debt_is_repaid_with_a_deposit(site: Site) -> None:
    """What a loss has left behind: all of it, no more, and nothing where nothing is owed."""
    user = trader(site, 300, "1")
    site.curie.deposit(user, "WETH", 1)
    site.world.node.warp(SETTLED)
    done(site, user, Withdraw(site.rule(user).settlement, None))
    site.fall(0.05)
    done(site, user, Trade("vETH", -WAD))
    rule = site.rule(user)
    owed = -rule.settlement_raw
    assert owed > 0
    site.world.tokens.mint("USDC", user, 10_000)
    for raw, paid in ((10**6, 10**6), (None, owed - 10**6)):
        said = done(site, user, Repay(rule.settlement, raw))
        assert not isinstance(said, Traded)
        assert said.paid is not None
        assert (said.paid.raw, said.owed) == (paid, owed - 10**6 if raw else 0)
    rule = site.rule(user)
    assert rule.apply(prices_of(rule), rule.time, Repay(rule.settlement, 1)) == Refused("nothing is owed")
    assert isinstance(rule.calls(Repay(rule.settlement, 1), hands(user)), Untold)
    done(site, user, Withdraw(rule.collaterals[0].feed.asset, None))


def hands(user: str) -> Hands:
    return Hands(parse_address(user), parse_address(user))


def test_what_can_not_be_told(site: Site) -> None:
    """Nothing is made up for a market or a token that was not read, nor for a rule of an earlier release."""
    user = str(site.world.wallets["hedged"])
    rule = site.rule(user)
    prices, unread = prices_of(rule), AssetId("eip155:31337/erc20:0x" + "1" * 40)
    old = replace(rule, access=None, markets=tuple(replace(one, pool=None) for one in rule.markets))
    far = {**prices, index_id("ETH"): prices[index_id("ETH")] // 2}
    for given, at, action, words in (
        (rule, prices, Trade("vDOGE", 1), "not read"),
        (rule, prices, Trade("vBTC", WAD), "own range orders"),
        (rule, prices, Deposit(unread, 1), "not known"),
        (rule, far, Trade("vETH", WAD), "at that price"),
        (old, prices, Trade("vETH", WAD), "not read"),
        (old, prices, Withdraw(rule.settlement, 1), "not read"),
        (replace(old, access=rule.access), prices, Trade("vETH", WAD), "not read"),
    ):
        said = given.apply(at, rule.time, action)
        assert isinstance(said, Untold)
        assert words in said.reason
        if given is not rule or words not in {"at that price", "not known"}:
            assert isinstance(given.calls(action, hands(user)), Untold)
    with pytest.raises(ValueError, match="as of"):
        rule.apply(prices, rule.time - 1, Trade("vETH", 1))
