"""What an owner can do with an account, and what the account's own rule says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Refused, Rule
from aggregator.model.shared import SharedMarket, SharedRoom


@dataclass(frozen=True, slots=True)
class Repay:
    """Pay a debt back: at most `raw` of it in its smallest unit, all of it where that is None."""

    asset: AssetId
    raw: int | None


@dataclass(frozen=True, slots=True)
class Deposit:
    """Add `raw` of an asset, > 0, as collateral."""

    asset: AssetId
    raw: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take `raw` of a collateral out, all of it where that is None."""

    asset: AssetId
    raw: int | None


@dataclass(frozen=True, slots=True)
class Trade:
    """Change a derivative by `size_raw`, signed and in the units of Perp or Option, not 0.

    Of the opposite sign to the position it reduces it, and closes it where it is as large; `market` is
    Perp.market or Option.instrument. A position that is not there yet is opened.
    """

    market: str
    size_raw: int


AssetAction: TypeAlias = Repay | Deposit | Withdraw
Action: TypeAlias = AssetAction | Trade


@dataclass(frozen=True, slots=True)
class Settled:
    """What Perp says of an account's perp once its profit and funding have become margin."""

    entry_price_raw: int
    pnl_raw: int
    funding_raw: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What an action moves, and the account after it.

    `paid` is what the owner pays, `received` what the owner gets. `supplied` and `owed` are what the account
    has and owes of the action's asset then, as the protocol itself counts it; None where that stays.
    `settled` is of an account with one perp, at a venue that settles it on the way; None where it does not.
    `room` is what it leaves to other accounts of the venue's cash or below its cap, None where not told.
    """

    paid: Amount | None
    received: Amount | None
    supplied: int | None
    owed: int | None
    successor: Rule
    settled: Settled | None = None
    room: SharedRoom | None = None


@dataclass(frozen=True, slots=True)
class Traded:
    """What a trade moves, and the account after it.

    `size_raw` is what the position is then, and `entry_price_raw`, `pnl_raw`, `funding_raw`, `borrowing_raw`
    what Perp says of it (0 for an option, and where nothing is left). `price_raw` is what it was filled at,
    in the position's price decimals and fees not included; `fee` is what the venue takes, whether from the
    margin or as part of `paid`. `paid` and `received` are what the owner's wallet pays and gets at once.
    `margin` is what the account has posted of an asset afterwards, None where that stays; what is below zero
    is owed. `successor` is None where nothing is left of the account. `shared` is the market that it leaves
    to other accounts which trade there, None where that is not told. `funding_24h_raw` is what Perp says of
    the next day then; None: in proportion to the size, unknown where nothing was.
    """

    size_raw: int
    entry_price_raw: int
    pnl_raw: int
    funding_raw: int
    borrowing_raw: int
    price_raw: int
    fee: Amount | None
    paid: Amount | None
    received: Amount | None
    margin: tuple[AssetId, int] | None
    successor: Rule | None
    shared: SharedMarket | None = None
    funding_24h_raw: int | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """The rule can't tell what the protocol would do; `reason` says what it does not know."""

    reason: str


NO_DERIVATIVES = Untold("it has no derivatives")


@runtime_checkable
class AdjustableRule(Rule, Protocol):
    """A rule that also knows what its owner's actions do to the account."""

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """What an action does at these prices and this time, with the protocol's own rounding.

        Traded answers a Trade, Applied the others.

        Refused where the protocol would revert, by its own precondition (such as a health that a withdrawal
        must leave). That a market takes and gives (it is not frozen, below its caps, has the cash) is taken
        for granted unless the rule knows better. The successor keeps the rates that were read. Raises
        UnusablePrice on a price <= 0 of an asset that the account depends on.
        """
        ...
