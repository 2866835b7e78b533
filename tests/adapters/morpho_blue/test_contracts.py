"""Against the real contract: discovery, odd markets, failing oracles, the fee's recipient, forks, rounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.morpho_blue.calls import BORROW_RATE
from aggregator.contract import Deployment
from aggregator.model.assets import token_id
from aggregator.model.errors import CallReverted, NoContract, ReadError, Unsupported, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Oracle, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.morpho_blue.kit import (
    CHAIN,
    adapter_of,
    by_market,
    deployment_of,
    read_morpho,
    rule_of,
)
from tests.devnet.artifacts import compiled
from tests.devnet.morpho import MARKETS
from tests.reading_kit import pin, read_accounts, run_jobs, run_read

if TYPE_CHECKING:
    from tests.devnet.morpho import MorphoBlue
    from tests.devnet.world import World

STETH, LOOP, IDLE = "wstETH/USDC", "wstETH/WETH", "idle USDC"
USDC = 10**6


def _borrower(world: World, user: str) -> MorphoBlue:
    morpho = world.morpho_blue
    morpho.supply_collateral(user, STETH, 10)
    morpho.borrow(user, STETH, raw=15_000 * USDC)
    return morpho


def _ids(morpho: MorphoBlue, *keys: str) -> list[str]:
    return [f"0x{morpho.market_id(key).hex()}" for key in keys]


def test_a_loan_that_is_not_counted_in_dollars(devnet: World) -> None:
    """wstETH against WETH: the price is 1.15 WETH; nothing here is said of USD."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    morpho.supply_collateral(user, LOOP, 10)
    morpho.borrow(user, LOOP, raw=10 * WAD)
    reading = read_morpho(devnet, user)
    [account] = reading.accounts
    rule = rule_of(account)
    weth = token_id(CHAIN, parse_address(devnet.tokens["WETH"].address))
    assert (rule.feed.price, rule.feed.decimals, rule.feed.quote) == (115 * 10**34, 36, weth)
    assert reading.quotes == ()
    health = rule.health(prices_of(rule), pin(devnet.node.url).timestamp).health
    assert health == pytest.approx(1.15 * 10 * 0.945 / 10 * WAD, rel=1e-6)
    assert account.label == "Morpho Blue local wstETH/WETH 94.5%"
    assert account.id == f"morpho_blue:31337:{_ids(morpho, LOOP)[0]}:{user.lower()}"


def test_markets_are_accounts_of_their_own(devnet: World) -> None:
    """A borrower in one, a lender in another and an idle one, collateral alone in a fourth."""
    morpho, user = _borrower(devnet, devnet.spare[0]), devnet.spare[0]
    morpho.supply(user, STETH, 100)
    morpho.supply(user, "WBTC/DAI", "100.5")
    morpho.supply(user, IDLE, 7)
    morpho.supply_collateral(user, "WETH/USDC", 3)
    found = by_market(morpho, read_morpho(devnet, user), list(MARKETS))
    kinds = {
        key: [(type(p), p.asset.symbol, isinstance(p, Supply) and p.is_collateral) for p in account.positions]  # type: ignore[union-attr]
        for key, account in found.items()
    }
    assert kinds == {
        STETH: [(Supply, "USDC", False), (Supply, "wstETH", True), (Debt, "USDC", False)],
        "WBTC/DAI": [(Supply, "DAI", False)],
        IDLE: [(Supply, "USDC", False)],
        "WETH/USDC": [(Supply, "WETH", True)],
    }
    assert [key for key, account in found.items() if account.rule is not None] == [STETH]
    [idle] = found[IDLE].positions
    assert isinstance(idle, Supply)
    assert (idle.raw, idle.apr) == (7 * USDC, 0.0)
    assert found[IDLE].label == "Morpho Blue local USDC 0%"
    lent = found["WBTC/DAI"].positions[0]
    assert isinstance(lent, Supply)
    assert lent.apr is not None
    # Its model: as much interest as utilisation, of which lenders get the utilised part less a quarter.
    assert lent.apr == pytest.approx((_utilisation(morpho, "WBTC/DAI") ** 2) * 0.75, rel=0.05)


def _utilisation(morpho: MorphoBlue, key: str) -> float:
    totals = morpho.totals(key)
    return totals.borrow_assets / totals.supply_assets


def test_what_was_left_is_no_account(devnet: World) -> None:
    """Everything is repaid and withdrawn: the logs still name the market."""
    morpho, user = _borrower(devnet, devnet.spare[0]), devnet.spare[0]
    morpho.repay(user, STETH, shares=morpho.position(user, STETH).borrow_shares)
    morpho.withdraw_collateral(user, STETH, raw=10 * WAD)
    assert read_morpho(devnet, user).accounts == ()
    assert read_morpho(devnet, devnet.wallets["empty"]).accounts == ()


def test_listed_markets_are_all_that_is_looked_at(devnet: World) -> None:
    """And every reading says so; logs find the rest, also what another paid for."""
    morpho, user, friend = _borrower(devnet, devnet.spare[0]), devnet.spare[0], devnet.spare[1]
    morpho.supply_collateral(friend, LOOP, 1)
    morpho.withdraw_collateral(friend, LOOP, raw=WAD)
    devnet.tokens["wstETH"].send("approve", morpho.morpho.address, WAD, sender=friend)
    morpho.morpho.send("supplyCollateral", morpho.params(LOOP), WAD, user, b"", sender=friend)
    listed = read_morpho(devnet, user, markets=[*_ids(morpho, STETH, IDLE), *_ids(morpho, STETH)])
    assert [a.id.split(":")[2] for a in listed.accounts] == _ids(morpho, STETH)
    assert listed.warnings == (
        "Morpho Blue local: only the 2 listed markets were looked at; others are not counted",
    )
    logs = read_morpho(devnet, user)
    assert [a.id.split(":")[2] for a in logs.accounts] == _ids(morpho, STETH, LOOP)
    assert logs.warnings == ()
    assert logs.accounts[0] == listed.accounts[0]


def test_a_market_that_does_not_exist_is_named(devnet: World) -> None:
    """A digit wrong in the list: no account would be a smaller number."""
    [known] = _ids(devnet.morpho_blue, STETH)
    wrong = "0x" + "1" * 64
    [failure] = read_morpho(devnet, devnet.spare[0], markets=[known, wrong]).failures
    assert "correct options.markets" in str(failure.error)
    assert wrong in str(failure.error)
    deployment = deployment_of(devnet.morpho_blue, markets=[known, wrong])
    with pytest.raises(Unsupported, match=wrong):
        run_read(devnet.node.url, CHAIN, adapter_of(deployment).probe(deployment, pin(devnet.node.url)))


@pytest.mark.parametrize("broken", ["zero", "reverting", "missing"])
def test_debt_without_a_price_fails_and_collateral_alone_does_not(devnet: World, broken: str) -> None:
    """Whoever owes nothing does not depend on the oracle."""
    morpho, user, other = _borrower(devnet, devnet.spare[0]), devnet.spare[0], devnet.spare[1]
    morpho.supply_collateral(other, STETH, 2)
    morpho.supply(other, STETH, 5)
    oracle = morpho.oracles[STETH].address
    expected: type[ReadError]
    if broken == "zero":
        morpho.set_oracle(STETH, 0)
        expected = UnusablePrice
    elif broken == "reverting":
        code = devnet.node.code(devnet.chain.deploy(compiled("devnet")["AlwaysReverts"]).address)
        devnet.node.set_code(oracle, code)
        expected = CallReverted
    else:
        devnet.node.set_code(oracle, b"")
        expected = NoContract
    reading = read_morpho(devnet, user)
    assert reading.accounts == ()
    [failure] = reading.failures
    with pytest.raises(expected, match=oracle.lower()):
        raise failure.error
    [account] = read_morpho(devnet, other).accounts
    assert account.rule is None
    assert len(account.positions) == 2


def test_interest_model_that_fails_fails_whoever_it_concerns(devnet: World) -> None:
    """Lenders and borrowers can't be told what they have; collateral alone bears no interest."""
    morpho, lender, other = devnet.morpho_blue, devnet.spare[0], devnet.spare[1]
    morpho.supply(lender, LOOP, 1)
    morpho.supply_collateral(other, LOOP, 1)
    code = devnet.node.code(devnet.chain.deploy(compiled("devnet")["AlwaysReverts"]).address)
    devnet.node.set_code(morpho.irm.address, code)
    [failure] = read_morpho(devnet, lender).failures
    assert isinstance(failure.error, CallReverted)
    assert failure.error.origin.startswith(BORROW_RATE.canonical)
    assert len(read_morpho(devnet, other).accounts) == 1


def test_pending_fees_belong_to_their_recipient(devnet: World) -> None:
    """The recipient's supply includes the shares that the next update mints; a warning names the gap."""
    morpho, treasury = devnet.morpho_blue, devnet.chain.accounts[14]
    morpho.accrue(STETH)
    assert morpho.position(treasury, STETH).supply_shares
    devnet.node.warp(10 * 86_400)
    reading = read_morpho(devnet, treasury, markets=_ids(morpho, STETH, "WBTC/DAI", IDLE))
    found = by_market(morpho, reading, list(MARKETS))
    assert set(found) == {STETH, "WBTC/DAI"}
    time = devnet.node.timestamp
    devnet.node.rpc("anvil_setBlockTimestampInterval", 0)
    try:
        for key, account in found.items():
            [supply] = account.positions
            assert isinstance(supply, Supply)
            morpho.accrue(key)
            shares = morpho.position(treasury, key).supply_shares
            arguments = (morpho.params(key), 0, shares, treasury, treasury)
            said = morpho.morpho.call("withdraw", *arguments, sender=treasury)
            assert supply.raw == said[0]
        assert devnet.node.timestamp == time
    finally:
        devnet.node.rpc("anvil_setBlockTimestampInterval", 1)
    assert any("receives this protocol's fees" in warning for warning in reading.warnings)


def test_a_fork_is_configuration_only(devnet: World) -> None:
    """Another contract with another name on the same chain, and the same one as another chain's."""
    morpho, user = _borrower(devnet, devnet.spare[0]), devnet.spare[0]
    ours = deployment_of(morpho)
    addresses = type(morpho).deploy(morpho.site)
    fork = type(morpho)(morpho.site, addresses)
    fork.write_prices(devnet.prices.quotes)
    fork.supply(devnet.spare[1], STETH, 10_000)
    fork.supply_collateral(user, STETH, 1)
    fork.borrow(user, STETH, raw=1_000 * USDC)
    second = replace(deployment_of(fork), name="Fork", source="a test")
    adapter = adapter_of(ours, second)
    both = [read_accounts(devnet.node.url, adapter, user, at).accounts for at in (ours, second)]
    assert [account.label for accounts in both for account in accounts] == [
        "Morpho Blue local wstETH/USDC 86%",
        "Fork wstETH/USDC 86%",
    ]
    owed = [p.raw for accounts in both for a in accounts for p in a.positions if isinstance(p, Debt)]
    assert owed[0] >= 15_000 * USDC > owed[1] >= 1_000 * USDC
    elsewhere = Deployment("morpho_blue", ChainId(8453), "Base", ours.addresses, "a test", first_block=1)
    assert adapter_of(ours, elsewhere).deployments == (ours, elsewhere)


def test_oracle_kinds_come_from_the_entry(devnet: World) -> None:
    """By market id, in any case."""
    morpho, user = _borrower(devnet, devnet.spare[0]), devnet.spare[0]
    kinds = {_ids(morpho, STETH)[0].upper().replace("0X", "0x"): "rate"}
    [account] = read_morpho(devnet, user, oracle=kinds).accounts
    assert rule_of(account).feed.oracle is Oracle.RATE


def test_many_wallets_take_three_rounds_and_share_markets(devnet: World) -> None:
    """Ten borrowers of one market: its parameters, totals, price and rate are asked once."""
    for user in devnet.spare[:10]:
        _borrower(devnet, user)
    adapter = adapter_of(deployment_of(devnet.morpho_blue))
    [deployment] = adapter.deployments
    jobs = [Job(adapter, deployment, parse_address(user)) for user in devnet.spare[:10]]
    run, requests = run_jobs(devnet.node.url, jobs)
    single, few = run_jobs(devnet.node.url, jobs[:1])
    assert run.rounds == single.rounds == {CHAIN: 3}
    assert requests == few  # their logs are one request


def test_probe_says_where_markets_are_found(world: World) -> None:
    """Logs since a block, or how many are listed."""
    morpho = world.morpho_blue
    block = pin(world.node.url)

    def probe(**options: object) -> tuple[str, ...]:
        deployment = deployment_of(morpho, **options)
        return run_read(world.node.url, 31337, adapter_of(deployment).probe(deployment, block))

    fees = f"fees go to {world.chain.accounts[14].lower()}"
    first = morpho.deployment_entry().first_block
    assert probe() == (f"markets of a wallet are found in logs since block {first}", fees)
    assert probe(markets=_ids(morpho, STETH, IDLE)) == (
        "2 listed markets exist; others are not looked at",
        fees,
    )


def test_what_liquidation_leaves_is_read_as_the_rule_says(devnet: World) -> None:
    """Bad debt is written off: the borrower's account is gone, and lenders have less."""
    morpho, user, lender = _borrower(devnet, devnet.spare[0]), devnet.spare[0], devnet.spare[1]
    morpho.supply(lender, STETH, 1_000)
    morpho.fund_liquidator()
    devnet.prices.set(ETH=900)
    [before] = read_morpho(devnet, lender).accounts
    assert (
        rule_of(read_morpho(devnet, user).accounts[0])
        .health(prices_of(rule_of(read_morpho(devnet, user).accounts[0])), devnet.node.timestamp)
        .liquidatable
    )
    done = morpho.liquidate(user, STETH, seized=10 * WAD)
    assert done.bad_debt > 5_000 * USDC
    assert read_morpho(devnet, user).accounts == ()
    [after] = read_morpho(devnet, lender).accounts
    assert isinstance(before.positions[0], Supply)
    assert isinstance(after.positions[0], Supply)
    assert after.positions[0].raw < before.positions[0].raw
