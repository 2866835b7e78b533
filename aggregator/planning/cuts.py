"""From a state to linear rows of a program: every goal's figure there, and how each candidate changes it.

All figures are concave in what is done (a price that gives way, a requirement that grows with the square of a
size, the worst of many scenarios), so that a row through any state bounds the figure from above: a solution
that misses a goal is cut off by the rows of the state that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.model.assets import Asset
from aggregator.planning.candidates import Candidate
from aggregator.planning.goals import Figure, Goals, Rows, balances
from aggregator.planning.program import Constraint
from aggregator.planning.trials import Trial, trial
from aggregator.risk.copies import Copy
from aggregator.risk.reserves import Reserve, reserves
from aggregator.risk.scenarios import ScenarioSet

NO_SLOPE = 1e-7
"""USD of a figure for a dollar of a candidate: less is what rounding makes of none."""

NO_USD = 1e-6
"""Less that a row asks for is rounding."""

PARALLEL = 1e-7
"""Slopes that differ by less are the same, to what a trial can tell."""


@dataclass
class Cutter:
    """Makes rows. `purses` are the assets of each wallet account that must not be overdrawn.

    Figures that are `kept` hold today, and no plan may give them up for another one. Rows are of the `aims`,
    which are a little above the `goals`. Slopes that can't be tried in a state, because
    the protocol would refuse a little more, are those of the state before.
    """

    candidates: Sequence[Candidate]
    goals: Goals
    aims: Goals
    purses: Mapping[str, Sequence[Asset]]
    scenarios: ScenarioSet
    kept: frozenset[Figure] = frozenset()
    _slopes: dict[Figure, dict[str, float]] = field(default_factory=dict)
    _rows: dict[Figure, list[Constraint]] = field(default_factory=dict)
    _first: dict[Figure, float] = field(default_factory=dict)
    _made: int = 0

    @property
    def rows(self) -> list[Constraint]:
        """All that it has made and that hold."""
        return [row for rows in self._rows.values() for row in rows]

    def figures(self, at: Copy) -> Rows:
        """Every figure in a state, in USD; none may be below 0."""
        places = self._reserves([at], self.goals)
        whole = {Figure("whole", one.name): float(one.values[0]) for one in places}
        return {**self._of(at, at.accounts, self.goals), **whole}

    def cuts(self, at: Copy, amounts: Mapping[str, float]) -> list[Constraint]:
        """The rows through a state to which these amounts (USD, by candidate) have led.

        One that is parallel to an earlier row of the same figure has that one's name: it takes its place.
        """
        self._made += 1
        tried: list[tuple[Candidate, Trial]] = []
        here = self._of(at, at.accounts, self.aims)
        slopes: dict[Figure, dict[str, float]] = {figure: {} for figure in here}
        for one in self.candidates:
            found = trial(at, one)
            if found is None:
                self._repeat(one, slopes)
                continue
            tried.append((one, found))
            base, there = found.base, found.there
            before = here if base is at else self._of(base, self._touched(base, one), self.aims)
            changed = self._of(there, self._touched(there, one), self.aims)
            for figure, value in changed.items():
                if figure in here:
                    slopes[figure][one.name] = (value - before[figure]) / found.usd
        rows = [self._row(figure, value, slopes[figure], amounts) for figure, value in here.items()]
        bases = [found.base for _, found in tried if found.base is not at]
        variants = [at, *(found.there for _, found in tried), *bases]
        # Only of the state of today what holds, too: later rows of it would make the program slow.
        for place in self._reserves(variants, self.aims, missed=self._made > 1):
            prepared = iter(place.values[1 + len(tried) :])
            slope = {
                one.name: float(place.values[i] - (place.values[0] if found.base is at else next(prepared)))
                / found.usd
                for i, (one, found) in enumerate(tried, start=1)
            }
            whole = Figure("whole", place.name)
            for one in self.candidates:
                if one.name not in slope:
                    slope[one.name] = self._slopes.get(whole, {}).get(one.name, 0.0)
            slopes[whole] = slope
            rows.append(self._row(whole, float(place.values[0]), slope, amounts))
        self._slopes.update(slopes)
        return rows

    def _row(
        self, figure: Figure, value: float, slopes: Mapping[str, float], amounts: Mapping[str, float]
    ) -> Constraint:
        least = sum(slope * amounts.get(one, 0.0) for one, slope in slopes.items()) - value
        if figure.kind == "wallet":
            slopes, least = self._holding_today(figure, slopes, least, amounts)
        hard = self._must_hold(figure)
        made = Constraint(
            name=f"{figure} #{self._made}",
            coefficients={one: slope for one, slope in slopes.items() if abs(slope) > NO_SLOPE},
            least=least if abs(least) > NO_USD else 0.0,
            weight=None if hard else 1.0,
            target=None if hard else figure.target,
        )
        rows = self._rows.setdefault(figure, [])
        for i, row in enumerate(rows):
            if are_parallel(row.coefficients, made.coefficients):
                rows[i] = replace(row, least=max(row.least, made.least))
                return rows[i]
        rows.append(made)
        return made

    def _holding_today(
        self, figure: Figure, slopes: Mapping[str, float], least: float, amounts: Mapping[str, float]
    ) -> tuple[Mapping[str, float], float]:
        """Slopes and least of a wallet's row, which never asks for more than today's does of doing nothing.

        What is paid only of all of a debt (interest until then) is spread over what is paid.
        """
        first = self._first.setdefault(figure, least)
        paid = {one: slope * amounts.get(one, 0.0) for one, slope in slopes.items() if slope < 0.0}
        share = (first - least) / sum(paid.values()) if least > first and any(paid.values()) else 0.0
        if share <= PARALLEL:
            return slopes, least
        return {one: slope * (1.0 + share) if one in paid else slope for one, slope in slopes.items()}, first

    def _must_hold(self, figure: Figure) -> bool:
        """Whether it may not be short: a balance, what holds today, the whole where it holds everywhere."""
        if figure.kind == "whole":
            return any(one.kind == "whole" for one in self.kept)
        return figure.kind == "wallet" or figure in self.kept

    def _of(self, copy: Copy, accounts: Iterable[str], goals: Goals) -> Rows:
        names = [one for one in accounts if copy.accounts[one].kind != "wallet"]
        found = balances(copy, self.purses)
        for goal in goals.accounts:
            found.update(goal.rows(copy, names))
        return found

    def _reserves(self, states: Sequence[Copy], goals: Goals, *, missed: bool = False) -> list[Reserve]:
        if goals.kappa <= 0.0:
            return []
        return reserves([state.result() for state in states], self.scenarios, goals.kappa, missed=missed)

    def _touched(self, copy: Copy, one: Candidate) -> list[str]:
        return [account for account in one.touches if account in copy.accounts]

    def _repeat(self, one: Candidate, slopes: dict[Figure, dict[str, float]]) -> None:
        for figure, known in self._slopes.items():
            if figure in slopes and one.name in known:
                slopes[figure][one.name] = known[one.name]


def are_parallel(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether slopes are the same, to what a trial can tell."""
    return all(abs(one.get(name, 0.0) - other.get(name, 0.0)) <= PARALLEL for name in {*one, *other})
