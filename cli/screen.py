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
from typing import TYPE_CHECKING, assert_never

from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.results import Band, Verdict
from aggregator.model.units import Address, ChainId, checksum, scaled
from cli.figures import figures
from cli.options import replayed
from cli.table import table
from cli.text import WIDTH, amount, clean, multiple, percent, price, short_address, told, usd

if TYPE_CHECKING:
    from aggregator.app import Answer, Checked
    from aggregator.model.accounts import Account
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.readings import Block
    from aggregator.model.results import AccountRisk

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
        blocks += [_verdict(checked), _accounts(checked), owned(checked.portfolio, source), figures(checked)]
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


def label(account: Account, limit: int = 26) -> str:
    """An account's name for people; of one that another address holds, with that address."""
    if len(account.owner_path) < 2:
        return clean(account.label, limit)
    holder = f" in {short_address(checksum(account.owner_path[-1]))}"
    return clean(account.label, max(8, limit - len(holder))) + holder


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


def _verdict(checked: Checked) -> str:
    risk = checked.risk
    score = "–" if risk.score is None else f"{risk.score:.0f}"
    stands = f"score {score}   survives {multiple(risk.kappa)} standard stresses"
    lines = [_line("WHOLE", risk.unified_band, stands)]
    weakest = next((a for a in risk.accounts if a.account_id == risk.weakest_account), None)
    if weakest is not None:
        lines.append(_line("WEAKEST", risk.weakest_band, _threat(checked, weakest)))
    if not checked.portfolio.coverage.complete:
        why = "a part could not be read: the true score may be lower"
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
    name = label(_account(checked, weakest.account_id), 40)
    if weakest.liquidatable:
        return f"{name} can be liquidated now"
    nearest = min(weakest.liquidation_prices, key=lambda p: abs(p.distance), default=None)
    away = f"in {multiple(weakest.lam_native)} stresses"
    if nearest is None:
        return f"{name}, {away}"
    at = f"{clean(nearest.underlying, 20)} {price(nearest.price_usd)}, {percent(nearest.distance)}"
    return f"{name} liquidates at {at}, {away}"


def _accounts(checked: Checked) -> str:
    header = ("account", "equity", "own health", "liquidation", "positions")
    accounts = [(_account(checked, risk.account_id), risk) for risk in checked.risk.accounts]
    left = [
        (label(account), usd(risk.equity_usd), _health(risk), _liquidation(risk))
        for account, risk in accounts
    ]
    used = 2 + sum(max(len(row[i]) for row in (header, *left)) + 2 for i in range(4))
    rows: list[tuple[str, ...]] = []
    for (account, _), cells in zip(accounts, left, strict=True):
        first, *more = _wrapped([_position(p) for p in account.positions], max(20, WIDTH - used))
        rows += [(*cells, first), *(("", "", "", "", held) for held in more)]
    return textwrap.indent(table(header, rows, right=(1,)), "  ")


def _account(checked: Checked, account_id: str) -> Account:
    return next(account for account in checked.portfolio.accounts if account.id == account_id)


def _health(risk: AccountRisk) -> str:
    if risk.native_health is None:
        return "–"
    if risk.check_bps is None:
        return f"{risk.native_health:.2f}"
    mark = "✓" if risk.check_bps <= 1 else "≠"
    return f"{risk.native_health:.2f} {mark}{risk.check_bps:.1f}bp"


def _liquidation(risk: AccountRisk) -> str:
    if risk.liquidatable:
        return "now"
    nearest = min(risk.liquidation_prices, key=lambda p: abs(p.distance), default=None)
    if nearest is None:
        return "–"
    return f"{clean(nearest.underlying, 12)} {price(nearest.price_usd)} {percent(nearest.distance)}"


def _position(position: Position) -> str:
    match position:
        case Holding() | Supply():
            return (
                f"+{amount(scaled(position.raw, position.asset.decimals))} {clean(position.asset.symbol, 12)}"
            )
        case Debt():
            return (
                f"−{amount(scaled(position.raw, position.asset.decimals))} {clean(position.asset.symbol, 12)}"
            )
        case Perp():
            size = amount(scaled(position.size_raw, position.size_decimals))
            entry = amount(scaled(position.entry_price_raw, position.price_decimals))
            return f"{_plus(size)} {clean(position.underlying, 12)} perp @ ${entry}"
        case Option():
            size = amount(scaled(position.size_raw, position.size_decimals))
            strike = amount(scaled(position.strike_raw, position.price_decimals))
            day = "perpetual" if position.expiry is None else _day(position.expiry)
            return (
                f"{_plus(size)} {clean(position.underlying, 12)} {position.right[0].upper()} {strike} {day}"
            )
        case _:
            assert_never(position)


def _day(timestamp: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%d %b %y")
    except (OverflowError, OSError, ValueError):  # an expiry beyond the calendar
        return f"t={timestamp}"


def _plus(text: str) -> str:
    return text if text.startswith("−") else f"+{text}"


def _wrapped(parts: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines or [""]
