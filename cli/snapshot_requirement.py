"""`crossmargin snapshot requirement`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import SavedRequirements, WalletRequirement

NOT_IN_IT = (
    "scan and add-ons only: expected shortfall over joint moves and the lateness of price feeds are not in "
    "it, and `health` may require more"
)
TABLE_ROWS = 1_000
_COLUMNS = (
    *("wallet", "snapshot_id", "as_of", "partial", "equity_usd", "scan_requirement_usd", "add_on_usd"),
    *("requirement_usd", "requirement_then_usd", "coverage", "isolated_requirement_usd", "saved_share"),
    *("binding_scenario", "binding_multiple", "options_without_iv", "options_without_expiry"),
    *("perps_without_costs", "why"),
)
_TEXTS = ("wallet", "snapshot_id", "as_of", "partial", "binding_scenario", "why")


def requirement(
    *,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Only wallets of this group.")
    ] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Exit 0 although a wallet could not be valued.")
    ] = False,
    config: options.Config = None,
    csv: options.Csv = False,
    json: options.Json = False,
) -> None:
    """Show what every wallet would require at its latest snapshot under today's configuration.

    Positions and prices are the snapshot's; parameters, classes of tokens and price history are today's. Of
    the scan and add-ons only: expected shortfall and the lateness of feeds are not in it. Needs the extra
    `bulk`.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it
    from cli import envelope, exits, rows  # noqa: PLC0415

    options.one_output(csv=csv, json=json)
    found = app.saved_requirements(options.settings(config), group)
    errors = _errors(found)
    if json:
        document = {
            "wallets": [_document(one) for one in found.wallets],
            "parameters_hash": found.parameters_hash,
            "scenario_hash": found.scenario_hash,
        }
        envelope.write(
            envelope.envelope(
                "snapshot requirement", document, ok=not errors, warnings=_warnings(found), errors=errors
            )
        )
    else:
        if csv:
            cells = [["" if c is None else str(c) for c in _flat(one).values()] for one in found.wallets]
            rows.write(_COLUMNS, cells, numbers=set(_COLUMNS) - set(_TEXTS), header=True)
        else:
            typer.echo(_screen(found))
        for warning in _warnings(found):
            typer.echo(f"warning: {warning}", err=True)
        for error in errors:
            typer.echo(f"not valued: {error['message']}", err=True)
    raise typer.Exit(exits.Exit.PARTIAL if errors and not allow_partial else exits.Exit.OK)


def _document(one: WalletRequirement) -> dict[str, Any]:
    """A wallet as JSON: `figures` is null where it can't be valued, and `why` says why."""
    from cli.envelope import finite, usd  # noqa: PLC0415
    from cli.snapshot import time  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    its = one.figures
    return {
        "wallet": one.wallet,
        "snapshot_id": one.snapshot_id,
        "as_of": time(one.as_of),
        "partial": one.is_partial,
        "requirement_then_usd": None if one.requirement_then_usd is None else usd(one.requirement_then_usd),
        "figures": None
        if its is None
        else {
            "equity_usd": usd(its.equity_usd),
            "scan_requirement_usd": usd(its.scan_usd),
            "add_on_usd": usd(its.add_on_usd),
            "requirement_usd": usd(its.requirement_usd),
            "coverage": finite(its.coverage),
            "isolated_requirement_usd": usd(its.alone_usd),
            "saved_share": its.saved_share,
            "binding_scenario": its.scenario,
            "binding_multiple": its.level,
        },
        "unknown": {
            "options_without_iv": one.unknown.options_without_iv,
            "options_without_expiry": one.unknown.options_without_expiry,
            "perps_without_costs": one.unknown.perps_without_costs,
        },
        "why": None if one.why is None else clean(one.why, 300),
    }


def _flat(one: WalletRequirement) -> dict[str, Any]:
    """The same as cells by column, in their order; None is an empty one."""
    document = _document(one)
    cells = {**document, **(document["figures"] or {}), **document["unknown"]}
    cells["partial"] = str(one.is_partial).lower()
    return {column: cells.get(column) for column in _COLUMNS}


def _warnings(found: SavedRequirements) -> list[str]:
    """What these figures are and are not, and how many rest on less than everything."""
    partial = sum(one.is_partial for one in found.wallets)
    guessed = sum(any(_document(one)["unknown"].values()) for one in found.wallets)
    of = f"of {len(found.wallets):,} wallets"
    told = [NOT_IN_IT, found.based]
    told += [found.notice] if found.notice else []
    told += [f"{partial:,} {of} rest on snapshots in which a read failed"] if partial else []
    told += [f"{guessed:,} {of} have positions of which something is unknown"] if guessed else []
    return told


def _errors(found: SavedRequirements) -> list[dict[str, str]]:
    from cli.text import clean  # noqa: PLC0415

    bad = [f"{one.wallet}, snapshot {one.snapshot_id}: {one.why}" for one in found.wallets if one.why]
    bad += [f"{wallet}: no snapshot of it can be used; see `snapshot take`" for wallet in found.without]
    return [{"code": "database", "message": clean(told, 500)} for told in bad]


def _screen(found: SavedRequirements) -> str:
    """Two lines a wallet, in 100 columns: what it has and needs, then what that is made of."""
    from cli.screen import moment  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415
    from cli.text import WIDTH, clean, short_address, usd  # noqa: PLC0415

    if not found.wallets:
        return "no wallet has a snapshot that can be used: `crossmargin snapshot take` makes one"
    header = ("wallet", "as of", "equity", "needs", "then", "coverage")
    cells, below = [], []
    for one in found.wallets[:TABLE_ROWS]:
        its, then = one.figures, one.requirement_then_usd
        start = (short_address(one.wallet), moment(one.as_of))
        before = "–" if then is None else usd(then)
        if its is None:
            cells.append((*start, "–", "–", before, "–"))
            below.append("not valued")
        else:
            coverage = "–" if its.requirement_usd <= 0.0 else f"{its.coverage:.2f}"
            cells.append((*start, usd(its.equity_usd), usd(its.requirement_usd), before, coverage))
            saved = "" if its.saved_share is None else f", {its.saved_share:.0%} saved"
            below.append(
                f"{usd(its.scan_usd)} in {clean(its.scenario)} × {its.level:g}, {usd(its.add_on_usd)} add-ons"
                f"; {usd(its.alone_usd)} account by account{saved}"
            )
        below[-1] += "; PARTIAL" if one.is_partial else ""
    first, *rest = table(header, cells, right=range(2, 6)).splitlines()
    lines = [first]
    for row, more in zip(rest, below, strict=True):
        lines += [row, *textwrap.wrap(more, WIDTH, initial_indent="    ", subsequent_indent="    ")]
    left = len(found.wallets) - len(cells)
    lines += [f"{left:,} more: --csv and --json give all"] if left else []
    return "\n".join(lines)
