"""The bulk path gives what a scan of each wallet gives, and needs nothing but arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.risk import bulk
from aggregator.risk.book import book
from aggregator.risk.bulk import scan_requirements
from aggregator.risk.scan import scan
from tests.risk.books import silos
from tests.risk.builders import holding, option, portfolio, scenarios, wallet
from tests.risk.linear import FAMILIES


@settings(max_examples=20)
@given(st.lists(silos("a"), min_size=1, max_size=5))
def test_as_a_scan(wallets: list[tuple[Account, ...]]) -> None:
    """Requirements, add-ons and isolated requirements of books with options, perps and debts."""
    ours = book([portfolio(*accounts) for accounts in wallets], scenarios())
    scanned, found = scan(ours, FAMILIES), scan_requirements(ours)
    scale = 1e-12 * ours.by_wallet(ours.gross_usd()) + 1e-9
    least = scanned.standard.whole.min(axis=(1, 2))
    equity = ours.by_wallet(scanned.equity)
    alone = ours.by_wallet(scanned.equity - scanned.standard.lowest + scanned.add_ons.account)
    assert np.all(np.abs(found.equity_usd - equity) <= scale)
    assert np.all(np.abs(found.scan_usd - (equity - least)) <= scale)
    assert np.all(np.abs(found.isolated_usd - alone) <= scale)
    assert np.array_equal(found.add_on_usd, scanned.add_ons.wallet)
    for i, (ray, level) in enumerate(zip(found.ray, found.level, strict=True)):
        there = scanned.standard.whole[i, round(level * 20), ray]
        assert abs(there - least[i]) <= scale[i]


def test_does_not_depend_on_threads_or_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes for a wallet alone, among others, and however the work is divided."""
    many = [
        portfolio(wallet(holding("ETH", 1.0 + i), option("ETH", -0.1 * i, "put", 3_500, years=0.1, iv=0.7)))
        for i in range(7)
    ]
    ours = book(many, scenarios())
    whole = scan_requirements(ours, threads=1)
    monkeypatch.setattr(bulk, "WALLETS_AT_ONCE", 2)
    parts = scan_requirements(ours, threads=3)
    assert whole.scan_usd.tobytes() == parts.scan_usd.tobytes()
    assert whole.isolated_usd.tobytes() == parts.isolated_usd.tobytes()
    for i, one in enumerate(many):
        alone = scan_requirements(book([one], scenarios()), rays=whole.rays)
        assert alone.scan_usd[0] == whole.scan_usd[i]


def test_nothing_held() -> None:
    """A wallet without accounts requires nothing, beside one that has some."""
    found = scan_requirements(book([portfolio(), portfolio(wallet(holding("ETH", 1.0)))], scenarios()))
    assert found.scan_usd[0] == 0.0
    assert found.scan_usd[1] > 0.0


def test_legs_out_of_order() -> None:
    """What would give wrong sums is refused."""
    ours = book([portfolio(wallet(holding("ETH", 1.0))), portfolio(wallet(holding("ETH", 2.0)))], scenarios())
    turned = replace(ours, legs=replace(ours.legs, account=ours.legs.account[::-1]))
    with pytest.raises(ValueError, match="order of their accounts"):
        scan_requirements(turned)
