"""Perpetuals as a whole on a chain of their own: one wallet with positions on all of them."""

from __future__ import annotations

import tomllib

from aggregator import app, settings
from aggregator.model.accounts import Account
from aggregator.model.close_outs import ClosableRule
from aggregator.model.positions import Perp
from aggregator.model.rules import prices_of
from aggregator.model.units import parse_address
from tests.devnet.world import World


def read(world: World, wallet: str) -> app.Answer:
    """A wallet by a world's configuration, without a cache."""
    config = settings.build(tomllib.loads(world.config()), "local")
    return app.read(app.Selection((parse_address(wallet),)), config)


def perps_of(answer: app.Answer) -> list[Account]:
    """The accounts with an open position."""
    [portfolio] = answer.portfolios
    return [a for a in portfolio.accounts if any(isinstance(p, Perp) for p in a.positions)]


def test_positions_on_all_of_them_take_three_rounds(perps_world: World) -> None:
    """Behind the pin; every account is judged, and its own liquidation prices are where it begins to fail."""
    answer = read(perps_world, perps_world.wallets["hedged"])
    assert max(answer.rounds.values()) <= 3
    [checked] = app.check(answer)
    assert checked.portfolio.coverage.complete, checked.portfolio.failures
    held = perps_of(answer)
    kit = {deployment.deployment_entry().adapter for deployment in perps_world.deployments}
    assert {account.protocol for account in held} == kit
    risks = {risk.account_id: risk for risk in checked.risk.accounts}
    [block] = checked.portfolio.blocks.values()
    for account in held:
        if account.rule is None:
            continue  # shares of a pool: nothing liquidates them
        assert isinstance(account.rule, ClosableRule), account.label
        assert account.rule.loss_bearers
        found = risks[account.id]
        assert found.native_health is not None
        assert found.native_health > 1
        prices = prices_of(account.rule)
        for feed in account.rule.feeds:
            for price in account.rule.liquidation_prices(prices, block.timestamp, feed.asset):
                if price is None:
                    continue
                at = {**prices, feed.asset: price}
                assert account.rule.health(at, block.timestamp).liquidatable
                near = price + (1 if price < feed.price else -1)
                assert not account.rule.health({**prices, feed.asset: near}, block.timestamp).liquidatable
        refused = account.rule.close_out(prices, block.timestamp)
        assert getattr(refused, "reason", ""), account.label


def test_a_wallet_without_positions_has_none(perps_world: World) -> None:
    """And nothing is missing."""
    answer = read(perps_world, perps_world.wallets["empty"])
    [portfolio] = answer.portfolios
    assert portfolio.coverage.complete, portfolio.failures
    assert not perps_of(answer)
