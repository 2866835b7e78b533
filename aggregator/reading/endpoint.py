"""Where a chain can be asked, and how hard; its URL may carry a key, so that texts are redacted here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

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
        return sorted((p for p in pieces if len(p) >= _SHORTEST_SECRET), key=len, reverse=True)

    def redacted(self, text: str) -> str:
        """A text of the node without control characters and without what may be a key of the URL."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text)
