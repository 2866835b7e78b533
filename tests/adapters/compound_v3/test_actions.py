"""An owner's own actions in the stand-in for a comet: what moves, what is left and what is refused."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from adapters.compound_v3.margin import CometRule
from aggregator.model.actions import Applied, AssetAction, Deposit, Repay, Untold, Withdraw
from aggregator.model.rules import Refused, prices_of
from tests.adapters.compound_v3.changes import Changes
from tests.adapters.compound_v3.kit import asset_id, read_comet, refusal, rooms, rule_in
from tests.adapters.compound_v3.test_states import BOTH
from tests.adapters.sending import alone, send_all, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.comet import Comet
    from tests.devnet.world import World

CASES = 30
WALLETS = 3


@BOTH
def test_random_actions(devnet: World, choose: Callable[[World], Comet], seed: int) -> None:
    """Principal, collateral, indices and health to the unit; where it can't be told, the comet decides."""
    comet, rng, seen = choose(devnet), random.Random(seed), Counter[str]()
    changes = Changes(comet, seed)
    symbols = (comet.base, *comet.factors)
    ids = {asset_id(comet, symbol): symbol for symbol in symbols}
    for wallet in devnet.spare[:WALLETS]:
        changes.open(wallet)
        for symbol in symbols:
            comet.tokens[symbol].send("mint", wallet, 10**30)
        rule = rule_in(read_comet(devnet, comet, wallet))
        for _ in range(CASES):
            snapshot = devnet.node.snapshot()
            time = devnet.node.timestamp + rng.randrange(5, 60 * 86_400)
            action = _action(rng, rule, time)
            ours = rule.apply(prices_of(rule), time, action)
            symbol = ids[action.asset]
            calls = told(rule.calls(action, alone(wallet)))
            at = comet.comet.address
            said = refusal(partial(send_all, devnet, calls, wallet, at=time, main=at))
            assert not isinstance(ours, Untold)
            if isinstance(ours, Refused):
                assert said == ours.reason
                seen[ours.reason] += 1
            else:
                assert said is None, (action, said)
                assert comet.tokens[symbol].call("allowance", wallet, at) == 0
                _compare(devnet, comet, wallet, symbol, ours, time)
                seen[type(action).__name__] += 1
            devnet.node.revert(snapshot)
    for kind, least in {"Repay": 20, "Deposit": 8, "Withdraw": 3, "NotCollateralized": 3}.items():
        assert seen[kind] >= least, seen


def _action(rng: random.Random, rule: CometRule, time: int) -> AssetAction:
    owed = rule.accrual.at(time).owed(rule.principal)
    if rng.random() < 0.5:
        return Repay(rule.base.asset, rng.choice([None, rng.randrange(owed), owed + rng.randrange(owed)]))
    held = rng.choice(rule.collaterals)
    if rng.random() < 0.5:
        return Deposit(held.feed.asset, rng.randrange(1, held.balance + 2))
    raw = rng.choice([None, held.balance, rng.randrange(1, held.balance + 1), rng.randrange(1, 100)])
    return Withdraw(held.feed.asset, raw)


def _compare(world: World, comet: Comet, wallet: str, symbol: str, ours: Applied, time: int) -> None:
    after = ours.successor
    if symbol == comet.base:
        assert (ours.owed, ours.supplied) == (comet.owed(wallet), comet.supplied(wallet))
    else:
        assert ours.supplied == comet.collateral(wallet, symbol)
    reading = read_comet(world, comet, wallet)
    again = reading.accounts[0].rule
    assert isinstance(after, CometRule)
    assert isinstance(again, CometRule)
    assert (after.cash, rooms(after)) == (again.cash, rooms(again))
    assert after.health(prices_of(after), time) == again.health(prices_of(again), time)
