"""Hedges that are opened, and trades that share a market, as transactions: every account is as predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from aggregator import app
from aggregator.model.actions import Deposit, Trade
from aggregator.model.plans import Plan, Targets
from aggregator.model.units import parse_address
from aggregator.reading.recording import Recording
from tests.devnet.curie import PerpCurie
from tests.devnet.execute import Executor
from tests.devnet.lyra import Kind
from tests.devnet.world import PROTOCOLS, World
from tests.planning.executing import proved

KAPPA = 3.5
"""What the whole must survive; without a hedge it survives less."""


@pytest.fixture(scope="module")
def opening_world() -> Iterator[World]:
    """A chain with everything that plans are proved on."""
    with World.start(protocols=(*PROTOCOLS, PerpCurie)) as world:
        yield world


@pytest.fixture
def chain(opening_world: World) -> Iterator[World]:
    """The same for one test, undone after it."""
    with opening_world.isolated():
        yield opening_world


def borrower(world: World) -> str:
    """A wallet with 10 WETH on Aave that owes 14,500 USDC, and has spent them."""
    user = world.spare[0]
    world.node.set_balance(user, 5 * 10**16)
    world.aave_v36.supply(user, "WETH", 10)
    world.aave_v36.borrow(user, "USDC", 14_500)
    world.tokens.spend("USDC", user, world.wallets["empty"], 14_500)
    return user


def hedged(*only: str, kappa: float = KAPPA) -> app.PlanRequest:
    """The whole must survive more, and hedges are allowed."""
    return app.PlanRequest(Targets(health=1.05, kappa=kappa), only=only, hedge=True, estimates=False)


def opened(plan: Plan) -> list[Trade]:
    """The trades of a plan."""
    return [step.move for step in plan.steps if isinstance(step.move, Trade)]


def test_a_short_is_opened_where_nothing_was(chain: World) -> None:
    """No account on Curie: USDC of the wallet are posted there, and vETH is sold."""
    user = borrower(chain)
    chain.tokens.mint("USDC", user, 4_000)
    plan, _ = proved(chain, user, hedged("deposit", "perp_curie"))
    assert plan.status == "feasible"
    assert plan.after.kappa == pytest.approx(KAPPA, rel=1e-4)
    assert [type(step.move) for step in plan.steps] == [Deposit, Trade]
    [trade] = opened(plan)
    assert trade.market == "vETH"
    assert trade.size_raw < 0


def test_a_short_is_opened_with_free_margin(chain: World) -> None:
    """Margin of Perps V2 in the same market, without a position: only the trade is needed."""
    user = borrower(chain)
    chain.synthetix.deposit(user, "sETHPERP", 3_000)
    plan, _ = proved(chain, user, hedged("deposit", "synthetix_perps_v2"))
    assert plan.status == "feasible"
    assert plan.after.kappa == pytest.approx(KAPPA, rel=1e-4)
    assert [type(step.move) for step in plan.steps] == [Trade]
    assert opened(plan)[0].size_raw < 0


def test_margin_of_another_market_pays_for_a_hedge(chain: World) -> None:
    """Margin of Perps V2 lies in the market of BTC: it is withdrawn, posted for ETH, and ETH is sold."""
    user = borrower(chain)
    chain.synthetix.deposit(user, "sBTCPERP", 3_000)
    plan, _ = proved(chain, user, hedged("deposit", "withdraw", "synthetix_perps_v2"))
    assert plan.status == "feasible"
    assert plan.after.kappa == pytest.approx(KAPPA, rel=1e-4)
    assert [trade.market for trade in opened(plan)] == ["sETHPERP"]


def test_two_shorts_of_one_market(chain: World) -> None:
    """The first that is bought back moves pool and volatility: the second pays what the plan says."""
    user, lyra = chain.spare[1], chain.lyra_v1
    chain.node.set_balance(user, 5 * 10**16)
    lyra.update_greeks()
    board = lyra.boards()[0]
    for strike in (2000, 2200):
        option = (int(Kind.SHORT_CALL_QUOTE), strike * 10**18, lyra.expiry(board), lyra.spot(), 40 * 10**18)
        least = lyra.greek_cache.call("getMinCollateral", *option)
        collateral = round(Decimal(least).scaleb(-18) * Decimal("1.1"), 4)
        lyra.open(user, lyra.strike_id(board, strike), Kind.SHORT_CALL_QUOTE, 40, collateral)
    lyra.spend_tokens(user)
    request = app.PlanRequest(Targets(health=1.6, kappa=0.0), only=("reduce",), estimates=False)
    plan, steps = proved(chain, user, request)
    assert plan.status == "feasible"
    assert [type(step.move) for step in plan.steps] == [Trade, Trade]
    assert len({step.account_id for step in plan.steps}) == 2
    assert max(step.worst_bps for step in steps) < 0.1


def test_a_recording_keeps_what_could_be_opened(chain: World, tmp_path: Path) -> None:
    """The plan of a replay is the same; without openings there is no hedge, and the state is the same."""
    user = borrower(chain)
    chain.tokens.mint("USDC", user, 4_000)
    path, config = tmp_path / "hedge.cmrec", Executor(chain).config
    chosen = app.Selection((parse_address(user),), openings=True)
    live = app.read_with_markets(chosen, config, record_to=path)
    replayed = app.replay_with_markets(Recording.parse(path.read_bytes(), "hedge"))
    request = hedged("deposit", "perp_curie", kappa=4.0)
    [plan], [again] = app.repair(live, request), app.repair(replayed, request)
    assert opened(plan)
    assert (plan.steps, plan.cost_usd) == (again.steps, again.cost_usd)
    plain = app.read_with_markets(replace(chosen, openings=False), config)
    assert plain.rounds == live.rounds
    [one], [other] = plain.portfolios, live.portfolios
    assert (one.accounts, one.spots, one.openable) == (other.accounts, other.spots, ())
    assert not any(isinstance(step.move, Trade) for step in app.repair(plain, hedged(kappa=4.0))[0].steps)
