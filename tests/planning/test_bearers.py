"""Bad debts of several accounts in one market: reserves are spent once, collateral stays what it is."""

from __future__ import annotations

import pytest

from aggregator.model.accounts import Account
from aggregator.model.cascades import Cascaded
from aggregator.model.positions import Supply
from aggregator.planning import impact
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.scenarios import CustomScenario
from tests.planning.plain import borrower
from tests.risk.builders import COINS, account, portfolio, raw, scenarios

BAD = 38_000 - 20_000 / 1.05
HALF = CustomScenario("half", {"ETH": -0.5})
UP = CustomScenario("up", {"ETH": 0.3})


def owing(name: str, market: str = "pool") -> Account:
    """Can't pay 18,952 dollars once ether is worth half."""
    return borrower(
        f"compound_v2:1:{market}:{name}",
        10,
        38_000,
        owes="USDC",
        threshold=0.9,
        reserves=raw(1_000),
        supplied=raw(100_000),
    )


def lending(name: str, amount: float) -> Account:
    lent = Supply(COINS["USDC"].asset, raw(amount), is_collateral=False, origin="lent")
    return account(f"compound_v2:1:pool:{name}", lent)


def run(*accounts: Account, path: tuple[CustomScenario, ...] = (HALF,)) -> Cascaded:
    return cascade(portfolio(*accounts), path, scenarios=scenarios(), terms=Terms(impact.none))


def test_reserves_are_spent_once() -> None:
    """Two accounts of one market: the first takes all reserves, and the second's share is of what is left."""
    found = run(owing("one"), owing("two"), lending("mine", 10_000))
    first, second = (dict(step.borne) for step in found.cascade.steps)
    assert first["insurance_fund"] == pytest.approx(1_000)
    assert "insurance_fund" not in second
    # A tenth of the market is the wallet's, whatever comes first.
    assert found.cascade.own_share_usd == pytest.approx((2 * BAD - 1_000) / 10)
    [left] = found.final.accounts
    [lent] = left.positions
    assert isinstance(lent, Supply)
    assert lent.raw / 1e18 == pytest.approx(10_000 - (2 * BAD - 1_000) / 10)


def test_other_markets_have_reserves_of_their_own() -> None:
    """Of another comptroller nothing is spent yet."""
    found = run(owing("one"), owing("two", "elsewhere"))
    assert [dict(step.borne)["insurance_fund"] for step in found.cascade.steps] == pytest.approx([1_000] * 2)


def test_a_supply_that_secures_a_debt_keeps_what_its_protocol_counts() -> None:
    """Its share is not known to be lost, and said; it is liquidated later by all of its collateral."""
    secured = borrower("compound_v2:1:pool:secured", 10_000, 2.2, of="USDC", owes="ETH", threshold=0.9)
    found = run(owing("one"), secured, path=(HALF, UP))
    steps = found.cascade.steps
    assert [step.account_id.rpartition(":")[2] for step in steps] == ["one", "secured"]
    assert steps[1].liquidated_usd == pytest.approx(10_000)
    assert found.cascade.own_share_usd == 0.0
    assert any("falls to the collateral of compound_v2:1:pool:secured" in told for told in found.cascade.told)
    unsecured = run(owing("one"), lending("free", 10_000))
    assert unsecured.cascade.own_share_usd == pytest.approx((BAD - 1_000) / 10)
