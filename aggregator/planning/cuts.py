"""From a state to linear rows of a program: every goal's figure there, and how each candidate changes it.

All figures are concave in what is done (a price that gives way, a requirement that grows with the square of a
size, the worst of many scenarios), so that a row through any state bounds the figure from above: a solution
that misses a goal is cut off by the rows of the state that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.model.assets import Asset
from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.goals import Goal, Rows, balances
from aggregator.planning.program import Constraint
from aggregator.risk.copies import Copy
from aggregator.risk.reserves import Reserve, reserves
from aggregator.risk.scenarios import ScenarioSet

TRIAL = 1e-4
"""Of what there can be at most: how much of a candidate is tried for its slopes."""

LEAST_TRIAL_USD, MOST_TRIAL_USD = 0.01, 1_000.0


@dataclass
class Cutter:
    """Makes rows. `purses` are the assets of each wallet account that must not be overdrawn; `kappa` is the
    stress multiple that the whole must survive, 0 for any. Slopes that can't be tried in a state, because
    the protocol would refuse a little more, are those of the state before."""

    candidates: Sequence[Candidate]
    goals: Sequence[Goal]
    purses: Mapping[str, Sequence[Asset]]
    scenarios: ScenarioSet
    kappa: float
    cushion: Mapping[str, float] = field(default_factory=dict)
    _slopes: dict[str, dict[str, float]] = field(default_factory=dict)
    _made: int = 0

    def figures(self, at: Copy) -> Rows:
        """Every figure in a state, in USD; none may be below 0."""
        whole = {one.name: float(one.values[0]) for one in self._reserves([at])}
        return {**self._of(at, at.accounts), **whole}

    def cuts(self, at: Copy, amounts: Mapping[str, float]) -> list[Constraint]:
        """The rows through a state to which these amounts (USD, by candidate) have led."""
        self._made += 1
        tried: list[tuple[Candidate, float, Copy]] = []
        here = self._of(at, at.accounts)
        slopes: dict[str, dict[str, float]] = {name: {} for name in here}
        for one in self.candidates:
            found = self._trial(at, one)
            if found is None:
                self._repeat(one, slopes)
                continue
            step_usd, there = found
            tried.append((one, step_usd, there))
            changed = self._of(there, self._touched(there, one))
            for name, value in changed.items():
                if name in here:
                    slopes[name][one.name] = (value - here[name]) / step_usd
        rows = [self._row(name, value, slopes[name], amounts) for name, value in here.items()]
        for place in self._reserves([at, *(there for _, _, there in tried)]):
            slope = {
                one.name: float(place.values[i] - place.values[0]) / step_usd
                for i, (one, step_usd, _) in enumerate(tried, start=1)
            }
            for one in self.candidates:
                if one.name not in slope:
                    slope[one.name] = self._slopes.get(place.name, {}).get(one.name, 0.0)
            slopes[place.name] = slope
            rows.append(self._row(place.name, float(place.values[0]), slope, amounts))
        self._slopes.update(slopes)
        return rows

    def _row(
        self, name: str, value: float, slopes: Mapping[str, float], amounts: Mapping[str, float]
    ) -> Constraint:
        least = self.cushion.get(name, 0.0) - value
        least += sum(slope * amounts.get(one, 0.0) for one, slope in slopes.items())
        soft = not name.startswith("wallet ")
        return Constraint(
            name=f"{name} #{self._made}",
            coefficients={one: slope for one, slope in slopes.items() if slope},
            least=least,
            weight=1.0 if soft else None,
        )

    def _of(self, copy: Copy, accounts: Iterable[str]) -> Rows:
        names = [one for one in accounts if copy.accounts[one].kind != "wallet"]
        found = balances(copy, self.purses)
        for goal in self.goals:
            found.update(goal.rows(copy, names))
        return found

    def _reserves(self, states: Sequence[Copy]) -> list[Reserve]:
        if self.kappa <= 0.0:
            return []
        return reserves([state.result() for state in states], self.scenarios, self.kappa)

    def _touched(self, copy: Copy, one: Candidate) -> list[str]:
        return [account for account in one.touches if account in copy.accounts]

    def _repeat(self, one: Candidate, slopes: dict[str, dict[str, float]]) -> None:
        for name, known in self._slopes.items():
            if name in slopes and one.name in known:
                slopes[name][one.name] = known[one.name]

    def _trial(self, at: Copy, one: Candidate) -> tuple[float, Copy] | None:
        """A little more of a candidate, or a little less of its counterpart; None where neither can be."""
        wanted = min(max(TRIAL * one.most_usd, LEAST_TRIAL_USD), MOST_TRIAL_USD)
        raw = max(1, one.raw(wanted))
        there = at.fork()
        if isinstance(one.do(there, raw), Done):
            return raw * one.unit_usd, there
        counterpart = next((c for c in self.candidates if c.name == one.counterpart), None)
        if counterpart is not None and isinstance(counterpart.do(there, raw), Done):
            return -raw * one.unit_usd, there
        return None
