"""Keeping plans, cascades, ladders and calendars beside the snapshots that they were computed from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from aggregator.app.answers import Answer
from aggregator.app.borrower_tables import BorrowerTable
from aggregator.app.checks import check
from aggregator.app.liquidating import LiquidationRequest
from aggregator.app.planning import PlanRequest
from aggregator.app.snapshots import publish, savings
from aggregator.model.calendars import Calendar
from aggregator.model.liquidations import LiquidationReport
from aggregator.model.plans import Plan
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.saved import SavedSnapshot, SavedStudy
    from aggregator.store.study_rows import Study


def save_plans(
    answer: Answer, plans: Sequence[Plan], request: PlanRequest, config: Settings
) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
    """Keep the plan of each wallet of an answer, in the snapshot of its read, which is saved where it is new.

    The same plan of the same read again changes nothing. Of the markets that swaps are at only a hash is
    kept, so that plans made with others are told apart.
    """
    from aggregator.store.plan_rows import plan_study  # noqa: PLC0415  # a second of imports

    exchanges = {
        chain: [[one.family, one.to_json()] for one in found]
        for chain, found in answer.markets.by_chain.items()
    }
    canonical = json.dumps(plain(exchanges), sort_keys=True)
    inputs = {
        "request": plain(request),
        "charges": answer.settings.plan.model_dump(mode="json"),
        "markets": hashlib.sha256(canonical.encode()).hexdigest(),
    }
    return _save(answer, ([plan_study(plan, inputs)] for plan in plans), config)


def save_calendars(
    answer: Answer, found: Sequence[Calendar], config: Settings
) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
    """`save_plans` for the calendar of each wallet."""
    from aggregator.store.calendar_rows import calendar_study  # noqa: PLC0415

    made = ([calendar_study(one, {"horizon_days": one.horizon_days})] for one in found)
    return _save(answer, made, config)


def save_liquidations(
    answer: Answer, reports: Sequence[LiquidationReport], request: LiquidationRequest, config: Settings
) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
    """`save_plans` for the cascades of each wallet, or its ladder where no scenario was given.

    Of a table of borrowers its content tells two requests apart, not its name.
    """
    from aggregator.store.cascade_rows import cascade_study, ladder_study  # noqa: PLC0415

    # Draws of a market's risk are not kept, and change neither cascades nor ladders.
    asked = plain(replace(request, draws=None))

    def studies(report: LiquidationReport) -> list[Study]:
        found = [
            cascade_study(outcome.cascade, {"request": asked, "number": number})
            for number, outcome in enumerate(report.outcomes)
        ]
        return found or [ladder_study(report.ladder, {"request": asked})]

    return _save(answer, map(studies, reports), config)


def _save(
    answer: Answer, studies: Iterable[Sequence[Study]], config: Settings
) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
    """`studies` are made where they are saved, so that a number that can't be stored is a StoreError."""
    from aggregator.store.opening import Opening  # noqa: PLC0415
    from aggregator.store.studies import save  # noqa: PLC0415

    snapshots = savings(check(answer), answer, trigger="snapshot")
    opening = Opening(config.database, lock_timeout_s=config.lock_timeout_s)
    saved = save(opening, zip(snapshots, studies, strict=True))
    publish(config)
    return saved


def plain(value: object) -> Any:
    """A request as JSON that is the same for the same request; raises TypeError on what none is made of.

    Numbers that are not floats are texts where JSON may round them; a table is the hash of its content.
    """
    if isinstance(value, BorrowerTable):
        return {"sha256": value.sha256}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return value.name
        case str():
            return value
        case int():
            return value if abs(value) < 2**53 else str(value)
        case Decimal():
            return str(value)
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case Set():
            return sorted(plain(one) for one in value)
        case Sequence():
            return [plain(one) for one in value]
        case _:
            raise TypeError(f"{value!r} is no part of a request")
