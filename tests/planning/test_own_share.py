"""What is said of a loss that the wallet itself may have to bear, and is no number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from aggregator.model.close_outs import LossBearer
from aggregator.model.losses import Cover, DescribedLosses
from aggregator.model.positions import Supply
from aggregator.model.rules import Amount
from aggregator.planning.bearers import of_market, of_venue, shared
from aggregator.planning.valuation import Worth
from aggregator.risk.numbering import Numbering
from tests.planning.acting import LendingRule, lender
from tests.risk.builders import COINS, account, portfolio, raw, scenarios

DOLLAR = COINS["USD"].asset


@dataclass(frozen=True, slots=True)
class Described(LendingRule):
    """Says how a loss reaches suppliers, and with `supplied` how much there is."""

    supplied: int | None = None

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return "nothing is written down"

    def cover(self, debt: str, time: int) -> Cover:
        """See CoveredRule."""
        del debt, time
        return Cover(0, self.supplied)


def described(supplied: int | None = None) -> Described:
    rule = lender("aave_v3:1:pool:me", {"ETH": 1}).rule
    assert isinstance(rule, LendingRule)
    return Described(rule.weights, rule.cash, supplies=rule.supplies, supplied=supplied)


@pytest.mark.parametrize(("lent", "most"), [(200, "200.00"), (5_000, "1,000.00")])
def test_the_own_share_is_told_with_what_it_is_at_most(lent: int, most: str) -> None:
    """No more than was lent, no more than was lost, and why it is not a number."""
    rule, owing = described(), account("aave_v3:1:pool:me", Supply(DOLLAR, 1, False, "a test"))  # noqa: FBT003
    one = account("aave_v3:1:pool:you", Supply(DOLLAR, raw(lent), True, "a test"))  # noqa: FBT003
    one = replace(one, kind="lending")
    assert isinstance(rule, DescribedLosses)
    worth = Worth.of(portfolio(owing, one), Numbering(scenarios(), {}))
    borne = of_market(owing, [Amount(DOLLAR.id, raw(1_000))], rule, 0, {one.id: one}, worth, {})
    assert (borne.own_usd, borne.own) == (0.0, {})
    [told] = borne.told
    assert f"at most ${most}: nothing is written down" in told


def test_a_share_that_is_counted_says_what_the_protocol_does_not_do() -> None:
    """In proportion, though the protocol leaves claims as they are."""
    rule, owing = described(raw(10_000)), account("aave_v3:1:pool:me", Supply(DOLLAR, 1, False, "a test"))  # noqa: FBT003
    one = account("aave_v3:1:pool:you", Supply(DOLLAR, raw(2_000), True, "a test"))  # noqa: FBT003
    one = replace(one, kind="lending")
    worth = Worth.of(portfolio(owing, one), Numbering(scenarios(), {}))
    borne = of_market(owing, [Amount(DOLLAR.id, raw(1_000))], rule, 0, {one.id: one}, worth, {})
    assert borne.own_usd == pytest.approx(200.0)
    assert any("counted in proportion, though nothing is written down" in one for one in borne.told)


@pytest.mark.parametrize(
    ("bearers", "claims", "words"),
    [
        ((LossBearer.POOL,), 50.0, "at most $50.00"),
        ((LossBearer.INSURANCE_FUND, LossBearer.SOCIALISED_LOSS), 900.0, "at most $300.00"),
        ((LossBearer.INSURANCE_FUND,), 900.0, ""),
        ((LossBearer.POOL,), 0.0, ""),
    ],
)
def test_a_venues_loss_is_told_to_who_may_bear_it(
    bearers: tuple[LossBearer, ...], claims: float, words: str
) -> None:
    """Pools and everybody; an insurance fund is nobody's claim."""
    one = account("derive_v2:1:x:me", Supply(DOLLAR, 1, True, "a test"))  # noqa: FBT003
    told = of_venue(one, 300.0, bearers, described(), claims).told
    assert any("own share" in said and words in said for said in told) == bool(words)
    assert shared(bearers) == (LossBearer.SOCIALISED_LOSS in bearers)
