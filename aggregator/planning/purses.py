"""What wallets may have and need, and how it comes from one to the other: sent, bridged or exchanged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from aggregator.model.accounts import Account
from aggregator.model.assets import Asset, AssetId, native_id
from aggregator.model.positions import Holding, Supply
from aggregator.planning.candidates import Candidate, balance
from aggregator.planning.exchanges import Exchanges, Hop
from aggregator.planning.limits import Kind
from aggregator.planning.problem import Problem
from aggregator.planning.swaps import SwapCandidate, TransferCandidate
from aggregator.pricing.book import usd
from aggregator.risk.copies import Copy

GAS_STEPS = 10
"""The gas of so many steps stays in a wallet, of what a chain's gas is paid in."""


@dataclass
class Purse:
    """What a wallet account may come to have, and what it may be asked for, by asset."""

    sources: dict[AssetId, Asset] = field(default_factory=dict)
    sinks: dict[AssetId, Asset] = field(default_factory=dict)


class Purses:
    """The wallet accounts of a portfolio, of which `wealth_usd` is all that is held or supplied."""

    def __init__(self, copy: Copy, problem: Problem) -> None:
        self._copy, self._problem = copy, problem
        self._exchanges = Exchanges(problem)
        self._purses: dict[str, Purse] = {}
        self.wealth_usd = sum(self._worth(account) for account in copy.accounts.values())

    def of(self, account_id: str) -> Purse:
        """That of a wallet account."""
        return self._purses.setdefault(account_id, Purse())

    def unit_usd(self, asset: Asset) -> float:
        """What its smallest unit is worth today; 0 where it has no mark."""
        mark = self._copy.portfolio.marks.get(asset.id)
        return 0.0 if mark is None else usd(mark) / float(10**asset.decimals)

    def _worth(self, account: Account) -> float:
        return sum(
            position.raw * self.unit_usd(position.asset)
            for position in account.positions
            if isinstance(position, Holding | Supply)
        )

    def assets(self) -> dict[str, tuple[Asset, ...]]:
        """What each wallet account may have or need."""
        return {
            name: tuple({**purse.sources, **purse.sinks}.values()) for name, purse in self._purses.items()
        }

    def candidates(self) -> list[Candidate]:
        """What may be sent or exchanged, once it is known what accounts may give and ask for."""
        return [*self._transfers(), *self._swaps()]

    def _transfers(self) -> Iterator[Candidate]:
        """Of what one wallet may have and another may need: sent, or bridged to its namesake."""
        for origin, purse in list(self._purses.items()):
            for target, other in list(self._purses.items()):
                if origin == target:
                    continue
                here, there = self._copy.accounts[origin], self._copy.accounts[target]
                same = here.chain == there.chain
                for asset in list(purse.sources.values()):
                    arrives = asset if same else self._namesake(asset, other)
                    if arrives is None or (same and not other.sinks):
                        continue
                    unit = self.unit_usd(asset)
                    if unit <= 0.0:
                        continue
                    other.sources.setdefault(arrives.id, arrives)
                    kind: Kind = "transfer" if same else "bridge"
                    yield TransferCandidate(
                        f"{kind} {asset.id} {origin} {target}",
                        kind,
                        origin,
                        unit,
                        self._spendable(origin, asset),
                        asset,
                        arrives,
                        target,
                        Decimal(0) if same else self._problem.charges.bridge,
                    )

    def _spendable(self, purse: str, asset: Asset) -> int:
        """The most of an asset that a wallet may come to spend; of a native coin what is there, less gas."""
        chain, unit = self._copy.accounts[purse].chain, self.unit_usd(asset)
        has = balance(self._copy, purse, asset)
        if asset.id != native_id(chain):
            return max(int(self.wealth_usd / unit), has)
        return max(0, has - math.ceil(GAS_STEPS * self._problem.charges.gas(chain) / unit))

    def _namesake(self, asset: Asset, other: Purse) -> Asset | None:
        """What the other chain calls the same and needs, or holds, with the same risk class."""
        classes = self._copy.portfolio.classes
        for one in {**other.sources, **other.sinks}.values():
            if one.symbol == asset.symbol and classes.get(one.id) == classes.get(asset.id):
                return one
        return None

    def _swaps(self) -> Iterator[Candidate]:
        for purse, known in self._purses.items():
            chain = self._copy.accounts[purse].chain
            made: dict[str, SwapCandidate] = {}
            for sold in list(known.sources.values()):
                for bought in list(known.sinks.values()):
                    if sold.id == bought.id or min(self.unit_usd(sold), self.unit_usd(bought)) <= 0.0:
                        continue
                    for hop in self._exchanges.route(chain, sold, bought):
                        known.sources.setdefault(hop.sold.id, hop.sold)
                        known.sinks.setdefault(hop.bought.id, hop.bought)
                        one = self._swap(purse, hop)
                        made.setdefault(one.name, one)
            yield from made.values()

    def _swap(self, purse: str, hop: Hop) -> SwapCandidate:
        unit, slippage = self.unit_usd(hop.sold), self._problem.charges.slippage
        return SwapCandidate(
            f"swap {hop.sold.id} {hop.bought.id} {hop.market.label} {purse}",
            "swap",
            purse,
            unit,
            self._spendable(purse, hop.sold),
            hop.sold,
            hop.bought,
            hop.market,
            # A coin is wrapped one to one: nobody else's trade changes that.
            Decimal(0) if native_id(hop.market.chain) in hop.market.assets else slippage,
        )
