"""The read, fed by hand: its rounds, and what it makes of a comet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.compound_v3 import calls
from adapters.compound_v3.adapter import build
from adapters.compound_v3.interest import INDEX_SCALE
from aggregator.contract import Deployment, Deployments
from aggregator.model.assets import token_id
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    ReadError,
    Unsupported,
)
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Oracle
from tests.adapters.by_hand import drive_by_hand
from tests.adapters.compound_v3.hand import (
    BLOCK,
    COMET,
    ENTRY,
    FEEDS,
    RATE,
    REVERTED,
    USDC,
    WALLET,
    WBTC,
    WETH,
    Comet,
    read,
    rule_of,
)
from tests.adapters.compound_v3.kit import CHAIN, START, listed


def test_three_rounds_and_the_whole_account() -> None:
    """Ids, positions, origins, rates, quotes, receipts and the comet's own word."""
    driven = read(Comet())
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.id == f"compound_v3:{CHAIN}:{COMET}:{WALLET}"
    assert (account.kind, account.label, account.owner_path) == ("lending", "Comet", (WALLET,))
    debt, supply = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    assert (supply.raw, supply.is_collateral, supply.asset.symbol) == (10 * WAD, True, "WETH listed")
    assert (debt.raw, debt.rate_mode, debt.asset.symbol, debt.asset.decimals) == (
        12_000 * 10**6,
        "variable",
        "USDC",
        6,
    )
    assert supply.origin == f"userCollateral(address,address)@{COMET}"
    assert debt.origin == f"borrowBalanceOf(address)@{COMET}"
    assert supply.apr == 0.0
    assert debt.apr == pytest.approx(0.1, rel=1e-9)
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (1_500_000_000_000_000_000, False)
    assert account.reported.origin == f"isLiquidatable(address)@{COMET}"
    assert [(q.asset, q.price, q.decimals) for q in driven.result.quotes] == [
        (debt.asset.id, 10**8, 8),
        (supply.asset.id, 2_000 * 10**8, 8),
        (token_id(CHAIN, WBTC), 40_000 * 10**8, 8),
    ]
    assert driven.result.receipts == (token_id(CHAIN, COMET),)
    assert driven.result.warnings == ()
    assert account.rule is not None
    assert [(feed.oracle, feed.quote) for feed in account.rule.feeds] == [(Oracle.MARKET, None)] * 2


def test_only_calls_that_name_the_wallet_differ_between_wallets() -> None:
    """The second round is the same for all of them."""
    wallet = bytes.fromhex(WALLET[2:])
    named = [sum(wallet in data for _, data in one) for one in read(Comet()).rounds]
    assert named == [4, 0, 4]


def test_wallet_without_a_position_has_no_account_but_quotes_and_a_receipt() -> None:
    """The comet's prices are worth having all the same; no balance is asked for."""
    driven = read(Comet(user=(0, 5, 7, 0, 0), owed=0))
    assert driven.result.accounts == ()
    assert len(driven.result.quotes) == 3
    assert driven.result.receipts == (token_id(CHAIN, COMET),)
    assert all(not data.startswith(calls.USER_COLLATERAL.selector) for _, data in driven.rounds[2])


def test_supply_of_base_alone_has_no_rule() -> None:
    """Nothing can take it."""
    [account] = read(Comet(user=(5 * 10**6, 0, 0, 0, 0), supplied=5 * 10**6, owed=0)).result.accounts
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert (supply.raw, supply.is_collateral) == (5 * 10**6, False)
    assert supply.apr == pytest.approx(0.05, rel=1e-9)
    assert supply.origin == f"balanceOf(address)@{COMET}"
    assert (account.rule, account.reported) == (None, None)


def test_supply_of_base_beside_collateral_requires_nothing() -> None:
    """Both are positions; the test has nothing to say."""
    [account] = read(Comet(user=(5 * 10**6, 0, 0, 1, 0), supplied=5 * 10**6, owed=0)).result.accounts
    assert [p.raw for p in account.positions if isinstance(p, Supply)] == [5 * 10**6, 10 * WAD]
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (None, False)


def test_flags_of_the_seventeenth_collateral_are_in_the_reserved_bits() -> None:
    """A comet with up to 24; this one lists two, so that the flag of another is an error."""
    with pytest.raises(AdapterFault, match="lists 2 collaterals"):
        read(Comet(user=(-12_000 * 10**6, 0, 0, 1, 1)))


def test_interest_counts_to_the_block_and_the_flag_to_the_last_accrual() -> None:
    """Ten days at 10%: the account fails now, the comet's view does not say so yet, a warning does."""
    day = 86_400
    owed = 18_000 * 10**6
    grown = owed * (INDEX_SCALE + INDEX_SCALE * (2 * RATE * 10 * day) // WAD) // INDEX_SCALE
    comet = Comet(
        totals=(INDEX_SCALE, INDEX_SCALE, 0, 0, 10**12, 10**12, START - 10 * day, 0),
        user=(-owed, 0, 0, 1, 0),
        owed=grown,
    )
    reading = read(comet).result
    [account] = reading.accounts
    assert account.rule is not None
    assert account.reported is not None
    assert account.reported.health is not None
    assert account.reported.health < WAD
    assert account.reported.liquidatable is False
    [warning] = reading.warnings
    assert "as last accrued" in warning
    with pytest.raises(AdapterFault, match="liquidatable"):
        read(replace(comet, liquidatable=(True,)))


@pytest.mark.parametrize(
    ("comet", "why"),
    [
        (Comet(totals=(0, 0, 0, 0, 0, 0, 0, 0), user=(0, 0, 0, 0, 0), owed=0), "never initialised"),
        (Comet(count=25), "25 collaterals"),
    ],
)
def test_comets_that_are_not_known_are_refused(comet: Comet, why: str) -> None:
    """With advice."""
    with pytest.raises(Unsupported, match=why):
        read(comet)


def test_collateral_that_counts_nothing_is_none() -> None:
    """A comet that gives up an asset sets its factors to zero; it is still seized."""
    comet = Comet(liquidatable=(True,))
    comet.more = {calls.ASSET_INFO.at(COMET, 0): (0, WETH, FEEDS[WETH], WAD, 0, 0, 0, 0)}
    [account] = read(comet).result.accounts
    supply = account.positions[1]
    assert isinstance(supply, Supply)
    assert not supply.is_collateral
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (0, True)


def test_paused_actions_give_a_warning() -> None:
    """To whoever has an account; the rule knows of a paused absorption."""
    comet = Comet(paused=(calls.SUPPLY_PAUSED, calls.ABSORB_PAUSED))
    [warning] = read(comet).result.warnings
    assert warning == (
        "paused on Comet: supply, repayment and new collateral; absorption of failing accounts"
    )
    assert rule_of(comet).absorb_paused
    assert not rule_of(Comet()).absorb_paused
    assert read(replace(comet, user=(0, 0, 0, 0, 0), owed=0)).result.warnings == ()


def _in_base(base_price: int) -> tuple[Comet, Deployment]:
    comet = Comet(user=(-12 * 10**6, 0, 0, 1, 0), owed=12 * 10**6)
    comet.price = {USDC: (base_price,), WETH: (2 * 10**8,), WBTC: (20 * 10**8,)}
    return comet, replace(ENTRY, options={"quote": "base"})


@pytest.mark.parametrize(("base_price", "warned"), [(10**8, 0), (99_950_000, 0), (98_000_000, 1)])
def test_feeds_in_the_base_name_it_and_give_no_quotes(base_price: int, warned: int) -> None:
    """Exactly one, or near it where the base wraps what the feeds count in; too far gives a warning."""
    comet, entry = _in_base(base_price)
    reading = read(comet, entry).result
    assert reading.quotes == ()
    assert [("0.9800" in warning) for warning in reading.warnings] == [True] * warned
    [account] = reading.accounts
    assert account.rule is not None
    assert [feed.quote for feed in account.rule.feeds] == [token_id(CHAIN, USDC)] * 2


def test_option_that_the_base_contradicts_is_refused() -> None:
    """An ether at one dollar, and a base at two of itself."""
    comet, entry = _in_base(2_000 * 10**8)
    with pytest.raises(Unsupported, match="correct options"):
        read(replace(comet, user=(0, 0, 0, 0, 0), owed=0), entry)
    ether = build(Deployments((ENTRY,), (listed(USDC, "WETH", 6, "ETH"),)))
    for comet, says in ((Comet(), "correct options"), (_in_base(10**8 + 1)[0], None)):
        reading = ether.read(ENTRY, WALLET, BLOCK)
        if says is None:
            assert drive_by_hand(reading, comet.replies()).result.quotes
        else:
            with pytest.raises(Unsupported, match=says):
                drive_by_hand(reading, comet.replies())


def test_oracle_kinds_come_from_the_entry() -> None:
    """By asset, in any spelling of its address."""
    kinds = {WETH.upper().replace("0X", "0x"): "rate", USDC: "fixed"}
    rule = rule_of(Comet(), replace(ENTRY, options={"quote": "usd", "oracle": kinds}))
    assert [feed.oracle for feed in rule.feeds] == [Oracle.FIXED, Oracle.RATE]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (replace(ENTRY, addresses={}), "addresses.comet"),
        (replace(ENTRY, options={}), "options.quote"),
        (replace(ENTRY, options={"quote": "eur"}), "eur"),
        (replace(ENTRY, options={"quote": ["usd"]}), "options.quote"),
        (replace(ENTRY, options={"quote": "usd", "oracle": {WETH: "guess"}}), "guess"),
        (replace(ENTRY, options={"quote": "usd", "oracle": "rate"}), "table"),
    ],
)
def test_bad_entry_is_refused_at_once(entry: Deployment, why: str) -> None:
    """The message names what is missing or misspelt."""
    with pytest.raises(BadConfiguration, match=why):
        build(Deployments((entry,), ()))


def test_probe_tells_base_prices_and_pauses() -> None:
    """What doctor shows."""
    comet = Comet(paused=(calls.BUY_PAUSED,))
    comet.price[WBTC] = REVERTED
    adapter = build(Deployments((ENTRY,), ()))
    assert drive_by_hand(adapter.probe(ENTRY, BLOCK), comet.replies()).result == (
        f"the base is USDC ({USDC}), prices are in USD",
        "2 collaterals",
        "no usable price: WBTC",
        "paused: sale of absorbed collateral",
    )
    other, entry = _in_base(10**8)
    sentences = drive_by_hand(build(Deployments((entry,), ())).probe(entry, BLOCK), other.replies()).result
    assert sentences[0] == f"the base is USDC ({USDC}), prices are in USDC"


@pytest.mark.parametrize("comet", [Comet(count=25), _in_base(3)[0], Comet(scale=5)])
def test_probe_refuses_what_cannot_be_read(comet: Comet) -> None:
    """Another layout, another currency."""
    entry = replace(ENTRY, options={"quote": "base"})
    with pytest.raises(ReadError):
        drive_by_hand(build(Deployments((entry,), ())).probe(entry, BLOCK), comet.replies())


def test_comet_without_collateral_is_read() -> None:
    """One that only lends."""
    comet = Comet(count=0, user=(5 * 10**6, 0, 0, 0, 0), supplied=5 * 10**6, owed=0)
    reading = read(comet).result
    assert [quote.price for quote in reading.quotes] == [10**8]
    assert len(reading.accounts) == 1
