"""From how much of each candidate to a sequence of steps: every one is possible when its turn comes.

Nothing is done before its money is there, and nothing that would take an account below its floor. What can't
be done as a whole is done in part: collateral that secures a debt is taken out as far as the floor allows,
sold, and repays; then there is room for more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from aggregator.model.actions import AdjustableRule, Deposit, Trade, Withdraw
from aggregator.model.ahead import AveragedRule
from aggregator.model.positions import Debt
from aggregator.model.rules import Health, Refused
from aggregator.planning.candidates import Candidate, Done, Ordered
from aggregator.planning.goals import ahead_tests, own_test
from aggregator.planning.halving import largest
from aggregator.planning.later import later_answer, later_test
from aggregator.risk.copies import Copy, needs_margin

WORTHWHILE_USD = 1.0
"""Less than this is not done as a part of something larger."""

UNITS = 5
"""Smallest units by which a step may be less than was planned: what came before it was rounded."""

LEFT_OVER = 10**8
"""A share of what was planned that is no step of its own: targets are aimed at by more above themselves."""

NEARLY = 1_000
"""A share of a step by which costs that are no straight lines make what pays for it less than planned."""

_ORDER = ("deposit", "repay", "reduce", "hedge", "transfer", "bridge", "swap", "flash", "withdraw")


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """What improves an account before what weakens one; of a kind in the order given."""
    return sorted(candidates, key=lambda one: _ORDER.index(one.kind))


@dataclass(frozen=True, slots=True)
class Sequenced:
    """The steps, and what is left of each candidate that no order allows, in its own units."""

    steps: tuple[Ordered, ...]
    left: Mapping[str, int]


def sequence(
    start: Copy,
    candidates: Sequence[Candidate],
    amounts: Mapping[str, int],
    *,
    floor: Fraction,
    most_steps: int,
) -> Sequenced:
    """The steps that do these amounts (by candidate, in its own units).

    `floor` is the least N/Q of an account that a step leaves; one that is below it may only get better.
    """
    order = in_order(one for one in candidates if amounts.get(one.name))
    left = {one.name: amounts[one.name] for one in order}
    steps: list[Ordered] = []
    now = start
    while any(left.values()) and len(steps) < most_steps:
        found = _next(now, [one for one in order if left[one.name]], left, amounts, floor)
        if found is None:
            break
        steps.append(found)
        now = found.after
        left[found.candidate.name] -= found.raw
        if left[found.candidate.name] <= max(UNITS, amounts[found.candidate.name] // LEFT_OVER):
            left[found.candidate.name] = 0
    return Sequenced(tuple(steps), {name: raw for name, raw in left.items() if raw})


def _next(
    now: Copy,
    open_: Sequence[Candidate],
    left: Mapping[str, int],
    planned: Mapping[str, int],
    floor: Fraction,
) -> Ordered | None:
    """The first that can be done as a whole, or nearly so, else the first of which a worthwhile part can.

    What is nearly whole comes before parts of others: those would be further steps, each with its gas.
    """
    for one in open_:
        if done := attempt(now, one, left[one.name], floor):
            return done
    for one in open_:
        if done := attempt(now, one, left[one.name] - rounding(left[one.name]), floor):
            return done
    nearly = [one for one in open_ if attempt(now, one, left[one.name] - left[one.name] // NEARLY, floor)]
    for one in nearly or open_:
        raw = largest(partial(_is_possible, now, one, floor), left[one.name])
        if raw and raw * one.unit_usd >= min(WORTHWHILE_USD, 0.01 * planned[one.name] * one.unit_usd):
            return attempt(now, one, raw, floor)
    return None


def attempt(now: Copy, one: Candidate, raw: int, floor: Fraction) -> Ordered | None:
    """So much of a candidate done, where the venue, the wallets and every floor allow it."""
    after = now.fork()
    done = one.do(after, raw)
    if not isinstance(done, Done) or not _is_paid(now, after) or is_refused_later(now, one, done):
        return None
    for account in one.touches:
        if not all(keeps_floor(now, after, account, floor, later=later) for later in (False, True)):
            return None
    return Ordered(one, raw, done, now, after)


def is_refused_later(now: Copy, one: Candidate, done: Done) -> bool:
    """Whether the venue would refuse a step once some minutes have passed.

    What is free today, below a cap as well, is a little less when the transaction is mined, by interest and
    funding until then.
    """
    account = now.accounts[one.account_id]
    if not isinstance(done.move, Deposit | Withdraw | Trade) or not isinstance(account.rule, AdjustableRule):
        return False
    if isinstance(later_answer(now, account, done.move), Refused):
        return True
    if not isinstance(done.move, Withdraw) or not isinstance(account.rule, AveragedRule):
        return False
    ends = account.rule.ahead(account.prices, now.portfolio.blocks[account.chain].timestamp)
    return any(
        isinstance(one.rule, AdjustableRule)
        and isinstance(one.rule.apply(one.prices, one.time, done.move), Refused)
        for one in ends
    )


def rounding(raw: int) -> int:
    """By how much a step may be less than was planned, in its own units."""
    return min(raw // 2, max(UNITS, raw // 10**9))


def _is_possible(now: Copy, one: Candidate, floor: Fraction, raw: int) -> bool:
    return attempt(now, one, raw, floor) is not None


def keeps_floor(before: Copy, after: Copy, account_id: str, floor: Fraction, *, later: bool = False) -> bool:
    """Whether N >= floor*Q of an account after a step, or, if it was below, floor*Q - N has not grown.

    An account in which nothing is left that needs margin keeps it. `later`: where everything is done some
    minutes later; else also while averages that it is judged at catch up with the last prices.
    """
    left = after.accounts.get(account_id)
    if left is None or (left.rule is None and not needs_margin(left)):
        return True
    earlier = before.accounts.get(account_id)
    if later:
        was_later = None if earlier is None else later_test(before, earlier)
        return _keeps(was_later, later_test(after, left), floor)
    today = None if earlier is None else own_test(before, earlier)
    if not _keeps(today, own_test(after, left), floor):
        return False
    was = () if earlier is None else ahead_tests(before, earlier)
    return all(
        _keeps(was[i] if i < len(was) else today, now, floor)
        for i, now in enumerate(ahead_tests(after, left))
    )


def _keeps(was: Health | None, now: Health | None, floor: Fraction) -> bool:
    if now is None:
        return was is None
    spare = now.power - floor * now.requirement
    if not now.requirement or spare >= 0:
        return not now.liquidatable or (was is not None and was.liquidatable)
    if was is None:
        return False
    spared = was.power - floor * was.requirement
    return spared < 0 and spare >= spared


def _is_paid(now: Copy, after: Copy) -> bool:
    """Whether no wallet owes more than before: what is paid must be there."""
    for name, account in after.accounts.items():
        if account.kind != "wallet" or now.accounts.get(name) is account:
            continue
        if _owed(after, name) - _owed(now, name):
            return False
    return True


def _owed(copy: Copy, purse: str) -> set[tuple[str, int]]:
    account = copy.accounts.get(purse)
    if account is None:
        return set()
    return {(p.asset.id, p.raw) for p in account.positions if isinstance(p, Debt)}
