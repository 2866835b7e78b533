"""Smart margin accounts, by stand-ins of Kwenta's contracts, over the real markets of Synthetix Perps V2."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from adapters.kwenta import owners
from adapters.kwenta.owners import build
from aggregator import app, settings
from aggregator.contract import Deployment, Deployments, Owned
from aggregator.model.assets import token_id
from aggregator.model.errors import BadConfiguration, CallReverted, TransportError
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Holding, Perp, Supply
from aggregator.model.readings import Block
from aggregator.model.rules import WAD
from aggregator.model.units import Address, ChainId, parse_address
from tests.adapters.by_hand import Replies, Reply, drive_by_hand
from tests.devnet.kwenta import SmartMarginAccounts
from tests.devnet.world import World
from tests.reading_kit import pin, run_read

LOCAL = ChainId(31337)
MARKET = "sETHPERP"


@pytest.fixture
def accounts(devnet: World) -> SmartMarginAccounts:
    """The local chain with the factory on it."""
    return SmartMarginAccounts(devnet)


@pytest.fixture
def me(devnet: World) -> Address:
    """A wallet that has nothing of its own."""
    return parse_address(devnet.spare[0])


def read(accounts: SmartMarginAccounts, *wallets: str, more: str = "") -> list[Portfolio]:
    """What is read of wallets."""
    config = settings.build(tomllib.loads(accounts.config(more)), "local")
    answer = app.read(app.Selection(tuple(map(parse_address, wallets))), config)
    return list(answer.portfolios)


def perps(portfolio: Portfolio) -> dict[tuple[Address, ...], int]:
    """Sizes of the perpetuals, by the path of their owner."""
    return {
        account.owner_path: position.size_raw
        for account in portfolio.accounts
        for position in account.positions
        if isinstance(position, Perp)
    }


def test_positions_of_smart_margin_accounts_are_the_wallets(
    accounts: SmartMarginAccounts, me: Address
) -> None:
    """Of each of its accounts, found in the factory and proven, beside the sUSD that lies there: once."""
    world = accounts.world
    first, second = accounts.account(me), accounts.account(me)
    world.synthetix.open(first.address, MARKET, margin=1_000, size=2)
    world.synthetix.open(second.address, MARKET, margin=1_000, size=-1)
    world.synthetix.susd.send("issue", first.address, 300 * WAD)
    first.send("commit", 120 * WAD, sender=me)
    [portfolio] = read(accounts, me)
    paths = [(me, parse_address(one.address)) for one in (first, second)]
    assert perps(portfolio) == {paths[0]: 2 * WAD, paths[1]: -WAD}
    assert portfolio.coverage.complete
    told = {holder.address: holder for holder in portfolio.holders}
    committed = "Kwenta smart margin, 120.00 sUSD committed to conditional orders"
    assert [told[path[1]].via for path in paths] == [(committed,), ("Kwenta smart margin",)]
    assert all(holder.proven and holder.counted for holder in told.values())
    susd = token_id(LOCAL, parse_address(world.synthetix.susd.address))
    held = [
        (account.kind, position.raw)
        for account in portfolio.accounts
        if account.owner_path == paths[0]
        for position in account.positions
        if isinstance(position, (Holding, Supply)) and position.asset.id == susd
    ]
    margin = world.synthetix.account(first.address, MARKET).margin
    assert sorted(held) == [("perp", margin), ("wallet", 300 * WAD)]
    assert first.call("freeMargin") == 180 * WAD


def test_an_account_that_was_given_away_is_the_new_owners(accounts: SmartMarginAccounts, me: Address) -> None:
    """The factory's lists follow; who asks for the account itself has it as a wallet."""
    world, other = accounts.world, parse_address(accounts.world.spare[1])
    account = accounts.account(me)
    world.synthetix.open(account.address, MARKET, margin=1_000, size=2)
    account.send("transferOwnership", other, sender=me)
    mine, theirs = read(accounts, me, other)
    assert perps(mine) == {}
    assert perps(theirs) == {(other, parse_address(account.address)): 2 * WAD}
    assert mine.coverage.complete


def test_what_another_factory_built_is_not_proven(accounts: SmartMarginAccounts, me: Address) -> None:
    """An account may say what it likes: only those of the factory are Kwenta's; another contract is none."""
    world = accounts.world
    foreign = SmartMarginAccounts(world).account(me)
    mine = accounts.account(me)
    entry = accounts.entry()
    addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
    deployment = Deployment("kwenta", LOCAL, entry.name, addresses, "local node")
    finder = build(Deployments((deployment,), ()))
    block = pin(world.node.url)

    def proven(address: str) -> object:
        read = finder.prove(deployment, me, parse_address(address), block)
        return run_read(world.node.url, LOCAL, read)

    assert proven(foreign.address) is None
    assert proven(mine.address) is not None
    assert run_read(world.node.url, LOCAL, finder.find(deployment, me, block)) == (
        parse_address(mine.address),
    )
    probed = run_read(world.node.url, LOCAL, finder.probe(deployment, block))
    assert probed == ("the factory answers",)


def test_a_deployment_needs_a_factory() -> None:
    """The message names what is missing."""
    entry = Deployment("kwenta", LOCAL, "test", {}, "a test")
    with pytest.raises(BadConfiguration, match="factory"):
        build(Deployments((entry,), ()))


HERE = Deployment("kwenta", LOCAL, "test", {"factory": parse_address("0x" + "fa" * 20)}, "a test")
FINDER = build(Deployments((HERE,), ()))
BLOCK = Block(LOCAL, 7, "0x07", "0x06", 1_800_000_000)
OWNER_OF, HIS, OTHERS = (parse_address("0x" + digits * 20) for digits in ("11", "22", "33"))
FACTORY = HERE.addresses["factory"]


def proof(*, built: bool = True, holder: Reply = (OWNER_OF,), committed: Reply = (0,)) -> Owned | None:
    """What is proven of an account by these replies."""
    replies: Replies = {
        owners.IS_ACCOUNT.at(FACTORY, HIS): (built,),
        owners.OWNER.at(HIS): holder,
        owners.COMMITTED_MARGIN.at(HIS): committed,
    }
    return drive_by_hand(FINDER.prove(HERE, OWNER_OF, HIS, BLOCK), replies).result


def test_an_account_that_tells_less_is_proven_all_the_same() -> None:
    """Accounts are upgraded: its positions must not be missing for want of a remark."""
    refused = CallReverted("committedMargin()", "")
    assert proof(committed=refused) == Owned(
        "Kwenta smart margin, commitments to conditional orders unknown", counts=True
    )
    assert proof() == Owned("Kwenta smart margin", counts=True)
    with pytest.raises(TransportError):
        proof(committed=TransportError("rpc", "lost"))


def test_a_factory_that_lies_gives_nobody_an_account() -> None:
    """Without the account's own word nothing is proven, and what it refuses to say is a failure."""
    assert proof(built=False) is None
    assert proof(holder=(OTHERS,)) is None
    assert proof(committed=(2**256 - 1,)) is not None
    with pytest.raises(CallReverted):
        proof(holder=CallReverted("owner()", "paused"))


def test_an_account_that_is_listed_twice_is_found_once() -> None:
    """In the order of the list."""
    replies: Replies = {owners.ACCOUNTS_OWNED_BY.at(FACTORY, OWNER_OF): ((HIS, OTHERS, HIS),)}
    assert drive_by_hand(FINDER.find(HERE, OWNER_OF, BLOCK), replies).result == (HIS, OTHERS)


def test_the_shipped_factory_is_named_with_its_source() -> None:
    """On Optimism, where the markets are."""
    file = Path(owners.__file__).with_name("deployments.toml")
    [entry] = tomllib.loads(file.read_text())["deployment"]
    assert (entry["chain"], bool(entry["source"])) == (10, True)
    assert parse_address(entry["addresses"]["factory"])
