"""Random liquidations on the real contracts: every amount and every refusal, on V3.0.1 and V3.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adapters.aave_v3.liquidations import Liquidations
from tests.adapters.aave_v3.states import Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

WALLETS = 12
CASES = 17


def _open(market: Aave, wallets: Sequence[str], seed: int) -> None:
    """Accounts of all kinds: one or two collaterals, one to three debts, small and large, in eMode."""
    changes = Changes(market, seed)
    for number, wallet in enumerate(wallets):
        usd = (1_500, 3_000, 8_000, 90_000)[number % 4]
        first = ("WETH", "WBTC", "wstETH")[number % 3]
        market.supply(wallet, first, changes.amount(first, usd))
        if number % 5 == 4:
            market.supply(wallet, "USDC", changes.amount("USDC", usd / 2))
        if number % 3 == 2 and number % 5 != 4:
            market.set_emode(wallet, 1)
            market.borrow(wallet, "WETH", changes.amount("WETH", usd * 0.8))
            continue
        debts = [("USDC",), ("USDC", "DAI"), ("DAI", "USDC", "WETH")][number // 2 % 3]
        for part, debt in zip((0.5, 0.1, 0.05), debts, strict=False):
            market.borrow(wallet, debt, changes.amount(debt, usd * part))


@pytest.mark.parametrize(
    ("choose", "seed"),
    [
        pytest.param(lambda world: world.aave_v301, 301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, 36, id="v3.6"),
    ],
)
def test_random_liquidations(devnet: World, choose: Callable[[World], Aave], seed: int) -> None:
    """Repaid, seized, fee, bad debt, what remains and its health to the wei; the same refusals."""
    market = choose(devnet)
    wallets = devnet.spare[:WALLETS]
    _open(market, wallets, seed)
    if market is devnet.aave_v301:
        for wallet in (wallets[0], wallets[3]):
            devnet.aave_v301.borrow_stable(wallet, "USDC", 200)
    devnet.node.warp(11 * 86_400 + 7)
    liquidations = Liquidations(devnet, market, seed)
    for wallet in wallets:
        rule = liquidations.rule(wallet)
        for _ in range(CASES):
            liquidations.case(wallet, rule)
    seen = liquidations.seen
    # Below what these seeds give.
    enough = {"liquidated": 100, "half at most": 15, "all collateral": 15, "all debt": 2, "emode": 20}
    enough |= {"both sides": 3, "healthfactornotbelowthreshold": 10, "collateralcannotbeliquidated": 1}
    enough |= {"specifiedcurrencynotborrowedbyuser": 1, "invalidburnamount": 3}
    if market is devnet.aave_v301:
        enough["stable"] = 10
    else:
        enough |= {"bad debt": 10, "mustnotleavedust": 10, "fee cut by rounding": 1}
    for kind, least in enough.items():
        assert seen[kind] >= least, (kind, seen)
