"""`crossmargin wallet add|remove|list|group|link|unlink`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.model.units import ChainId
    from aggregator.reading.owners import Link
    from aggregator.settings import Settings
    from aggregator.store.saved import WalletEntry

app = typer.Typer(help="Whom to follow: wallets, their labels and groups.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A 0x address.")]
Named = Annotated[str, typer.Argument(metavar="WALLET", help="A 0x address, or a name of ENS.")]
Owner = Annotated[str, typer.Argument(metavar="WALLET", help="The 0x address of the owner.")]
Owned = Annotated[str, typer.Argument(metavar="ADDRESS", help="The 0x address that holds positions for it.")]


@app.callback()
def _group() -> None:
    """Whom to follow: wallets, their labels and groups."""


@app.command("add")
def add(
    address: Named,
    *,
    label: Annotated[
        str | None, typer.Option("--label", metavar="TEXT", help="A name of your own for it.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="NAME", help="Put it into this group (repeatable).")
    ] = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Follow a wallet; one that is followed already gets the label and the further groups.

    A name is kept as the address that it means now, and as its label where it has none.
    """
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    settings = options.settings(config)
    wallet, name = use_cases.wallet_of(address, settings)
    if label is None and name is not None:
        known = [one.label for one in use_cases.list_wallets(settings) if one.address == wallet]
        label = name if not any(known) else None
    new = use_cases.add_wallet(settings, wallet, label=label, groups=group or ())
    [entry] = [one for one in use_cases.list_wallets(settings) if one.address == wallet]
    if json:
        envelope.write(envelope.envelope("wallet add", _row(entry) | {"new": new}))
    else:
        typer.echo(f"{_shown(entry)}  {'followed' if new else 'followed already'}")


@app.command("remove")
def remove(address: Address, *, config: options.Config = None, json: options.Json = False) -> None:
    """Follow a wallet no longer; its snapshots stay."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    wallet = parse_address(address)
    if not use_cases.remove_wallet(options.settings(config), wallet):
        raise BadConfiguration(wallet, "is not followed: see `crossmargin wallet list`")
    if json:
        envelope.write(envelope.envelope("wallet remove", {"address": wallet}))
    else:
        typer.echo(f"{wallet}  no longer followed")


@app.command("list")
def list_wallets(
    *,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="Only the wallets of this group.")
    ] = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """List the wallets that are followed, in the order in which they were added."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    settings = options.settings(config)
    found = use_cases.list_wallets(settings, group)
    links = use_cases.links(settings)
    if json:
        rows = [_row(entry) | {"linked": [_linked(link) for link in _of(entry, links)]} for entry in found]
        envelope.write(envelope.envelope("wallet list", rows))
        return
    shown = any(_of(entry, links) for entry in found)
    cells: list[tuple[str, ...]] = []
    for entry in found:
        first, *more = [str(link.address) for link in _of(entry, links)] or ["–"]
        groups = " ".join(f"@{name}" for name in entry.groups) or "–"
        cells.append((entry.address, _label(entry) or "–", groups, *((first,) if shown else ())))
        cells += [("", "", "", address) for address in more]
    typer.echo(table(("wallet", "label", "groups", *(("linked",) if shown else ())), cells))


@app.command("group")
def group(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The group; commands call it @NAME.")],
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="One or more 0x addresses.")],
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take them out of the group.")] = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Put wallets into a group, following them where they were not, or take them out of it."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    settings = options.settings(config)
    wallets = [parse_address(address) for address in addresses]
    if not remove:
        use_cases.group_wallets(settings, name, wallets)
    elif not use_cases.ungroup_wallets(settings, name, wallets):
        raise BadConfiguration(name, "none of these wallets is in it: see `crossmargin wallet list`")
    members = use_cases.list_wallets(settings, name)
    bare = name.removeprefix("@")
    if json:
        data = {"group": bare, "wallets": [entry.address for entry in members]}
        envelope.write(envelope.envelope("wallet group", data))
        return
    typer.echo(f"@{bare}: {len(members)} wallet{'' if len(members) == 1 else 's'}")
    for entry in members:
        typer.echo(f"  {_shown(entry)}")


@app.command("link")
def link(
    wallet: Owner,
    address: Owned,
    *,
    chain: Annotated[
        str | None, typer.Option("--chain", metavar="NAME", help="Only on this chain, by name or id.")
    ] = None,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="A name of your own for it.")] = "",
    count: Annotated[
        bool | None,
        typer.Option(
            "--count/--no-count",
            help="Whether its positions count as the wallet's; by default those of a contract that others "
            "have a say in don't.",
        ),
    ] = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Say that an address holds positions for a wallet, such as a Safe; contracts are asked for proof."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from aggregator.reading.owners import Link as Made  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    settings = options.settings(config)
    made = Made(parse_address(wallet), parse_address(address), _chain(chain, settings), label, count)
    new = use_cases.link_wallet(settings, made)
    if json:
        data = {"wallet": made.wallet, **_linked(made), "new": new}
        envelope.write(envelope.envelope("wallet link", data))
    else:
        typer.echo(f"{made.address}  {'linked' if new else 'linked already'} to {made.wallet}")


@app.command("unlink")
def unlink(
    wallet: Owner, address: Owned, *, config: options.Config = None, json: options.Json = False
) -> None:
    """Take a link back."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    owner, owned = parse_address(wallet), parse_address(address)
    if not use_cases.unlink_wallet(options.settings(config), owner, owned):
        raise BadConfiguration(owned, f"is not linked to {owner} by `wallet link`: see `wallet list`")
    if json:
        envelope.write(envelope.envelope("wallet unlink", {"wallet": owner, "address": owned}))
    else:
        typer.echo(f"{owned}  no longer linked to {owner}")


def _chain(given: str | None, settings: Settings) -> ChainId | None:
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.units import ChainId as Id  # noqa: PLC0415

    if given is None:
        return None
    by_name = {entry.name: number for number, entry in settings.chains.items()}
    number = int(given) if given.isdecimal() else by_name.get(given, -1)
    if number not in settings.chains:
        raise BadConfiguration("--chain", f"{given!r} is not configured: see `crossmargin chains`")
    return Id(number)


def _of(entry: WalletEntry, links: Sequence[Link]) -> list[Link]:
    return [link for link in links if link.wallet == entry.address]


def _linked(link: Link) -> dict[str, Any]:
    from cli import text  # noqa: PLC0415

    return {
        "address": link.address,
        "chain_id": link.chain,
        "label": text.clean(link.label, limit=64) or None,
        "count": link.counts,
    }


def _row(entry: WalletEntry) -> dict[str, Any]:
    return {
        "address": entry.address,
        "label": None if entry.label is None else _label(entry),
        "groups": list(entry.groups),
        "added_at": f"{entry.added_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _shown(entry: WalletEntry) -> str:
    return "  ".join(part for part in (entry.address, _label(entry)) if part)


def _label(entry: WalletEntry) -> str:
    """As everywhere, text of others: an import may have brought it."""
    from cli import text  # noqa: PLC0415

    return text.clean(entry.label or "", limit=64)
