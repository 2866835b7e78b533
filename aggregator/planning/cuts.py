"""From a state to linear rows of a program: every goal's figure there, and how each candidate changes it.

All figures are concave in what is done (a price that gives way, a requirement that grows with the square of a
size, the worst of many scenarios), so that a row through any state bounds the figure from above: a solution
that misses a goal is cut off by the rows of the state that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.model.assets import Asset
from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.goals import Figure, Goals, Rows, balances
from aggregator.planning.prices import NOTHING_USD, cost_usd
from aggregator.planning.program import Constraint
from aggregator.risk.copies import Copy
from aggregator.risk.reserves import Reserve, reserves
from aggregator.risk.scenarios import ScenarioSet

TRIAL = 1e-4
"""Of what there can be at most: how much of a candidate is tried for its slopes."""

NO_SLOPE = 1e-7
"""USD of a figure for a dollar of a candidate: less is what rounding makes of none."""

NO_USD = 1e-6
"""Less that a row asks for is rounding."""

PARALLEL = 1e-7
"""Slopes that differ by less are the same, to what a trial can tell."""

LARGER_TRIALS = (10.0, 100.0, 1_000.0)
"""Times as much is tried where a venue takes no less."""

_TRADES = ("reduce", "hedge")

LEAST_TRIAL_USD, MOST_TRIAL_USD = 0.01, 1_000.0


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
        tried: list[tuple[Candidate, float, Copy, Copy]] = []
        here = self._of(at, at.accounts, self.aims)
        slopes: dict[Figure, dict[str, float]] = {figure: {} for figure in here}
        for one in self.candidates:
            found = self._trial(at, one)
            if found is None:
                self._repeat(one, slopes)
                continue
            step_usd, there, base = found
            tried.append((one, step_usd, there, base))
            before = here if base is at else self._of(base, self._touched(base, one), self.aims)
            changed = self._of(there, self._touched(there, one), self.aims)
            for figure, value in changed.items():
                if figure in here:
                    slopes[figure][one.name] = (value - before[figure]) / step_usd
        rows = [self._row(figure, value, slopes[figure], amounts) for figure, value in here.items()]
        bases = [base for _, _, _, base in tried if base is not at]
        for place in self._reserves([at, *(there for _, _, there, _ in tried), *bases], self.aims):
            prepared = iter(place.values[1 + len(tried) :])
            slope = {
                one.name: float(place.values[i] - (place.values[0] if base is at else next(prepared)))
                / step_usd
                for i, (one, step_usd, _, base) in enumerate(tried, start=1)
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
        made = Constraint(
            name=f"{figure} #{self._made}",
            coefficients={one: slope for one, slope in slopes.items() if abs(slope) > NO_SLOPE},
            least=least if abs(least) > NO_USD else 0.0,
            weight=None if self._must_hold(figure) else 1.0,
        )
        rows = self._rows.setdefault(figure, [])
        for i, row in enumerate(rows):
            if _are_parallel(row.coefficients, made.coefficients):
                rows[i] = replace(row, least=max(row.least, made.least))
                return rows[i]
        rows.append(made)
        return made

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

    def _reserves(self, states: Sequence[Copy], goals: Goals) -> list[Reserve]:
        if goals.kappa <= 0.0:
            return []
        return reserves([state.result() for state in states], self.scenarios, goals.kappa)

    def _touched(self, copy: Copy, one: Candidate) -> list[str]:
        return [account for account in one.touches if account in copy.accounts]

    def _repeat(self, one: Candidate, slopes: dict[Figure, dict[str, float]]) -> None:
        for figure, known in self._slopes.items():
            if figure in slopes and one.name in known:
                slopes[figure][one.name] = known[one.name]

    def _trial(self, at: Copy, one: Candidate) -> tuple[float, Copy, Copy] | None:
        """How much of a candidate in USD makes which state of which other; None where it can't be done.

        What is paid however little is done is no slope: where there is some, the two states are those after
        a little and after twice as much.
        """
        found = self._little(at, one)
        if found is None or one.kind not in _TRADES or found[0] < 0.0:
            return found
        step_usd, there, base = found
        further = base.fork()
        if not isinstance(one.do(further, 2 * round(step_usd / one.unit_usd)), Done):
            return found
        fixed_usd = 2.0 * cost_usd(base, there) - cost_usd(base, further)
        return (step_usd, further, there) if fixed_usd > NOTHING_USD else found

    def _little(self, at: Copy, one: Candidate) -> tuple[float, Copy, Copy] | None:
        """A little more of a candidate, or a little less of its counterpart; None where neither can be.

        The state after it and the one before: `at`, or that with margin enough where the venue asks for more.
        """
        wanted = min(max(TRIAL * one.most_usd, LEAST_TRIAL_USD), MOST_TRIAL_USD)
        raw = max(1, one.raw(wanted))
        there = at.fork()
        if isinstance(one.do(there, raw), Done):
            return raw * one.unit_usd, there, at
        counterpart = one.counterpart
        if counterpart is not None and isinstance(counterpart.do(there, raw), Done):
            return -raw * one.unit_usd, there, at
        base = at if one.margin is None else one.prepared(at)
        there = base.fork()
        for more in LARGER_TRIALS if base is at else (1.0, *LARGER_TRIALS):
            raw = max(1, one.raw(wanted * more))
            if isinstance(one.do(there, raw), Done):
                return raw * one.unit_usd, there, base
        return None


def _are_parallel(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(one.get(name, 0.0) - other.get(name, 0.0)) <= PARALLEL for name in {*one, *other})
