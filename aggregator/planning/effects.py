"""What one liquidation does to an account's positions, and what it costs by the market's marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aggregator.model.accounts import Account
from aggregator.model.assets import Asset, AssetId
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.rules import Amount, Liquidated
from aggregator.planning.valuation import Worth
from aggregator.risk.changed import as_collateral, total, with_collateral, with_debt, with_supply

NOTHING_LEFT = 1e-6
"""Collateral worth less than this part of the debt is none: nobody takes it, and nobody is paid by it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An account after a liquidation, and what it comes to in USD at the marks of the moment.

    `account` has no positions where nothing is left. `returned` is paid out to the owner. `bonus_usd` is
    what others gain beside the debt that they pay, `fees_usd` what protocols, keepers and funds take,
    `other_usd` what a venue closes at beside the mark. `sold_usd` by underlying, bought < 0.
    """

    account: Account
    repaid: tuple[Amount, ...] = ()
    seized: tuple[Amount, ...] = ()
    fees: tuple[Amount, ...] = ()
    returned: tuple[Amount, ...] = ()
    bad_debt: tuple[Amount, ...] = ()
    closed: tuple[tuple[str, int], ...] = ()
    liquidated_usd: float = 0.0
    bonus_usd: float = 0.0
    fees_usd: float = 0.0
    other_usd: float = 0.0
    bad_debt_usd: float = 0.0
    sold_usd: Mapping[str, float] = field(default_factory=dict)
    toxic: bool = False

    @property
    def penalty_usd(self) -> float:
        """What the account loses beyond what it owed."""
        return self.bonus_usd + self.fees_usd + self.other_usd


@dataclass(frozen=True, slots=True)
class Taken:
    """What a liquidation takes of supplies and gives to them, by asset, with its value in USD.

    `to_liquidator` is the part of what is taken that is not the protocol's fee.
    """

    taken: Mapping[AssetId, int]
    given: Mapping[AssetId, int]
    seized_usd: float
    fees_usd: float
    given_usd: float
    sold: tuple[tuple[AssetId, float], ...]


def taken(account: Account, done: Liquidated, worth: Worth) -> Taken:
    """What a liquidation takes, also where another token changes hands: then by what is supplied after it."""
    left = {amount.asset: amount.raw for amount in done.supplied}
    seized = {amount.asset: amount.raw for amount in done.seized}
    fees = {amount.asset: amount.raw for amount in done.fees}
    out: dict[AssetId, int] = {}
    given: dict[AssetId, int] = {}
    sold: list[tuple[AssetId, float]] = []
    seized_usd = fees_usd = 0.0
    foreign = {asset for asset in (*seized, *fees) if not as_collateral(account, asset)}
    for asset, raw in left.items():
        before = as_collateral(account, asset)
        if raw > before:
            given[asset] = raw - before
            continue
        # In another token, of which only the proportion of the two parts is of use.
        value, out[asset] = worth.usd(asset, before - raw), before - raw
        parts = sum(seized[a] for a in foreign if a in seized), sum(fees[a] for a in foreign if a in fees)
        kept = value * parts[1] / sum(parts) if sum(parts) else 0.0
        seized_usd, fees_usd = seized_usd + value - kept, fees_usd + kept
        sold.append((asset, value - kept))
    for asset in {**seized, **fees}:
        if asset in foreign or asset in out:
            continue
        took, kept_raw = seized.get(asset, 0), fees.get(asset, 0)
        out[asset] = took + kept_raw
        seized_usd += worth.usd(asset, took)
        fees_usd += worth.usd(asset, kept_raw)
        sold.append((asset, worth.usd(asset, took)))
    given_usd = sum(worth.usd(asset, raw) for asset, raw in given.items())
    return Taken(out, given, seized_usd, fees_usd, given_usd, tuple(sold))


def liquidated(account: Account, done: Liquidated, worth: Worth) -> Effect:
    """A lending account after a liquidation: positions by the amounts, the rule by its successor.

    What is owed where no collateral is left is written off, too, unless the owner can be held to it:
    whoever lent it bears it.
    """
    collateral, debt = worth.account_usd(account, Supply), worth.account_usd(account, Debt)
    found = taken(account, done, worth)
    repaid_usd, bad_usd = worth.all_usd(done.repaid), worth.all_usd(done.bad_debt)
    after = account
    for asset, raw in found.taken.items():
        left = max(as_collateral(after, asset) - raw, 0)
        after = replace(after, positions=with_collateral(after, worth.assets[asset], left))
    for asset, raw in found.given.items():
        more = total(after, Supply, asset) + raw
        after = replace(after, positions=with_supply(after, worth.assets[asset], more))
    kept = _kept_of_payments(account, done)
    kept_usd = worth.all_usd(kept)
    changes = [*((one.asset, -one.raw) for one in kept), *((a.asset, a.raw) for a in done.repaid)]
    for asset, raw in (*changes, *((a.asset, a.raw) for a in done.bad_debt)):
        owed = max(total(after, Debt, asset) - raw, 0)
        after = replace(after, positions=with_debt(after, worth.assets[asset], owed))
    after = replace(after, positions=without_nothing(after), rule=done.successor, reported=None)
    rounding_usd = 0.0
    if not done.successor.feeds:
        # Nothing is left by the protocol's own count: what remains is its rounding.
        rounding_usd = worth.account_usd(after, Supply) - worth.account_usd(after, Debt)
        lent = tuple(p for p in after.positions if isinstance(p, Supply) and not p.is_collateral)
        after = replace(after, positions=lent)
    paid = repaid_usd + found.given_usd
    gone = found.seized_usd + found.fees_usd
    effect = Effect(
        account=after,
        repaid=done.repaid,
        seized=done.seized,
        fees=done.fees,
        bad_debt=done.bad_debt,
        liquidated_usd=gone,
        bonus_usd=found.seized_usd - paid,
        fees_usd=found.fees_usd + kept_usd,
        other_usd=rounding_usd,
        bad_debt_usd=bad_usd,
        sold_usd=worth.sold([*found.sold, *((a.asset, -worth.usd(a.asset, a.raw)) for a in done.repaid)]),
        # It takes a larger part of the collateral than of the debt, so that what is left is worse.
        toxic=repaid_usd > 0.0 and debt * gone > collateral * repaid_usd,
    )
    return written_off(effect, worth)


def _kept_of_payments(account: Account, done: Liquidated) -> tuple[Amount, ...]:
    """Fees in what the account owes and has no supply of: the protocol takes them of what is repaid."""
    told = {amount.asset for amount in done.supplied}
    return tuple(
        fee
        for fee in done.fees
        if fee.asset not in told
        and not as_collateral(account, fee.asset)
        and total(account, Debt, fee.asset) > 0
    )


def written_off(effect: Effect, worth: Worth) -> Effect:
    """The same once a debt without any collateral is nobody's hope any more."""
    account = effect.account
    debt = worth.account_usd(account, Debt)
    if debt <= 0.0 or account.debt_is_recourse or worth.account_usd(account, Supply) > NOTHING_LEFT * debt:
        return effect
    owed: dict[AssetId, int] = {}
    for position in account.positions:
        if isinstance(position, Debt):
            owed[position.asset.id] = owed.get(position.asset.id, 0) + position.raw
    rest = tuple(Amount(asset, raw) for asset, raw in owed.items())
    kept = tuple(p for p in account.positions if not isinstance(p, Debt))
    return replace(
        effect,
        account=replace(account, positions=kept, rule=None, reported=None),
        bad_debt=_added(effect.bad_debt, rest),
        bad_debt_usd=effect.bad_debt_usd + worth.all_usd(rest),
    )


def without_nothing(account: Account) -> tuple[Position, ...]:
    """The positions without supplies and debts of nothing."""
    return tuple(p for p in account.positions if not (isinstance(p, Supply | Debt) and p.raw == 0))


def asset_of(account: Account, worth: Worth, asset: AssetId) -> Asset:
    """An asset that a venue names by its id."""
    found = worth.assets.get(asset)
    if found is None:
        raise LookupError(f"{account.label}: its protocol pays in {asset}, which nobody here holds")
    return found


def _added(one: tuple[Amount, ...], other: tuple[Amount, ...]) -> tuple[Amount, ...]:
    totals: dict[AssetId, int] = {}
    for amount in (*one, *other):
        totals[amount.asset] = totals.get(amount.asset, 0) + amount.raw
    return tuple(Amount(asset, raw) for asset, raw in totals.items() if raw)
