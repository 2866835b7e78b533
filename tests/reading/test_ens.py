"""Names of ENS: the real registry, registrar and resolver on the local chain, and stand-ins of newer ones."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import app, settings
from aggregator.model.errors import BadConfiguration, ProviderUnavailable, ReadError, UnresolvedName
from aggregator.model.units import Address, parse_address
from aggregator.reading import ens
from aggregator.reading.recording import Recording
from aggregator.settings import Settings
from tests.devnet.chain import ZERO_ADDRESS
from tests.devnet.ens import Names
from tests.devnet.world import World
from tests.reading_kit import run_read


@pytest.fixture(scope="module")
def names(world: World) -> Iterator[Names]:
    """A registry on the local chain, gone again afterwards."""
    with world.isolated():
        yield Names(world)


@pytest.fixture
def wallet(world: World) -> Address:
    """A wallet with positions."""
    return parse_address(world.wallets["hedged"])


def configured(world: World, names: Names, **more: object) -> Settings:
    """The settings of a world with its registry."""
    text = world.config().replace('name = "local"\n', f'name = "local"\n{names.setting}\n', 1)
    return settings.build({**tomllib.loads(text), **more}, "local")


def resolved(world: World, names: Names, name: str) -> Address:
    """What a name means on the local chain."""
    read = ens.resolve(parse_address(names.registry.address), ens.normalised(name))
    return run_read(world.node.url, 31337, read)


def named(world: World, names: Names, address: str) -> str | None:
    """How an address is called on the local chain."""
    read = ens.reverse(parse_address(names.registry.address), parse_address(address))
    return run_read(world.node.url, 31337, read)


def test_a_name_is_an_address_at_the_block(world: World, names: Names, wallet: Address) -> None:
    """Before it is registered it means nothing; other spellings mean the same."""
    before = world.node.block_number
    names.register("treasury.eth", wallet)
    names.give("deep.treasury.eth", names.chain.sender)
    names.register("a.deep.treasury.eth", world.spare[3])
    for spelling in ("treasury.eth", "Treasury.ETH"):
        assert resolved(world, names, spelling) == wallet
    assert resolved(world, names, "a.deep.treasury.eth") == parse_address(world.spare[3])
    read = ens.resolve(parse_address(names.registry.address), "treasury.eth")
    with pytest.raises(UnresolvedName, match="not registered at that block"):
        run_read(world.node.url, 31337, read, str(before))


def test_a_name_without_an_address_says_what_to_do(world: World, names: Names) -> None:
    """Each way of meaning nothing has its sentence."""
    names.give("bare.eth", world.spare[2])
    names.register("empty.eth", ZERO_ADDRESS)
    names.register("odd.eth", world.spare[2], resolver=names.registry)
    cases = {
        "nobody.eth": "not registered",
        "deep.nobody.eth": "not registered",
        "bare.eth": "no resolver",
        "empty.eth": "no Ethereum address",
        "odd.eth": "its resolver refused",
        "a_b.eth": "no name that ENS allows",
        "no\u200bthing.eth ": "no name that ENS allows",
        "..": "no name that ENS allows|no name with parts",
        "x" * 300 + ".eth": "no name with parts",
    }
    for name, why in cases.items():
        with pytest.raises(UnresolvedName, match=why) as caught:
            resolved(world, names, name)
        assert any(word in str(caught.value) for word in ("give the 0x address", "correct its spelling"))


def test_wildcards_and_gateways_of_stand_in_resolvers(world: World, names: Names, wallet: Address) -> None:
    """ENSIP-10 is followed for the nearest name above, CCIP read is not."""
    names.register("wild.eth", ZERO_ADDRESS, resolver=names.wildcard(wallet))
    names.register("off.eth", ZERO_ADDRESS, resolver=names.offchain())
    names.register("plain.eth", wallet)
    for name in ("wild.eth", "any.wild.eth", "a.b.wild.eth"):
        assert resolved(world, names, name) == wallet
    for name in ("off.eth", "any.off.eth"):
        with pytest.raises(UnresolvedName, match="CCIP read"):
            resolved(world, names, name)
    with pytest.raises(UnresolvedName, match="not registered"):
        resolved(world, names, "below.plain.eth")  # its resolver knows no wildcard


def test_an_address_is_called_only_what_leads_back_to_it(world: World, names: Names) -> None:
    """Whoever calls itself by another's name, or by one that is not normal, has none."""
    honest, liar, odd, nobody = world.spare[10:14]
    names.register("honest.eth", honest)
    for who, name in ((honest, "honest.eth"), (liar, "honest.eth"), (odd, "Honest.eth")):
        names.call_oneself(who, name)
    assert named(world, names, honest) == "honest.eth"
    assert [named(world, names, one) for one in (liar, odd, nobody)] == [None, None, None]
    names.register("honest.eth", liar)
    assert named(world, names, honest) is None
    assert named(world, names, liar) == "honest.eth"


def test_the_use_cases_take_names(world: World, names: Names, wallet: Address, tmp_path: Path) -> None:
    """Live and replayed: the wallets are those of the addresses, with their names, each once."""
    names.register("mine.eth", wallet)
    names.register("again.eth", wallet)
    config = configured(world, names)
    chosen = app.Selection(("Mine.eth", wallet, "again.eth", world.wallets["unhedged"]))
    path = tmp_path / "a.cmrec"
    live = app.read(chosen, config, record_to=path)
    assert [p.wallet for p in live.portfolios] == [wallet, parse_address(world.wallets["unhedged"])]
    assert live.names == {wallet: "mine.eth"}
    assert live.portfolios[0].accounts
    replayed = app.replay(Recording.load(path))
    assert (replayed.portfolios, replayed.names) == (live.portfolios, live.names)
    assert app.wallet_of("mine.eth", config) == (wallet, "mine.eth")
    assert app.wallet_of(wallet, config) == (wallet, None)


def test_a_wallet_without_a_name_takes_no_more_rounds(world: World, names: Names, wallet: Address) -> None:
    """Nobody's name costs a round, except of who has one: four."""
    config = configured(world, names)
    plain = app.read(app.Selection((wallet,)), config)
    assert [*plain.rounds.values()] == [3]
    names.register("me.eth", wallet)
    names.call_oneself(wallet, "me.eth")
    own = app.read(app.Selection((wallet,)), config)
    assert own.names == {wallet: "me.eth"}
    assert [*own.rounds.values()] == [4]


def test_names_are_asked_of_a_chain_that_is_not_read(world: World, names: Names, wallet: Address) -> None:
    """Where the chain that is read has no registry the first other one answers; if none has, it is said."""
    names.register("far.eth", wallet)
    config = configured(world, names)
    local = config.chains[31337]
    others = {
        1: local.model_copy(update={"ens_registry": "", "endpoints": ()}),
        31337: local.model_copy(update={"ens_registry": ""}),
    }
    with pytest.raises(BadConfiguration, match="ens_registry"):
        app.wallet_of("far.eth", config.model_copy(update={"chains": others}))
    dead = local.endpoints[0].model_copy(update={"url": "http://127.0.0.1:9"})
    unreached = {31337: local.model_copy(update={"endpoints": (dead,)})}
    with pytest.raises(ReadError) as caught:
        app.wallet_of("far.eth", config.model_copy(update={"chains": unreached}))
    assert isinstance(caught.value, ProviderUnavailable)


@given(st.text(alphabet="abcz019-.", min_size=1, max_size=12))
def test_plain_names_are_what_the_library_makes_of_them(name: str) -> None:
    """The short cut never answers otherwise than the library."""
    if ens._PLAIN.fullmatch(name):
        assert ens.normalised(name) == ens._by_library(name)


def test_other_names_are_normalised_as_the_standard_says() -> None:
    """Cases from ENSIP-15: case, composition, emoji, and what is confusable or forbidden."""
    same = {
        "Nick.ETH": "nick.eth",
        "e\u0301le\u0300ve.eth": "\xe9l\xe8ve.eth",
        "\U0001f4a9\ufe0f.eth": "\U0001f4a9.eth",
    }
    for name, normal in same.items():
        assert ens.normalised(name) == normal
    for name in ("vit\u0430lik.eth", "a_b.eth", "ab--c.eth", "a b.eth", "a..eth", ".eth", "\u202eeth.eth"):
        with pytest.raises(UnresolvedName):
            ens.normalised(name)


def test_addresses_import_no_library_of_names() -> None:
    """Nor do plain names."""
    code = (
        "import sys; from aggregator.reading import ens; ens.normalised('treasury.eth');"
        "print({'ens', 'web3'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
