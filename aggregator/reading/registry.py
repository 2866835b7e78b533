"""What is installed, from entry points: adapters, exchanges, finders of owned addresses, second sources.

Adapters (`crossmargin.adapters`), exchanges (`crossmargin.exchanges`) and finders (`crossmargin.owners`) are
built with their shipped and the user's own deployments, second sources (`crossmargin.second_sources`) by the
schema that they read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aggregator.contract import Adapter, Deployment, Deployments, Exchange, Owners, SecondSource
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, native_id, token_id
from aggregator.model.errors import BadConfiguration, InvalidAddress
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.history import ChainlinkHistory
from aggregator.reading.http_history import HttpHistory
from aggregator.settings import DeploymentSettings, PriceApiSettings, Settings, TokenSettings

if TYPE_CHECKING:
    from aggregator.reading.price_history import PriceHistory

GROUP = "crossmargin.adapters"
EXCHANGES_GROUP = "crossmargin.exchanges"
OWNERS_GROUP = "crossmargin.owners"
SECOND_GROUP = "crossmargin.second_sources"


def adapters(settings: Settings, only: Sequence[str] = ()) -> tuple[Adapter, ...]:
    """Every installed adapter (or those named), in alphabetical order.

    Raises BadConfiguration where a name is unknown, a configured deployment names no installed adapter, or
    an entry lacks what its adapter needs or has the name of another.
    """
    found = _points(GROUP)
    _check_installed(only, found)
    _check_installed(settings.deployments, {**found, **_points(EXCHANGES_GROUP), **_points(OWNERS_GROUP)})
    return tuple(_build(found[name], settings) for name in sorted(found) if not only or name in only)


def exchanges(settings: Settings) -> tuple[Exchange, ...]:
    """Every installed exchange, in alphabetical order; raises BadConfiguration as `adapters` does."""
    found = _points(EXCHANGES_GROUP)
    return tuple(_build(found[name], settings) for name in sorted(found))


def owners(settings: Settings, only: Collection[str] | None = None) -> tuple[Owners, ...]:
    """Every installed finder of owned addresses (or those of these names), in alphabetical order.

    Raises BadConfiguration as `adapters` does.
    """
    found = _points(OWNERS_GROUP)
    return tuple(_build(found[name], settings) for name in sorted(found) if only is None or name in only)


def adapter_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that do not name an exchange or a finder of owned addresses alone."""
    others = {*_points(EXCHANGES_GROUP), *_points(OWNERS_GROUP)} - set(_points(GROUP))
    return tuple(name for name in names if name not in others)


@cache
def _points(group: str) -> Mapping[str, EntryPoint]:
    # What is installed stays so while a process lives; asking again reads the metadata of every package.
    return MappingProxyType({point.name: point for point in entry_points(group=group)})


def _check_installed(names: Iterable[str], installed: Collection[str]) -> None:
    for name in names:
        if name not in installed:
            known = ", ".join(sorted(installed))
            raise BadConfiguration(f"adapter {name!r}", f"is not installed; installed are {known}")


def _build(point: EntryPoint, settings: Settings) -> Any:
    entries = [
        *(_shipped(point) if settings.shipped_deployments else ()),
        *(deployment(point.name, entry) for entry in settings.deployments.get(point.name, ())),
    ]
    deployments = Deployments(_unique(entries), listed_tokens(settings.tokens))
    return point.load()(deployments)


def second_sources(settings: Settings) -> Mapping[str, SecondSource]:
    """Every installed second source, by its schema."""
    tokens = listed_tokens(settings.tokens)
    return {name: point.load()(tokens) for name, point in _points(SECOND_GROUP).items()}


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


@cache
def _shipped(point: EntryPoint) -> tuple[Deployment, ...]:
    package = point.module.rpartition(".")[0]
    resource = files(package) / "deployments.toml"
    if not resource.is_file():
        return ()
    document = tomllib.loads(resource.read_text(encoding="utf-8"))
    entries = (DeploymentSettings.model_validate(entry) for entry in document.get("deployment", []))
    return tuple(deployment(point.name, entry) for entry in entries)


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


def price_histories(settings: Settings) -> tuple[PriceHistory, ...]:
    """Where daily closes are to be had, the preferred source of an underlying first.

    The `price_apis` that are preferred, `price_feeds`, the feeds of tokens of class base, other `price_apis`.
    Raises BadConfiguration on what is no address, and on an API of a venue that is not configured.
    """
    apis = [_price_api(entry, settings) for entry in settings.price_apis]
    return (
        *(one for one in apis if one.api.prefer),
        *price_feeds(settings),
        *(one for one in apis if not one.api.prefer),
    )


def _price_api(entry: PriceApiSettings, settings: Settings) -> HttpHistory:
    urls = {venue.name: venue.url for venue in settings.venues}
    if entry.venue not in urls:
        why = f"{entry.venue!r} is none of the configured `venues`: add it there, with its `url`"
        raise BadConfiguration(f"price API of {entry.underlying}", why)
    try:
        host = urlsplit(urls[entry.venue]).hostname
    except ValueError:  # told when it is asked, as for any other URL that is not valid
        host = None
    return HttpHistory(entry, host or "")


def price_feeds(settings: Settings) -> tuple[ChainlinkHistory, ...]:
    """Feeds that tell daily closes: those of `price_feeds`, then those of tokens of class base."""
    given = [
        (
            entry.underlying,
            ChainId(entry.chain),
            _address(f"price feed of {entry.underlying}", entry.feed),
            entry.pair,
        )
        for entry in settings.price_feeds
    ]
    given += [
        (token.classification.underlying, token.chain, token.feed, "")
        for token in listed_tokens(settings.tokens)
        if token.classification.risk_class == "base" and token.feed is not None
    ]
    names = {ChainId(chain): entry.name for chain, entry in settings.chains.items()}
    found = [
        ChainlinkHistory(name, chain, feed, names.get(chain, f"chain {chain}"), pair or f"{name} / USD")
        for name, chain, feed, pair in given
    ]
    return tuple(dict.fromkeys(found))


def _address(where: str, text: str) -> Address:
    try:
        return parse_address(text)
    except InvalidAddress as error:
        raise BadConfiguration(where, str(error)) from error
