"""Prices at which an account begins to fail its protocol's test, exact to one unit of the feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from aggregator.model.assets import AssetId
from aggregator.model.rules import Rule

FURTHEST = 1_000
"""Times the present price: beyond it nothing is looked for."""
_STEPS = 512
"""Prices tried in either direction before the nearest change is bisected."""


def flips(
    rule: Rule,
    prices: Mapping[AssetId, int],
    time: int,
    asset: AssetId,
    suspects: Callable[[Sequence[int]], Sequence[bool]] | None = None,
) -> tuple[int | None, int | None]:
    """See ClosableRule.liquidation_prices: by trying prices and bisecting, for rules of any shape.

    A range of failing prices narrower than the distance of two tries (1.2% to 1.4% of the price) may be
    missed. `suspects` tells of many prices at once which may fail, for rules that take long: only those are
    tried.
    """
    present = prices[asset]

    def fails(price: int) -> bool:
        return rule.health({**prices, asset: price}, time).liquidatable

    if fails(present):
        return present, present
    below = _first(fails, present, 1, suspects)
    return below, _first(fails, present, present * FURTHEST, suspects)


def _first(
    fails: Callable[[int], bool],
    present: int,
    furthest: int,
    suspects: Callable[[Sequence[int]], Sequence[bool]] | None,
) -> int | None:
    """The failing price nearest to `present` on the way to `furthest`."""
    safe = present
    steps = (_on_the_way(present, furthest, step) for step in range(1, _STEPS + 1))
    tries: Iterable[tuple[int, bool]] = ((at, True) for at in steps)
    if suspects is not None:
        all_of = list(steps)
        tries = zip(all_of, suspects(all_of), strict=True)
    for at, suspect in tries:
        if at == safe:
            continue
        if suspect and fails(at):
            return bisected(fails, safe, at)
        safe = at
    return None


def _on_the_way(present: int, furthest: int, step: int) -> int:
    """Of steps that are equal in the logarithm, the last is `furthest` itself."""
    if step == _STEPS:
        return furthest
    near = FURTHEST ** (step / _STEPS)
    scaled = int(near * 10**9)
    return present * scaled // 10**9 if furthest > present else max(1, present * 10**9 // scaled)


def bisected(fails: Callable[[int], bool], safe: int, failing: int) -> int:
    """The price next to a change between a safe and a failing one, on its failing side."""
    while abs(failing - safe) > 1:
        middle = (safe + failing) // 2
        safe, failing = (safe, middle) if fails(middle) else (middle, failing)
    return failing
