"""Reads a wallet's shares of one ERC-4626 vault as the vault's asset: two rounds.

1. the vault's asset, the wallet's shares,
2. what these shares are redeemed for; the asset's symbol and decimals, if it is not listed.

One deployment is one vault: a vault that fails leaves the others' amounts standing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aggregator.contract import (
    Adapter,
    Deployment,
    Deployments,
    Function,
    Read,
    RuleFamily,
    ask,
    attempt,
    both,
    symbol_of,
)
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import (
    BadConfiguration,
)
from aggregator.model.positions import Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address

NAME = "erc4626"

ASSET: Function[Address] = Function("asset()(address)")
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
# With the vault's fee on leaving, which convertToAssets leaves out: what the holder would get now.
REDEEMED: Function[int] = Function("previewRedeem(uint256)(uint256)")
TOTAL_ASSETS: Function[int] = Function("totalAssets()(uint256)")
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")


class Erc4626:
    """Vault shares; an account without a rule, since nobody can liquidate it."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = None
        self._tokens = {token.asset.id: token.asset for token in deployments.tokens}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's shares as the vault's asset; raises what the vault answers instead of an amount."""
        vault = deployment.addresses["vault"]
        receipts = (token_id(deployment.chain, vault),)
        [token], [shares] = yield from both(ask([ASSET.at(vault)]), ask([BALANCE.at(vault, wallet)]))
        if shares == 0:
            return Reading(accounts=(), quotes=(), source=block, receipts=receipts)
        redeemed = REDEEMED.at(vault, shares)
        [raw], asset = yield from both(ask([redeemed]), _read_asset(deployment, token, self._tokens))
        account = Account(
            id=f"{NAME}:{deployment.chain}:{vault}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=(Supply(asset, raw, is_collateral=False, origin=redeemed.origin),),
            rule=None,
            reported=None,
        )
        return Reading(accounts=(account,), quotes=(), source=block, receipts=receipts)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """What the vault holds, and whether it answers what shares are redeemed for."""
        vault = deployment.addresses["vault"]
        [token], [total, decimals, _] = yield from both(
            ask([ASSET.at(vault)]),
            ask([TOTAL_ASSETS.at(vault), DECIMALS.at(vault), REDEEMED.at(vault, 1)]),
        )
        asset = yield from _read_asset(deployment, token, self._tokens)
        return (f"shares with {decimals} decimals of {total / 10**asset.decimals:,.2f} {asset.symbol}",)


def _read_asset(deployment: Deployment, token: Address, known: Mapping[AssetId, Asset]) -> Read[Asset]:
    """A token with the listed symbol and decimals, else its own, in one round."""
    identity = token_id(deployment.chain, token)
    if identity in known:
        return known[identity]
    [decimals], [symbol] = yield from both(ask([DECIMALS.at(token)]), attempt([SYMBOL.at(token)]))
    return Asset(identity, symbol_of(token, symbol), decimals)


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks its vault."""
    for entry in deployments.entries:
        if "vault" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.vault is missing")
    return Erc4626(deployments)
