"""`crossmargin health`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer, Checked
    from aggregator.model.stresses import Reassessed
    from aggregator.settings import Settings


@dataclass(frozen=True, slots=True)
class Gate:
    """When a check fails: score thresholds (0 to 100), and whether a missing part is acceptable.

    With either threshold the verdict counts too: 30 warn, 31 critical, 32 liquidatable now.
    """

    warn_under: float | None = None
    fail_under: float | None = None
    allow_partial: bool = False


def health(
    wallets: options.SomeWallets = None,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also say what would be liquidated first, at what price and what prevents it; what the "
            "requirement is made of, what would change the score most, and how far each price may move.",
        ),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Also say what other margin methods ask of the same book, and why."),
    ] = False,
    save: Annotated[bool, typer.Option("--save", help="Keep the result in the database.")] = False,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the score of a wallet beside what each protocol itself says of its accounts."""
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it

    settings = options.settings(config)
    answer = options.answer(
        wallets,
        settings,
        demo=demo,
        quiet=quiet,
        rpc=rpc,
        chain=chain,
        adapter=adapter,
        block=block,
        confirm=confirm,
    )
    gate = Gate(warn_under=warn_under, fail_under=fail_under, allow_partial=allow_partial)
    found = app.check(answer)
    if explain:
        found = tuple(app.explained(checked, answer) for checked in found)
    if compare:
        found = tuple(app.compared(checked, answer) for checked in found)
    _answer(answer, found, settings, gate, json=json, quiet=quiet, save=save)


def _answer(
    answer: Answer,
    found: tuple[Checked, ...],
    settings: Settings,
    gate: Gate,
    *,
    json: bool,
    quiet: bool,
    save: bool,
) -> None:
    """Print the health of every wallet of an answer, and exit with the worst of their codes."""
    from aggregator import app  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    for checked in found:
        if json:
            envelope.write(envelope.of_portfolio("health", checked.portfolio, _data(checked, answer)))
        else:
            from cli.screen import provenance, screen  # noqa: PLC0415

            typer.echo(screen(checked, provenance(answer, checked.portfolio)))
            _more(checked)
        options.tell_portfolio(checked.portfolio, quiet=quiet)
    for kept in app.save_all(found, answer, settings) if save else ():
        typer.echo(f"snapshot {kept.id}{'' if kept.created else ' was kept already'}", err=True)
    codes = [exit_code(checked, gate) for checked in found]
    raise typer.Exit(worst(codes))


def _data(checked: Checked, answer: Answer) -> dict[str, Any]:
    """The document of one wallet, with what was asked for beside it."""
    from cli import documents, explanation_document  # noqa: PLC0415

    data = documents.health(checked, answer.names.get(checked.portfolio.wallet))
    if checked.explanation is not None:
        data["explanation"] = explanation_document.explanation(checked.explanation)
    if checked.comparison is not None:
        data["comparison"] = explanation_document.comparison(checked.comparison)
    return data


def _more(checked: Checked) -> None:
    """What was asked for beside the screen of one wallet."""
    if checked.explanation is not None:
        from cli import explanation  # noqa: PLC0415

        typer.echo(explanation.screen(checked, checked.explanation))
    if checked.comparison is not None:
        from cli import comparison  # noqa: PLC0415

        typer.echo(comparison.screen(checked.comparison))


# Worst last: a proven liquidation is never hidden by a missing part, nor a missing part by a warning.
_PRECEDENCE = [0, 30, 15, 14, 13, 12, 11, 10, 31, 32]


def worst(codes: Iterable[int]) -> int:
    """The code that several wallets end with together; 0 without any."""
    return max(codes, key=_PRECEDENCE.index, default=0)


def codes_after(sides: Iterable[Reassessed], gate: Gate) -> list[int]:
    """The exit code of each portfolio after a change under a gate."""
    from aggregator.app import Checked  # noqa: PLC0415

    return [exit_code(Checked(side.portfolio, side.risk), gate) for side in sides]


def exit_code(checked: Checked, gate: Gate) -> int:
    """The exit code of one wallet's check under a gate."""
    from aggregator.model.results import Band, Verdict  # noqa: PLC0415
    from cli.exits import Exit, of_failures  # noqa: PLC0415

    portfolio, risk = checked.portfolio, checked.risk
    gated = gate.warn_under is not None or gate.fail_under is not None
    if gated and any(account.liquidatable for account in risk.accounts):
        return Exit.LIQUIDATABLE
    if gated and (risk.verdict is Verdict.CRITICAL or risk.weakest_band is Band.CRITICAL):
        return Exit.CRITICAL
    nothing = portfolio.nothing_read
    missing = of_failures(portfolio.failures, nothing_read=nothing, allow_partial=gate.allow_partial)
    if missing is not Exit.OK:
        return missing
    if gate.fail_under is not None and risk.score is not None and risk.score < gate.fail_under:
        return Exit.CRITICAL
    warned = gate.warn_under is not None and risk.score is not None and risk.score < gate.warn_under
    return Exit.WARN if warned or (gated and risk.verdict is Verdict.WARN) else Exit.OK
