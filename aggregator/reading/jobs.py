"""One adapter's read of one wallet, and what the layers behind rely on of its result."""

from __future__ import annotations

from dataclasses import dataclass, fields

from aggregator.contract import Adapter, Deployment, OpeningAdapter, Read
from aggregator.model.accounts import Account
from aggregator.model.errors import AdapterFault, MalformedReply, UnusablePrice
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.units import Address

YEAR_S = 365 * 86_400
MAX_YEARS = 100
"""Years to expiry beyond which an answer is no option's: discounting over them leaves the floats."""
MAX_RATE = 5.0
"""The largest interest rate per year, either way, at which an option is valued."""

_AMOUNTS: dict[type[Position], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.name.endswith("raw"))
    for kind in (Holding, Supply, Debt, Perp, Option)
}
"""The fields of each kind of position that hold a contract's integers."""


@dataclass(frozen=True, slots=True)
class Job:
    """One adapter's read of one wallet at one deployment, with what could be opened there or without it."""

    adapter: Adapter
    deployment: Deployment
    wallet: Address
    openings: bool = False


def reading_of(job: Job, block: Block) -> Read[Reading]:
    """The job's read; raises AdapterFault and others where its result can't be relied on.

    A generator of ours: an adapter that raises before its first request fails inside `join`, alone.
    """
    adapter = job.adapter
    if job.openings and isinstance(adapter, OpeningAdapter):
        reading = yield from adapter.read_with_openings(job.deployment, job.wallet, block)
    else:
        reading = yield from adapter.read(job.deployment, job.wallet, block)
    _check(reading, job.deployment)
    return reading


def _check(reading: Reading, deployment: Deployment) -> None:
    """What the layers behind rely on: one adapter that breaks it must not take the others' answers along."""
    for quote in (*reading.quotes, *reading.told):
        if quote.price <= 0:
            raise UnusablePrice(quote.asset, quote.origin, quote.price)
    all_of_it: list[Account | AccountFailure] = [*reading.accounts, *reading.failures, *reading.openable]
    ids = [one.id for one in all_of_it]
    if len(set(ids)) != len(ids):
        raise AdapterFault(f"two accounts of {deployment.name} with one id")
    then = reading.source.timestamp if isinstance(reading.source, Block) else reading.source.time
    options = [(a, p) for a in reading.accounts for p in a.positions if isinstance(p, Option)]
    for account, option in options:
        now = then if account.observed is None else account.observed.time
        years = 0.0 if option.expiry is None else max(0, option.expiry - now) / YEAR_S
        if not (years <= MAX_YEARS and abs(option.rate) <= MAX_RATE):  # what is not a number is refused, too
            why = f"no option is valued {years:.3g} years before its expiry at a rate of {option.rate:.3g}"
            raise MalformedReply(option.origin, why)
    for one in all_of_it:
        if one.chain != deployment.chain:
            raise AdapterFault(f"account {one.id} on chain {one.chain}, read on {deployment.chain}")
    for account in (*reading.accounts, *reading.openable):
        for position in (*account.positions, *(one.perp for one in account.openings)):
            _check_amounts(position)
    if any(account.positions for account in reading.openable):
        raise AdapterFault(f"an account of {deployment.name} that is not there has positions")


def _check_amounts(position: Position) -> None:
    """A product of two hostile replies may be longer than any amount that Decimals and the database hold."""
    for name in _AMOUNTS[type(position)]:
        amount = getattr(position, name)
        if amount is not None and not -(2**255) <= amount < 2**256:
            raise MalformedReply(position.origin, f"its {name} has {amount.bit_length()} bits, beyond 256")
