"""A stranger supplies a hostile token on a wallet's behalf: its real debts are not hidden by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aggregator.model.assets import TokenList
from aggregator.model.errors import CallReverted, MalformedReply, NoContract, ReadError
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from aggregator.pricing.assembly import assemble
from tests.adapters.morpho_blue.hostile import broken_code, hostile_market
from tests.adapters.morpho_blue.kit import read_all, read_morpho, rule_of
from tests.reading_kit import pin

if TYPE_CHECKING:
    from tests.devnet.world import World

STETH, LOOP = "wstETH/USDC", "wstETH/WETH"
USDC = 10**6


def _borrow(world: World, user: str) -> Reading:
    world.morpho_blue.supply_collateral(user, STETH, 10)
    world.morpho_blue.borrow(user, STETH, raw=15_000 * USDC)
    return read_morpho(world, user)


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("reverting", CallReverted),
        ("missing", NoContract),
        ("nonsense", MalformedReply),
        ("endless", ReadError),
    ],
)
def test_a_hostile_token_hides_no_debt(
    devnet: World, how: str, error: type[ReadError], *, lent: bool
) -> None:
    """Its own account fails by name; that of the loan is what it was before."""
    victim, stranger = devnet.spare[0], devnet.spare[1]
    before = _borrow(devnet, victim)
    token, market = hostile_market(devnet, stranger, victim, lent=lent)
    devnet.node.set_code(token.address, broken_code(devnet, how))
    reading = read_morpho(devnet, victim)
    assert [a.id for a in reading.accounts] == [a.id for a in before.accounts]
    assert rule_of(reading.accounts[0]).position == rule_of(before.accounts[0]).position
    [failure] = reading.failures
    assert failure.label == f"Morpho Blue local market 0x{market.hex()}"
    assert isinstance(failure.error, error)
    assert token.address.lower() in str(failure.error)
    portfolio = assemble(
        parse_address(victim),
        [reading],
        [],
        blocks={failure.chain: pin(devnet.node.url)},
        tokens=TokenList(()),
    )
    assert not portfolio.coverage.complete
    assert failure.error in [one.error for one in portfolio.failures]


@pytest.mark.parametrize("how", ["reverting", "missing", "endless"])
def test_an_oracle_that_breaks_fails_its_own_market(devnet: World, how: str) -> None:
    """Of two loans one can't be told; a wallet beside it is read as ever."""
    user, other = devnet.spare[0], devnet.spare[1]
    _borrow(devnet, user)
    _borrow(devnet, other)
    devnet.morpho_blue.supply_collateral(user, LOOP, 10)
    devnet.morpho_blue.borrow(user, LOOP, raw=10**18)
    oracle = devnet.morpho_blue.oracles[LOOP].address
    devnet.node.set_code(oracle, broken_code(devnet, how))
    (mine, theirs), _ = read_all(devnet, [user, other])
    assert [a.label for a in mine.accounts] == [a.label for a in theirs.accounts]
    assert mine.accounts[0].rule is not None
    [failure] = mine.failures
    assert oracle.lower() in str(failure.error)
    assert theirs.failures == ()
