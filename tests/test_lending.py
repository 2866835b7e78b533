"""Lending as a whole on the local chain: many accounts at once, and receipts of all kinds.

The comets are stand-ins; Aave, Venus and Morpho Blue are the real contracts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from aggregator import app, settings
from aggregator.app.checks import Checked
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.model.units import parse_address
from tests.devnet.chain import Contract
from tests.devnet.comet import YEAR_SECONDS
from tests.devnet.deployment import DeploymentEntry
from tests.devnet.venus_deploy import BLOCKS_PER_YEAR
from tests.devnet.world import World

LENDING = {"aave_v3", "compound_v2", "compound_v3", "erc4626", "morpho_blue"}
# The kit's pool takes what others take in so many seconds for each of its blocks, which take one.
VENUS_PACE = YEAR_SECONDS // BLOCKS_PER_YEAR


def vault_entry(name: str, vault: Contract) -> DeploymentEntry:
    """A vault as the configuration names it."""
    return DeploymentEntry("erc4626", name, {"vault": vault.address})


def read(world: World, *wallets: str, more: Sequence[DeploymentEntry] = (), tokens: str = "") -> app.Answer:
    """Wallets by a world's configuration and further deployments and tokens."""
    config = settings.build(tomllib.loads(world.config(more) + tokens), "local")
    return app.read(app.Selection(tuple(parse_address(wallet) for wallet in wallets)), config)


def judge(world: World, wallet: str, **more: Any) -> Checked:
    """One wallet and what risk says of it."""
    [checked] = app.check(read(world, wallet, **more))
    return checked


def borrow_everywhere(world: World, user: str) -> list[DeploymentEntry]:
    """Twelve accounts of five adapters; the vaults, which are no part of the kit's configuration."""
    morpho = world.morpho_blue
    for market in (world.aave_v36, world.aave_v301):
        market.supply(user, "WETH", 10)
        market.borrow(user, "USDC", 9_000)
    world.venus.supply(user, "WETH", 10)
    world.venus.borrow(user, "USDC", 9_000)
    world.comet_usdc.supply(user, "WETH", 10)
    world.comet_usdc.borrow(user, 9_000)
    world.comet_weth.supply(user, "wstETH", 10)
    world.comet_weth.borrow(user, 8)
    for key, collateral, debt in (
        ("wstETH/USDC", 10, 12_000),
        ("wstETH/WETH", 10, 9),
        ("WBTC/DAI", 1, 20_000),
        ("WETH/USDC", 10, 12_000),
        ("WBTC/USDC", 1, 10_000),
    ):
        morpho.supply_collateral(user, key, collateral)
        loan = key.split("/")[1]
        morpho.borrow(user, key, raw=morpho.tokens.units(loan, debt))
    for vault in (morpho.vault, morpho.fee_vault):
        morpho.deposit(user, vault, 1_000)
    return [vault_entry("Vault", morpho.vault), vault_entry("Fee vault", morpho.fee_vault)]


def test_twelve_accounts_over_five_adapters_take_no_more_rounds_than_one(devnet: World) -> None:
    """And every figure of every account is there and of a sensible size."""
    rich, poor = devnet.spare[0], devnet.spare[1]
    more = borrow_everywhere(devnet, rich)
    devnet.aave_v36.supply(poor, "WETH", 10)
    devnet.aave_v36.borrow(poor, "USDC", 9_000)
    alone, many = read(devnet, poor, more=more), read(devnet, rich, more=more)
    assert alone.rounds == many.rounds
    assert max(many.rounds.values()) <= 3

    [checked] = app.check(many)
    lent = [account for account in checked.portfolio.accounts if account.kind == "lending"]
    assert (len(lent), {account.protocol for account in lent}) == (12, LENDING)
    assert checked.portfolio.coverage.complete
    assert not [flag for flag in checked.risk.flags if "differ" in flag or "disagree" in flag]
    risks = {risk.account_id: risk for risk in checked.risk.accounts}
    for account in lent:
        risk = risks[account.id]
        owes = any(isinstance(position, Debt) for position in account.positions)
        assert owes == (account.rule is not None) == bool(risk.asset_liquidation_prices), account.label
        if not owes:
            assert risk.runway_days is None
            continue
        assert risk.native_health is not None
        assert 1 < risk.native_health < 3
        assert risk.interest_usd_day is not None
        pace = VENUS_PACE if account.protocol == "compound_v2" else 1
        yearly = -risk.interest_usd_day * 365 / pace / risk.native_requirement_usd
        assert 0 < yearly < 1, account.label
        assert risk.runway_days is None or 30 < risk.runway_days * pace < 36_500
        prices = [(price.underlying, price.direction) for price in risk.liquidation_prices]
        if account.label.endswith(("WETH local", "wstETH/WETH 94.5%")):
            # Collateral and debt move together: only the peg can fail.
            assert prices == []
            continue
        [(_, direction)] = prices
        [price] = risk.liquidation_prices
        assert direction == "down"
        # One collateral against dollars: the threshold is where its value has fallen by the health.
        assert price.distance == pytest.approx(1 / risk.native_health - 1, rel=2e-4), account.label


Receipt = tuple[str, str, int, str]
"""A token by address, symbol and decimals, and whose feed prices it."""


def listed(world: World, receipts: Sequence[Receipt]) -> str:
    """Tokens as the user's configuration lists them."""
    rows = [
        {"address": address, "symbol": symbol, "feed": world.feeds[priced_by].address, "decimals": decimals}
        for address, symbol, decimals, priced_by in receipts
    ]
    common = {"chain": world.node.chain_id, "underlying": "ETH", "class": "base"}
    return "".join(
        "\n[[tokens]]\n" + "".join(f"{key} = {value!r}\n" for key, value in (common | row).items())
        for row in rows
    )


def hold_receipts(world: World, user: str) -> tuple[list[DeploymentEntry], list[Receipt]]:
    """One receipt of every kind, each listed with a feed: the wallet's own reading would count them all."""
    morpho = world.morpho_blue
    world.aave_v36.supply(user, "WETH", 2)
    world.aave_v36.borrow(user, "DAI", 500)
    world.tokens.spend("DAI", user, world.spare[9], 500)
    world.venus.supply(user, "USDC", 3_000)
    world.comet_usdc.supply(user, "USDC", 4_000)
    world.comet_weth.supply(user, "WETH", 1)
    morpho.deposit(user, morpho.vault, 5_000)
    world.tokens.mint("wstETH", user, 3)
    receipts = [
        (world.aave_v36.a_token("WETH").address, "aWETH", 18, "WETH"),
        (world.aave_v36.debt_token("DAI").address, "debtDAI", 18, "DAI"),
        (world.venus.markets["USDC"].address, "vUSDC", 8, "USDC"),
        (world.comet_usdc.comet.address, "cUSDCv3", 6, "USDC"),
        (world.comet_weth.comet.address, "cWETHv3", 18, "WETH"),
        (morpho.vault.address, "vault", 6, "USDC"),
    ]
    return [vault_entry("Vault", morpho.vault)], receipts


def test_receipts_in_the_wallet_are_counted_once(devnet: World) -> None:
    """As the supply that they stand for; wrapped staked ether, which stands for none, as itself."""
    user = devnet.spare[0]
    more, receipts = hold_receipts(devnet, user)
    checked = judge(devnet, user, more=more, tokens=listed(devnet, receipts))
    assert checked.portfolio.failures == ()
    held = [
        (type(position), position.asset.symbol)
        for account in checked.portfolio.accounts
        for position in account.positions
        if isinstance(position, (Holding, Supply, Debt))
    ]
    assert sorted((kind.__name__, symbol) for kind, symbol in held) == [
        ("Debt", "DAI"),
        ("Holding", "ETH"),
        ("Holding", "wstETH"),
        *[("Supply", "USDC")] * 3,
        *[("Supply", "WETH")] * 2,
    ]
    coins = Decimal(int(str(devnet.node.rpc("eth_getBalance", user, "latest")), 16)).scaleb(-18)
    ether = coins + 3 * Decimal("1.15") + 2 + 1
    by_hand = ether * 2_000 + 3_000 + 4_000 + 5_000 - 500
    assert checked.risk.equity_usd == pytest.approx(float(by_hand), rel=1e-7)


def test_receipts_stay_holdings_where_their_adapter_fails(devnet: World) -> None:
    """What the adapter would have counted is still there, and the failure says that something is missing."""
    user = devnet.spare[0]
    more, receipts = hold_receipts(devnet, user)
    for broken in (devnet.aave_v36.pool, devnet.venus.comptroller):
        devnet.node.set_code(broken.address, b"")
    # Aave's tokens ask the pool that is gone for its index: the wallet can't read them either.
    readable = [receipt for receipt in receipts if receipt[1] not in ("aWETH", "debtDAI")]
    [portfolio] = read(devnet, user, more=more, tokens=listed(devnet, readable)).portfolios
    assert {failure.adapter for failure in portfolio.failures} == {"aave_v3", "compound_v2"}
    assert not portfolio.coverage.complete
    held = [
        position.asset.symbol
        for account in portfolio.accounts
        for position in account.positions
        if isinstance(position, Holding)
    ]
    assert sorted(held) == ["ETH", "vUSDC", "wstETH"]
