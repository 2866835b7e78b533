"""Against the stand-in for a comet: odd states, many collaterals, forks, rounds, the whole in USD."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from adapters.compound_v3.adapter import build
from adapters.compound_v3.margin import CometRule
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.errors import CallReverted, NoContract, Unsupported, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, Amount, Refused, Repayment, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.compound_v3.kit import (
    CHAIN,
    adapter_of,
    asset_id,
    asset_of,
    entry_of,
    listed,
    read_comet,
    refusal,
    rule_in,
)
from tests.devnet.artifacts import compiled
from tests.devnet.comet import Factors, deploy_comet
from tests.devnet.node import Node
from tests.devnet.world import World, cached
from tests.reading_kit import pin, read_accounts, run_jobs, run_read

if TYPE_CHECKING:
    from tests.devnet.comet import CometUsdc

DAY = 86_400


@pytest.fixture
def comet(devnet: World) -> CometUsdc:
    """The comet of USDC, with changes undone afterwards."""
    return devnet.comet_usdc


def _borrower(comet: CometUsdc, user: str) -> None:
    comet.supply(user, "WETH", 10)
    comet.borrow(user, 16_000)


def test_stand_in_flag_lags_behind_what_an_absorption_does(comet: CometUsdc, devnet: World) -> None:
    """`isLiquidatable` counts debt as last accrued; an absorption accrues first, as the rule does."""
    user = devnet.spare[0]
    _borrower(comet, user)
    comet.set_feed("WETH", 177_800_000_000)  # 16,002 USD count
    devnet.node.warp(DAY)
    reading = read_comet(devnet, comet, user)
    [account] = reading.accounts
    rule = rule_in(reading)
    now = devnet.node.timestamp
    assert rule.health(prices_of(rule), now).liquidatable
    assert account.reported is not None
    assert account.reported.liquidatable is False
    assert comet.comet.call("isLiquidatable", user) is False
    assert len(reading.warnings) == 1
    assert refusal(lambda: comet.would_absorb(user)) is None
    comet.accrue()
    [account] = (reading := read_comet(devnet, comet, user)).accounts
    assert account.reported is not None
    assert account.reported.liquidatable is True
    assert reading.warnings == ()


def test_stand_in_starts_liquidation_at_the_second_that_the_rule_says(
    comet: CometUsdc, devnet: World
) -> None:
    """Interest alone takes the account there."""
    user = devnet.spare[0]
    _borrower(comet, user)
    comet.set_feed("WETH", 177_900_000_000)  # 16,011 USD count
    rule = rule_in(read_comet(devnet, comet, user))
    prices, start = prices_of(rule), devnet.node.timestamp
    low, high = 0, 365 * DAY
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rule.health(prices, start + middle).liquidatable else (middle, high)
    assert 600 < high < 365 * DAY
    devnet.node.warp(high - 1)
    assert refusal(lambda: comet.would_absorb(user)) == "NotLiquidatable"
    devnet.node.warp(1)
    assert refusal(lambda: comet.would_absorb(user)) is None


@pytest.mark.parametrize("answer", [0, -5])
def test_stand_in_without_a_price_names_the_feed(comet: CometUsdc, devnet: World, answer: int) -> None:
    """Only those who hold the asset fail; the rule does as the comet: no absorption either."""
    user, other, lender = devnet.spare[:3]
    _borrower(comet, user)
    comet.supply(other, "WBTC", 1)
    comet.supply(lender, "USDC", 5)
    rule = rule_in(read_comet(devnet, comet, user))
    comet.set_feed("WETH", answer)
    with pytest.raises(UnusablePrice) as caught:
        read_comet(devnet, comet, user)
    feed = comet.feeds["WETH"].address.lower()
    assert (caught.value.price, caught.value.origin) == (answer, f"latestRoundData()@{feed}")
    assert refusal(lambda: comet.would_absorb(user)) == "BadPrice"
    prices = {**prices_of(rule), asset_id(comet, "WETH"): answer}
    with pytest.raises(UnusablePrice):
        rule.liquidate(prices, devnet.node.timestamp, Repayment(Amount(rule.base.asset, 1), None))
    for wallet in (other, lender):
        reading = read_comet(devnet, comet, wallet)
        assert len(reading.accounts) == 1
        assert asset_id(comet, "WETH") not in {quote.asset for quote in reading.quotes}


def test_stand_in_with_a_feed_that_only_reverts(comet: CometUsdc, devnet: World) -> None:
    """Nothing more is known than that."""
    user = devnet.spare[0]
    _borrower(comet, user)
    broken = devnet.chain.deploy(compiled("devnet")["AlwaysReverts"])
    comet.comet.send("relist", 0, broken.address, 9 * WAD // 10, WAD)
    with pytest.raises(CallReverted, match="always reverts"):
        read_comet(devnet, comet, user)


def test_stand_in_that_gives_up_a_collateral(comet: CometUsdc, devnet: World) -> None:
    """With factors of zero it counts nothing and is seized for nothing."""
    user = devnet.spare[0]
    _borrower(comet, user)
    comet.comet.send("relist", 0, comet.feeds["WETH"].address, 0, 0)
    reading = read_comet(devnet, comet, user)
    rule = rule_in(reading)
    assert [p.is_collateral for p in reading.accounts[0].positions if isinstance(p, Supply)] == [False]
    outcome = rule.liquidate(
        prices_of(rule), devnet.node.timestamp + 1, Repayment(Amount(rule.base.asset, 1), None)
    )
    assert not isinstance(outcome, Refused)
    assert outcome.repaid == ()
    assert comet.absorb(user).base_paid_out == sum(amount.raw for amount in outcome.bad_debt)


def test_stand_in_paused(comet: CometUsdc, devnet: World) -> None:
    """A warning for whoever has an account; the rule refuses as the comet."""
    user = devnet.spare[0]
    _borrower(comet, user)
    comet.set_feed("WETH", 10**11)
    comet.pause("withdraw", "absorb")
    reading = read_comet(devnet, comet, user)
    assert reading.warnings == (
        "paused on Compound V3 USDC local: withdrawal and borrowing; absorption of failing accounts",
    )
    rule = rule_in(reading)
    outcome = rule.liquidate(
        prices_of(rule), devnet.node.timestamp, Repayment(Amount(rule.base.asset, 1), None)
    )
    assert outcome == Refused("Paused")
    assert refusal(lambda: comet.would_absorb(user)) == "Paused"


def test_stand_in_never_initialised_is_refused(comet: CometUsdc, devnet: World) -> None:
    """Its indices are zero."""
    feed = comet.feeds["USDC"].address
    fresh = deploy_comet(
        devnet.chain, symbol="new", base=(comet.asset("USDC"), feed), collaterals=[], borrow_min=1
    )
    adapter = _fork(fresh.address)
    with pytest.raises(Unsupported, match="never initialised"):
        read_accounts(devnet.node.url, adapter, devnet.spare[0])
    fresh.send("initializeStorage")
    assert read_accounts(devnet.node.url, adapter, devnet.spare[0]).accounts == ()


def _fork(address: str, name: str = "Fork", chain: ChainId = CHAIN) -> Adapter:
    entry = Deployment(
        "compound_v3", chain, name, {"comet": parse_address(address)}, "a test", options={"quote": "usd"}
    )
    return build(Deployments((entry,), ()))


def test_stand_in_with_twenty_collaterals(comet: CometUsdc, devnet: World) -> None:
    """The flags of the seventeenth and later ones are in the reserved bits: all count, and are absorbed."""
    chain, user, usdc = devnet.chain, devnet.spare[0], comet.asset("USDC")
    feeds = comet.feeds
    tokens = [chain.deploy(compiled("devnet")["MintableToken"], f"Token {i}", f"T{i}", 18) for i in range(20)]
    factors = Factors("0.8", "0.85", "0.9")
    many = deploy_comet(
        chain,
        symbol="many",
        base=(usdc, feeds["USDC"].address),
        collaterals=[(token.address, feeds["WETH"].address, factors) for token in tokens],
        borrow_min=1,
    )
    many.send("initializeStorage")
    lp, base = devnet.spare[1], devnet.tokens["USDC"]
    devnet.tokens.mint("USDC", lp, 100_000)
    base.send("approve", many.address, 10**12, sender=lp)
    many.send("supply", usdc, 10**11, sender=lp)
    held = (0, 15, 16, 19)
    for i in held:
        tokens[i].send("mint", user, WAD)
        tokens[i].send("approve", many.address, WAD, sender=user)
        many.send("supply", tokens[i].address, WAD, sender=user)
    many.send("withdraw", usdc, 6_300 * 10**6, sender=user)
    assert many.call("userBasic", user)[3:] == (0b1000_0000_0000_0001, 0b1001)

    adapter = _fork(many.address)
    reading = read_accounts(devnet.node.url, adapter, user)
    rule = rule_in(reading)
    assert [c.feed.asset for c in rule.collaterals] == [asset_of(tokens[i].address) for i in held]
    health = rule.health(prices_of(rule), devnet.node.timestamp)
    assert health.power == 4 * 2_000 * 85 * 10**6
    assert not health.liquidatable
    feeds["WETH"].send("set", 185_000_000_000)
    rule = rule_in(read_accounts(devnet.node.url, adapter, user))
    outcome = rule.liquidate(
        prices_of(rule), devnet.node.timestamp + 1, Repayment(Amount(rule.base.asset, 1), None)
    )
    assert not isinstance(outcome, Refused)
    many.send("absorb", devnet.spare[2], [user])
    assert isinstance(outcome.successor, CometRule)
    assert many.call("userBasic", user)[0] == outcome.successor.principal > 0
    assert many.call("userBasic", user)[3:] == (0, 0)


def test_stand_in_forked_by_configuration(devnet: World) -> None:
    """Another comet under another name, on a chain of another id, is an entry and nothing else."""
    with Node(chain_id=4242, state=cached() / "state.json") as node:
        other = World(node, json.loads((cached() / "manifest.json").read_text()))
        comet, user = other.comet_usdc, other.spare[0]
        comet.supply(user, "WETH", 1)
        comet.borrow(user, 1_000)
        adapter = _fork(comet.comet.address, "Fork Finance", ChainId(4242))
        reading = read_accounts(node.url, adapter, user)
        [account] = reading.accounts
        address = comet.comet.address.lower()
        assert account.id == f"compound_v3:4242:{address}:{user.lower()}"
        assert (account.label, account.chain) == ("Fork Finance", 4242)
        assert rule_in(reading).accrual.at(node.timestamp).owed(rule_in(reading).principal) == comet.owed(
            user
        )
    assert read_comet(devnet, devnet.comet_usdc, user).accounts == ()


def test_stand_in_rounds_are_three_and_shared(devnet: World) -> None:
    """Both comets, ten wallets: no more rounds than one wallet takes."""
    wallets = devnet.spare[:10]
    for i, wallet in enumerate(wallets):
        devnet.comet_usdc.supply(wallet, "WETH", 1 + i)
        devnet.comet_usdc.borrow(wallet, 200)
    adapter = adapter_of(devnet.comet_usdc, devnet.comet_weth)
    jobs = [Job(adapter, at, parse_address(w)) for at in adapter.deployments for w in wallets]
    run, requests = run_jobs(devnet.node.url, jobs)
    read = [outcome.result for outcome in run.outcomes if isinstance(outcome.result, Reading)]
    assert [len(reading.accounts) for reading in read] == [1] * 10 + [0] * 10
    # The pin, then three rounds.
    assert requests <= 5


def test_stand_in_with_feeds_in_its_base_gives_no_dollars(devnet: World) -> None:
    """The rule counts in WETH; wstETH at 1.15."""
    comet, user = devnet.comet_weth, devnet.spare[0]
    comet.supply(user, "wstETH", 10)
    comet.borrow(user, 10)
    reading = read_comet(devnet, comet, user)
    assert reading.quotes == ()
    assert reading.receipts == (asset_of(comet.comet.address),)
    rule = rule_in(reading)
    assert {feed.quote for feed in rule.feeds} == {asset_id(comet, "WETH")}
    health = rule.health(prices_of(rule), devnet.node.timestamp)
    assert health.power == Decimal("10.695").scaleb(8)
    [debt, supply] = reading.accounts[0].positions
    assert isinstance(debt, Debt)
    assert isinstance(supply, Supply)
    assert debt.apr is not None
    assert supply.apr == 0.0
    # 60% are lent: 1.5% and 0.6 times 3.5%.
    assert debt.apr == pytest.approx(0.036, rel=0.02)


def test_stand_in_with_the_wrong_option_is_refused(devnet: World) -> None:
    """WETH is no dollar, and USD no ether."""
    weth = listed(parse_address(devnet.comet_weth.asset("WETH")), "WETH", 18, "ETH")
    wrong = entry_of(devnet.comet_weth, quote="usd")
    with pytest.raises(Unsupported, match="correct options"):
        read_accounts(devnet.node.url, build(Deployments((wrong,), (weth,))), devnet.spare[0])
    devnet.comet_usdc.set_feed("USDC", 2 * 10**8)
    wrong = entry_of(devnet.comet_usdc, quote="base")
    with pytest.raises(Unsupported, match="correct options"):
        read_accounts(devnet.node.url, build(Deployments((wrong,), ())), devnet.spare[0])


def test_nothing_at_the_address_is_an_error(devnet: World) -> None:
    """A wallet is no comet."""
    with pytest.raises(NoContract):
        read_accounts(devnet.node.url, _fork(devnet.spare[5]), devnet.spare[0])


def test_stand_in_is_probed(world: World) -> None:
    """What doctor says of both comets."""
    adapter = adapter_of(world.comet_usdc, world.comet_weth)
    said = [
        run_read(world.node.url, CHAIN, adapter.probe(entry, pin(world.node.url)))
        for entry in adapter.deployments
    ]
    assert [sentences[0].rpartition(" ")[2] for sentences in said] == ["USD", "WETH"]
    assert [sentences[1:] for sentences in said] == [("4 collaterals",), ("3 collaterals",)]
