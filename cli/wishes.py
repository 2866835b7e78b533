"""Actions as people write them: `aave_v3:USDC=10000`, `synthetix:sETHPERP=50%`, `perp:ETH=-3@ACCOUNT`."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.risk.wishes import Kind, Wish

_AMOUNT = re.compile(r"[+\-−]?\d+(?:\.\d+)?")
_SHARE = re.compile(r"(\d{1,9}(?:\.\d{1,40})?)%")
LARGEST = Decimal("1e30")
"""No token has more units than this; beyond it is a typing mistake."""
DIGITS = 48


def moved(kind: Kind, text: str) -> Wish:
    """`ACCOUNT:ASSET=AMOUNT` of --repay, --deposit and --withdraw; raises BadConfiguration.

    The amount is in whole units, or `all` or a share such as `50%` of what there is.
    """
    from aggregator.risk.wishes import Wish  # noqa: PLC0415  # numpy: not for --help

    option = f"--{kind} {text}"
    where, separator, value = text.rpartition("=")
    account, colon, asset = where.rpartition(":")
    if not (separator and colon and account and asset):
        raise _wrong(option, f"give ACCOUNT:ASSET=AMOUNT, such as --{kind} aave_v3:USDC=10000")
    if value == "all":
        return Wish(kind, account, asset, None, None, option)
    share = _SHARE.fullmatch(value)
    if share is not None:
        return Wish(kind, account, asset, None, _fraction(share[1], option), option)
    if not _AMOUNT.fullmatch(value):
        raise _wrong(option, f"{value!r} is no amount: give a number, all, or a share such as 50%")
    return Wish(kind, account, asset, _decimal(value, option), None, option)


def closed(text: str) -> Wish:
    """`ACCOUNT[:MARKET][=SHARE]` of --close; the share is 100% where it is left out."""
    from aggregator.risk.wishes import Wish  # noqa: PLC0415

    option = f"--close {text}"
    where, separator, value = text.partition("=")
    share = None
    if separator:
        match = _SHARE.fullmatch(value)
        if match is None:
            raise _wrong(option, f"{value!r} is no share: give one such as =50%, or none for all")
        share = _fraction(match[1], option)
    # An account's id has colons of its own.
    account, colon, market = where.rpartition(":")
    if not colon or market.startswith("0x") or market.isdigit():
        account, market = where, ""
    if not account:
        raise _wrong(option, "name an account, such as --close synthetix_perps_v2:sETHPERP=50%")
    return Wish("close", account, market or None, None, share, option)


def opened(text: str, name: str) -> Wish:
    """`[perp:]UNDERLYING[=SIZE][@ACCOUNT]` of --open and --hedge; only --hedge needs no size."""
    from aggregator.risk.wishes import Wish  # noqa: PLC0415

    option = f"--{name} {text}"
    what, at, account = text.partition("@")
    underlying, separator, value = what.removeprefix("perp:").partition("=")
    if not underlying or (at and not account):
        raise _wrong(option, f"give UNDERLYING=SIZE[@ACCOUNT], such as --{name} ETH=-5")
    if not separator and name == "open":
        raise _wrong(option, "say how much, below 0 for a short, such as --open perp:ETH=-3")
    size = _decimal(value, option) if _AMOUNT.fullmatch(value) else None
    if separator and not size:
        raise _wrong(option, f"{value!r} is no size: give one in units, below 0 for a short")
    return Wish("open", account or None, underlying, size, None, option)


def _decimal(text: str, option: str) -> Decimal:
    amount = Decimal(text.replace("−", "-"))
    if abs(amount) > LARGEST or len(amount.as_tuple().digits) > DIGITS:
        raise _wrong(option, f"give at most {LARGEST:g}, in at most {DIGITS} digits")
    return amount


def _fraction(text: str, option: str) -> Fraction:
    share = Fraction(text) / 100
    if not 0 < share <= 1:
        raise _wrong(option, "give a share above 0% and up to 100%")
    return share


def _wrong(option: str, advice: str) -> Exception:
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    return BadConfiguration(option, advice)
