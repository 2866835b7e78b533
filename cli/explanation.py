"""Why the figures are what they are, in words for somebody who does not know the framework; 100 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aggregator.model.positions import Option, Perp
from aggregator.risk.prevention import TARGET
from aggregator.risk.score import score
from cli.account_table import label, position_text
from cli.critical_prices import critical_prices, factor_name
from cli.table import table
from cli.text import WIDTH, clean, multiple, percent, price, usd

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.accounts import Account
    from aggregator.model.explanation import Change, Contribution, Explanation, Prevention, Threat
    from aggregator.model.results import AccountRisk

HELPFUL = 0.05
"""Points of score: a smaller change is not worth a line."""


def screen(checked: Checked, why: Explanation) -> str:
    """What fails first and what prevents it, what the requirement is made of, what helps, how far it is."""
    blocks = [
        _section("What would be liquidated first", _first(checked, why)),
        _section("What the requirement is made of", _binding(checked, why)),
        _section("What would change the score most", _helpful(checked, why)),
        _section("How far each price may move", critical_prices(checked, why.distance)),
    ]
    return "\n\n".join(blocks) + "\n"


def _section(title: str, lines: Iterator[str]) -> str:
    """A title over paragraphs; lines that begin with a space are tables and stay as they are."""
    told = []
    for line in lines:
        told += [line] if line.startswith(" ") else textwrap.wrap(line, WIDTH - 4)
    return "\n".join([f"  {title}", *(f"    {line}".rstrip() for line in told)])


def _account(checked: Checked, account_id: str) -> Account:
    return next(account for account in checked.portfolio.accounts if account.id == account_id)


def _name(checked: Checked, account_id: str) -> str:
    return label(_account(checked, account_id), 48)


def _first(checked: Checked, why: Explanation) -> Iterator[str]:
    threat = why.threat
    if threat is None:
        yield "Nothing of weight: no account owes more than a ten-thousandth of the whole."
        return
    first = next(a for a in checked.risk.accounts if a.account_id == threat.account_id)
    yield _event(checked, why, threat, first)
    if not threat.now and threat.standard_move is not None:
        breaks = f"after {multiple(threat.stresses)} of it, in scenario {clean(threat.scenario or '', 80)}"
        if threat.scenario is None:
            breaks = "not within 20 of it"
        yield (
            f"A standard stress, the unit of the score, moves {_factor(checked, threat)} by up to "
            f"{threat.standard_move:.0%}, and other prices by their own measure; this account fails {breaks}."
        )
    if why.preventions:
        yield from (_cost(checked, threat, first, prevention) for prevention in why.preventions)
        yield "These are estimates at today's prices, without fees and gas."


def _factor(checked: Checked, threat: Threat) -> str:
    return factor_name(checked, threat.factor or "")


def _event(checked: Checked, why: Explanation, threat: Threat, first: AccountRisk) -> str:
    name = _name(checked, threat.account_id)
    if threat.now:
        return f"{name}: it can be liquidated now, at today's prices."
    if first.native_health is None:
        known = "no test of its protocol is known"
        if first.reported_health is not None:
            known = f"its protocol says a health of {first.reported_health:.2f} and not by which test"
        return (
            f"{name} may be the first: {known}, so neither where it is liquidated nor what prevents it is "
            "known."
        )
    if threat.price_usd is None or threat.distance is None:
        where = "within 20 standard stresses" if math.isinf(threat.stresses) else "by one price alone"
        return f"{name} would be the first, but nothing liquidates it {where}."
    moves = "falls" if threat.direction == "down" else "rises"
    return (
        f"{name}: when {_factor(checked, threat)} {moves} to {price(threat.price_usd)} "
        f"({percent(threat.distance)} from today) while all else stands still{_together(why, threat)}."
    )


def _together(why: Explanation, threat: Threat) -> str:
    """Where the same price does it if others move as usual, where that is another one."""
    for found in why.distance.prices:
        same = (found.account_id, found.factor, found.direction, found.others)
        if same == (threat.account_id, threat.factor, threat.direction, "correlated"):
            at = "" if found.price_usd is None else f"{price(found.price_usd)} "
            if percent(found.distance) != percent(threat.distance or 0.0):
                return f", or at {at}({percent(found.distance)}) if others move with it as usual"
    return ""


def _cost(checked: Checked, threat: Threat, first: AccountRisk, prevention: Prevention) -> str:
    """What reaches one goal, in dollars, and how far it then is."""
    health = "" if first.native_health is None else f"{first.native_health:.2f} today, "
    verb = "end" if threat.now else "prevent"
    goal = f"To {verb} it with a health of {TARGET:.2f} by its own rule ({health}1 is liquidation)"
    if prevention.goal == "stress":
        goal = "To survive one standard stress"
    if prevention.repay_usd is None and prevention.deposit_usd is None:
        return f"{goal}: not known, for it has neither a debt to repay nor collateral that counts."
    ways = []
    if prevention.repay_usd:
        ways.append(f"repay {usd(prevention.repay_usd)} of its debt")
    if prevention.deposit_usd:
        ways.append(f"add {usd(prevention.deposit_usd)} of {_kind(prevention)}")
    if not ways and prevention.goal == "health":
        return f"Its health by its own rule is {first.native_health:.2f} (1 is liquidation): enough today."
    if not ways:
        return f"{goal}: nothing is needed."
    text = f"{goal}: {' or '.join(ways)}"
    factor = _factor(checked, threat)
    if prevention.safe:
        return f"{text}; then no price of {factor} alone liquidates it."
    if prevention.price_usd is None or prevention.distance is None:
        return f"{text}."
    at = f"{price(prevention.price_usd)} ({percent(prevention.distance)})"
    return f"{text}; then {factor} has to reach {at} to liquidate it."


def _kind(prevention: Prevention) -> str:
    return "margin" if prevention.repay_usd is None else "collateral"


def _binding(checked: Checked, why: Explanation) -> Iterator[str]:
    most = f"The scenario that takes most is {clean(why.scenario, 80)}, at {why.level:.2f} of its full size"
    if why.draws is not None:
        most = (
            f"What takes most is the mean of the {clean(why.scenario, 80)} ({why.draws} of them), at "
            f"{why.level:.2f} of their full size"
        )
    yield (
        f"Of {usd(checked.risk.equity_usd)} equity, {usd(why.requirement_usd)} must be there so that the "
        f"whole survives one standard stress. {most}; line by line, gains negative:"
    )
    lines = sorted(why.contributions, key=lambda line: -line.usd)
    cents = [round(line.usd * 100) for line in lines]
    if cents:  # what rounding leaves goes where it is smallest in proportion
        cents[0] += round(why.requirement_usd * 100) - sum(cents)
    rows = [
        (*_line(checked, line), f"{cent / 100:,.2f}".replace("-", "−"))
        for line, cent in zip(lines, cents, strict=True)
    ]
    rows.append(("requirement", "", f"{why.requirement_usd:,.2f}"))
    yield from textwrap.indent(table(("", "account", "USD"), rows, right=(2,)), "  ").splitlines()


def _line(checked: Checked, line: Contribution) -> tuple[str, str]:
    name = "" if line.account_id is None else _name(checked, line.account_id)
    match line.kind:
        case "position":
            return position_text(_account(checked, line.account_id or "").positions[line.ordinal or 0]), name
        case "haircut":
            return "haircut: its protocol may fail", name
        case "add_on":
            return f"add-on: {line.label}", ""


def _helpful(checked: Checked, why: Explanation) -> Iterator[str]:
    if math.isinf(checked.risk.kappa):
        yield "Nothing can raise it: the whole survives every stress on the grid."
        return
    helpful = [change for change in why.changes if change.score_change >= HELPFUL][:3]
    if not helpful:
        yield "No single change of 1% of gross value raises it."
        return
    before = score(checked.risk.kappa)
    yield "Of changes by 1% of gross value, each alone:"
    rows = [(_change(checked, c), f"score {before:.1f} to {before + c.score_change:.1f}") for c in helpful]
    yield from textwrap.indent(table(("", ""), rows), "  ").splitlines()[1:]


def _change(checked: Checked, change: Change) -> str:
    size = usd(change.size_usd)
    if change.account_id is None or change.ordinal is None:
        delta = next(g.delta_usd for g in checked.risk.greeks if g.underlying == change.underlying)
        name = factor_name(checked, change.underlying or "")
        return f"{'short' if delta > 0 else 'buy'} {size} of {name} as a hedge"
    account = _account(checked, change.account_id)
    held = f"{position_text(account.positions[change.ordinal])} in {label(account, 32)}"
    if change.kind == "repay":
        return f"repay {size} of {held}"
    derivative = isinstance(account.positions[change.ordinal], Perp | Option)
    return f"{'close' if derivative else 'sell'} {size} of {held}"
