"""What flagging and liquidating does, against the real contracts: fees, the pool's gain or loss, refusals."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from adapters.synthetix_perps_v2.closing import CANNOT_LIQUIDATE, TOO_LARGE, TOO_SKEWED, ClosablePerpsV2Rule
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.rules import WAD, Refused, prices_of
from tests.adapters.synthetix_perps_v2.books import Held, at_price, near, open_book, read_book
from tests.adapters.synthetix_perps_v2.live import ETH_MARKET, Site
from tests.devnet.chain import bytes32
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.simulated import Step, simulate
from tests.devnet.synthetix_deploy import artifacts, as_owner, stand_ins


@dataclass(frozen=True)
class Done:
    """What the contracts did, or why they refused: sUSD with 18 decimals.

    `order_deposit` is what flagging paid, `paid` what liquidating paid to flagger and liquidator, `pooled`
    what the fee pool got, `debt` by how much the market owes its traders less.
    """

    refused: str | None
    order_deposit: int
    paid: int
    pooled: int
    debt: int
    left: tuple[int, int]


def close_out(site: Site, held: Held, price: int) -> Done:
    """Flag and liquidate, by force where the sender is endorsed, at a price; nothing of it stays."""
    perps = site.world.synthetix
    market = perps.markets[held.market]
    pool = site.world.chain.at(
        stand_ins()["StandInFeePool"], perps.resolver.call("getAddress", bytes32("FeePool"))
    )
    balance: Step = (perps.susd, "balanceOf", (MULTICALL3,))
    fees: Step = (pool, "feesPaid", ())
    debt: Step = (market, "marketDebt", ())
    flag, *closing = (
        (market, name, (held.user,))
        for name in ("flagPosition", "liquidatePosition", "forceLiquidatePosition")
    )
    steps = [
        at_price(site, held.market, price),
        balance,
        fees,
        debt,
        flag,
        balance,
        *closing,
        balance,
        fees,
        debt,
    ]
    done = simulate(site.world.chain, [*steps, (market, "positions", (held.user,))])
    _, sent, paid, owed, flagged, after_flag, closed, forced, sent_after, paid_after, owed_after, position = (
        done
    )
    refused = None if held.rule.flagged else flagged.refused
    if refused is None and forced.refused == "address not endorsed":
        refused = closed.refused
    return Done(
        refused=refused,
        order_deposit=after_flag.value - sent.value,
        paid=sent_after.value - after_flag.value,
        pooled=paid_after.value - paid.value,
        debt=owed.value[0] - owed_after.value[0] if owed.value[0] and owed_after.value[0] else 0,
        left=(position.value["margin"], position.value["size"]),
    )


def compare(site: Site, held: Held, price: int) -> CloseOut | Refused:
    """Ours against theirs, to the wei."""
    time, rule = site.world.node.timestamp, held.rule
    ours, theirs = rule.close_out({rule.feed.asset: price}, time, held.market), close_out(site, held, price)
    if isinstance(ours, Refused):
        assert ours.reason == theirs.refused
        return ours
    assert theirs.refused is None
    assert theirs.left == (0, 0)
    assert [(one.market, one.size_raw, one.price) for one in ours.closed] == [(held.market, rule.size, price)]
    assert all(fee.receiver == "liquidator" for fee in ours.fees)
    assert {amount.asset for amount in ours.forfeited} <= {rule.closing.settlement}
    assert sum(fee.amount.raw for fee in ours.fees) == theirs.paid + theirs.order_deposit
    assert theirs.order_deposit == rule.closing.keeper_deposit
    assert sum(amount.raw for amount in ours.forfeited) == theirs.pooled
    assert (ours.returned, ours.successor) == ((), None)
    assert not (ours.forfeited and ours.bad_debt)
    assert ours.borne_by == ((LossBearer.POOL,) if ours.bad_debt else ())
    if theirs.debt:
        # What the pool pays out beyond what it stops owing to the trader is its loss.
        lost = theirs.paid + theirs.pooled - theirs.debt
        assert abs(sum(one.raw for one in ours.bad_debt) - lost) <= 10 + abs(rule.size) // WAD
    return ours


@pytest.mark.parametrize("seed", range(200, 204))
def test_close_outs_of_random_positions(site: Site, seed: int) -> None:
    """8 positions at 7 prices each: just failing, far under, and where nothing fails; both limits."""
    random_ = random.Random(seed)
    open_book(site, random_)
    if seed % 2:
        site.world.synthetix.endorse(MULTICALL3)
    site.world.node.warp(random_.choice([1, 86_400]))
    users = site.world.spare[1:9]
    pairs = [
        (user, market) for i, market in enumerate(site.world.synthetix.markets) for user in users[4 * i :][:4]
    ]
    book = read_book(site, pairs)
    time = site.world.node.timestamp
    found = [compare(site, one, price) for one in book for price in near(random_, one.rule, time)]
    assert sum(isinstance(one, CloseOut) and bool(one.forfeited) for one in found) >= 3
    assert sum(isinstance(one, CloseOut) and bool(one.bad_debt) for one in found) >= 3
    assert Refused(CANNOT_LIQUIDATE) in found


def test_limits_keep_others_than_the_endorsed_away(site: Site) -> None:
    """A position or a skew beyond the limits is refused; an endorsed address takes no fee of its own."""
    user, perps, losing = site.world.spare[0], site.world.synthetix, 1_500 * WAD
    perps.open(user, ETH_MARKET, margin=2_000, size=10)
    scale = site.rule(user, ETH_MARKET).market.skew_scale

    def held() -> Held:
        [one] = read_book(site, [(user, ETH_MARKET)])
        return one

    plain = compare(site, held(), losing)
    for name, at, reason in (
        # The limit itself is too much already.
        ("MaxLiquidationDelta", 10 * WAD * WAD // scale, TOO_LARGE),
        ("MaxPD", abs(held().rule.market.skew) * WAD // scale, TOO_SKEWED),
    ):
        snapshot = site.world.node.snapshot()
        perps.set_parameter(ETH_MARKET, name, at)
        assert compare(site, held(), losing) == Refused(reason)
        perps.endorse(MULTICALL3)
        forced = compare(site, held(), losing)
        assert isinstance(plain, CloseOut)
        assert isinstance(forced, CloseOut)
        assert forced.fees == plain.fees[:1]
        perps.set_parameter(ETH_MARKET, name, at + 1)
        again = compare(site, held(), losing)
        assert isinstance(again, CloseOut)
        assert again.fees == plain.fees
        site.world.node.revert(snapshot)


def test_suspended_market_refuses(site: Site) -> None:
    """With the reason that the contracts give."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, ETH_MARKET, margin=1_000, size=5)
    perps.suspend(ETH_MARKET)
    [held] = read_book(site, [(user, ETH_MARKET)])
    assert compare(site, held, 1_500 * WAD) == Refused("Market suspended")
    assert held.rule.closing.suspension == "Market suspended"


def test_flagged_position_is_closed_at_any_price(site: Site) -> None:
    """Flagged at one price and closed at a better one later: what is left is lost all the same.

    By real transactions, whose event says who got what.
    """
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    perps.open(user, ETH_MARKET, margin=1_000, size=5)
    perps.submit_delayed_order(user, ETH_MARKET, -1)
    perps.set_rate(ETH_MARKET, 1_805 * WAD)
    perps.flag(user, ETH_MARKET)
    node.warp(3_600)
    perps.set_rate(ETH_MARKET, 2_300 * WAD)
    rule = site.rule(user, ETH_MARKET)
    assert isinstance(rule, ClosablePerpsV2Rule)
    assert rule.flagged
    assert rule.closing.keeper_deposit == 0
    asset = rule.feed.asset
    assert rule.liquidation_prices(prices_of(rule), node.timestamp, asset) == (2_300 * WAD, 2_300 * WAD)
    ours = rule.close_out(prices_of(rule), node.timestamp + 1)
    receipt = perps.liquidate(user, ETH_MARKET)
    [event] = perps.markets[ETH_MARKET].events(receipt, "PositionLiquidated")
    assert isinstance(ours, CloseOut)
    assert [fee.amount.raw for fee in ours.fees] == [event["flaggerFee"], event["liquidatorFee"]]
    assert [amount.raw for amount in ours.forfeited] == [event["stakersFee"]]
    assert event["stakersFee"] > 1_000 * WAD
    [closed] = ours.closed
    assert (closed.size_raw, closed.price) == (event["size"], event["price"])
    assert site.read(user).accounts == ()


def test_deposit_of_an_old_order_returns_to_the_margin(site: Site) -> None:
    """Orders from before the last upgrade had a second one: flagging gives it back, and it is lost."""
    user, perps, chain = site.world.spare[0], site.world.synthetix, site.world.chain
    perps.open(user, ETH_MARKET, margin=1_000, size=5)
    market = perps.markets[ETH_MARKET]
    proxy = chain.at(artifacts()["ProxyPerpsV2"], market.address)
    views = proxy.call("getRoute", market.encode("positions", user)[:4])["implementation"]
    state = chain.at(
        artifacts()["PerpsV2MarketState"],
        chain.at(artifacts()["PerpsV2MarketViews"], views).call("marketState"),
    )
    order = (user, False, -WAD, 0, 9, 7 * WAD, 2 * WAD, site.world.node.timestamp, 1, bytes(32))
    as_owner(
        chain, [(state, "addAssociatedContracts", ([MULTICALL3],)), (state, "updateDelayedOrder", order)]
    )
    [held] = read_book(site, [(user, ETH_MARKET)])
    assert (held.rule.closing.commit_deposit, held.rule.closing.keeper_deposit) == (7 * WAD, 2 * WAD)
    found = compare(site, held, 1_805 * WAD)
    assert isinstance(found, CloseOut)
    assert found.fees[-1].amount.raw == 2 * WAD
