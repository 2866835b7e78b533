"""A plain lending rule for tests, a stand-in for no protocol: one collateral, one debt, a close factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Shocked
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.losses import Cover
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
    Rule,
)
from tests.risk.builders import COINS, account, raw

PRICE_DECIMALS = 8
BPS = 10_000
HALF_FROM = 95 * WAD // 100


@dataclass(frozen=True, slots=True)
class PlainRule:
    """Amounts have 18 decimals, threshold and bonus 4; half of the debt at once from a health of 0.95 on.

    `supplied` is what the market lends, `reserves` what pays before its suppliers do.
    """

    family: ClassVar[str] = "plain"

    held: Feed
    owing: Feed
    collateral: int
    debt: int
    threshold: int
    bonus: int
    halves: bool = True
    refusal: str | None = None
    reserves: int | None = None
    supplied: int | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        return (self.held, self.owing)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        power = self.collateral * prices[self.held.asset] * self.threshold // BPS
        owed = self.debt * prices[self.owing.asset]
        ratio = power * WAD // owed if owed else None
        return Health(power, owed, 18 + PRICE_DECIMALS, ratio, liquidatable=power < owed)

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        if self.refusal is not None:
            return Refused(self.refusal)
        health = self.health(prices, time)
        if not health.liquidatable or health.health is None:
            return Refused("healthy")
        if repayment.collateral != self.held.asset:
            return Refused("no such collateral")
        half = self.halves and health.health >= HALF_FROM
        repaid = min(repayment.debt.raw, self.debt // 2 if half else self.debt)
        at, per = prices[self.owing.asset], prices[self.held.asset]
        seized = repaid * at * (BPS + self.bonus) // (per * BPS)
        if seized >= self.collateral:
            seized = self.collateral
            repaid = min(-(-seized * per * BPS // (at * (BPS + self.bonus))), repaid)
        if not seized:
            return Refused("nothing to seize")
        left = self.collateral - seized
        bad = 0 if left else self.debt - repaid
        owed = self.debt - repaid - bad
        amounts = ((self.owing.asset, repaid), (self.held.asset, seized), (self.owing.asset, bad))
        paid, took, lost = ((Amount(asset, raw),) if raw else () for asset, raw in amounts)
        return Liquidated(paid, took, (), lost, replace(self, collateral=left, debt=owed))

    def cover(self, debt: AssetId, time: int) -> Cover:  # noqa: ARG002
        return Cover(self.reserves, self.supplied)

    def to_json(self) -> dict[str, JsonValue]:
        raise NotImplementedError("plans never write rules")


@dataclass(frozen=True, eq=False, slots=True)
class PlainColumns:
    feeds: tuple[Feed, ...]
    rules: tuple[PlainRule, ...]


class PlainFamily:
    """The fast form of PlainRule."""

    name = PlainRule.family

    def columns(self, rules: Sequence[Rule]) -> PlainColumns:
        ours = tuple(rule for rule in rules if isinstance(rule, PlainRule))
        return PlainColumns(tuple(feed for rule in ours for feed in rule.feeds), ours)

    def margin(
        self, columns: PlainColumns, shocked: Shocked
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        prices = shocked.prices * shocked.quote_usd
        held = np.array([rule.collateral / WAD * rule.threshold / BPS for rule in columns.rules])
        owed = np.array([rule.debt / WAD for rule in columns.rules])
        return held[:, None] * prices[::2], owed[:, None] * prices[1::2]

    def load(self, data: Mapping[str, JsonValue]) -> PlainRule:
        raise NotImplementedError("plans never read rules")


FAMILIES = {PlainFamily.name: PlainFamily()}


def borrower(
    name: str,
    collateral: float,
    debt: float,
    *,
    of: str = "ETH",
    owes: str = "USD",
    threshold: float = 0.83,
    bonus: float = 0.05,
    halves: bool = True,
    refusal: str | None = None,
    reserves: int | None = None,
    supplied: int | None = None,
) -> Account:
    """An account that owes one coin of the tests against another."""
    held, owing = (
        Feed(COINS[symbol].asset.id, Oracle.MARKET, round(COINS[symbol].usd * 10**8), PRICE_DECIMALS, "feed")
        for symbol in (of, owes)
    )
    rule = PlainRule(
        held,
        owing,
        collateral=raw(collateral),
        debt=raw(debt),
        threshold=round(threshold * BPS),
        bonus=round(bonus * BPS),
        halves=halves,
        refusal=refusal,
        reserves=reserves,
        supplied=supplied,
    )
    positions = (
        Supply(COINS[of].asset, raw(collateral), is_collateral=True, origin="plain"),
        Debt(COINS[owes].asset, raw(debt), "variable", "plain"),
    )
    return account(name, *positions, rule=rule)
