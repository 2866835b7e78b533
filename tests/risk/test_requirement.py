"""Add-ons and haircuts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aggregator.model.accounts import Account
from aggregator.risk.book import book
from aggregator.risk.requirement import AddOns, add_ons, counted
from tests.risk.builders import account, holding, option, perp, portfolio, scenarios, spot, supply, wallet

SPREAD = 0.0005


def of(*accounts: Account) -> AddOns:
    return add_ons(book([portfolio(*accounts)], scenarios()))


def test_spot_costs_nothing() -> None:
    """Collateral and debt have no add-on, so that more collateral never raises it."""
    assert of(wallet(holding("ETH", 10.0)), account("a", spot("ETH", 5.0), spot("USDC", -9.0))).wallet == [
        0.0
    ]


def test_perps_net_within_an_account_only() -> None:
    """0.5% of net notional per account and underlying, and the half-spread on all of it."""
    one = account("a", perp("ETH", 10.0), perp("ETH", -4.0), perp("BTC", -0.1))
    two = account("b", perp("ETH", -6.0))
    got = of(one, two)
    a = 0.005 * (6 * 4_000 + 10_000) + SPREAD * (14 * 4_000 + 10_000)
    b = (0.005 + SPREAD) * 24_000
    assert got.account.tolist() == pytest.approx([a, b])
    assert got.wallet.tolist() == pytest.approx([a + b])


def test_naked_shorts_net_over_accounts() -> None:
    """Calls and puts of one underlying, expiry and strike together; longs elsewhere cover for the whole."""
    short = account("a", option("ETH", -10.0, "call", 4_400.0, years=0.1, iv=0.7))
    cover = account("b", option("ETH", 4.0, "call", 4_400.0, years=0.1, iv=0.9))
    other = account("c", option("ETH", 50.0, "call", 4_500.0, years=0.1, iv=0.9))
    got = of(short, cover, other)
    spreads = [SPREAD * quantity * 4_000 for quantity in (10, 4, 50)]
    assert got.account.tolist() == pytest.approx([0.005 * 40_000 + spreads[0], *spreads[1:]])
    assert got.wallet.tolist() == pytest.approx([0.005 * 24_000 + sum(spreads)])
    straddle = account(
        "s",
        option("ETH", -3.0, "call", 4_000.0, years=0.1, iv=0.7),
        option("ETH", -2.0, "put", 4_000.0, years=0.1, iv=0.7),
        option("ETH", 1.0, "put", 4_000.0, years=0.2, iv=0.7),
    )
    assert of(straddle).wallet.tolist() == pytest.approx([0.005 * 20_000 + SPREAD * 24_000])


def test_funding_counts_when_it_goes_out() -> None:
    """Paid funding costs, received funding does not pay; they net over the whole."""
    paying = account("a", perp("ETH", 1.0, funding_24h=-50.0))
    receiving = account("b", perp("ETH", -1.0, funding_24h=20.0))
    got = of(paying, receiving)
    each = (0.005 + SPREAD) * 4_000
    assert got.account.tolist() == pytest.approx([each + 50.0, each])
    assert got.wallet.tolist() == pytest.approx([2 * each + 30.0])
    earning = account("c", perp("ETH", 1.0, funding_24h=10.0))
    assert of(earning, receiving).wallet.tolist() == pytest.approx([2 * each])


def test_borrowing_counts_with_funding() -> None:
    """Fees of a pool go out whatever funding brings; of which the rate is unknown is said by name."""
    paying = account("a", perp("ETH", 1.0, funding_24h=20.0, borrowing_24h=-50.0))
    assert of(paying).wallet.tolist() == pytest.approx([(0.005 + SPREAD) * 4_000 + 30.0])
    ours = book([portfolio(account("a", perp("ETH", 1.0, borrowing_24h=None)))], scenarios())
    assert ours.flags == (("the borrowing of ETH-PERP is unknown: no add-on for it",),)


def test_unknown_funding_is_said() -> None:
    """A protocol without a rate costs nothing, and says so."""
    ours = book([portfolio(account("a", perp("ETH", 1.0, funding_24h=None)))], scenarios())
    assert ours.flags == (("the funding of ETH-PERP is unknown: no add-on for it",),)
    assert add_ons(ours).wallet.tolist() == pytest.approx([(0.005 + SPREAD) * 4_000])


def test_a_protocols_failure_costs_what_it_owes_us_only() -> None:
    """f_v(e) = mu_v * max(e, 0) - max(-e, 0): what is owed to a protocol stays owed, to the last dollar."""
    accounts = [account(name, supply("USDC", 1.0), protocol=name) for name in ("aave_v3", "fork")]
    ours = book([portfolio(*accounts, wallet(holding("USDC", 1.0)))], scenarios())
    for sign, expected in ((1.0, [99.5, 98.0, 100.0]), (-1.0, [-100.0] * 3)):
        assert counted(ours, np.full(3, sign * 100.0)).tolist() == pytest.approx(expected)
    assert counted(ours, np.zeros((3, 2))).tolist() == [[0.0, 0.0]] * 3


def test_no_options_and_no_accounts() -> None:
    """Portfolios of nothing have nothing to pay."""
    got = add_ons(book([portfolio(), portfolio(account("a", supply("USDC", 1.0)))], scenarios()))
    assert got.wallet.tolist() == [0.0, 0.0]
