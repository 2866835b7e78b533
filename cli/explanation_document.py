"""Explanations and comparisons as JSON; docs/schema/health.json describes their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.envelope import finite, usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.comparison import Comparison
    from aggregator.model.distance import Distance
    from aggregator.model.explanation import Explanation, Prevention, Threat


def explanation(why: Explanation) -> dict[str, Any]:
    """What binds, what would help, and what happens first."""
    return {
        "threat": None if why.threat is None else _threat(why.threat),
        "preventions": [_prevention(prevention) for prevention in why.preventions],
        "scenario": clean(why.scenario, 200),
        "level": why.level,
        "draws": why.draws,
        "requirement_usd": usd(why.requirement_usd),
        "contributions": [
            {
                "kind": line.kind,
                "account_id": line.account_id,
                "ordinal": line.ordinal,
                "label": line.label,
                "usd": usd(line.usd),
            }
            for line in why.contributions
        ],
        "changes": [
            {
                "kind": change.kind,
                "account_id": change.account_id,
                "ordinal": change.ordinal,
                "underlying": None if change.underlying is None else clean(change.underlying, 64),
                "size_usd": usd(change.size_usd),
                "kappa": finite(change.kappa),
                "kappa_infinite": finite(change.kappa) is None,
                "score_change": change.score_change,
            }
            for change in why.changes
        ],
        "distance": _distance(why.distance),
    }


def comparison(beside: Comparison) -> dict[str, Any]:
    """What each method asks of the same book."""
    spanned, exchange = beside.span, beside.exchange
    return {
        "methods": [
            {
                "method": row.method,
                "variant": row.variant or None,
                "requirement_usd": usd(row.requirement_usd),
                "capital_efficiency": row.capital_efficiency,
                "why": row.why,
            }
            for row in beside.rows
        ],
        "span": {
            "risk_usd": usd(spanned.risk_usd),
            "net_option_value_usd": usd(spanned.net_option_value_usd),
            "margin_usd": usd(spanned.margin_usd),
            "underlyings": [
                {
                    "underlying": clean(entry.underlying, 64),
                    "scenario": clean(entry.scenario, 100),
                    "scanning_risk_usd": usd(entry.scanning_risk_usd),
                    "delta_usd": usd(entry.delta_usd),
                    "credit_usd": usd(entry.credit_usd),
                    "short_option_minimum_usd": usd(entry.short_option_minimum_usd),
                }
                for entry in spanned.underlyings
            ],
        },
        "exchange": {
            "adjusted_equity_usd": usd(exchange.adjusted_equity_usd),
            "maintenance_usd": usd(exchange.maintenance_usd),
            "ratio": finite(exchange.ratio),
            "band": exchange.band,
        },
        "missing": list(beside.missing),
    }


def _threat(threat: Threat) -> dict[str, Any]:
    return {
        "account_id": threat.account_id,
        "now": threat.now,
        "stresses": finite(threat.stresses),
        "scenario": None if threat.scenario is None else clean(threat.scenario, 200),
        "factor": None if threat.factor is None else clean(threat.factor, 100),
        "direction": threat.direction,
        "price_usd": _usd(threat.price_usd),
        "distance": threat.distance,
        "standard_move": threat.standard_move,
    }


def _prevention(prevention: Prevention) -> dict[str, Any]:
    return {
        "goal": prevention.goal,
        "repay_usd": _usd(prevention.repay_usd),
        "deposit_usd": _usd(prevention.deposit_usd),
        "price_usd": _usd(prevention.price_usd),
        "distance": prevention.distance,
        "safe": prevention.safe,
    }


def _distance(distance: Distance) -> dict[str, Any]:
    joint = distance.joint
    return {
        "critical_prices": [
            {
                "account_id": price.account_id,
                "factor": clean(price.factor, 100),
                "kind": price.kind,
                "others": price.others,
                "direction": price.direction,
                "price_usd": _usd(price.price_usd),
                "distance": price.distance,
            }
            for price in distance.prices
        ],
        "joint": None
        if joint is None
        else {
            "mahalanobis": joint.mahalanobis,
            "moves": _moves(joint.moves),
            "linear_mahalanobis": joint.linear_mahalanobis,
            "linear_moves": _moves(joint.linear_moves),
        },
    }


def _moves(moves: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    return [{"underlying": clean(name, 64), "move": move} for name, move in moves]


def _usd(value: float | None) -> str | None:
    return None if value is None else usd(value)
