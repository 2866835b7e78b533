"""Where a token is sold for another: the markets that were read, by way of other tokens if need be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from aggregator.model.assets import USD, Asset, AssetId
from aggregator.model.positions import Option, Perp
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import SpotMarket, Swapped
from aggregator.model.units import ChainId
from aggregator.planning.estimated import EstimatedMarket
from aggregator.planning.problem import Problem
from aggregator.pricing.book import usd

REFERENCE_USD = 10_000.0
"""By which ways are compared."""
MOST_HOPS = 3
"""Such as a coin that is wrapped, sold for the common dollar, and that for another one."""

Pair: TypeAlias = frozenset[AssetId]


@dataclass(frozen=True, slots=True)
class Hop:
    """One swap on the way."""

    sold: Asset
    bought: Asset
    market: SpotMarket


class Exchanges:
    """The spot markets of a problem by chain and pair; where none sells a token an estimate stands for it."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._assets = {asset.id: asset for asset in _assets(problem) if asset.id in problem.portfolio.marks}
        self._by_pair: dict[tuple[ChainId, Pair], list[SpotMarket]] = defaultdict(list)
        self._beside: dict[tuple[ChainId, AssetId], set[AssetId]] = defaultdict(set)
        for chain, markets in problem.markets.items():
            for market in markets:
                one, other = market.assets
                self._by_pair[chain, frozenset(market.assets)].append(market)
                self._beside[chain, one].add(other)
                self._beside[chain, other].add(one)

    def route(self, chain: ChainId, sold: Asset, bought: Asset) -> Sequence[Hop]:
        """The swaps that a plan may make of it: every market of the pair, and the best way by other tokens.

        None where no market sells it and estimates are not allowed.
        """
        direct = self._by_pair.get((chain, frozenset((sold.id, bought.id))), ())
        hops = [Hop(sold, bought, market) for market in direct]
        hops += self._by_way(chain, sold, bought)
        if hops or not self._problem.limits.estimates:
            return hops
        return [Hop(sold, bought, self._estimate(chain, sold, bought))]

    def _by_way(self, chain: ChainId, sold: Asset, bought: Asset) -> list[Hop]:
        """The fewest swaps, more than one, that lead from one to the other, and of as many those that bring
        most."""
        start = Amount(sold.id, max(1, int(REFERENCE_USD / self._unit_usd(sold))))
        reached: dict[AssetId, tuple[Amount, list[Hop]]] = {sold.id: (start, [])}
        seen = {sold.id}
        for _ in range(MOST_HOPS):
            further: dict[AssetId, tuple[Amount, list[Hop]]] = {}
            for at, (amount, hops) in reached.items():
                one = hops[-1].bought if hops else sold
                for next_id in sorted(self._beside[chain, at] & self._assets.keys() - seen):
                    if not hops and next_id == bought.id:
                        continue
                    found = self._best(chain, one, self._assets[next_id], amount)
                    if found is None or (next_id in further and further[next_id][0].raw >= found[0].raw):
                        continue
                    further[next_id] = found[0], [*hops, Hop(one, self._assets[next_id], found[1])]
            if bought.id in further:
                return further[bought.id][1]
            seen |= further.keys()
            reached = further
        return []

    def _best(
        self, chain: ChainId, sold: Asset, bought: Asset, amount: Amount
    ) -> tuple[Amount, SpotMarket] | None:
        best: tuple[Amount, SpotMarket] | None = None
        for market in self._by_pair[chain, frozenset((sold.id, bought.id))]:
            found = market.swap(amount)
            if isinstance(found, Swapped) and (best is None or found.received.raw > best[0].raw):
                best = found.received, market
        return best

    def _unit_usd(self, asset: Asset) -> float:
        return usd(self._problem.portfolio.marks[asset.id]) / float(10**asset.decimals)

    def _estimate(self, chain: ChainId, sold: Asset, bought: Asset) -> EstimatedMarket:
        portfolio, scenarios = self._problem.portfolio, self._problem.scenarios
        have, get = portfolio.marks[sold.id], portfolio.marks[bought.id]
        price = Decimal(have.price).scaleb(get.decimals + bought.decimals) / Decimal(get.price)
        depths = [
            scenarios.asset_parameters(portfolio.classes[asset.id].underlying).depth_usd
            for asset in (sold, bought)
            if portfolio.classes[asset.id].underlying != USD
        ]
        return EstimatedMarket(
            chain=chain,
            sold=sold,
            bought=bought,
            price=price.scaleb(-have.decimals - sold.decimals),
            fee=self._problem.charges.swap,
            depth=int(min(depths) / self._unit_usd(sold)) if depths else 0,
        )


def _assets(problem: Problem) -> Iterable[Asset]:
    for account in problem.portfolio.accounts:
        for position in account.positions:
            yield position.settlement if isinstance(position, Perp | Option) else position.asset
