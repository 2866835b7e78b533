"""`crossmargin snapshot verify`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import VerifiedSnapshot


def verify(
    snapshots: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids as `snapshot list` shows them.")
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every snapshot in the database.")] = False,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no chain: rows and rules only.")] = False,
    retake: Annotated[
        bool, typer.Option("--retake", help="Take orphaned snapshots again, at the time of their blocks.")
    ] = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Recompute health from stored rules and rows, and compare the blocks with the chain.

    A snapshot with a reorganised block is marked orphaned, and is the latest of its wallet no longer.
    """
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415

    if all_ == bool(snapshots):
        raise BadConfiguration("snapshot verify", "give ids, or --all" if not all_ else "no ids with --all")
    if offline and (rpc or chain or retake):
        raise BadConfiguration("--offline", "not together with --rpc, --chain or --retake")
    where = app.Where(chains=tuple(chain or ()), rpc=tuple(rpc or ()), offline=offline)
    ids = None if all_ else snapshots
    found = app.verify(ids, options.settings(config), where, retake=retake)
    errors = [error for one in found for error in _errors(one, offline=offline)]
    if json:
        data = [_document(one, offline=offline) for one in found]
        envelope.write(envelope.envelope("snapshot verify", data, ok=not errors, errors=errors))
    else:
        for one in found:
            typer.echo(_told(one, offline=offline))
        wrong = sum(bool(_errors(one, offline=offline)) for one in found)
        typer.echo(f"{len(found)} verified, {wrong or 'none'} with something wrong or unknown")
    if any(one.verified.faults for one in found):
        raise typer.Exit(exits.Exit.USAGE)
    raise typer.Exit(exits.Exit.PARTIAL if errors else exits.Exit.OK)


def _errors(one: VerifiedSnapshot, *, offline: bool) -> list[dict[str, str]]:
    """What is wrong or unknown of a snapshot; a reorganised one that was taken again is neither."""
    which = f"snapshot {one.verified.id}"
    wrong = [
        {"code": "database", "message": f"{which}: {_clean(f'{fault.table}: {fault.told}')}"}
        for fault in one.verified.faults
    ]
    if offline or (one.orphaned and one.retaken is not None):
        return wrong
    return wrong + [{"code": "block_unavailable", "message": f"{which}: {_clean(told)}"} for told in one.told]


def _document(one: VerifiedSnapshot, *, offline: bool) -> dict[str, Any]:
    return {
        "snapshot_id": one.verified.id,
        "wallet": one.verified.wallet,
        "rows": "faulty" if one.verified.faults else "sound",
        "faults": [{"table": fault.table, "told": _clean(fault.told)} for fault in one.verified.faults],
        "chain": one.on_chain,
        "blocks": [] if offline else [_clean(told) for told in one.told],
        "observed": _observed(one),
        "orphaned": one.orphaned,
        "retaken": None if one.retaken is None else one.retaken.id,
    }


def _told(one: VerifiedSnapshot, *, offline: bool) -> str:
    count = len(one.verified.faults)
    rows = "rows sound" if not count else f"{count} FAULT{'' if count == 1 else 'S'}"
    chain = one.on_chain.upper() if one.on_chain == "reorganised" else one.on_chain
    lines = [f"{one.verified.id}  {rows}  chain {chain}{'  ORPHANED' if one.orphaned else ''}"]
    lines += [f"    {fault.table}: {_clean(fault.told)}" for fault in one.verified.faults]
    lines += [f"    {_clean(told)}" for told in (() if offline else one.told)]
    lines += [f"    {told}" for told in _observed(one)]
    if one.retaken is not None:
        lines.append(f"    taken again as {one.retaken.id}")
    return "\n".join(lines)


def _observed(one: VerifiedSnapshot) -> list[str]:
    """What was said by venues: nothing is wrong with it, and nobody can compare it."""
    from cli.screen import moment  # noqa: PLC0415

    return [
        _clean(f"{label} is what venue {said.endpoint} said at {when}: no block has it to read it again")
        for label, said in one.verified.observed
        for when in [moment(datetime.fromtimestamp(said.time, UTC))]
    ]


def _clean(text: str) -> str:
    from cli.text import clean  # noqa: PLC0415

    return clean(text, 300)
