"""Results as the `data` of an envelope; docs/schema/ describes each shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aggregator.risk.score import score
from cli import tails
from cli.envelope import finite, usd
from cli.position_documents import of_positions
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.accounts import Account
    from aggregator.model.oracles import OraclePrice
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.results import (
        AccountRisk,
        HistoryUsed,
        RiskResult,
        ScenarioLoss,
        WorstCase,
    )


def health(checked: Checked, name: str | None = None) -> dict[str, Any]:
    """Everything that `health` computed of one wallet; `name` is its own in ENS."""
    portfolio, risk = checked.portfolio, checked.risk
    accounts = {account.id: account for account in portfolio.accounts}
    return {
        "wallet": portfolio.wallet,
        "name": name,
        "owned": owned(portfolio),
        "score": risk.score,
        "kappa": finite(risk.kappa),
        "kappa_infinite": finite(risk.kappa) is None,
        "band": risk.band,
        "unified_band": risk.unified_band,
        "weakest_band": risk.weakest_band,
        "verdict": risk.verdict,
        "worst_case": _worst_case(risk.worst_case),
        "if_no_price_were_late": None if risk.fresh_kappa is None else _survived(risk.fresh_kappa),
        "margin_coverage_ratio": finite(risk.margin_coverage_ratio),
        "equity_usd": usd(risk.equity_usd),
        "walk_away_equity_usd": usd(risk.walk_away_equity_usd),
        "gross_usd": usd(risk.gross_usd),
        "requirement_usd": usd(risk.requirement_usd),
        "scan_requirement_usd": usd(risk.scan_requirement_usd),
        "add_on_usd": usd(risk.add_on_usd),
        "closing_cost_usd": _dollars(risk.closing_cost_usd),
        "liquidity_adjusted_loss_usd": _dollars(risk.liquidity_adjusted_loss_usd),
        "isolated_requirement_usd": usd(risk.isolated_requirement_usd),
        "multiples": {
            "native": finite(risk.multiples.native),
            "operational": finite(risk.multiples.operational),
            "solvency": finite(risk.multiples.solvency),
        },
        "weakest_account": risk.weakest_account,
        "accounts": [_account_health(portfolio, accounts[a.account_id], a) for a in risk.accounts],
        "greeks": [
            {
                "underlying": clean(g.underlying, 64),
                "delta_units": g.delta_units,
                "delta_usd": usd(g.delta_usd),
                "gamma_units": g.gamma_units,
                "gamma_usd": usd(g.gamma_usd),
                "vega_usd": usd(g.vega_usd),
                "theta_usd": usd(g.theta_usd),
                "rho_usd": usd(g.rho_usd),
            }
            for g in risk.greeks
        ],
        # Units of different underlyings don't add up; dollars do.
        "greeks_total": {
            name: usd(math.fsum(getattr(g, name) for g in risk.greeks))
            for name in ("delta_usd", "gamma_usd", "vega_usd", "theta_usd", "rho_usd")
        },
        "worst_scenarios": [_scenario(s) for s in risk.worst_scenarios],
        "binding_scenario": _scenario(risk.binding) if risk.binding else None,
        "waterfall": _waterfall(risk),
        "oracles": [_oracle(oracle) for oracle in portfolio.oracles],
        "tails": tails.document(risk.tails),
        "flags": list(risk.flags),
        "framework": {
            "version": risk.framework_version,
            "parameters_hash": risk.parameters_hash,
            "scenario_hash": risk.scenario_hash,
            "history": history_used(risk.history),
        },
    }


def history_used(history: HistoryUsed | None) -> dict[str, Any] | None:
    """The price history that a result rests on; None for the configured defaults."""
    if history is None:
        return None
    return {"source": clean(history.source, 500), "last_day": history.last_day, "hash": history.hash}


def positions(portfolio: Portfolio, name: str | None = None) -> dict[str, Any]:
    """A wallet's accounts and positions, without risk; `name` is its own in ENS."""
    return {
        "wallet": portfolio.wallet,
        "name": name,
        "owned": owned(portfolio),
        "accounts": [
            {**account_document(account), "positions": of_positions(portfolio, account.positions)}
            for account in portfolio.accounts
        ],
    }


def owned(portfolio: Portfolio) -> list[dict[str, Any]]:
    """The other addresses that belong to a wallet."""
    return [
        {
            "address": holder.address,
            "chain_id": holder.chain,
            "owner_path": list(holder.path),
            "via": [clean(step, 160) for step in holder.via],
            "proven": holder.proven,
            "counted": holder.counted,
            "why_not": clean(holder.why_not, 160) or None,
        }
        for holder in portfolio.holders
    ]


def account_document(account: Account) -> dict[str, Any]:
    """What identifies an account and says whose it is."""
    return {
        "account_id": account.id,
        "protocol": account.protocol,
        "kind": account.kind,
        "label": clean(account.label, 64),
        "chain_id": account.chain,
        "owner_path": list(account.owner_path),
        "observed": _observed(account),
    }


def _observed(account: Account) -> dict[str, Any] | None:
    if account.observed is None:
        return None
    one = account.observed
    return {"time": one.time, "endpoint": clean(one.endpoint, 64), "content_hash": one.content_hash}


def _state(portfolio: Portfolio, risk: AccountRisk) -> str:
    if risk.liquidatable:
        return "liquidatable"
    if risk.native_health is not None:
        return "healthy"
    return "unjudged" if risk.is_unjudged or risk.account_id in portfolio.unjudged else "no_debt"


def _account_health(portfolio: Portfolio, account: Account, risk: AccountRisk) -> dict[str, Any]:
    return {
        **account_document(account),
        "equity_usd": usd(risk.equity_usd),
        "state": _state(portfolio, risk),
        "native_health": risk.native_health,
        "reported_health": risk.reported_health,
        "check_bps": risk.check_bps,
        "liquidatable": risk.liquidatable,
        "power_usd": usd(risk.power_usd),
        "native_requirement_usd": usd(risk.native_requirement_usd),
        "requirement_usd": usd(risk.requirement_usd),
        "survives_stresses": finite(risk.lam_native),
        "binding_scenario": risk.binding_ray,
        "sets_band": risk.sets_band,
        "oracle_blind": risk.oracle_blind,
        "liquidation_prices": liquidation_prices(risk),
        "asset_liquidation_prices": [
            {
                "asset": p.asset_id,
                "direction": p.direction,
                "price_usd": usd(p.price_usd),
                "distance": p.distance,
            }
            for p in risk.asset_liquidation_prices
        ],
        "interest_usd_day": None if risk.interest_usd_day is None else usd(risk.interest_usd_day),
        "runway_days": risk.runway_days,
        "reported_by": account.reported.origin if account.reported else None,
        "positions": of_positions(portfolio, account.positions),
    }


def liquidation_prices(risk: AccountRisk) -> list[dict[str, Any]]:
    """Where each underlying alone would liquidate an account."""
    return [
        {
            "underlying": clean(p.underlying, 64),
            "direction": p.direction,
            "price_usd": usd(p.price_usd),
            "distance": p.distance,
        }
        for p in risk.liquidation_prices
    ]


def _scenario(scenario: ScenarioLoss) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "level": scenario.level,
        "loss_usd": usd(scenario.loss_usd),
        "by_account": [{"account_id": a, "loss_usd": usd(loss)} for a, loss in scenario.by_account],
    }


def _oracle(oracle: OraclePrice) -> dict[str, Any]:
    return {
        "asset_id": oracle.asset,
        "origin": oracle.origin,
        "chain_id": oracle.chain,
        "price_usd": usd(oracle.price_usd),
        "is_mark": oracle.is_mark,
        "deviation": oracle.deviation,
        "age_s": oracle.age_s,
        "heartbeat_s": oracle.heartbeat_s,
        "overdue_s": oracle.overdue_s,
    }


def _dollars(amount: float | None) -> str | None:
    return None if amount is None else usd(amount)


def _worst_case(worst: WorstCase | None) -> dict[str, Any] | None:
    if worst is None:
        return None
    return {**_survived(worst.kappa), "verdict": worst.verdict, "why": clean(worst.why, 500)}


def _survived(kappa: float) -> dict[str, Any]:
    return {"score": score(kappa), "kappa": finite(kappa), "kappa_infinite": finite(kappa) is None}


def _waterfall(risk: RiskResult) -> dict[str, str]:
    return {
        "native_headroom_usd": usd(risk.waterfall.native_headroom_usd),
        "common_haircuts_usd": usd(risk.waterfall.common_haircuts_usd),
        "netting_usd": usd(risk.waterfall.netting_usd),
        "excess_usd": usd(risk.waterfall.excess_usd),
    }
