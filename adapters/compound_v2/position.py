"""What an account has in one market, and its debt in VAI: the integers that the comptroller works with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.compound_v2.interest import Minted, Totals
from aggregator.model.assets import AssetId
from aggregator.model.losses import Cover
from aggregator.model.rules import WAD, Feed
from aggregator.model.shared import SharedRoom
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class MarketRoom(SharedRoom):
    """A market after a step, for all of its accounts; it is named by its cToken."""

    totals: Totals


@dataclass(frozen=True, slots=True)
class Leg:
    """One market that the account has entered.

    `tokens` are cTokens, `owed` is the debt at the index of `totals`. `factor` is what liquidation counts the
    collateral at (18 decimals): Compound's collateral factor, Venus' liquidation threshold. `incentive` is
    what a liquidator of a debt gets of this collateral, `vai_incentive` the same for a debt in VAI.
    `seize_share` of what is seized goes to the market's reserves. A `forced` debt can be liquidated whole, at
    any health. A `native` market has the chain's own coin as cash. Three say what is paused here. After a
    withdrawal the debt must be covered at `lending_factor`, None where it was not read.
    """

    c_token: AssetId
    feed: Feed
    decimals: int
    tokens: int
    factor: int
    owed: int
    totals: Totals
    incentive: int
    vai_incentive: int
    seize_share: int
    forced: bool
    native: bool
    repay_paused: bool
    seize_paused: bool
    liquidate_paused: bool
    lending_factor: int | None = None

    def accrued(self, at: int) -> Leg:
        """With interest up to a block (or second), see Totals.grown."""
        totals = self.totals.accrued(at)
        return self if totals is self.totals else self.at(totals)

    def at(self, totals: Totals) -> Leg:
        """With what its market has stored by then, and interest up to it."""
        return replace(self, totals=totals, owed=self.totals.grown(self.owed, totals))

    def holding(self, coins: int) -> Leg:
        """The market while coins that were sent to it are not booked yet: what it then answers others."""
        return replace(self, totals=replace(self.totals, cash=self.totals.cash + coins))

    def collateral_value(self, price: int) -> int:
        """Collateral times factor, with 18 decimals."""
        return _valued(self.factor, self.totals.exchange_rate, price, self.tokens)

    def lending_value(self, price: int, tokens: int) -> int | None:
        """What so many cTokens let the account owe, with 18 decimals; None where that is not known."""
        if self.lending_factor is None:
            return None
        return _valued(self.lending_factor, self.totals.exchange_rate, price, tokens)

    def debt_value(self, price: int) -> int:
        """Debt with 18 decimals."""
        return price * self.owed // WAD

    @property
    def cover(self) -> Cover:
        """The market's reserves, and what all its cTokens are worth in the underlying."""
        return Cover(self.totals.reserves, self.totals.supply * self.totals.exchange_rate // WAD)

    @property
    def supplied(self) -> int:
        """The cTokens' worth in the underlying's smallest unit."""
        return self.tokens * self.totals.exchange_rate // WAD


def _valued(factor: int, exchange_rate: int, price: int, tokens: int) -> int:
    per_token = factor * exchange_rate // WAD * price // WAD
    return per_token * tokens // WAD


@dataclass(frozen=True, slots=True)
class VaiDebt:
    """Venus' own stablecoin, minted by the account: a debt that counts as one dollar each."""

    feed: Feed
    debt: Minted
    forced: bool
    liquidate_paused: bool
    repay_paused: bool
    controller: Address | None = None

    def accrued(self, at: int) -> VaiDebt:
        """With interest up to a block."""
        return replace(self, debt=self.debt.accrued(at))

    def debt_value(self, price: int) -> int:
        """Debt with 18 decimals."""
        return price * self.debt.owed // WAD
