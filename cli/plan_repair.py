"""`crossmargin plan repair`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer
    from aggregator.model.plans import Plan
    from aggregator.model.portfolio import Portfolio


class Format(StrEnum):
    """How a plan is shown: for people, as JSON, or as a file of Safe's transaction builder."""

    TABLE = "table"
    JSON = "json"
    SAFE = "safe"


def repair(
    wallets: options.SomeWallets = None,
    *,
    target: Annotated[
        float | None,
        typer.Option(metavar="HEALTH", help="The own health that every account has at the end (1.25)."),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(metavar="HEALTH", help="The least own health after every step (1.02)."),
    ] = None,
    kappa: Annotated[
        float | None,
        typer.Option(metavar="STRESSES", help="Standard stresses that the whole survives at the end (1.25)."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(metavar="USD", help="The most that all steps together may cost.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Allow nothing else: kinds of steps (repay, deposit, withdraw, reduce, swap, transfer, "
            "bridge, flash) and accounts, by id, adapter or a part of the label (repeatable).",
        ),
    ] = None,
    no_bridge: Annotated[bool, typer.Option("--no-bridge", help="Carry nothing to another chain.")] = False,
    hedge: Annotated[
        bool, typer.Option("--hedge", help="Allow perps to be opened and enlarged, not only reduced.")
    ] = False,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=CHANGE",
            help="Plan for a move, such as ETH=-30%: what to do now so that no account fails in it "
            "(repeatable).",
        ),
    ] = None,
    stress: Annotated[
        str | None, typer.Option(metavar="STRESS", help="The same for a named stress (stress --list).")
    ] = None,
    slippage: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="How much less than quoted a swap may bring, such as 0.1%."),
    ] = None,
    gas_usd: Annotated[
        float | None, typer.Option(metavar="USD", help="What the gas of one step costs, on every chain.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            "--flash-executor", metavar="ADDRESS", help="A contract of yours that may run flash bundles."
        ),
    ] = None,
    no_estimates: Annotated[
        bool,
        typer.Option(
            "--no-estimates", help="Only steps whose market was read and whose calls are known; no bridge."
        ),
    ] = False,
    format_: Annotated[
        Format, typer.Option("--format", help="table, json, or safe: a file for Safe's transaction builder.")
    ] = Format.TABLE,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    save: options.SaveStudy = False,
    csv: options.Csv = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the cheapest steps that bring every account and the whole to their targets.

    Every step is possible when its turn comes, and the full model is run on every state between. Nothing is
    signed or sent. Exit code 16 where no plan reaches the targets.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import exits  # noqa: PLC0415
    from cli.plan_wishes import plan_request  # noqa: PLC0415

    shown = _format(format_, json=json, csv=csv)
    settings = options.settings(config)
    request = plan_request(
        target=target,
        floor=floor,
        kappa=kappa,
        most_cost=max_cost,
        only=only or [],
        no_bridge=no_bridge,
        hedge=hedge,
        shock=shock or [],
        stress=stress,
        slippage=slippage,
        gas_usd=gas_usd,
        executor=executor,
        no_estimates=no_estimates,
    )
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
        markets=True,
        openings=hedge,
    )
    if shown is Format.SAFE and len(answer.portfolios) > 1:
        raise BadConfiguration("--format safe", "a file is of one wallet: name one")
    plans = app.repair(answer, request)
    try:
        _show(answer, plans, shown, csv=csv, quiet=quiet)
    finally:
        # A plan that is no file for a Safe is kept all the same.
        if save:
            options.tell_saved(app.save_plans(answer, plans, request, settings))
    if any(plan.status == "infeasible" for plan in plans):
        raise typer.Exit(exits.Exit.INFEASIBLE)
    raise typer.Exit(exits.of_portfolios(answer.portfolios, allow_partial=allow_partial))


def _format(given: Format, *, json: bool, csv: bool) -> Format:
    """The one shape that is asked for; raises BadConfiguration where there are two."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    options.one_output(csv=csv, json=json or given is Format.JSON)
    if given is Format.SAFE and (csv or json):
        raise BadConfiguration("--csv" if csv else "--json", "not together with --format safe")
    return Format.JSON if json else given


def _show(answer: Answer, plans: tuple[Plan, ...], shown: Format, *, csv: bool, quiet: bool) -> None:
    from cli import envelope, plan_documents, plan_screen  # noqa: PLC0415
    from cli.screen import provenance  # noqa: PLC0415

    for number, (plan, portfolio) in enumerate(zip(plans, answer.portfolios, strict=True)):
        if csv:
            plan_screen.write_rows(plan, header=number == 0)
        elif shown is Format.JSON:
            data = plan_documents.plan(plan, portfolio, answer.names.get(portfolio.wallet))
            envelope.write(envelope.of_portfolio("plan repair", portfolio, data))
        elif shown is Format.SAFE:
            _show_safe(plan, portfolio, quiet=quiet)
        else:
            typer.echo(plan_screen.screen(plan, portfolio, provenance(answer, portfolio)))
        options.tell_portfolio(portfolio, failures=csv or shown is Format.SAFE, quiet=quiet)


def _show_safe(plan: Plan, portfolio: Portfolio, *, quiet: bool) -> None:
    """The file on stdout; none where no step comes nearer to the targets, which the exit code says."""
    from cli import envelope, safe_file  # noqa: PLC0415

    if plan.status == "infeasible":
        missing = "the plan does not reach every target: --format json has what is missing"
        typer.echo(missing if plan.steps else f"{missing}; there is no step to sign", err=True)
        if not plan.steps:
            return
    envelope.write(safe_file.safe_file(plan, portfolio))
    for line in () if quiet else safe_file.notes(plan, portfolio):
        typer.echo(line, err=True)
