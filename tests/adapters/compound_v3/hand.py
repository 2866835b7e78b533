"""A comet's replies by hand, and what the adapter reads from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.compound_v3 import calls
from adapters.compound_v3.adapter import build
from adapters.compound_v3.interest import INDEX_SCALE
from adapters.compound_v3.margin import CometRule
from adapters.compound_v3.market import PAUSES
from aggregator.contract import Call, Deployment, Deployments, Function
from aggregator.model.errors import CallReverted
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address
from tests.adapters.by_hand import Driven, Reply, drive_by_hand
from tests.adapters.compound_v3.kit import CHAIN, START, listed


def address(digit: str) -> Address:
    """One of a digit alone."""
    return Address("0x" + digit * 40)


COMET, WALLET = address("1"), address("4")
USDC, WETH, WBTC = (address(d) for d in "abc")
FEEDS = {USDC: address("7"), WETH: address("8"), WBTC: address("9")}
BLOCK = Block(CHAIN, 1, "0x" + "1" * 64, "0x" + "2" * 64, START)
USED = 85 * WAD // 100
RATE = WAD // 31_536_000 // 20
REVERTED = CallReverted("getPrice(address)@0x…", "0x…")


@dataclass
class Comet:
    """A comet with 10 WETH of the wallet at 2000 and 12,000 USDC of debt, and how it may be odd."""

    scale: int = 10**6
    count: int = 2
    cash: int = 10**12
    totals: tuple[int, ...] = (INDEX_SCALE, INDEX_SCALE, 0, 0, 10**12, 10**12, START, 0)
    user: tuple[int, ...] = (-12_000 * 10**6, 0, 0, 0b01, 0)
    supplied: int = 0
    owed: int = 12_000 * 10**6
    liquidatable: Reply = (False,)
    held: dict[Address, int] = field(default_factory=lambda: {WETH: 10 * WAD, WBTC: 0})
    price: dict[Address, Reply] = field(
        default_factory=lambda: {USDC: (10**8,), WETH: (2_000 * 10**8,), WBTC: (40_000 * 10**8,)}
    )
    paused: tuple[Function[bool], ...] = ()
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    def replies(self) -> dict[Call[Any], Reply]:
        """What this comet answers."""
        said: dict[Call[Any], Reply] = {
            calls.BASE_TOKEN.at(COMET): (USDC,),
            calls.BASE_FEED.at(COMET): (FEEDS[USDC],),
            calls.BASE_SCALE.at(COMET): (self.scale,),
            calls.ASSET_COUNT.at(COMET): (self.count,),
            calls.UTILIZATION.at(COMET): (USED,),
            calls.BALANCE.at(USDC, COMET): (self.cash,),
            calls.TOTALS.at(COMET): self.totals,
            calls.SUPPLY_RATE.at(COMET, USED): (RATE,),
            calls.BORROW_RATE.at(COMET, USED): (2 * RATE,),
            calls.USER_BASIC.at(COMET, WALLET): self.user,
            calls.SUPPLIED.at(COMET, WALLET): (self.supplied,),
            calls.OWED.at(COMET, WALLET): (self.owed,),
            calls.LIQUIDATABLE.at(COMET, WALLET): self.liquidatable,
            **{function.at(COMET): (function in self.paused,) for function in PAUSES},
            **{calls.SYMBOL.at(a): (s,) for a, s in ((USDC, "USDC"), (WETH, "WETH"), (WBTC, "WBTC"))},
            **{calls.PRICE.at(COMET, FEEDS[asset]): price for asset, price in self.price.items()},
        }
        for i, (asset, scale, factor) in enumerate(((WETH, WAD, 90), (WBTC, 10**8, 77))):
            factors = (factor * WAD // 100 - 1, factor * WAD // 100, 95 * WAD // 100)
            said |= {
                calls.ASSET_INFO.at(COMET, i): (i, asset, FEEDS[asset], scale, *factors, 10**30),
                calls.COLLATERAL_TOTAL.at(COMET, asset): (10**29, 0),
                calls.USER_COLLATERAL.at(COMET, WALLET, asset): (self.held[asset], 0),
                calls.COLLATERAL.at(COMET, WALLET, asset): (self.held[asset],),
            }
        return said | self.more


ENTRY = Deployment("compound_v3", CHAIN, "Comet", {"comet": COMET}, "a test", options={"quote": "usd"})
LISTED = (listed(WETH, "WETH listed", 18, "ETH"),)


def read(comet: Comet, entry: Deployment = ENTRY) -> Driven[Reading]:
    """What the adapter reads of the wallet."""
    adapter = build(Deployments((entry,), LISTED))
    return drive_by_hand(adapter.read(entry, WALLET, BLOCK), comet.replies())


def rule_of(comet: Comet, entry: Deployment = ENTRY) -> CometRule:
    """The rule that comes of it."""
    [account] = read(comet, entry).result.accounts
    assert isinstance(account.rule, CometRule)
    return account.rule
