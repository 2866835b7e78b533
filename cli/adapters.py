"""`crossmargin adapters list|show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import options

app = typer.Typer(help="Show the installed adapters and where they read.", no_args_is_help=True)


@app.command("list")
def list_adapters(*, config: options.Config = None, json: options.Json = False) -> None:
    """List the installed adapters, what they read and on how many deployments."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    found = use_cases.adapters(options.settings(config))
    rows = [(a.name, a.kind, len(a.deployments), len({d.chain for d in a.deployments})) for a in found]
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
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    found = {adapter.name: adapter for adapter in use_cases.adapters(options.settings(config))}
    if name not in found:
        raise BadConfiguration(f"adapter {name!r}", f"is not installed; installed are {', '.join(found)}")
    deployments: list[dict[str, Any]] = [
        {
            "name": d.name,
            "chain_id": d.chain,
            "verified": d.verified,
            "source": d.source,
            "first_block": d.first_block,
            "addresses": dict(d.addresses),
        }
        for d in found[name].deployments
    ]
    if json:
        data = {"name": name, "kind": found[name].kind, "deployments": deployments}
        envelope.write(envelope.envelope("adapters show", data))
        return
    typer.echo(f"{name} ({found[name].kind})")
    for entry in deployments:
        seen = "seen working" if entry["verified"] else "never seen working"
        typer.echo(f"\n{entry['name']} · chain {entry['chain_id']} · {seen}\n  source: {entry['source']}")
        for role, address in entry["addresses"].items():
            typer.echo(f"  {role}: {address}")
