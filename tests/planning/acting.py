"""Rules of tests that act: a lending account and a margin account, linear in prices, exact, and quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from aggregator.model.accounts import Account
from aggregator.model.actions import (
    Action,
    Applied,
    Deposit,
    Repay,
    Trade,
    Traded,
    Untold,
    Withdraw,
)
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import WAD, Amount, JsonValue, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId
from tests.risk.builders import CHAIN, COINS
from tests.risk.linear import LinearRule, Weight, lending, margined

BPS = 10_000
NO_ASSET = AssetId("")


@dataclass(frozen=True, slots=True)
class FlatLender:
    """Lends anything for one transaction, for 5 basis points."""

    def fee(self, lent: Amount) -> Amount:
        """See FlashLender."""
        return Amount(lent.asset, -(-lent.raw * 5 // BPS))

    def calls(
        self, lent: Amount, inner: Sequence[UnsignedCall], executor: Address, left: Sequence[AssetId]
    ) -> Untold:
        """None."""
        del lent, inner, executor, left
        return Untold("it is nowhere")


@dataclass(frozen=True, slots=True)
class LendingRule(LinearRule):
    """A lender that lets nobody take out what would leave a health below one; `threshold` in basis points."""

    threshold: int = 8_000
    supplies: tuple[int, ...] = ()

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule."""
        if isinstance(action, Trade):
            return Untold("it has no derivatives")
        at = next((i for i, w in enumerate(self.weights) if w.feed.asset == action.asset), None)
        if at is None:
            return Untold("another asset")
        weight, held = self.weights[at], self.supplies[at]
        if isinstance(action, Repay):
            owed = weight.requirement
            raw = owed if action.raw is None else min(action.raw, owed)
            if not raw:
                return Refused("nothing is owed")
            after = self._with(at, replace(weight, requirement=owed - raw), held)
            return Applied(Amount(action.asset, raw), None, None, owed - raw, after)
        raw = held if action.raw is None else action.raw
        left = held + raw if isinstance(action, Deposit) else held - raw
        if left < 0:
            return Refused("more than there is")
        after = self._with(at, replace(weight, power=left * self.threshold // BPS), left)
        if isinstance(action, Deposit):
            return Applied(Amount(action.asset, raw), None, left, None, after)
        if after.health(prices, time).liquidatable:
            return Refused("a health below one")
        return Applied(None, Amount(action.asset, raw), left, None, after)

    @property
    def lender(self) -> FlatLender:
        """It lends for one transaction, too."""
        return FlatLender()

    def _with(self, at: int, weight: Weight, held: int) -> LendingRule:
        weights = (*self.weights[:at], weight, *self.weights[at + 1 :])
        return replace(self, weights=weights, supplies=(*self.supplies[:at], held, *self.supplies[at + 1 :]))


@dataclass(frozen=True, slots=True)
class MarginRule(LinearRule):
    """A margin account with one position, closed for a fee in basis points of what is closed.

    What is taken out must leave `free` basis points of the notional, beside what is required.
    """

    settlement: AssetId = NO_ASSET
    margin: int = 0
    fee: int = 5
    free: int = 0

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        match action:
            case Deposit() if action.asset == self.settlement:
                return self._moved(action.raw, Amount(action.asset, action.raw), None)
            case Withdraw() if action.asset == self.settlement:
                raw = self.margin if action.raw is None else action.raw
                moved = self._moved(-raw, None, Amount(action.asset, raw))
                said = moved.successor.health(prices, time)
                notional = abs(self.weights[0].power) * prices[self.weights[0].feed.asset]
                if said.power - said.requirement < notional * self.free // BPS or raw > self.margin:
                    return Refused("more than is free")
                return moved
            case Trade():
                return self._traded(prices, action.size_raw)
            case _:
                return Untold("no such thing here")

    def _moved(self, raw: int, paid: Amount | None, received: Amount | None) -> Applied:
        after = replace(self, cash=self.cash + raw, margin=self.margin + raw)
        return Applied(paid, received, self.margin + raw, None, after)

    def _traded(self, prices: Mapping[AssetId, int], size: int) -> Traded | Refused:
        [weight] = self.weights
        if abs(weight.power + size) > abs(weight.power):
            return Refused("it only reduces")
        price = prices[weight.feed.asset]
        fee = abs(size) * price * self.fee // BPS // 10**weight.feed.decimals
        left = weight.power + size
        required = weight.requirement * abs(left) // abs(weight.power)
        value = -size * price // 10**weight.feed.decimals
        after = replace(
            self,
            weights=(replace(weight, power=left, requirement=required),),
            cash=self.cash + value - fee,
            margin=self.margin - fee,
        )
        return Traded(
            size_raw=left,
            entry_price_raw=price * 10 ** (18 - weight.feed.decimals),
            pnl_raw=0,
            funding_raw=0,
            borrowing_raw=0,
            price_raw=price * 10 ** (18 - weight.feed.decimals),
            fee=Amount(self.settlement, fee),
            paid=None,
            received=None,
            margin=(self.settlement, self.margin - fee),
            successor=after,
        )


@dataclass(frozen=True, slots=True)
class TieredRule(MarginRule):
    """Requires `rates` of the size below and above `kink`, in basis points and units of the position."""

    rates: tuple[int, int] = (0, 0)
    kink: int = 0

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        done = MarginRule.apply(self, prices, time, action)
        if not isinstance(done, Traded) or not isinstance(done.successor, TieredRule):
            return done
        return replace(done, successor=done.successor.tiered())

    def tiered(self) -> TieredRule:
        """Itself, with what its size requires."""
        [weight] = self.weights
        below, above = min(abs(weight.power), self.kink), max(abs(weight.power) - self.kink, 0)
        required = (below * self.rates[0] + above * self.rates[1]) // BPS
        return replace(self, weights=(replace(weight, requirement=required),))


@dataclass(frozen=True, slots=True)
class FlatMarket:
    """Sells at fixed prices (USD of a smallest unit, times 10^18) for a share in basis points."""

    family: ClassVar[str] = "flat"

    assets: tuple[AssetId, AssetId]
    prices: tuple[int, int]
    fee: int = 30
    chain: ChainId = CHAIN
    label: str = "flat"

    def swap(self, sold: Amount) -> Swapped | Refused:
        """See SpotMarket."""
        at = self.assets.index(sold.asset)
        raw = sold.raw * self.prices[at] * (BPS - self.fee) // BPS // self.prices[1 - at]
        return Swapped(Amount(self.assets[1 - at], raw), self) if raw else Refused("nothing")

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        """None."""
        del sold, least, sender, deadline
        return Untold("it is nowhere")

    def to_json(self) -> dict[str, JsonValue]:
        """Never written."""
        raise NotImplementedError


def lender(name: str, amounts: Mapping[str, float], *, threshold: float = 0.8) -> Account:
    """A lending account that acts."""
    made = lending(name, amounts, threshold=threshold, protocol="aave_v3")
    rule = made.rule
    assert isinstance(rule, LinearRule)
    supplies = tuple(p.raw if isinstance(p, Supply) else 0 for p in made.positions)
    return replace(
        made, rule=LendingRule(rule.weights, rule.cash, round(threshold * BPS), supplies), kind="lending"
    )


def trader(name: str, size: float, margin: float, *, maintenance: float, free: float = 0.0) -> Account:
    """A margin account in USDC that acts, with a position in ETH."""
    made = margined(name, "ETH", size, margin, maintenance=maintenance, settlement="USDC")
    rule = made.rule
    assert isinstance(rule, LinearRule)
    posted = next(p for p in made.positions if isinstance(p, Supply))
    assert any(isinstance(p, Perp) for p in made.positions)
    acting = MarginRule(rule.weights, rule.cash, posted.asset.id, posted.raw, fee=5, free=round(free * BPS))
    return replace(made, rule=acting)


def above_cap(action: Action, room: int) -> Refused | None:
    """What a venue that takes only `room` more says of a deposit."""
    return Refused("above the cap") if isinstance(action, Deposit) and action.raw > room else None


def flat(one: str, other: str, fee: int = 30) -> FlatMarket:
    """A market of two coins of the tests at their prices."""
    coins = COINS[one], COINS[other]
    return FlatMarket(
        (coins[0].asset.id, coins[1].asset.id), (round(coins[0].usd * WAD), round(coins[1].usd * WAD)), fee
    )
