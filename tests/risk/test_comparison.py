"""The same book under other rules: exchange margin by hand, identities, and two books that hedge."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from aggregator.model.accounts import Account
from aggregator.model.comparison import Comparison, ExchangeMargin, MarginBand, Method
from aggregator.model.errors import BadConfiguration
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.comparison import compare, compare_whole
from aggregator.risk.exchange import exchange_margin
from aggregator.risk.parameters import parameters
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from tests.risk.books import silos
from tests.risk.builders import TOKENS, account, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined

MONTH = 30 / 365


def judged(*accounts: Account, under: ScenarioSet | None = None) -> tuple[RiskResult, Comparison]:
    mine, known = portfolio(*accounts), under or scenarios()
    risk = assess(mine, families=FAMILIES, scenarios=known)
    return risk, compare(mine, risk, families=FAMILIES, scenarios=known)


def asked(beside: Comparison) -> dict[Method, float]:
    return {row.method: row.requirement_usd for row in beside.rows}


def exchanged(*accounts: Account) -> ExchangeMargin:
    return exchange_margin(book([portfolio(*accounts)], scenarios()))


def shipped() -> dict[str, Any]:
    return tomllib.loads(files("aggregator").joinpath("data/parameters.toml").read_text(encoding="utf-8"))


def test_exchange_margin_by_hand() -> None:
    """10 ETH at .95 are 38,000; 15,000 USDC held against 20,000 owed are -5,000 in full; 5,000 USD of margin
    in full: 38,000. Maintained: .10 of the loan, .01 of a perp of 20,000: 2,200. Ratio 17.27. Equity of
    40,000 may fall by 38,000 - 1.05 * 2,200 until it is liquidated, so 4,310 are required."""
    books = (
        lending("loan", {"ETH": 10.0, "USDC": -20_000.0}),
        margined("perp", "ETH", -5.0, 5_000.0),
        wallet(holding("USDC", 15_000.0)),
    )
    ours = exchanged(*books)
    assert ours.adjusted_equity_usd == pytest.approx(38_000.0)
    assert ours.maintenance_usd == pytest.approx(2_200.0)
    assert ours.ratio == pytest.approx(38_000.0 / 2_200.0)
    assert ours.band is MarginBand.FREE
    risk, beside = judged(*books)
    assert risk.equity_usd == pytest.approx(40_000.0)
    assert asked(beside)[Method.EXCHANGE] == pytest.approx(4_310.0)


def test_exchange_margin_of_written_options_and_net_perps() -> None:
    """Perps of one underlying net over accounts; a written option maintains .075 of 4,000 and its value."""
    written = option("ETH", -1.0, "call", 4_000.0, years=MONTH, iv=0.75, mark=350.0)
    ours = exchanged(
        account("options", supply("USD", 1_000.0), written),
        margined("long", "ETH", 5.0, 5_000.0),
        margined("short", "ETH", -4.0, 5_000.0),
    )
    assert ours.maintenance_usd == pytest.approx(0.075 * 4_000.0 + 350.0 + 0.01 * 4_000.0)
    assert ours.adjusted_equity_usd == pytest.approx(11_000.0 - 350.0)


def test_an_asset_that_no_table_knows_is_no_collateral() -> None:
    """By class: a staked token .9, one of class mid .8, and dollars in full."""
    assert exchanged(wallet(holding("wstETH", 1.0))).adjusted_equity_usd == pytest.approx(0.9 * 4_800.0)
    assert exchanged(wallet(holding("LINK", 10.0))).adjusted_equity_usd == pytest.approx(0.8 * 200.0)
    assert exchanged(wallet(holding("USD", 10.0))).adjusted_equity_usd == 10.0
    nothing = exchanged(wallet(holding("ETH", 1.0)))
    assert (nothing.ratio, nothing.band) == (math.inf, MarginBand.FREE)


@pytest.mark.parametrize(
    ("debt", "band"),
    [
        (30_000.0, MarginBand.FREE),
        (33_500.0, MarginBand.REMIND),
        (34_000.0, MarginBand.NO_NEW_ORDERS),
        (34_500.0, MarginBand.LIQUIDATION),
    ],
)
def test_bands_of_an_exchange(debt: float, band: MarginBand) -> None:
    """38,000 - debt over a tenth of the debt: 2.67, 1.34, 1.18 and 1.01."""
    assert exchanged(lending("loan", {"ETH": 10.0, "USDC": -debt})).band is band


def test_bands_must_fall() -> None:
    """A limit above its warning is refused by name."""
    with pytest.raises(BadConfiguration, match=r"\[exchange\] bands must fall"):
        parameters(shipped(), {"exchange": {"liquidation": 2.0}})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(silos("a"))
def test_identities(accounts: tuple[Account, ...]) -> None:
    """Legs ask at least what accounts ask, accounts at least what the whole does; efficiencies are of M."""
    risk, beside = judged(*accounts)
    required, slack = asked(beside), 1e-9 * risk.gross_usd
    assert required[Method.OURS] == risk.requirement_usd
    assert required[Method.SILOS] == risk.isolated_requirement_usd
    assert required[Method.NATIVE] == math.fsum(a.native_requirement_usd for a in risk.accounts)
    assert required[Method.LEGS] >= required[Method.SILOS] - slack
    assert required[Method.SILOS] >= required[Method.OURS] - slack
    for row in beside.rows:
        if row.method is Method.OURS or row.requirement_usd <= 0.0:
            assert row.capital_efficiency is None
        else:
            assert row.capital_efficiency == 1.0 - risk.requirement_usd / row.requirement_usd
        assert row.why


def test_value_at_risk_has_its_place() -> None:
    """A row for each estimate at 99%; a stored result without any says that they are missing."""
    mine = portfolio(margined("perp", "ETH", 5.0, 5_000.0))
    risk = assess(mine, families=FAMILIES, scenarios=scenarios())
    beside = compare(mine, risk, families=FAMILIES, scenarios=scenarios())
    rows = {row.variant: row.requirement_usd for row in beside.rows if row.method is Method.VAR}
    kinds = ("delta normal", "cornish fisher", "monte carlo")
    assert set(rows) == {f"{kind} {days} d" for kind in kinds for days in (1, 2)}
    assert rows["delta normal 2 d"] == pytest.approx(math.sqrt(2.0) * rows["delta normal 1 d"])
    assert beside.missing == ()
    stored = compare(mine, replace(risk, tails=None), families=FAMILIES, scenarios=scenarios())
    assert Method.VAR not in asked(stored)
    assert len(stored.missing) == 1


def test_what_snapshots_keep() -> None:
    """The figures of all methods but each leg alone, as the whole comparison has them."""
    mine = portfolio(lending("loan", {"ETH": 10.0, "USDC": -9_000.0}), margined("perp", "ETH", -5.0, 5_000.0))
    risk = assess(mine, families=FAMILIES, scenarios=scenarios())
    kept = compare_whole(mine, risk, scenarios=scenarios()).requirements
    everything = compare(mine, risk, families=FAMILIES, scenarios=scenarios()).requirements
    assert everything[0].method is Method.LEGS
    assert kept == everything[1:]
    assert {one.method for one in kept} == set(Method) - {Method.LEGS}
    assert len({(one.method, one.variant) for one in kept}) == len(kept)


def test_nothing_moves() -> None:
    """Dollars alone: SPAN asks nothing, as a float that comes back from the rows of a snapshot as it was."""
    mine = portfolio(wallet(holding("USDC", 1_000.0)))
    risk = assess(mine, families=FAMILIES, scenarios=scenarios())
    kept = compare_whole(mine, risk, scenarios=scenarios()).requirements
    assert {one.method: one.requirement_usd for one in kept}[Method.SPAN] == 0.0
    assert {type(one.requirement_usd) for one in kept} == {float}


def two_assets(correlation: float) -> ScenarioSet:
    """The shipped parameters of BTC and ETH alone, at this correlation."""
    data = shipped()
    data["assets"] = {name: data["assets"][name] for name in ("BTC", "ETH")}
    data["correlation"] = {"BTC-ETH": correlation}
    return scenario_set(parameters(data), TOKENS)


def test_a_bitcoin_future_against_ether_options() -> None:
    """A long BTC future and written ETH calls, in two accounts: the more the two move together, the more one
    pays for the other, but never all. Isolated margin asks the same whatever the correlation."""
    future = margined("future", "BTC", 1.0, 20_000.0)
    calls = option("ETH", -40.0, "call", 4_200.0, years=2 * MONTH, iv=0.75)
    options = account("options", supply("USD", 30_000.0), calls, protocol="lyra_v1", kind="option")
    ours, isolated = [], []
    for correlation in (0.0, 0.3, 0.6, 0.84, 0.95):
        risk, beside = judged(future, options, under=two_assets(correlation))
        required = asked(beside)
        assert required[Method.OURS] < required[Method.SILOS] <= required[Method.LEGS]
        ours.append(required[Method.OURS])
        isolated.append(required[Method.SILOS])
        # Where BTC falls and takes ETH along, the options give back what the future loses.
        assert risk.waterfall.netting_usd > 0.0
    assert ours == sorted(ours, reverse=True)
    assert ours[-1] < 0.75 * ours[0]
    assert isolated == pytest.approx([isolated[0]] * len(isolated))
    assert ours[-1] > 0.25 * isolated[-1]


def test_options_here_hedged_there_and_a_loan_elsewhere() -> None:
    """Calls written on one protocol, hedged with perps on another, stablecoins borrowed against ETH on a
    third: alone the calls fear a rise and the others a fall, so no scenario hurts all of them."""
    calls = option("ETH", -40.0, "call", 4_400.0, years=MONTH, iv=0.75)
    books = (
        account("options", supply("sUSD", 25_000.0), calls, protocol="lyra_v1", kind="option"),
        margined("perps", "ETH", 5.0, 6_000.0, settlement="sUSD"),
        lending("loan", {"ETH": 6.0, "USDC": -8_000.0}),
    )
    risk, beside = judged(*books)
    required = asked(beside)
    assert required[Method.OURS] < 0.7 * required[Method.SILOS]
    alone = {
        name: judged(one)[0].binding for name, one in zip(("options", "perps", "loan"), books, strict=True)
    }
    assert alone["options"] is not None
    assert alone["options"].name.startswith("SYS up")
    for name in ("perps", "loan"):
        found = alone[name]
        assert found is not None
        assert "down" in found.name
    assert risk.binding is not None
    gains = {name: -loss for name, loss in risk.binding.by_account}
    assert min(gains.values()) < 0.0 < max(gains.values())
    [row] = [row for row in beside.rows if row.method is Method.SILOS]
    assert row.capital_efficiency == pytest.approx(1.0 - required[Method.OURS] / required[Method.SILOS])
