"""`crossmargin doctor`."""

from __future__ import annotations

import typer

from cli import options


def doctor(
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Check endpoints, subgraphs, Multicall3, overrides, history and every deployment of each chain."""
    from aggregator import app  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415

    settings = options.settings(config)
    selection = options.selection([], settings, rpc=rpc, chain=chain, adapter=adapter, block=block)
    reports = app.doctor(selection, settings)
    names = {number: entry.name for number, entry in settings.chains.items()}
    failed = [check for report in reports for check in report.checks if check.error is not None]
    data = [
        {
            "chain_id": report.chain,
            "name": names.get(report.chain, str(report.chain)),
            "block": report.block.number if report.block else None,
            "checks": [
                {
                    "subject": c.subject,
                    "ok": c.ok,
                    "finding": c.finding,
                    "error": str(c.error) if c.error else None,
                }
                for c in report.checks
            ],
        }
        for report in reports
    ]
    if json:
        envelope.write(envelope.envelope("doctor", data, ok=not failed))
    else:
        for entry in data:
            typer.echo(f"{entry['name']} (chain {entry['chain_id']})")
            for check in entry["checks"] if isinstance(entry["checks"], list) else []:
                mark = "ok  " if check["ok"] else "FAIL"
                typer.echo(f"  {mark} {check['subject']}: {check['error'] or check['finding']}")
    if failed:
        codes = {exits.of_error(check.error) for check in failed if check.error is not None}
        raise typer.Exit(codes.pop() if len(codes) == 1 else exits.Exit.PARTIAL)
