"""A plan for a terminal, and its steps as rows. 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from aggregator.model.actions import Trade
from aggregator.model.plans import Flash, Swap, Transfer
from aggregator.model.units import scaled
from cli import rows
from cli.plan_documents import Names, kind
from cli.screen import Provenance, header, incomplete
from cli.table import table
from cli.text import WIDTH, amount, clean, multiple, shortened, usd

if TYPE_CHECKING:
    from aggregator.model.plans import Plan, State, Step
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.rules import Amount

COLUMNS = (
    "wallet",
    "ordinal",
    "action",
    "account_id",
    "asset_id",
    "amount_raw",
    "cost_usd",
    "native_health_after",
    "kappa_after",
    "calls",
    "calls_unknown",
)

_SAYS = {
    "safe": "nothing need be done: every target holds today",
    "feasible": "every target holds after the last step, and every floor on the way",
    "infeasible": "no plan reaches every target within these limits: these steps come nearest",
}


def screen(found: Plan, portfolio: Portfolio, source: Provenance) -> str:
    """What to do, what it costs, what every account is on the way and at the end."""
    names = Names(portfolio)
    steps = [table(("", "step", "cost", "own health", "stresses"), _steps(found, names), right=(0, 2, 3, 4))]
    blocks = [
        header(portfolio, source),
        incomplete(portfolio),
        textwrap.indent(_head(found, complete=portfolio.coverage.complete), "  "),
        textwrap.indent("\n".join(steps), "  ") if found.steps else "",
        textwrap.indent(_accounts(found), "  "),
        textwrap.indent("\n".join(_notes(found)), "  "),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def write_rows(found: Plan, *, header: bool) -> None:
    """Print a row for each step."""
    lines = []
    for i, step in enumerate(found.steps):
        after = _health(step.after, step.account_id)
        lines.append(
            (
                found.wallet,
                str(i),
                kind(step.move),
                step.account_id,
                "" if step.amount is None else step.amount.asset,
                "" if step.amount is None else str(step.amount.raw),
                f"{step.cost.usd:.8f}",
                "" if after is None else repr(after),
                "" if step.after is None else repr(step.after.kappa),
                str(len(step.calls)),
                "" if step.untold is None else step.untold,
            )
        )
    rows.write(COLUMNS, lines, numbers=("ordinal", "cost_usd", "kappa_after", "calls"), header=header)


def _head(found: Plan, *, complete: bool) -> str:
    of_what = "" if complete else ", of what could be read"
    lines = textwrap.wrap(f"plan: {found.status.upper()}   {_SAYS[found.status]}{of_what}", WIDTH - 2)
    if found.stress is not None:
        lines.append(f"so that every account survives {clean(found.stress, 60)}")
    if found.steps:
        fees = sum(step.cost.fees_usd for step in found.steps)
        slippage = sum(step.cost.slippage_usd for step in found.steps)
        gas = sum(step.cost.gas_usd for step in found.steps)
        parts = f"fees {usd(fees)}, slippage {usd(slippage)}, gas {usd(gas)}"
        lines.append(f"{len(found.steps)} steps cost {usd(found.cost_usd)}: {parts}")
    if found.avoided_usd is not None:
        lines.append(f"the liquidations that it prevents would cost {usd(found.avoided_usd)}")
    lines += [
        line
        for one in found.shortfalls
        for line in textwrap.wrap(f"missing: {clean(one.needed, 300)}", WIDTH - 2)
    ]
    return "\n".join(lines)


def _steps(found: Plan, names: Names) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for i, step in enumerate(found.steps, start=1):
        after = _health(step.after, step.account_id)
        lines.append(
            (
                str(i),
                shortened(sentence(step, names), 58),
                usd(step.cost.usd),
                "" if after is None else f"{after:.3f}",
                "" if step.after is None else multiple(step.after.kappa),
            )
        )
        inner = step.move.steps if isinstance(step.move, Flash) else ()
        lines += [
            ("", shortened("  " + sentence(one, names), 58), usd(one.cost.usd), "", "") for one in inner
        ]
    return lines


def sentence(step: Step, names: Names) -> str:
    """What is done, in words."""
    label = names.labels.get(step.account_id, step.account_id)
    move = step.move
    if isinstance(move, Trade):
        return f"{'buy' if move.size_raw > 0 else 'sell'} {clean(move.market, 24)} in {label}"
    if isinstance(move, Swap):
        pair = f"{_shown(move.sold, names)} for {_shown(move.least, names)}"
        return f"swap {pair} at {clean(move.market.label, 30)}"
    if isinstance(move, Transfer):
        return f"send {_shown(move.sent, names)} to {names.labels.get(move.to, move.to)}"
    if isinstance(move, Flash):
        return f"borrow {_shown(move.lent, names)} for one transaction"
    shown = "" if step.amount is None else _shown(step.amount, names)
    way = {"repay": "to", "deposit": "into", "withdraw": "from"}[kind(move)]
    return f"{kind(move)} {shown} {way} {label}"


def _shown(one: Amount, names: Names) -> str:
    asset = names.asset(one.asset)
    if asset is None:
        return f"{one.raw} of {clean(one.asset, 40)}"
    return f"{amount(scaled(one.raw, asset.decimals))} {clean(asset.symbol, 12)}"


def _health(state: State | None, account_id: str) -> float | None:
    if state is None:
        return None
    return next((one.health for one in state.accounts if one.account_id == account_id), None)


def _accounts(found: Plan) -> str:
    lines = []
    for one in found.before.accounts:
        after = _health(found.after, one.account_id)
        lines.append(
            (
                shortened(one.label, 48),
                "–" if one.health is None else f"{one.health:.3f}",
                "–" if after is None else f"{after:.3f}",
            )
        )
    before, then = found.before, found.after
    lines.append(("the whole: stresses survived", multiple(before.kappa), multiple(then.kappa)))
    lines.append(("the whole: equity", usd(before.equity_usd), usd(then.equity_usd)))
    return table(("own health", "today", "after"), lines, right=(1, 2))


def _notes(found: Plan) -> list[str]:
    calls = sum(len(step.calls) for step in found.steps)
    notes = list(found.told)
    unknown = [step.untold for step in found.steps if step.untold is not None]
    if calls:
        notes.append(f"{calls} unsigned calls: --format json shows them, --format safe is a file for a Safe")
    notes += [f"calls that are not known: {reason}" for reason in dict.fromkeys(unknown)]
    return [line for note in notes for line in textwrap.wrap(f"note: {clean(note, 400)}", WIDTH - 2)]
