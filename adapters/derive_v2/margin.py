"""The solvency test of one account of Derive V2, exact.

Source: BaseManager.sol's heirs and DutchAuction.sol of derivexyz/v2-core 7736900d. An auction can be started
where the maintenance margin is below zero; a portfolio manager's is that of its worst scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from adapters.derive_v2.auction import Auction, Terms
from adapters.derive_v2.portfolio import Portfolio
from adapters.derive_v2.portfolio_2 import Portfolio2
from adapters.derive_v2.standard import Standard
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.flips import flips
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

DECIMALS = 18

Book: TypeAlias = Standard | Portfolio | Portfolio2


@dataclass(frozen=True, slots=True)
class DeriveRule:
    """The solvency test of one account; amounts with 18 decimals, in cash, of which one counts as a dollar.

    `cash` is what is stored of it, without pending interest, as the managers count it. `stable` is the
    price of the token behind it, which has `stable_decimals`. Power is the mark to market and requirement
    what the maintenance margin is below it; where that is above (nothing is required) power is the margin.
    Health is their ratio rounded down. An account whose solvent auction is live is liquidatable until its
    buffer margin is no longer below zero.
    """

    family: ClassVar[str] = "derive_v2"

    cash: int
    stable: Feed
    stable_decimals: int
    book: Book
    terms: Terms
    auction: Auction | None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The stable coin's price, then those of the book."""
        return (self.stable, *self.book.feeds)

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The security module; what it lacks is printed, and falls to all holders of cash."""
        return (LossBearer.INSURANCE_FUND, LossBearer.SOCIALISED_LOSS)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "what the security module lacks is printed as cash, whose worth then falls for all who hold "
            "some; what the module has, and how much cash there is, are not kept with the account"
        )

    def margin(self, prices: Mapping[AssetId, int], time: int, *, initial: bool) -> tuple[int, int]:
        """(margin, mark to market) with cash; raises UnusablePrice on a price <= 0.

        Of an expired option that is not settled the forward stays as it was read.
        """
        for feed in self.feeds:
            if prices[feed.asset] <= 0:
                raise UnusablePrice(feed.asset, feed.origin, prices[feed.asset])
        margin, value = self.book.margin(prices, prices[self.stable.asset], time, initial=initial)
        return margin + self.cash, value + self.cash

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at other prices and a later time; raises UnusablePrice on a price <= 0."""
        margin, value = self.margin(prices, time, initial=False)
        required = max(value - margin, 0)
        power = margin + required
        return Health(
            power=power,
            requirement=required,
            decimals=DECIMALS,
            health=power * WAD // required if required else None,
            liquidatable=margin < 0 or self.terms.sells(self.auction, margin, value, time),
        )

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; the test in float64 tells which prices are worth an exact try."""
        from adapters.derive_v2.family import suspects  # noqa: PLC0415  # it knows rules, and needs numpy

        def tried(candidates: Sequence[int]) -> Sequence[bool]:
            return suspects(self, prices, time, asset, candidates)

        return flips(self, prices, time, asset, tried)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """See ClosableRule and `closing.close_out`; accounts are auctioned as a whole, without `market`."""
        from adapters.derive_v2.closing import close_out  # noqa: PLC0415  # it makes rules itself

        return close_out(self, prices, time, market)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for DeriveFamily.load."""
        from adapters.derive_v2.stored import to_json  # noqa: PLC0415  # it reads rules, too

        return to_json(self)
