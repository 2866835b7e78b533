"""A pool fed by hand: what its calls answer, and what the adapter reads of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.aave_v3 import calls
from adapters.aave_v3.adapter import build
from adapters.aave_v3.interest import RAY
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from aggregator.contract import Call, Deployment, Deployments
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address
from tests.adapters.aave_v3.kit import CHAIN, START, listed
from tests.adapters.by_hand import Driven, Reply, drive_by_hand


def address(digit: str) -> Address:
    """One that is easy to tell from others."""
    return Address("0x" + digit * 40)


POOL, PROVIDER, ORACLE, WALLET = (address(d) for d in "1234")
WETH, USDC = address("a"), address("b")
NOBODY = address("0")
BLOCK = Block(CHAIN, 1, "0x" + "1" * 64, "0x" + "2" * 64, START)
ACTIVE, PAUSED, VIRTUAL = 1 << 56, 1 << 60, 1 << 252
BONUS, FEE = 10_500 << 32, 1_000 << 152
FLASH = 1 << 63
CASH = 10**30


def a_token(asset: Address) -> Address:
    """Where the aToken of an asset is in these tests; the debt tokens are beside it."""
    return Address(asset[:-1] + "1")


def debt_token(asset: Address) -> Address:
    """The variable debt token."""
    return Address(asset[:-1] + "2")


def stable_token(asset: Address) -> Address:
    """The stable debt token."""
    return Address(asset[:-1] + "3")


@dataclass
class Pool:
    """A pool with 10 WETH of the wallet at 2000 and 12,000 USDC of debt, and how it may be odd."""

    revision: int = 10
    # Reserve ids 0 and 2: id 1 was dropped. Flags: collateral is bit 2*id + 1, debt bit 2*id.
    flags: int = 0b01_00_10
    emode: int = 0
    collateral: int = 20_000 * 10**8
    debt: int = 12_000 * 10**8
    health: int = 1_375_000_000_000_000_000
    configuration: dict[Address, int] = field(
        default_factory=lambda: {
            WETH: 8_250 << 16 | 18 << 48 | BONUS | FEE | ACTIVE | VIRTUAL,
            USDC: 8_000 << 16 | 6 << 48 | BONUS | FEE | ACTIVE | VIRTUAL,
        }
    )
    price: dict[Address, Reply] = field(default_factory=lambda: {WETH: (2_000 * 10**8,), USDC: (10**8,)})
    supplied: dict[Address, int] = field(default_factory=lambda: {WETH: 10 * 10**18, USDC: 0})
    owed: dict[Address, int] = field(default_factory=lambda: {WETH: 0, USDC: 12_000 * 10**6})
    grace: dict[Address, int] = field(default_factory=lambda: {WETH: 0, USDC: 0})
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    def replies(self) -> dict[Call[Any], Reply]:
        """What this pool answers."""
        said: dict[Call[Any], Reply] = {
            calls.REVISION.at(POOL): (self.revision,),
            calls.RESERVES.at(POOL): ([WETH, USDC],),
            calls.PRICE_ORACLE.at(PROVIDER): (ORACLE,),
            calls.POOL.at(PROVIDER): (POOL,),
            calls.SENTINEL.at(PROVIDER): (NOBODY,),
            calls.USER_CONFIGURATION.at(POOL, WALLET): (self.flags,),
            calls.USER_EMODE.at(POOL, WALLET): (self.emode,),
            calls.ACCOUNT_DATA.at(POOL, WALLET): (self.collateral, self.debt, 0, 8_250, 8_000, self.health),
            calls.BASE_CURRENCY.at(ORACLE): (NOBODY,),
            calls.BASE_UNIT.at(ORACLE): (10**8,),
            calls.FLASH_PREMIUM.at(POOL): (5,),
            calls.EMODE_LTV_ZERO.at(POOL, self.emode): (0,),
        }
        for number, asset in ((0, WETH), (2, USDC)):
            data = (self.configuration[asset], RAY, 0, RAY, 0, 0, START, number)
            tokens = (a_token(asset), stable_token(asset), debt_token(asset), NOBODY)
            said |= {
                calls.RESERVE_DATA.at(POOL, asset): (*data, *tokens, 0, 0, 0),
                calls.PRICE.at(ORACLE, asset): self.price[asset],
                calls.GRACE_UNTIL.at(POOL, asset): (self.grace[asset],),
                calls.SCALED_BALANCE.at(a_token(asset), WALLET): (self.supplied[asset],),
                calls.SCALED_BALANCE.at(debt_token(asset), WALLET): (self.owed[asset],),
                calls.VIRTUAL_BALANCE.at(POOL, asset): (CASH,),
                calls.BALANCE.at(asset, a_token(asset)): (CASH,),
                calls.BALANCE.at(asset, WALLET): (0,),
                calls.SYMBOL.at(asset): ({WETH: "WETH", USDC: "USDC"}[asset],),
                calls.STABLE_PRINCIPAL.at(stable_token(asset), WALLET): (0,),
                calls.STABLE_RATE.at(stable_token(asset), WALLET): (0,),
                calls.STABLE_UPDATED.at(stable_token(asset), WALLET): (0,),
            }
        return said | self.more


ENTRY = Deployment("aave_v3", CHAIN, "Market", {"pool": POOL, "addresses_provider": PROVIDER}, "a test")


def read(pool: Pool, entry: Deployment = ENTRY) -> Driven[Reading]:
    """What the adapter reads of the wallet."""
    adapter = build(Deployments((entry,), (listed(WETH, "WETH listed", 18),)))
    return drive_by_hand(adapter.read(entry, WALLET, BLOCK), pool.replies())


def rule_of(pool: Pool) -> LiquidatableAaveRule:
    """The rule that comes of it."""
    [account] = read(pool).result.accounts
    assert isinstance(account.rule, LiquidatableAaveRule)
    return account.rule
