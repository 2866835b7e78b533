"""Close-outs by a stand-in rule that answers what a test says: what becomes of positions, wallet and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, index_id
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.rules import Amount, Feed, Health, JsonValue, Oracle, Refused
from aggregator.planning import impact
from aggregator.planning.acting import LIMITED, UNTOLD
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import COINS, account, option, perp, portfolio, raw, scenarios, supply, wallet

ETH = index_id("ETH")
USD = COINS["USD"].asset.id
STILL = CustomScenario("still", {})


@dataclass(frozen=True, slots=True)
class Scripted:
    """A rule that fails below a price and is closed as it was told: a stand-in for no venue."""

    family: ClassVar[str] = "scripted"

    below: int
    does: CloseOut | Refused | None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        return (Feed(ETH, Oracle.MARKET, 4_000 * 10**8, 8, "feed"),)

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        return (LossBearer.INSURANCE_FUND, LossBearer.SOCIALISED_LOSS)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        return Health(prices[ETH], self.below, 8, None, liquidatable=prices[ETH] < self.below)

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        raise NotImplementedError("a cascade asks for none")

    def close_out(
        self,
        prices: Mapping[AssetId, int],
        time: int,  # noqa: ARG002
        market: str | None = None,  # noqa: ARG002
    ) -> CloseOut | Refused:
        if self.does is None or isinstance(self.does, Refused):
            return self.does or Refused("nothing")
        at = prices[ETH]
        return replace(self.does, closed=tuple(replace(one, price=at) for one in self.does.closed))

    def to_json(self) -> dict[str, JsonValue]:
        raise NotImplementedError("plans never write rules")


SAFE = Scripted(0, None)


def closes(size: float, fee: float = 0.0, **more: object) -> CloseOut:
    """Closing so much of the perp, for a fee in dollars."""
    whole: dict[str, object] = {
        "closed": (Closed("ETH-PERP", raw(size), 0),) if size else (),
        "fees": (Fee("liquidator", Amount(USD, raw(fee))),) if fee else (),
        "returned": (),
        "forfeited": (),
        "bad_debt": (),
        "borne_by": (),
        "successor": SAFE,
    }
    return CloseOut(**(whole | more))  # type: ignore[arg-type]


def trader(
    does: CloseOut | Refused, *positions: Perp | Option | Supply | Debt, below: float = 3_500.0
) -> Account:
    held = positions or (supply("USD", 9_000), perp("ETH", 10))
    return account("trader", *held, rule=Scripted(round(below * 10**8), does), kind="perp")


def usd(found: Account, kind: type[Supply] | type[Debt]) -> float:
    return sum(p.raw for p in found.positions if isinstance(p, kind)) / 1e18


def test_a_part_realises_its_part_and_pays_from_the_margin() -> None:
    """4 of 10 at 3,400: of -6,000 of profit -2,400 become margin, and the fee is gone."""
    ours = portfolio(trader(closes(4.0, 100.0)), wallet())
    found = cascade(
        ours, [CustomScenario("fall", {"ETH": -0.15})], scenarios=scenarios(), terms=Terms(impact.none)
    )
    [step] = found.cascade.steps
    assert (step.penalty_usd, step.liquidated_usd) == pytest.approx((100.0, 13_600.0))
    assert step.sold_usd == pytest.approx({"ETH": 13_600.0})
    [left] = [one for one in found.final.accounts if one.id == "trader"]
    [rest] = [p for p in left.positions if isinstance(p, Perp)]
    assert (rest.size_raw / 1e18, rest.pnl_raw / 1e18) == pytest.approx((6.0, -3_600.0))
    assert usd(left, Supply) == pytest.approx(9_000 - 2_400 - 100)


def test_an_oracle_that_lags_closes_beside_the_mark() -> None:
    """The venue pays yesterday's price: what that is worth is told apart, and value is conserved."""
    first = trader(closes(4.0, 100.0))
    second = replace(first, id="second", label="second")
    rule = Scripted(3_300 * 10**8, closes(4.0))
    found = cascade(
        portfolio(first, replace(second, rule=rule)),
        [CustomScenario("fall", {"ETH": -0.15})],
        scenarios=scenarios(),
        terms=Terms(lambda _, price, units: price * (1.0 - 0.01 * units), lag=1),
    ).cascade
    assert [(step.account_id, step.round) for step in found.steps] == [("trader", 1), ("second", 3)]
    late = found.steps[1]
    assert late.prices_usd["ETH"] == pytest.approx(3_400 * 0.96)
    assert late.penalty_usd == pytest.approx(0.0, abs=1e-6)


def test_what_is_closed_at_a_late_price_gains_what_the_market_has_lost_since() -> None:
    """In round 2 the oracle still says 3,400 and the market 3,264: 3 ether bring 408 more than their mark."""
    then = Scripted(3_500 * 10**8, closes(3.0, 50.0))
    found = cascade(
        portfolio(trader(closes(4.0, 100.0, successor=then)), wallet()),
        [CustomScenario("fall", {"ETH": -0.15})],
        scenarios=scenarios(),
        terms=Terms(lambda _, price, units: price * (1.0 - 0.01 * units), lag=1),
    )
    first, second = found.cascade.steps
    assert (first.round, second.round) == (1, 2)
    assert second.prices_usd["ETH"] == pytest.approx(3_264.0)
    assert second.penalty_usd == pytest.approx(50.0 - 3 * (3_400 - 3_264))
    [left] = [one for one in found.final.accounts if one.id == "trader"]
    realised = 4 * (3_400 - 4_000) + 3 * (3_400 - 4_000)
    assert usd(left, Supply) == pytest.approx(9_000 + realised - 150)


def test_closing_a_short_buys() -> None:
    """The market rises by it, and what is lost of a short is its price's rise."""
    whole = closes(-10.0, 50.0, returned=(Amount(USD, raw(2_000.0)),), successor=None)
    short = trader(whole, supply("USD", 9_000), perp("ETH", -10), below=5_000.0)
    found = cascade(portfolio(short, wallet()), [STILL], scenarios=scenarios()).cascade
    assert found.steps[0].sold_usd == pytest.approx({"ETH": -40_000.0})
    assert found.final_prices_usd["ETH"] > found.start_prices_usd["ETH"] == 4_000.0


def test_what_is_returned_goes_to_the_wallet() -> None:
    """Nothing is left of the account; the rest is what the venue settled beside the marks."""
    whole = closes(10.0, 50.0, returned=(Amount(USD, raw(2_900.0)),), successor=None)
    found = cascade(
        portfolio(trader(whole), wallet()),
        [CustomScenario("fall", {"ETH": -0.15})],
        scenarios=scenarios(),
        terms=Terms(impact.none),
    )
    assert found.cascade.penalties_usd == pytest.approx(50.0)  # 3,000 were there: 50 is the fee, 50 the rest
    assert found.cascade.fees_usd == pytest.approx(50.0)
    [left] = found.final.accounts
    assert [p.raw for p in left.positions if isinstance(p, Holding)] == [raw(2_900.0)]
    assert left.kind == "wallet"


def test_bad_debt_falls_to_the_first_who_bears_it() -> None:
    """And who would be next is said."""
    lost = closes(
        10.0,
        successor=None,
        bad_debt=(Amount(USD, raw(5_000.0)),),
        borne_by=(LossBearer.INSURANCE_FUND, LossBearer.SOCIALISED_LOSS),
    )
    found = cascade(
        portfolio(trader(lost)), [CustomScenario("fall", {"ETH": -0.35})], scenarios=scenarios()
    ).cascade
    assert dict(found.steps[0].borne) == pytest.approx({"insurance_fund": 5_000.0})
    assert any("falls to socialised_loss" in sentence for sentence in found.told)


def test_a_rule_that_tells_what_is_posted() -> None:
    """All that is posted is what it says, and what was closed in part begins anew."""
    posted = closes(4.0, 100.0, posted=((USD, raw(-50.0)),))
    held = (supply("USD", 2_000), supply("ETH", 1), perp("ETH", 10, pnl=0.0))
    found = cascade(
        portfolio(trader(posted, *held)),
        [CustomScenario("fall", {"ETH": -0.15})],
        scenarios=scenarios(),
        terms=Terms(impact.none),
    )
    [left] = found.final.accounts
    assert (usd(left, Supply), usd(left, Debt)) == (0.0, 50.0)
    [rest] = [p for p in left.positions if isinstance(p, Perp)]
    assert (rest.size_raw, rest.pnl_raw) == (raw(6.0), 0)
    before, after = found.cascade.value_before_usd, found.cascade.value_after_usd
    assert before - after == pytest.approx(found.cascade.penalties_usd + 100.0)


def test_limits_and_what_can_not_be_told_are_refusals() -> None:
    """A window that is used up, an option sold in part, the venue's own word."""
    short = option("ETH", -5, "call", 4_500, years=0.1, iv=0.6, mark=100.0)
    part = replace(closes(0.0, 10.0), closed=(Closed(short.instrument, raw(-2.0), 0),))
    cases = [
        (trader(closes(0.0), below=5_000), LIMITED),
        (trader(part, supply("USD", 5_000), short, below=5_000), UNTOLD),
        (trader(Refused("CH_IIC: the insurance fund can't cover the loss"), below=5_000), "CH_IIC"),
    ]
    for one, why in cases:
        found = cascade(portfolio(one), [STILL], scenarios=scenarios()).cascade
        assert (found.steps, found.converged) == ((), True)
        assert why in found.refusals[0].reason


def test_an_option_that_is_closed_buys_its_delta() -> None:
    """Of a short call some ether per call, between none and all of it."""
    short = option("ETH", -5, "call", 4_000, years=0.1, iv=0.6, mark=300.0)
    whole = replace(closes(0.0, 10.0, successor=None), closed=(Closed(short.instrument, raw(-5.0), 0),))
    found = cascade(
        portfolio(trader(whole, supply("USD", 9_000), short, below=5_000)), [STILL], scenarios=scenarios()
    )
    [step] = found.cascade.steps
    assert -5 * 4_000 < step.sold_usd["ETH"] < -0.4 * 5 * 4_000
    assert found.cascade.final_prices_usd["ETH"] > 4_000
