"""Unsigned transactions of a short's owner: OptionMarket of Avalon, and what Newport has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from adapters.lyra_v1.amm import Amm, Fill
from adapters.lyra_v1.closing import TOKEN_DECIMALS, numbers
from adapters.lyra_v1.collateral import OptionType
from aggregator.contract import Function
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import JsonValue
from aggregator.model.units import Address, plain, scaled

_ORDER = "(uint256,uint256,uint256,uint8,uint256,uint256,uint256,uint256)"
_DONE = "(uint256,uint256,uint256)"

# OptionMarket
OPEN: Function[tuple[int, ...]] = Function(f"openPosition({_ORDER})({_DONE})")
CLOSE: Function[tuple[int, ...]] = Function(f"closePosition({_ORDER})({_DONE})")
FORCE_CLOSE_POSITION: Function[tuple[int, ...]] = Function(f"forceClosePosition({_ORDER})({_DONE})")
ADD_COLLATERAL: Function[tuple[()]] = Function("addCollateral(uint256,uint256)()")

TOLERANCE_BPS = 500
"""How much more than foreseen a call accepts to pay for options, or less to get for them."""

_BPS, _ITERATIONS, _NO_BOUND = 10_000, 1, 2**256 - 1


class Short(NamedTuple):
    """A short position as its market knows it."""

    market: Address
    strike_id: int
    position_id: int
    kind: OptionType


@dataclass(frozen=True, slots=True)
class Adjusting:
    """What a short's actions need beyond its liquidation.

    `time` is when the state was read, in Unix seconds. `paused_everywhere` is whether no collateral is taken.
    `amm` is None where trades can't be told, and `untold` says why.
    """

    short: Short
    time: int
    paused_everywhere: bool
    amm: Amm | None
    untold: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Data for stored.load_rule; numbers are decimal strings."""
        amm = self.amm
        return {
            "option_market": self.short.market,
            "strike_id": str(self.short.strike_id),
            "position_id": str(self.short.position_id),
            "time": str(self.time),
            "paused_everywhere": self.paused_everywhere,
            "untold": self.untold,
            "amm": None
            if amm is None
            else {
                "bounds": numbers(amm.bounds),
                "forced_close": numbers(amm.forced_close),
                "reserved": str(amm.reserved),
                "counted_at": str(amm.counted_at),
            },
        }


def tolerance(fill: Fill) -> int:
    """By how much more a trade may cost, or less it may bring, than it does now; rounded up."""
    return -(-fill.cost * TOLERANCE_BPS // _BPS)


def deposit(short: Short, amount: int) -> UnsignedCall:
    """Add collateral, with 18 decimals."""
    data = ADD_COLLATERAL.at(short.market, short.position_id, amount).data
    return UnsignedCall(short.market, data, 0, f"Add {_text(amount)} of collateral to {_name(short)}")


def withdraw(short: Short, left: int) -> UnsignedCall:
    """Leave a short with so much collateral, with 18 decimals: a close of no options."""
    return _order(CLOSE, short, (0, left, 0, 0), f"Leave {_name(short)} with {_text(left)} of collateral")


def buy_back(short: Short, option: str, amount: int, fill: Fill, left: int) -> UnsignedCall:
    """Close so much of a short, which leaves it with so much collateral; 18 decimals."""
    most = fill.cost + tolerance(fill)
    function = FORCE_CLOSE_POSITION if fill.is_forced else CLOSE
    said = f"Buy back {_text(amount)} {option} of {_name(short)} for at most {_text(most)} in all"
    return _order(function, short, (amount, left, 0, most), said)


def write(short: Short, option: str, amount: int, fill: Fill, left: int) -> UnsignedCall:
    """Write so much more of a short, which leaves it with so much collateral; 18 decimals."""
    least = fill.cost - tolerance(fill)
    said = f"Write {_text(amount)} more {option} in {_name(short)} for at least {_text(least)} in all"
    return _order(OPEN, short, (amount, left, least, _NO_BOUND), said)


def _order(
    function: Function[tuple[int, ...]], short: Short, terms: tuple[int, int, int, int], said: str
) -> UnsignedCall:
    words = (short.strike_id, short.position_id, _ITERATIONS, int(short.kind), *terms)
    return UnsignedCall(short.market, function.at(short.market, words).data, 0, said)


def _name(short: Short) -> str:
    return f"short #{short.position_id}"


def _text(amount: int) -> str:
    return plain(scaled(amount, TOKEN_DECIMALS))
