"""The liquidation test of Perpetual Protocol Curie, exact.

Source: `_isLiquidatable` of ClearingHouse.sol, Vault.sol and AccountBalance.sol of npm `@perp/curie-contract`
2.8.4, rounding included. Equal to the wei in the tests, which ask the real contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from adapters.perp_curie import actions, closing, sale, stored, transactions
from adapters.perp_curie.access import Access
from adapters.perp_curie.ahead import ahead
from adapters.perp_curie.market import MILLION, Collateral, MarketState
from adapters.perp_curie.sale import SaleTerms
from aggregator.model.actions import Action, Applied, Traded, Untold
from aggregator.model.ahead import Ahead
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.flips import flips
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Liquidated, Refused, Repayment
from aggregator.model.shared import SharedRoom

DECIMALS = 18


@dataclass(frozen=True, slots=True)
class CurieRule:
    """The solvency test of one trader, whose margin is shared by all markets; 18 decimals unless said.

    `balance` of the settlement token (`settlement_decimals`, at most 18) may be negative; `owed_pnl` is
    realised and not yet settled to it, `pending_fee` what orders have earned. Ratios are in millionths.
    `insurance` is the fund's capacity; `paused` is the clearing house's own stop. `terms` are those of the
    sale of collateral, None where there is none. `access` is what the owner's own actions need, None where it
    was not read. `others` are open markets where the trader has nothing, and could have a position.
    """

    family: ClassVar[str] = "perp_curie"

    time: int
    settlement: AssetId
    settlement_decimals: int
    balance: int
    owed_pnl: int
    pending_fee: int
    markets: tuple[MarketState, ...]
    collaterals: tuple[Collateral, ...]
    maintenance_ratio: int
    penalty_ratio: int
    insurance: int
    paused: bool
    terms: SaleTerms | None
    access: Access | None = None
    others: tuple[MarketState, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.settlement_decimals <= DECIMALS:
            raise ValueError(f"a settlement token of {self.settlement_decimals} decimals")
        if not (0 <= self.maintenance_ratio <= MILLION and 0 <= self.penalty_ratio <= MILLION):
            raise ValueError(f"ratios {self.maintenance_ratio}, {self.penalty_ratio} of {MILLION}")

    @property
    def unit(self) -> int:
        """One smallest unit of the settlement token, with 18 decimals."""
        unit: int = 10 ** (DECIMALS - self.settlement_decimals)
        return unit

    def market(self, name: str) -> MarketState | None:
        """The market of a name: one where the trader has something, or could."""
        return next((one for one in (*self.markets, *self.others) if one.name == name), None)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The price of each market, then of each collateral."""
        return (*(one.feed for one in self.markets), *(one.feed for one in self.collaterals))

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The insurance fund; where it can't pay, a liquidation reverts and the loss stays where it is."""
        return (LossBearer.INSURANCE_FUND,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "the insurance fund pays, and where it can't a liquidation reverts: nobody's margin is written "
            "down, and what the vault lacks is missed by whoever withdraws last"
        )

    def cash(self, time: int) -> int:
        """Settlement token with fees, funding and realised profit; raises ValueError on a time before."""
        if time < self.time:
            raise ValueError(f"an account as of {self.time} is asked for {time}")
        funding = sum(market.funding_after(time - self.time) for market in self.markets)
        return self.balance * self.unit + self.pending_fee - funding + self.owed_pnl

    @property
    def settlement_raw(self) -> int:
        """Settlement token at the block with realised profit, fees, and what stopped markets will pay out.

        In its smallest unit; below zero it is owed. Funding and profit of open markets are not in it.
        """
        stopped = [one for one in self.markets if not one.is_open]
        total = self.balance * self.unit + self.owed_pnl + self.pending_fee
        return (total + sum(one.profit(one.feed.price) - one.funding for one in stopped)) // self.unit

    def free_collateral(self, prices: Mapping[AssetId, int], time: int, ratio: int) -> int:
        """What is free beyond so many millionths of what was borrowed (`_getFreeCollateralByRatio`).

        Unrealised losses count, unrealised profit does not; below zero too little is there.
        """
        posted = self.cash(time) + self.collateral_value(prices)
        return min(posted, self.exact_value(prices, time)) - self.borrowed(prices) * ratio // MILLION

    def borrowed(self, prices: Mapping[AssetId, int]) -> int:
        """What was borrowed in quote and in base, at these prices (`getTotalDebtValue`)."""
        quote = sum(one.notional - sum(order.quote_debt for order in one.orders) for one in self.markets)
        base = sum(one.borrowed(self.price_of(prices, one.feed)) for one in self.markets)
        return base + max(0, -quote)

    def collateral_value(self, prices: Mapping[AssetId, int]) -> int:
        """What all collateral beside the settlement token counts (`_getNonSettlementTokenValue`)."""
        return sum(one.value(self.price_of(prices, one.feed)) for one in self.collaterals)

    def exact_value(self, prices: Mapping[AssetId, int], time: int) -> int:
        """Cash, collateral and unrealised profit, unrounded."""
        total = self.cash(time) + self.collateral_value(prices)
        for market in self.markets:
            price = self.price_of(prices, market.feed)
            total += market.value(price) + market.net_quote(price)
        return total

    def account_value(self, prices: Mapping[AssetId, int], time: int) -> int:
        """The exact value rounded down to the settlement token's unit (`getAccountValue`)."""
        return self.exact_value(prices, time) // self.unit * self.unit

    def gross(self, prices: Mapping[AssetId, int]) -> int:
        """What all positions are worth, of either sign (`getTotalAbsPositionValue`)."""
        return sum(abs(market.value(self.price_of(prices, market.feed))) for market in self.markets)

    def requirement(self, prices: Mapping[AssetId, int]) -> int:
        """The maintenance margin (`getMarginRequirementForLiquidation`)."""
        return self.gross(prices) * self.maintenance_ratio // MILLION

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at other prices and a later time; raises UnusablePrice on a price <= 0.

        Raises ValueError on a time before the block's.
        """
        power, required = self.account_value(prices, time), self.requirement(prices)
        health = power * WAD // required if required else None
        return Health(power, required, DECIMALS, health, liquidatable=power < required)

    def ahead(self, prices: Mapping[AssetId, int], time: int) -> tuple[Ahead, ...]:
        """See AveragedRule: marks and collateral prices are means, which follow the pool and the index."""
        return ahead(self, prices, time)

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; the pool's price moves in proportion, other prices and funding are held still."""
        return flips(self, prices, time, asset)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """One liquidation of a market's position by its name; with None, one after another while any is due.

        A position is taken over by the liquidator at the mark price: nothing is sold in the pool.
        """
        return closing.close_out(self, prices, time, market)

    def sale_is_due(self, prices: Mapping[AssetId, int], time: int) -> bool:
        """Whether collateral may be sold: before positions are liquidated, or for a debt alone."""
        return sale.is_due(self, prices, time)

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """One sale of collateral (`liquidateCollateral`): `repayment` is what the buyer pays.

        A part of that is a fee for the insurance fund; the rest becomes balance.
        """
        return sale.sell(self, prices, time, repayment)

    def with_room(self, left: SharedRoom) -> CurieRule:
        """See RoomRule."""
        return actions.with_room(self, left)

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule; a trade is a swap through the market's pool.

        Withdrawing None takes what is free, as the vault's `withdrawAll`. Raises ValueError on a time before
        the block's.
        """
        return actions.apply(self, prices, time, action)

    def calls(self, action: Action, hands: Hands) -> Sequence[UnsignedCall] | Untold:  # noqa: ARG002
        """See CallableRule; a trade is bounded by what it gives at the block, less a tolerance.

        Whoever sends them is the trader: the holder alone.
        """
        return transactions.calls_of(self, action)

    @staticmethod
    def price_of(prices: Mapping[AssetId, int], feed: Feed) -> int:
        """A feed's price among these; raises UnusablePrice on one <= 0."""
        price = prices[feed.asset]
        if price <= 0:
            raise UnusablePrice(feed.asset, feed.origin, price)
        return price

    def to_json(self) -> dict[str, JsonValue]:
        """Data for CurieFamily.load; amounts, prices and growths are decimal strings."""
        return stored.rule_to_json(self)
