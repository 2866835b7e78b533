"""Plans beside a vault of Perp Curie that takes little more, sent to the contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from aggregator import app
from aggregator.model.actions import Deposit
from aggregator.model.plans import Targets
from tests.devnet.errors import TransactionReverted
from tests.planning.executing import proved

if TYPE_CHECKING:
    from tests.devnet.world import World

ROOM = 100


def test_a_deposit_fills_the_vault_to_its_cap_at_most(perps_devnet: World) -> None:
    """The wallet has plenty, and the target needs more than the cap leaves."""
    world, user = perps_devnet, perps_devnet.spare[0]
    curie = world.perp_curie
    curie.deposit(user, "USDC", 1_000)
    curie.open(user, "vETH", round(Decimal(8_000) / world.prices.quotes.usd("ETH"), 6))
    world.tokens.mint("USDC", user, 5_000)
    world.node.set_balance(user, 0)
    held = world.tokens.balance("USDC", curie.vault.address)
    curie.config.send("setSettlementTokenBalanceCap", held + ROOM * 10**6)
    targets = Targets(floor=1.0, health=4.0, kappa=0.0)
    plan, steps = proved(
        world, user, app.PlanRequest(targets, only=("deposit",), gas_usd=0.05, estimates=False)
    )
    assert plan.status == "infeasible"
    assert [step.action for step in steps] == ["deposit"]
    posted = [step.amount for step in plan.steps if isinstance(step.move, Deposit)]
    assert [one.raw for one in posted if one] == [ROOM * 10**6]
    with pytest.raises(TransactionReverted, match="V_GTSTBC"):
        curie.deposit(user, "USDC", 1)
