"""What waits for a keeper: tokens that lie in a contract until it is done or cancelled.

Orders and requests are numbered by wallet from the first one ever made, and one that was executed or
cancelled is gone from its number: all numbers are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.gmx_v1 import calls
from adapters.gmx_v1.account import TITLE, Found, held_account, token_quote
from adapters.gmx_v1.margin import DECIMALS
from adapters.gmx_v1.names import Names
from adapters.gmx_v1.vault import System
from aggregator.contract import Column, Deployment, Function, Read, ask
from aggregator.model.errors import Unsupported
from aggregator.model.positions import Position, Supply
from aggregator.model.readings import Block, Quote
from aggregator.model.units import Address, scaled

MOST_ORDERS = 4_000
"""Ever made by one wallet, of one kind; more are not read."""


class Waiting(NamedTuple):
    """One order or request: what lies in it, the fee in the chain's coin, and what it will do."""

    token: Address | None
    amount: int
    fee: int
    sentence: str
    origin: str


class Book(NamedTuple):
    """All that waits at one contract; `wrapped` is the chain's coin as a token."""

    system: System
    waiting: list[Waiting]
    wrapped: Address


def read_named(deployment: Deployment, role: str) -> Read[Address]:
    """The wrapped coin that a contract names; raises Unsupported where it belongs to another vault."""
    contract, vault = deployment.addresses[role], deployment.addresses["vault"]
    said, wrapped = yield from ask([calls.VAULT.at(contract), calls.WETH.at(contract)])
    if said != vault:
        raise Unsupported(f"{deployment.name} with the {role} {contract}", f"it belongs to the vault {said}")
    return wrapped


def read_counts(contract: Address, wallet: Address, counters: Sequence[Function[int]]) -> Read[list[int]]:
    """How many were ever made of each kind; raises Unsupported on more than `MOST_ORDERS`."""
    counts = yield from ask([counter.at(contract, wallet) for counter in counters])
    for counter, count in zip(counters, counts, strict=True):
        if count > MOST_ORDERS:
            origin = counter.at(contract, wallet).origin
            raise Unsupported(f"{count} orders of one wallet ({origin})", f"at most {MOST_ORDERS} are read")
    return counts


def rows(function: Function[Any], column: Column) -> list[tuple[Any, ...]]:
    """A column's replies, one after another; raises the first that failed."""
    return list(zip(*map(column.values, range(len(function.outputs.components))), strict=True))


def about(system: System, what: str, *, is_long: bool, size: int, index: Address) -> str:
    """What a position order does, for people."""
    asset = system.assets.get(index)
    name = asset.symbol if asset else index
    return f"{what} a {'long' if is_long else 'short'} of {name} by {dollars(size)} USD"


def dollars(raw: int) -> str:
    """USD with 30 decimals, to the cent."""
    return f"{scaled(raw // 10 ** (DECIMALS - 2), 2):,}"


def book_account(
    book: Book, names: Names, account_id: str, label: str, at: tuple[Address, Block]
) -> Found | None:
    """What lies there, as an account that nothing can liquidate; None where nothing waits.

    Raises Unsupported on a token that the vault does not list: nobody tells its price and decimals.
    """
    _, block = at
    if not book.waiting:
        return None
    system = book.system
    positions: list[Position] = []
    quotes: list[Quote] = []
    for one in book.waiting:
        if not one.amount:
            continue
        token = system.listed(one.token)
        positions.append(Supply(system.assets[token], one.amount, is_collateral=False, origin=one.origin))
        quotes.append(token_quote(system, token, block.chain))
    fees = sum(one.fee for one in book.waiting)
    if fees:
        native = names.native(block.chain)
        positions.append(Supply(native, fees, is_collateral=False, origin=book.waiting[0].origin))
        price = token_quote(system, system.listed(book.wrapped), block.chain)
        quotes.append(Quote(native.id, price.price, price.decimals, price.origin))
    account = held_account(account_id, label, positions, at)
    sentences = tuple(f"{TITLE} {label}: waits to {one.sentence}" for one in book.waiting)
    return Found(account, tuple(quotes), sentences)
