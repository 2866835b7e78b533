"""Links of the user, that an address holds positions for a wallet: a small file beside the database.

Not in the database: every read needs them, and opening that takes a second that a check does not spend.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson

from aggregator.model.errors import BadConfiguration, InvalidAddress, StoreError
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.owners import Link
from aggregator.settings import Settings

R = TypeVar("R")

_LONGEST_LABEL = 64
_FORMAT = "crossmargin-links"
_VERSION = 1


def links_path(config: Settings) -> Path:
    """Where the links are kept."""
    return config.database.with_name(f"{config.database.stem}.links.json")


def stored_links(config: Settings) -> tuple[Link, ...]:
    """What `link` keeps; raises StoreError where the file is damaged or of a later release."""
    path = links_path(config)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(str(path), f"it can't be read: {error.strerror}") from error
    try:
        document = orjson.loads(content)
        if document["format"] != _FORMAT or document["version"] != _VERSION:
            raise StoreError(str(path), "it was not written by this release: use a later one")
        return tuple(_link(entry) for entry in document["links"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, InvalidAddress) as error:
        raise StoreError(str(path), f"it is damaged ({error!r}): correct or remove it") from error


def link(config: Settings, new: Link) -> bool:
    """Keep a link, in place of a former one of the same wallet, address and chain; whether it was new.

    Raises BadConfiguration on an address that is the wallet itself or a label that can't be shown.
    """
    if new.wallet == new.address:
        raise BadConfiguration(new.address, "is the wallet itself: link another address to it")
    if len(new.label) > _LONGEST_LABEL or not new.label.isprintable():
        raise BadConfiguration("--label", f"a label has up to {_LONGEST_LABEL} printable characters")

    def change(links: list[Link]) -> bool:
        former = [i for i, one in enumerate(links) if _key(one) == _key(new)]
        for i in reversed(former):
            del links[i]
        links.append(new)
        return not former

    return _changed(config, change)


def unlink(config: Settings, wallet: Address, address: Address) -> int:
    """Forget the links of an address to a wallet, whatever their chain; how many there were."""

    def change(links: list[Link]) -> int:
        kept = [one for one in links if (one.wallet, one.address) != (wallet, address)]
        count = len(links) - len(kept)
        links[:] = kept
        return count

    return _changed(config, change)


def _changed(config: Settings, change: Callable[[list[Link]], R]) -> R:
    path = links_path(config)
    with _alone(path):
        links = list(stored_links(config))
        outcome = change(links)
        document = {"format": _FORMAT, "version": _VERSION, "links": [_entry(one) for one in links]}
        draft = path.with_name(path.name + ".part")
        try:
            draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            draft.replace(path)
        except OSError as error:
            raise StoreError(str(path), f"it can't be written: {error.strerror}") from error
    return outcome


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One change at a time; whoever comes second waits."""
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(path.with_suffix(".lock").open("a")), fcntl.LOCK_EX)
        except OSError as error:
            raise StoreError(str(path), f"it can't be written: {error.strerror}") from error
        yield


def _key(one: Link) -> tuple[Address, Address, ChainId | None]:
    return one.wallet, one.address, one.chain


def _entry(one: Link) -> dict[str, Any]:
    return {
        "wallet": one.wallet,
        "address": one.address,
        "chain": one.chain,
        "label": one.label,
        "count": one.counts,
    }


def _link(entry: dict[str, Any]) -> Link:
    chain, counts, label = entry["chain"], entry["count"], entry["label"]
    known = (None, True, False)
    if not isinstance(label, str) or counts not in known or type(chain) not in (int, type(None)):
        raise ValueError(f"no link: {entry}")
    return Link(
        parse_address(entry["wallet"]),
        parse_address(entry["address"]),
        None if chain is None else ChainId(chain),
        label,
        counts,
    )
