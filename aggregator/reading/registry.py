"""Adapters, from the entry points in `crossmargin.adapters`: each is built with its shipped and the user's
own deployments. Second sources, from those in `crossmargin.second_sources`, by the schema that they read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files

from aggregator.contract import Adapter, Deployment, Deployments, SecondSource
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, native_id, token_id
from aggregator.model.errors import BadConfiguration, InvalidAddress
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.settings import DeploymentSettings, Settings, TokenSettings

GROUP = "crossmargin.adapters"
SECOND_GROUP = "crossmargin.second_sources"


def adapters(settings: Settings, only: Sequence[str] = ()) -> tuple[Adapter, ...]:
    """Every installed adapter (or those named), in alphabetical order.

    Raises BadConfiguration where a name is unknown, a configured deployment names no installed adapter, or
    an entry lacks what its adapter needs or has the name of another.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    for name in (*only, *settings.deployments):
        if name not in found:
            known = ", ".join(sorted(found))
            raise BadConfiguration(f"adapter {name!r}", f"is not installed; installed are {known}")
    tokens = listed_tokens(settings.tokens)
    return tuple(
        _build(found[name], settings.deployments.get(name, []), tokens, shipped=settings.shipped_deployments)
        for name in sorted(found)
        if not only or name in only
    )


def second_sources(settings: Settings) -> Mapping[str, SecondSource]:
    """Every installed second source, by its schema."""
    tokens = listed_tokens(settings.tokens)
    return {point.name: point.load()(tokens) for point in entry_points(group=SECOND_GROUP)}


def _build(
    point: EntryPoint, own: Iterable[DeploymentSettings], tokens: tuple[ListedToken, ...], *, shipped: bool
) -> Adapter:
    entries = [*(_shipped(point) if shipped else ()), *own]
    deployments = Deployments(_unique(deployment(point.name, entry) for entry in entries), tokens)
    factory = point.load()
    adapter: Adapter = factory(deployments)
    return adapter


def _unique(entries: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """One deployment per chain and addresses, the last one: a market that is listed twice is held once."""
    found: dict[tuple[ChainId, frozenset[tuple[str, Address]]], Deployment] = {}
    for entry in entries:
        found[entry.chain, frozenset(entry.addresses.items())] = entry
    names: dict[str, Deployment] = {}
    for entry in found.values():
        if names.setdefault(entry.key, entry) is not entry:
            where = f"deployment {entry.name!r} of {entry.adapter}"
            raise BadConfiguration(where, "another one of the same chain has this name: give it its own")
    return tuple(found.values())


def _shipped(point: EntryPoint) -> list[DeploymentSettings]:
    package = point.module.rpartition(".")[0]
    resource = files(package) / "deployments.toml"
    if not resource.is_file():
        return []
    document = tomllib.loads(resource.read_text(encoding="utf-8"))
    return [DeploymentSettings.model_validate(entry) for entry in document.get("deployment", [])]


def deployment(adapter: str, entry: DeploymentSettings) -> Deployment:
    """A deployment from its configuration entry; raises BadConfiguration on a malformed address."""
    where = f"deployment {entry.name!r} of {adapter}"
    return Deployment(
        adapter=adapter,
        chain=ChainId(entry.chain),
        name=entry.name,
        addresses={role: _address(where, text) for role, text in entry.addresses.items()},
        source=entry.source,
        first_block=entry.first_block,
        verified=entry.verified,
        options=dict(entry.options),
    )


@cache
def listed_tokens(entries: tuple[TokenSettings, ...]) -> tuple[ListedToken, ...]:
    """The token table; a later entry of the same chain and address replaces an earlier one."""
    tokens: dict[AssetId, ListedToken] = {}
    for entry in entries:
        chain = ChainId(entry.chain)
        address = _address(f"token {entry.symbol!r}", entry.address) if entry.address else None
        identity = token_id(chain, address) if address else native_id(chain)
        tokens[identity] = ListedToken(
            chain=chain,
            address=address,
            asset=Asset(identity, entry.symbol, entry.decimals),
            classification=Classification(entry.underlying, entry.risk_class),
            feed=_address(f"feed of token {entry.symbol!r}", entry.feed) if entry.feed else None,
            heartbeat_s=entry.heartbeat_s,
        )
    return tuple(tokens.values())


def _address(where: str, text: str) -> Address:
    try:
        return parse_address(text)
    except InvalidAddress as error:
        raise BadConfiguration(where, str(error)) from error
