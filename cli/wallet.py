"""`crossmargin wallet add|remove|list|group`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.store.saved import WalletEntry

app = typer.Typer(help="Whom to follow: wallets, their labels and groups.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A 0x address.")]


@app.callback()
def _group() -> None:
    """Whom to follow: wallets, their labels and groups."""


@app.command("add")
def add(
    address: Address,
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
    """Follow a wallet; one that is followed already gets the label and the further groups."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    settings = options.settings(config)
    wallet = parse_address(address)
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

    found = use_cases.list_wallets(options.settings(config), group)
    if json:
        envelope.write(envelope.envelope("wallet list", [_row(entry) for entry in found]))
        return
    cells = [
        (entry.address, _label(entry) or "–", " ".join(f"@{name}" for name in entry.groups) or "–")
        for entry in found
    ]
    typer.echo(table(("wallet", "label", "groups"), cells))


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
