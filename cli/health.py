"""`crossmargin health`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer, Checked
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
    save: Annotated[bool, typer.Option("--save", help="Keep the result in the database.")] = False,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the score of a wallet beside what each protocol itself says of its accounts."""
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
    _answer(answer, settings, gate, json=json, quiet=quiet, save=save)


def _answer(answer: Answer, settings: Settings, gate: Gate, *, json: bool, quiet: bool, save: bool) -> None:
    """Print the health of every wallet of an answer, and exit with the worst of their codes."""
    from aggregator import app  # noqa: PLC0415
    from cli import documents, envelope  # noqa: PLC0415

    found = app.check(answer)
    for checked in found:
        if json:
            data = documents.health(checked, answer.names.get(checked.portfolio.wallet))
            envelope.write(envelope.of_portfolio("health", checked.portfolio, data))
        else:
            from cli.screen import provenance, screen  # noqa: PLC0415

            typer.echo(screen(checked, provenance(answer, checked.portfolio)))
        options.tell_portfolio(checked.portfolio, quiet=quiet)
    for kept in app.save_all(found, answer, settings) if save else ():
        typer.echo(f"snapshot {kept.id}{'' if kept.created else ' was kept already'}", err=True)
    codes = [exit_code(checked, gate) for checked in found]
    raise typer.Exit(worst(codes))


# Worst last: a proven liquidation is never hidden by a missing part, nor a missing part by a warning.
_PRECEDENCE = [0, 30, 15, 14, 13, 12, 11, 10, 31, 32]


def worst(codes: Iterable[int]) -> int:
    """The code that several wallets end with together; 0 without any."""
    return max(codes, key=_PRECEDENCE.index, default=0)


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
