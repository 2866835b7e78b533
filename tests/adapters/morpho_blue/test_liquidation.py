"""Random liquidations on the real contract: what moves, what is left and what is refused, to the wei."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from adapters.morpho_blue.liquidation import Position, Settled, settle
from adapters.morpho_blue.margin import MorphoRule
from aggregator.model.rules import WAD, Amount, Liquidated, Refused, Repayment
from tests.adapters.morpho_blue.kit import by_market, read_all, rule_of, write_oracle
from tests.devnet.errors import TransactionReverted
from tests.devnet.morpho import MARKETS, Liquidation
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.morpho_blue.market_state import MarketState
    from tests.devnet.world import World

KEYS = [key for key, kind in MARKETS.items() if kind.collateral]
WALLETS = 10
CASES = 250
NONCES = count(1_000_000)


def _open(world: World, wallets: Sequence[str], rng: random.Random) -> list[tuple[str, str, MorphoRule]]:
    """A loan of every size for each wallet, two in each market, read once."""
    morpho = world.morpho_blue
    for number, user in enumerate(wallets):
        key = KEYS[number % len(KEYS)]
        kind = MARKETS[key]
        decimals = KINDS[kind.collateral].decimals
        units = rng.randrange(10**decimals // 1_000, 4 * 10**decimals)
        morpho.supply_collateral(user, key, Decimal(units).scaleb(-decimals))
        most = units * morpho.oracles[key].call("price") // 10**36 * kind.lltv // WAD
        morpho.borrow(user, key, raw=int(most * rng.uniform(0.5, 0.999)))
    readings, _ = read_all(world, wallets)
    return [
        (user, key, rule_of(account))
        for user, reading in zip(wallets, readings, strict=True)
        for key, account in by_market(morpho, reading, KEYS).items()
    ]


def _attempt(world: World, user: str, key: str, time: int, **argument: int) -> Liquidation | str:
    """A liquidation in a block of that time; the contract's words where it refuses, and nothing changed."""
    # A transaction of the same bytes as one before a revert has its hash, and the node may answer that one's
    # receipt: each gets a nonce of its own.
    liquidator = world.chain.accounts[12]
    world.node.rpc("anvil_setNonce", liquidator, hex(next(NONCES)))
    world.node.next_block_at(time)
    try:
        return world.morpho_blue.liquidate(user, key, **argument)
    except TransactionReverted as refused:
        return refused.reason


def _left(world: World, user: str, key: str, market: MarketState, position: Position) -> None:
    """What the contract stores now is what the rule says is left."""
    morpho = world.morpho_blue
    stored, totals = morpho.position(user, key), morpho.totals(key)
    assert (stored.borrow_shares, stored.collateral) == (position.borrow_shares, position.collateral)
    assert (totals.supply_assets, totals.supply_shares) == (market.supply_assets, market.supply_shares)
    assert (totals.borrow_assets, totals.borrow_shares) == (market.borrow_assets, market.borrow_shares)
    assert totals.updated_at == market.updated_at


def _offer(world: World, user: str, key: str, rule: MorphoRule, price: int, time: int, raw: int) -> str:
    """An amount offered, as README.md says: by shares, and where that underflows by all collateral."""
    asset, loan = rule.feed.asset, rule.feed.quote
    assert loan is not None
    ours = rule.liquidate({asset: price}, time, Repayment(Amount(loan, raw), asset))
    market = rule.market.accrued(time)
    shares = min(market.repaid_shares(raw), rule.position.borrow_shares)
    said = _attempt(world, user, key, time, shares=shares)
    kind = "offer"
    if said == "Panic(0x11)":
        kind = "offer for all collateral"
        time += 1
        ours = rule.liquidate({asset: price}, time, Repayment(Amount(loan, raw), asset))
        said = _attempt(world, user, key, time, seized=rule.position.collateral)
    if isinstance(said, str):
        assert ours == Refused(said)
        return f"{kind}: {said}"
    assert isinstance(ours, Liquidated)
    assert isinstance(ours.successor, MorphoRule)
    moved = {
        "repaid": [(loan, said.repaid_assets)],
        "seized": [(asset, said.seized)],
        "bad_debt": [(loan, said.bad_debt)],
    }
    for name, amounts in moved.items():
        assert [(a.asset, a.raw) for a in getattr(ours, name)] == [(i, raw) for i, raw in amounts if raw]
    assert ours.fees == ()
    assert said.repaid_assets <= raw
    _left(world, user, key, ours.successor.market, ours.successor.position)
    return f"{kind}: bad debt" if said.bad_debt else kind


def _arguments(
    world: World, user: str, key: str, rule: MorphoRule, price: int, time: int, argument: dict[str, int]
) -> str:
    """The contract's own arguments, whether they make sense or not."""
    names = {"shares": "repaid_shares", "seized": "seized"}
    mine = {names[name]: value for name, value in argument.items()}
    ours = settle(rule.market.accrued(time), rule.position, price, rule.lltv, **mine)
    said = _attempt(world, user, key, time, **argument)
    [kind] = argument
    if isinstance(said, str):
        assert ours == Refused(said)
        return f"{kind}: {said}"
    assert isinstance(ours, Settled)
    assert said == Liquidation(ours.repaid_assets, ours.repaid_shares, ours.seized, ours.bad_debt)
    _left(world, user, key, ours.market, ours.position)
    return f"{kind}: bad debt" if said.bad_debt else kind


def _critical(rule: MorphoRule, time: int) -> int:
    """About the price at which the account becomes liquidatable."""
    owed = rule.market.accrued(time).owed(rule.position.borrow_shares)
    return owed * WAD // rule.lltv * 10**36 // rule.position.collateral


def _case(world: World, loan: tuple[str, str, MorphoRule], rng: random.Random, start: int) -> str:
    user, key, rule = loan
    time = start + rng.randrange(10, 30 * 86_400)
    price = int(_critical(rule, time) * rng.choice([rng.uniform(0.3, 0.9), rng.uniform(0.93, 1.05)]))
    write_oracle(world, key, price)
    part = rng.choice([rng.uniform(0, 1.3), 1.0, 10 ** rng.uniform(-12, 0), 0.0])
    choice = rng.randrange(4)
    if choice < 2:
        owed = rule.market.accrued(time).owed(rule.position.borrow_shares)
        return _offer(world, user, key, rule, price, time, int(owed * part))
    if choice == 2:
        return _arguments(
            world, user, key, rule, price, time, {"shares": _part(rule.position.borrow_shares, part)}
        )
    return _arguments(world, user, key, rule, price, time, {"seized": _part(rule.position.collateral, part)})


def _part(whole: int, part: float) -> int:
    return whole if part == 1.0 else int(whole * part)


def test_random_liquidations(devnet: World) -> None:
    """By amount, by shares and by collateral: also what is too much, too little, or too early."""
    rng, seen = random.Random(11), Counter[str]()
    devnet.morpho_blue.fund_liquidator()
    loans = _open(devnet, devnet.spare[:WALLETS], rng)
    assert len(loans) == WALLETS
    start = devnet.node.timestamp
    snapshot = devnet.node.snapshot()
    for _ in range(CASES):
        seen[_case(devnet, rng.choice(loans), rng, start)] += 1
        devnet.node.revert(snapshot)
        snapshot = devnet.node.snapshot()
    enough = {"offer": 10, "offer for all collateral: bad debt": 10, "shares": 5, "seized": 5}
    enough |= {"shares: Panic(0x11)": 5, "seized: Panic(0x11)": 5, "seized: bad debt": 3}
    enough |= {f"{kind}: position is healthy": 2 for kind in ("offer", "shares", "seized")}
    enough |= {f"{kind}: inconsistent input": 2 for kind in ("offer", "shares", "seized")}
    for kind, least in enough.items():
        assert seen[kind] >= least, (kind, seen)
