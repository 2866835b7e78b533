"""Actions on a copy: what moves between accounts, what is not known after, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from aggregator.model.actions import Action, Applied, Repay, Untold
from aggregator.model.errors import BadConfiguration, NativeUnknown
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.results import Verdict
from aggregator.model.rules import WAD, Amount, Refused
from aggregator.risk.whatif import whatif
from aggregator.risk.wishes import Kind, Wish, assigned
from tests.risk.builders import COINS, account, option, portfolio, scenarios, supply, wallet
from tests.risk.builders import holding as held
from tests.risk.linear import FAMILIES, LinearRule, lending, margined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.model.accounts import Account
    from aggregator.model.assets import AssetId
    from aggregator.model.stresses import WhatIf


@dataclass(frozen=True, slots=True)
class Repayable(LinearRule):
    """A linear rule that knows what repaying does, and refuses what is more than owed."""

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:  # noqa: ARG002
        if not isinstance(action, Repay):
            return Untold("it knows repaying only")
        [debt] = [w for w in self.weights if w.feed.asset == action.asset]
        paid = debt.requirement if action.raw is None else action.raw
        if paid > debt.requirement:
            return Refused("TooMuch")
        less = replace(debt, requirement=debt.requirement - paid)
        weights = tuple(less if w is debt else w for w in self.weights)
        return Applied(
            paid=Amount(action.asset, paid),
            received=None,
            supplied=None,
            owed=less.requirement,
            successor=Repayable(weights, self.cash),
        )


def borrower() -> Account:
    """10 ETH against 20,000 USDC: health 1.66."""
    made = lending("loan", {"ETH": 10.0, "USDC": -20_000.0})
    assert isinstance(made.rule, LinearRule)
    return replace(made, rule=Repayable(made.rule.weights))


def wish(
    kind: Kind,
    account: str | None,
    name: str | None,
    amount: float | str | None = None,
    share: Fraction | None = None,
) -> Wish:
    return Wish(
        kind, account, name, None if amount is None else Decimal(str(amount)), share, f"--{kind} {name}"
    )


def after(*accounts: Account, do: list[Wish]) -> WhatIf:
    return whatif(portfolio(*accounts), do, families=FAMILIES, scenarios=scenarios())


def positions(found: WhatIf, name: str) -> dict[tuple[str, str], float]:
    """Amounts of the spot positions of an account, by kind and symbol."""
    [account] = [a for a in found.after.portfolio.accounts if a.id == name]
    return {
        (type(p).__name__, p.asset.symbol): p.raw / WAD
        for p in account.positions
        if isinstance(p, Holding | Supply | Debt)
    }


def test_nothing_done_changes_nothing() -> None:
    """To the bit."""
    found = after(borrower(), margined("p", "BTC", 0.1, 2_000.0), do=[])
    assert found.after == found.today


def test_a_repayment_by_hand() -> None:
    """5,000 of 20,000 USDC out of the wallet: health 33,200 / 15,000, the whole worth the same."""
    found = after(borrower(), wallet(held("USDC", 6_000.0)), do=[wish("repay", "loan", "usdc", 5_000)])
    then = found.after.account("loan")
    assert then is not None
    assert then.native_health == pytest.approx(33_200 / 15_000)
    assert positions(found, "loan") == {("Supply", "ETH"): 10.0, ("Debt", "USDC"): 15_000.0}
    assert positions(found, "wallet") == {("Holding", "USDC"): 1_000.0}
    assert found.after.risk.equity_usd == pytest.approx(found.today.risk.equity_usd)
    assert found.told == ()
    assert found.after.portfolio.coverage.complete


@pytest.mark.parametrize("share", [None, Fraction(1)])
def test_all_of_a_debt(share: Fraction | None) -> None:
    """Nothing is required any more; what the wallet lacks is owed by it, and said, and sets no band."""
    found = after(borrower(), wallet(held("USDC", 500.0)), do=[wish("repay", "loan", "USDC", share=share)])
    then = found.after.account("loan")
    assert then is not None
    assert then.native_health is None
    assert positions(found, "wallet") == {("Debt", "USDC"): 19_500.0}
    assert found.told == ("wallet lacks 19500 USDC: it is counted as owed",)
    assert found.after.risk.weakest_account is None
    assert found.after.risk.equity_usd == pytest.approx(found.today.risk.equity_usd)


def test_a_wallet_that_was_not_there_pays() -> None:
    """The account's owner then has one."""
    found = after(borrower(), do=[wish("repay", "loan", "USDC", 1_000)])
    assert [a.id for a in found.after.portfolio.accounts] == ["loan", "wallet:1:0x" + "11" * 20]


def test_what_the_protocol_would_refuse() -> None:
    """Its own word, with the option that asked for it."""
    with pytest.raises(BadConfiguration, match="--repay USDC: loan would refuse it: TooMuch"):
        after(borrower(), do=[wish("repay", "loan", "USDC", 20_001)])


def test_what_a_rule_can_not_tell() -> None:
    """Positions change all the same; the own health and the verdict are unknown, and why."""
    found = after(borrower(), wallet(held("ETH", 5.0)), do=[wish("deposit", "loan", "ETH", 2)])
    assert found.after.unknown == ("loan",)
    assert positions(found, "loan")["Supply", "ETH"] == 12.0
    assert positions(found, "wallet") == {("Holding", "ETH"): 3.0}
    assert found.after.risk.verdict is Verdict.UNKNOWN
    [failure] = found.after.portfolio.failures
    assert isinstance(failure.error, NativeUnknown)
    assert failure.error.why == "it knows repaying only"


def test_closing_a_loan_needs_no_word_of_its_rule() -> None:
    """Debts first: without one nothing is required, so that nothing is unknown; the account is gone."""
    found = after(borrower(), wallet(held("USDC", 30_000.0)), do=[wish("close", "loan", None)])
    assert [a.id for a in found.after.portfolio.accounts] == ["wallet"]
    assert positions(found, "wallet") == {("Holding", "USDC"): 10_000.0, ("Holding", "ETH"): 10.0}
    assert found.after.unknown == ()


def test_half_of_a_perp() -> None:
    """Half of its profit becomes margin; what its venue charges is not known."""
    ours = margined("p", "ETH", -4.0, 5_000.0, pnl=-300.0)
    found = after(ours, do=[wish("close", "p", "ETH-PERP", share=Fraction(1, 2))])
    [perp] = [p for a in found.after.portfolio.accounts for p in a.positions if isinstance(p, Perp)]
    assert (perp.size_raw, perp.pnl_raw) == (-2 * WAD, -150 * WAD)
    assert positions(found, "p") == {("Supply", "USD"): 4_850.0}
    assert found.after.unknown == ("p",)
    assert found.after.risk.equity_usd == pytest.approx(4_700.0)


def test_all_of_a_perp_is_margin() -> None:
    """A loss beyond the margin is owed; nothing asks for margin any more."""
    found = after(margined("p", "ETH", -4.0, 500.0, pnl=-600.0), do=[wish("close", "p", None)])
    assert positions(found, "p") == {("Debt", "USD"): 100.0}
    found = after(margined("p", "ETH", -4.0, 700.0, pnl=-600.0), do=[wish("close", "p", None)])
    assert positions(found, "p") == {("Supply", "USD"): 100.0}
    assert found.after.unknown == ()


@pytest.mark.parametrize(("size", "cash"), [(3.0, 300.0), (-3.0, -300.0)])
def test_options_are_closed_at_their_mark(size: float, cash: float) -> None:
    """A holder gets what they are worth, a writer pays it; without a mark there is no price to close at."""
    ours = option("ETH", size, "call", 4_000, years=0.1, iv=0.6, mark=100.0)
    found = after(account("o", ours, supply("USD", 50.0)), do=[wish("close", "o", "ETH")])
    [purse] = [a for a in found.after.portfolio.accounts if a.kind == "wallet"]
    [(_, amount)] = positions(found, purse.id).items()
    assert amount == abs(cash)
    assert not any(isinstance(p, Option) for a in found.after.portfolio.accounts for p in a.positions)
    assert found.after.risk.equity_usd == pytest.approx(50.0 + cash)
    with pytest.raises(BadConfiguration, match="has no mark"):
        after(account("o", replace(ours, mark_raw=None)), do=[wish("close", "o", None)])


def test_a_hedge_of_all() -> None:
    """The whole's delta is gone; nothing liquidates a perp that is in no venue."""
    found = after(borrower(), do=[wish("open", None, "eth")])
    [perp] = [p for a in found.after.portfolio.accounts for p in a.positions if isinstance(p, Perp)]
    assert perp.size_raw == -10 * WAD
    assert [g for g in found.after.risk.greeks if g.underlying == "ETH"] == []
    assert found.after.account("whatif:ETH") is not None
    assert "in no venue" in found.told[1]
    with pytest.raises(BadConfiguration, match="no delta to BTC"):
        after(borrower(), do=[wish("open", None, "BTC")])
    with pytest.raises(BadConfiguration, match="no price of 'ETHH' is known: there are ETH"):
        after(borrower(), do=[wish("open", None, "ETHH", -1)])


def test_a_hedge_is_of_what_is_left() -> None:
    """What is closed and opened before it counts; a second one finds nothing to hedge."""
    short = margined("p", "ETH", -4.0, 9_000.0)
    hedge = wish("open", None, "ETH")
    found = after(borrower(), short, do=[hedge, wish("close", "p", None, share=Fraction(1, 2))])
    [greeks] = [g for g in found.today.risk.greeks if g.underlying == "ETH"]
    assert greeks.delta_units == pytest.approx(6.0)
    made = found.after.account("whatif:ETH")
    assert made is not None
    left = [g.delta_units for g in found.after.risk.greeks if g.underlying == "ETH"]
    assert sum(left) == pytest.approx(0.0, abs=1e-7)
    with pytest.raises(BadConfiguration, match="no delta to ETH"):
        after(borrower(), short, do=[hedge, hedge])


def test_a_perp_in_an_account() -> None:
    """It opens at the mark in the account's own settlement, where nobody knows what the venue asks for it."""
    found = after(margined("p", "BTC", 0.1, 2_000.0, settlement="USDC"), do=[wish("open", "p", "ETH", -1)])
    opened = found.after.portfolio.accounts[0].positions[-1]
    assert isinstance(opened, Perp)
    assert (opened.mark_price_raw, opened.settlement) == (4_000 * WAD, COINS["USDC"].asset)
    assert found.after.unknown == ("p",)
    assert found.after.risk.equity_usd == pytest.approx(2_000.0)


def test_accounts_and_assets_that_are_not_there() -> None:
    """Each message says what there is."""
    both = (borrower(), replace(borrower(), id="loan2"), wallet(held("USDC", 1.0)))
    for accounts, asked, words in (
        (both, wish("repay", "nobody", "USDC", 1), "no account is called 'nobody': there are loan"),
        (both, wish("repay", "aave_v3", "USDC", 1), "'aave_v3' is more than one account, give an id: loan"),
        (both[:1], wish("repay", "loan", "DAI", 1), "'DAI' is not there: loan has USDC"),
        (both[:1], wish("repay", "loan", "USDC", "0.0"), "above 0"),
        (both[:1], wish("deposit", "loan", "ETH"), "say how much"),
        (both[:1], wish("deposit", "loan", "ETH", share=Fraction(1, 2)), "say how much"),
        (both, wish("close", "wallet", None), "can't be closed"),
        (both, wish("deposit", "wallet", "USDC", 1), "takes part in every action"),
        (both[:1], wish("close", "loan", "BTC"), "loan has no 'BTC'"),
        (both[:1], wish("withdraw", "loan", "ETH", 11), "has less ETH"),
    ):
        with pytest.raises(BadConfiguration, match=words):
            after(*accounts, do=[asked])


def test_wishes_find_their_wallet() -> None:
    """By the account that they name; without one there must be a single wallet."""
    one, two = portfolio(borrower()), portfolio(replace(borrower(), id="other", label="other"))
    asked = wish("repay", "other", "USDC", 1)
    assert assigned([one, two], [asked]) == [[], [asked]]
    with pytest.raises(BadConfiguration, match="name one wallet"):
        assigned([one, two], [wish("open", None, "ETH")])
    with pytest.raises(BadConfiguration, match="more than one account"):
        assigned([one, one], [wish("repay", "loan", "USDC", 1)])
