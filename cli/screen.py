"""What a person must see in five seconds: the whole beside its weakest account, then the rest.

100 columns, readable without colour. Every text that comes from a chain passes `clean`.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator.model.families import RayFamily
from aggregator.model.results import Band, Verdict
from aggregator.model.units import Address, ChainId, checksum
from cli.account_table import account_of, accounts, label
from cli.figures import figures
from cli.options import replayed
from cli.text import WIDTH, clean, multiple, percent, price, short_address, told, usd

if TYPE_CHECKING:
    from aggregator.app import Answer, Checked
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.readings import Block
    from aggregator.model.results import AccountRisk, RiskResult

_COLOURS = {
    Band.STRONG: "32",
    Band.HEALTHY: "32",
    Band.WATCH: "33",
    Band.CRITICAL: "31",
    Band.UNDER_MARGINED: "31",
    Band.INSOLVENT: "31;1",
    Band.NATIVE_LIQUIDATION: "31;1",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where figures come from: names of chains and of wallets, and a sentence where nothing is live."""

    chain_names: Mapping[ChainId, str]
    told: str = ""
    names: Mapping[Address, str] = field(default_factory=dict)


def provenance(answer: Answer, portfolio: Portfolio) -> Provenance:
    """Of an answer: one that is a demo says so. A replay says it on stderr: its stdout is the live one."""
    if not answer.recorded or replayed.get() is not None:
        return Provenance(answer.chain_names, names=answer.names)
    told = recorded(answer.origin, portfolio.blocks.values())
    return Provenance(answer.chain_names, told, answer.names)


def recorded(origin: str, blocks: Iterable[Block]) -> str:
    """What is said of figures of a recording, by its newest block."""
    try:
        newest = datetime.fromtimestamp(max(block.timestamp for block in blocks), tz=UTC)
        when = moment(newest)
    except (ValueError, OverflowError, OSError):  # no block, or a time that is none
        when = "an unknown time"
    return f"replayed from a recording of a {clean(origin)} at {when}: not a live position"


def screen(checked: Checked, source: Provenance) -> str:
    """The health of one wallet as text for a terminal."""
    risk = checked.risk
    blocks = [header(checked.portfolio, source), incomplete(checked.portfolio)]
    if risk.score is None:
        blocks.append("  no position found" if checked.portfolio.coverage.complete else "")
        blocks.append(owned(checked.portfolio, source))
    else:
        blocks += [_verdict(checked), accounts(checked), owned(checked.portfolio, source), figures(checked)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def coloured() -> bool:
    """Whether the terminal wants colour: NO_COLOR, TERM=dumb and a pipe say no."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _band(band: Band, width: int = 0) -> str:
    text = band.value.ljust(width)
    colour = _COLOURS.get(band)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and coloured() else text


def header(portfolio: Portfolio, source: Provenance) -> str:
    """Whose positions, at which blocks, how much was read, and where it comes from."""
    blocks = " · ".join(
        f"{clean(source.chain_names.get(chain, f'chain {chain}'))} {block.number:,}"
        for chain, block in portfolio.blocks.items()
    )
    times = [block.timestamp for block in portfolio.blocks.values()]
    if len(times) > 1:
        blocks += f" · skew {max(times) - min(times)} s"
    coverage = portfolio.coverage
    read = f"{coverage.ok} of {coverage.expected} reads"
    name = source.names.get(portfolio.wallet)
    who = short_address(checksum(portfolio.wallet)) + (f" ({clean(name, 64)})" if name else "")
    first = f"{who}   {blocks}"
    line = first + read.rjust(max(3 + len(read), WIDTH - len(first)))
    return f"{line}\n{source.told}" if source.told else line


def owned(portfolio: Portfolio, source: Provenance) -> str:
    """The other addresses that belong to the wallet, and by what; empty where there is none."""
    lines: list[str] = []
    for holder in portfolio.holders:
        chain = clean(source.chain_names.get(holder.chain, f"chain {holder.chain}"))
        said = f"{short_address(checksum(holder.address))}  {clean(holder.how, 200)} · {chain}"
        if not holder.proven:
            said += " · not proven by any contract"
        if not holder.counted:
            said += f" · NOT COUNTED: {clean(holder.why_not, 160)}"
        lines += textwrap.wrap(said, WIDTH - 11, subsequent_indent="  ")
    return "\n".join(f"  {'Owned' if i == 0 else '':8} {line}" for i, line in enumerate(lines))


def moment(time: datetime) -> str:
    """A time in UTC to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC")


def incomplete(portfolio: Portfolio) -> str:
    """What could not be read; empty where nothing is missing."""
    if not portfolio.failures:
        return ""
    coverage = portfolio.coverage
    lines = [f"  INCOMPLETE: {coverage.failed} of {coverage.expected} reads"]
    lines[0] += " failed or lack a part, which is in no figure below"
    for failure in portfolio.failures:
        lines += textwrap.wrap(told(failure), WIDTH, initial_indent="    ", subsequent_indent="      ")
    return "\n".join(lines)


def _at_worst(risk: RiskResult) -> str:
    """What is promised beside what was read."""
    worst = risk.worst_case
    if worst is None:
        return ""
    if worst.kappa == 0.0:
        return ": at worst it is liquidatable now, score 0"
    return f": it can't owe, so the score is at least {worst.score:.0f}"


def _verdict(checked: Checked) -> str:
    risk = checked.risk
    score = "–" if risk.score is None else f"{risk.score:.0f}"
    stands = f"score {score}   survives {multiple(risk.kappa)} standard stresses"
    lines = [_line("WHOLE", risk.unified_band, stands)]
    weakest = next((a for a in risk.accounts if a.account_id == risk.weakest_account), None)
    if weakest is not None:
        lines.append(_line("WEAKEST", risk.weakest_band, _threat(checked, weakest)))
    if not checked.portfolio.coverage.complete:
        why = "a part could not be read" + _at_worst(risk)
        if risk.verdict is not Verdict.UNKNOWN:
            why = "the weakest account proves it alone, whatever could not be read"
        proven = None if risk.verdict is Verdict.UNKNOWN else risk.weakest_band
        lines.append(_line("VERDICT", proven, why))
    elif risk.band is not risk.unified_band:
        why = "the weakest account decides: no protocol counts what the others gain"
        lines.append(_line("VERDICT", risk.band, why))
    ratio = multiple(risk.margin_coverage_ratio) if risk.requirement_usd > 0 else "–"
    stands = f"equity {usd(risk.equity_usd)}   requirement {usd(risk.requirement_usd)}"
    lines.append(f"\n  {stands}   margin coverage {ratio}")
    return "\n".join(lines)


def _line(title: str, band: Band | None, text: str) -> str:
    first, *more = textwrap.wrap(text, WIDTH - 31) or [""]
    shown = "UNKNOWN".ljust(19) if band is None else _band(band, 19)
    return "\n".join([f"  {title:8} {shown} {first}", *(" " * 31 + line for line in more)])


def _threat(checked: Checked, weakest: AccountRisk) -> str:
    name = label(account_of(checked, weakest), 40)
    if weakest.liquidatable:
        return f"{name} can be liquidated now"
    nearest = min(weakest.liquidation_prices, key=lambda p: abs(p.distance), default=None)
    if weakest.is_unjudged:
        return (
            f"{name}, health {weakest.reported_health:.2f} as its protocol says; where it fails is not known"
        )
    away, ray = f"in {multiple(weakest.lam_native)} stresses", weakest.binding_ray
    # Of a peg no price of an underlying is what comes first.
    if nearest is None or weakest.binding_family is RayFamily.PEG:
        return f"{name}, {away}" + (f": {clean(ray, 60)}" if ray else "")
    at = f"{clean(nearest.underlying, 20)} {price(nearest.price_usd)}, {percent(nearest.distance)}"
    return f"{name} liquidates at {at}, {away}"
