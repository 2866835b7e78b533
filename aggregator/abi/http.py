"""A venue over HTTP: what is asked of it, how its reply is kept as bytes, and what is made of that.

A request names a venue of the user's configuration and never a URL. The reply to an `Http` request is one
string of bytes (`pack`), whoever gave it: a venue or a recording. `Http.decode` trusts neither. A venue has
no blocks: what it says is of the moment at which it was asked, which is told with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from aggregator.abi.json_rows import Row, loads
from aggregator.model.accounts import Observation
from aggregator.model.errors import MalformedReply

T = TypeVar("T")

Field: TypeAlias = str | int | bool
"""What a field of a request may be; an amount is its decimal text."""

_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_LONGEST_NAME = 100
_CALENDAR_S = 253_402_300_800
"""The year 10,000."""


@dataclass(frozen=True, slots=True)
class Observed(Generic[T]):
    """What a venue answered, and when."""

    value: T
    observation: Observation


@dataclass(frozen=True, slots=True)
class Http(Generic[T]):
    """A question to a venue: `path` below its URL, and the canonical JSON of its fields as `body`.

    A GET has them in its query. `into` makes what is wanted of the reply, a JSON object; it may raise
    ValueError. With `list_as` the reply may be a list, which `into` is given under this name. Raises
    ValueError where the path is none: segments of letters, digits and `-._~`.
    """

    venue: str
    method: Literal["GET", "POST"]
    path: str
    body: str
    into: Callable[[Row], T]
    list_as: str = ""

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is no path below a venue's URL")

    @classmethod
    def post(cls, venue: str, path: str, into: Callable[[Row], T], **fields: Field) -> Http[T]:
        """A POST of these fields."""
        return cls(venue, "POST", path, canonical(fields), into)

    @classmethod
    def get(cls, venue: str, path: str, into: Callable[[Row], T], **fields: Field) -> Http[T]:
        """A GET with these fields."""
        return cls(venue, "GET", path, canonical(fields), into)

    @property
    def origin(self) -> str:
        """Where figures come from: `/public/margin_watch@venue derive`."""
        return f"{self.path}@venue {self.venue}"

    @property
    def key(self) -> str:
        """Equal for requests that are answered alike, whatever is made of the reply."""
        asked = json.dumps([self.method, self.path, self.body, *([self.list_as] if self.list_as else [])])
        return f"{self.venue}:{blake2b(asked.encode(), digest_size=16).hexdigest()}"

    def decode(self, raw: bytes) -> Observed[T]:
        """What was made of the reply; raises MalformedReply where that is not possible."""
        try:
            document = Row(loads(raw))
            reply, endpoint = document.at("reply"), document.text("endpoint")
            if not isinstance(reply, dict):
                raise ValueError("it is no JSON object")
            if len(endpoint) > _LONGEST_NAME:
                raise ValueError(f"the endpoint has no name: {endpoint[:60]!r}")
            if (time := document.moment("time")) >= _CALENDAR_S:
                raise ValueError(f"{time} is no time")
            observation = Observation(time, endpoint, content_hash(reply))
            return Observed(self.into(Row(reply)), observation)
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise MalformedReply(self.origin, str(error) or type(error).__name__) from error


def canonical(document: Mapping[str, Any]) -> str:
    """One text for equal content; raises ValueError where it is nested too deeply."""
    try:
        return json.dumps(document, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def content_hash(reply: Mapping[str, Any]) -> str:
    """The SHA-256 of a reply in canonical form, as 0x hex."""
    return "0x" + sha256(canonical(reply).encode()).hexdigest()


def pack(time: int, endpoint: str, reply: Mapping[str, Any]) -> bytes:
    """A reply as bytes that `Http.decode` reads, with when (Unix seconds) and who; see `canonical`."""
    return canonical({"time": time, "endpoint": endpoint, "reply": reply}).encode()
