"""What belongs to a wallet at other addresses: whom to ask, what the user links, and what counts where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.app.linked import stored_links
from aggregator.contract import Deployment
from aggregator.model.accounts import Account
from aggregator.model.errors import BadConfiguration, InvalidAddress
from aggregator.model.holders import Holder
from aggregator.model.readings import AccountFailure, Failure, Reading
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading import registry
from aggregator.reading.owners import OTHERS, Finder, Found, Held, Link, Part, Search
from aggregator.settings import Settings


@dataclass(slots=True)
class Belongings:
    """What was read beside a wallet's own accounts: `reads` names the deployments, once per address.

    `held` is all that counts here, as it was read.
    """

    readings: list[Reading] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    reads: list[Deployment] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)


def search_of(config: Settings) -> Search:
    """What a live read asks: every installed finder, links of the configuration and of `wallet link`.

    Raises BadConfiguration where a link is none.
    """
    return Search(_finders(config), links(config), config.find_owned)


def links(config: Settings) -> tuple[Link, ...]:
    """What the user says: links of the configuration, and later ones of `wallet link`, which win."""
    return (*_configured(config), *stored_links(config))


def recorded_search(config: Settings, names: Collection[str]) -> Search:
    """What was asked when a recording was made: these finders, and the links that it carries."""
    return Search(_finders(config, names), _configured(config), config.find_owned)


def used_of(search: Search, chains: Collection[ChainId], found: Sequence[Found]) -> Search:
    """The part of a search that was used: finders of these chains, links of what was found."""
    met = {one.wallet for one in found} | {h.holder.address for one in found for h in one.held}
    return Search(
        tuple(finder for finder in search.finders if finder.deployment.chain in chains),
        tuple(link for link in search.links if link.wallet in met and link.chain in (None, *chains)),
        search.finds,
    )


def _finders(config: Settings, names: Collection[str] | None = None) -> tuple[Finder, ...]:
    return tuple(
        Finder(one, deployment) for one in registry.owners(config, names) for deployment in one.deployments
    )


def _configured(config: Settings) -> tuple[Link, ...]:
    links = []
    for number, entry in enumerate(config.owners):
        try:
            wallet, address = parse_address(entry.wallet), parse_address(entry.address)
        except InvalidAddress as error:
            raise BadConfiguration(f"owners.{number}", str(error)) from error
        chain = None if entry.chain is None else ChainId(entry.chain)
        links.append(Link(wallet, address, chain, entry.label, entry.count))
    return tuple(links)


def belongings(found: Iterable[Found], wallets: Sequence[Address]) -> Mapping[Address, Belongings]:
    """What counts for each wallet: within one answer every address counts once on each chain.

    An address that is asked for itself counts there; one that several wallets own for the first of them.
    """
    by_wallet: dict[Address, Belongings] = {wallet: Belongings() for wallet in wallets}
    found = list(found)
    taken = {(one.chain, wallet): wallet for one in found for wallet in wallets}
    for wallet, mine in by_wallet.items():
        for one in found:
            if one.wallet == wallet:
                _add(mine, one, taken)
    return by_wallet


def _add(mine: Belongings, found: Found, taken: dict[tuple[ChainId, Address], Address]) -> None:
    for part in found.parts:
        _add_part(mine, part, found.wallet, (found.wallet,))
    counted = {found.wallet}
    for held in found.held:
        holder = held.holder
        if not counted.issuperset(holder.path[:-1]):
            continue  # it belongs to what counts elsewhere, and is found there
        if holder.counted:
            other = taken.setdefault((found.chain, holder.address), found.wallet)
            if other != found.wallet:
                holder = replace(holder, counted=False, why_not=_elsewhere(holder, other))
        mine.holders.append(holder)
        if warning := _warning(holder):
            mine.warnings.append(warning)
        if holder.counted:
            counted.add(holder.address)
            mine.held.append(held)
            _add_held(mine, held, found.wallet)


def _elsewhere(holder: Holder, other: Address) -> str:
    return "it is asked for itself" if other == holder.address else f"it counts for {other}"


def _warning(holder: Holder) -> str:
    who = f"{holder.address} ({holder.how} of {holder.path[0]})"
    if not holder.counted:
        said = f"{who} is not counted: {holder.why_not}"
        wish = f"`crossmargin wallet link {holder.owner} {holder.address} --count` counts it"
        return f"{said}; {wish}" if holder.why_not == OTHERS else said
    if not holder.proven:
        return f"{who} is counted because you linked it: nothing on chain {holder.chain} proves whose it is"
    return ""


def _add_held(mine: Belongings, held: Held, wallet: Address) -> None:
    for part in held.parts:
        _add_part(mine, part, wallet, held.holder.path)


def _add_part(mine: Belongings, part: Part, wallet: Address, path: tuple[Address, ...]) -> None:
    deployment = part.deployment
    if len(path) > 1:
        deployment = replace(deployment, name=f"{deployment.name} for {part.address}")
    mine.reads.append(deployment)
    if isinstance(part.result, Reading):
        mine.readings.append(
            replace(
                part.result,
                accounts=tuple(led(account, path) for account in part.result.accounts),
                failures=tuple(_named(failure, path) for failure in part.result.failures),
            )
        )
        if part.result.accounts and not deployment.verified:
            mine.unverified.append(part.deployment.name)
    else:
        mine.failures.append(Failure(part.name, deployment.name, deployment.chain, wallet, part.result))


def _named(failure: AccountFailure, path: tuple[Address, ...]) -> AccountFailure:
    """A failure whose label says which address it is of, where that is not the wallet."""
    return failure if len(path) == 1 else replace(failure, label=f"{failure.label} for {path[-1]}")


def led(account: Account, path: tuple[Address, ...]) -> Account:
    """An account with its owner path from the wallet on, where an adapter saw only the address."""
    return replace(account, owner_path=(*path[:-1], *account.owner_path))
