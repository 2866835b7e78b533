"""Whom the user follows: wallets, their labels and groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aggregator.app.naming import is_name
from aggregator.app.snapshots import publish, warehouse
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address, parse_address
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import WalletEntry

_GROUP = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")
_LONGEST_LABEL = 64


def add_wallet(
    config: Settings, address: Address, *, label: str | None = None, groups: Sequence[str] = ()
) -> bool:
    """Follow a wallet, in further groups; whether it was new. A label replaces the former one.

    Raises BadConfiguration on a name that no group can have.
    """
    if label is not None and (len(label) > _LONGEST_LABEL or not label.isprintable()):
        why = f"a label has up to {_LONGEST_LABEL} printable characters"
        raise BadConfiguration("--label", why)
    names = [group_name(group) for group in groups]
    new = warehouse(config).add_wallet(address, label, names)
    publish(config)
    return new


def remove_wallet(config: Settings, address: Address) -> bool:
    """Follow a wallet no longer, in no group; whether it was followed. Its snapshots stay."""
    removed = warehouse(config).remove_wallet(address)
    publish(config)
    return removed


def group_wallets(config: Settings, group: str, addresses: Sequence[Address]) -> None:
    """Put wallets into a group, following them where they were not."""
    name, database = group_name(group), warehouse(config)
    for address in addresses:
        database.add_wallet(address, groups=[name])
    publish(config)


def ungroup_wallets(config: Settings, group: str, addresses: Sequence[Address]) -> int:
    """Take wallets out of a group; how many were in it."""
    count = warehouse(config).leave_group(group_name(group), addresses)
    publish(config)
    return count


def list_wallets(config: Settings, group: str | None = None) -> tuple[WalletEntry, ...]:
    """The wallets that the user follows (in a group), in the order in which they were added."""
    name = None if group is None else group_name(group)
    return tuple(warehouse(config).for_reading().wallets(name))


def group_members(config: Settings, group: str) -> tuple[Address, ...]:
    """The wallets of a group; raises BadConfiguration where it has none, naming the groups that do."""
    name = group_name(group)
    everyone = warehouse(config).for_reading().wallets()
    members = tuple(entry.address for entry in everyone if name in entry.groups)
    if not members:
        groups = sorted({f"@{known}" for entry in everyone for known in entry.groups})
        known = f"groups are {', '.join(groups)}" if groups else "there is no group yet"
        raise BadConfiguration(f"@{name}", f"no wallet is in it; {known}: see `crossmargin wallet group`")
    return members


def expanded(config: Settings, wallets: Sequence[str]) -> tuple[str, ...]:
    """What a user gave, each once, in order: an address or a name is itself, `@group` its wallets.

    Raises InvalidAddress, and BadConfiguration where a group has no wallet.
    """
    found: list[str] = []
    for text in wallets:
        if text.startswith("@"):
            found += group_members(config, text)
        else:
            found.append(text if is_name(text) else parse_address(text))
    return tuple(dict.fromkeys(found))


def group_name(text: str) -> str:
    """A group's name without @; raises BadConfiguration where it is none."""
    match = _GROUP.fullmatch(text)
    if match is None:
        why = "is no name of a group: letters, digits, '.', '_' and '-', up to 64"
        raise BadConfiguration(f"group {text!r}", why)
    return match[1]
