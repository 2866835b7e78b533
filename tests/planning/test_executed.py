"""Plans as real transactions: all succeed, every account is as predicted, floors and targets hold.

The contracts are Aave 3.6 and 3.0.1, Morpho Blue, Synthetix Perps V2, Perp Curie, Lyra and Uniswap V3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from aggregator import app
from aggregator.model.plans import Targets
from aggregator.model.rules import WAD
from aggregator.model.units import parse_address
from tests.devnet.curie import PerpCurie
from tests.devnet.execute import TOLERANCE_BPS, Executor
from tests.devnet.flash import executor_of
from tests.devnet.world import PROTOCOLS, World
from tests.planning.executing import proved
from tests.planning.random_wallets import Seeder
from tests.volume import THOROUGH, volume

SEEDS = volume(2, 60)
PLANNED = 20
"""Of the wallets of the thorough run that a feasible plan with steps must be found for, at least."""


@pytest.fixture(scope="module")
def planned_world() -> Iterator[World]:
    """A chain with everything that plans are proved on."""
    with World.start(protocols=(*PROTOCOLS, PerpCurie)) as world:
        yield world


@pytest.fixture
def chain(planned_world: World) -> Iterator[World]:
    """The same for one test, undone after it."""
    with planned_world.isolated():
        yield planned_world


@pytest.mark.parametrize("target", volume([2.5], [1.6, 2.5, 4.0]))
def test_the_wallet_of_three_protocols(chain: World, target: float) -> None:
    """Lending, perps and options, each repaired by itself."""
    request = app.PlanRequest(Targets(health=target, kappa=2.0), estimates=False)
    plan, steps = proved(chain, chain.wallets["hedged"], request)
    assert plan.status == "feasible"
    assert len(steps) > 1


def test_margin_that_a_perp_ties_up(chain: World) -> None:
    """A part of the perp is closed, so that its venue lets out what repays a debt elsewhere."""
    user = chain.spare[0]
    chain.aave_v36.supply(user, "WETH", Decimal(10))
    spent = Decimal(chain.aave_v36.account_data(user).available_borrows_base).scaleb(-8) * Decimal("0.9")
    chain.aave_v36.borrow(user, "USDC", round(spent, 6))
    chain.tokens.spend("USDC", user, chain.wallets["empty"], round(spent, 6))
    curie = chain.get(PerpCurie)
    curie.deposit(user, "USDC", Decimal(4_000))
    curie.open(user, "vETH", round(Decimal(34_000) / chain.prices.quotes.usd("ETH"), 6))
    chain.prices.refresh()
    [lent] = [one for one in Executor(chain).read(user).accounts if one.protocol == "aave_v3"]
    assert lent.reported is not None
    assert lent.reported.health is not None
    health = round(lent.reported.health / WAD * 1.07, 4)
    targets = Targets(floor=1.0, health=health, kappa=0.0)
    request = app.PlanRequest(targets, only=("repay", "withdraw", "reduce"), gas_usd=0.5, estimates=False)
    answer = app.read_with_markets(app.Selection((parse_address(user),)), Executor(chain).config)
    [short] = app.repair(answer, replace(request, only=("repay", "withdraw")))
    assert short.status == "infeasible"
    plan, steps = proved(chain, user, request)
    assert plan.status == "feasible"
    assert [step.action for step in steps] == ["trade", "withdraw", "repay"]


def request_of(world: World, user: str, random: Random) -> app.PlanRequest:
    """Random targets and limits; with an executor of flash bundles sometimes."""
    targets = Targets(
        floor=random.choice([1.0, 1.02, 1.05]),
        health=random.choice([1.25, 1.5, 2.0, 3.0]),
        kappa=random.choice([0.0, 0.5, 1.25]),
    )
    executor = executor_of(world, user).address if random.random() < 0.35 else None
    return app.PlanRequest(
        targets,
        hedge=random.random() < 0.3,
        gas_usd=random.choice([0.05, 1.0, 5.0]),
        executor=None if executor is None else parse_address(executor),
        estimates=False,
    )


def test_random_wallets(planned_world: World) -> None:
    """Over one to four protocols; what is infeasible comes as near as it says."""
    seen: Counter[str] = Counter()
    worst = 0.0
    for seed in range(SEEDS):
        random = Random(f"plan {seed}")
        user = planned_world.spare[seed % len(planned_world.spare)]
        with planned_world.isolated():
            seeder = Seeder(planned_world, user, random)
            seeder.open()
            plan, steps = proved(planned_world, user, request_of(planned_world, user, random))
        seen[plan.status] += 1
        seen["planned"] += plan.status == "feasible"
        seen["steps"] += len(steps)
        seen["transactions"] += sum(step.sent for step in steps)
        seen.update(f"action {step.action}" for step in steps)
        seen.update(f"protocol {name}" for name in seeder.opened if steps)
        worst = max([worst, *(step.worst_bps for step in steps)])
        seen["within the ends alone"] += sum(
            one.bps > TOLERANCE_BPS for step in steps for one in step.accounts
        )
    figures = f"{dict(seen)}, worst {worst:.4f} bp"
    assert seen["steps"] > SEEDS, figures
    if THOROUGH:
        assert seen["planned"] >= PLANNED, figures
        assert min(seen["action flash"], seen["action trade"]) > 0, figures
