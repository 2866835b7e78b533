"""Positions of latest snapshots as columns require what the same positions require as objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account, Observation
from aggregator.model.assets import Classification, ListedToken, TokenList
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Option, Perp, Position
from aggregator.model.units import Address
from aggregator.risk.book import book
from aggregator.risk.bulk import requirements_in_parts, scan_requirements
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from aggregator.store.holdings import LatestPositions, latest_positions
from aggregator.store.opening import Opening
from aggregator.store.saving import Saving
from aggregator.store.warehouse import Warehouse
from tests.risk.books import silos
from tests.risk.builders import (
    TIME,
    TOKENS,
    debt,
    defaults,
    holding,
    option,
    perp,
    portfolio,
    scenarios,
    wallet,
)
from tests.store.blank import blank
from tests.store.samples import EXPECTED, PORTFOLIO, RESULT, SUSD, TAKEN_AT, USDC, WETH, save

SAMPLE_TOKENS = TokenList(
    ListedToken(PORTFOLIO.accounts[0].chain, None, asset, Classification(*known))
    for asset, known in ((WETH, ("ETH", "base")), (USDC, ("USD", "stable")), (SUSD, ("USD", "synthetic_usd")))
)


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


def saved(path: Path, portfolios: Sequence[Portfolio]) -> None:
    """All of them in a file, in one transaction."""
    if not path.exists():
        blank(path)
    whole = [replace(one, coverage=Coverage(1, 1, 0)) for one in portfolios]
    made = [Saving(one, RESULT, EXPECTED[:1], "0.1.0", TAKEN_AT, "health", "chain") for one in whole]
    Warehouse(path).save_many(made)


def latest(
    path: Path, *, group: str | None = None, under: ScenarioSet | None = None, tokens: TokenList = TOKENS
) -> LatestPositions:
    return Opening(path, lock_timeout_s=1.0).read(
        lambda connection: latest_positions(connection, under or scenarios(), tokens, group)
    )


def required(held: LatestPositions, under: ScenarioSet) -> list[dict[str, Any]]:
    """Figures of each wallet."""
    of = under.parameters.haircut.of
    kept = np.array([1.0 - of(protocol) for protocol in held.protocols])[held.protocol]
    names = ("equity_usd", "scan_usd", "add_on_usd", "isolated_usd", "level")
    return [
        {name: getattr(found, name)[i] for name in names} | {"scenario": found.rays.names[found.ray[i]]}
        for wallets, found in requirements_in_parts(held.columns, held.factors, kept, under)
        for i in range(len(wallets))
    ]


def same(held: LatestPositions, portfolios: Sequence[Portfolio], under: ScenarioSet) -> None:
    """Require that the figures are those of the book of these portfolios, to 1e-9 of what is held."""
    ours = book(portfolios, under)
    wanted, scale = scan_requirements(ours), 1e-9 * ours.by_wallet(ours.gross_usd()) + 1e-9
    found = required(held, under)
    assert [one.wallet for one in held.wallets] == [one.wallet for one in portfolios]
    for name in ("equity_usd", "scan_usd", "add_on_usd", "isolated_usd"):
        figures = np.array([row[name] for row in found])
        assert np.all(np.abs(figures - getattr(wanted, name)) <= scale), name


def unknown(position: Position, how: int) -> Position:
    """The position with less known of it, in one of several ways."""
    match position, how:
        case Option(), 1:
            return replace(position, iv=None, iv_source=None)
        case Option(), 2:
            return replace(position, style="perpetual", expiry=None, mark_raw=7 * 10**18)
        case Option(), 3:
            return replace(position, style="american", rate=0.05)
        case Perp(), 1:
            return replace(position, funding_24h_raw=None)
        case _:
            return position


@settings(max_examples=6)
@given(
    st.lists(silos("a"), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=20, max_size=20),
    st.integers(0, 10**6),
)
def test_as_from_objects(wallets: list[tuple[Account, ...]], ways: list[int], later: int) -> None:
    """Books of all kinds in one file, with options of unknown IV, without expiry and of American style."""
    turns = iter(ways * 20)
    portfolios = []
    for number, accounts in enumerate(wallets, start=1):
        mine = tuple(
            replace(
                one, rule=None, reported=None, positions=tuple(unknown(p, next(turns)) for p in one.positions)
            )
            for one in accounts
        )
        portfolios.append(replace(portfolio(*mine, time=TIME + later), wallet=address(number)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "w.duckdb"
        saved(path, portfolios)
        same(latest(path), portfolios, scenarios())


def test_the_sample(tmp_path: Path) -> None:
    """Integers up to 256 bits, prices of other chains, an account of a venue; the snapshot is partial."""
    under = scenario_set(defaults(), SAMPLE_TOKENS)
    save(tmp_path / "w.duckdb")
    held = latest(tmp_path / "w.duckdb", under=under, tokens=SAMPLE_TOKENS)
    classes = {asset: SAMPLE_TOKENS.classify(asset) for asset in PORTFOLIO.marks}
    same(held, [replace(PORTFOLIO, classes=classes)], under)
    [one] = held.wallets
    assert one.is_partial
    assert one.why is None
    assert one.requirement_then_usd == RESULT.scan_requirement_usd + RESULT.add_on_usd


def test_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a wallet requires does not depend on how many are valued at once, nor on who they are."""
    many = [
        replace(
            portfolio(wallet(holding("ETH", i), option("BTC", -0.1, "put", 90_000 + i, years=0.1, iv=0.7))),
            wallet=address(i),
        )
        for i in range(1, 8)
    ]
    saved(tmp_path / "w.duckdb", many)
    held = latest(tmp_path / "w.duckdb")
    whole = required(held, scenarios())
    monkeypatch.setattr("aggregator.risk.bulk.MOST_UNIT_VALUES", 10_000)
    parts = required(held, scenarios())
    assert [row["scan_usd"] for row in parts] == pytest.approx([row["scan_usd"] for row in whole], rel=1e-12)
    assert [row["scenario"] for row in parts] == [row["scenario"] for row in whole]


def test_unknowns_are_counted(tmp_path: Path) -> None:
    """By wallet and kind."""
    first = wallet(
        option("ETH", 1.0, "call", 4_000, years=0.1, iv=None),
        option("ETH", 1.0, "call", 4_000, years=0.0, iv=None),
        perp("ETH", 1.0, funding_24h=None, borrowing_24h=None),
        perp("ETH", 1.0, borrowing_24h=None),
    )
    second = wallet(unknown(option("ETH", 1.0, "call", 4_000, years=0.1, iv=0.5), 2))
    portfolios = [replace(portfolio(a), wallet=address(i)) for i, a in enumerate((first, second), 1)]
    saved(tmp_path / "w.duckdb", portfolios)
    counts = latest(tmp_path / "w.duckdb").columns.unknowns()
    assert counts.options_without_iv.tolist() == [1, 0]
    assert counts.options_without_expiry.tolist() == [0, 1]
    assert counts.perps_without_costs.tolist() == [2, 0]


def test_as_of_what_a_venue_said(tmp_path: Path) -> None:
    """Where a venue answered, its time counts to expiry, not that of the block; a debt is owed."""
    said = Observation(TIME + 20 * 86_400, "venue", "0x" + "ab" * 32)
    mine = wallet(option("ETH", 1.0, "call", 4_000, years=0.1, iv=0.5), debt("USDC", 500.0))
    portfolios = [replace(portfolio(replace(mine, observed=said)), wallet=address(1))]
    saved(tmp_path / "w.duckdb", portfolios)
    same(latest(tmp_path / "w.duckdb"), portfolios, scenarios())


def test_latest_of_a_group(tmp_path: Path) -> None:
    """The newest snapshot of each wallet; only those of the group where one is named."""
    path = tmp_path / "w.duckdb"
    old = [replace(portfolio(wallet(holding("ETH", i))), wallet=address(i)) for i in (1, 2)]
    new = replace(portfolio(wallet(holding("ETH", 5)), time=TIME + 60), wallet=address(2))
    saved(path, [*old, new])
    Warehouse(path).add_wallet(address(2), groups=["desk"])
    assert len(latest(path).wallets) == 2
    held = latest(path, group="desk")
    same(held, [new], scenarios())


SPOILT = {
    "DELETE FROM price WHERE asset_id LIKE 'index:ETH' AND": "there is no price of index:ETH",
    "UPDATE price SET price_raw = '0' WHERE asset_id LIKE '%455448' AND": "there is no price of eip155:1",
    "UPDATE position SET amount_raw = NULL WHERE kind = 'holding' AND": "its amount is missing",
    "UPDATE position SET strike_raw = NULL WHERE kind = 'option' AND": "its right, strike, size or rate is",
    "UPDATE position SET expiry = NULL WHERE kind = 'option' AND": "its style or expiry is missing",
    "UPDATE position SET mark_price_raw = NULL WHERE kind = 'perp' AND": "its size, mark, profit or",
    "UPDATE position SET index_asset_id = NULL WHERE kind = 'perp' AND": "its index is missing",
    "UPDATE position SET account_id = 'other' WHERE kind = 'perp' AND": "it belongs to no account",
    "DELETE FROM snapshot_block WHERE chain_id = 1 AND": "chain 1 of an account has no block",
    "INSERT INTO price FROM price WHERE": "there are two rows of wallet",
    "INSERT INTO account FROM account WHERE": "there are two rows of wallet",
}


def test_rows_that_can_not_be_valued(tmp_path: Path) -> None:
    """A wallet is named with the reason and has no position; the others are what they are without it."""
    path = tmp_path / "w.duckdb"
    mine = wallet(holding("ETH", 1), perp("ETH", 1.0), option("ETH", 1.0, "call", 4_000, years=0.1, iv=0.5))
    good = wallet(holding("WBTC", 1), option("BTC", 1.0, "call", 90_000, years=0.1, iv=0.5))
    accounts = [good, *[mine] * len(SPOILT), good]
    portfolios = [replace(portfolio(a), wallet=address(i)) for i, a in enumerate(accounts)]
    saved(path, portfolios)
    with duckdb.connect(str(path)) as connection:
        for number, spoil in enumerate(SPOILT, 1):
            only = "snapshot_id = (SELECT snapshot_id FROM snapshot WHERE wallet = ?)"
            connection.execute(f"{spoil} {only}", [address(number)])
    held = latest(path)
    told = [one.why or "" for one in held.wallets]
    assert [told[0], told[-1]] == ["", ""]
    for why, wanted in zip(told[1:-1], SPOILT.values(), strict=True):
        assert wanted in why
    of = held.columns.wallet
    for part in (held.columns.spot, held.columns.perp, held.columns.option):
        assert set(of[part.account].tolist()) <= {0, len(accounts) - 1}
    alone = scan_requirements(book([portfolio(good)], scenarios())).scan_usd[0]
    found = required(held, scenarios())
    assert found[0]["scan_usd"] == found[-1]["scan_usd"] == pytest.approx(alone, rel=1e-12)


def test_nothing_saved(tmp_path: Path) -> None:
    """No wallet, and nothing to value."""
    held = latest(blank(tmp_path / "w.duckdb"))
    assert held.wallets == ()
    assert required(held, scenarios()) == []
