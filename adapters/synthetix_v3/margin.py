"""The liquidation test of an account of Synthetix V3 perps, exact.

Source: PerpsAccount.sol, Position.sol and InterestRate.sol of npm `@synthetixio/perps-market` 3.13.0, with
their rounding. Of a position, views tell profit and funding, not what they were computed from: that is worked
back from them, so that figures at another price may be off by one unit of 18 decimals per position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from adapters.synthetix_v3.handle import Handle
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.rewards import Rewards
from aggregator.model.actions import Action, Applied, Traded, Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.fixed_point import multiply
from aggregator.model.flips import flips
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Refused

DECIMALS = 18
YEAR_SECONDS = 31_557_600  # 365.25 days: AVERAGE_SECONDS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Collateral:
    """A synth as margin: `amount` counts at its price less `discount`, both with 18 decimals."""

    feed: Feed
    amount: int
    discount: int

    def value(self, price: int) -> int:
        """What it is worth."""
        return multiply(self.amount, price)

    def counted(self, price: int) -> int:
        """What it counts for as margin (`valueInUsd` with the discount)."""
        return multiply(self.value(price), WAD - self.discount)


@dataclass(frozen=True, slots=True)
class PositionState:
    """An open position of signed `size`; `name` is the market's.

    `settled_funding` is funding per unit that was recorded since the position was last changed, `interest`
    what a dollar of locked notional owes since then.
    """

    name: str
    feed: Feed
    market: Market
    size: int
    entry_price: int
    settled_funding: int
    interest: int

    def price_profit(self, price: int) -> int:
        """Profit by the price alone."""
        return multiply(self.size, price - self.entry_price)

    def funding(self, price: int, time: int) -> int:
        """Funding accrued, positive where received; what is not recorded yet follows the price."""
        return multiply(self.size, self.settled_funding + self.market.unrecorded_funding(price, time))

    def locked(self, price: int) -> int:
        """The notional on which interest is due (`getLockedNotionalValue`)."""
        return multiply(multiply(abs(self.size), price), self.market.locked_oi_ratio)


@dataclass(frozen=True, slots=True)
class SynthetixV3Rule:
    """The solvency test of one account; USD and sizes with 18 decimals, snxUSD counts as one dollar.

    `interest_rate` is per year on locked notional, of which positions owe what they hold since
    `interest_time`. Power is the available margin (discounted collateral, profit, funding and interest, less
    debt), requirement is the maintenance margin with the liquidation reward; of an account without positions
    it is the reward alone, where there is debt. Health is their ratio rounded down. `handle` is None in rules
    that were stored before actions were known.
    """

    family: ClassVar[str] = "synthetix_v3"

    usd: AssetId
    usd_amount: int
    debt: int
    collaterals: tuple[Collateral, ...]
    positions: tuple[PositionState, ...]
    rewards: Rewards
    interest_rate: int
    interest_time: int
    flagged: bool
    handle: Handle | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Each market's index price, then each synth's."""
        return (*(one.feed for one in self.positions), *(one.feed for one in self.collaterals))

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The delegators of the pool that backs the market: what an account can't pay is their debt."""
        return (LossBearer.POOL,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "it becomes debt of the vaults that back the market, in proportion to their shares, which are "
            "not kept with the account"
        )

    def interest_since(self, time: int) -> int:
        """Interest per dollar of locked notional since `interest_time`; ValueError on an earlier time."""
        if time < self.interest_time:
            raise ValueError(f"interest at {time} is asked for, but was read at {self.interest_time}")
        return multiply(self.interest_rate, (time - self.interest_time) * WAD // YEAR_SECONDS)

    def profit(self, position: PositionState, price: int, time: int) -> int:
        """Profit of a position with funding and interest (`getPnl`)."""
        owed = multiply(position.locked(price), position.interest + self.interest_since(time))
        return position.price_profit(price) + position.funding(price, time) - owed

    def collateral_value(self, prices: Mapping[AssetId, int]) -> int:
        """All collateral without discount (`getTotalCollateralValue`)."""
        return self.usd_amount + sum(one.value(prices[one.feed.asset]) for one in self.collaterals)

    def available_margin(self, prices: Mapping[AssetId, int], time: int) -> int:
        """`getAvailableMargin`; may be negative."""
        counted = sum(one.counted(prices[one.feed.asset]) for one in self.collaterals)
        profit = sum(self.profit(one, prices[one.feed.asset], time) for one in self.positions)
        return self.usd_amount + counted + profit - self.debt

    def requirement(self, prices: Mapping[AssetId, int]) -> int:
        """What `available_margin` may not fall below: maintenance margin and liquidation reward."""
        value = self.collateral_value(prices)
        if not self.positions:
            return self.rewards.margin_only(value) if self.debt else 0
        maintenance = flag_rewards = windows = 0
        for one in self.positions:
            price = prices[one.feed.asset]
            maintenance += one.market.maintenance_margin(one.size, price)
            flag_rewards += one.market.flag_reward(one.size, price)
            windows = max(windows, one.market.windows(one.size))
        return maintenance + self.rewards.whole(flag_rewards, windows, value)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at other prices and a later time; raises UnusablePrice on a price <= 0.

        Raises ValueError on a time before the block's.
        """
        for feed in self.feeds:
            if prices[feed.asset] <= 0:
                raise UnusablePrice(feed.asset, feed.origin, prices[feed.asset])
        power, required = self.available_margin(prices, time), self.requirement(prices)
        return Health(
            power=power,
            requirement=required,
            decimals=DECIMALS,
            health=power * WAD // required if required else None,
            liquidatable=self.flagged or required > power,
        )

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule."""
        return flips(self, prices, time, asset)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """See ClosableRule and `closing.close_out`; accounts are liquidated as a whole, without `market`."""
        from adapters.synthetix_v3.closing import close_out  # noqa: PLC0415  # it makes rules itself

        return close_out(self, prices, time, market)

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule and `acting.apply`."""
        from adapters.synthetix_v3.acting import apply  # noqa: PLC0415  # it makes rules itself

        return apply(self, prices, time, action)

    def calls(
        self,
        action: Action,
        hands: Hands,  # noqa: ARG002  # the perps market knows who may act by the sender
    ) -> Sequence[UnsignedCall] | Untold:
        """See CallableRule and `acting.calls_of`."""
        from adapters.synthetix_v3.acting import calls_of  # noqa: PLC0415  # it takes rules

        return calls_of(self, action)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for SynthetixV3Family.load."""
        from adapters.synthetix_v3.stored import to_json  # noqa: PLC0415  # it reads rules, too

        return to_json(self)
