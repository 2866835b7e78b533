"""`crossmargin chains`."""

from __future__ import annotations

import typer

from cli import options


def chains(*, config: options.Config = None, json: options.Json = False) -> None:
    """List the chains that can be read, their endpoints and how many deployments are known on each."""
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.units import ChainId  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    settings = options.settings(config)
    deployed = [d.chain for adapter in app.adapters(settings) for d in adapter.deployments]
    rows = [
        {
            "chain_id": chain,
            "name": entry.name,
            "endpoints": [e.name or "configured" for e in entry.endpoints],
            "deployments": deployed.count(ChainId(chain)),
            "read_by_default": chain in settings.default_chains,
        }
        for chain, entry in settings.chains.items()
    ]
    if json:
        envelope.write(envelope.envelope("chains", rows))
        return
    header = ("chain", "name", "endpoints", "deployments", "by default")
    cells = [
        (
            str(r["chain_id"]),
            str(r["name"]),
            ", ".join(map(str, r["endpoints"] if isinstance(r["endpoints"], list) else [])) or "none",
            str(r["deployments"]),
            "yes" if r["read_by_default"] else "no",
        )
        for r in rows
    ]
    typer.echo(table(header, cells))
