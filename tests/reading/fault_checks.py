"""What a disturbed read may say: the figures of the undisturbed one, or that they are missing, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aggregator.abi.columns import Column
from aggregator.model.accounts import Account
from aggregator.model.errors import AdapterFault, CallReverted, NoContract, ReadError, Unpriced
from aggregator.model.portfolio import Portfolio
from aggregator.reading.source import Raw

NAMES = ("one", "two", "three")
"""Of the endpoints, in their order."""
_NAMED = (*NAMES, "chain 31337", "@0x", "aggregate3", "logs 0x", "logs any", "eip155:31337")


def portfolio_faults(found: Portfolio, truth: Portfolio) -> Iterator[str]:
    """How a portfolio is neither the undisturbed one nor an honest part of it."""
    if found.coverage.complete:
        if repr(found) != repr(truth):
            yield f"complete, and differs from the undisturbed read: {_differences(found, truth)}"
        return
    if all(isinstance(failure.error, Unpriced) for failure in found.failures):
        yield "incomplete, and the cause is not named"
    known = {account.id: account for account in truth.accounts}
    for account in found.accounts:
        yield from _account_faults(account, known.get(account.id))
    for asset, mark in found.marks.items():
        other = truth.marks.get(asset)
        if other is not None and other.origin == mark.origin and other != mark:
            yield f"{asset} is {mark} and not {other}"


def _account_faults(found: Account, honest: Account | None) -> Iterator[str]:
    if honest is None:
        yield f"{found.id} does not exist"
    elif found.kind != "wallet" and found != honest:
        yield f"{found.id} differs: {found} is {honest}"
    elif not set(map(repr, found.positions)) <= set(map(repr, honest.positions)):
        yield f"{found.id} has other positions"


def raw_faults(origin: str, found: Raw, honest: Raw) -> Iterator[str]:
    """How a reply is neither the undisturbed one nor named as missing; of a column row by row."""
    if isinstance(found, ReadError):
        return
    if not isinstance(found, Column) or not isinstance(honest, Column):
        if found != honest:
            yield f"{origin} gave {found!r}, not {honest!r}"
        return
    width = 32 * (found.outputs.words or 0)
    for i in range(len(honest)):
        row = slice(width * i, width * (i + 1))
        if i not in found.failures and found.raw[row] != honest.raw[row]:
            yield f"row {i} of {origin}"


def errors_in(found: Sequence[Raw]) -> list[ReadError]:
    """All that is missing of some replies."""
    errors: list[ReadError] = []
    for raw in found:
        if isinstance(raw, ReadError):
            errors.append(raw)
        elif isinstance(raw, Column):
            errors += raw.failures.values()
    return errors


def error_faults(error: ReadError) -> Iterator[str]:
    """Every failure says what failed; none is ours, and none puts it down to the contracts."""
    if isinstance(error, AdapterFault | CallReverted | NoContract):
        yield f"{type(error).__name__}: {error}"
    elif not any(name in str(error) for name in _NAMED):
        yield f"{type(error).__name__} names nobody: {error}"


def _differences(first: Portfolio, second: Portfolio) -> str:
    said = []
    for name in Portfolio.__slots__:
        found, honest = _items(getattr(first, name)), _items(getattr(second, name))
        more, less = [i for i in found if i not in honest], [i for i in honest if i not in found]
        if more or less:
            said.append(f"{name}: {more} is not {less}")
    return "; ".join(said)[:4000]


def _items(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}: {item!r}" for key, item in value.items()]
    return [repr(item) for item in value] if isinstance(value, tuple) else [repr(value)]
