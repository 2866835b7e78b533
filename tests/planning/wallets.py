"""Made-up wallets with several accounts, and what they ask of a plan: the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import ClassVar

from aggregator.model.accounts import Account
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.plans import Targets
from aggregator.model.rules import Amount, JsonValue, Refused
from aggregator.model.spot_markets import SpotMarket, Swapped
from aggregator.model.units import Address, ChainId
from aggregator.planning.limits import DEFAULT_KINDS, KINDS, Charges, Limits
from aggregator.planning.problem import Problem
from aggregator.risk.scenarios import CustomScenario
from tests.planning.acting import flat, lender, trader
from tests.risk.builders import CHAIN, COINS, OTHER_CHAIN, few_draws, holding, portfolio, raw, wallet
from tests.risk.linear import FAMILIES

EXECUTOR = Address("0x" + "ee" * 20)


@dataclass(frozen=True, slots=True)
class ProductMarket:
    """Two sides whose product stays: the price gives way by what is sold; 30 basis points stay outside."""

    family: ClassVar[str] = "product"

    assets: tuple[AssetId, AssetId]
    pools: tuple[int, int]
    chain: ChainId = CHAIN
    label: str = "product"

    def swap(self, sold: Amount) -> Swapped | Refused:
        """See SpotMarket."""
        at = self.assets.index(sold.asset)
        here, there = self.pools[at], self.pools[1 - at]
        net = sold.raw * 9_970 // 10_000
        received = there * net // (here + net)
        pools = (here + net, there - received) if at == 0 else (there - received, here + net)
        if not received:
            return Refused("nothing")
        return Swapped(Amount(self.assets[1 - at], received), replace(self, pools=pools))

    def calls(self, sold: Amount, least: Amount, sender: Address, deadline: int) -> Untold:
        """None."""
        del sold, least, sender, deadline
        return Untold("it is nowhere")

    def to_json(self) -> dict[str, JsonValue]:
        """Never written."""
        raise NotImplementedError


def product(
    one: str, other: str, usd: float, *, chain: ChainId = CHAIN, label: str = "product"
) -> ProductMarket:
    """A market with so many dollars of either coin."""
    coins = COINS[one], COINS[other]
    sides = coins[0].asset.id, coins[1].asset.id
    return ProductMarket(sides, (raw(usd / coins[0].usd), raw(usd / coins[1].usd)), chain, label)


def problem(seed: int) -> Problem:
    """Accounts of two chains, some short of their targets, with markets, gas, limits and stresses."""
    random = Random(seed)
    accounts = [*_accounts(random), *_wallets(random)]
    kinds = DEFAULT_KINDS if random.random() < 0.8 else frozenset(KINDS)
    if random.random() < 0.3:
        kinds &= set(random.sample(KINDS, random.randint(3, len(KINDS))))
    floor = random.choice((1.0, 1.02, 1.1))
    return Problem(
        portfolio=portfolio(*accounts),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor, random.uniform(floor, 1.6), random.choice((0.0, 0.0, 0.5, 1.25))),
        limits=Limits(
            kinds=kinds,
            accounts=frozenset(a.id for a in accounts[:2]) if random.random() < 0.15 else None,
            most_cost_usd=random.choice((None, None, None, 5.0, 50.0, 500.0)),
            executors={CHAIN: EXECUTOR} if random.random() < 0.3 else {},
        ),
        charges=Charges(
            gas_usd={CHAIN: random.choice((0.0, 3.0, 20.0)), OTHER_CHAIN: random.choice((0.0, 0.1))},
            slippage=random.choice((Decimal(0), Decimal("0.001"))),
        ),
        markets={chain: _markets(random, chain) for chain in (CHAIN, OTHER_CHAIN)},
        stress=CustomScenario("ETH=-20%", {"ETH": -0.2}) if random.random() < 0.2 else None,
    )


def _accounts(random: Random) -> list[Account]:
    found: list[Account] = []
    for i in range(random.randint(1, 3)):
        usd = 10.0 ** random.uniform(-1.0, 6.0)
        coin, owed = random.choice((("ETH", "USDC"), ("wstETH", "ETH"), ("BTC", "DAI"), ("USDC", "ETH")))
        share = 0.8 * random.choice((random.uniform(0.2, 1.0), random.uniform(0.9, 1.1), 0.0))
        amounts = {coin: usd / COINS[coin].usd, owed: -usd * share / COINS[owed].usd}
        if random.random() < 0.3:
            amounts["LINK"] = usd * random.uniform(0.0, 0.5) / COINS["LINK"].usd
        made = lender(f"lender {i}", {k: v for k, v in amounts.items() if v})
        found.append(replace(made, chain=random.choice((CHAIN, CHAIN, OTHER_CHAIN))))
    for i in range(random.randint(0, 2)):
        size = random.choice((-1.0, 1.0)) * 10.0 ** random.uniform(-2.0, 2.5)
        margin = abs(size) * 4_000 * random.uniform(0.02, 0.3)
        made = trader(f"trader {i}", size, margin, maintenance=0.05, free=random.choice((0.0, 0.05)))
        found.append(replace(made, chain=random.choice((CHAIN, OTHER_CHAIN))))
    random.shuffle(found)
    return found


def _wallets(random: Random) -> list[Account]:
    found = []
    for chain in (CHAIN, OTHER_CHAIN):
        if random.random() < 0.75:
            coins = random.sample(("USDC", "ETH", "DAI", "LINK", "BTC"), random.randint(0, 3))
            held = [holding(c, 10.0 ** random.uniform(-2.0, 5.0) / COINS[c].usd) for c in coins]
            found.append(replace(wallet(*held, name=f"wallet {chain}"), chain=chain))
    return found


def _markets(random: Random, chain: ChainId) -> list[SpotMarket]:
    pairs = (("ETH", "USDC"), ("wstETH", "ETH"), ("BTC", "USDC"), ("USDC", "DAI"), ("LINK", "ETH"))
    found: list[SpotMarket] = []
    for one, other in pairs:
        if random.random() < 0.6:
            usd = 10.0 ** random.uniform(5.0, 8.0)
            found.append(product(one, other, usd, chain=chain, label=f"{one}/{other}"))
        if random.random() < 0.3:
            fee = random.choice((5, 100))
            found.append(replace(flat(one, other, fee), chain=chain, label=f"flat {one}/{other}"))
    return found
