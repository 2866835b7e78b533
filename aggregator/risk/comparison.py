"""The same book under several margin methods, and why they differ (RISK.md section 12).

Each requirement is stated against E0, the equity that counts debts and options at their value, so that M can
be set beside it. Two methods state themselves otherwise, and are translated: SPAN asks for cash and credits
the net option value, which E0 holds already; an exchange asks for a ratio of adjusted equity, so its
requirement is what E0 must not fall below before it liquidates at today's prices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from aggregator.contract import RuleFamily
from aggregator.model.comparison import Asked, Comparison, ExchangeMargin, Method, Span
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.exchange import exchange_margin
from aggregator.risk.parts import apart
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.span import span

CONFIDENCE = 0.99
"""At which value at risk is compared."""

NO_VAR = "value at risk was not computed: this result holds none"


def compare(
    portfolio: Portfolio,
    risk: RiskResult,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
) -> Comparison:
    """What each method asks of a portfolio; `risk` is the framework's answer for it.

    A result that an earlier release has stored holds no value at risk: the comparison then says that it is
    missing. Raises as `assess`.
    """
    rest = compare_whole(portfolio, risk, scenarios=scenarios)
    asked = _legs_usd(portfolio, families, scenarios)
    legs = Asked(Method.LEGS, "", asked, _efficiency(risk.requirement_usd, asked), _LEGS)
    return replace(rest, rows=(legs, *rest.rows))


def compare_whole(portfolio: Portfolio, risk: RiskResult, *, scenarios: ScenarioSet) -> Comparison:
    """`compare` without the method that assesses each leg alone, which takes longer than all else."""
    one = book([portfolio], scenarios)
    spanned, exchange, value_at_risk = span(one), exchange_margin(one), _value_at_risk(risk)
    against = (
        (Method.SILOS, "", risk.isolated_requirement_usd, _SILOS),
        (Method.NATIVE, "", math.fsum(a.native_requirement_usd for a in risk.accounts), _NATIVE),
        (Method.SPAN, "", spanned.risk_usd, _span_why(spanned)),
        *((Method.VAR, name, loss, _VAR) for name, loss in value_at_risk),
        (Method.EXCHANGE, "", _exchange_usd(risk, exchange, scenarios), _exchange_why(exchange)),
    )
    rows = [
        Asked(method, variant, asked, _efficiency(risk.requirement_usd, asked), why)
        for method, variant, asked, why in against
    ]
    ours = Asked(Method.OURS, "", risk.requirement_usd, None, _OURS)
    missing = () if value_at_risk else (NO_VAR,)
    return Comparison((*rows, ours), spanned, exchange, missing)


_LEGS = "no hedge counts: what margin without any netting asks, each position by our scenarios"
_SILOS = "hedges count within an account and never between accounts, each by our scenarios"
_NATIVE = (
    "a loan's whole debt and the maintenance margin of derivatives, each by its protocol's own rule and "
    "without looking at another"
)
_VAR = "a loss that the model exceeds on 1% of days: it counts all hedges, but not how bad that 1% is"
_OURS = "the worst of all scenarios for the whole book at once, of prices, volatility and pegs, and add-ons"


def _legs_usd(portfolio: Portfolio, families: Mapping[str, RuleFamily], scenarios: ScenarioSet) -> float:
    """The sum over positions of each one's own M: each becomes an account of its own without a rule."""
    single = apart(portfolio)
    free = tuple(replace(account, rule=None, reported=None) for account in single.accounts)
    alone = assess(replace(single, accounts=free), families=families, scenarios=scenarios)
    return alone.isolated_requirement_usd


def _exchange_usd(risk: RiskResult, exchange: ExchangeMargin, scenarios: ScenarioSet) -> float:
    """E0 less what adjusted equity may still lose: collateral haircuts and maintenance at the limit."""
    limit = scenarios.parameters.exchange.liquidation
    return risk.equity_usd - exchange.adjusted_equity_usd + limit * exchange.maintenance_usd


def _efficiency(ours: float, asked: float) -> float | None:
    return 1.0 - ours / asked if asked > 0.0 else None


def _span_why(spanned: Span) -> str:
    credit = math.fsum(entry.credit_usd for entry in spanned.underlyings)
    why = (
        "16 moves of one underlying at a time, between which a credit of the correlation nets opposite "
        f"deltas (${credit:,.0f} here); no loss of peg and no failure of a protocol"
    )
    value = spanned.net_option_value_usd
    if value:
        shown = f"{'−' if value < 0 else ''}${abs(value):,.0f}"
        why += f"; with a net option value of {shown} credited it asks ${spanned.margin_usd:,.0f} in cash"
    return why


def _exchange_why(exchange: ExchangeMargin) -> str:
    ratio = "no maintenance margin" if math.isinf(exchange.ratio) else f"uniMMR {exchange.ratio:.2f}"
    band = exchange.band.value.replace("_", " ")
    return (
        f"haircuts on net collateral and flat maintenance margins, {ratio} ({band}): nets by asset, and "
        "sees neither correlations nor volatility"
    )


def _value_at_risk(risk: RiskResult) -> list[tuple[str, float]]:
    """Losses that are exceeded once in a hundred, by their estimate and horizon."""
    estimates = () if risk.tails is None else risk.tails.value_at_risk
    return [
        (f"{one.method.replace('_', ' ')} {one.days} d", one.loss_usd)
        for one in estimates
        if one.confidence == CONFIDENCE
    ]
