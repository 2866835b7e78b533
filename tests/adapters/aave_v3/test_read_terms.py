"""What the read finds beside health, fed by hand: liquidation terms, sentinels, grace periods, interest."""

from __future__ import annotations

import pytest

from adapters.aave_v3 import calls
from adapters.aave_v3.interest import RAY
from adapters.aave_v3.terms import PoolTerms, ReserveTerms
from adapters.aave_v3.versions import VERSIONS
from aggregator.model.assets import token_id
from aggregator.model.errors import CallReverted, MalformedReply, NoContract
from aggregator.model.positions import Debt, Supply
from tests.adapters.aave_v3.hand import (
    ACTIVE,
    BONUS,
    CASH,
    FLASH,
    PAUSED,
    POOL,
    PROVIDER,
    USDC,
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
from tests.adapters.by_hand import Reply

SENTINEL = address("8")


def test_terms_of_the_reserves() -> None:
    """Bonus, fee and flags of each leg's reserve."""
    pool = Pool(grace={WETH: START + 5, USDC: 0})
    pool.configuration[WETH] |= 8_000 | FLASH
    pool.configuration[USDC] = 8_000 << 16 | 6 << 48 | 10_450 << 32 | PAUSED
    assert rule_of(pool).terms == (
        ReserveTerms(
            10_500,
            1_000,
            active=True,
            paused=False,
            grace_until=START + 5,
            ltv_zero=False,
            a_token=a_token(WETH),
            lendable=CASH,
            frozen=False,
            ceiling=0,
            dormant=0,
            cash=CASH,
        ),
        ReserveTerms(
            10_450,
            0,
            active=False,
            paused=True,
            grace_until=0,
            ltv_zero=True,
            a_token=a_token(USDC),
            lendable=0,
            frozen=False,
            ceiling=0,
            dormant=0,
            cash=CASH,
        ),
    )
    assert rule_of(pool).pool == PoolTerms(POOL, 5, START)
    assert (rule_of(pool).release, rule_of(pool).sentinel_closed) == ("3.6", False)


def test_bonus_is_the_categorys_where_the_collateral_belongs_to_it() -> None:
    """By bitmap and by category alike."""
    pool = Pool(emode=3)
    pool.more = {
        calls.EMODE_CONFIG.at(POOL, 3): ((9_000, 9_300, 10_100),),
        calls.EMODE_COLLATERAL.at(POOL, 3): (0b001,),
    }
    assert [terms.bonus_bps for terms in rule_of(pool).terms] == [10_100, 10_500]
    old = Pool(revision=1, emode=3)
    old.more = {calls.EMODE_SINGLE.at(POOL, 3): ((9_000, 9_300, 10_100, address("0"), "ETH"),)}
    old.configuration[WETH] |= 3 << 168
    assert [terms.bonus_bps for terms in rule_of(old).terms] == [10_100, 10_500]


@pytest.mark.parametrize("revision", VERSIONS)
def test_grace_periods_are_asked_for_from_v3_1(revision: int) -> None:
    """A pool of V3.0 has no such function."""
    pool = Pool(revision=revision)
    if revision <= 3:
        pool.more = {calls.GRACE_UNTIL.at(POOL, WETH): CallReverted("getLiquidationGracePeriod", "")}
    else:
        pool.grace[WETH] = START
    graces = [terms.grace_until for terms in rule_of(pool).terms]
    assert graces == ([0, 0] if revision <= 3 else [START, 0])


def test_grace_period_is_worth_a_warning_up_to_its_last_second() -> None:
    """It is over in the second after it, and concerns nobody without debt."""
    over = Pool(grace={WETH: START - 1, USDC: 0})
    assert read(over).result.warnings == ()
    lasting = Pool(grace={WETH: START, USDC: 0})
    assert read(lasting).result.warnings == (
        "nobody is liquidated over WETH listed on Market until 2026-11-01 00:00:00 UTC",
    )
    lasting.flags, lasting.owed, lasting.debt = 0b10, {WETH: 0, USDC: 0}, 0
    assert read(lasting).result.warnings == ()


@pytest.mark.parametrize(
    ("answer", "closed"),
    [
        ((True,), False),
        ((False,), True),
        # The pool's own question reverts as well.
        (CallReverted("isLiquidationAllowed()", ""), True),
        (NoContract("isLiquidationAllowed()"), True),
    ],
)
def test_sentinel(answer: Reply, closed: bool) -> None:
    """Closed, nobody is liquidated above 0.95: in the rule and as a warning, within the same three rounds."""
    pool = Pool()
    pool.more = {
        calls.SENTINEL.at(PROVIDER): (SENTINEL,),
        calls.LIQUIDATION_ALLOWED.at(SENTINEL): answer,
    }
    driven = read(pool)
    assert len(driven.rounds) == 3
    assert rule_of(pool).sentinel_closed is closed
    assert [text.split(":")[0] for text in driven.result.warnings] == (
        ["the sentinel of Market reports an outage of the sequencer"] if closed else []
    )


def test_sentinel_that_answers_nonsense_is_an_error() -> None:
    """Neither yes nor no."""
    pool = Pool()
    pool.more = {
        calls.SENTINEL.at(PROVIDER): (SENTINEL,),
        calls.LIQUIDATION_ALLOWED.at(SENTINEL): MalformedReply("isLiquidationAllowed()", "2 is no boolean"),
    }
    with pytest.raises(MalformedReply):
        read(pool)


def test_pool_of_v3_7_has_no_sentinel() -> None:
    """What its provider still says, or no longer does, is nothing to the pool."""
    for said in ((SENTINEL,), CallReverted("getPriceOracleSentinel()", "")):
        pool = Pool(revision=11)
        pool.more = {calls.SENTINEL.at(PROVIDER): said}
        assert not rule_of(pool).sentinel_closed


def test_interest_per_year() -> None:
    """The reserve's rates, and the wallet's own where it owes at a stable rate; of a ray."""
    pool = Pool(revision=1, owed={WETH: 0, USDC: 11_000 * 10**6})
    for number, asset in ((0, WETH), (2, USDC)):
        data = (pool.configuration[asset], RAY, RAY // 50, RAY, RAY // 20, 0, START, number)
        tokens = (a_token(asset), stable_token(asset), debt_token(asset), address("0"))
        pool.more[calls.RESERVE_DATA.at(POOL, asset)] = (*data, *tokens, 0, 0, 0)
    pool.more |= {
        calls.STABLE_PRINCIPAL.at(stable_token(USDC), WALLET): (1_000 * 10**6,),
        calls.STABLE_RATE.at(stable_token(USDC), WALLET): (RAY // 10,),
        calls.STABLE_UPDATED.at(stable_token(USDC), WALLET): (START,),
    }
    [account] = read(pool).result.accounts
    told = [
        (type(position).__name__, position.apr)
        for position in account.positions
        if isinstance(position, (Supply, Debt))
    ]
    assert told == [("Supply", 0.02), ("Debt", 0.05), ("Debt", 0.1)]


def test_receipts_are_all_tokens_of_the_market() -> None:
    """Held or not, and debt tokens too: a wallet that lists one would own what it owes."""
    kinds = (a_token, debt_token, stable_token)
    expected = tuple(token_id(CHAIN, kind(asset)) for asset in (WETH, USDC) for kind in kinds)
    assert read(Pool()).result.receipts == expected


def test_reserve_without_bonus_bits() -> None:
    """Delisted as collateral: all zero."""
    pool = Pool(health=0)
    pool.configuration[WETH] = 18 << 48 | ACTIVE
    assert rule_of(pool).terms[0].bonus_bps == 0
    assert pool.configuration[USDC] & BONUS
