"""Text for people: untrusted text made harmless, numbers in a few characters."""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.model.readings import Failure

WIDTH = 100
"""Columns of a screen."""


def clean(text: str, limit: int = 32) -> str:
    """Text from a chain without control, format or bidirectional characters, cut to `limit`."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def shortened(text: str, limit: int = 32) -> str:
    """As `clean`, but cut in the middle: names of accounts begin alike and end with what tells them apart."""
    kept = clean(text, len(text))
    if len(kept) <= limit:
        return kept
    tail = (limit - 1) // 2
    return f"{kept[: limit - 1 - tail]}…{kept[-tail:]}"


def told(failure: Failure) -> str:
    """What could not be read, and why."""
    return f"{clean(failure.adapter)} · {clean(failure.deployment, 96)}: {clean(str(failure.error), 300)}"


def usd(value: float) -> str:
    """Dollars without cents from $100 on: `$96,402`, `−$31.20`."""
    size = abs(value)
    sign = "−" if value < 0 and round(size, 2) > 0 else ""
    return f"{sign}${size:,.0f}" if size >= 100 else f"{sign}${size:,.2f}"


def price(value: float) -> str:
    """A price with about five significant digits: `$1,140`, `$0.9871`."""
    if value >= 1000:
        return f"${value:,.0f}"
    return f"${value:,.2f}" if value >= 10 else f"${value:.4g}"


def amount(value: Decimal) -> str:
    """A quantity with up to six significant digits and no exponent: `40`, `1.2`, `61,000.5`."""
    if value == 0:
        return "0"
    digits = max(0, 5 - value.copy_abs().adjusted())
    shown = f"{value:,.{min(digits, 12)}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return ("−" + shown[1:] if shown.startswith("-") else shown) if shown.strip("-0") else "<1e-12"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign: `+9.2`, `−0.31`."""
    text = f"{abs(value):,.{digits}g}" if abs(value) < 1000 else f"{abs(value):,.0f}"
    return ("−" if value < 0 else "+") + text


def percent(value: float) -> str:
    """A relative move: `−45%`, `+3.4%`."""
    digits = 0 if abs(value) >= 0.1 else 1
    return ("−" if value < 0 else "+") + f"{abs(value) * 100:.{digits}f}%"


def multiple(value: float) -> str:
    """A stress multiple; the grid of stresses ends at 20."""
    return "over 20" if math.isinf(value) else f"{value:.2f}"


def short_address(address: str) -> str:
    """`0xA1b2…9fE0`."""
    return f"{address[:6]}…{address[-4:]}"
