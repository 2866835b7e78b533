"""What the real contracts do with one trader's action at a price, and nothing of it stays.

Multicall3 is the trader, since it makes the calls; another contract of its code is the keeper, so that an
order is submitted and executed at one time.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from aggregator.model.actions import Action, Deposit, Trade, Withdraw
from aggregator.model.rules import WAD
from tests.adapters.synthetix_perps_v2.books import at_price
from tests.adapters.synthetix_perps_v2.live import Site
from tests.devnet import multicall3
from tests.devnet.chain import bytes32
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.simulated import Outcome, Step, simulate
from tests.devnet.synthetix import ANY_BUYING_PRICE, ANY_SELLING_PRICE
from tests.devnet.synthetix_deploy import stand_ins
from tests.devnet.synthetix_pyth import OffchainPrices

KEEPER = "0xCa11000000000000000000000000000000000001"
MIN_AGE = 1


@dataclass(frozen=True)
class Word:
    """What the contracts say after an action, or why they refused; sUSD with 18 decimals.

    `paid` is what the trader paid (below zero: got), `fees` what the pool got, `keeper` what the keeper got.
    """

    refused: str | None
    position: dict[str, Any]
    skew: int
    size: int
    funding_rate: int
    funding_time: int
    paid: int
    fees: int
    keeper: int
    later: dict[str, Any]


class Desk:
    """A trader on one market."""

    def __init__(self, site: Site, market: str) -> None:
        self.site, self.market = site, market
        self.perps, self.chain = site.world.synthetix, site.world.chain
        site.world.node.set_code(KEEPER, site.world.node.code(MULTICALL3))
        self.keeper = self.chain.at(multicall3.ABI, KEEPER, "Keeper")
        self.prices = OffchainPrices(self.perps)
        self.pool = self.chain.at(
            stand_ins()["StandInFeePool"], self.perps.resolver.call("getAddress", bytes32("FeePool"))
        )
        self.perps.susd.send("issue", MULTICALL3, 10**30)

    def rule(self) -> TradablePerpsV2Rule:
        """The trader's rule, as the adapter reads it."""
        rule = self.site.rule(MULTICALL3.lower(), self.market)
        assert isinstance(rule, TradablePerpsV2Rule)
        return rule

    def act(self, action: Action, price: int, later: int) -> Word:
        """Do an action at a price, and ask for the position at another one."""
        market = self.perps.markets[self.market]
        state: list[Step] = [
            (market, "marketSkew", ()),
            (market, "marketSize", ()),
            (market, "fundingRateLastRecomputed", ()),
            (market, "fundingLastRecomputed", ()),
            (self.perps.susd, "balanceOf", (MULTICALL3,)),
            (self.pool, "feesPaid", ()),
            (self.perps.susd, "balanceOf", (KEEPER,)),
        ]
        details: Step = (self.perps.market_data, "positionDetails", (market.address, MULTICALL3))
        doing = self._doing(action, price)
        done = simulate(
            self.chain,
            [
                at_price(self.site, self.market, price),
                *state,
                *doing,
                *state,
                details,
                at_price(self.site, self.market, later),
                details,
            ],
        )
        before, done = done[1 : 1 + len(state)], done[1 + len(state) :]
        acted, done = done[: len(doing)], done[len(doing) :]
        skew, size, rate, time, purse, fees, keeper = (one.value for one in done[: len(state)])
        return Word(
            refused=self._refused(acted),
            position=done[len(state)].value["position"],
            skew=skew,
            size=size,
            funding_rate=rate,
            funding_time=time,
            paid=before[4].value - purse,
            fees=fees - before[5].value,
            keeper=keeper - before[6].value,
            later=done[-1].value,
        )

    def _doing(self, action: Action, price: int) -> list[Step]:
        market = self.perps.markets[self.market]
        match action:
            case Deposit(_, raw):
                return [(market, "transferMargin", (raw,))]
            case Withdraw(_, None):
                return [(market, "withdrawAllMargin", ())]
            case Withdraw(_, raw):
                assert raw is not None
                return [(market, "transferMargin", (-raw,))]
            case Trade(_, size):
                limit = ANY_BUYING_PRICE if size > 0 else ANY_SELLING_PRICE
                time = self.site.world.node.timestamp + MIN_AGE + 1
                data = self.prices.published(self.market, Decimal(price) / WAD, time)
                execute = market.encode("executeOffchainDelayedOrder", MULTICALL3, [data])
                return [
                    (market, "submitOffchainDelayedOrder", (size, limit)),
                    (self.keeper, "aggregate3", ([(market.address, True, execute)],)),
                ]
            case _:
                raise AssertionError(action)

    def _refused(self, acted: list[Outcome]) -> str | None:
        if acted[0].refused is not None or len(acted) == 1:
            return acted[0].refused
        [reply] = acted[1].value
        return None if reply["success"] else self.chain.errors.reason(reply["returnData"]) or "no reason"
