"""Cascades and ladders for a terminal, and as rows. 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import change_table, rows
from cli.envelope import usd as exact_usd
from cli.screen import Provenance, header, incomplete
from cli.table import table
from cli.text import WIDTH, clean, percent, price, shortened, usd

if TYPE_CHECKING:
    from aggregator.model.cascades import Cascade, CascadeStep, MarketRisk, Rung
    from aggregator.model.liquidations import CascadeOutcome, LiquidationReport

MOST_STEPS = 60
"""On a screen: the rest is in --csv and --json."""

STEPS = (
    *("wallet", "scenario", "round", "account_id", "accounts", "health", "prices_usd", "liquidated_usd"),
    *("penalty_usd", "bad_debt_usd", "borne", "sold_usd", "toxic"),
)
LADDER = (
    *("wallet", "account_id", "underlying", "price_usd", "distance", "liquidated_usd", "cost_usd"),
    "follows",
)
_NUMBERS = frozenset({*STEPS, *LADDER}) - {"wallet", "scenario", "account_id", "underlying", "borne"}


def screen(report: LiquidationReport, source: Provenance) -> str:
    """The ladder of one wallet, or what follows from each scenario; then the market's risk."""
    today = report.today
    blocks = [header(today.portfolio, source), incomplete(today.portfolio)]
    if today.risk.score is None and today.portfolio.coverage.complete:
        blocks.append("  no position found")
    if not report.outcomes:
        blocks.append(_ladder(report))
    blocks += [_outcome(report, one) for one in report.outcomes]
    if report.market is not None:
        blocks.append(_market(report.market))
    return "\n\n".join(block for block in blocks if block) + "\n"


def notes(report: LiquidationReport) -> list[str]:
    """What stands beside the rows, as lines: what is refused, not known or not followed, by scenario."""
    found = [f"note: {clean(sentence, 400)}" for sentence in report.told]
    for one in report.outcomes:
        found += [f"{clean(one.cascade.scenario, 64)}: {line}" for line in _told(one.cascade)]
    if report.market is not None:
        found += [f"at risk: {clean(sentence, 400)}" for sentence in report.market.told]
    return found


def write_rows(report: LiquidationReport, *, header: bool) -> None:
    """Print a row for each step, or where no scenario was given for each rung of the ladder."""
    wallet = report.today.portfolio.wallet
    if not report.outcomes:
        lines = [
            (
                wallet,
                rung.account_id,
                clean(rung.underlying, 64),
                exact_usd(rung.price_usd),
                repr(rung.distance),
                exact_usd(rung.liquidated_usd),
                exact_usd(rung.cost_usd),
                " ".join(rung.follows),
            )
            for rung in report.ladder
        ]
        rows.write(LADDER, lines, numbers=_NUMBERS - {"follows"}, header=header)
        return
    found = [
        (wallet, clean(one.cascade.scenario, 64), *_row(step))
        for one in report.outcomes
        for step in one.cascade.steps
    ]
    rows.write(STEPS, found, numbers=_NUMBERS - {"prices_usd", "sold_usd"}, header=header)


def steps(cascade: Cascade) -> str:
    """The steps of a cascade with what each costs, and what they come to."""
    if not cascade.steps:
        blocks = ["nothing is liquidated"]
    else:
        shown = [_line(step) for step in cascade.steps[:MOST_STEPS]]
        columns = ("round", "account", "at", "health", "liquidated", "penalty", "bad debt")
        blocks = [table(columns, shown, right=(0, 3, 4, 5, 6))]
        if len(cascade.steps) > MOST_STEPS:
            blocks.append(f"{len(cascade.steps) - MOST_STEPS} more steps: --csv has them all")
        blocks.append("\n".join(_sums(cascade)))
    blocks.append(_wrapped(_told(cascade)))
    return textwrap.indent("\n\n".join(block for block in blocks if block), "  ")


def _told(cascade: Cascade) -> list[str]:
    told = [f"not liquidated: {clean(one.label, 40)}: {clean(one.reason, 200)}" for one in cascade.refusals]
    return told + [f"note: {clean(sentence, 400)}" for sentence in cascade.told]


def _wrapped(sentences: list[str]) -> str:
    return "\n".join(line for sentence in sentences for line in textwrap.wrap(sentence, WIDTH - 2))


def _outcome(report: LiquidationReport, one: CascadeOutcome) -> str:
    title = f"{clean(one.cascade.scenario, 40)}   {clean(one.title, 100)}".rstrip()
    moved = " · ".join(
        f"{clean(name, 20)} {percent(first)}" + (f" to {percent(last)}" if last != first else "")
        for name, first, last in one.moves
    )
    head = [*textwrap.wrap(title, WIDTH - 2), *textwrap.wrap(moved, WIDTH - 2)]
    after = change_table.whole(report.today.risk, one.after.risk, complete=not one.after.unknown)
    return "\n\n".join([textwrap.indent("\n".join(head), "  "), steps(one.cascade), after])


def _line(step: CascadeStep) -> tuple[str, ...]:
    name = shortened(clean(step.label, 60), 26) + (f" ×{step.accounts:,}" if step.accounts > 1 else "")
    at = ", ".join(f"{clean(u, 8)} {price(value)}" for u, value in list(step.prices_usd.items())[:2])
    return (
        str(step.round),
        name + (" TOXIC" if step.toxic else ""),
        at or "–",
        "–" if step.health is None else f"{step.health:.3f}",
        usd(step.liquidated_usd),
        usd(step.penalty_usd),
        usd(step.bad_debt_usd) if step.bad_debt_usd else "–",
    )


def _sums(cascade: Cascade) -> list[str]:
    parts = [
        f"liquidated {usd(cascade.liquidated_usd)}",
        f"bonuses and closing prices {usd(cascade.penalties_usd)}",
    ]
    parts += [f"fees {usd(cascade.fees_usd)}", f"price impact {usd(cascade.impact_usd)}"]
    if cascade.bad_debt_usd:
        borne: dict[str, float] = {}
        for step in cascade.steps:
            for bearer, value in step.borne:
                borne[bearer] = borne.get(bearer, 0.0) + value
        by = ", ".join(f"{name.replace('_', ' ')} {usd(value)}" for name, value in borne.items())
        parts.append(f"bad debt {usd(cascade.bad_debt_usd)} ({by})")
    if cascade.path_usd:
        parts.append(f"the path's own moves cost {usd(cascade.path_usd)}")
    lines = textwrap.wrap(" · ".join(parts), WIDTH - 2)
    lines.append(f"it costs the wallet {usd(cascade.own_cost_usd)}")
    moved = [
        f"{clean(name, 20)} {price(cascade.start_prices_usd[name])} to {price(value)}"
        for name, value in cascade.final_prices_usd.items()
        if name in cascade.start_prices_usd and price(cascade.start_prices_usd[name]) != price(value)
    ]
    if moved:
        lines += textwrap.wrap("prices move " + " · ".join(moved), WIDTH - 2)
    return lines


def _ladder(report: LiquidationReport) -> str:
    if report.today.risk.score is None:
        return ""
    told = _wrapped([f"note: {clean(sentence, 400)}" for sentence in report.told])
    if not report.ladder:
        whom = "any other account" if told else "an account"
        nothing = f"no price of one underlying alone liquidates {whom}"
        return textwrap.indent("\n\n".join(block for block in (told, nothing) if block), "  ")
    names = {account.id: clean(account.label, 40) for account in report.today.portfolio.accounts}
    found = [_rung(rung, names) for rung in report.ladder]
    columns = ("price", "move", "account", "liquidated", "costs", "and then")
    rungs = table(columns, found, right=(1, 3, 4))
    return textwrap.indent("\n\n".join(block for block in (rungs, told) if block), "  ")


def _rung(rung: Rung, names: dict[str, str]) -> tuple[str, ...]:
    known = {one: names.get(one, one) for one in rung.follows}
    return (
        f"{clean(rung.underlying, 8)} {price(rung.price_usd)}",
        "now" if rung.distance == 0.0 else percent(rung.distance),
        shortened(clean(rung.label, 60), 26),
        usd(rung.liquidated_usd),
        usd(rung.cost_usd),
        change_table.named(known, rung.follows, 24) or "–",
    )


def _market(found: MarketRisk) -> str:
    rows_ = [
        (name, usd(mean), usd(quantile), usd(shortfall))
        for name, mean, quantile, shortfall in (
            (
                "liquidations",
                found.liquidated_mean_usd,
                found.liquidated_95_usd,
                found.liquidated_es_usd,
            ),
            ("bad debt", found.bad_debt_mean_usd, found.bad_debt_95_usd, found.bad_debt_es_usd),
        )
    ]
    columns = (f"at risk over {found.paths:,} scenarios", "mean", "95%", "shortfall beyond")
    blocks = [table(columns, rows_, right=(1, 2, 3))]
    if found.told:
        blocks.append(_wrapped([f"note: {clean(sentence, 400)}" for sentence in found.told]))
    return textwrap.indent("\n\n".join(blocks), "  ")


def _row(step: CascadeStep) -> tuple[str, ...]:
    return (
        str(step.round),
        clean(step.account_id, 200),
        str(step.accounts),
        "" if step.health is None else repr(step.health),
        " ".join(f"{clean(name, 64)}={value:.12g}" for name, value in step.prices_usd.items()),
        exact_usd(step.liquidated_usd),
        exact_usd(step.penalty_usd),
        exact_usd(step.bad_debt_usd),
        " ".join(f"{bearer}={exact_usd(value)}" for bearer, value in step.borne),
        " ".join(f"{clean(name, 64)}={value:.12g}" for name, value in step.sold_usd.items()),
        "true" if step.toxic else "false",
    )
