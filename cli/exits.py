"""Exit codes: what each failure ends the process with (docs/exit-codes.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum

from aggregator.model import errors
from aggregator.model.errors import CrossmarginError, ReadError
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Failure


class Exit(IntEnum):
    """The documented exit codes."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    AUTHENTICATION = 10
    RATE_LIMITED = 11
    UNAVAILABLE = 12
    UNSUPPORTED = 13
    STALE = 14
    PARTIAL = 15
    INFEASIBLE = 16
    LOCKED = 17
    WARN = 30
    CRITICAL = 31
    LIQUIDATABLE = 32
    INTERRUPTED = 130


_BY_ERROR: tuple[tuple[type[CrossmarginError], Exit], ...] = (
    (errors.UsageError, Exit.USAGE),
    (errors.RecordingError, Exit.USAGE),
    (errors.ExchangeError, Exit.USAGE),
    (errors.AuthenticationFailed, Exit.AUTHENTICATION),
    (errors.RateLimited, Exit.RATE_LIMITED),
    (errors.StaleSource, Exit.STALE),
    (errors.TransportError, Exit.UNAVAILABLE),
    (errors.Unsupported, Exit.UNSUPPORTED),
    (errors.StoreLocked, Exit.LOCKED),
    (errors.StoreError, Exit.USAGE),
    (errors.ReadError, Exit.PARTIAL),
)


def of_error(error: CrossmarginError) -> Exit:
    """The exit code of a failure that ends a command."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.INTERNAL)


def of_failures(failures: Iterable[Failure], *, nothing_read: bool, allow_partial: bool = False) -> Exit:
    """The exit code of an incomplete result: 15, or the common cause where nothing at all could be read.

    `allow_partial` accepts a part, never nothing.
    """
    found: list[ReadError] = [failure.error for failure in failures]
    if not found or (allow_partial and not nothing_read):
        return Exit.OK
    codes = {of_error(error) for error in found}
    return codes.pop() if nothing_read and len(codes) == 1 else Exit.PARTIAL


def of_portfolios(portfolios: Collection[Portfolio], *, allow_partial: bool = False) -> Exit:
    """`of_failures` of what was read of several wallets."""
    failures = [failure for portfolio in portfolios for failure in portfolio.failures]
    nothing = all(portfolio.nothing_read for portfolio in portfolios)
    return of_failures(failures, nothing_read=nothing, allow_partial=allow_partial)
