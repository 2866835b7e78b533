"""What a user should know of accounts and of the deployment beyond figures, as sentences."""

from __future__ import annotations

from adapters.derive_v2.account import label_of
from adapters.derive_v2.held import Held
from adapters.derive_v2.margin import DECIMALS, DeriveRule
from adapters.derive_v2.system import Shared
from aggregator.contract import Deployment
from aggregator.model.readings import Block
from aggregator.model.rules import WAD
from aggregator.model.units import scaled

NOTEWORTHY = WAD // 100
"""Pending interest from which on it is told, with 18 decimals: a cent."""


def of_deployment(deployment: Deployment, shared: Shared, venue_answers: bool) -> list[str]:
    """What concerns all who have an account; `venue_answers`: where accounts may have moved is read, too."""
    name, found = deployment.name, list[str]()
    if deployment.options.get("superseded") is True and not venue_answers:
        found.append(
            f"{name}: this is what its contracts say; accounts may have moved to Derive's newer version, "
            "which is not read"
        )
    if shared.exchange_rate < WAD:
        rate = scaled(shared.exchange_rate, DECIMALS).normalize()
        how = (
            "and is withdrawn at that rate" if shared.withdraw_fee else "though it is still withdrawn in full"
        )
        found.append(
            f"{name}: a loss was socialised, so that 1 of cash counts as {rate:f} {shared.token.symbol} "
            f"{how}; margins and debts count it in full"
        )
    if shared.withdraw_blocked:
        found.append(f"{name}: withdrawals are blocked while insolvent accounts are auctioned")
    return found


def of_account(held: Held, rule: DeriveRule, block: Block) -> list[str]:
    """What the user should know of an account beyond its figures."""
    label, found = label_of(held.case.found.account), held.case.found
    warnings = []
    if found.auction is not None:
        kind = "insolvent" if found.auction.insolvent else "solvent"
        warnings.append(f"{label}: its {kind} auction is live, and what it has is for sale")
    warnings += _interest(held, label)
    for one in rule.book.holdings:
        warnings += [
            f"{label}: {one.instrument(expiry, option)} has expired "
            + (
                "and is settled: its payout counts, and becomes cash by settleOptions"
                if expiry.is_settled(block.timestamp)
                else "and has no settlement price yet: it counts at what its forward says"
            )
            for expiry in one.expiries
            if expiry.time <= block.timestamp
            for option in expiry.options
        ]
    return warnings


def _interest(held: Held, label: str) -> list[str]:
    """Pending interest, where it matters."""
    found, margin = held.case.found, held.word.maintenance
    if found.with_interest is None:
        return [f"{label}: cash does not say what interest is pending, which is not counted"]
    pending = found.with_interest - found.cash(held.case.system.cash)
    flips = margin >= 0 > margin + pending
    if abs(pending) < NOTEWORTHY and not flips:
        return []
    sentence = f"{label}: interest of {scaled(pending, DECIMALS):.6f} is pending, which its margin lacks"
    return [sentence + ("; an auction settles it first, so that one can be started now" if flips else "")]
