"""`crossmargin whatif`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.health import Gate, codes_after, worst

if TYPE_CHECKING:
    from aggregator.app import Answer
    from aggregator.model.stresses import WhatIf
    from aggregator.risk.wishes import Wish


def whatif(
    wallets: options.SomeWallets = None,
    *,
    repay: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCOUNT:ASSET=AMOUNT",
            help="Repay a debt, such as aave_v3:USDC=10000; all and 50% are of what is owed (repeatable).",
        ),
    ] = None,
    deposit: Annotated[
        list[str] | None,
        typer.Option(metavar="ACCOUNT:ASSET=AMOUNT", help="Add collateral or margin (repeatable)."),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCOUNT:ASSET=AMOUNT",
            help="Take collateral or margin out; also all and 50% (repeatable).",
        ),
    ] = None,
    close: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCOUNT[:MARKET][=SHARE]",
            help="Close an account or one market of it, such as synthetix_perps_v2:sETHPERP=50%: debts are "
            "repaid and supplies withdrawn, perps and options closed as their venue "
            "does it, at their marks where that is not known (repeatable).",
        ),
    ] = None,
    hedge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="UNDERLYING[=SIZE][@ACCOUNT]",
            help="Open a perp against the whole: ETH=-5, or ETH alone for all of the delta that is left then "
            "(repeatable).",
        ),
    ] = None,
    open_: Annotated[
        list[str] | None,
        typer.Option(
            "--open",
            metavar="perp:UNDERLYING=SIZE[@ACCOUNT]",
            help="Open a perp at the mark, below 0 short; without an account in one that no venue has "
            "(repeatable).",
        ),
    ] = None,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    csv: options.Csv = False,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show every account and the whole before and after actions, which are done on a copy.

    An ACCOUNT is its id, the name of its adapter, or a part of its label. The wallet pays. Closing comes
    first, then repaying, depositing, withdrawing and opening. Gates judge the state after.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    options.one_output(csv=csv, json=json)
    wishes = _wishes(repay, deposit, withdraw, close, hedge, open_)
    if not wishes:
        raise BadConfiguration(
            "whatif", "give at least one of --repay, --deposit, --withdraw, --close, --hedge and --open"
        )
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
    found = app.whatif(answer, wishes)
    _show(answer, found, json=json, csv=csv, quiet=quiet)
    gate = Gate(warn_under=warn_under, fail_under=fail_under, allow_partial=allow_partial)
    raise typer.Exit(worst(codes_after([one.after for one in found], gate)))


def _wishes(
    repay: list[str] | None,
    deposit: list[str] | None,
    withdraw: list[str] | None,
    close: list[str] | None,
    hedge: list[str] | None,
    opened: list[str] | None,
) -> list[Wish]:
    from cli import wishes  # noqa: PLC0415

    return [
        *(wishes.moved("repay", text) for text in repay or ()),
        *(wishes.moved("deposit", text) for text in deposit or ()),
        *(wishes.moved("withdraw", text) for text in withdraw or ()),
        *(wishes.closed(text) for text in close or ()),
        *(wishes.opened(text, "hedge") for text in hedge or ()),
        *(wishes.opened(text, "open") for text in opened or ()),
    ]


def _show(answer: Answer, found: tuple[WhatIf, ...], *, json: bool, csv: bool, quiet: bool) -> None:
    from cli import change_documents, envelope, whatif_screen  # noqa: PLC0415
    from cli.screen import provenance  # noqa: PLC0415

    for number, one in enumerate(found):
        after = one.after.portfolio
        if json:
            data = change_documents.whatif(one, answer.names.get(after.wallet))
            envelope.write(envelope.of_portfolio("whatif", after, data))
        elif csv:
            whatif_screen.write_rows(one, header=number == 0)
        else:
            typer.echo(whatif_screen.screen(one, provenance(answer, after)))
        options.tell_portfolio(after, failures=csv, quiet=quiet)
