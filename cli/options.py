"""Options that commands share, and what they are turned into."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aggregator.app import Answer, Selection
    from aggregator.model.portfolio import Portfolio
    from aggregator.reading.recording import Recording
    from aggregator.settings import Settings
    from aggregator.store.saved import SavedSnapshot, SavedStudy

Wallets = Annotated[
    list[str], typer.Argument(metavar="WALLET...", help="One or more 0x addresses, names of ENS, or @GROUP.")
]
SomeWallets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WALLET]...", help="One or more 0x addresses, names of ENS, or @GROUP."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Show a wallet recorded on the local chain.")]
Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated values on stdout.")]
Rpc = Annotated[
    list[str] | None,
    typer.Option("--rpc", metavar="URL", help="Read through this JSON-RPC endpoint (repeatable)."),
]
Chain = Annotated[
    list[str] | None,
    typer.Option("--chain", metavar="NAME", help="Only this chain, by name or id (repeatable)."),
]
AdapterName = Annotated[
    list[str] | None, typer.Option("--adapter", metavar="NAME", help="Only this adapter (repeatable).")
]
BlockText = Annotated[
    str,
    typer.Option(
        "--block",
        metavar="BLOCK",
        help="latest, safe, finalized, a number such as 21500000 or 21.5M, -N from the latest, a hash, or a "
        "time such as 2026-11-22T13:45Z: the last block that is not newer.",
    ),
]
Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm",
        metavar="N",
        min=1,
        max=5,
        help="N endpoints of each chain must agree on the block, on logs and on a sample of other replies.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file.", envvar="CROSSMARGIN_CONFIG"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON envelope per answer on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on stderr.")]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Exit 0 although something could not be read.")
]
SaveStudy = Annotated[
    bool,
    typer.Option("--save", help="Keep it in the database, with the snapshot that it was computed from."),
]
Shock = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=CHANGE",
        help="Move an underlying, a pegged token or a peg class, such as ETH=-30% or USDC=-5% "
        "(repeatable; all together are one scenario).",
    ),
]
WarnUnder = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="SCORE", help="Exit 30 below this score.")
]
FailUnder = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="SCORE", help="Exit 31 below this score.")
]

Snapshot = Annotated[str, typer.Argument(metavar="ID", help="A snapshot's id, as `snapshot list` shows it.")]

replayed: ContextVar[Recording | None] = ContextVar("replayed", default=None)
"""The recording that the command is to answer from."""


def settings(config: Path | None) -> Settings:
    """The configuration; raises BadConfiguration."""
    from aggregator import settings as configured  # noqa: PLC0415  # --help must not pay for it

    return configured.load(config)


def moment(text: str, where: str, forms: str = "2026-11-22 or 2026-11-22T12:00Z") -> datetime:
    """A date or time, UTC where it names no zone; raises BadConfiguration naming the `forms` it may have."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    try:
        given = datetime.fromisoformat(text)
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # no date, or none in UTC
        raise BadConfiguration(where, f"{text!r} is no date or time: give {forms}") from error


def confirmed(question: str) -> bool:
    """Whether the user says yes; without a terminal nobody can be asked, which is a no."""
    return sys.stdin.isatty() and typer.confirm(question, err=True)


def selection(
    wallets: list[str],
    config: Settings,
    *,
    rpc: list[str] | None = None,
    chain: list[str] | None = None,
    adapter: list[str] | None = None,
    block: str = "latest",
    confirm: int | None = None,
) -> Selection:
    """What to read, from the options as given; `@group` stands for its wallets.

    Raises UsageError on an address or block that is none, and on a group without a wallet.
    """
    from aggregator.app import Selection as Selected  # noqa: PLC0415
    from aggregator.app import expanded  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.reading.blocks import Hash, Number, parse_block  # noqa: PLC0415

    name = parse_block(block, "--block")
    if any(not url.lower().startswith(("http://", "https://")) for url in rpc or ()):
        # Without the text: it may carry a key.
        raise BadConfiguration("--rpc", "give a URL that starts with http:// or https://")
    chains = tuple(chain or ())
    if isinstance(name, Number | Hash) and len(chains or rpc or ()) != 1:
        raise BadConfiguration("--block", "a number or a hash belongs to one chain: name it with --chain")
    return Selected(
        wallets=expanded(config, wallets),
        chains=chains,
        adapters=tuple(adapter or ()),
        block=block.lower(),
        rpc=tuple(rpc or ()),
        confirm=confirm,
    )


def read(selection: Selection, config: Settings, *, quiet: bool = False, markets: bool = False) -> Answer:
    """What a command answers from: the chains, or within `crossmargin replay` the recording.

    With `markets` the spot markets between what wallets have are read as well. Notices that do not touch the
    answer go to stderr. Raises UsageError, also where a recording is asked for something else than it was
    made of.
    """
    from aggregator import app  # noqa: PLC0415

    recording = recorded(selection)
    if recording is not None:
        return app.replay_with_markets(recording) if markets else app.replay(recording)
    answer = app.read_with_markets(selection, config) if markets else app.read(selection, config)
    tell_notices(answer, quiet=quiet)
    return answer


def answer(
    wallets: list[str] | None,
    config: Settings,
    *,
    demo: bool,
    quiet: bool,
    rpc: list[str] | None = None,
    chain: list[str] | None = None,
    adapter: list[str] | None = None,
    block: str = "latest",
    confirm: int | None = None,
    markets: bool = False,
    openings: bool = False,
) -> Answer:
    """What was asked for: the demo, or wallets as `selection` and `read` take them; raises UsageError."""
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    if demo == bool(wallets):
        raise BadConfiguration(
            "WALLET", "give one or more addresses, or --demo" if not demo else "not with --demo"
        )
    if demo:
        return app.replay_with_markets(app.demo()) if markets else app.replay(app.demo())
    chosen = selection(
        wallets or [], config, rpc=rpc, chain=chain, adapter=adapter, block=block, confirm=confirm
    )
    return read(replace(chosen, openings=openings), config, quiet=quiet, markets=markets)


def one_output(*, csv: bool, json: bool) -> None:
    """Raise BadConfiguration where two shapes of output are asked for."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    if csv and json:
        raise BadConfiguration("--csv", "not together with --json")


def tell_portfolio(portfolio: Portfolio, *, quiet: bool, failures: bool = False) -> None:
    """Say on stderr what a wallet's reading warns of and, where `failures`, what could not be read."""
    from cli.text import clean, told  # noqa: PLC0415

    for failure in portfolio.failures if failures else ():
        typer.echo(f"not read: {told(failure)}", err=True)
    for warning in () if quiet else portfolio.warnings:
        typer.echo(f"warning: {clean(warning, 500)}", err=True)


def tell_saved(saved: Iterable[tuple[SavedSnapshot, Iterable[SavedStudy]]]) -> None:
    """Say on stderr what the database keeps now."""
    for snapshot, studies in saved:
        told = [(f"snapshot {snapshot.id}", snapshot.created), *((one.id, one.created) for one in studies)]
        for name, created in told:
            typer.echo(f"{name}{'' if created else ' was kept already'}", err=True)


def tell_notices(answer: Answer, *, quiet: bool) -> None:
    """Say on stderr what does not touch the answer."""
    from cli.text import clean  # noqa: PLC0415

    for notice in () if quiet else answer.notices:
        typer.echo(f"warning: {clean(notice, 500)}", err=True)


def recorded(selection: Selection) -> Recording | None:
    """The recording to answer from, None where the chains are asked.

    Raises BadConfiguration where it is asked for something else than it was made of.
    """
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    recording = replayed.get()
    if recording is None:
        return None
    made = app.Selection(selection.wallets, openings=selection.openings)
    if selection != made or not set(selection.wallets) <= set(recording.request["wallets"]):
        why = "is answered as it was recorded: name no other wallet, block, chain, adapter or endpoint"
        raise BadConfiguration("a recording", why)
    return recording
