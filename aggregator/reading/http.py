"""Reads venues over HTTP: what they say now, whichever block is read, kept with the time and a hash of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aggregator.abi.http import Http, pack
from aggregator.model.errors import MalformedReply, NoVenue, ReadError, VenueRefused
from aggregator.reading.client import Client
from aggregator.reading.deadline import Deadline
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.json_endpoint import JsonEndpoint
from aggregator.reading.together import together


class Venues:
    """The configured venues: `endpoint.name` is a venue's name, whose limits all chains share.

    `clock` tells Unix seconds.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], client: Client, clock: Callable[[], float] = time.time
    ) -> None:
        self._venues = {endpoint.name: JsonEndpoint(endpoint, client) for endpoint in endpoints}
        self._clock = clock

    async def read(self, requests: Sequence[Http[Any]], in_time: Deadline) -> list[bytes | ReadError]:
        """The replies, one per request, failures as values. `in_time` ends a read that takes too long.

        One that takes more than half of what is left fails alone.
        """
        return await together(self._one(request, in_time) for request in requests)

    async def _one(self, request: Http[Any], in_time: Deadline) -> bytes | ReadError:
        venue = self._venues.get(request.venue)
        if venue is None:
            return NoVenue(request.venue)
        try:
            return await in_time.half(self._asked(venue, request), request.venue)
        except ReadError as error:
            return error

    async def _asked(self, venue: JsonEndpoint, request: Http[Any]) -> bytes:
        use = partial(self._decodable, venue.endpoint, request)
        if request.method == "GET":
            fields = json.loads(request.body)
            told = {name: json.dumps(it) if isinstance(it, bool) else it for name, it in fields.items()}
            return await venue.get(request.path, urlencode(told), use, request.list_as)
        return await venue.post(request.body.encode(), use, request.path, request.list_as)

    def _decodable(self, endpoint: Endpoint, request: Http[Any], reply: dict[str, Any]) -> bytes:
        """The reply as it is kept, without a key that it quotes.

        Whoever decodes it can't redact its errors: it is tried here, to fail in the same way.
        """
        try:
            raw = endpoint.masked(pack(int(self._clock()), endpoint.name, reply).decode()).encode()
            request.decode(raw)
        except MalformedReply as error:
            raise MalformedReply(error.origin, endpoint.redacted(error.why)) from None
        except VenueRefused as error:
            raise VenueRefused(error.endpoint, endpoint.redacted(error.why)) from None
        except ValueError as error:
            raise MalformedReply(request.origin, endpoint.redacted(str(error))) from None
        except Exception:  # noqa: BLE001  # a broken `into` is an AdapterFault of whoever decodes it
            return raw
        return raw
