"""Positions behind proxies and smart wallets: found, proven, read in the same rounds, counted once.

The Safe is the real contract; DSProxy and Instadapp are stand-ins (see tests/devnet/owners.py).
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator import app, settings
from aggregator.app.linked import links_path, stored_links
from aggregator.model import errors
from aggregator.model.errors import BadConfiguration, StoreError
from aggregator.model.holders import Holder
from aggregator.model.portfolio import Portfolio
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.explorer import MAX_FOUND
from aggregator.reading.owners import Link
from aggregator.reading.recording import Recording
from aggregator.settings import Settings
from tests.adapters.morpho_blue.hostile import broken_code, hostile_market
from tests.devnet.owners import OwnerContracts
from tests.devnet.world import PROTOCOLS, World
from tests.test_app import proxy

LOCAL = ChainId(31337)
READS = len(PROTOCOLS) + 1  # and the wallet itself
"""Deployments of the local world."""
FINDERS = 2
"""Finders that look for addresses there."""


@pytest.fixture
def owners(devnet: World) -> OwnerContracts:
    """The local chain with owner contracts on it."""
    return OwnerContracts(devnet)


@pytest.fixture
def me(devnet: World) -> Address:
    """A wallet that has nothing of its own."""
    return parse_address(devnet.spare[0])


def configured(owners: OwnerContracts, *links: str, url: str = "", **more: Any) -> Settings:
    """The settings of the local chain with these links."""
    text = owners.config("".join(f"\n[[owners]]\n{link}\n" for link in links))
    if url:
        text = text.replace(owners.world.node.url, url)
    return settings.build({**tomllib.loads(text), **more}, "local")


def linked(wallet: str, address: str, more: str = "") -> str:
    """A link as the configuration has it."""
    return f'wallet = "{wallet}"\naddress = "{address}"\n{more}'


def read(config: Settings, *wallets: str, **more: Any) -> app.Answer:
    """What is read of wallets."""
    return app.read(app.Selection(tuple(map(parse_address, wallets)), **more), config)


def borrow(world: World, *holders: str) -> None:
    """Give each of these the same loan, taken by itself."""
    for holder in holders:
        world.aave_v36.supply(holder, "WETH", 10)
        world.aave_v36.borrow(holder, "USDC", 5_000)


def loans(portfolio: Portfolio) -> list[tuple[Address, ...]]:
    """The owner path of every loan."""
    return [a.owner_path for a in portfolio.accounts if a.kind == "lending"]


def holders(portfolio: Portfolio) -> dict[Address, Holder]:
    """The wallet's other addresses; none comes twice."""
    found = {holder.address: holder for holder in portfolio.holders}
    assert len(found) == len(portfolio.holders)
    return found


def test_a_loan_of_a_stand_in_ds_proxy_is_the_wallets(owners: OwnerContracts, me: Address) -> None:
    """Found in the registry, proven by the proxy itself, with its chain of ownership and one round more."""
    own = parse_address(owners.proxy(me).address)
    borrow(owners.world, own)
    answer = read(configured(owners), me)
    [portfolio] = answer.portfolios
    assert loans(portfolio) == [(me, own)]
    assert next(a.id for a in portfolio.accounts if a.kind == "lending").endswith(own)
    assert portfolio.holders == (Holder(LOCAL, (me, own), ("DSProxy",), proven=True, counted=True),)
    assert portfolio.coverage.complete
    assert portfolio.coverage.expected == 2 * (READS + FINDERS)
    [rounds] = answer.rounds.values()
    assert rounds == 4
    assert answer.requests == 1 + rounds + 2  # logs of the wallet and of the proxy
    alone = read(configured(owners), own)
    same = [a.positions for a in portfolio.accounts if a.owner_path[-1] == own]
    assert [a.positions for a in alone.portfolios[0].accounts] == same


def test_a_wallet_that_owns_nothing_takes_no_more_rounds(
    owners: OwnerContracts, me: Address, tmp_path: Path
) -> None:
    """The pin and three rounds cold, two warm, as without finders; one with a proxy takes three warm."""
    world = owners.world
    own = owners.proxy(me).address
    borrow(world, own)
    hedged = world.wallets["hedged"]
    cold = read(configured(owners), hedged)
    assert (cold.requests, [*cold.rounds.values()]) == (4 + 1, [3])  # and its logs
    without = read(configured(owners), hedged, owned=False)
    assert without.portfolios[0].accounts == cold.portfolios[0].accounts
    assert [*without.rounds.values()] == [3]
    cached = configured(owners).model_copy(update={"cache": tmp_path / "cache.sqlite"})
    read(cached, hedged)
    warm = read(cached, hedged)
    assert (warm.requests, [*warm.rounds.values()]) == (3 + 2, [2])
    assert warm.portfolios == cold.portfolios
    first = read(configured(owners), me)
    again = read(cached, me)
    assert [*again.rounds.values()] == [3]
    assert again.portfolios == first.portfolios


def test_a_proxy_that_was_given_away_is_nobodys(owners: OwnerContracts, me: Address) -> None:
    """The registry of the stand-in still names it, the proxy does not: what is read of it is dropped."""
    own = owners.proxy(me)
    other = owners.world.spare[1]
    own.send("setOwner", other, sender=me)
    borrow(owners.world, own.address)
    [portfolio] = read(configured(owners), me).portfolios
    assert (loans(portfolio), portfolio.holders) == ([], ())
    assert portfolio.coverage.complete
    [theirs] = read(configured(owners, linked(other, own.address)), other).portfolios
    assert loans(theirs)[-1][-1] == parse_address(own.address)
    assert holders(theirs)[parse_address(own.address)].proven


def test_stand_in_instadapp_accounts_count_where_nobody_else_may_act(
    owners: OwnerContracts, me: Address
) -> None:
    """All accounts of an authority are found; one that has others, who may have put it there, is told of."""
    mine, shared = (owners.account(me), owners.account(me, owners.world.spare[1]))
    borrow(owners.world, mine.address, shared.address)
    [portfolio] = read(configured(owners), me).portfolios
    assert loans(portfolio) == [(me, parse_address(mine.address))]
    found = holders(portfolio)
    assert found[parse_address(mine.address)].via == ("Instadapp account 1",)
    odd = found[parse_address(shared.address)]
    assert (odd.via, odd.counted) == (("Instadapp account 2, one of 2 authorities",), False)
    [told] = [w for w in portfolio.warnings if shared.address.lower() in w]
    assert f"`crossmargin wallet link {me} {odd.address} --count` counts it" in told
    wanted = configured(owners, linked(me, shared.address, "count = true"))
    [whole] = read(wanted, me).portfolios
    assert sorted(loans(whole)) == sorted([(me, parse_address(a.address)) for a in (mine, shared)])
    assert not [w for w in whole.warnings if shared.address.lower() in w]
    assert "Instadapp account 2, one of 2 authorities" in holders(whole)[odd.address].how


def test_an_account_that_the_resolver_forgets_is_a_failure(owners: OwnerContracts, me: Address) -> None:
    """Where list and resolver (stand-ins) disagree, one account would be missed: the finder's read fails."""
    owners.account(me)
    empty = owners.chain.deploy(owners.stand_ins["StandInInstaList"])
    text = owners.config().replace(f'resolver = "{owners.list.address}"', f'resolver = "{empty.address}"')
    [portfolio] = read(settings.build(tomllib.loads(text), "local"), me).portfolios
    [failure] = portfolio.failures
    assert (failure.adapter, type(failure.error)) == ("instadapp", errors.MalformedReply)
    assert (portfolio.coverage.expected, portfolio.coverage.failed) == (READS + FINDERS, 1)


def test_more_accounts_than_are_read_are_a_failure(
    owners: OwnerContracts, me: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can build accounts for anybody: a read does not follow without end, and says so."""
    assert MAX_FOUND > 2
    monkeypatch.setattr("aggregator.reading.explorer.MAX_FOUND", 2)
    for _ in range(3):
        owners.account(me)
    [portfolio] = read(configured(owners), me).portfolios
    [failure] = portfolio.failures
    assert isinstance(failure.error, errors.Unsupported)
    assert "wallet link" in str(failure.error)
    assert not portfolio.coverage.complete


def test_a_safe_counts_by_default_where_one_signature_is_enough(owners: OwnerContracts, me: Address) -> None:
    """One of five signers of a treasury must not have its millions in the score, unless they say so."""
    friends = owners.world.spare[1:5]
    single, treasury = owners.safe([me, friends[0]], 1), owners.safe([me, *friends], 3)
    borrow(owners.world, single.address, treasury.address)
    both = (linked(me, single.address), linked(me, treasury.address, 'label = "DAO"'))
    answer = read(configured(owners, *both), me)
    [portfolio] = answer.portfolios
    assert loans(portfolio) == [(me, parse_address(single.address))]
    found = holders(portfolio)
    assert found[parse_address(single.address)].via == ("Safe 1 of 2",)
    dao = found[parse_address(treasury.address)]
    assert (dao.via, dao.proven, dao.counted) == (("Safe 3 of 5 (DAO)",), True, False)
    assert any(dao.address in warning and "not counted" in warning for warning in portfolio.warnings)
    assert [*answer.rounds.values()] == [3]  # a link is read along with the wallet
    wanted = (linked(me, single.address, "count = false"), linked(me, treasury.address, "count = true"))
    [other] = read(configured(owners, *wanted), me).portfolios
    assert loans(other) == [(me, dao.address)]
    assert holders(other)[parse_address(single.address)].why_not == "you said so"


def test_a_link_that_nothing_proves_is_counted_and_said(owners: OwnerContracts, me: Address) -> None:
    """Another account, and a Safe of strangers: the user's word alone."""
    friend = owners.world.spare[6]
    stranger = owners.safe(owners.world.spare[1:3], 2)
    borrow(owners.world, friend, stranger.address)
    links = (linked(me, friend), linked(me, stranger.address, 'label = "Treasury"'))
    [portfolio] = read(configured(owners, *links), me).portfolios
    assert len(loans(portfolio)) == 2
    assert portfolio.coverage.complete
    found = holders(portfolio)
    assert found[parse_address(friend)].via == ("linked by you",)
    assert found[parse_address(stranger.address)].via == ("linked by you as Treasury",)
    assert not any(holder.proven for holder in found.values())
    told = [w for w in portfolio.warnings if "nothing on chain 31337 proves" in w]
    assert len(told) == 2


def test_links_are_of_their_chain_and_wallet(owners: OwnerContracts, me: Address) -> None:
    """One of another chain, or another wallet, is not looked at; what is no address is refused."""
    friend = owners.world.spare[6]
    borrow(owners.world, friend)
    elsewhere = (linked(me, friend, "chain = 1"), linked(owners.world.spare[7], friend))
    [portfolio] = read(configured(owners, *elsewhere), me).portfolios
    assert portfolio.holders == ()
    [here] = read(configured(owners, linked(me, friend, "chain = 31337")), me).portfolios
    assert loans(here) == [(me, parse_address(friend))]
    with pytest.raises(BadConfiguration, match=r"owners\.0"):
        read(configured(owners, linked(me, "0x12")), me)


def test_what_is_owned_by_what_is_owned_is_found_three_steps_far(owners: OwnerContracts, me: Address) -> None:
    """A round for each step; the fourth is not searched, and rings end."""
    first = owners.proxy(me)
    second = owners.account(first.address)
    third = owners.proxy(second.address)
    fourth = owners.account(third.address)
    steps = [me, *(parse_address(one.address) for one in (first, second, third, fourth))]
    borrow(owners.world, *steps[1:])
    ring = linked(steps[3], me)
    answer = read(configured(owners, ring), me)
    [portfolio] = answer.portfolios
    assert loans(portfolio) == [tuple(steps[:2]), tuple(steps[:3]), tuple(steps[:4])]
    assert holders(portfolio)[steps[3]].how == "DSProxy by Instadapp account 1 by DSProxy"
    assert [*answer.rounds.values()] == [6]


def test_an_address_that_is_reached_twice_counts_once(owners: OwnerContracts, me: Address) -> None:
    """By the registry, by a link, and by way of another one: once, by the shortest way."""
    own = owners.proxy(me)
    account = owners.account(own.address)
    borrow(owners.world, own.address, account.address)
    twice = (linked(me, own.address), linked(me, account.address))
    [portfolio] = read(configured(owners, *twice), me).portfolios
    proxy_at, account_at = parse_address(own.address), parse_address(account.address)
    assert sorted(loans(portfolio)) == sorted([(me, proxy_at), (me, account_at)])
    assert len(portfolio.holders) == 2


def test_over_wallets_every_address_counts_once(owners: OwnerContracts, me: Address) -> None:
    """Owner and owned in one answer, and two owners of one Safe: each account is in one portfolio only."""
    friend = parse_address(owners.world.spare[1])
    own, safe = owners.proxy(me), owners.safe([me, friend], 1)
    account = owners.account(own.address)
    borrow(owners.world, own.address, safe.address, account.address)
    config = configured(owners, linked(me, safe.address), linked(friend, safe.address))
    answer = read(config, friend, me, own.address)
    ids = [a.id for portfolio in answer.portfolios for a in portfolio.accounts]
    assert len(ids) == len(set(ids))
    theirs, mine, its = answer.portfolios
    assert loans(theirs) == [(friend, parse_address(safe.address))]
    assert loans(mine) == []
    assert {path[-1] for path in loans(its)} == {parse_address(a.address) for a in (own, account)}
    why = {holder.address: holder.why_not for holder in mine.holders}
    assert why[parse_address(own.address)] == "it is asked for itself"
    assert why[parse_address(safe.address)] == f"it counts for {friend}"
    assert len(mine.warnings) == 2
    for portfolio in answer.portfolios:
        assert portfolio.coverage.complete


def test_a_failed_read_of_an_owned_address_is_said(owners: OwnerContracts, me: Address) -> None:
    """Its market reverts: the wallet's own read and the proxy's both fail, the proxy's with its address."""
    own = parse_address(owners.proxy(me).address)
    borrow(owners.world, own)
    owners.world.node.set_code(owners.world.aave_v36.pool.address, bytes.fromhex("60006000fd"))
    [portfolio] = read(configured(owners), me).portfolios
    assert [f.deployment for f in portfolio.failures] == ["Aave V3.6 local", f"Aave V3.6 local for {own}"]
    assert {f.wallet for f in portfolio.failures} == {me}
    assert (portfolio.coverage.expected, portfolio.coverage.failed) == (2 * (READS + FINDERS), 2)


def test_a_failed_account_of_an_owned_address_is_said(owners: OwnerContracts, me: Address) -> None:
    """Of the wallet and of its proxy: the latter's with its address, and its loan beside it stands."""
    own = parse_address(owners.proxy(me).address)
    borrow(owners.world, own)
    for victim in (me, own):
        token, _ = hostile_market(owners.world, owners.world.spare[1], victim)
        owners.world.node.set_code(token.address, broken_code(owners.world, "reverting"))
    [portfolio] = read(configured(owners), me).portfolios
    assert loans(portfolio) == [(me, own)]
    mine, its = [f.deployment for f in portfolio.failures]
    assert mine.startswith("Morpho Blue local market 0x")
    assert " for " not in mine
    assert its.startswith("Morpho Blue local market 0x")
    assert its.endswith(f" for {own}")
    assert {f.wallet for f in portfolio.failures} == {me}
    assert (portfolio.coverage.expected, portfolio.coverage.failed) == (2 * (READS + FINDERS), 2)


def test_a_finder_that_fails_makes_the_answer_incomplete(owners: OwnerContracts, me: Address) -> None:
    """A registry that reverts may hide a proxy; a proxy that does not answer may be the wallet's."""
    own = owners.proxy(me)
    borrow(owners.world, own.address)
    with owners.world.isolated():
        owners.world.node.set_code(own.address, bytes.fromhex("60006000fd"))
        [portfolio] = read(configured(owners), me).portfolios
        assert [(f.adapter, type(f.error)) for f in portfolio.failures] == [("dsproxy", errors.CallReverted)]
        assert loans(portfolio) == []
    owners.world.node.set_code(owners.registry.address, bytes.fromhex("60006000fd"))
    [portfolio] = read(configured(owners), me).portfolios
    assert [f.adapter for f in portfolio.failures] == ["dsproxy"]
    off = read(configured(owners, find_owned=False), me)
    assert off.portfolios[0].coverage.expected == READS


def test_a_chain_that_is_not_reached_fails_the_finders_too(owners: OwnerContracts, me: Address) -> None:
    """Every read that was to be made is counted as failed."""
    [portfolio] = read(configured(owners, url="http://127.0.0.1:9"), me).portfolios
    assert (portfolio.coverage.expected, portfolio.coverage.failed) == (READS + FINDERS, READS + FINDERS)


def test_a_lying_reply_never_hides_a_proxy(owners: OwnerContracts, me: Address) -> None:
    """Words that are no address, for any of the finder's calls, are a failure."""
    owners.proxy(me)

    def spoil(call: dict[str, Any], answer: Any) -> Any:
        if call["method"] != "eth_call":
            return answer
        word = f"{0:024x}{own}"
        return {**answer, "result": answer["result"].replace(word, f"{1:024x}{own}")}

    own = owners.registry.call("proxies", me)[2:].lower()
    with proxy(owners.world.node.url, spoil) as (url, _):
        [portfolio] = read(configured(owners, url=url), me).portfolios
    assert [type(f.error) for f in portfolio.failures] == [errors.MalformedReply]


def test_twelve_accounts_take_no_more_rounds_than_one(owners: OwnerContracts, me: Address) -> None:
    """Over five reads each, with the finders of every one of them."""
    owners.account(me)
    one = read(configured(owners), me)
    accounts = [owners.account(me).address for _ in range(11)]
    borrow(owners.world, *accounts)
    many = read(configured(owners), me)
    assert len(loans(many.portfolios[0])) == 11
    assert many.rounds == one.rounds


def test_a_recording_answers_alike(owners: OwnerContracts, me: Address, tmp_path: Path) -> None:
    """Finders, links and proofs are in it; other wallets' links are not."""
    own, safe = owners.proxy(me), owners.safe([me, owners.world.spare[1]], 2)
    borrow(owners.world, own.address, safe.address)
    private = owners.world.spare[9]
    config = configured(owners, linked(me, safe.address, 'label = "x"'), linked(private, safe.address))
    path = tmp_path / "a.cmrec"
    live = app.read(app.Selection((me,)), config, record_to=path)
    recording = Recording.load(path)
    assert recording.request["owners"] == ["dsproxy", "instadapp", "safe"]
    assert private.lower() not in str(recording.configuration).lower()
    again = app.replay(recording)
    assert again.portfolios == live.portfolios
    assert again.portfolios[0].holders == live.portfolios[0].holders != ()
    app.read(app.Selection((me,)), config, record_to=tmp_path / "b.cmrec")
    assert path.read_bytes() == (tmp_path / "b.cmrec").read_bytes()
    del recording.request["owners"]
    assert loans(app.replay(recording).portfolios[0]) == []


def test_snapshots_keep_whose_accounts_they_are(owners: OwnerContracts, me: Address, tmp_path: Path) -> None:
    """Reads, holders and paths come back from the database as they were saved, and can be verified."""
    own, safe = owners.proxy(me), owners.safe([me, owners.world.spare[1]], 2)
    borrow(owners.world, own.address)
    config = configured(owners, linked(me, safe.address), database=str(tmp_path / "x.duckdb"))
    answer = read(config, me)
    [checked] = app.check(answer)
    kept = app.save(checked, answer, config)
    stored = app.stored(kept.id, config)
    assert stored.portfolio == checked.portfolio
    assert stored.portfolio.holders == answer.portfolios[0].holders
    [verified] = app.verify(None, config, app.Where(offline=True))
    assert verified.verified.faults == ()


def test_links_are_kept_beside_the_database(tmp_path: Path, me: Address) -> None:
    """A later one of the same address replaces the former; a damaged file is refused, not ignored."""
    config = settings.build({"database": str(tmp_path / "new" / "x.duckdb")}, "here")
    own = Address("0x" + "ab" * 20)
    assert stored_links(config) == ()
    first = Link(me, own)
    assert app.link_wallet(config, first)
    assert not app.link_wallet(config, replace(first, label="mine", counts=True))
    assert app.link_wallet(config, replace(first, chain=ChainId(1)))
    assert [(link.label, link.counts, link.chain) for link in stored_links(config)] == [
        ("mine", True, None),
        ("", None, 1),
    ]
    assert app.unlink_wallet(config, me, own) == 2
    assert app.unlink_wallet(config, me, own) == 0
    for bad in (replace(first, address=me), replace(first, label="a\x1b"), replace(first, label="a" * 65)):
        with pytest.raises(BadConfiguration):
            app.link_wallet(config, bad)
    for content in ("", "{}", '{"format": "crossmargin-links", "version": 9, "links": []}', "[1]"):
        links_path(config).write_text(content)
        with pytest.raises(StoreError, match=r"links\.json"):
            stored_links(config)
        with pytest.raises(StoreError):
            app.link_wallet(config, first)
        assert links_path(config).read_text() == content


@pytest.fixture(autouse=True)
def _own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links of whoever runs the tests are none of theirs."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(tmp_path / "default.duckdb"))
