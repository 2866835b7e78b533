"""Rows of other people's loans as arrays: what every column means, and whose prices they take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from aggregator.model.assets import USD
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.planning.borrowers import Borrowers, Floats, close_factor
from aggregator.pricing.book import usd
from aggregator.risk.factors import Factor
from aggregator.risk.scenarios import ScenarioSet

COLUMNS = (
    "protocol",
    "collateral",
    "collateral_units",
    "debt",
    "debt_units",
    "liquidation_threshold",
    "bonus",
    "close_factor",
)
"""Of a table, all required; `collateral_price_usd` and `debt_price_usd` may be given beside them."""

PRICES = ("collateral_price_usd", "debt_price_usd")

LARGEST_USD = 1e15
"""Of one side of a loan: more is a wrong unit."""


def borrowers_of(
    columns: Mapping[str, Sequence[object]], portfolio: Portfolio, scenarios: ScenarioSet, where: str
) -> Borrowers:
    """The loans of a table, column by column, at the portfolio's prices.

    An asset is an underlying such as ETH, `USD`, or a listed token by its symbol, which keeps its peg; where
    nothing here has its price the table must give it. A price that the table gives beside one that was read
    is taken for its loans, and told. Raises BadConfiguration naming the row (from 1) and the column of what
    can't be used.
    """
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise BadConfiguration(where, f"has no column {missing[0]}: it needs {', '.join(COLUMNS)}")
    unknown = sorted(set(columns) - {*COLUMNS, *PRICES})
    if unknown:
        raise BadConfiguration(where, f"column {unknown[0]!r} means nothing: is it misspelt?")
    labels, label = _numbered(columns, "protocol", where)
    names = [*(str(value) for value in columns["collateral"]), *(str(value) for value in columns["debt"])]
    assets = tuple(dict.fromkeys(names))
    at = {name: i for i, name in enumerate(assets)}
    given = _given(columns, where)
    known = {name: _known(name, portfolio, scenarios) for name in assets}
    prices = [_price(name, known[name], given, where) for name in assets]
    factors = tuple(_factor(name, scenarios) for name in assets)
    rules = {text: _rule(text, where) for text in {str(value) for value in columns["close_factor"]}}
    parts = [rules[str(value)] for value in columns["close_factor"]]
    count = len(label)
    price_usd = np.array(prices, dtype=np.float64)
    collateral_of = np.array([at[name] for name in names[:count]], dtype=np.intp)
    debt_of = np.array([at[name] for name in names[count:]], dtype=np.intp)
    return Borrowers(
        labels=labels,
        assets=assets,
        factors=factors,
        price_usd=price_usd,
        label=np.array(label, dtype=np.intp),
        collateral_of=collateral_of,
        debt_of=debt_of,
        collateral=_units(columns, "collateral_units", price_usd[collateral_of], where),
        debt=_units(columns, "debt_units", price_usd[debt_of], where),
        threshold=_numbers(columns, "liquidation_threshold", where, least=0.0, most=1.0),
        bonus=_numbers(columns, "bonus", where, least=0.0, most=1.0),
        part=np.array([part for part, _ in parts], dtype=np.float64),
        part_from=np.array([floor for _, floor in parts], dtype=np.float64),
        told=(*_contradicted(known, given), *_standing_in(assets, factors, portfolio)),
    )


def _numbered(
    columns: Mapping[str, Sequence[object]], name: str, where: str
) -> tuple[tuple[str, ...], list[int]]:
    texts = ["" if value is None else str(value) for value in columns[name]]
    for row, text in enumerate(texts, 1):
        if not text.strip():
            raise BadConfiguration(where, f"row {row} has no {name}")
    labels = tuple(dict.fromkeys(texts))
    at = {text: i for i, text in enumerate(labels)}
    return labels, [at[text] for text in texts]


def _numbers(
    columns: Mapping[str, Sequence[object]],
    name: str,
    where: str,
    *,
    least: float,
    most: float = math.inf,
) -> Floats:
    numbers: list[float] = []
    for row, value in enumerate(columns[name], 1):
        number = _number(value)
        if number is None:
            raise BadConfiguration(where, f"row {row}: {name} is no number")
        numbers.append(number)
    values = np.array(numbers, dtype=np.float64)
    bad = np.flatnonzero(~((values >= least) & (values <= most) & np.isfinite(values)))
    if bad.size:
        span = f"finite and at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise BadConfiguration(where, f"row {int(bad[0]) + 1}: {name} must be {span}")
    return values


def _units(columns: Mapping[str, Sequence[object]], name: str, prices: Floats, where: str) -> Floats:
    """Amounts of one side, no row of which is worth more than anything is."""
    units = _numbers(columns, name, where, least=0.0)
    large = np.flatnonzero(units > LARGEST_USD / prices)
    if large.size:
        worth = f"are worth more than {LARGEST_USD:,.0f} USD: give whole units"
        raise BadConfiguration(where, f"row {int(large[0]) + 1}: {name} {worth}")
    return units


def _number(value: object) -> float | None:
    """A cell as a number, written or not; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _given(columns: Mapping[str, Sequence[object]], where: str) -> dict[str, float]:
    """Prices that the table itself gives, one for each asset."""
    found: dict[str, float] = {}
    for side in ("collateral", "debt"):
        column = columns.get(f"{side}_price_usd")
        if column is None:
            continue
        for row, (name, value) in enumerate(zip(columns[side], column, strict=True), 1):
            if value is None or value == "":
                continue
            number = _number(value)
            if number is None or not 0.0 < number < math.inf:
                raise BadConfiguration(where, f"row {row}: {side}_price_usd must be a price above 0")
            price = found.setdefault(str(name), number)
            if price != number:
                raise BadConfiguration(where, f"row {row}: {name} has two prices, {price:g} and {value}")
    return found


def _factor(name: str, scenarios: ScenarioSet) -> Factor:
    for peg in scenarios.pegs.values():
        if peg.name == name:
            return Factor(peg.underlying, (peg,))
    return Factor(name)


def _known(name: str, portfolio: Portfolio, scenarios: ScenarioSet) -> float | None:
    """The price that was read, if any."""
    if name == USD:
        return 1.0
    for asset, peg in scenarios.pegs.items():
        if peg.name == name and asset in portfolio.marks:
            return usd(portfolio.marks[asset])
    return portfolio.spots.get(name)


def _price(name: str, known: float | None, given: Mapping[str, float], where: str) -> float:
    found = given.get(name, known)
    if name == USD and found != 1.0:
        raise BadConfiguration(where, "USD is 1 USD: of a coin that is pegged to it give its symbol")
    if found is None:
        raise BadConfiguration(
            where, f"nothing here has a price of {name!r}: give collateral_price_usd or debt_price_usd"
        )
    return found


def _contradicted(known: Mapping[str, float | None], given: Mapping[str, float]) -> list[str]:
    own = "the table's own price of"
    return [
        f"{own} {name}, {given[name]:,.6g} USD, is taken for its loans: {price:,.6g} was read"
        for name, price in known.items()
        if price is not None and name in given and not math.isclose(given[name], price)
    ]


def _standing_in(assets: Sequence[str], factors: Sequence[Factor], portfolio: Portfolio) -> list[str]:
    """What is said where only tokens tell the price of what they are pegged to."""
    told: dict[str, str] = {}
    for name, factor in zip(assets, factors, strict=True):
        underlying = factor.underlying
        if underlying not in (*assets, *portfolio.spots, USD):
            told.setdefault(underlying, f"nothing quotes {underlying} itself: {name} stands for its price")
    return list(told.values())


def _rule(text: str, where: str) -> tuple[float, float]:
    found = close_factor(text)
    if found is None:
        raise BadConfiguration(
            where, f"close_factor {text!r} is none: give full, aave_v3 or a share such as 50%"
        )
    return found
