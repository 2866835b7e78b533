"""Liquidation prices and runway as whole answers, against the contracts' own word on the local chain.

The comet is a stand-in; Aave and Venus are the real contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from aggregator import app
from aggregator.model.assets import token_id
from aggregator.model.results import AccountRisk
from aggregator.model.rules import WAD
from aggregator.model.units import ChainId, parse_address
from aggregator.risk.runway import DAY_S, PRECISION_S
from tests.devnet.aave import Aave
from tests.devnet.world import World
from tests.test_app import configured


@dataclass(frozen=True)
class Judge:
    """One protocol's own word: takes prices in dollars, and says whether an account fails."""

    label: str
    lend: Callable[[str, str, int], object]
    borrow: Callable[[str, int], object]
    set_prices: Callable[[dict[str, float]], object]
    fails: Callable[[str], bool]

    accrue: Callable[[], object] = lambda: None

    def fails_now(self, user: str) -> bool:
        """Whether it fails with all interest added."""
        self.accrue()
        return self.fails(user)

    def open(self, user: str, debt: int) -> None:
        """An account with both collaterals."""
        self.lend(user, "WETH", 6)
        self.lend(user, "wstETH", 4)
        self.borrow(user, debt)


def judges(world: World) -> dict[str, Judge]:
    """Those that lend USDC against WETH and wstETH together."""
    venus, comet = world.venus, world.comet_usdc

    def of_aave(market: Aave) -> Judge:
        def set_prices(prices: dict[str, float]) -> None:
            for symbol, price in prices.items():
                market.set_feed(symbol, round(price * 1e8))

        return Judge(
            market.title,
            market.supply,
            lambda user, debt: market.borrow(user, "USDC", debt),
            set_prices,
            lambda user: (market.account_data(user).health_factor or WAD) < WAD,
        )

    def borrow_of_venus(user: str, debt: int) -> None:
        venus.borrow(user, "USDC", debt)
        venus.accrue()

    def set_venus(prices: dict[str, float]) -> None:
        venus.set_prices({symbol: round(price * 1e8) * 10**10 for symbol, price in prices.items()})

    def set_comet(prices: dict[str, float]) -> None:
        for symbol, price in prices.items():
            comet.set_feed(symbol, round(price * 1e8))

    return {
        "aave 3.6": of_aave(world.aave_v36),
        "aave 3.0": of_aave(world.aave_v301),
        "venus": Judge(
            venus.title,
            venus.supply,
            borrow_of_venus,
            set_venus,
            lambda user: venus.liquidity(user).shortfall > 0,
            venus.accrue,
        ),
        "comet": Judge(
            comet.title,
            comet.supply,
            lambda user, debt: (comet.borrow(user, debt), comet.accrue()),
            set_comet,
            lambda user: bool(comet.comet.call("isLiquidatable", user)),
            comet.accrue,
        ),
    }


DEBT = 13_500
TODAY = {"WETH": 2_000.0, "wstETH": 2_300.0}


def risk_of(world: World, user: str, label: str) -> AccountRisk:
    """What we say of one of a wallet's accounts."""
    [checked] = app.check(app.read(app.Selection((parse_address(user),)), configured(world)))
    [risk] = [
        risk
        for account, risk in zip(checked.portfolio.accounts, checked.risk.accounts, strict=True)
        if account.label == label
    ]
    return risk


def bisected(judge: Judge, user: str, moved: Sequence[str]) -> float:
    """What multiple of today's prices the protocol itself begins to fail the account at."""
    broken, safe = 0.1, 1.0
    while safe - broken > 1e-7:
        middle = (safe + broken) / 2
        judge.set_prices({symbol: TODAY[symbol] * (middle if symbol in moved else 1) for symbol in TODAY})
        broken, safe = (middle, safe) if judge.fails(user) else (broken, middle)
    return broken


@pytest.mark.parametrize("name", ["aave 3.6", "aave 3.0", "venus", "comet"])
def test_liquidation_prices_are_where_the_contract_fails_the_account(devnet: World, name: str) -> None:
    """All that moves with ether at once, and each asset alone."""
    judge_, user = judges(devnet)[name], devnet.spare[0]
    judge_.open(user, DEBT)
    risk = risk_of(devnet, user, judge_.label)
    chain = devnet.node.chain_id
    assets = {token_id(ChainId(chain), parse_address(devnet.tokens[s].address)): s for s in (*TODAY, "USDC")}
    [ether] = [price for price in risk.liquidation_prices if price.underlying == "ETH"]
    assert ether.price_usd == pytest.approx(2_000 * (1 + ether.distance), rel=1e-9)
    ours = {tuple(TODAY): 1 + ether.distance} | {
        (assets[price.asset_id],): 1 + price.distance
        for price in risk.asset_liquidation_prices
        if price.direction == "down"
    }
    assert ours.keys() == {("WETH", "wstETH"), ("WETH",), ("wstETH",)}
    theirs = {moved: bisected(judge_, user, moved) for moved in ours}
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("name", ["aave 3.6", "aave 3.0", "comet"])
def test_runway_ends_when_the_contract_fails_the_account(devnet: World, name: str) -> None:
    """At flat prices and without anybody touching the market: not an hour before, and then it does."""
    judge_, user = judges(devnet)[name], devnet.spare[0]
    judge_.open(user, DEBT)
    # As much cheaper as leaves 0.4%.
    cheaper = bisected(judge_, user, tuple(TODAY)) * 1.004
    judge_.set_prices({symbol: price * cheaper for symbol, price in TODAY.items()})
    start = devnet.node.timestamp
    risk = risk_of(devnet, user, judge_.label)
    assert risk.runway_days is not None
    seconds = round(risk.runway_days * DAY_S)
    assert seconds > 3 * DAY_S
    devnet.node.warp(start + seconds - PRECISION_S - devnet.node.timestamp)
    assert not judge_.fails_now(user)
    devnet.node.warp(start + seconds - devnet.node.timestamp)
    assert judge_.fails_now(user)
