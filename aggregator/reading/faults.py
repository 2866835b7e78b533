"""What endpoints answer instead of a result: which of it may pass, and how several of them are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from aggregator.model.errors import (
    AuthenticationFailed,
    BlockUnavailable,
    ProviderUnavailable,
    RateLimited,
    TransportError,
    WrongChain,
)
from aggregator.reading.endpoint import Endpoint

_RATE_LIMIT_CODES = (-32005, 429)
# Some use the code of a rate limit for a request that finds too much, which waiting does not help.
_TOO_MANY_RESULTS = ("results", "block range", "logs")
_GATEWAY_TIMEOUTS = (408, 504, 522, 524)


class RpcError(Exception):
    """The node answered with a JSON-RPC error: it was reached, and it refused this request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"


class TooMuch(ProviderUnavailable):
    """The endpoint did not answer in time, or with more than is accepted: less of it may work."""


class OtherBlock(BlockUnavailable):
    """The endpoint has another block at the height of the pinned one, and was never seen with that."""


class NotYet(BlockUnavailable):
    """The endpoint has no block at the height of the pinned one yet, and was never seen with that."""


class MayPassError(Exception):
    """Carries a fault after which the same endpoint is tried again, `wait_s` later where it says so."""

    def __init__(self, error: TransportError, wait_s: float | None = None) -> None:
        super().__init__(error)
        self.error, self.wait_s = error, wait_s


def may_pass(endpoint: Endpoint, why: str) -> MayPassError:
    """An endpoint that could not be used for now."""
    return MayPassError(ProviderUnavailable(endpoint.name, why))


def check_status(endpoint: Endpoint, status: int, headers: Mapping[str, str]) -> None:
    """Raises what a status other than of an answer means; nodes answer JSON-RPC errors with 400 too."""
    if status in (200, 400):
        return
    if status in (401, 403):
        raise AuthenticationFailed(endpoint.name, f"refused access (HTTP {status}): check its key")
    if status in (429, 503) and (status == 429 or "retry-after" in headers):
        wait_s = retry_after(headers.get("retry-after", ""), datetime.now(UTC))
        why = f"too many requests (HTTP {status}): wait, or configure another endpoint"
        raise MayPassError(RateLimited(endpoint.name, why), wait_s)
    if status in _GATEWAY_TIMEOUTS:
        raise MayPassError(TooMuch(endpoint.name, f"did not answer in time (HTTP {status})"))
    if status >= 500:
        raise may_pass(endpoint, f"failed (HTTP {status})")
    raise ProviderUnavailable(endpoint.name, f"refused the request (HTTP {status})")


def retry_after(text: str, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header, which holds them or a date; None where it is neither."""
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds())


def check_rate(endpoint: Endpoint, reply: Any) -> None:
    """Raises RateLimited, to be retried, where a JSON-RPC reply or one of a batch says so."""
    for item in reply if isinstance(reply, list) else (reply,):
        error = item.get("error") if isinstance(item, dict) else None
        if not isinstance(error, dict):
            continue
        said = str(error.get("message", "")).lower()
        limited = "rate limit" in said or "too many requests" in said
        if not limited and any(words in said for words in _TOO_MANY_RESULTS):
            continue
        if limited or error.get("code") in _RATE_LIMIT_CODES:
            why = "too many requests: wait, or configure another endpoint"
            raise MayPassError(RateLimited(endpoint.name, why))


def combined(failures: Sequence[TransportError]) -> TransportError:
    """One error that names every endpoint with its reason; its class where they share one."""
    if len(failures) == 1:
        return failures[0]
    names = ", ".join(error.endpoint for error in failures)
    why = "all failed: " + "; ".join(f"{error.endpoint}: {error.why}" for error in failures)
    kinds = {BlockUnavailable if type(error) in (OtherBlock, NotYet) else type(error) for error in failures}
    if any(kind is TooMuch for kind in kinds):
        return TooMuch(names, why)
    kind = kinds.pop() if len(kinds) == 1 else ProviderUnavailable
    return (ProviderUnavailable if kind is WrongChain else kind)(names, why)
