"""Replies of Compound's contracts by hand, and what the adapter reads from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.compound_v2 import calls
from adapters.compound_v2.adapter import build
from adapters.compound_v2.comptroller import MULTICALL3
from aggregator.contract import Call, Deployment, Deployments
from aggregator.model.errors import CallReverted
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address, ChainId
from tests.adapters.by_hand import Driven, Reply, drive_by_hand

CHAIN, START, NUMBER = ChainId(1), 1_793_491_200, 20_000_000


def address(digit: str) -> Address:
    """One of a digit alone."""
    return Address("0x" + digit * 40)


COMPTROLLER, ORACLE, WALLET, C_ETH, C_USDC, USDC = (address(digit) for digit in "123abc")
BLOCK = Block(CHAIN, NUMBER, "0x" + "1" * 64, "0x" + "2" * 64, START)
HERE = Deployment(
    "compound_v2",
    CHAIN,
    "Compound V2",
    {"comptroller": COMPTROLLER, "native_market": C_ETH},
    "a test",
    options={"seconds_per_block": "12"},
)
MISSING = CallReverted("a call", "")
# A million tokens, half of them lent; a cToken with 8 decimals is worth 0.02.
UNITS = {C_ETH: 10**18, C_USDC: 10**6}
SUPPLY = 50_000_000 * 10**8


@dataclass
class Compound:
    """A comptroller with 10 ETH of the wallet at 2000 and 12,000 USDC of debt, and how it may be odd."""

    entered: tuple[Address, ...] = (C_ETH, C_USDC)
    tokens: dict[Address, int] = field(default_factory=lambda: {C_ETH: 500 * 10**8, C_USDC: 0})
    owed: dict[Address, int] = field(default_factory=lambda: {C_ETH: 0, C_USDC: 12_000 * 10**6})
    price: dict[Address, Reply] = field(default_factory=lambda: {C_ETH: (2_000 * WAD,), C_USDC: (10**30,)})
    liquidity: tuple[int, int, int] = (0, 4_000 * WAD, 0)
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    def replies(self) -> dict[Call[Any], Reply]:
        """What these contracts answer."""
        at = COMPTROLLER
        said: dict[Call[Any], Reply] = {
            calls.BLOCK_NUMBER.at(MULTICALL3): (NUMBER,),
            calls.ALL_MARKETS.at(at): ([C_ETH, C_USDC],),
            calls.ORACLE.at(at): (ORACLE,),
            calls.CLOSE_FACTOR.at(at): (WAD // 2,),
            calls.INCENTIVE.at(at): (108 * 10**16,),
            calls.VAI_CONTROLLER.at(at): MISSING,
            calls.LIQUIDATOR.at(at): MISSING,
            calls.PROTOCOL_PAUSED.at(at): MISSING,
            calls.SEIZE_PAUSED.at(at): (False,),
            calls.ASSETS_IN.at(at, WALLET): (list(self.entered),),
            calls.ACCOUNT_LIQUIDITY.at(at, WALLET): self.liquidity,
            calls.UNDERLYING.at(C_USDC): (USDC,),
            calls.SEIZE_SHARE.at(C_USDC): (28 * 10**15,),
            calls.DECIMALS.at(USDC): (6,),
            calls.SYMBOL.at(USDC): ("USDC",),
        }
        for market, unit in UNITS.items():
            said |= {
                calls.MARKET.at(at, market): (True, 80 * 10**16, True),
                calls.DEPRECATED.at(at, market): (False,),
                calls.PRICE.at(ORACLE, market): self.price[market],
                calls.ACCRUAL_BLOCK.at(market): (NUMBER - 100,),
                calls.RATE_PER_BLOCK.at(market): (10**10,),
                calls.BORROW_INDEX.at(market): (WAD,),
                calls.TOTAL_BORROWS.at(market): (500_000 * unit,),
                calls.TOTAL_RESERVES.at(market): (0,),
                calls.CASH.at(market): (500_000 * unit,),
                calls.TOTAL_SUPPLY.at(market): (SUPPLY,),
                calls.EXCHANGE_RATE.at(market): (10**6 * unit * WAD // SUPPLY,),
                calls.RESERVE_FACTOR.at(market): (WAD // 10,),
                calls.SNAPSHOT.at(market, WALLET): (
                    *(0, self.tokens[market], self.owed[market], 10**6 * unit * WAD // SUPPLY),
                ),
            }
        return said | self.more


def read(compound: Compound, here: Deployment = HERE) -> Driven[Reading]:
    """What the adapter reads of the wallet."""
    return drive_by_hand(build(Deployments((here,), ())).read(here, WALLET, BLOCK), compound.replies())
