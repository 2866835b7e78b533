"""Keepers of the local chain: they do what the steps of a cascade say, one by one and at its prices.

No time passes: blocks are mined at the time of the one that was read, so that amounts agree to the wei.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from adapters.morpho_blue.margin import MorphoRule
from aggregator import app, settings
from aggregator.app.checks import scenarios_of
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, token_id
from aggregator.model.cascades import CascadeStep
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Amount
from aggregator.model.units import parse_address
from tests.adapters.morpho_blue.kit import write_oracle
from tests.devnet.aave import Aave
from tests.devnet.chain import MAX_UINT256
from tests.devnet.errors import TransactionReverted
from tests.devnet.morpho import MARKETS
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from aggregator.risk.scenarios import ScenarioSet
    from tests.devnet.world import World

PERPS = {"index:ETH": "sETHPERP", "index:BTC": "sBTCPERP"}


def asked(world: World, wallet: str) -> app.Answer:
    """A wallet as it is now."""
    config = settings.build(tomllib.loads(world.config()), "local")
    return app.read(app.Selection((parse_address(wallet),)), config)


def read(world: World, wallet: str) -> tuple[Portfolio, ScenarioSet]:
    """A wallet as it is now, complete, and the scenarios of what ships."""
    answer = asked(world, wallet)
    [portfolio] = answer.portfolios
    assert portfolio.coverage.complete, portfolio.failures
    return portfolio, scenarios_of(answer)


@contextmanager
def still(world: World) -> Iterator[None]:
    """Blocks that take no time."""
    world.node.rpc("anvil_setBlockTimestampInterval", 0)
    try:
        yield
    finally:
        world.node.rpc("anvil_setBlockTimestampInterval", 1)


@dataclass(frozen=True)
class Keepers:
    """Keepers of one wallet's accounts, which are given as they were read."""

    world: World
    wallet: str
    accounts: Sequence[Account]

    def fund(self) -> None:
        """Tokens and allowances enough for anything; time passes."""
        for market in (self.world.aave_v36, self.world.aave_v301):
            liquidator = market.site.account("liquidator")
            for symbol in KINDS:
                market.tokens[symbol].send("mint", liquidator, 10**30)
                market.tokens[symbol].send("approve", market.pool.address, MAX_UINT256, sender=liquidator)
        self.world.morpho_blue.fund_liquidator()

    def follow(self, step: CascadeStep) -> str:
        """Do what a step says, every amount of which is the contracts' own; where that was."""
        [account] = [one for one in self.accounts if one.id == step.account_id]
        match account.protocol:
            case "aave_v3":
                self._aave(step, account)
            case "morpho_blue":
                self._morpho(step, account)
            case "synthetix_perps_v2":
                self._synthetix(step)
            case "lyra_v1":
                self._lyra(step)
            case other:
                raise AssertionError(other)
        return account.label if account.protocol == "aave_v3" else account.protocol

    def leave(self, final: Portfolio) -> None:
        """Write the prices that lending accounts are judged at in the end."""
        for account in final.accounts:
            if account.protocol == "aave_v3":
                for asset, price in account.prices.items():
                    self.market(account).set_feed(self._symbol(asset), price)
            elif isinstance(account.rule, MorphoRule):
                write_oracle(self.world, self._key(account), account.prices[account.rule.feed.asset])

    def market(self, account: Account) -> Aave:
        """The Aave market of an account."""
        [found] = [m for m in (self.world.aave_v36, self.world.aave_v301) if m.title in account.label]
        return found

    def _key(self, account: Account) -> str:
        ids = {key: f"0x{self.world.morpho_blue.market_id(key).hex()}" for key in MARKETS}
        [found] = [key for key, one in ids.items() if one in account.id]
        return found

    def _symbol(self, asset: AssetId) -> str:
        chain = self.accounts[0].chain
        ids = {token_id(chain, parse_address(self.world.tokens[s].address)): s for s in KINDS}
        return ids[asset]

    def _named(self, amounts: Sequence[Amount]) -> dict[str, int]:
        return {self._symbol(amount.asset): amount.raw for amount in amounts}

    def _aave(self, step: CascadeStep, account: Account) -> None:
        market = self.market(account)
        for asset, price in step.judged_at.items():
            market.set_feed(self._symbol(asset), price)
        assert step.offered is not None
        assert step.offered.collateral is not None
        held, owed = self._symbol(step.offered.collateral), self._symbol(step.offered.debt.asset)
        done = market.liquidate_units(self.wallet, held, owed, step.offered.debt.raw)
        assert self._named(step.repaid) == {owed: done.repaid}
        assert self._named(step.seized) == {held: done.seized}
        assert self._named(step.fees) == ({held: done.fee} if done.fee else {})
        if market.writes_off:
            assert self._named(step.bad_debt) == done.bad_debt
        elif step.bad_debt:
            # It has no write-off: what is owed without any collateral stays on its books, rounded once more.
            left = {symbol: market.owed(self.wallet, symbol) for symbol in KINDS}
            told = self._named(step.bad_debt)
            assert told == pytest.approx({symbol: raw for symbol, raw in left.items() if raw}, abs=1, rel=0)
            assert market.account_data(self.wallet).collateral_base == 0

    def _morpho(self, step: CascadeStep, account: Account) -> None:
        morpho, rule, key = self.world.morpho_blue, account.rule, self._key(account)
        assert isinstance(rule, MorphoRule)
        write_oracle(self.world, key, step.judged_at[rule.feed.asset])
        stored = morpho.position(self.wallet, key)
        try:
            done = morpho.liquidate(self.wallet, key, shares=stored.borrow_shares)
        except TransactionReverted:  # more collateral than there is
            done = morpho.liquidate(self.wallet, key, seized=stored.collateral)
        kind = MARKETS[key]
        assert self._named(step.repaid) == {kind.loan: done.repaid_assets}
        assert self._named(step.seized) == {kind.collateral: done.seized}
        assert self._named(step.bad_debt) == ({kind.loan: done.bad_debt} if done.bad_debt else {})

    def _synthetix(self, step: CascadeStep) -> None:
        perps = self.world.synthetix
        [(asset, price)] = step.judged_at.items()
        key = PERPS[asset]
        perps.set_rate(key, price)
        perps.flag(self.wallet, key)
        receipt = perps.liquidate(self.wallet, key)
        [event] = perps.markets[key].events(receipt, "PositionLiquidated")
        stakers = event["stakersFee"]
        told = [event["flaggerFee"], event["liquidatorFee"]]
        assert [one.raw for one in step.fees] == [*told, *([stakers] if stakers else [])]
        assert step.closed == ((key, event["size"]),)
        assert not (step.bad_debt and stakers)

    def _lyra(self, step: CascadeStep) -> None:
        lyra = self.world.lyra_v1
        [price] = step.judged_at.values()
        lyra.set_rate(price)
        receipt = lyra.liquidate(int(step.account_id.rpartition(":")[2]))
        [event] = lyra.market.events(receipt, "Trade")
        told = event["liquidation"]
        assert sum(one.raw for one in step.returned) == told["returnCollateral"]
        names = ("lpPremiums", "lpFee", "liquidatorFee", "smFee")
        assert sum(one.raw for one in step.fees) == sum(told[name] for name in names)
        assert sum(one.raw for one in step.bad_debt) == told["insolventAmount"]
