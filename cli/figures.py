"""Figures of the whole below its accounts: Greeks, worst scenarios, netting, stresses, interest, notes."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from cli import tails
from cli.text import WIDTH, clean, multiple, shortened, signed, usd

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.results import Greeks, RiskResult

WORTH_SAYING = 0.01
"""The share of a loss from which on the cost of closing is said."""

YEAR_DAYS = 365
"""What lasts longer at today's rates is not said on the screen: rates don't stand still."""


def figures(checked: Checked) -> str:
    """The lower half of the screen, in 100 columns."""
    risk = checked.risk
    sections = [("Greeks", [_greeks(g) for g in risk.greeks])]
    worst = [f"{clean(s.name, 40)}: −{usd(s.loss_usd)}" for s in risk.worst_scenarios[:3] if s.loss_usd > 0]
    sections.append(("Worst", [" · ".join(worst)] if worst else []))
    isolated, together = risk.isolated_requirement_usd, risk.requirement_usd
    if isolated > 0:
        told = f"accounts apart need {usd(isolated)}, together {usd(together)}"
        sections.append(
            ("Netting", [f"{told}: {1 - together / isolated:.0%} less capital, if it could move"])
        )
    sections.append(("Tail", tails.lines(risk.tails)))
    sections.append(("Size", _size(risk)))
    m = risk.multiples
    stresses = (
        f"first account fails after {multiple(m.native)}, no transfer helps after {multiple(m.operational)}, "
        f"insolvent after {multiple(m.solvency)} standard stresses"
    )
    if math.isinf(min(m.native, m.operational, m.solvency)):
        stresses = "nothing fails within 20 standard stresses"
    sections.append(("Stress", [stresses]))
    sections.append(("Carry", _carry(checked)))
    sections.append(("Notes", [clean(flag, 400) for flag in risk.flags]))
    lines = []
    for title, told_lines in sections:
        wrapped = [line for told_line in told_lines for line in textwrap.wrap(told_line, WIDTH - 11)]
        lines += [f"  {title if i == 0 else '':8} {line}" for i, line in enumerate(wrapped)]
    return "\n".join(lines)


def _carry(checked: Checked) -> list[str]:
    """What lending costs a day, and which account it ends first; nothing where no rate is known."""
    accounts = checked.risk.accounts
    known = [a.interest_usd_day for a in accounts if a.interest_usd_day is not None]
    if not known:
        return []
    text = f"interest {_signed_usd(math.fsum(known))}/day"
    lasting = [
        (a.runway_days, a.account_id) for a in accounts if a.runway_days and a.runway_days <= YEAR_DAYS
    ]
    if lasting:
        days, first = min(lasting)
        label = shortened(next(a.label for a in checked.portfolio.accounts if a.id == first), 32)
        text += f"   {label} fails in {days:,.0f} days at today's prices and rates"
    return [text]


def _greeks(greeks: Greeks) -> str:
    name = clean(greeks.underlying, 16).ljust(5)
    text = f"{name} delta {signed(greeks.delta_units)} ({_signed_usd(greeks.delta_usd * 100)})"
    if greeks.gamma_units or greeks.vega_usd or greeks.theta_usd:
        text += f"   gamma {signed(greeks.gamma_units)}/1%   vega {_signed_usd(greeks.vega_usd)}/pt"
        text += f"   theta {_signed_usd(greeks.theta_usd)}/day"
    return text


def _signed_usd(value: float) -> str:
    """Dollars with their sign."""
    shown = usd(value)
    return shown if shown.startswith("−") else f"+{shown}"


def _size(risk: RiskResult) -> list[str]:
    """What closing at once would cost, where it is more than a hundredth of the requirement's loss."""
    cost, loss = risk.closing_cost_usd, risk.liquidity_adjusted_loss_usd
    if cost is None or loss is None or cost <= WORTH_SAYING * loss:
        return []
    return [f"closing all at once costs {usd(cost)} by the depth of the markets: {usd(loss)} with the loss"]
