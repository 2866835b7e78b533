"""Requests to the position router, which keepers execute at once or cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.gmx_v1 import calls
from adapters.gmx_v1.names import Names
from adapters.gmx_v1.vault import ZERO, read_settings, read_system
from adapters.gmx_v1.waiting import Book, Waiting, about, read_counts, read_named, rows
from aggregator.contract import Column, Deployment, Function, Read, ask, both
from aggregator.model.errors import MalformedReply
from aggregator.model.units import Address, keccak

_KINDS: tuple[tuple[Function[int], Function[Any]], ...] = (
    (calls.INCREASE_REQUESTS, calls.INCREASE_REQUEST),
    (calls.DECREASE_REQUESTS, calls.DECREASE_REQUEST),
)


def read_requests(deployment: Deployment, names: Names, wallet: Address) -> Read[Book | None]:
    """The wallet's requests, in three rounds; None, in one, where it never made any."""
    router = deployment.addresses["position_router"]
    settings, (wrapped, counts) = yield from both(
        read_settings(deployment),
        both(
            read_named(deployment, "position_router"),
            read_counts(router, wallet, [counter for counter, _ in _KINDS]),
        ),
    )
    keys = [[request_key(wallet, number) for number in range(1, count + 1)] for count in counts]
    asked = [(kind, of) for (_, kind), of in zip(_KINDS, keys, strict=True) if of]
    if not asked:
        return None
    system, columns = yield from both(
        read_system(settings, names, deployment.chain), ask([kind.each(router, of) for kind, of in asked])
    )
    open_ = [
        one for (kind, of), column in zip(asked, columns, strict=True) for one in _open(kind, of, column)
    ]
    increases = [(key, one) for key, one in open_ if isinstance(one, calls.IncreaseRequest)]
    path_calls = [calls.REQUEST_PATH.at(router, key) for key, _ in increases]
    paths = dict(zip((key for key, _ in increases), (yield from ask(path_calls)), strict=True))
    found = []
    for key, one in open_:
        is_increase = isinstance(one, calls.IncreaseRequest)
        kind = calls.INCREASE_REQUEST if is_increase else calls.DECREASE_REQUEST
        origin = kind.at(router, key).origin
        if one.account != wallet:
            raise MalformedReply(origin, f"a request of {one.account}, not of {wallet}")
        what = "add to" if is_increase else "reduce"
        sentence = about(system, what, is_long=one.is_long, size=one.size_delta, index=one.index_token)
        token, amount = None, 0
        if isinstance(one, calls.IncreaseRequest):
            if not paths[key]:
                raise MalformedReply(origin, "a request without a token to pay with")
            token, amount = paths[key][0], one.amount_in
        found.append(Waiting(token, amount, one.execution_fee, sentence, origin))
    return Book(system, found, wrapped)


def request_key(wallet: Address, number: int) -> bytes:
    """How the position router calls the wallet's request of a number, the first one being 1."""
    return keccak(bytes.fromhex(wallet[2:]) + number.to_bytes(32, "big"))


def _open(
    kind: Function[Any], keys: Sequence[bytes], column: Column
) -> list[tuple[bytes, calls.IncreaseRequest | calls.DecreaseRequest]]:
    """The requests that are still there, of one kind."""
    into = calls.IncreaseRequest if kind is calls.INCREASE_REQUEST else calls.DecreaseRequest
    return [(key, into(*row)) for key, row in zip(keys, rows(kind, column), strict=True) if row[0] != ZERO]
