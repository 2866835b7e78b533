"""HTTP: one request and its reply, within limits of size and time; connections are kept for the next one.

Nothing of a URL is ever in an error: it may carry a key.
"""

from __future__ import annotations

import asyncio
import io
import ssl
import zlib
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from yarl import URL

from aggregator.model.errors import ProviderUnavailable
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError, TooMuch, check_status, may_pass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 64 * 2**20
"""Of a reply as it is sent, and again of what it unpacks to."""
_KEPT_S = 60.0
_STEP_BYTES = 2**20
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "user-agent": "crossmargin",
}

TOO_LARGE = b'{"id": null, "error": {"code": 413, "message": "the request is too large (HTTP 413)"}}'
"""What HTTP 413 is read as: a refusal like any other of the node's, so that the batch is split."""


class Client:
    """The HTTP connections of a run, to any number of endpoints; used as a context manager.

    `requests` counts all requests.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[URL, tuple[URL | None, aiohttp.BasicAuth | None]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_S),  # endpoints have limits
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            auto_decompress=False,  # a limit on what is unpacked needs the unpacking here
            headers=_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())  # not every Python finds the system's
        return context

    def _proxy(self, url: URL) -> tuple[URL | None, aiohttp.BasicAuth | None]:
        """The proxy that the environment names for a URL's host, looked up once."""
        url = url.origin()
        if url not in self._proxies:
            named = "" if proxy_bypass(url.host or "") else getproxies().get(url.scheme, "")
            proxy = URL(named if "://" in named else f"http://{named}") if named else None
            auth = None
            if proxy is not None and proxy.user is not None:
                auth = aiohttp.BasicAuth(proxy.user, proxy.password or "")
                proxy = proxy.with_user(None)
            self._proxies[url] = proxy, auth
        return self._proxies[url]

    async def post(self, endpoint: Endpoint, body: bytes, path: str = "") -> bytes:
        """The body of the reply to a POST, unpacked; `path` is below the endpoint's URL.

        Raises MayPassError with what may pass (no connection, no answer in time, HTTP 429 and 5xx, a cut or
        broken reply), TransportError with what won't.
        """
        return await self._asked(endpoint, "POST", _below(_checked(endpoint), path), body)

    async def get(self, endpoint: Endpoint, path: str, query: str) -> bytes:
        """The body of the reply to a GET; see `post`."""
        return await self._asked(endpoint, "GET", _below(_checked(endpoint), path, query), None)

    async def _asked(self, endpoint: Endpoint, method: str, url: URL, body: bytes | None) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT_S):  # the whole of it: a byte now and then is no answer
                return await self._reply(endpoint, method, url, body)
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise MayPassError(TooMuch(endpoint.name, "did not answer in time")) from None
        except aiohttp.ClientConnectorCertificateError:
            raise ProviderUnavailable(endpoint.name, "its TLS certificate is not valid") from None
        except (aiohttp.InvalidURL, ValueError):
            raise ProviderUnavailable(endpoint.name, _NO_URL) from None
        except (aiohttp.ClientError, OSError) as error:
            raise may_pass(endpoint, f"connection failed ({type(error).__name__})") from None

    async def _reply(self, endpoint: Endpoint, method: str, url: URL, body: bytes | None) -> bytes:
        if self._session is None:
            raise RuntimeError("a client is used outside of its context")
        self.requests += 1
        # The library warns of large bodies given as bytes: it can't send them in pieces.
        data = body if body is None or len(body) < _STEP_BYTES else io.BytesIO(body)
        tls = self._tls if url.scheme == "https" else True
        proxy, auth = self._proxy(url)
        asking = self._session.request(
            method, url, data=data, ssl=tls, proxy=proxy, proxy_auth=auth, allow_redirects=False
        )
        async with asking as response:
            if response.status == 413:
                return TOO_LARGE
            check_status(endpoint, response.status, response.headers)
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            received = await _received(endpoint, response.content.iter_any())
        if encoding in ("", "identity"):
            return received
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise ProviderUnavailable(endpoint.name, "answered in an encoding that was not offered")
        return _unpacked(endpoint, received)


_NO_URL = "its URL is not valid: correct it"


def _checked(endpoint: Endpoint) -> URL:
    try:
        url = URL(endpoint.url)
        bad = bool(url.host is None or url.port == 0)
    except ValueError:  # its text quotes the URL
        raise ProviderUnavailable(endpoint.name, _NO_URL) from None
    if url.scheme not in ("http", "https"):
        raise ProviderUnavailable(endpoint.name, "its URL must start with http:// or https://")
    if bad:
        raise ProviderUnavailable(endpoint.name, _NO_URL)
    return url


def _below(url: URL, path: str, query: str = "") -> URL:
    """A path below a URL, whose own query may hold its key."""
    if not path:
        return url
    parts = urlsplit(str(url))
    both = "&".join(one for one in (parts.query, query) if one)
    below = parts._replace(path=parts.path.rstrip("/") + path, query=both, fragment="")
    return URL(below.geturl(), encoded=True)


async def _received(endpoint: Endpoint, content: AsyncIterator[bytes]) -> bytes:
    chunks, received = [], 0
    async for chunk in content:
        received += len(chunk)
        if received > MAX_REPLY_BYTES:
            raise TooMuch(endpoint.name, f"sent over {MAX_REPLY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _unpacked(endpoint: Endpoint, packed: bytes) -> bytes:
    """Gzip or zlib data, never more of it than the limit whatever it would unpack to."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        content = unpacker.decompress(packed, MAX_REPLY_BYTES + 1)
    except zlib.error:
        raise may_pass(endpoint, "answered something that can't be unpacked") from None
    if len(content) > MAX_REPLY_BYTES:
        raise TooMuch(endpoint.name, f"sent over {MAX_REPLY_BYTES} bytes")
    if not unpacker.eof:
        raise may_pass(endpoint, "answered something that can't be unpacked")
    return content
