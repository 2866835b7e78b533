"""`crossmargin crosscheck`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import CrossCheck, CrossChecked
    from aggregator.app.crosschecks import Comparison
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
    from cli import crosscheck_document, crosscheck_screen, envelope  # noqa: PLC0415
    from cli.text import clean, told  # noqa: PLC0415

    warnings = (*portfolio.warnings, *check.warnings)
    if json:
        document = envelope.of_portfolio(
            "crosscheck", portfolio, crosscheck_document.document(portfolio, check)
        )
        document["warnings"] = list(warnings)
        document["errors"] += [envelope.failure(failure) for failure in check.failures]
        document["errors"] += [
            {"code": error.code, "message": clean(str(error), 1000)} for error in _disagreements(check)
        ]
        document["ok"] = not document["errors"]
        envelope.write(document)
    else:
        typer.echo(crosscheck_screen.screen(portfolio, check, found))
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
            f"the {one.kind} {clean(one.name)} of {one.owner}{_whose(comparison)} is {_amount(one.theirs)} "
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


def _amount(side: Any) -> str:
    from cli.position_documents import text  # noqa: PLC0415

    return "nothing" if side is None else text(side.amount)
