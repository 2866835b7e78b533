"""Lending as a whole on the local chain: many accounts at once, receipts, liquidation prices, runway.

The comets are stand-ins; Aave, Venus and Morpho Blue are the real contracts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from aggregator import app, settings
from aggregator.app.checks import Checked
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.model.results import AccountRisk
from aggregator.model.rules import WAD
from aggregator.model.units import parse_address
from tests.devnet.chain import Contract
from tests.devnet.comet import YEAR_SECONDS, Comet
from tests.devnet.deployment import DeploymentEntry, TokenEntry
from tests.devnet.venus_deploy import BLOCKS_PER_YEAR
from tests.devnet.world import World

LENDING = {"aave_v3", "compound_v2", "compound_v3", "erc4626", "morpho_blue"}
# The kit's pool takes what others take in so many seconds for each of its blocks, which take one.
VENUS_PACE = YEAR_SECONDS // BLOCKS_PER_YEAR


def vault_entry(name: str, vault: Contract) -> DeploymentEntry:
    """A vault as the configuration names it."""
    return DeploymentEntry("erc4626", name, {"vault": vault.address})


def read(
    world: World, *wallets: str, more: Sequence[DeploymentEntry] = (), tokens: str = ""
) -> app.Answer:
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
