"""Which of the two answers for an account, the chain or the venue, and what is said of that.

The chain answers at the block, and an account that it answers for is its own, to which the venue is compared.
Only what the chain does not answer for is the venue's. Nothing is averaged, and no number counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adapters.derive_v2 import venue, warnings
from adapters.derive_v2.account import PROTOCOL, account_id, label_of
from adapters.derive_v2.system import Shared
from adapters.derive_v2.watched import Names, account_of
from aggregator.contract import Deployment, Observed
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, ListedToken
from aggregator.model.errors import ReadError
from aggregator.model.readings import AccountFailure, Block, Quote, Reading
from aggregator.model.units import Address

Found: TypeAlias = tuple[Account, tuple[Quote, ...], list[str]]
"""An account, its prices, and what the user should know of it."""


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the chain says of accounts, by number, or why it does not; `shared` is None where it has none."""

    shared: Shared | None
    accounts: Mapping[int, Found | ReadError]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose accounts are read, where and when; `tokens` are those that the configuration lists."""

    deployment: Deployment
    tokens: Sequence[ListedToken]
    wallet: Address
    block: Block


def answer_of(chain: OnChain | ReadError, said: venue.Said, place: Place) -> Reading:
    """The reading; where the chain as a whole does not answer it is incomplete, whatever the venue says."""
    whole = chain if isinstance(chain, ReadError) else None
    on_chain = OnChain(None, {}) if isinstance(chain, ReadError) else chain
    names = Names(place.deployment, place.tokens, on_chain.shared.token if on_chain.shared else None)
    accounts: list[Account] = []
    failures: list[AccountFailure] = [] if whole is None else [_failure(whole, place)]
    quotes: dict[AssetId, Quote] = {}
    told: dict[AssetId, Quote] = {}
    sentences = venue.of_listing(said.listing, on_chain.accounts)
    for number in sorted({*on_chain.accounts, *said.accounts}):
        ours, theirs = on_chain.accounts.get(number, whole), said.accounts.get(number)
        if ours is not None and not isinstance(ours, ReadError):
            account, priced, known = ours
            quotes |= {quote.asset: quote for quote in priced}
            beside = [] if theirs is None else venue.compared(account, theirs, said.listing.name, place.block)
            sentences += [*known, *beside]
            accounts.append(account)
        elif isinstance(theirs, Observed) and theirs.value.has_anything:
            account, priced = account_of(
                theirs, said.listing.name, names, place.deployment, place.wallet, place.block
            )
            told |= {quote.asset: quote for quote in priced}
            sentences += venue.of_account(theirs, said.listing.name, ours)
            accounts.append(account)
        else:
            errors = [one for one in (on_chain.accounts.get(number), theirs) if isinstance(one, ReadError)]
            failures += [_failure(error, place, number) for error in errors[:1]]
            sentences += [f"{label_of(number)}: venue {said.listing.name}: {error}" for error in errors[1:]]
    shared = on_chain.shared if accounts or failures else None
    return Reading(
        accounts=tuple(accounts),
        quotes=tuple(quotes.values()),
        source=place.block,
        warnings=(
            *(warnings.of_deployment(place.deployment, shared, said.listing.answers) if shared else ()),
            *sentences,
        ),
        failures=tuple(failures),
        told=tuple(told.values()),
    )


def _failure(error: ReadError, place: Place, number: int | None = None) -> AccountFailure:
    """An account that could not be read, or whatever the chain has."""
    sub_accounts, block = place.deployment.addresses["sub_accounts"], place.block
    return AccountFailure(
        id=account_id(sub_accounts, place.wallet, number, block)
        if number is not None
        else f"{PROTOCOL}:{block.chain}:{sub_accounts}:{place.wallet}",
        protocol=PROTOCOL,
        chain=block.chain,
        label=f"{place.deployment.name} on its chain" if number is None else label_of(number),
        error=error,
    )
