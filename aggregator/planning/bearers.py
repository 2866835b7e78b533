"""Who bears what an account can't pay, by its protocol's rule, and the wallet's own part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeAlias

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.cascades import Bearer
from aggregator.model.close_outs import LossBearer
from aggregator.model.losses import Cover, CoveredRule
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.rules import Amount, Rule
from aggregator.planning.effects import without_nothing
from aggregator.planning.valuation import Worth

RESERVES: Bearer = "insurance_fund"
SUPPLIERS: Bearer = "suppliers"
OWN: Bearer = "socialised_loss"
_SHARED = frozenset({LossBearer.POOL, LossBearer.SOCIALISED_LOSS})


MarketAsset: TypeAlias = tuple[tuple[str, ...], AssetId]
"""Protocol, chain and market, and what it lends."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What bad debts have taken of a market's reserves and of its suppliers, in the asset's smallest unit."""

    reserves: int = 0
    suppliers: int = 0


@dataclass(frozen=True, slots=True)
class Borne:
    """Bad debt by who bears it in USD; `own` are the wallet's accounts that bear a part, as they are then.

    `drawn` is what markets have lost by then, with what they had lost before.
    """

    parts: tuple[tuple[Bearer, float], ...]
    own_usd: float
    own: Mapping[str, Account]
    told: tuple[str, ...]
    drawn: Mapping[MarketAsset, Drawn] = field(default_factory=dict)


def of_venue(account: Account, bad_usd: float, bearers: Sequence[LossBearer], *, own_pool: bool) -> Borne:
    """Of derivatives: the first in order; how much each could pay is not known.

    `own_pool`: whether the wallet itself has a part in what its protocol's pool holds.
    """
    if not bearers or bad_usd == 0.0:
        return Borne((), 0.0, {}, ())
    told = []
    if len(bearers) > 1:
        rest = ", then ".join(bearer.value for bearer in bearers[1:])
        told.append(f"{account.label}: what its {bearers[0].value} could not pay falls to {rest}")
    if own_pool and _SHARED & set(bearers):
        told.append(f"{account.label}: the wallet's own share of its bad debt is not known, and not counted")
    return Borne(((bearers[0].value, bad_usd),), 0.0, {}, tuple(told))


def of_market(
    account: Account,
    bad_debt: Sequence[Amount],
    rule: Rule | None,
    time: int,
    accounts: Mapping[str, Account],
    worth: Worth,
    before: Mapping[MarketAsset, Drawn],
) -> Borne:
    """Of a lending market: reserves, then all suppliers in proportion, the wallet's own supplies among them.

    `before` is what other accounts' bad debts have drawn already: their rules don't know of one another. What
    a market's reserves have is not always known, nor what is supplied: then its suppliers bear all of it, and
    the wallet's own share is not counted, which is said. Nor is the share of a supply that secures a debt:
    its protocol goes on counting all of it as collateral.
    """
    parts: dict[Bearer, float] = {}
    own_usd, own, told = 0.0, dict[str, Account](), list[str]()
    drawn: dict[MarketAsset, Drawn] = {}
    for amount in bad_debt:
        key = (_market_of(account), amount.asset)
        gone_before = before.get(key, Drawn())
        cover = rule.cover(amount.asset, time) if isinstance(rule, CoveredRule) else Cover(None, None)
        reserves = min(max((cover.reserves or 0) - gone_before.reserves, 0), amount.raw)
        rest = amount.raw - reserves
        drawn[key] = Drawn(gone_before.reserves + reserves, gone_before.suppliers + rest)
        lenders = list(_lent(account, amount.asset, {**accounts, **own}))
        mine = [one for one in lenders if not _secures(one, amount.asset)]
        share = Fraction(0)
        if rest and mine and cover.supplied:
            share = Fraction(rest, max(cover.supplied - gone_before.suppliers, rest))
        lost = 0
        if rest and cover.supplied:
            told += [
                f"{account.label}: the share of its bad debt that falls to the collateral of {one.label} is "
                "not counted"
                for one in lenders
                if one not in mine
            ]
        for one in mine if share else ():
            changed, gone = _less(one, amount.asset, share)
            own[one.id], lost = changed, lost + gone
        if rest and lenders and not cover.supplied:
            told.append(
                f"{account.label}: the wallet's own share of its bad debt is not known, and not counted"
            )
        if rest and cover.reserves is None:
            told.append(f"{account.label}: what a fund of its market would pay first is not known")
        lost_usd = worth.usd(amount.asset, lost)
        own_usd += lost_usd
        for bearer, value in (
            (RESERVES, worth.usd(amount.asset, reserves)),
            (SUPPLIERS, worth.usd(amount.asset, rest) - lost_usd),
            (OWN, lost_usd),
        ):
            if value:
                parts[bearer] = parts.get(bearer, 0.0) + value
    return Borne(tuple(parts.items()), own_usd, own, tuple(dict.fromkeys(told)), drawn)


def _market_of(account: Account) -> tuple[str, ...]:
    """Protocol, chain and market of an account's id."""
    return tuple(account.id.split(":")[:3])


def _lent(account: Account, asset: AssetId, accounts: Mapping[str, Account]) -> Iterator[Account]:
    """The wallet's accounts that lend an asset in the same market."""
    for one in accounts.values():
        lends = any(isinstance(p, Supply) and p.asset.id == asset for p in one.positions)
        if one.kind == "lending" and lends and _market_of(one) == _market_of(account):
            yield one


def _secures(account: Account, asset: AssetId) -> bool:
    """Whether what an account lends of an asset is collateral of a debt."""
    owes = any(isinstance(p, Debt) and p.raw for p in account.positions)
    return owes and any(
        isinstance(p, Supply) and p.is_collateral and p.asset.id == asset for p in account.positions
    )


def _less(account: Account, asset: AssetId, share: Fraction) -> tuple[Account, int]:
    """The account with a share less of what it lends, rounded up, and how much that is."""
    gone = 0
    positions: list[Position] = []
    for position in account.positions:
        if isinstance(position, Supply) and position.asset.id == asset:
            part = -int(-position.raw * share // 1)
            gone += part
            positions.append(replace(position, raw=position.raw - part))
        else:
            positions.append(position)
    changed = replace(account, positions=tuple(positions))
    return replace(changed, positions=without_nothing(changed)), gone
