"""The venue beside the chain: what it lists and says of a wallet, and where the chain says something else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from adapters.derive_v2.account import label_of
from adapters.derive_v2.api import DECIMALS, Series, Watched, margin_watch, subaccounts
from adapters.derive_v2.margin import DeriveRule
from aggregator.contract import Deployment, Observed, Read, ask, join
from aggregator.model.accounts import Account
from aggregator.model.errors import BadConfiguration, NoVenue, ReadError, Unsupported
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.readings import Block
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import Address, scaled

APART_PERCENT = 1
"""How far two figures of different moments may be apart before that is told."""
DUST = 10**12
"""A millionth of a token: interest since."""
DAY_S = 86_400
MOST_APART_S = 3_600
"""How far the block may be from now for the venue to be asked, and its figures from then."""
OLD_S = 300
"""How old figures of the venue may be before that is told."""
_SHOWN = 4

Key: TypeAlias = str | Series


@dataclass(frozen=True, slots=True)
class Listing:
    """The venue of a deployment, and the numbers that it lists of a wallet, or why it does not.

    `name` is empty where there is none to ask.
    """

    name: str = ""
    numbers: tuple[int, ...] = ()
    error: ReadError | None = None

    @property
    def answers(self) -> bool:
        """Whether there is a venue, and it answered."""
        return bool(self.name) and self.error is None


@dataclass(frozen=True, slots=True)
class Said:
    """What the venue says of accounts, by number; what it failed to say in its place."""

    listing: Listing = Listing()
    accounts: Mapping[int, Observed[Watched] | ReadError] = field(default_factory=dict)


def venue_of(deployment: Deployment) -> str:
    """What `options.venue` names, or nothing; raises BadConfiguration where that is no text."""
    name = deployment.options.get("venue", "")
    if not isinstance(name, str):
        raise BadConfiguration(deployment.key, "options.venue should be the name of a venue")
    return name


def listed(deployment: Deployment, wallet: Address, block: Block) -> Read[Listing]:
    """The wallet's accounts at the venue, in one round; a venue that is not configured is none.

    It answers of now, and of a block of long ago it says nothing.
    """
    name = venue_of(deployment)
    if not name:
        return Listing()
    [found] = yield from join([ask([subaccounts(name, wallet)])], isolate=True)
    if isinstance(found, NoVenue):
        return Listing()
    if isinstance(found, ReadError):
        return Listing(name, error=found)
    apart_s = abs(found[0].observation.time - block.timestamp)
    if apart_s > MOST_APART_S:
        what = f"venue {name} at a block of {_moment(block.timestamp)}"
        return Listing(
            name, error=Unsupported(what, "it answers of now, and is used with the newest block only")
        )
    return Listing(name, found[0].value)


def said(listing: Listing) -> Read[Said]:
    """What the venue says of the accounts that it lists, in one round."""
    reads = [ask([margin_watch(listing.name, number)]) for number in listing.numbers]
    found = yield from join(reads, isolate=True)
    accounts = {
        number: one if isinstance(one, ReadError) else _of_now(one[0], listing.name)
        for number, one in zip(listing.numbers, found, strict=True)
    }
    return Said(listing, accounts)


def _of_now(one: Observed[Watched], venue: str) -> Observed[Watched] | Unsupported:
    """Figures of another hour are none: prices moved, options expired."""
    time = one.value.time
    if abs(one.observation.time - time) <= MOST_APART_S:
        return one
    what = f"what venue {venue} says of account {one.value.account}, of {_moment(time)}"
    return Unsupported(what, f"it was asked at {_moment(one.observation.time)}: try again later")


def of_account(one: Observed[Watched], venue: str, chain: ReadError | None) -> list[str]:
    """What must be known of an account that is the venue's; `chain` is why it is not the chain's."""
    watched, label = one.value, label_of(one.value.account)
    elsewhere = "the chain has it for another address, if at all: where that is read, it counts there, too"
    why = elsewhere if chain is None else f"the chain fails to ({chain})"
    found = [f"{label}: venue {venue} answers, whose API is not verified; {why}"]
    if one.observation.time - watched.time > OLD_S:
        found.append(f"{label}: what venue {venue} says is of {_moment(watched.time)}")
    if watched.is_eased:
        found.append(f"{label}: its maintenance margin is lowered for a while, says venue {venue}")
    return found


def of_listing(listing: Listing, on_chain: Collection[int]) -> list[str]:
    """What must be known where the venue does not answer, or does not list accounts of the chain."""
    if listing.error is not None:
        missing = "accounts that it alone has are missing"
        return [f"venue {listing.name} does not answer, and {missing}: {listing.error}"]
    return [
        f"{label_of(number)}: the chain has it, and venue {listing.name} does not list it: it may have moved"
        for number in on_chain
        if listing.answers and number not in listing.numbers
    ]


def compared(account: Account, one: Observed[Watched] | ReadError, venue: str, block: Block) -> list[str]:
    """Where the venue does not say of an account what the chain says; the chain's figures stay."""
    label = account.label
    if isinstance(one, ReadError):
        return [f"{label}: the chain answers, and could not be compared with venue {venue}: {one}"]
    apart = [*_margins(account, one.value, block), *_holdings(account, one.value)]
    if not apart:
        return []
    more = f" and {len(apart) - _SHOWN} more" if len(apart) > _SHOWN else ""
    which = f"the chain at block {block.number} and venue {venue} at {_moment(one.value.time)}"
    where = ", ".join(apart[:_SHOWN]) + more
    return [f"{label}: {which} differ in {where}: the chain's figures are used"]


def _margins(account: Account, watched: Watched, block: Block) -> list[str]:
    if not isinstance(account.rule, DeriveRule):
        return []
    prices = prices_of(account.rule)
    maintenance, value = account.rule.margin(prices, block.timestamp, initial=False)
    initial, _ = account.rule.margin(prices, block.timestamp, initial=True)
    pairs = {
        "worth": (value, watched.value),
        "maintenance margin": (maintenance, watched.maintenance),
        "initial margin": (initial, watched.initial),
    }
    return [_told(name, *pair) for name, pair in pairs.items() if _is_apart(*pair)]


def _holdings(account: Account, watched: Watched) -> list[str]:
    """Sizes of perps and options must be equal; of tokens those are compared that both call by one name."""
    ours: dict[Key, int] = {}
    tokens: dict[str, int] = {}
    for position in account.positions:
        if isinstance(position, Perp):
            ours[position.market] = position.size_raw
        elif isinstance(position, Option):
            ours[_by_day(_series(position))] = position.size_raw
        elif isinstance(position, Supply | Debt):
            sign = -1 if isinstance(position, Debt) else 1
            amount = sign * position.raw * WAD // 10**position.asset.decimals
            tokens[position.asset.symbol] = tokens.get(position.asset.symbol, 0) + amount
    theirs: dict[Key, int] = {
        one.name if one.series is None else _by_day(one.series): one.amount for one in watched.instruments
    }
    found = [
        _told(_name(key), ours.get(key, 0), theirs.get(key, 0))
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key, 0) != theirs.get(key, 0)
    ]
    return found + [
        _told(one.name, tokens[one.name], one.amount)
        for one in watched.collaterals
        if one.name in tokens and _is_apart(tokens[one.name], one.amount, DUST)
    ]


def _series(option: Option) -> Series:
    return Series(option.underlying, option.expiry or 0, option.strike_raw, option.right)


def _by_day(series: Series) -> Series:
    """The venue's names tell the day of an expiry."""
    return series._replace(expiry=series.expiry // DAY_S * DAY_S)


def _is_apart(one: int, other: int, least: int = WAD) -> bool:
    return abs(one - other) > max(abs(one), abs(other)) * APART_PERCENT // 100 + least


def _told(name: str, chain: int, venue: int) -> str:
    return f"{name} ({scaled(chain, DECIMALS):,.4f} and {scaled(venue, DECIMALS):,.4f})"


def _name(key: Key) -> str:
    if isinstance(key, str):
        return key
    strike = scaled(key.strike, DECIMALS).normalize()
    return f"{key.underlying} {datetime.fromtimestamp(key.expiry, UTC):%Y-%m-%d} {strike:f} {key.right}"


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S UTC}"
