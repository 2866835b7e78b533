"""A protocol's fee of what a liquidator repays, in the token that is owed: no value is made or lost by it."""

from __future__ import annotations

import pytest

from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import Amount, Liquidated
from aggregator.planning.effects import liquidated
from aggregator.planning.valuation import Worth
from aggregator.risk.numbering import Numbering
from tests.planning.acting import lender
from tests.risk.builders import COINS, few_draws, portfolio, raw

ETH, USDC = COINS["ETH"].asset.id, COINS["USDC"].asset.id


@pytest.mark.parametrize(
    ("repaid", "fee", "bad"), [(218.5, 6.5, 0.0), (218.5, 6.5, 1_988.0), (100.0, 0.0, 0.0)]
)
def test_it_comes_out_of_what_is_repaid(repaid: float, fee: float, bad: float) -> None:
    """2,200 USDC are owed on a tenth of a coin at 4,000: 230 USD of it are taken for what is repaid."""
    account = lender("venue", {"ETH": 0.1, "USDC": -2_200})
    before = portfolio(account)
    worth = Worth.of(before, Numbering(few_draws(), before.classes))
    assert account.rule is not None
    done = Liquidated(
        repaid=(Amount(USDC, raw(repaid)),),
        seized=(Amount(ETH, raw(230 / 4_000)),),
        fees=(Amount(USDC, raw(fee)),) if fee else (),
        bad_debt=(Amount(USDC, raw(bad)),) if bad else (),
        successor=account.rule,
    )
    effect = liquidated(account, done, worth)
    owed = sum(p.raw for p in effect.account.positions if isinstance(p, Debt))
    assert owed == raw(2_200) - raw(repaid) + raw(fee) - raw(bad)
    assert effect.fees_usd == pytest.approx(fee)
    lost = sum(
        sign * (worth.account_usd(account, kind) - worth.account_usd(effect.account, kind))
        for kind, sign in ((Supply, 1), (Debt, -1))
    )
    assert lost == pytest.approx(effect.bonus_usd + effect.fees_usd + effect.other_usd - effect.bad_debt_usd)
