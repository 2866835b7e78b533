"""Where a chain can be asked, and how hard; its URL may carry a key, so that texts are redacted here."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from aggregator.reading.text import printable

CONCURRENCY = 8
"""Requests at once where an endpoint is given no limit of its own."""
_SHORTEST_SECRET = 8


@dataclass(frozen=True)
class Endpoint:
    """A JSON-RPC endpoint; `name` is what is shown and stored.

    At most `concurrency` requests are under way at once, and `rate_per_s` are started per second (None: as
    many as there are). Without `state_overrides` the reader contract is never tried.
    """

    name: str
    url: str = field(repr=False)
    rate_per_s: float | None = None
    concurrency: int = CONCURRENCY
    state_overrides: bool = True

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """An endpoint named after its host."""
        try:
            host = urlsplit(url).hostname
        except ValueError:  # told when it is asked, as for any other URL that is not valid
            host = None
        return cls(printable(host or "rpc"), url)

    @cached_property
    def _secrets(self) -> list[str]:
        _, _, rest = self.url.partition("//")
        credentials, at, _ = rest.partition("/")[0].rpartition("@")
        _, _, path = rest.partition("/")
        pieces = re.split(r"[/?&=#:]", path) + (re.split(":", credentials) if at else [])
        shown = {form for piece in pieces if len(piece) >= _SHORTEST_SECRET for form in _forms(piece)}
        shown |= {json.dumps(form)[1:-1] for form in shown}  # as it stands in JSON
        if at:
            shown.add(b64encode(unquote(credentials).encode(errors="replace")).decode())  # as its header is
        return sorted(shown, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """A text of the node without what may be a key of the URL."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def redacted(self, text: str) -> str:
        """The same without control characters, to be shown."""
        return printable(self.masked(text))


def _forms(piece: str) -> Iterator[str]:
    """How a node may quote a part of its URL: as it stands, decoded, or encoded in another way."""
    yield piece
    for plain in (unquote(piece), unquote_plus(piece)):
        raw = plain.encode(errors="replace")
        yield from (plain, quote(raw), quote(raw, safe=""), quote_plus(raw))
