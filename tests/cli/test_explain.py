"""`health --explain` and `health --compare` on the recorded demo: words, figures and documents."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aggregator.app import Checked
from aggregator.model.accounts import Reported
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import NativeUnknown, PastReadError, ReadError
from aggregator.model.explanation import Explanation
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Supply
from aggregator.model.readings import Failure, Quote
from aggregator.model.results import RiskResult
from aggregator.model.units import Address, ChainId
from aggregator.risk.assess import assess
from aggregator.risk.explain import explain
from cli import account_table, documents, explanation
from cli.screen import Provenance, screen
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors
from tests.risk.builders import CHAIN, WALLET, account, debt, portfolio, raw, scenarios, supply
from tests.risk.linear import FAMILIES, lending


def explained(mine: Portfolio) -> tuple[RiskResult, Explanation]:
    """A portfolio's figures and why they are so."""
    risk = assess(mine, families=FAMILIES, scenarios=scenarios())
    return risk, explain(mine, risk, families=FAMILIES, scenarios=scenarios())


def flat(text: str) -> str:
    """Lines of a screen joined, so that a sentence is found wherever it wraps."""
    return " ".join(text.split())


def test_explain_says_what_fails_first_where_and_what_prevents_it() -> None:
    """Somebody who doesn't know the framework finds the three answers in one paragraph."""
    shown = crossmargin("health", "--demo", "--explain", "--quiet")
    assert shown.code == 0
    _, _, told = shown.out.partition("What would be liquidated first")
    first = flat(told.partition("What the requirement is made of")[0])
    assert first.startswith("Synthetix sETHPERP: when ETH rises to $2,171 (+8.5% from today)")
    assert "Its health by its own rule is 8.80 (1 is liquidation): enough today." in first
    assert (
        "To survive one standard stress: add $1,530 of margin; then ETH has to reach $2,360 (+18%)" in first
    )
    assert "These are estimates" in first
    assert all(len(line) <= 100 for line in shown.out.splitlines())


@pytest.mark.parametrize(
    "error", [NativeUnknown("loan", "broken"), PastReadError("native_unknown", "broken")]
)
def test_a_health_that_is_unknown_is_not_called_none(error: ReadError) -> None:
    """An account whose own test has no answer, read now or kept: in the table and in the document."""
    loan = account("loan", supply("ETH", 10.0), debt("USDC", 20_000.0))
    lost = Failure(loan.protocol, loan.label, loan.chain, WALLET, error)
    for failures, own, state in (((lost,), "unknown", "unjudged"), ((), "–", "no_debt")):
        mine = replace(portfolio(loan), failures=failures)
        checked = Checked(mine, assess(mine, families=FAMILIES, scenarios=scenarios()))
        assert account_table.accounts(checked).splitlines()[1].split()[2] == own
        assert documents.health(checked)["accounts"][0]["state"] == state


def test_what_nobody_knows_is_not_called_nothing() -> None:
    """An account without a rule of its own, and one whose every collateral counts for nothing."""
    told = Reported(health=13 * 10**17, liquidatable=None, liquidation_price=None, origin="test")
    for mine, said in (
        (
            account("told", supply("ETH", 10.0), debt("USDC", 20_000.0), reported=told),
            "told may be the first: its protocol says a health of 1.30 and not by which test",
        ),
        (lending("bare", {"USDC": -100.0}), "To end it with a health of 1.25 by its own rule (0.00 today"),
    ):
        risk, why = explained(portfolio(mine))
        first = flat(explanation.screen(Checked(portfolio(mine), risk), why))
        assert said in first
        assert "nothing is needed" not in first


def test_a_peg_that_fails_first_is_what_the_screen_names() -> None:
    """No price of ETH at which the account would have failed long before."""
    mine = portfolio(lending("loan", {"USDC": 10_000.0, "ETH": -0.1, "DAI": -7_500.0}))
    risk, why = explained(mine)
    shown = screen(Checked(mine, risk), Provenance({ChainId(1): "ethereum", ChainId(10): "optimism"}))
    assert "loan, in 0.96 stresses: PEG USDC down" in flat(shown)
    assert "loan: when USDC falls to $0.9518 (−4.8% from today)" in flat(
        explanation.screen(Checked(mine, risk), why)
    )


def test_the_table_has_a_peg_that_is_nearer_than_every_underlying() -> None:
    """A line of its own beside an underlying's; what moves as far as its underlying says nothing new."""
    mine = portfolio(
        lending("loop", {"wstETH": 10.0, "ETH": -10.0}, threshold=0.93),
        lending("both", {"wstETH": 10.0, "ETH": -4.0, "USDC": -15_000.0}, threshold=0.8),
        lending("plain", {"wstETH": 10.0, "USDC": -30_000.0}, threshold=0.8),
    )
    risk, _ = explained(mine)
    shown = screen(Checked(mine, risk), Provenance({ChainId(1): "ethereum", ChainId(10): "optimism"}))
    table = shown.partition("own health")[2].partition("\n\n")[0].splitlines()[1:]
    by_name = {line.split()[0]: i for i, line in enumerate(table) if line[2] != " "}
    # At p: p * .93 is 10 * 4,000 / 10; 10 * p * .8 is 31,000; x * (48 * .8 - 16) is 15,000 of 4,000 * x.
    assert "wstETH $4,301 −10% peg" in table[by_name["loop"]]
    assert "ETH $2,679 −33%" in table[by_name["both"]]
    assert table[by_name["both"] + 1].strip().startswith("wstETH $3,875 −19% peg")
    assert "ETH $3,125 −22%" in table[by_name["plain"]]
    assert shown.count(" peg") == 2
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_a_price_says_what_it_is_if_others_move_as_usual() -> None:
    """ETH alone falls farther than ETH that takes BTC along."""
    mine = portfolio(lending("loan", {"ETH": 5.0, "BTC": 0.2, "USDC": -25_000.0}))
    risk, why = explained(mine)
    assert why.threat is not None
    [alone] = [p for p in risk.accounts[0].liquidation_prices if p.underlying == why.threat.factor]
    first = flat(explanation.screen(Checked(mine, risk), why))
    told = first.partition("while all else stands still, or at ")[2].partition(" if others")[0]
    [usual] = [
        p
        for p in why.distance.prices
        if (p.account_id, p.factor, p.others, p.direction)
        == ("loan", why.threat.factor, "correlated", "down")
    ]
    assert -1.0 < alone.distance < usual.distance < 0.0
    assert told.endswith(f"(−{-usual.distance:.0%})")


def test_lines_on_the_screen_add_up_to_the_cent() -> None:
    """The last figures of the table's lines are the requirement below them."""
    told = crossmargin("health", "--demo", "--explain", "--quiet").out
    table = told.partition("line by line")[2].partition("What would change")[0].splitlines()[2:]
    rows = [line.split() for line in table if line.strip()]
    cents = [Decimal(row[-1].replace(",", "").replace("−", "-")) for row in rows if row[-1][-3:-2] == "."]
    assert rows[-1][0] == "requirement"
    assert len(cents) > 10
    assert sum(cents[:-1]) == cents[-1]


def test_documents_meet_their_schema_and_add_up() -> None:
    """Both at once, only where they were asked for; contributions are the requirement."""
    printed = crossmargin("health", "--demo", "--explain", "--compare", "--json").json()
    assert errors("health.json", printed) == []
    data = printed["data"]
    why, beside = data["explanation"], data["comparison"]
    total = sum(Decimal(line["usd"]) for line in why["contributions"])
    assert abs(total - Decimal(data["requirement_usd"])) < Decimal("0.00001")
    assert why["threat"]["account_id"] == data["weakest_account"]
    methods = {row["method"]: row for row in beside["methods"]}
    assert methods["ours"]["requirement_usd"] == data["requirement_usd"]
    assert methods["silos_isolated"]["requirement_usd"] == data["isolated_requirement_usd"]
    plain = crossmargin("health", "--demo", "--json").json()["data"]
    assert not {"explanation", "comparison"} & plain.keys()
    assert plain == {key: value for key, value in data.items() if key not in {"explanation", "comparison"}}


def test_compare_has_a_line_and_a_sentence_for_each_method() -> None:
    """What ours asks is the last line."""
    shown = crossmargin("health", "--demo", "--compare", "--quiet").out
    told = shown.partition("The same book under other rules")[2]
    table, _, sentences = told.partition("\n\n")
    names = ["each position alone", "each account alone", "the protocols today", "SPAN"]
    names += ["value at risk delta normal 2 d", "exchange portfolio margin", "crossmargin"]
    for name in names:
        assert f"  {name}  " in table
        assert f"  {name.partition(' delta')[0]}: " in sentences
    assert table.splitlines()[-1].split()[0] == "crossmargin"


def test_what_is_asked_for_comes_after_the_plain_answer() -> None:
    """The screen without flags is unchanged, and comes first."""
    plain = crossmargin("health", "--demo", "--quiet").out
    more = crossmargin("health", "--demo", "--explain", "--compare", "--quiet").out
    assert more.startswith(plain)
    assert "What would be liquidated first" not in plain


def test_a_token_that_no_table_knows_is_called_by_its_symbol() -> None:
    """Its underlying is its own id, which tells nobody anything; the symbol is text of a stranger."""
    token = Asset(token_id(CHAIN, Address("0x" + "ab" * 20)), "PEPPER\x1b[31m", 18)
    held = Supply(token, raw(100.0), is_collateral=True, origin="supply")
    mine = portfolio(account("loan", held, debt("USDC", 500.0)))
    quote = Quote(token.id, 10 * 10**8, 8, "quote")
    mine = replace(mine, marks={**mine.marks, token.id: quote}, spots={**mine.spots, token.id: 10.0})
    risk = assess(mine, families={}, scenarios=scenarios())
    why = explain(mine, risk, families={}, scenarios=scenarios())
    shown = explanation.screen(Checked(mine, risk), why)
    assert "\x1b" not in shown
    assert "PEPPER[31m" in flat(shown.partition("How far each price may move")[2])
    assert "$5 −50%" in shown
    assert token.id not in shown
