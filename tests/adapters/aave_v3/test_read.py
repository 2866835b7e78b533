"""The read, fed by hand: its rounds, and what it makes of a market of every release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.aave_v3 import calls
from adapters.aave_v3.adapter import build
from adapters.aave_v3.interest import RAY
from adapters.aave_v3.user import NO_DEBT
from adapters.aave_v3.versions import VERSIONS, Maths
from aggregator.contract import Call, Deployment, Deployments
from aggregator.model.assets import token_id
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    CallReverted,
    ReadError,
    Unsupported,
)
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import Oracle
from tests.adapters.aave_v3.hand import (
    ACTIVE,
    BLOCK,
    ENTRY,
    NOBODY,
    ORACLE,
    PAUSED,
    POOL,
    PROVIDER,
    USDC,
    VIRTUAL,
    WALLET,
    WETH,
    Pool,
    a_token,
    address,
    debt_token,
    read,
    rule_of,
    stable_token,
)
from tests.adapters.aave_v3.kit import CHAIN, START
from tests.adapters.by_hand import Reply, drive_by_hand


def test_three_rounds_and_the_whole_account() -> None:
    """Ids, positions, origins, quotes and the pool's own word."""
    driven = read(Pool())
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.id == f"aave_v3:{CHAIN}:{POOL}:{WALLET}"
    assert (account.kind, account.label, account.owner_path) == ("lending", "Market", (WALLET,))
    supply, debt = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    assert (supply.raw, supply.is_collateral, supply.asset.symbol) == (10 * 10**18, True, "WETH listed")
    assert (debt.raw, debt.rate_mode, debt.asset.symbol, debt.asset.decimals) == (
        12_000 * 10**6,
        "variable",
        "USDC",
        6,
    )
    assert supply.origin == f"scaledBalanceOf(address)@{a_token(WETH)}"
    assert debt.origin == f"scaledBalanceOf(address)@{debt_token(USDC)}"
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (1_375_000_000_000_000_000, False)
    assert account.reported.origin == f"getUserAccountData(address)@{POOL}"
    assert [(q.asset, q.price, q.decimals) for q in driven.result.quotes] == [
        (supply.asset.id, 2_000 * 10**8, 8),
        (debt.asset.id, 10**8, 8),
    ]
    assert account.rule is not None
    assert [feed.oracle for feed in account.rule.feeds] == [Oracle.MARKET, Oracle.MARKET]
    assert driven.result.warnings == ()


def test_what_belongs_to_the_market_is_asked_the_same_for_every_wallet() -> None:
    """Only calls that name the wallet differ, so that many wallets share the rest."""
    for calls_of_round in read(Pool()).rounds:
        for target, data in calls_of_round:
            if target in (a_token(WETH), a_token(USDC), debt_token(USDC)):
                assert data.endswith(bytes.fromhex(WALLET[2:]))
    second = read(Pool()).rounds[1]
    assert all(not data.endswith(bytes.fromhex(WALLET[2:])) for _, data in second)


def test_wallet_without_a_position_has_no_account_but_quotes() -> None:
    """The market's prices are worth having all the same."""
    empty = Pool(
        flags=0, collateral=0, debt=0, health=NO_DEBT, supplied={WETH: 0, USDC: 0}, owed={WETH: 0, USDC: 0}
    )
    reading = read(empty).result
    assert reading.accounts == ()
    assert len(reading.quotes) == 2
    assert {token_id(CHAIN, a_token(WETH)), token_id(CHAIN, a_token(USDC))} < set(reading.receipts)


def test_supply_alone_reports_no_health() -> None:
    """2**256 - 1 is not a number to show."""
    pool = Pool(flags=0b10, debt=0, health=NO_DEBT, owed={WETH: 0, USDC: 0})
    [account] = read(pool).result.accounts
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (None, False)


@pytest.mark.parametrize("revision", VERSIONS)
def test_every_known_revision_reads(revision: int) -> None:
    """With its own arithmetic."""
    rule = rule_of(Pool(revision=revision))
    expected = Maths.V3_0 if revision <= 7 else Maths.V3_4 if revision == 8 else Maths.V3_5
    assert rule.maths is expected


@pytest.mark.parametrize("revision", [0, 12, 99])
def test_unknown_revision_is_refused_with_advice(revision: int) -> None:
    """Another release may count differently: no number rather than a guess."""
    with pytest.raises(Unsupported, match="newer crossmargin") as caught:
        read(Pool(revision=revision))
    assert f"revision {revision}" in str(caught.value)


@pytest.mark.parametrize("revision", [4, 5])
def test_threshold_zero_is_no_collateral_until_v3_5(revision: int) -> None:
    """The flag alone does not make it count."""
    pool = Pool(revision=revision, collateral=0, health=0)
    pool.configuration[WETH] = 18 << 48 | ACTIVE
    [account] = read(pool).result.accounts
    supply = account.positions[0]
    assert isinstance(supply, Supply)
    assert not supply.is_collateral
    assert account.reported is not None
    assert account.reported.liquidatable


def test_threshold_zero_counts_in_the_total_from_v3_6() -> None:
    """It adds to the collateral total, not to power."""
    pool = Pool(health=0)
    pool.configuration[WETH] = 18 << 48 | ACTIVE
    [account] = read(pool).result.accounts
    assert isinstance(account.positions[0], Supply)
    assert not account.positions[0].is_collateral


def test_emode_by_category_until_v3_1() -> None:
    """A reserve names its one category."""
    pool = Pool(revision=4, emode=3)
    pool.configuration[WETH] |= 3 << 168
    pool.configuration[USDC] |= 2 << 168
    pool.more = {calls.EMODE_SINGLE.at(POOL, 3): ((9_000, 9_300, 10_100, NOBODY, "ETH"),)}
    assert [leg.threshold_bps for leg in rule_of(pool).legs] == [9_300, 8_000]


def test_emode_by_bitmap_from_v3_2() -> None:
    """Bits are reserve ids, not places in the list: USDC is second in the list but has id 2."""
    pool = Pool(revision=5, emode=3)
    pool.more = {calls.EMODE_CONFIG.at(POOL, 3): ((9_000, 9_300, 10_100),)}
    for bitmap, thresholds in ((0b001, [9_300, 8_000]), (0b010, [8_250, 8_000]), (0b100, [8_250, 9_300])):
        pool.more[calls.EMODE_COLLATERAL.at(POOL, 3)] = (bitmap,)
        assert [leg.threshold_bps for leg in rule_of(pool).legs] == thresholds


@pytest.mark.parametrize("revision", [1, 4])
def test_emode_with_a_price_of_its_own(revision: int) -> None:
    """Until V3.1 the reserves of the category count at the price of its source, others at their own."""
    source = address("7")
    pool = Pool(revision=revision, emode=3, collateral=21_000 * 10**8)
    pool.more = {
        calls.EMODE_SINGLE.at(POOL, 3): ((9_000, 9_300, 10_100, source, "ETH"),),
        calls.PRICE.at(ORACLE, source): (2_100 * 10**8,),
    }
    pool.configuration[WETH] |= 3 << 168
    pool.price[WETH] = CallReverted("getAssetPrice(address)", "nobody asks it")
    with pytest.raises(Unsupported, match="USDC outside of eMode category 3"):
        read(pool)
    pool.configuration[USDC] |= 3 << 168
    pool.collateral, pool.debt = 21_000 * 10**8, 12_000 * 2_100 * 10**8
    driven = read(pool)
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.rule is not None
    assert [feed.price for feed in account.rule.feeds] == [2_100 * 10**8] * 2
    assert [quote.asset for quote in driven.result.quotes] == [token_id(CHAIN, USDC)]


def test_discounted_debt_is_refused_on_v3_3() -> None:
    """GHO there counts by its token's own balance."""
    pool = Pool(revision=7)
    pool.configuration[USDC] &= ~VIRTUAL
    with pytest.raises(Unsupported, match="discount"):
        read(pool)


def test_stable_debt_counts_until_v3_1() -> None:
    """The principal with its own rate since its own time; a position of its own."""
    pool = Pool(revision=1, owed={WETH: 0, USDC: 11_000 * 10**6})
    pool.more = {
        calls.STABLE_PRINCIPAL.at(stable_token(USDC), WALLET): (1_000 * 10**6,),
        calls.STABLE_RATE.at(stable_token(USDC), WALLET): (RAY // 10,),
        calls.STABLE_UPDATED.at(stable_token(USDC), WALLET): (START,),
    }
    [account] = read(pool).result.accounts
    assert [(p.raw, p.rate_mode) for p in account.positions if isinstance(p, Debt)] == [
        (11_000 * 10**6, "variable"),
        (1_000 * 10**6, "stable"),
    ]
    pool.revision = 10
    with pytest.raises(AdapterFault, match="debt"):
        read(pool)


def test_market_that_prices_in_a_token() -> None:
    """Its feeds are counted in that token, and its prices are no quotes in USD."""
    pool = Pool(collateral=10 * 10**18, debt=6 * 10**18)
    pool.price = {WETH: (10**18,), USDC: (5 * 10**14,)}
    pool.more = {calls.BASE_CURRENCY.at(ORACLE): (WETH,), calls.BASE_UNIT.at(ORACLE): (10**18,)}
    reading = read(pool).result
    assert reading.quotes == ()
    [account] = reading.accounts
    assert account.rule is not None
    assert [(feed.quote, feed.decimals) for feed in account.rule.feeds] == [(token_id(CHAIN, WETH), 18)] * 2
    pool.debt += 10**15
    with pytest.raises(AdapterFault, match="debt"):
        read(pool)


def test_paused_reserve_gives_a_warning() -> None:
    """Whoever holds it can't act."""
    pool = Pool()
    pool.configuration[USDC] |= PAUSED
    assert read(pool).result.warnings == ("USDC is paused on Market: no repayment or withdrawal now",)


def test_market_without_reserves_is_empty() -> None:
    """Nothing to ask for."""
    pool = Pool()
    pool.more = {calls.RESERVES.at(POOL): ([],)}
    assert read(pool).result == Reading((), (), BLOCK)


def test_oracle_kinds_come_from_the_entry() -> None:
    """By asset, in any spelling of its address."""
    entry = replace(ENTRY, options={"oracle": {WETH.upper().replace("0X", "0x"): "rate", USDC: "fixed"}})
    [account] = read(Pool(), entry).result.accounts
    assert account.rule is not None
    assert [feed.oracle for feed in account.rule.feeds] == [Oracle.RATE, Oracle.FIXED]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (replace(ENTRY, addresses={"pool": POOL}), "addresses_provider"),
        (replace(ENTRY, addresses={"addresses_provider": PROVIDER}), "addresses.pool"),
        (replace(ENTRY, options={"oracle": {WETH: "guess"}}), "guess"),
        (replace(ENTRY, options={"oracle": "rate"}), "table"),
    ],
)
def test_bad_entry_is_refused_at_once(entry: Deployment, why: str) -> None:
    """The message names what is missing or misspelt."""
    with pytest.raises(BadConfiguration, match=why):
        build(Deployments((entry,), ()))


def test_probe_tells_revision_oracle_and_prices() -> None:
    """What doctor shows."""
    pool = Pool(revision=11)
    pool.price[USDC] = CallReverted("getAssetPrice(address)", "")
    adapter = build(Deployments((ENTRY,), ()))
    sentences = drive_by_hand(adapter.probe(ENTRY, BLOCK), pool.replies()).result
    assert sentences == (
        "pool revision 11 is Aave V3.7",
        f"the oracle {ORACLE} prices in USD with 8 decimals",
        "2 reserves, 1 without a usable price",
        "no usable price: USDC",
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [({calls.POOL.at(PROVIDER): (WETH,)}, Unsupported), ({calls.REVISION.at(POOL): (12,)}, Unsupported)],
)
def test_probe_refuses_what_cannot_be_read(change: dict[Call[Any], Reply], error: type[ReadError]) -> None:
    """A provider of another pool, an unknown revision."""
    adapter = build(Deployments((ENTRY,), ()))
    with pytest.raises(error):
        drive_by_hand(adapter.probe(ENTRY, BLOCK), Pool(more=change).replies())
