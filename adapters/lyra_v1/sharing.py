"""What trades of one short leave to other shorts of its market: the pool, and volatilities that they share.

Source: `_doTrade` of OptionMarket.sol and `updateStrikeExposureAndGetPrice` of OptionGreekCache.sol of
@lyrafinance/protocol 0.1.3-alpha. Cached Greeks and means stay those of the block, as for the short itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.lyra_v1.pool_value import AnyPool
from adapters.lyra_v1.premium import BuyBack, Vols
from aggregator.model.shared import SharedMarket


@dataclass(frozen=True, slots=True)
class MovedMarket(SharedMarket):
    """An option market after a trade in a strike of a board: `before` and `after` are of that series."""

    strike_id: int
    expiry: int
    before: Vols
    after: Vols
    pool: AnyPool

    def terms(self, terms: BuyBack, strike_id: int, expiry: int) -> BuyBack:
        """The terms of another short of the market.

        A board is told by its expiry and its volatility: the pool and all options' vega are everybody's.
        """
        vols = terms.vols._replace(net_std_vega=self.after.net_std_vega)
        if expiry == self.expiry and terms.vols.iv == self.before.iv:
            vols = vols._replace(iv=self.after.iv)
        if strike_id == self.strike_id:
            vols = vols._replace(skew=self.after.skew)
        return replace(terms, vols=vols, pool=self.pool)
