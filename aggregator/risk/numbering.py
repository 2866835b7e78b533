"""Which factor moves an asset or a protocol's feed, and its number in a book."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.model.assets import USD, AssetId, Classification, TokenList
from aggregator.model.rules import Feed, Oracle
from aggregator.risk.factors import Factor
from aggregator.risk.scenarios import ScenarioSet

_UNLISTED = TokenList(())


class Numbering:
    """Numbers distinct factors as they appear."""

    def __init__(self, scenarios: ScenarioSet, classes: Mapping[AssetId, Classification]) -> None:
        self._scenarios, self._classes = scenarios, classes
        self._at: dict[Factor, int] = {}

    def of(self, asset: AssetId) -> Factor:
        """What moves an asset; one that no table knows is its own underlying in class tail."""
        return self._scenarios.factor(asset, self._classes.get(asset) or _UNLISTED.classify(asset))

    def of_feed(self, feed: Feed) -> tuple[Factor, Factor, Factor]:
        """What the price that a protocol's own test sees moves with and against, and what its quote does.

        `rate` ignores pegs, `fixed` everything; what a unit of the quote is worth in USD is the market's
        word in any case.
        """
        quote = Factor(USD) if feed.quote is None else self.of(feed.quote)
        match feed.oracle:
            case Oracle.MARKET:
                return self.of(feed.asset), quote, quote
            case Oracle.RATE:
                return Factor(self.of(feed.asset).underlying), Factor(quote.underlying), quote
            case Oracle.FIXED:
                return Factor(USD), Factor(USD), quote

    def paid_in(self, index: AssetId, settlement: AssetId) -> Factor:
        """What moves the USD value of a perpetual on an index whose price is paid out in a settlement asset.

        A contract pays a dollar's worth of index as one stablecoin, so the stablecoin's peg matters; paid
        in anything else, it pays by value.
        """
        price, payment = self.of(index), self.of(settlement)
        pegs = price.pegs + payment.pegs if payment.underlying == USD else price.pegs
        return Factor(price.underlying, pegs, perp=True)

    def number(self, factor: Factor) -> int:
        """The number of a factor, a new one where it is new."""
        return self._at.setdefault(factor, len(self._at))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All of them, in the order of their numbers."""
        return tuple(self._at)
