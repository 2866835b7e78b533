"""Scan requirements of any number of wallets: each contract is priced once a scenario, whoever holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from aggregator.model.errors import BadConfiguration
from aggregator.risk.columns import PositionColumns
from aggregator.risk.factors import Factor
from aggregator.risk.grid import STANDARD
from aggregator.risk.holdings import Holdings
from aggregator.risk.legs import legs
from aggregator.risk.moves import Moves
from aggregator.risk.rays import Rays
from aggregator.risk.requirement import add_ons
from aggregator.risk.scenarios import ScenarioSet

WALLETS_AT_ONCE = 4_096
"""Handed to a thread at a time: small enough that threads end together."""

MOST_UNIT_VALUES = 2**23
"""Values of factors and contracts in scenarios at a time, 67 MB, of which pricing needs some eight times as
much. Fewer would price options again that wallets of several ranges share."""

RAYS, RAYS_AN_AXIS = 60, 10
"""About how many rays there are: all rays themselves would take long to make for nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class ScanRequirements:
    """What each wallet requires by the scan alone, (wallets,) in USD.

    `scan_usd` is E0 less the least U over rays and multiples up to one standard stress, `add_on_usd` A, and
    `isolated_usd` the sum of what its accounts require alone, add-ons included. The least U is on ray
    `rays.names[ray]` at multiple `level`.
    """

    rays: Rays
    equity_usd: NDArray[np.float64]
    scan_usd: NDArray[np.float64]
    add_on_usd: NDArray[np.float64]
    isolated_usd: NDArray[np.float64]
    ray: NDArray[np.intp]
    level: NDArray[np.float64]


def scan_requirements(held: Holdings, *, rays: Rays | None = None, threads: int = 2) -> ScanRequirements:
    """RISK.md section 4's M_scan and A of every wallet, as `assess` has them to rounding.

    `rays` on the axes of the holdings, by default all of their scenario set. Legs must be in the order of
    their accounts. Results do not depend on `threads`. A value that is not a number spoils the figures of its
    wallet, and of no other. Raises ValueError on legs out of order, BadConfiguration where the extra `bulk`
    is not installed.
    """
    kernels = compiled()
    rays = held.scenarios.rays(held.axes, options=len(held.contracts) > 0) if rays is None else rays
    legs, charges = held.legs, add_ons(held)
    factors, contracts = _unit_values(held, rays)
    least, alone = np.empty(held.wallet_count), np.empty(held.account_count)
    where = np.zeros(held.wallet_count, dtype=np.intp)
    linear, options = _starts(held, legs.account), _starts(held, legs.holder)

    def fill(first: int) -> None:
        kernels.least_counted(
            first,
            min(first + WALLETS_AT_ONCE, held.wallet_count),
            held.account_start,
            held.kept,
            linear,
            legs.factor,
            legs.exposure_usd,
            factors,
            options,
            legs.contract,
            legs.quantity,
            contracts,
            least,
            where,
            alone,
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, held.wallet_count, WALLETS_AT_ONCE)))
    equities = held.equity_usd()
    level, ray = np.divmod(where, len(rays))
    equity = held.by_wallet(equities)
    return ScanRequirements(
        rays=rays,
        equity_usd=equity,
        scan_usd=equity - least,
        add_on_usd=charges.wallet,
        isolated_usd=held.by_wallet(equities - alone + charges.account),
        ray=ray,
        level=STANDARD[level],
    )


def requirements_in_parts(
    columns: PositionColumns,
    factors: Sequence[Factor],
    kept: NDArray[np.float64],
    scenarios: ScenarioSet,
    *,
    threads: int = 2,
) -> Iterator[tuple[range, ScanRequirements]]:
    """`scan_requirements` of positions, by ranges of wallets that follow each other.

    Every wallet may have options and tokens that no other has: ranges are halved until what is valued once
    fits into memory. What a wallet requires does not depend on its range. `kept` as in `Holdings`.
    """
    left = [range(len(columns.account_start) - 1)]
    while left:
        wallets = left.pop()
        part, used = columns.of_wallets(wallets.start, wallets.stop).renumbered()
        mine = tuple(factors[number] for number in used.tolist())
        made, contracts = legs(part, mine, scenarios)
        axes = scenarios.axes(mine)
        rays = RAYS + RAYS_AN_AXIS * (len(axes.bases) + len(axes.pegs))
        values = len(STANDARD) * rays * (len(mine) + len(contracts))
        if len(wallets) > 1 and values > MOST_UNIT_VALUES:
            middle = len(wallets) // 2
            left += [wallets[middle:], wallets[:middle]]
            continue
        start, stop = columns.account_start[[wallets.start, wallets.stop]]
        held = Holdings(
            account_start=part.account_start,
            kept=kept[start:stop],
            scenarios=scenarios,
            factors=mine,
            axes=axes,
            legs=made,
            contracts=contracts,
        )
        yield wallets, scan_requirements(held, threads=threads)


def compiled() -> ModuleType:
    """The inner loop, compiled on first import, for which a single wallet's check must not wait.

    Raises BadConfiguration where the extra `bulk` is not installed.
    """
    try:
        from aggregator.risk import kernels  # noqa: PLC0415
    except ImportError as error:
        why = "need numba: install it with pip install 'crossmargin[bulk]'"
        raise BadConfiguration("requirements of many wallets", why) from error
    return kernels


def _unit_values(held: Holdings, rays: Rays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A dollar on each factor and one unit of each contract, (…, levels times rays), as far as rays count."""
    moves = Moves.of(held, rays)
    multiples = moves.factors(STANDARD)
    contracts = moves.units(multiples, STANDARD)
    today = held.contract_usd()[:, None, None]
    scenarios = len(STANDARD) * len(rays)
    return (
        (1.0 + rays.weight * (multiples - 1.0)).reshape(len(multiples), scenarios),
        (today + rays.weight * (contracts - today)).reshape(len(contracts), scenarios),
    )


def _starts(held: Holdings, account: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the legs of each account begin, (accounts + 1,)."""
    if np.any(np.diff(account) < 0):
        raise ValueError("legs must be in the order of their accounts")
    return np.searchsorted(account, np.arange(held.account_count + 1)).astype(np.intp)
