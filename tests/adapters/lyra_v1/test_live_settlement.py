"""Settlement at 204 random states: what `settleOptions` then transfers, to the wei."""

from __future__ import annotations

import random

import pytest

from adapters.lyra_v1.calls import HeldPosition, Series, Settlement
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.held import Holding, payout
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.chain import bytes32
from tests.devnet.lyra import STRIKES, Kind
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.simulated import Step, simulate
from tests.devnet.world import World

WAD = 10**18
PRICES = 17


@pytest.mark.parametrize("seed", range(2))
def test_payouts_equal_the_transfers(devnet: World, seed: int) -> None:
    """Six positions of one board, longs among them, at 17 prices each; insolvent shorts first."""
    rng, lyra, user = random.Random(seed), devnet.lyra_v1, devnet.spare[0]
    board = lyra.boards()[0]
    opened = [
        lyra.open(user, lyra.strike_id(board, rng.choice(STRIKES)), kind, f"{rng.randint(1, 900)}e-2")
        for kind in (Kind.LONG_CALL, Kind.LONG_PUT)
    ]
    # The pool's part is rounded as a sum: without others' collateral the last claim can lack a wei.
    far = lyra.strike_id(lyra.boards()[1], 2_000)
    lyra.open(devnet.spare[1], far, Kind.SHORT_CALL_BASE, 1, 1)
    lyra.open(devnet.spare[1], far, Kind.SHORT_PUT_QUOTE, 1, 2_000)
    opened += [open_random_short(lyra, user, rng, board=board) for _ in range(4)]
    lyra.rates.send("nominateNewOwner", MULTICALL3)
    held = {one: lyra.position(one) for one in opened}
    strikes = {one: lyra.strike(position.strike_id) for one, position in held.items()}
    devnet.node.warp(lyra.expiry(board) - devnet.node.timestamp + 1)
    insolvent, other = 0, lyra.positions(devnet.wallets["hedged"])[1].id
    for _ in range(PRICES):
        price = rng.randint(300, 6_000) * WAD + rng.randint(0, WAD)
        rate: Step = (lyra.rates, "setRateAndInvalid", (bytes32("sETH"), price, False))
        steps: list[Step] = [
            (lyra.rates, "acceptOwnership", ()),
            rate,
            (lyra.market, "settleExpiredBoard", (board,)),
            # Whose collateral the pool has taken already is given back when it settles.
            (lyra.short_collateral, "settleOptions", ([other],)),
        ]
        order = sorted(opened, key=lambda one: held[one].kind < Kind.SHORT_CALL_BASE)
        for one in order:
            token = lyra.base if held[one].kind is Kind.SHORT_CALL_BASE else lyra.quote
            balance: Step = (token, "balanceOf", (user,))
            terms: Step = (lyra.market, "getSettlementParameters", (held[one].strike_id,))
            steps += [terms, balance, (lyra.short_collateral, "settleOptions", ([one],)), balance]
        found = simulate(devnet.chain, steps)
        assert [outcome.refused for outcome in found[:4]] == [None] * 4
        for i, one in enumerate(order):
            told, before, done, after = found[4 + 4 * i : 8 + 4 * i]
            position, strike = held[one], strikes[one]["strikePrice"]
            holding = Holding(
                OptionType(position.kind),
                HeldPosition(
                    one,
                    position.strike_id,
                    position.kind,
                    position.amount,
                    position.collateral,
                    position.state,
                ),
                Series(board, strike, WAD, lyra.expiry(board), WAD, frozen=False),
                Settlement(*told.value),
                is_expired=True,
            )
            assert done.refused is None
            assert payout(holding) == after.value - before.value, (position.kind, price)
            insolvent += position.collateral > 0 and payout(holding) == 0
    assert insolvent > 0
