"""Liquidations against the real contracts of Venus' core pool: amounts, fees, refusals, what is left."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aggregator.model.rules import Amount, Liquidated, Refused, Repayment, prices_of
from tests.adapters.compound_v2.kit import asset_of, c_token_of
from tests.adapters.compound_v2.simulation import Reverted, Simulation
from tests.adapters.compound_v2.test_states import Changes, read_all, rules_of
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.venus_deploy import MARKETS, NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.compound_v2.margin import CompoundRule
    from tests.devnet.venus import VenusCore
    from tests.devnet.world import World

WALLETS = 14
# The comptroller's and the markets' error codes.
COMPTROLLER = {3: "INSUFFICIENT_SHORTFALL", 17: "TOO_MUCH_REPAY"}
# VAI's controller calls any amount that is none a rejection.
MARKET = {2: "INVALID_CLOSE_AMOUNT_REQUESTED", 7: "INVALID_CLOSE_AMOUNT_REQUESTED"}
# Where the account has nothing of a market, by whether what would be seized rounds to nothing.
NOTHING_TO_SEIZE = ("LIQUIDATE_SEIZE_TOO_MUCH", "VAI_LIQUIDATE_SEIZE_TOO_MUCH", "token seizure failed")
SEIZE, LIQUIDATE, REPAY = 4, 5, 3


@dataclass(frozen=True)
class Case:
    """One attempt: so much of a debt of a wallet, for one collateral."""

    wallet: str
    debt: str
    collateral: str
    amount: int


@dataclass(frozen=True)
class Result:
    """What the contracts did: cTokens that changed hands, debts and liquidity afterwards; or why not."""

    refused: str | None
    repaid: int
    seized: int
    fee: int
    owed: int
    tokens: int
    liquidity: tuple[int, int, int]


def attempt(pool: VenusCore, case: Case, block: int) -> Result:
    """Liquidate by the liquidator contract once all markets have added their interest; nothing is kept."""
    s, controller, liquidator = Simulation(pool), pool.vai_controller, pool.liquidator
    s.accrue()
    collateral, vai = pool.markets[case.collateral], case.debt == "VAI"
    market = controller if vai else pool.markets[case.debt]
    native = case.debt == NATIVE
    if not native:
        token = pool.vai if vai else pool.tokens[case.debt]
        if not vai:
            s.add(token, "mint", MULTICALL3, case.amount)
        s.add(token, "approve", liquidator.address, case.amount)
    debt = ("getVAIRepayAmount" if vai else "borrowBalanceStored", case.wallet)
    balance = s.add(collateral, "balanceOf", case.wallet)
    ours = s.add(collateral, "balanceOf", MULTICALL3)
    owed = s.add(market, *debt)
    allowed = s.add(
        pool.comptroller,
        "liquidateBorrowAllowed",
        *(market.address, collateral.address, liquidator.address, case.wallet, case.amount),
    )
    done = s.add(
        liquidator,
        "liquidateBorrow",
        *(market.address, case.wallet, case.amount, collateral.address),
        value=case.amount if native else 0,
    )
    balance_after = s.add(collateral, "balanceOf", case.wallet)
    ours_after = s.add(collateral, "balanceOf", MULTICALL3)
    owed_after = s.add(market, *debt)
    liquidity = s.add(pool.comptroller, "getAccountLiquidity", case.wallet)
    found = s.run(block)
    seized = found[ours_after] - found[ours]
    return Result(
        refused=_why(found[allowed], found[done]),
        repaid=found[owed] - found[owed_after],
        seized=seized,
        fee=found[balance] - found[balance_after] - seized,
        owed=found[owed_after],
        tokens=found[balance_after],
        liquidity=found[liquidity],
    )


def _why(allowed: Any, done: Any) -> str | None:
    """The contracts' reason in the words of the rule; None where it went through."""
    if not isinstance(done, Reverted):
        return None
    if done.reason.startswith("VAIDebtTooHigh"):
        return "VAIDebtTooHigh"
    if isinstance(allowed, Reverted):
        return allowed.reason
    if allowed:
        return COMPTROLLER[allowed]
    if done.reason.startswith("LiquidationFailed("):
        return MARKET[int(done.reason[18:-1])]
    # The native market's codes. The comptroller allows it before the coins are there, and refuses once they
    # are: they count as the market's cash, so that its collateral seems worth more.
    native = {"(03)": "INSUFFICIENT_SHORTFALL", "(07)": "INVALID_CLOSE_AMOUNT_REQUESTED"}
    return native[done.reason[-4:]] if done.reason.startswith("liquidateBorrow failed") else done.reason


def compare(pool: VenusCore, rule: CompoundRule, case: Case, time: int, block: int) -> str:
    """Rule and contracts do the same; what it was."""
    theirs = attempt(pool, case, block)
    repayment = Repayment(Amount(asset_of(pool, case.debt), case.amount), c_token_of(pool, case.collateral))
    prices = prices_of(rule)
    ours = rule.liquidate(prices, time, repayment)
    if isinstance(ours, Refused):
        if ours.reason == "MARKET_NOT_COLLATERAL":
            # A market that was entered and is empty gives nothing for a repayment that is worth nothing.
            assert theirs.refused in NOTHING_TO_SEIZE or (theirs.refused, theirs.seized) == (None, 0)
        else:
            assert ours.reason == theirs.refused, (case, theirs)
        return ours.reason
    assert isinstance(ours, Liquidated)
    assert theirs.refused is None, (case, theirs, ours)
    token = c_token_of(pool, case.collateral)
    assert {a.asset: a.raw for a in ours.seized} == ({token: theirs.seized} if theirs.seized else {})
    assert {a.asset: a.raw for a in ours.fees} == ({token: theirs.fee} if theirs.fee else {})
    # Interest on VAI is paid beside what is burnt: its debt falls by more than was paid.
    assert case.debt == "VAI" or ours.repaid == (Amount(asset_of(pool, case.debt), theirs.repaid),)
    after = ours.successor
    left = {leg.c_token: leg for leg in after.legs}  # type: ignore[attr-defined]
    assert (left[token].tokens if token in left else 0) == theirs.tokens
    assert [one.raw for one in ours.supplied] == [left[token].supplied if token in left else 0]
    sides = after.sides({**prices})  # type: ignore[attr-defined]
    _, liquidity, shortfall = theirs.liquidity
    assert sides.collateral - sides.debt == liquidity - shortfall, (case, theirs)
    return "liquidated VAI" if case.debt == "VAI" else "liquidated"


def cases_of(pool: VenusCore, rule: CompoundRule, wallet: str, chance: random.Random) -> list[Case]:
    """Attempts around every limit: within the close factor, beyond it, nothing, of what is not owed."""
    symbols = {c_token_of(pool, symbol): symbol for symbol in MARKETS}
    owed = {symbols[leg.c_token]: leg.owed for leg in rule.legs if leg.owed}
    held = [symbols[leg.c_token] for leg in rule.legs if leg.tokens]
    if rule.vai is not None:
        owed["VAI"] = rule.vai.debt.owed
    if not owed or not held:
        return []
    cases = []
    for _ in range(4):
        debt = chance.choice(list(owed))
        most = owed[debt] // 2
        amount = chance.choice(
            [most, most, most + 1, owed[debt], 0, 1, chance.randrange(most + 1), chance.randrange(most + 1)]
        )
        cases.append(
            Case(wallet, debt, chance.choice([*held, *held, *held, chance.choice(list(MARKETS))]), amount)
        )
    return cases


def test_a_hundred_random_liquidations(devnet: World) -> None:
    """To the wei where the contracts liquidate, the same reason where they refuse; pauses included."""
    pool, wallets = devnet.venus, devnet.spare[:WALLETS]
    changes = Changes(pool, 7)
    _lend_vai_to_the_liquidator(pool)
    for wallet in wallets:
        for symbol in changes.random.sample(list(MARKETS), 2):
            pool.supply(wallet, symbol, changes.amount(symbol, 20_000))
        changes.borrow(wallet)
        changes.borrow(wallet)
    seen = Counter[str]()
    for state in range(9):
        pool.set_prices(changes.prices())
        for wallet in wallets:
            changes.run(wallet)
        crash = changes.prices()
        fallen = changes.random.sample(["WETH", "wstETH", "WBTC", NATIVE], 3)
        pool.set_prices({**crash, **{symbol: crash[symbol] // 2 for symbol in fallen}})
        if state == 3:
            pool.pause("WETH", SEIZE)
            pool.pause("USDC", LIQUIDATE)
            pool.pause("DAI", REPAY)
        if state == 4:
            for symbol, action in (("WETH", SEIZE), ("USDC", LIQUIDATE), ("DAI", REPAY)):
                pool.pause(symbol, action, paused=False)
            pool.comptroller.send("_setForcedLiquidation", pool.markets["USDC"].address, True)  # noqa: FBT003
        if state == 8:
            pool.liquidator.send("resumeForceVAILiquidate")
        seen += _compare_all(devnet, wallets, changes.random)
    enough = {"liquidated": 85, "liquidated VAI": 15, "INSUFFICIENT_SHORTFALL": 20, "TOO_MUCH_REPAY": 10}
    enough |= {"LIQUIDATE_SEIZE_TOO_MUCH": 3, "INVALID_CLOSE_AMOUNT_REQUESTED": 3, "action is paused": 3}
    enough |= {"VAIDebtTooHigh": 2}
    for kind, least in enough.items():
        assert seen[kind] >= least, (kind, seen)


def _compare_all(world: World, wallets: Sequence[str], chance: random.Random) -> Counter[str]:
    """Cases of every wallet, at the block that it is read at: no interest is missing in any market."""
    pool, seen = world.venus, Counter[str]()
    pool.accrue()
    readings, block, time = read_all(world, wallets)
    for i, rule in rules_of(readings):
        for case in cases_of(pool, rule, wallets[i], chance):
            seen[compare(pool, rule, case, time, block)] += 1
    return seen


def _lend_vai_to_the_liquidator(pool: VenusCore) -> None:
    lender = pool.site.account("borrower")
    pool.borrow(lender, "VAI", 500_000)
    pool.vai.send("transfer", MULTICALL3, 500_000 * 10**18, sender=lender)
