"""Scenarios as people write them: `ETH=-30%`, `--vol +20`, `ETH=-50%..50%:11`, a file of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.risk.rays import Vol
    from aggregator.risk.scenarios import CustomScenario
    from aggregator.risk.tables import Table

_NUMBER = r"[+\-−]?\d+(?:\.\d+)?"
_PERCENT = re.compile(rf"({_NUMBER})%")
_RANGE = re.compile(rf"({_NUMBER})%\.\.({_NUMBER})%(?::(\d{{1,6}}))?")
_POINTS = re.compile(rf"({_NUMBER})(%?)")
DEFAULT_POINTS = 11
MOST_LAG = 99
"""Rounds that an oracle may be late: there are at most a hundred."""
MOST_MOMENTS = 1_000
"""Of a path."""
LARGEST = 10.0
"""A price may rise to eleven times itself; more is a typing mistake."""


@dataclass(frozen=True, slots=True)
class VolMove:
    """How volatility moves: a standard shock, a factor, or points (0.2 is 20 vol points)."""

    vol: Vol
    times: float = 1.0
    points: float = 0.0


def moves(texts: Sequence[str], where: str = "--shock") -> dict[str, float]:
    """Moves such as `ETH=-30%`; raises BadConfiguration on another form, and on a name that stands twice."""
    found: dict[str, float] = {}
    for text in texts:
        name, value = _split(text, where, "ETH=-30%")
        if name in found:
            raise _wrong(where, text, f"{name!r} is given twice")
        match = _PERCENT.fullmatch(value)
        if match is None:
            raise _wrong(where, text, "give a change in percent, such as ETH=-30%")
        found[name] = _fraction(match[1], where, text)
    return found


def vol_move(text: str, where: str = "--vol") -> VolMove:
    """`up`, `down`, `+20` (vol points) or `+20%` (of itself); raises BadConfiguration on another form."""
    from aggregator.risk.rays import Vol  # noqa: PLC0415  # numpy: not for --help

    standard = {"up": Vol.UP, "down": Vol.DOWN}
    if text in standard:
        return VolMove(standard[text])
    match = _POINTS.fullmatch(text)
    if match is None:
        raise _wrong(where, text, "give vol points such as +20, a change such as +20%, up or down")
    change = _number(match[1]) / 100.0
    if match[2]:
        return VolMove(Vol.NONE, times=1.0 + _fraction(match[1], where, text))
    if abs(change) > LARGEST:
        raise _wrong(where, text, f"give at most {LARGEST * 100:g} vol points")
    return VolMove(Vol.NONE, points=change)


def grid_axes(text: str) -> dict[str, list[float]]:
    """`ETH=-50%..50%:11,BTC=-20%..20%:5`: the moves of each axis; raises BadConfiguration."""
    axes: dict[str, list[float]] = {}
    for part in text.split(","):
        name, value = _split(part, "--grid", "ETH=-50%..50%:11")
        match = _RANGE.fullmatch(value)
        if match is None:
            raise _wrong("--grid", part, "give a range in percent and a count, such as ETH=-50%..50%:11")
        low, high = _fraction(match[1], "--grid", part), _fraction(match[2], "--grid", part)
        count = DEFAULT_POINTS if match[3] is None else int(match[3])
        if count < 2 or not low < high:
            raise _wrong("--grid", part, "give the lower end first, and at least 2 points")
        if name in axes:
            raise _wrong("--grid", text, f"{name!r} is given twice")
        axes[name] = [round(low + (high - low) * i / (count - 1), 12) for i in range(count)]
    return axes


def scenario(name: str, changes: Mapping[str, float], vol: VolMove | None) -> CustomScenario:
    """A scenario of these moves."""
    from aggregator.risk.scenarios import CustomScenario  # noqa: PLC0415  # numpy: not for --help

    if vol is None:
        return CustomScenario(name, dict(changes))
    return CustomScenario(name, dict(changes), vol.vol, iv_times=vol.times, iv_points=vol.points)


def shocked(shock: Sequence[str], vol: str | None) -> CustomScenario:
    """The scenario of --shock and --vol; raises BadConfiguration on another form of them."""
    return scenario("shock", moves(shock), None if vol is None else vol_move(vol))


def scenarios_of(path: Path) -> list[tuple[CustomScenario, str]]:
    """The scenarios of a TOML file with their titles, in its order.

    One table each, `[scenario.NAME]`, with `moves = { ETH = "-30%" }` and, each optional, `vol`, `elsewhere`
    (the move of underlyings that are not named) and `title`. Raises BadConfiguration.
    """
    from aggregator import settings  # noqa: PLC0415
    from aggregator.risk.tables import Table  # noqa: PLC0415

    table = Table(settings.read_toml(path), str(path))
    found = [_scenario(name, entry, str(path)) for name, entry in table.tables("scenario").items()]
    table.finish()
    return found


def path_of(path: Path) -> list[CustomScenario]:
    """Prices that move on: a CSV file with a header of names, and a row of moves from today for each moment.

    A move is written as in `moves`; an empty cell is no move. Raises BadConfiguration naming the row.
    """
    import csv  # noqa: PLC0415

    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    where = path.name
    try:
        lines = [line for line in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if line]
    except OSError as error:
        raise BadConfiguration(where, f"it can't be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadConfiguration(where, f"it is no table of comma-separated values: {error}") from error
    if len(lines) < 2 or len(lines) > MOST_MOMENTS + 1:
        raise BadConfiguration(where, f"give a header of names and 1 to {MOST_MOMENTS:,} rows of moves")
    found = []
    for row, line in enumerate(lines[1:], 1):
        if len(line) != len(lines[0]):
            raise BadConfiguration(where, f"row {row} has {len(line)} cells, and the header {len(lines[0])}")
        cells = [f"{name}={cell.strip()}" for name, cell in zip(lines[0], line, strict=True) if cell.strip()]
        found.append(scenario(f"{where} row {row}", moves(cells, f"{where} row {row}"), None))
    return found


def _scenario(name: str, entry: Table, path: str) -> tuple[CustomScenario, str]:
    from dataclasses import replace  # noqa: PLC0415

    where = f"{path}: scenario.{name}"
    inner = entry.table("moves")
    changes = moves([f"{moved}={inner.text(moved)}" for moved in inner.names], where)
    vol = vol_move(entry.text("vol"), where) if "vol" in entry.names else None
    made = scenario(name, changes, vol)
    if "elsewhere" in entry.names:
        [elsewhere] = moves([f"elsewhere={entry.text('elsewhere')}"], where).values()
        made = replace(made, elsewhere=elsewhere)
    return made, entry.text("title") if "title" in entry.names else ""


def _split(text: str, where: str, example: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise _wrong(where, text, f"name what moves, such as {example}")
    return name.strip(), value.strip()


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def _fraction(text: str, where: str, whole: str) -> float:
    value = _number(text) / 100.0
    if not -1.0 <= value <= LARGEST:
        raise _wrong(where, whole, f"give a change from -100% to +{LARGEST * 100:g}%")
    return value


def _wrong(where: str, text: str, advice: str) -> Exception:
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    return BadConfiguration(where, f"{text!r}: {advice}")
