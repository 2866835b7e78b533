"""A wallet before and after something, as the `data` of an envelope; docs/schema/ describes the shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggregator.model.errors import NativeUnknown
from cli import cascade_documents
from cli.documents import account_document, liquidation_prices
from cli.envelope import finite, usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.accounts import Account
    from aggregator.model.results import AccountRisk, RiskResult
    from aggregator.model.stresses import GridPoint, Reassessed, StressOutcome, StressReport, WhatIf
    from aggregator.risk.named import NamedStress


def stress(report: StressReport, name: str | None = None) -> dict[str, Any]:
    """Everything that `stress` computed of one wallet; `name` is its own in ENS."""
    return {
        "wallet": report.today.portfolio.wallet,
        "name": name,
        "today": whole(report.today.risk),
        "scenarios": [_outcome(report.today, outcome) for outcome in report.outcomes],
        "grid": [_point(point) for point in report.grid],
    }


def whatif(found: WhatIf, name: str | None = None) -> dict[str, Any]:
    """A wallet before and after actions on a copy; `name` is its own in ENS."""
    return {
        "wallet": found.today.portfolio.wallet,
        "name": name,
        "actions": [clean(action, 200) for action in found.done],
        "today": whole(found.today.risk),
        "after": whole(found.after.risk),
        "accounts": accounts(found.today, found.after),
        "notes": [clean(sentence, 500) for sentence in found.told],
    }


def named(stress: NamedStress) -> dict[str, Any]:
    """A named stress, as the configuration has it."""
    return {
        "name": stress.name,
        "period": stress.period,
        "title": stress.title,
        "moves": _moves(tuple(stress.moves.items())),
    }


def whole(risk: RiskResult) -> dict[str, Any]:
    """The whole on one side of a change."""
    return {
        "score": risk.score,
        "kappa": finite(risk.kappa),
        "kappa_infinite": finite(risk.kappa) is None,
        "band": risk.band,
        "unified_band": risk.unified_band,
        "weakest_band": risk.weakest_band,
        "verdict": risk.verdict,
        "margin_coverage_ratio": finite(risk.margin_coverage_ratio),
        "equity_usd": usd(risk.equity_usd),
        "requirement_usd": usd(risk.requirement_usd),
        "weakest_account": risk.weakest_account,
    }


def accounts(before: Reassessed, after: Reassessed) -> list[dict[str, Any]]:
    """Every account of either side: what it was, what it is then, and whether its own health is known."""
    why = unknown(after)
    return [
        {
            **account_document(account),
            "before": _side(before.account(account.id)),
            "after": _side(after.account(account.id)),
            "native_unknown": why.get(account.id),
        }
        for account in of_either(before, after)
    ]


def of_either(before: Reassessed, after: Reassessed) -> list[Account]:
    """The accounts of both sides, those of the later one where both have them."""
    found = {account.id: account for account in before.portfolio.accounts}
    found.update({account.id: account for account in after.portfolio.accounts})
    return list(found.values())


def unknown(after: Reassessed) -> dict[str, str]:
    """Why the own health of accounts is not known after a change, by id."""
    errors = [f.error for f in after.portfolio.failures if isinstance(f.error, NativeUnknown)]
    labels = {account.id: account.label for account in after.portfolio.accounts}
    return {
        account: next(clean(e.why, 300) for e in errors if e.account == labels[account])
        for account in after.unknown
    }


def _side(risk: AccountRisk | None) -> dict[str, Any] | None:
    if risk is None:
        return None
    return {
        "equity_usd": usd(risk.equity_usd),
        "native_health": risk.native_health,
        "liquidatable": risk.liquidatable,
        "power_usd": usd(risk.power_usd),
        "native_requirement_usd": usd(risk.native_requirement_usd),
        "requirement_usd": usd(risk.requirement_usd),
        "survives_stresses": finite(risk.lam_native),
        "liquidation_prices": liquidation_prices(risk),
    }


def _outcome(today: Reassessed, outcome: StressOutcome) -> dict[str, Any]:
    return {
        "name": clean(outcome.name, 64),
        "title": clean(outcome.title, 200),
        "moves": _moves(outcome.moves),
        "elsewhere": outcome.elsewhere,
        "volatility": outcome.volatility,
        "loss_usd": usd(outcome.loss_usd),
        "survives": outcome.after.survives,
        "liquidatable": list(outcome.after.liquidatable),
        "after": whole(outcome.after.risk),
        "accounts": accounts(today, outcome.after),
        "notes": [clean(sentence, 500) for sentence in outcome.told],
        "cascade": None if outcome.cascade is None else cascade_documents.cascade(outcome.cascade),
    }


def _point(point: GridPoint) -> dict[str, Any]:
    return {
        "moves": _moves(point.moves),
        "equity_usd": usd(point.equity_usd),
        "loss_usd": usd(point.loss_usd),
        "survives": point.survives,
        "liquidatable": list(point.liquidatable),
        "native_unknown": list(point.unknown),
    }


def _moves(moves: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    return [{"moved": clean(name, 96), "change": change} for name, change in moves]
