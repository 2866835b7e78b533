"""The formulas of `accrual`, `impact` and `position` in float64, over arrays of (accounts, scenarios)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Numbers: TypeAlias = "Mapping[str, Floats]"
"""Each of shape (accounts, 1), in whole USD, whole tokens and fractions; flags are 0 or 1."""

NAMES = (
    *("is_long", "collateral_is_long", "tokens_for_balance", "skip_smaller", "has_virtual", "pays_funding"),
    *("longs", "shorts", "long_tokens", "short_tokens", "size_usd", "size_tokens", "collateral"),
    *("pending_impact", "borrowing_settled", "borrowing_updated_at", "borrowing_never", "funding_settled"),
    *("discount", "pool", "virtual", "requirement", "borrowing_factor", "borrowing_exponent"),
    *("optimal_usage", "base_borrowing", "above_optimal", "reserve_factor", "max_trader_pnl"),
    *("positive_factor", "negative_factor", "positive_exponent", "negative_exponent", "max_positive"),
    *("max_for_liquidations", "funding_factor", "funding_exponent", "funding_increase", "funding_decrease"),
    *("funding_minimum", "funding_maximum", "stable_threshold", "decrease_threshold", "funding_saved"),
    *("improved", "worsened", "funding_updated_at"),
)


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """Lower and higher prices, USD per whole token."""

    low: Floats
    high: Floats

    @staticmethod
    def beside(price: Floats, stable: Floats) -> Pair:
        """Prices beside a stable one, NaN where there is none."""
        other = np.where(np.isnan(stable), price, stable)
        return Pair(np.minimum(price, other), np.maximum(price, other))

    @property
    def mid(self) -> Floats:
        """Half way."""
        return (self.low + self.high) / 2


def remaining(n: Numbers, index: Pair, long: Pair, short: Pair, time: int) -> Floats:
    """What would be left of the collateral in USD."""
    by_long, is_long = n["collateral_is_long"] > 0, n["is_long"] > 0
    held = Pair(np.where(by_long, long.low, short.low), np.where(by_long, long.high, short.high))
    backing = np.where(is_long, long.low, short.low) * n["pool"]
    impact, improved = _closing(n, index)
    impact = np.where(impact > 0, np.minimum(impact, n["size_usd"] * n["max_positive"]), impact)
    impact = impact + n["pending_impact"] * np.where(n["pending_impact"] > 0, index.low, index.high)
    impact = np.clip(impact, -n["size_usd"] * n["max_for_liquidations"], 0)
    fee = n["size_usd"] * np.where(improved, n["improved"], n["worsened"]) * (1 - n["discount"])
    fee = fee + n["size_usd"] * _borrowing(n, index, backing, time)
    fee = fee + held.low * _funding(n, index, held, time)
    return n["collateral"] * held.low + _pnl(n, index, backing) + impact - fee


def _powered(value: Floats, exponent: Floats) -> Floats:
    # Below a dollar the contracts count nothing.
    powered = np.where(value < 1, 0.0, np.power(np.maximum(value, 1), exponent))
    return np.asarray(powered, dtype=np.float64)


def _balances(n: Numbers, price: Floats) -> tuple[Floats, Floats]:
    in_tokens = n["tokens_for_balance"] > 0
    return (
        np.where(in_tokens, n["long_tokens"] * price, n["longs"]),
        np.where(in_tokens, n["short_tokens"] * price, n["shorts"]),
    )


def _pnl(n: Numbers, index: Pair, backing: Floats) -> Floats:
    is_long = n["is_long"] > 0
    worst, best = np.where(is_long, index.low, index.high), np.where(is_long, index.high, index.low)
    sign = np.where(is_long, 1.0, -1.0)
    own = sign * (n["size_tokens"] * worst - n["size_usd"])
    paid = np.where(is_long, n["longs"], n["shorts"])
    tokens = np.where(is_long, n["long_tokens"], n["short_tokens"])
    every = np.where((paid > 0) & (tokens > 0), sign * (tokens * best - paid), 0.0)
    most = backing * n["max_trader_pnl"]
    cut = (own > 0) & (every > most) & (most > 0)
    return own * np.where(cut, most / np.where(cut, every, 1.0), 1.0)


def _borrowing(n: Numbers, index: Pair, backing: Floats, time: int) -> Floats:
    is_long = n["is_long"] > 0
    reserved = np.where(is_long, n["long_tokens"] * index.high, n["shorts"])
    longs, shorts = _balances(n, index.mid)
    smaller = np.where(is_long, longs < shorts, shorts < longs) & (n["skip_smaller"] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        usage = reserved / (backing * n["reserve_factor"])
        plain = _powered(reserved, n["borrowing_exponent"]) / backing * n["borrowing_factor"]
        over = n["above_optimal"] * (usage - n["optimal_usage"]) / (1 - n["optimal_usage"])
    above = (usage > n["optimal_usage"]) & (n["optimal_usage"] < 1)
    kinked = usage * n["base_borrowing"] + np.where(above, over, 0.0)
    rate = np.where(n["optimal_usage"] > 0, kinked, plain)
    rate = np.where((reserved == 0) | smaller, 0.0, rate)
    seconds = np.where(n["borrowing_never"] > 0, 0.0, time - n["borrowing_updated_at"])
    owed: Floats = n["borrowing_settled"] + seconds * rate
    return owed


def _funding(n: Numbers, index: Pair, held: Pair, time: int) -> Floats:
    """Funding owed, in whole tokens of the collateral."""
    seconds = np.where(n["funding_updated_at"] > 0, time - n["funding_updated_at"], 0.0)
    longs, shorts = _balances(n, index.mid)
    imbalance = longs - shorts
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = _powered(np.abs(imbalance), n["funding_exponent"]) / (longs + shorts)
    plain = np.minimum(skew * n["funding_factor"], n["funding_maximum"])
    saved = n["funding_saved"]
    same_way = (saved * imbalance) > 0
    rising = ~same_way | (skew > n["stable_threshold"])
    falling = ~rising & (skew < n["decrease_threshold"])
    change = skew * n["funding_increase"] * seconds * np.where(imbalance < 0, -1.0, 1.0)
    lower = np.sign(saved) * np.maximum(np.abs(saved) - n["funding_decrease"] * seconds, 1e-30)
    following = np.where(rising, saved + change, np.where(falling, lower, saved))
    magnitude = np.minimum(np.abs(following), n["funding_maximum"])
    magnitude = np.minimum(np.maximum(magnitude, n["funding_minimum"]), n["funding_maximum"])
    # Nothing saved and nothing to add counts as the longs' side.
    adaptive = np.where(following < 0, -magnitude, magnitude)
    signed = np.where(n["funding_increase"] > 0, adaptive, np.where(imbalance > 0, plain, -plain))
    pays = np.where(n["is_long"] > 0, signed > 0, signed < 0) & (n["pays_funding"] > 0)
    pays = pays & (n["longs"] > 0) & (n["shorts"] > 0)
    rate = np.where(pays, np.abs(signed), 0.0)
    return n["funding_settled"] + n["size_usd"] * seconds * rate / held.high


def _closing(n: Numbers, index: Pair) -> tuple[Floats, Flags]:
    longs, shorts = _balances(n, index.mid)
    closed = np.where(n["tokens_for_balance"] > 0, n["size_tokens"] * index.mid, n["size_usd"])
    own, improved = _impact(n, longs, shorts, closed)
    inventory = n["virtual"] * np.where(n["tokens_for_balance"] > 0, index.mid, 1.0)
    shared, shared_improved = _impact(
        n, np.maximum(0, -inventory) + closed, np.maximum(0, inventory) + closed, closed
    )
    worse = (n["has_virtual"] > 0) & (own < 0) & (shared < own)
    return np.where(worse, shared, own), np.where(worse, shared_improved, improved)


def _impact(n: Numbers, longs: Floats, shorts: Floats, closed: Floats) -> tuple[Floats, Flags]:
    is_long = n["is_long"] > 0
    next_longs = np.where(is_long, np.maximum(0, longs - closed), longs)
    next_shorts = np.where(is_long, shorts, np.maximum(0, shorts - closed))
    before, after = np.abs(longs - shorts), np.abs(next_longs - next_shorts)
    improved = after < before
    same = (longs <= shorts) == (next_longs <= next_shorts)

    def powered(value: Floats, name: str) -> Floats:
        return n[f"{name}_factor"] * _powered(value, n[f"{name}_exponent"])

    gain = np.abs(powered(before, "positive") - powered(after, "positive"))
    loss = np.abs(powered(before, "negative") - powered(after, "negative"))
    crossed = powered(before, "positive") - powered(after, "negative")
    return np.where(same, np.where(improved, gain, -loss), crossed), improved
