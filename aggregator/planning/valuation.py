"""What amounts and positions are worth at a portfolio's marks, and which underlying moves them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.assets import USD, Asset, AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.rules import Amount
from aggregator.risk.extraction import usd
from aggregator.risk.numbering import Numbering


@dataclass(frozen=True, slots=True)
class Worth:
    """A portfolio's marks with the decimals of every asset that it holds."""

    portfolio: Portfolio
    numbering: Numbering
    assets: Mapping[AssetId, Asset]

    @staticmethod
    def of(portfolio: Portfolio, numbering: Numbering) -> Worth:
        """The worth of things at a portfolio's marks."""
        return Worth(portfolio, numbering, {a.id: a for one in portfolio.accounts for a in assets_of(one)})

    def usd(self, asset: AssetId, raw: int) -> float:
        """So much of an asset; raises UnusablePrice where it has no mark, or nobody holds any of it."""
        mark, known = self.portfolio.marks.get(asset), self.assets.get(asset)
        if mark is None or known is None:
            raise UnusablePrice(asset, "no source", 0)
        return usd(raw, known.decimals, mark)

    def all_usd(self, amounts: Iterable[Amount]) -> float:
        """Amounts of several assets together."""
        return math.fsum(self.usd(amount.asset, amount.raw) for amount in amounts)

    def account_usd(self, account: Account, kind: type[Supply] | type[Debt]) -> float:
        """What an account has as collateral, or owes."""
        return math.fsum(
            self.usd(p.asset.id, p.raw)
            for p in account.positions
            if isinstance(p, kind) and (isinstance(p, Debt) or p.is_collateral)
        )

    def underlying(self, asset: AssetId) -> str:
        """What moves an asset; one that is not listed moves alone."""
        return self.numbering.of(asset).underlying

    def sold(self, parts: Iterable[tuple[AssetId, float]]) -> dict[str, float]:
        """USD of assets as USD of their underlyings, dollars left out."""
        totals: dict[str, float] = {}
        for asset, value in parts:
            name = self.underlying(asset)
            if name != USD and value:
                totals[name] = totals.get(name, 0.0) + value
        return totals

    def prices_of(self, account: Account) -> dict[str, float]:
        """The prices of the underlyings that move an account's positions."""
        spots = self.portfolio.spots
        names = {self.underlying(asset) for asset in priced_of(account)}
        return {name: spots[name] for name in sorted(names) if name in spots and name != USD}


def assets_of(account: Account) -> list[Asset]:
    """The assets of an account's positions, and what its derivatives are settled in."""
    return [p.asset if isinstance(p, Holding | Supply | Debt) else p.settlement for p in account.positions]


def priced_of(account: Account) -> list[AssetId]:
    """What has a price that an account's value depends on."""
    found = [asset.id for asset in assets_of(account)]
    return found + [p.index for p in account.positions if isinstance(p, Perp | Option)]
