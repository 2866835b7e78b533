"""Results as the `data` of an envelope; docs/schema/ describes each shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never

from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.units import scaled
from aggregator.pricing.values import value_usd
from cli import tails
from cli.envelope import finite, usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.accounts import Account
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.results import AccountRisk, RiskResult, ScenarioLoss


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
        "margin_coverage_ratio": finite(risk.margin_coverage_ratio),
        "equity_usd": usd(risk.equity_usd),
        "walk_away_equity_usd": usd(risk.walk_away_equity_usd),
        "gross_usd": usd(risk.gross_usd),
        "requirement_usd": usd(risk.requirement_usd),
        "scan_requirement_usd": usd(risk.scan_requirement_usd),
        "add_on_usd": usd(risk.add_on_usd),
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
        "tails": tails.document(risk.tails),
        "flags": list(risk.flags),
        "framework": {
            "version": risk.framework_version,
            "parameters_hash": risk.parameters_hash,
            "scenario_hash": risk.scenario_hash,
        },
    }


def positions(portfolio: Portfolio, name: str | None = None) -> dict[str, Any]:
    """A wallet's accounts and positions, without risk; `name` is its own in ENS."""
    return {
        "wallet": portfolio.wallet,
        "name": name,
        "owned": owned(portfolio),
        "accounts": [
            {**_account(account), "positions": _positions(portfolio, account.positions)}
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


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.id,
        "protocol": account.protocol,
        "kind": account.kind,
        "label": clean(account.label, 64),
        "chain_id": account.chain,
        "owner_path": list(account.owner_path),
    }


def _account_health(portfolio: Portfolio, account: Account, risk: AccountRisk) -> dict[str, Any]:
    return {
        **_account(account),
        "equity_usd": usd(risk.equity_usd),
        "state": "no_debt"
        if risk.native_health is None
        else "liquidatable"
        if risk.liquidatable
        else "healthy",
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
        "liquidation_prices": [
            {
                "underlying": clean(p.underlying, 64),
                "direction": p.direction,
                "price_usd": usd(p.price_usd),
                "distance": p.distance,
            }
            for p in risk.liquidation_prices
        ],
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
        "positions": _positions(portfolio, account.positions),
    }


def _positions(portfolio: Portfolio, found: Sequence[Position]) -> list[dict[str, Any]]:
    return [_position(portfolio, position) for position in found]


def _position(portfolio: Portfolio, position: Position) -> dict[str, Any]:
    match position:
        case Holding():
            return {"kind": "holding", **_spot(portfolio, position), "origin": position.origin}
        case Supply():
            return {
                "kind": "supply",
                **_spot(portfolio, position),
                "is_collateral": position.is_collateral,
                "apr": position.apr,
                "origin": position.origin,
            }
        case Debt():
            return {
                "kind": "debt",
                **_spot(portfolio, position),
                "rate_mode": position.rate_mode,
                "apr": position.apr,
                "origin": position.origin,
            }
        case Perp():
            return _perp(portfolio, position)
        case Option():
            return _option(position)
        case _:
            assert_never(position)


def _spot(portfolio: Portfolio, position: Holding | Supply | Debt) -> dict[str, Any]:
    amount = scaled(position.raw, position.asset.decimals)
    price = portfolio.marks[position.asset.id].usd
    return {
        "asset_id": position.asset.id,
        "symbol": clean(position.asset.symbol),
        "raw": str(position.raw),
        "decimals": position.asset.decimals,
        "amount": text(amount),
        "price_usd": text(price),
        "value_usd": _value(portfolio, position),
    }


def _value(portfolio: Portfolio, position: Position) -> str | None:
    """In USD with eight decimals; None where the protocol gives no mark."""
    value = value_usd(position, portfolio.marks)
    return None if value is None else text(value)


def _perp(portfolio: Portfolio, perp: Perp) -> dict[str, Any]:
    return {
        "kind": "perp",
        "market": clean(perp.market, 64),
        "underlying": clean(perp.underlying, 64),
        "size_raw": str(perp.size_raw),
        "size_decimals": perp.size_decimals,
        "size": text(scaled(perp.size_raw, perp.size_decimals)),
        "entry_price": text(scaled(perp.entry_price_raw, perp.price_decimals)),
        "mark_price": text(scaled(perp.mark_price_raw, perp.price_decimals)),
        "pnl_raw": str(perp.pnl_raw),
        "funding_raw": str(perp.funding_raw),
        "funding_24h_raw": _raw(perp.funding_24h_raw),
        "borrowing_raw": str(perp.borrowing_raw),
        "borrowing_24h_raw": _raw(perp.borrowing_24h_raw),
        "settlement": clean(perp.settlement.symbol),
        "value_usd": _value(portfolio, perp),
        "origin": perp.origin,
    }


def _raw(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _option(option: Option) -> dict[str, Any]:
    mark = None if option.mark_raw is None else text(scaled(option.mark_raw, option.price_decimals))
    return {
        "kind": "option",
        "instrument": clean(option.instrument, 64),
        "underlying": clean(option.underlying, 64),
        "right": option.right,
        "style": option.style,
        "size_raw": str(option.size_raw),
        "size_decimals": option.size_decimals,
        "size": text(scaled(option.size_raw, option.size_decimals)),
        "strike": text(scaled(option.strike_raw, option.price_decimals)),
        "expiry": option.expiry,
        "mark": mark,
        "iv": option.iv,
        "iv_source": option.iv_source,
        "mark_source": option.mark_source,
        "side": option.side,
        "delivery": option.delivery,
        "multiplier": _multiplier(option),
        "settlement": clean(option.settlement.symbol),
        "origin": option.origin,
    }


def _multiplier(option: Option) -> str | None:
    raw = option.multiplier_raw
    return None if raw is None else text(scaled(raw, option.size_decimals))


def _scenario(scenario: ScenarioLoss) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "level": scenario.level,
        "loss_usd": usd(scenario.loss_usd),
        "by_account": [{"account_id": a, "loss_usd": usd(loss)} for a, loss in scenario.by_account],
    }


def _waterfall(risk: RiskResult) -> dict[str, str]:
    return {
        "native_headroom_usd": usd(risk.waterfall.native_headroom_usd),
        "common_haircuts_usd": usd(risk.waterfall.common_haircuts_usd),
        "netting_usd": usd(risk.waterfall.netting_usd),
        "excess_usd": usd(risk.waterfall.excess_usd),
    }


def text(value: Decimal) -> str:
    """A Decimal in full, without exponent and trailing zeros."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
