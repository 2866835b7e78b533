"""What several tests need: the adapter over the local pool, the contracts' answers, strategies for rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.compound_v2.adapter import build
from adapters.compound_v2.margin import CompoundRule
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.assets import AssetId, native_id, token_id
from aggregator.model.units import ChainId, parse_address
from tests.devnet.venus_deploy import NATIVE
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from aggregator.model.readings import Reading
    from tests.devnet.venus import VenusCore
    from tests.devnet.world import World

CHAIN = ChainId(31337)


def pool_deployment(pool: VenusCore, name: str | None = None) -> Deployment:
    """The pool of the local chain as the adapter is given it."""
    entry = pool.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    return Deployment(
        entry.adapter, CHAIN, name or entry.name, addresses, "local chain", options=entry.options
    )


def adapter_of(*deployments: Deployment) -> Adapter:
    """The adapter over some deployments."""
    return build(Deployments(deployments, ()))


def read_pool(world: World, wallet: str) -> Reading:
    """What the adapter reads of a wallet in the pool now."""
    return read_accounts(world.node.url, adapter_of(pool_deployment(world.venus)), wallet)


def rule_in(reading: Reading) -> CompoundRule:
    """The rule of the only account that was read."""
    [account] = reading.accounts
    assert isinstance(account.rule, CompoundRule)
    return account.rule


def asset_of(pool: VenusCore, symbol: str) -> AssetId:
    """An underlying, the native coin or VAI."""
    if symbol == NATIVE:
        return native_id(CHAIN)
    address = pool.vai.address if symbol == "VAI" else pool.tokens[symbol].address
    return token_id(CHAIN, parse_address(address))


def c_token_of(pool: VenusCore, symbol: str) -> AssetId:
    """The token of a market."""
    return token_id(CHAIN, parse_address(pool.markets[symbol].address))
