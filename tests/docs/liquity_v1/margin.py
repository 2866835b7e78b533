"""Liquity V1's solvency test: a trove's collateral ratio against the one that is required now.

Source: TroveManager, LiquityBase and LiquityMath in github liquity/dev. The contracts can't be changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aggregator.contract import Shocked
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Oracle, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINIMUM_RATIO = 11 * WAD // 10
CRITICAL_RATIO = 15 * WAD // 10  # of all troves together: below it the system is in recovery mode
AMOUNTS = ("collateral", "debt", "system_collateral", "system_debt")


@dataclass(frozen=True, slots=True)
class TroveRule:
    """One trove. Amounts have 18 decimals; `covered` says that the stability pool holds its whole debt.

    In recovery mode a covered trove is liquidated up to the ratio of all troves together.
    """

    family: ClassVar[str] = "liquity_v1"

    feed: Feed
    collateral: int
    debt: int
    covered: bool
    system_collateral: int
    system_debt: int

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The one price: ETH in USD."""
        return (self.feed,)

    def recovery(self, price: int) -> bool:
        """Whether the system is in recovery mode at a price."""
        return self._system_ratio(price) < CRITICAL_RATIO

    def required_ratio(self, price: int) -> int:
        """Below this collateral ratio (18 decimals) the trove can be liquidated."""
        if self.covered and self.recovery(price):
            return max(MINIMUM_RATIO, self._system_ratio(price))
        return MINIMUM_RATIO

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002  # no interest
        """Collateral ratio over required ratio; raises UnusablePrice on a price <= 0."""
        price = prices[self.feed.asset]
        if price <= 0:
            raise UnusablePrice(self.feed.asset, self.feed.origin, price)
        ratio, required = self.collateral * price // self.debt, self.required_ratio(price)
        return Health(
            power=self.collateral * price,
            requirement=self.debt * required,
            decimals=36,
            health=ratio * WAD // required,
            liquidatable=ratio < required,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Data for TroveFamily.load; amounts are decimal strings."""
        amounts: dict[str, JsonValue] = {name: str(getattr(self, name)) for name in AMOUNTS}
        feed: dict[str, JsonValue] = {
            "asset": self.feed.asset,
            "price": str(self.feed.price),
            "origin": self.feed.origin,
        }
        return {"family": self.family, "feed": feed, "covered": self.covered, **amounts}

    def _system_ratio(self, price: int) -> int:
        return self.system_collateral * price // self.system_debt


@dataclass(frozen=True, eq=False, slots=True)
class TroveColumns:
    """Troves as arrays of shape (accounts,), in whole units; each trove has one feed."""

    feeds: Sequence[Feed]
    collateral: NDArray[np.float64]
    debt: NDArray[np.float64]
    covered: NDArray[np.bool_]
    system_collateral: NDArray[np.float64]
    system_debt: NDArray[np.float64]


class TroveFamily:
    """The fast form of TroveRule: it differs by the contracts' rounding, far below 0.01 bp."""

    name = TroveRule.family

    def columns(self, rules: Sequence[Rule]) -> TroveColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        troves = [rule for rule in rules if isinstance(rule, TroveRule)]
        if len(troves) != len(rules):
            raise TypeError(f"only rules of {self.name} have columns here")
        amounts = {name: np.array([getattr(t, name) / WAD for t in troves]) for name in AMOUNTS}
        covered = np.array([t.covered for t in troves], dtype=np.bool_)
        return TroveColumns(feeds=[t.feed for t in troves], covered=covered, **amounts)

    def margin(
        self, columns: TroveColumns, shocked: Shocked
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Collateral, and debt times the required ratio, in USD: each (accounts, scenarios)."""
        prices = shocked.prices
        system = columns.system_collateral[:, None] * prices / columns.system_debt[:, None]
        recovery = columns.covered[:, None] & (system < CRITICAL_RATIO / WAD)
        least = MINIMUM_RATIO / WAD
        required = np.where(recovery, np.maximum(least, system), least)
        return columns.collateral[:, None] * prices, columns.debt[:, None] * required

    def load(self, data: Mapping[str, JsonValue]) -> TroveRule:
        """The rule that `TroveRule.to_json` wrote; raises ValueError on data of another family or shape."""
        feed = data.get("feed")
        if data.get("family") != self.name or not isinstance(feed, dict):
            raise ValueError(f"no rule of {self.name}: {data!r}")
        if not isinstance(data.get("covered"), bool):
            raise ValueError(f"'covered' of a stored rule should be true or false: {data!r}")
        amounts = {name: int(str(data.get(name))) for name in AMOUNTS}
        return TroveRule(
            feed=Feed(
                AssetId(str(feed["asset"])), Oracle.MARKET, int(str(feed["price"])), 18, str(feed["origin"])
            ),
            covered=data["covered"] is True,
            **amounts,
        )
