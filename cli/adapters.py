"""`crossmargin adapters list|show`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.contract import Deployment

app = typer.Typer(help="Show the installed adapters and where they read.", no_args_is_help=True)


@app.command("list")
def list_adapters(*, config: options.Config = None, json: options.Json = False) -> None:
    """List the installed adapters and exchanges, what they read and on how many deployments."""
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    rows = [
        (name, kind, len(deployments), len({d.chain for d in deployments}))
        for name, (kind, deployments) in _installed(config).items()
    ]
    if json:
        keys = ("name", "kind", "deployments", "chains")
        envelope.write(envelope.envelope("adapters list", [dict(zip(keys, r, strict=True)) for r in rows]))
        return
    typer.echo(table(("adapter", "kind", "deployments", "chains"), [tuple(map(str, r)) for r in rows]))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="ADAPTER", help="An adapter's name.")],
    *,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Show an adapter's deployments: chain, addresses, and where they come from."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    found = _installed(config)
    if name not in found:
        raise BadConfiguration(f"adapter {name!r}", f"is not installed; installed are {', '.join(found)}")
    kind, deployed = found[name]
    deployments: list[dict[str, Any]] = [
        {
            "name": d.name,
            "chain_id": d.chain,
            "verified": d.verified,
            "source": d.source,
            "first_block": d.first_block,
            "addresses": dict(d.addresses),
        }
        for d in deployed
    ]
    if json:
        data = {"name": name, "kind": kind, "deployments": deployments}
        envelope.write(envelope.envelope("adapters show", data))
        return
    typer.echo(f"{name} ({kind})")
    for entry in deployments:
        seen = "seen working" if entry["verified"] else "never seen working"
        typer.echo(f"\n{entry['name']} · chain {entry['chain_id']} · {seen}\n  source: {entry['source']}")
        for role, address in entry["addresses"].items():
            typer.echo(f"  {role}: {address}")


def _installed(config: Path | None) -> dict[str, tuple[str, Collection[Deployment]]]:
    """Kind and deployments of adapters and exchanges, by name in alphabetical order."""
    from aggregator import app as use_cases  # noqa: PLC0415

    settings = options.settings(config)
    found: dict[str, tuple[str, Collection[Deployment]]] = {
        one.name: (one.kind, one.deployments) for one in use_cases.adapters(settings)
    }
    found.update((one.name, ("exchange", one.deployments)) for one in use_cases.exchanges(settings))
    return dict(sorted(found.items()))
