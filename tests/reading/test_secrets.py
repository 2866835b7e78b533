"""A URL may carry a key: nothing that a user or a log sees quotes it."""

from __future__ import annotations

import logging
import traceback
from base64 import b64encode
from typing import Any

import pytest

from aggregator.model.errors import (
    ProviderUnavailable,
    ReadError,
)
from aggregator.reading.transport import Endpoint
from tests.reading.endpoints import CHAIN, GOOD, PASSING, always, send, then
from tests.reading.servers import Answer, Refusal, Reply, Server, on_chain

KEY = "k3y-0123456789abcdef"

BAD_URLS = [
    f"ftp://host/{KEY}",
    f"{KEY}",
    f"http://127.0.0.1:99999999/{KEY}",
    f"http://user:{KEY}@127.0.0.1:notaport/",
    f"http://[{KEY}/",
    f"http:///{KEY}",
    f"http://host\n/{KEY}",
    f"http://{'a' * 70}.test/{KEY}",
    f"http://xn--\udcff/{KEY}",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_urls_that_are_none_are_told_without_quoting_them(url: str) -> None:
    """A mistyped URL still carries its key."""
    with pytest.raises(ProviderUnavailable) as caught:
        send(url)
    shown = everything(caught.value)
    assert KEY not in shown
    assert "\udcff" not in shown  # it can't be printed


def everything(error: BaseException) -> str:
    """All that a user or a log may see of an error."""
    return f"{error} {error!r} {''.join(traceback.format_exception(error))}"


def echoing(body: Any) -> Reply:
    """An endpoint that repeats its own key in a refusal."""
    path = f"project {KEY} of /v3/{KEY}?token={KEY} has no more credits"
    return on_chain(CHAIN, lambda *_: Refusal(-32000, path))(body)


SECRET_CASES: dict[str, Answer] = {
    **PASSING,
    "401": always(Reply(401, f"key {KEY} unknown".encode())),
    "404": always(Reply(404, KEY.encode())),
    "wrong chain": on_chain(5),
    "an unusable chain id": on_chain(CHAIN, lambda *_: None),
}


@pytest.mark.parametrize(
    "where", ["{url}/v3/KEY", "{url}/?apikey=KEY", "http://user:KEY@{host}/", "http://KEY@{host}/"]
)
@pytest.mark.parametrize("case", [*SECRET_CASES, "a refusal that quotes it"])
def test_a_key_is_never_shown(where: str, case: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in an error, nor in what it hides, nor in the log of retries."""
    answer = echoing if case.startswith("a refusal") else SECRET_CASES[case]
    with caplog.at_level(logging.DEBUG), Server(answer) as server:
        url = where.format(url=server.url, host=server.url.removeprefix("http://")).replace("KEY", KEY)
        assert KEY not in repr(Endpoint.of(url))
        shown = ""
        try:
            answers, _ = send(url)
            shown = f"{answers} {[str(a) for a in answers]}"
        except ReadError as error:
            shown = everything(error)
    assert server.requests
    assert KEY not in shown
    assert KEY not in caplog.text
    assert all(KEY not in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    "url",
    ["http://h/v3/my%20s%2Fcret-key", "http://h/?key=my+s%2fcret-key", "http://me:my%20s%2Fcret-key@h/"],
)
def test_an_escaped_key_is_hidden_in_every_spelling(url: str) -> None:
    """A node may quote it decoded, or encoded in another way; or the header that carries it."""
    endpoint = Endpoint.of(url)
    for said in ("my s/cret-key", "my%20s%2Fcret-key", "my%20s/cret-key", "my+s%2Fcret-key"):
        assert endpoint.redacted(f"key {said} is unknown") == "key *** is unknown"
    if "@" in url:
        assert endpoint.redacted(b64encode(b"me:my s/cret-key").decode()) == "***"


def test_retries_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Without configured logging nothing reaches standard error."""
    stamina_logger = logging.getLogger("stamina")
    handlers = logging.root.handlers[:]
    logging.root.handlers.clear()  # pytest's own would hide that Python prints what nobody handles
    try:
        with Server(then(PASSING["500"], GOOD)) as server:
            send(server.url)
    finally:
        logging.root.handlers[:] = handlers
    assert len(server.requests) == 2
    assert capfd.readouterr().err == ""
    assert stamina_logger.handlers
