"""Shares of pools (GM) and of vaults of them (GLV) that a wallet holds, looked through to what is in them.

Source: `getGlvValue` of GlvUtils.sol of github gmx-io/gmx-synthetics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.reading import MOST, Lists, MarketReply, market
from adapters.gmx_v2.shares import Part, positions
from adapters.gmx_v2.tokens import Table
from aggregator.contract import Deployment, Read, ask, both, join
from aggregator.model.accounts import Account
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.positions import Position, Supply
from aggregator.model.readings import AccountFailure
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault of pools that the wallet has a share of."""

    address: Address
    balance: int
    supply: int
    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """What the wallet has of pools by market, and of vaults."""

    pools: dict[Address, int]
    vaults: tuple[Vault, ...]


def shares(wallet: Address, deployment: Deployment, found: Lists) -> Read[Shares]:
    """One round: balances of all pools and vaults, deposited ones too, and what each vault is made of."""
    store = deployment.addresses["data_store"]
    tokens = list(found.markets)
    (pools, vaults), (members, supplies) = yield from both(
        both(_balances(store, tokens, wallet), _balances(store, found.vaults, wallet)),
        both(
            ask(
                [
                    calls.ADDRESSES.at(store, keys.key("GLV_SUPPORTED_MARKET_LIST", one), 0, MOST)
                    for one in found.vaults
                ]
            ),
            ask([calls.SUPPLY.at(one) for one in found.vaults]),
        ),
    )
    return Shares(
        pools={token: balance for token, balance in zip(tokens, pools, strict=True) if balance},
        vaults=tuple(
            Vault(*one) for one in zip(found.vaults, vaults, supplies, members, strict=True) if one[1]
        ),
    )


def _balances(store: Address, tokens: Sequence[Address], wallet: Address) -> Read[list[int]]:
    """What the wallet has itself, and what it deposited from other chains."""
    if not tokens:
        return []
    deposits = [keys.key("MULTICHAIN_BALANCE", wallet, one) for one in tokens]
    [own], [deposited] = yield from both(
        ask([calls.BALANCE.each(tokens, wallet)]), ask([calls.UINT.each(store, deposits)])
    )
    return [sum(one) for one in zip(own.values(), deposited.values(), strict=True)]


def accounts(
    deployment: Deployment, known: Table, wallet: Address, found: Lists, held: Shares, time: int
) -> Read[tuple[list[tuple[Account, list[MarketReply]]], list[AccountFailure]]]:
    """One round: an account for each pool and vault, and those that could not be read."""
    reads = [_pool(deployment, known, wallet, found, one, held.pools[one], time) for one in held.pools]
    reads += [_vault(deployment, known, wallet, found, one, time) for one in held.vaults]
    names = [*held.pools, *(one.address for one in held.vaults)]
    outcomes = yield from join(reads, isolate=True)
    good, bad = [], []
    for token, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, ReadError):
            label = f"{deployment.name} share {token}"
            bad.append(
                AccountFailure(_id(deployment, token, wallet), "gmx_v2", deployment.chain, label, outcome)
            )
        else:
            good.append(outcome)
    return good, bad


def _pool(
    deployment: Deployment,
    known: Table,
    wallet: Address,
    found: Lists,
    token: Address,
    balance: int,
    time: int,
) -> Read[tuple[Account, list[MarketReply]]]:
    [reply], [supply] = yield from both(
        join([market(deployment, known, found.markets[token])]), ask([calls.SUPPLY.at(token)])
    )
    part = _part(token, balance, supply)
    label = f"{deployment.name} {reply.market.name} pool"
    held = positions(deployment, known, reply, part, time)
    return _account(deployment, wallet, token, label, held), [reply]


def _vault(
    deployment: Deployment, known: Table, wallet: Address, found: Lists, vault: Vault, time: int
) -> Read[tuple[Account, list[MarketReply]]]:
    if unknown := [one for one in vault.members if one not in found.markets]:
        raise MalformedReply(f"the vault {vault.address}", f"a share of {unknown[0]}, which is no market")
    members = list(dict.fromkeys(vault.members))
    replies, (balances, supplies) = yield from both(
        join([market(deployment, known, found.markets[one]) for one in members]),
        both(
            ask([calls.VAULT_BALANCE.at(vault.address, one) for one in members]),
            ask([calls.SUPPLY.at(one) for one in members]),
        ),
    )
    whole = _part(vault.address, vault.balance, vault.supply)
    held: list[Position] = []
    for reply, balance, supply in zip(replies, balances, supplies, strict=True):
        if balance:
            inner = _part(reply.raw.token, balance, supply)
            part = Part(whole.numerator * inner.numerator, whole.denominator * inner.denominator)
            held.extend(positions(deployment, known, reply, part, time))
    label = f"{deployment.name} GLV {vault.address}"
    return _account(deployment, wallet, vault.address, label, _merged(held)), replies


def _part(token: Address, balance: int, supply: int) -> Part:
    if not 0 < balance <= supply:
        raise MalformedReply(
            calls.SUPPLY.at(token).origin, f"a supply of {supply}, of which {balance} are held"
        )
    return Part(balance, supply)


def _merged(held: Sequence[Position]) -> list[Position]:
    """Supplies of one token as one."""
    tokens: dict[str, Supply] = {}
    others: list[Position] = []
    for one in held:
        if isinstance(one, Supply):
            before = tokens.get(one.asset.id)
            raw = one.raw + (before.raw if before else 0)
            tokens[one.asset.id] = Supply(one.asset, raw, is_collateral=False, origin=one.origin)
        else:
            others.append(one)
    return [*tokens.values(), *others]


def _id(deployment: Deployment, token: Address, wallet: Address) -> str:
    return f"gmx_v2:{deployment.chain}:{token}:{wallet}"


def _account(
    deployment: Deployment, wallet: Address, token: Address, label: str, held: list[Position]
) -> Account:
    return Account(
        id=_id(deployment, token, wallet),
        protocol="gmx_v2",
        kind="perp",
        chain=deployment.chain,
        label=label,
        owner_path=(wallet,),
        positions=tuple(held),
        rule=None,
        reported=None,
    )
