"""Plans as real transactions: all succeed, every account is as predicted, floors and targets hold.

The contracts are Aave 3.6 and 3.0.1, Morpho Blue, Synthetix Perps V2, Perp Curie, Lyra and Uniswap V3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from aggregator import app
from aggregator.model.plans import Targets
from aggregator.model.units import parse_address
from tests.devnet.curie import PerpCurie
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
    figures = f"{dict(seen)}, worst {worst:.4f} bp"
    assert seen["steps"] > SEEDS, figures
    if THOROUGH:
        assert seen["planned"] >= PLANNED, figures
        assert min(seen["action flash"], seen["action trade"]) > 0, figures
