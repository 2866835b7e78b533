"""A borrower's own actions on the real contract: what moves, what is left and what is refused, to the wei."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from adapters.morpho_blue.margin import MorphoRule
from aggregator.model.actions import Applied, AssetAction, Deposit, Repay, Withdraw
from aggregator.model.rules import WAD, Amount, Refused, prices_of
from tests.adapters.morpho_blue.kit import by_market, read_all, rule_of
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted
from tests.devnet.morpho import MARKETS
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from tests.devnet.world import World

KEYS = [key for key, kind in MARKETS.items() if kind.collateral][:4]
CASES = 24


def _rule(world: World, user: str, key: str) -> MorphoRule:
    [reading], _ = read_all(world, [user])
    return rule_of(by_market(world.morpho_blue, reading, KEYS)[key])


def _action(rng: random.Random, rule: MorphoRule, time: int) -> AssetAction:
    loan = rule.feed.quote
    assert loan is not None
    owed = rule.market.accrued(time).owed(rule.position.borrow_shares)
    if rng.random() < 0.5:
        return Repay(loan, rng.choice([None, rng.randrange(owed), rng.randrange(owed), owed + 10**9, 0]))
    held = rule.position.collateral
    if rng.random() < 0.5:
        return Deposit(rule.feed.asset, rng.randrange(held))
    return Withdraw(rule.feed.asset, rng.choice([rng.randrange(held // 50 + 2), held // 2, held + 1, None]))


def _send(world: World, user: str, rule: MorphoRule, action: AssetAction, time: int) -> str | None:
    """The transaction; the contract's words where it refuses."""
    morpho = world.morpho_blue
    try:
        send_all(world, told(rule.calls(action, alone(user))), user, at=time, main=morpho.morpho.address)
    except TransactionReverted as refused:
        return refused.reason
    return None


def test_random_actions(devnet: World) -> None:
    """Position and market as stored, what was paid, and the health at that time."""
    morpho, rng, seen = devnet.morpho_blue, random.Random(67), Counter[str]()
    for user, key in zip(devnet.spare, KEYS, strict=False):
        kind = MARKETS[key]
        units = 3 * 10 ** KINDS[kind.collateral].decimals + 12_345
        morpho.supply_collateral(user, key, Decimal(units).scaleb(-KINDS[kind.collateral].decimals))
        most = units * morpho.oracles[key].call("price") // 10**36 * kind.lltv // WAD
        morpho.borrow(user, key, raw=int(most * 0.95))
        for symbol in (kind.collateral, kind.loan):
            morpho.tokens[symbol].send("mint", user, 10**30)
        rule = _rule(devnet, user, key)
        for _ in range(CASES):
            snapshot = devnet.node.snapshot()
            time = devnet.node.timestamp + rng.randrange(5, 20 * 86_400)
            action = _action(rng, rule, time)
            if action.raw is None:
                # The approval of a whole repayment has room for so much interest, not for more.
                time = devnet.node.timestamp + rng.randrange(5, 2 * 86_400)
            ours = rule.apply(prices_of(rule), time, action)
            token = morpho.tokens[kind.loan if isinstance(action, Repay) else kind.collateral]
            before = token.call("balanceOf", user)
            said = _send(devnet, user, rule, action, time)
            if said is None:
                assert isinstance(ours, Applied), (action, ours)
                moved = token.call("balanceOf", user) - before
                assert token.call("allowance", user, morpho.morpho.address) == 0
                _compare(devnet, user, key, ours, Amount(action.asset, abs(moved)), time)
                seen[type(action).__name__] += 1
            else:
                assert ours == Refused(said), (action, ours)
                seen[said] += 1
            devnet.node.revert(snapshot)
    for kind_of, least in {
        "Repay": 15,
        "Deposit": 10,
        "Withdraw": 3,
        "insufficient collateral": 5,
        "Panic(0x11)": 3,
    }.items():
        assert seen[kind_of] >= least, seen


def _compare(world: World, user: str, key: str, ours: Applied, moved: Amount, time: int) -> None:
    morpho = world.morpho_blue
    stored, totals = morpho.position(user, key), morpho.totals(key)
    after = ours.successor
    assert isinstance(after, MorphoRule)
    assert (ours.paid or ours.received) == (moved if moved.raw else ours.paid or ours.received)
    assert ours.supplied in (None, stored.collateral)
    assert (after.position.borrow_shares, after.position.collateral) == (
        stored.borrow_shares,
        stored.collateral,
    )
    assert (after.market.borrow_assets, after.market.borrow_shares) == (
        totals.borrow_assets,
        totals.borrow_shares,
    )
    assert after.market.updated_at == totals.updated_at
    if stored.borrow_shares:
        again = _rule(world, user, key)
        assert after.health(prices_of(after), time) == again.health(prices_of(again), time)
        assert ours.owed in (None, again.market.accrued(time).owed(stored.borrow_shares))
