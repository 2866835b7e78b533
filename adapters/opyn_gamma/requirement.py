"""What collateral a vault needs, exact, as fixed-point numbers with 27 decimals.

Source: `_getMarginRequired` and what it calls in MarginCalculator.sol of github opynfinance/GammaProtocol,
rounding included. Sizes, strikes and prices have 8 decimals.
"""

from __future__ import annotations

from typing import NamedTuple

from adapters.opyn_gamma.fixed_point import ONE, divide, from_scaled, multiply


class Leg(NamedTuple):
    """So many options of one strike, 8 decimals each; none is a size of zero."""

    size: int
    strike: int


NO_LEG = Leg(0, 0)


class Prices(NamedTuple):
    """Prices in USD of underlying, strike asset and collateral, 8 decimals, > 0."""

    underlying: int
    strike_asset: int
    collateral: int


def naked(leg: Leg, *, is_put: bool, bound: int, shock: int, underlying: int) -> int:
    """Collateral for a written option alone, in units of the collateral whatever that is.

    `bound` is the product's highest price of an option at its time to expiry, as a share of the smaller of
    strike and shocked spot; `shock` what the spot is multiplied by. Both have 27 decimals.
    """
    strike, spot = from_scaled(leg.strike), from_scaled(underlying)
    if is_put:
        shocked = multiply(shock, spot)
        near, deep = min(strike, shocked), max(strike - shocked, 0)
    else:
        share = divide(multiply(strike, shock), spot)
        near, deep = min(ONE, share), max(ONE - share, 0)
    return multiply(multiply(bound, near) + deep, from_scaled(leg.size))


def spread(short: Leg, long: Leg, *, is_put: bool, assets: tuple[str, str, str], prices: Prices) -> int:
    """Collateral for the most that a vault can lose, in the collateral.

    `assets` are underlying, strike asset and collateral: where the loss is counted in another one than the
    collateral it is converted at the present prices.
    """
    underlying, strike_asset, collateral = assets
    if is_put:
        needed = _put_spread(short, long)
        return convert(needed, (strike_asset, prices.strike_asset), (collateral, prices.collateral))
    needed = _call_spread(short, long)
    return convert(needed, (underlying, prices.underlying), (collateral, prices.collateral))


def _put_spread(short: Leg, long: Leg) -> int:
    written, strike = from_scaled(short.size), from_scaled(short.strike)
    covered = multiply(from_scaled(long.strike), from_scaled(min(short.size, long.size)))
    return max(multiply(written, strike) - covered, 0)


def _call_spread(short: Leg, long: Leg) -> int:
    uncovered = max(from_scaled(short.size - long.size), 0)
    if not long.strike:
        return uncovered
    above = from_scaled(long.strike)
    between = divide(multiply(above - from_scaled(short.strike), from_scaled(short.size)), above)
    return max(between, uncovered)


def cash_value(strike: int, spot: int, *, is_put: bool) -> int:
    """What one option is worth without time, in the strike asset; `spot` has 27 decimals."""
    difference = spot - from_scaled(strike)
    return max(-difference if is_put else difference, 0)


def settled(short: Leg, long: Leg, *, is_put: bool, assets: tuple[str, str, str], prices: Prices) -> int:
    """What an expired vault owes at the prices of its expiry, in the collateral; negative is owed to it.

    `assets` as for `spread`.
    """
    spot = convert(ONE, (assets[0], prices.underlying), (assets[1], prices.strike_asset))
    owed, due = (
        multiply(cash_value(leg.strike, spot, is_put=is_put), from_scaled(leg.size)) for leg in (short, long)
    )
    return convert(owed - due, (assets[1], prices.strike_asset), (assets[2], prices.collateral))


def convert(amount: int, source: tuple[str, int], target: tuple[str, int]) -> int:
    """An amount of one asset in another, each given with its price; the same where they are the same."""
    if source[0] == target[0]:
        return amount
    return divide(multiply(amount, from_scaled(source[1])), from_scaled(target[1]))
