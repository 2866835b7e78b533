"""What is told of endpoints that fail: when they want to be asked again, and all of them together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.errors import (
    AuthenticationFailed,
    BlockUnavailable,
    ProviderUnavailable,
    RateLimited,
    TransportError,
    WrongChain,
)
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError, TooMuch, check_rate, check_status, combined, retry_after

NOW = datetime(2026, 11, 22, 13, 45, tzinfo=UTC)
ENDPOINT = Endpoint("own", "http://127.0.0.1")


@given(st.integers(0, 10**8))
def test_retry_after_holds_seconds_or_a_date(seconds: int) -> None:
    """Both mean the same wait."""
    assert retry_after(str(seconds), NOW) == seconds
    assert retry_after(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "١", "Fri, 99 Dec 2026 23:59:59 GMT"])
def test_a_retry_after_that_is_neither_says_nothing(text: str) -> None:
    """The usual wait is taken."""
    assert retry_after(text, NOW) is None


def test_a_date_that_has_passed_is_no_wait() -> None:
    """Never a negative one."""
    assert retry_after("Fri, 31 Dec 1999 23:59:59 GMT", NOW) == 0.0


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait_s"),
    [
        (429, {"retry-after": "7"}, RateLimited, 7.0),
        (429, {}, RateLimited, None),
        (503, {"retry-after": "7"}, RateLimited, 7.0),
        (503, {}, ProviderUnavailable, None),
        (500, {}, ProviderUnavailable, None),
        (504, {}, TooMuch, None),
    ],
)
def test_statuses_that_may_pass(
    status: int, headers: dict[str, str], kind: type[TransportError], wait_s: float | None
) -> None:
    """With the wait that was asked for."""
    with pytest.raises(MayPassError) as caught:
        check_status(ENDPOINT, status, headers)
    assert type(caught.value.error) is kind
    assert caught.value.wait_s == wait_s


def test_a_query_that_finds_too_much_is_no_rate_limit() -> None:
    """Some answer it with the same code: waiting would not help, asking for less does."""
    said = "query returned more than 10000 results. Try with this block range [0x1, 0x2]."
    check_rate(ENDPOINT, {"error": {"code": -32005, "message": said}})
    with pytest.raises(MayPassError):
        check_rate(ENDPOINT, {"error": {"code": -32005, "message": "limit exceeded"}})
    with pytest.raises(MayPassError):
        check_rate(ENDPOINT, [{"result": "0x1"}, {"error": {"code": 0, "message": "Too many requests"}}])


def test_all_are_named_and_share_a_class_where_they_agree() -> None:
    """One is told as it is."""
    first, second = BlockUnavailable("one", "pruned"), BlockUnavailable("two", "not there yet")
    assert combined([first]) is first
    both = combined([first, second])
    assert type(both) is BlockUnavailable
    assert str(both) == "endpoint one, two: all failed: one: pruned; two: not there yet"
    assert type(combined([first, AuthenticationFailed("two", "key")])) is ProviderUnavailable
    assert type(combined([WrongChain("one", 1, 2), WrongChain("two", 1, 2)])) is ProviderUnavailable
    assert type(combined([first, TooMuch("two", "slow")])) is TooMuch
