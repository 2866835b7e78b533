"""The wallet's own holdings: fed by hand, then on the local chain."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from adapters.wallet import adapter as wallet_adapter
from adapters.wallet.adapter import (
    BALANCE,
    FEED_DECIMALS,
    LATEST_ROUND,
    MULTICALL3,
    NATIVE_BALANCE,
    build,
)
from aggregator.contract import Adapter, Call, Deployment, Deployments
from aggregator.model.assets import (
    Asset,
    Classification,
    ListedToken,
    native_id,
    token_id,
)
from aggregator.model.errors import CallReverted, NoContract, ReadError
from aggregator.model.positions import Holding
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address, ChainId, checksum, parse_address
from tests.adapters.by_hand import Driven, Reply, drive_by_hand
from tests.devnet.artifacts import compiled
from tests.devnet.tokens import KINDS
from tests.reading_kit import pin, read_accounts, run_read

if TYPE_CHECKING:
    from tests.devnet.world import World

CHAIN = ChainId(31337)
START = 1_793_491_200
BLOCK = Block(CHAIN, 1, "0x" + "1" * 64, "0x" + "2" * 64, START)
WALLET, WETH, WBTC, ETH_FEED, BTC_FEED = (Address("0x" + digit * 40) for digit in "1abef")
ENTRY = Deployment("wallet", CHAIN, "Local wallet", {}, "a test")


def _listed(
    address: Address | None, symbol: str, decimals: int, feed: Address | None, heartbeat_s: int | None = None
) -> ListedToken:
    identity = token_id(CHAIN, address) if address else native_id(CHAIN)
    asset = Asset(identity, symbol, decimals)
    return ListedToken(CHAIN, address, asset, Classification(symbol, "base"), feed, heartbeat_s)


TOKENS = (
    _listed(None, "ETH", 18, ETH_FEED, 3_600),
    _listed(WETH, "WETH", 18, None),
    _listed(WBTC, "WBTC", 8, BTC_FEED),
)


def _replies(**changes: Reply) -> dict[Call[Any], Reply]:
    said: dict[str, tuple[Call[Any], Reply]] = {
        "coins": (NATIVE_BALANCE.at(MULTICALL3, WALLET), (5,)),
        "weth": (BALANCE.at(WETH, WALLET), (7,)),
        "wbtc": (BALANCE.at(WBTC, WALLET), (0,)),
        "eth_round": (LATEST_ROUND.at(ETH_FEED), (9, 2_000 * 10**8, START - 60, START - 50, 9)),
        "eth_decimals": (FEED_DECIMALS.at(ETH_FEED), (8,)),
        "btc_round": (LATEST_ROUND.at(BTC_FEED), (9, 40_000 * 10**18, START - 60, START - 40, 9)),
        "btc_decimals": (FEED_DECIMALS.at(BTC_FEED), (18,)),
    }
    assert changes.keys() <= said.keys()
    return {call: changes.get(name, reply) for name, (call, reply) in said.items()}


def _read(**changes: Reply) -> Driven[Reading]:
    adapter = build(Deployments((ENTRY,), TOKENS))
    return drive_by_hand(adapter.read(ENTRY, WALLET, BLOCK), _replies(**changes))


def test_one_round_for_holdings_and_prices() -> None:
    """Native coin first, tokens in the list's order, zero balances left out."""
    driven = _read()
    assert len(driven.rounds) == 1
    [account] = driven.result.accounts
    assert account.id == f"wallet:{CHAIN}:{WALLET}"
    assert (account.kind, account.rule, account.reported, account.label) == (
        "wallet",
        None,
        None,
        "Local wallet",
    )
    assert account.positions == (
        Holding(TOKENS[0].asset, 5, f"getEthBalance(address)@{MULTICALL3}"),
        Holding(TOKENS[1].asset, 7, f"balanceOf(address)@{WETH}"),
    )
    assert driven.result.quotes == (
        Quote(TOKENS[0].asset.id, 2_000 * 10**8, 8, f"latestRoundData()@{ETH_FEED}", START - 50, 3_600),
        Quote(TOKENS[2].asset.id, 40_000 * 10**18, 18, f"latestRoundData()@{BTC_FEED}", START - 40, None),
    )


def test_empty_wallet_has_no_account() -> None:
    """But the prices are there for others."""
    reading = _read(coins=(0,), weth=(0,)).result
    assert reading.accounts == ()
    assert len(reading.quotes) == 2


@pytest.mark.parametrize("what", ["coins", "weth", "wbtc"])
@pytest.mark.parametrize("error", [CallReverted("balanceOf", "no"), NoContract("balanceOf")])
def test_a_balance_that_cannot_be_read_is_no_zero(what: str, error: ReadError) -> None:
    """The whole read fails: a part left out would look complete."""
    with pytest.raises(type(error)):
        _read(**{what: error})


@pytest.mark.parametrize(
    "round_",
    [
        (9, 0, START, START, 9),
        (9, -3, START, START, 9),
        (9, 1, START, 0, 9),
        (9, 1, START, 2**128, 9),
        CallReverted("latestRoundData()", "no"),
        NoContract("latestRoundData()"),
    ],
)
def test_bad_feed_gives_no_price_and_is_said_to_who_holds_its_token(round_: Reply) -> None:
    """Never a price of zero; without a holding only the quote is missing, with one it is a warning too."""
    reading = _read(eth_round=round_).result
    assert TOKENS[0].asset.id not in {quote.asset for quote in reading.quotes}
    assert ["ETH" in warning for warning in reading.warnings] == [True]
    reading = _read(btc_round=round_).result
    assert [quote.asset for quote in reading.quotes] == [TOKENS[0].asset.id]
    assert len(reading.accounts) == 1
    assert reading.warnings == ()
    assert len(_read(btc_round=round_, wbtc=(1,)).result.warnings) == 1


def test_feed_without_decimals_is_unusable() -> None:
    """A price whose scale is unknown is no price."""
    reading = _read(eth_decimals=NoContract("decimals()")).result
    assert TOKENS[0].asset.id not in {quote.asset for quote in reading.quotes}
    assert len(reading.warnings) == 1


def test_native_coin_that_is_not_listed_is_still_shown() -> None:
    """Nobody prices it here: the price book says so if nobody else does."""
    adapter = build(Deployments((ENTRY,), ()))
    said = {NATIVE_BALANCE.at(MULTICALL3, WALLET): (5,)}
    [account] = drive_by_hand(adapter.read(ENTRY, WALLET, BLOCK), said).result.accounts
    assert account.positions == (
        Holding(Asset(native_id(CHAIN), "native coin", 18), 5, f"getEthBalance(address)@{MULTICALL3}"),
    )


def test_multicall_elsewhere_and_tokens_of_other_chains() -> None:
    """The entry names Multicall3; only tokens of its chain are asked."""
    entry = Deployment("wallet", ChainId(7), "Other", {"multicall3": WETH}, "a test")
    adapter = build(Deployments((entry,), TOKENS))
    driven = drive_by_hand(adapter.read(entry, WALLET, BLOCK), {NATIVE_BALANCE.at(WETH, WALLET): (0,)})
    assert driven.result == Reading((), (), BLOCK)


def test_chain_with_listed_tokens_needs_no_entry() -> None:
    """Listing a token on a chain is enough to have it read; an entry is kept as it is."""
    adapter = build(Deployments((), TOKENS))
    [made] = adapter.deployments
    assert (made.chain, made.addresses) == (CHAIN, {"multicall3": MULTICALL3})
    assert list(build(Deployments((ENTRY,), TOKENS)).deployments) == [ENTRY]


def test_probe_counts_tokens_and_feeds() -> None:
    """And says which feed is unusable."""
    adapter = build(Deployments((ENTRY,), TOKENS))
    said = _replies(btc_round=(9, 0, START, START, 9))
    said |= {
        NATIVE_BALANCE.at(MULTICALL3, MULTICALL3): (0,),
        BALANCE.at(WETH, MULTICALL3): (0,),
        BALANCE.at(WBTC, MULTICALL3): (0,),
    }
    sentences = drive_by_hand(adapter.probe(ENTRY, BLOCK), said).result
    assert sentences[:2] == ("2 listed tokens answer", "1 of 2 price feeds are usable")
    assert "the price of WBTC" in sentences[2]


def _local(world: World, *, feed: str | None = None) -> Adapter:
    tokens = [
        _listed(parse_address(world.tokens[symbol].address), symbol, kind.decimals, None)
        for symbol, kind in KINDS.items()
    ]
    native = _listed(None, "ETH", 18, parse_address(feed) if feed else None)
    return build(Deployments((), (native, *tokens)))


def test_local_chain_holdings_to_the_wei(devnet: World) -> None:
    """Balances and a feed of the local chain, with the time of its answer."""
    user = devnet.spare[0]
    devnet.node.set_balance(user, 123_456_789)
    devnet.tokens.mint("USDC", user, "1234.567891")
    feed = devnet.chain.deploy(compiled("devnet")["SettableFeed"], 2_345 * 10**8, 8, "ETH / USD")
    set_at = devnet.node.timestamp
    reading = read_accounts(devnet.node.url, _local(devnet, feed=feed.address), user)
    [account] = reading.accounts
    held = {p.asset.symbol: p.raw for p in account.positions if isinstance(p, Holding)}
    assert held == {"ETH": 123_456_789, "USDC": 1_234_567_891}
    assert [(q.asset, q.price, q.updated_at) for q in reading.quotes] == [
        (native_id(CHAIN), 2_345 * 10**8, set_at)
    ]


def test_local_chain_empty_wallet(world: World) -> None:
    """No account where everything is zero."""
    assert read_accounts(world.node.url, _local(world), world.wallets["empty"]).accounts == ()


def test_local_chain_token_that_reverts_or_is_gone(devnet: World) -> None:
    """Both are errors, not balances of zero."""
    broken = devnet.chain.deploy(compiled("devnet")["AlwaysReverts"])
    for address, error in ((broken.address, CallReverted), (devnet.spare[1], NoContract)):
        adapter = build(Deployments((), (_listed(parse_address(address), "BAD", 18, None),)))
        with pytest.raises(error):
            read_accounts(devnet.node.url, adapter, devnet.spare[0])


def test_local_chain_probe(world: World) -> None:
    """What doctor says."""
    adapter = _local(world)
    [entry] = adapter.deployments
    sentences = run_read(world.node.url, 31337, adapter.probe(entry, pin(world.node.url)))
    assert sentences[0].endswith("listed tokens answer")
    assert sentences[1] == "0 of 0 price feeds are usable"


def test_shipped_entries_and_tokens_fit_each_other() -> None:
    """Every chain has its native coin with a feed; addresses are checksummed, unique and classified."""
    text = (files("aggregator") / "data" / "tokens.toml").read_text(encoding="utf-8")
    tokens = tomllib.loads(text)["tokens"]
    shipped = (files(wallet_adapter.__package__) / "deployments.toml").read_text(encoding="utf-8")
    chains = {entry["chain"] for entry in tomllib.loads(shipped)["deployment"]}
    assert {token["chain"] for token in tokens} == chains
    natives = [token for token in tokens if "address" not in token]
    assert sorted(token["chain"] for token in natives) == sorted(chains)
    assert all("feed" in token for token in natives)
    spelled = [token[role] for token in tokens for role in ("address", "feed") if role in token]
    assert all(checksum(parse_address(text)) == text for text in spelled)
    keys = [(token["chain"], token.get("address", "").lower()) for token in tokens]
    assert len(keys) == len(set(keys))
    classes = {"base", "stable", "synthetic_usd", "lst", "lrt", "wrapped_btc", "algo_stable", "mid", "tail"}
    assert {token["class"] for token in tokens} <= classes
    pegs = {"stable": "USD", "synthetic_usd": "USD", "wrapped_btc": "BTC"}
    assert all(token["underlying"] == pegs.get(token["class"], token["underlying"]) for token in tokens)


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
        (10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
        (137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
    ],
)
def test_usdc_is_the_native_coin(chain: int, address: str) -> None:
    """The address book calls the bridged one USDC; here that is USDC.e, without the native coin's feed."""
    text = (files("aggregator") / "data" / "tokens.toml").read_text(encoding="utf-8")
    here = {token["symbol"]: token for token in tomllib.loads(text)["tokens"] if token["chain"] == chain}
    assert here["USDC"]["address"] == address
    assert here["USDC.e"]["address"] != address
    assert "feed" in here["USDC"]
    assert "feed" not in here["USDC.e"]
