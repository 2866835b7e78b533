"""Orders of the order book, which keepers execute once a price is reached."""

from __future__ import annotations

from typing import Any

from adapters.gmx_v1 import calls
from adapters.gmx_v1.margin import DECIMALS
from adapters.gmx_v1.names import Names
from adapters.gmx_v1.vault import ZERO, System, read_settings, read_system
from adapters.gmx_v1.waiting import Book, Waiting, about, read_counts, read_named, rows
from aggregator.contract import Deployment, Function, Read, ask, both
from aggregator.model.units import Address, scaled

_KINDS: tuple[tuple[Function[int], Function[Any]], ...] = (
    (calls.INCREASE_ORDERS, calls.INCREASE_ORDER),
    (calls.DECREASE_ORDERS, calls.DECREASE_ORDER),
    (calls.SWAP_ORDERS, calls.SWAP_ORDER),
)


def read_orders(deployment: Deployment, names: Names, wallet: Address) -> Read[Book | None]:
    """The wallet's orders, in two rounds; None, in one, where it never made any."""
    book = deployment.addresses["order_book"]
    settings, (wrapped, counts) = yield from both(
        read_settings(deployment),
        both(
            read_named(deployment, "order_book"),
            read_counts(book, wallet, [counter for counter, _ in _KINDS]),
        ),
    )
    asked = [
        (function, function.each(book, wallet, range(count)))
        for (_, function), count in zip(_KINDS, counts, strict=True)
        if count
    ]
    if not asked:
        return None
    system, columns = yield from both(
        read_system(settings, names, deployment.chain), ask([request for _, request in asked])
    )
    found = [
        _waiting(system, function(*row), kind.at(book, wallet, number).origin)
        for (kind, _), column in zip(asked, columns, strict=True)
        for function in [kind.into]
        if function is not None
        for number, row in enumerate(rows(kind, column))
        if any(word != ZERO and word for word in row)
    ]
    return Book(system, found, wrapped)


def _waiting(system: System, order: Any, origin: str) -> Waiting:
    if isinstance(order, calls.SwapOrder):
        last = order.third if order.third != ZERO else order.second
        into = system.assets[last].symbol if last in system.assets else last
        sentence = f"swap into {into}"
        return Waiting(order.first, order.amount_in, order.execution_fee, sentence, origin)
    side = "above" if order.above else "below"
    price = scaled(order.trigger_price // 10 ** (DECIMALS - 8), 8).normalize()
    at = f"{side} {price:,f} USD"
    size, index = order.size_delta, order.index_token
    if isinstance(order, calls.IncreaseOrder):
        sentence = about(system, "add to", is_long=order.is_long, size=size, index=index)
        return Waiting(
            order.purchase_token, order.purchase_amount, order.execution_fee, f"{sentence} {at}", origin
        )
    sentence = about(system, "reduce", is_long=order.is_long, size=size, index=index)
    return Waiting(None, 0, order.execution_fee, f"{sentence} {at}", origin)
