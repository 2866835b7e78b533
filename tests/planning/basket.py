"""A lending rule for tests with several collaterals and debts: a stand-in for no protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    Health,
    JsonValue,
    Liquidated,
    Oracle,
    Refused,
    Repayment,
)
from tests.risk.builders import COINS, account, raw

BPS = 10_000


@dataclass(frozen=True, slots=True)
class Held:
    """A collateral: threshold and bonus in basis points."""

    raw: int
    threshold: int
    bonus: int


@dataclass(frozen=True, slots=True)
class BasketRule:
    """Amounts and prices have 18 decimals; half of a debt at once from a health of 0.95 on.

    What is owed when no collateral is left is bad debt.
    """

    family: ClassVar[str] = "basket"

    feeds: tuple[Feed, ...]
    held: Mapping[AssetId, Held]
    owed: Mapping[AssetId, int]
    halves: bool

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        power = sum(one.raw * prices[asset] * one.threshold for asset, one in self.held.items()) // BPS
        owed = sum(amount * prices[asset] for asset, amount in self.owed.items())
        ratio = power * WAD // owed if owed else None
        return Health(power, owed, 36, ratio, liquidatable=power < owed)

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        debt, collateral, health = repayment.debt.asset, repayment.collateral, self.health(prices, time)
        if not health.liquidatable or health.health is None:
            return Refused("healthy")
        if collateral is None or collateral not in self.held or debt not in self.owed:
            return Refused("no such pair")
        one, owed = self.held[collateral], self.owed[debt]
        most = owed // 2 if self.halves and health.health >= 95 * WAD // 100 else owed
        repaid = min(repayment.debt.raw, most)
        seized = repaid * prices[debt] * (BPS + one.bonus) // (prices[collateral] * BPS)
        if seized >= one.raw:
            seized = one.raw
            cost = -(-seized * prices[collateral] * BPS // (prices[debt] * (BPS + one.bonus)))
            repaid = min(cost, repaid)
        if not seized:
            return Refused("nothing to seize")
        held = {**self.held, collateral: replace(one, raw=one.raw - seized)}
        left = {**self.owed, debt: owed - repaid}
        held = {asset: h for asset, h in held.items() if h.raw}
        left = {asset: amount for asset, amount in left.items() if amount}
        bad = () if held else tuple(Amount(asset, amount) for asset, amount in left.items())
        after = replace(
            self,
            held=held,
            owed=left if held else {},
            feeds=tuple(f for f in self.feeds if f.asset in held or (held and f.asset in left)),
        )
        return Liquidated((Amount(debt, repaid),), (Amount(collateral, seized),), (), bad, after)

    def to_json(self) -> dict[str, JsonValue]:
        raise NotImplementedError("plans never write rules")


def basket(
    name: str,
    held: Mapping[str, tuple[float, int, int]],
    owed: Mapping[str, float],
    *,
    venue: str = "aave_v3",
    halves: bool = True,
) -> Account:
    """An account with so much of each collateral (units, threshold, bonus) and of each debt."""
    symbols = dict.fromkeys([*held, *owed])
    feeds = tuple(Feed(COINS[s].asset.id, Oracle.MARKET, raw(COINS[s].usd), 18, "feed") for s in symbols)
    rule = BasketRule(
        feeds,
        {COINS[s].asset.id: Held(raw(units), lt, bonus) for s, (units, lt, bonus) in held.items()},
        {COINS[s].asset.id: raw(units) for s, units in owed.items()},
        halves,
    )
    positions: tuple[Supply | Debt, ...] = (
        *(
            Supply(COINS[s].asset, raw(one[0]), is_collateral=True, origin="basket")
            for s, one in held.items()
        ),
        *(Debt(COINS[s].asset, raw(units), "variable", "basket") for s, units in owed.items()),
    )
    return account(name, *positions, protocol=venue, rule=rule)
