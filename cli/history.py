"""`crossmargin history update|show`."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING, Any

import typer

from cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.app import HistoryReport, KeptHistory
    from aggregator.risk.scenarios import ScenarioSet

_SHOWN = 4
"""Gaps of a price history that the screen names, the latest ones."""

app = typer.Typer(
    help="Past prices, of which volatilities and correlations are made: fetch and show them.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Past prices, of which volatilities and correlations are made: fetch and show them."""


@app.command("update")
def update(
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Fetch the days that are missing from feeds, at the last finalized block, and show what is kept."""
    from aggregator import app as use_cases  # noqa: PLC0415  # --help must not pay for it
    from cli import envelope, exits  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    settings = options.settings(config)
    selection = options.selection([], settings, rpc=rpc, chain=chain)
    report = use_cases.update_history(selection, settings)
    failures = [
        (error, clean(f"{source.underlying}, {source.name}: {error}", 1000))
        for source, error in report.failures
    ]
    if json:
        errors = [{"code": error.code, "message": message} for error, message in failures]
        data = document(report) | {"days_asked": report.asked}
        told = envelope.envelope(
            "history update", data, ok=not failures, warnings=_warnings(report), errors=errors
        )
        envelope.write(told)
    else:
        typer.echo(f"{report.asked} day{'' if report.asked == 1 else 's'} asked for\n\n{_screen(report)}")
        for _, message in failures:
            typer.echo(f"not read: {message}", err=True)
    if failures:
        codes = {exits.of_error(error) for error, _ in failures}
        raise typer.Exit(codes.pop() if len(codes) == 1 and not report.kept else exits.Exit.PARTIAL)


@app.command("show")
def show(*, config: options.Config = None, json: options.Json = False) -> None:
    """Show the price history that is kept, and the volatilities and correlations that come of it now."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    report = use_cases.show_history(options.settings(config), int(time.time()))
    if json:
        envelope.write(envelope.envelope("history show", document(report), warnings=_warnings(report)))
    else:
        typer.echo(_screen(report))


def document(report: HistoryReport) -> dict[str, Any]:
    """The report as JSON: daily volatilities as fractions, null where history gives none."""
    from aggregator.pricing.returns import day_text  # noqa: PLC0415
    from cli.documents import history_used  # noqa: PLC0415

    inputs = report.scenarios.inputs
    return {
        "day": day_text(report.day),
        "history": history_used(inputs.used),
        "underlyings": [
            _underlying(name, kept, report.scenarios) for name, kept in _underlyings(report).items()
        ],
        "correlations": {
            "assets": list(report.scenarios.parameters.assets),
            "of_history": list(inputs.correlated),
            "matrix": inputs.correlation.tolist(),
        },
    }


def _underlyings(report: HistoryReport) -> dict[str, KeptHistory | None]:
    """What is kept of the named assets, in their order, and of all others."""
    kept = {one.source.underlying: one for one in report.kept}
    names = dict.fromkeys([*report.scenarios.parameters.assets, *kept])
    return {name: kept.get(name) for name in names}


def _underlying(name: str, kept: KeptHistory | None, scenarios: ScenarioSet) -> dict[str, Any]:
    from aggregator.pricing.returns import day_text  # noqa: PLC0415

    inputs = scenarios.inputs
    ewma = window = None
    if inputs.history is not None and inputs.found is not None and name in inputs.volatility:
        place = inputs.history.assets.index(name)
        ewma, window = float(inputs.found.ewma[place]), float(inputs.found.window[place])
    return {
        "underlying": name,
        "source": None
        if kept is None
        else {"name": kept.source.name, "chain_id": kept.source.chain, "key": kept.source.key},
        "days": 0 if kept is None else sum(close.price is not None for close in kept.closes),
        "last_day": None if kept is None else day_text(kept.last_day),
        "missing_days": [] if kept is None else [day_text(day) for day in kept.missing],
        "used": name in inputs.volatility,
        "volatility_ewma": ewma,
        "volatility_window": window,
        "volatility": scenarios.daily_volatility(name),
        "scan_range": scenarios.scan_range(name),
    }


def _warnings(report: HistoryReport) -> list[str]:
    return [report.notice] if report.notice else []


def _screen(report: HistoryReport) -> str:
    from cli.table import table  # noqa: PLC0415
    from cli.text import WIDTH, clean  # noqa: PLC0415

    found = document(report)
    rows = [
        (
            clean(one["underlying"], 12),
            clean(one["source"]["name"], 32) if one["source"] else "–",
            str(one["days"]),
            one["last_day"] or "–",
            *(_percent(one[key]) for key in ("volatility_ewma", "volatility_window", "volatility")),
            _percent(one["scan_range"]),
            "history" if one["used"] else "defaults",
        )
        for one in found["underlyings"]
    ]
    window = report.scenarios.parameters.history.estimation.window_days
    header = ("underlying", "source", "days", "last day", "EWMA", f"{window} days", "used", "range", "of")
    named = found["correlations"]["assets"]
    matrix = [
        (clean(name, 12), *(f"{value:.2f}" for value in row))
        for name, row in zip(named, found["correlations"]["matrix"], strict=True)
    ]
    right = range(1, len(named) + 1)
    return "\n\n".join(
        [
            "\n".join(textwrap.wrap(report.notice or report.scenarios.inputs.told, WIDTH)),
            table(header, rows, right=(2, 4, 5, 6, 7)),
            *_missing(report),
            table(("correlation", *(clean(name, 12) for name in named)), matrix, right=tuple(right)),
        ]
    )


def _missing(report: HistoryReport) -> list[str]:
    """Which days of whom have no price, as one paragraph; none where there is nothing to tell."""
    from cli.text import WIDTH, clean  # noqa: PLC0415

    told = []
    for kept in report.kept:
        if kept.missing:
            stretches = _stretches(kept.missing)
            more = f" and {len(stretches) - _SHOWN} more gaps" if len(stretches) > _SHOWN else ""
            days = f"{len(kept.missing)} day{'' if len(kept.missing) == 1 else 's'}"
            who = f"{clean(kept.source.underlying, 12)} ({clean(kept.source.name, 60)})"
            told += textwrap.wrap(
                f"{who} has no price of {days}: {', '.join(stretches[-_SHOWN:])}{more}", WIDTH
            )
    return ["\n".join(told)] if told else []


def _stretches(days: Sequence[int]) -> list[str]:
    """Days in order as they are written: those that follow each other as the first and the last."""
    from aggregator.pricing.returns import day_text  # noqa: PLC0415

    found: list[tuple[int, int]] = []
    for day in days:
        if found and found[-1][1] == day - 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return [day_text(a) if a == b else f"{day_text(a)} to {day_text(b)}" for a, b in found]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
