"""`crossmargin crosscheck`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import CrossCheck, CrossChecked
    from aggregator.app.crosschecks import Compared, Comparison
    from aggregator.model.errors import ReadError
    from aggregator.model.portfolio import Portfolio


def crosscheck(
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    history: Annotated[
        bool,
        typer.Option("--history", help="Also read contracts at positions' last events: needs an archive."),
    ] = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare positions read from contracts with what subgraphs say of them at the same block.

    Ends with 12 where a difference is more than what a subgraph can't know.
    """
    from aggregator import app  # noqa: PLC0415

    settings = options.settings(config)
    chosen = options.selection(
        wallets, settings, rpc=rpc, chain=chain, adapter=adapter, block=block, confirm=confirm
    )
    recording = options.recorded(chosen)
    if recording is None:
        found = app.crosscheck(chosen, settings, history=history)
        options.tell_notices(found.answer, quiet=quiet)
    else:
        found = app.replayed_crosscheck(recording, history=history)
    for portfolio, check in zip(found.answer.portfolios, found.checks, strict=True):
        _answer(portfolio, check, found, json=json, quiet=quiet)
    raise typer.Exit(_exit(found, allow_partial=allow_partial))


def _answer(portfolio: Portfolio, check: CrossCheck, found: CrossChecked, *, json: bool, quiet: bool) -> None:
    from cli import envelope  # noqa: PLC0415
    from cli.text import clean, told  # noqa: PLC0415

    warnings = (*portfolio.warnings, *check.warnings)
    if json:
        document = envelope.of_portfolio("crosscheck", portfolio, _document(portfolio, check))
        document["warnings"] = list(warnings)
        document["errors"] += [envelope.failure(failure) for failure in check.failures]
        document["errors"] += [
            {"code": error.code, "message": clean(str(error), 1000)} for error in _disagreements(check)
        ]
        document["ok"] = not document["errors"]
        envelope.write(document)
    else:
        typer.echo(_screen(portfolio, check, found))
    for failure in (*portfolio.failures, *check.failures):
        typer.echo(f"not read: {told(failure)}", err=True)
    for error in _disagreements(check):
        typer.echo(f"differs: {clean(str(error), 500)}", err=True)
    for warning in () if quiet else warnings:
        typer.echo(f"warning: {clean(warning, 500)}", err=True)


def _disagreements(check: CrossCheck) -> list[ReadError]:
    """An error for every difference that nothing explains."""
    from aggregator.app import Verdict  # noqa: PLC0415
    from aggregator.model.errors import Disagreement  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    return [
        Disagreement(
            comparison.subgraph.name,
            f"the {one.kind} {clean(_name(one))} of {one.owner}{_whose(comparison)} is {_amount(one.theirs)} "
            f"there and {_amount(one.ours)} by the contracts: {one.judged.reason}",
        )
        for comparison in check.comparisons
        for one in comparison.positions
        if one.judged.verdict is Verdict.DIFFERENT
    ]


def _exit(found: CrossChecked, *, allow_partial: bool) -> int:
    """A proven difference is never hidden by a missing part."""
    from cli import exits  # noqa: PLC0415

    for check in found.checks:
        if wrong := _disagreements(check):
            return exits.of_error(wrong[0])
    failures = [f for portfolio in found.answer.portfolios for f in portfolio.failures]
    failures += [failure for check in found.checks for failure in check.failures]
    nothing = not any(check.comparisons for check in found.checks)
    return exits.of_failures(failures, nothing_read=nothing, allow_partial=allow_partial)


def _whose(comparison: Comparison) -> str:
    """How an address belongs to the wallet; nothing of the wallet itself."""
    from cli.text import clean  # noqa: PLC0415

    return f" ({clean(comparison.how, 200)} of {comparison.path[0]})" if comparison.how else ""


def _name(one: Compared) -> str:
    side = one.ours or one.theirs
    return side.name if side else one.what


def _amount(side: Any) -> str:
    from cli.position_documents import text  # noqa: PLC0415

    return "nothing" if side is None else text(side.amount)


def _document(portfolio: Portfolio, check: CrossCheck) -> dict[str, Any]:
    from aggregator.app import Verdict  # noqa: PLC0415
    from cli import documents  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    return {
        "wallet": check.wallet,
        "owned": documents.owned(portfolio),
        "subgraphs": [_comparison(comparison) for comparison in check.comparisons],
        "uncovered": [
            {
                "account_id": a.id,
                "protocol": a.protocol,
                "label": clean(a.label, 64),
                "chain_id": a.chain,
                "owner_path": list(a.owner_path),
            }
            for a in check.uncovered
        ],
        "counts": {verdict.value: check.count(verdict) for verdict in Verdict},
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    entry = comparison.subgraph
    return {
        "name": entry.name,
        "schema": entry.kind,
        "protocol": entry.adapter,
        "deployment": comparison.deployment,
        "owner_path": list(comparison.path),
        "chain_id": entry.chain,
        "block": comparison.number,
        "lag_blocks": comparison.lag,
        "positions": [_position(one) for one in comparison.positions],
    }


def _position(one: Compared) -> dict[str, Any]:
    from aggregator.model.units import EXACT  # noqa: PLC0415
    from cli.position_documents import text  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    ours, theirs = one.ours, one.theirs
    both = ours is not None and theirs is not None
    return {
        "owner": one.owner,
        "kind": one.kind,
        "what": clean(one.what, 200),
        "name": clean(_name(one), 64),
        "account_ids": list(ours.accounts) if ours else [],
        "contracts": text(ours.amount) if ours else None,
        "subgraph": text(theirs.amount) if theirs else None,
        "difference": text(EXACT.subtract(ours.amount, theirs.amount)) if both and ours and theirs else None,
        "verdict": one.judged.verdict,
        "reason": one.judged.reason,
        "interest_per_year": one.judged.rate,
        "proven_at_block": one.judged.proven_at,
        "since": theirs.since if theirs else None,
        "origins": [clean(origin, 300) for origin in theirs.origins] if theirs else [],
    }


def _screen(portfolio: Portfolio, check: CrossCheck, found: CrossChecked) -> str:
    import textwrap  # noqa: PLC0415

    from aggregator.model.units import checksum  # noqa: PLC0415
    from cli import account_table, screen, text  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    source = screen.Provenance(found.answer.chain_names)
    blocks = [screen.header(portfolio, source), screen.incomplete(portfolio)]
    columns = ("kind", "asset", "contracts", "subgraph", "difference", "verdict")
    for comparison in check.comparisons:
        cells = [_cells(one) for one in comparison.positions]
        shown = table(columns, cells, right=(2, 3, 4)) if cells else "no position in either"
        blocks += [_filled(_title(comparison)), textwrap.indent(shown, "  ")]
    if check.uncovered:
        names = ", ".join(dict.fromkeys(account_table.label(account, 48) for account in check.uncovered))
        blocks.append(_filled(f"Not compared, no subgraph is configured for it: {names}"))
    if check.uncounted:
        names = ", ".join(
            f"{text.short_address(checksum(h.address))} ({text.clean(h.how, 80)})" for h in check.uncounted
        )
        blocks.append(_filled(f"Not compared, not counted for this wallet: {names}"))
    blocks.append(screen.owned(portfolio, source))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _title(comparison: Comparison) -> str:
    """Which deployment and subgraph, of whom, and how that address is the wallet's."""
    from aggregator.model.units import checksum  # noqa: PLC0415
    from cli import text  # noqa: PLC0415

    entry, path = comparison.subgraph, comparison.path
    whose = ""
    if comparison.how:
        steps = " → ".join(text.short_address(checksum(address)) for address in path)
        whose = f" of {steps} ({text.clean(comparison.how, 80)})"
    behind = f", {comparison.lag:,} blocks behind" if comparison.lag else ""
    return (
        f"{text.clean(comparison.deployment, 48)}{whose} beside subgraph {entry.name} ({entry.kind}) "
        f"at block {comparison.number:,}{behind}"
    )


def _filled(sentence: str) -> str:
    import textwrap  # noqa: PLC0415

    return textwrap.fill(sentence, 98, initial_indent="  ", subsequent_indent="  ")


def _cells(one: Compared) -> tuple[str, ...]:
    from aggregator.model.units import EXACT  # noqa: PLC0415
    from cli import text  # noqa: PLC0415

    ours, theirs = one.ours, one.theirs
    difference = text.amount(EXACT.subtract(ours.amount, theirs.amount)) if ours and theirs else ""
    rate = "" if one.judged.rate is None else f" ({text.percent(one.judged.rate)} a year)"
    proven = "" if one.judged.proven_at is None else ", proven"
    return (
        one.kind,
        text.clean(_name(one), 24),
        text.amount(ours.amount) if ours else "–",
        text.amount(theirs.amount) if theirs else "–",
        difference,
        f"{one.judged.verdict}{rate}{proven}",
    )
