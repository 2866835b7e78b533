"""What legs positions have: the one rule, for one wallet and for a million.

A spot leg is an exposure to its token. A perp is two: its notional on the index as paid in the settlement
asset, and profit, accrued funding and borrowing less that notional on the settlement asset itself; so it is
worth what has accrued today, and gains size * (P' - P) in the settlement asset when prices move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.columns import PositionColumns
from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Factor
from aggregator.risk.scenarios import ScenarioSet

Places = NDArray[np.intp]
Floats = NDArray[np.float64]

YEAR_S = 365 * 86_400


@dataclass(frozen=True, eq=False, slots=True)
class Legs:
    """Legs as arrays, in the order of accounts and positions.

    `account`, `position`, `factor`, `exposure_usd`: linear legs; `position` is the place in the account.
    `holder`, `held_as` (likewise a place), `contract`, `quantity`: options held, or written (< 0); `group`
    numbers their (underlying, expiry, strike), `unit_usd` is the notional of one.
    `perp_account`, `perp_net_usd`: net perp notional per account and underlying. Per account: `linear_usd`
    (gross: values of spot legs, notionals of perps), `derivative_usd` (gross notional of perps and options),
    `funding_usd` (funding and borrowing expected over 24 hours, paid < 0), `debt_usd`.
    """

    account: Places
    position: Places
    factor: Places
    exposure_usd: Floats
    holder: Places
    held_as: Places
    contract: Places
    quantity: Floats
    group: Places
    unit_usd: Floats
    perp_account: Places
    perp_net_usd: Floats
    linear_usd: Floats
    derivative_usd: Floats
    funding_usd: Floats
    debt_usd: Floats


def legs(
    columns: PositionColumns, factors: Sequence[Factor], scenarios: ScenarioSet
) -> tuple[Legs, Contracts]:
    """The legs of positions, and the distinct options among them, by the list that factors are numbers of."""
    spot, perp, option = columns.spot, columns.perp, columns.option
    names = tuple(dict.fromkeys(factor.underlying for factor in factors))
    at = {name: number for number, name in enumerate(names)}
    base = np.array([at[factor.underlying] for factor in factors], dtype=np.intp)
    first, net = numbered(perp.account, base[perp.price_factor])
    contract, contracts = _contracts(columns, names, base, scenarios)
    group = numbered(base[option.price_factor], option.expiry, option.strike)[1]
    unit_usd = option.index_usd * option.settlement_usd
    # A perp's payment comes before its price: the sort keeps the order of what has one place.
    account, position = (
        np.concatenate([getattr(part, name) for part in (spot, perp, perp)]) for name in ("account", "place")
    )
    order = np.lexsort((position, account))
    factor = np.concatenate([spot.factor, perp.payment_factor, perp.price_factor])
    exposure = np.concatenate([spot.value_usd, perp.cash_usd - perp.notional_usd, perp.notional_usd])
    notional = np.abs(perp.notional_usd)
    costs = np.column_stack([perp.funding_usd, perp.borrowing_usd]).ravel()
    known = ~np.isnan(costs)

    def by_account(account: Places, usd: Floats) -> Floats:
        # Of nothing at all bincount makes integers.
        return np.bincount(account, usd, minlength=columns.account_count).astype(np.float64)

    def gross(*kinds: tuple[Places, Places, Floats]) -> Floats:
        account, place, usd = (np.concatenate(parts) for parts in zip(*kinds, strict=True))
        order = np.lexsort((place, account))  # sums run in the order of positions, whoever else is there
        return by_account(account[order], usd[order])

    perps = (perp.account, perp.place, notional)
    owed = spot.value_usd < 0.0
    made = Legs(
        account=account[order],
        position=position[order],
        factor=factor[order],
        exposure_usd=exposure[order],
        holder=option.account,
        held_as=option.place,
        contract=contract,
        quantity=option.quantity,
        group=group,
        unit_usd=unit_usd,
        perp_account=perp.account[first],
        perp_net_usd=np.bincount(net, perp.notional_usd, minlength=len(first)).astype(np.float64),
        linear_usd=gross((spot.account, spot.place, np.abs(spot.value_usd)), perps),
        derivative_usd=gross(perps, (option.account, option.place, np.abs(option.quantity) * unit_usd)),
        funding_usd=by_account(np.repeat(perp.account, 2)[known], costs[known]),
        debt_usd=by_account(spot.account[owed], -spot.value_usd[owed]),
    )
    return made, contracts


def numbered(*columns: NDArray[np.generic]) -> tuple[Places, Places]:
    """A number of each row, equal ones the same, in the order in which they come; and where each is first."""
    rows = np.column_stack([column.astype(np.float64) for column in columns]) + 0.0  # no -0.0
    rows[np.isnan(rows)] = np.nan
    if not len(rows):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    # Compared as bytes: a sort by each column would take ten times as long.
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return first[order], rank[number.ravel()]


def _contracts(
    columns: PositionColumns, names: tuple[str, ...], base: Places, scenarios: ScenarioSet
) -> tuple[Places, Contracts]:
    """The number of each option's contract, and the distinct contracts.

    Without a known IV a holder counts intrinsic value, a writer the larger of the class's IV and the highest
    that the wallet's options on the underlying know (decision 0021).
    """
    option, guessed = columns.option, columns.is_guessed()
    on = base[option.price_factor]
    written = guessed & (option.quantity < 0.0)
    class_iv = np.zeros(len(names))
    for at in np.unique(on[written]).tolist():
        class_iv[at] = scenarios.asset_parameters(names[at]).iv
    highest = np.maximum(class_iv[on], _highest_iv(columns, on))
    iv = np.where(written, highest, np.where(np.isnan(option.iv), 0.0, option.iv))
    mark = np.where(guessed & ~written, np.nan, option.mark)
    years = columns.seconds_left() / YEAR_S
    terms = (option.sign, option.is_american, option.strike, years, iv, option.rate, option.index_usd, mark)
    factors = (option.price_factor, option.payment_factor)
    first, number = numbered(on, *terms, guessed, *factors, option.settlement_usd)
    contracts = Contracts(
        underlying=tuple(names[at] for at in on[first].tolist()),
        sign=option.sign[first],
        is_american=option.is_american[first],
        strike=option.strike[first],
        years=years[first],
        iv=iv[first],
        rate=option.rate[first],
        spot=option.index_usd[first],
        shift=np.zeros(len(first)),
        price_factor=option.price_factor[first],
        payment_factor=option.payment_factor[first],
        settlement_usd=option.settlement_usd[first],
    )
    return number, contracts.marked(mark[first], guessed[first])


def _highest_iv(columns: PositionColumns, on: Places) -> Floats:
    """The highest known IV of the wallet's options on the same underlying, for each option; 0 without any."""
    option = columns.option
    first, key = numbered(columns.wallet[option.account], on)
    known = np.isfinite(option.iv)
    highest = np.zeros(len(first))
    np.maximum.at(highest, key[known], option.iv[known])
    return highest[key]
