"""Vault shares: by hand, and against OpenZeppelin's ERC-4626 on the local chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.erc4626 import adapter as erc4626
from adapters.wallet.adapter import build as build_wallet
from aggregator.contract import Call, Deployment, Deployments
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, TokenList, token_id
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    ReadError,
)
from aggregator.model.positions import Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.pricing.assembly import assemble
from aggregator.reading.run import Job
from tests.adapters.by_hand import Reply, drive_by_hand
from tests.reading_kit import pin, read_accounts, run_jobs, run_read

if TYPE_CHECKING:
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

VAULT, TOKEN, WALLET = (Address("0x" + digit * 40) for digit in "123")
BLOCK = Block(ChainId(1), 17, "0x" + "1" * 64, "0x" + "0" * 64, 1_793_491_200)
ENTRY = Deployment("erc4626", ChainId(1), "A vault", {"vault": VAULT}, "a test")
SHARES = 10**20
REPLIES: dict[Call[Any], Reply] = {
    erc4626.ASSET.at(VAULT): (TOKEN,),
    erc4626.BALANCE.at(VAULT, WALLET): (SHARES,),
    erc4626.REDEEMED.at(VAULT, SHARES): (105_000_000,),
    erc4626.DECIMALS.at(TOKEN): (6,),
    erc4626.SYMBOL.at(TOKEN): ("USDC",),
}


def _read(more: dict[Call[Any], Reply], tokens: tuple[ListedToken, ...] = ()) -> Reading:
    adapter = erc4626.build(Deployments((ENTRY,), tokens))
    return drive_by_hand(adapter.read(ENTRY, WALLET, BLOCK), {**REPLIES, **more}).result


def _deployment(world: World, vault: Contract, name: str = "Vault") -> Deployment:
    chain = ChainId(world.node.chain_id)
    return Deployment("erc4626", chain, name, {"vault": parse_address(vault.address)}, "local chain")


def test_shares_are_the_asset_that_they_are_redeemed_for() -> None:
    """One supply without a rule; the share token is a receipt."""
    reading = _read({})
    [account] = reading.accounts
    assert account.id == f"erc4626:1:{VAULT}:{WALLET}"
    assert (account.rule, account.reported, account.label) == (None, None, "A vault")
    asset = Asset(token_id(ChainId(1), TOKEN), "USDC", 6)
    assert account.positions == (Supply(asset, 105_000_000, False, f"previewRedeem(uint256)@{VAULT}"),)  # noqa: FBT003
    assert reading.receipts == (token_id(ChainId(1), VAULT),)
    assert reading.quotes == ()


def test_without_shares_there_is_no_account_but_a_receipt() -> None:
    """Nothing more is asked."""
    reading = _read({erc4626.BALANCE.at(VAULT, WALLET): (0,)})
    assert (reading.accounts, reading.receipts) == ((), (token_id(ChainId(1), VAULT),))


def test_listed_asset_is_not_asked_for() -> None:
    """Its symbol and decimals come from the configuration."""
    asset = Asset(token_id(ChainId(1), TOKEN), "Dollar", 6)
    listed = ListedToken(ChainId(1), TOKEN, asset, Classification("USD", "stable"))
    broken: dict[Call[Any], Reply] = {erc4626.DECIMALS.at(TOKEN): CallReverted("decimals()", "no")}
    [account] = _read(broken, (listed,)).accounts
    assert account.positions[0].asset == asset  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "call",
    [
        erc4626.ASSET.at(VAULT),
        erc4626.BALANCE.at(VAULT, WALLET),
        erc4626.REDEEMED.at(VAULT, SHARES),
        erc4626.DECIMALS.at(TOKEN),
    ],
    ids=lambda call: call.function.canonical.partition("(")[0],
)
@pytest.mark.parametrize(
    "error", [CallReverted("a call", "paused"), NoContract("a call"), MalformedReply("a call", "2 words")]
)
def test_a_failed_call_fails_the_read(call: Call[Any], error: ReadError) -> None:
    """An amount that can't be had is no zero."""
    with pytest.raises(type(error)):
        _read({call: error})


def test_symbol_that_is_no_text_leaves_the_address() -> None:
    """A transport failure is no such answer."""
    [account] = _read({erc4626.SYMBOL.at(TOKEN): NoContract("symbol()")}).accounts
    assert account.positions[0].asset.symbol == TOKEN  # type: ignore[union-attr]
    with pytest.raises(ProviderUnavailable):
        _read({erc4626.SYMBOL.at(TOKEN): ProviderUnavailable("endpoint", "gone")})


def test_entry_without_a_vault_is_refused() -> None:
    """At once."""
    with pytest.raises(BadConfiguration, match=r"addresses\.vault"):
        erc4626.build(Deployments((Deployment("erc4626", ChainId(1), "A vault", {}, "a test"),), ()))


def test_amount_is_what_the_vault_pays_out(devnet: World) -> None:
    """After a gain for all holders, to the wei; and with a fee on leaving, less than the shares' worth."""
    morpho, user, other = devnet.morpho_blue, devnet.spare[0], devnet.spare[1]
    usdc = devnet.tokens["USDC"]
    for vault in (morpho.vault, morpho.fee_vault):
        morpho.deposit(other, vault, "333.333333")
        morpho.deposit(user, vault, "1000.000001")
        usdc.send("mint", vault.address, 77_777_777)
        deployment = _deployment(devnet, vault)
        adapter = erc4626.build(Deployments((deployment,), ()))
        [account] = read_accounts(devnet.node.url, adapter, user).accounts
        [supply] = account.positions
        assert isinstance(supply, Supply)
        shares = vault.call("balanceOf", user)
        worth = vault.call("convertToAssets", shares)
        before = usdc.call("balanceOf", user)
        vault.send("redeem", shares, user, user, sender=user)
        if vault is morpho.vault:
            assert supply.raw == usdc.call("balanceOf", user) - before == worth
            assert worth > 1_000_000_001
        else:
            assert supply.raw == worth - -(-worth * 50 // 10_000)
        assert read_accounts(devnet.node.url, adapter, user).accounts == ()


def test_a_vault_that_fails_leaves_the_others_standing(devnet: World) -> None:
    """One deployment is one vault; both are read in the same two rounds."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    morpho.deposit(user, morpho.vault, 100)
    morpho.deposit(user, morpho.fee_vault, 200)
    entries = (_deployment(devnet, morpho.vault, "One"), _deployment(devnet, morpho.fee_vault, "Two"))
    adapter = erc4626.build(Deployments(entries, ()))
    jobs = [Job(adapter, entry, parse_address(user)) for entry in entries]
    run, _ = run_jobs(devnet.node.url, jobs)
    assert list(run.rounds.values()) == [2]
    assert all(isinstance(outcome.result, Reading) for outcome in run.outcomes)
    devnet.node.set_code(morpho.fee_vault.address, b"")
    run, _ = run_jobs(devnet.node.url, jobs)
    assert [isinstance(outcome.result, Reading) for outcome in run.outcomes] == [True, False]


def test_shares_in_the_wallet_are_not_counted_twice(devnet: World) -> None:
    """A listed share token is a holding of the wallet, which the receipt takes out again."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    morpho.deposit(user, morpho.vault, 100)
    chain, share = ChainId(devnet.node.chain_id), parse_address(morpho.vault.address)
    listed = ListedToken(
        chain, share, Asset(token_id(chain, share), "vUSDC", 6), Classification("USD", "stable")
    )
    tokens = (listed,)
    readings = [
        read_accounts(devnet.node.url, build_wallet(Deployments((), tokens)), user),
        read_accounts(
            devnet.node.url, erc4626.build(Deployments((_deployment(devnet, morpho.vault),), tokens)), user
        ),
    ]
    usdc = token_id(chain, parse_address(devnet.tokens["USDC"].address))
    prices = tuple(Quote(asset, 10**8, 8, "a test") for asset in (usdc, AssetId(f"eip155:{chain}/native")))
    quoted = [
        readings[0],
        Reading(readings[1].accounts, prices, readings[1].source, (), readings[1].receipts),
    ]
    block = pin(devnet.node.url)
    portfolio = assemble(parse_address(user), quoted, [], blocks={chain: block}, tokens=TokenList(tokens))
    held = [p.asset.symbol for a in portfolio.accounts for p in a.positions]  # type: ignore[union-attr]
    assert "vUSDC" not in held
    assert held.count("USDC") == 1
    assert portfolio.failures == ()


def test_probe_says_what_the_vault_holds(devnet: World) -> None:
    """And fails where it does not answer."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    morpho.deposit(user, morpho.vault, 1_000)
    deployment = _deployment(devnet, morpho.vault)
    adapter = erc4626.build(Deployments((deployment,), ()))
    block = pin(devnet.node.url)
    sentences = run_read(devnet.node.url, 31337, adapter.probe(deployment, block))
    assert sentences == ("shares with 6 decimals of 1,000.00 USDC",)
    no_vault = _deployment(devnet, devnet.tokens["USDC"])
    with pytest.raises(CallReverted, match="asset"):
        run_read(devnet.node.url, 31337, adapter.probe(no_vault, block))
