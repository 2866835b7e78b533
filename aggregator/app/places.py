"""Whatever contracts said of a wallet: at its own address, and at those that count for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aggregator.app.owning import Belongings, led
from aggregator.model.accounts import Account
from aggregator.model.readings import Reading
from aggregator.model.units import Address
from aggregator.reading.run import Job, Run


@dataclass(frozen=True, slots=True)
class Place:
    """What contracts say of one address at one deployment.

    `path` leads there from the wallet; `how` says how it belongs to the wallet, empty for itself.
    """

    path: tuple[Address, ...]
    how: str
    job: Job
    reading: Reading

    @property
    def accounts(self) -> Iterator[Account]:
        """Its accounts, with their owner path from the wallet on."""
        return (led(account, self.path) for account in self.reading.accounts)


def places(outcome: Run, belonging: Mapping[Address, Belongings]) -> Iterator[Place]:
    """What was read of each wallet and of the addresses that count for it, where the contracts answered."""
    for one in outcome.outcomes:
        if isinstance(one.result, Reading):
            yield Place((one.job.wallet,), "", one.job, one.result)
    for mine in belonging.values():
        for held in mine.held:
            for part in held.parts:
                if part.adapter is not None and isinstance(part.result, Reading):
                    job = Job(part.adapter, part.deployment, part.address)
                    yield Place(held.holder.path, held.holder.how, job, part.result)
