"""Why a wallet's figures are what they are, and what would happen first."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.contract import RuleFamily
from aggregator.model.assets import USD
from aggregator.model.explanation import Explanation, Threat
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import AccountRisk, RiskResult
from aggregator.risk.book import book
from aggregator.risk.changes import changes
from aggregator.risk.contributions import binding, contributions
from aggregator.risk.distance import distance
from aggregator.risk.grid import STANDARD
from aggregator.risk.numbering import Numbering
from aggregator.risk.prevention import preventions
from aggregator.risk.scan import scan
from aggregator.risk.scenarios import ScenarioSet


def explain(
    portfolio: Portfolio,
    risk: RiskResult,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
) -> Explanation:
    """The explanation of `risk`, which is the framework's answer for the portfolio.

    Raises as `assess`, and ArithmeticError where parts do not add up to their whole.
    """
    scanned = scan(book([portfolio], scenarios), families)
    level, ray = binding(scanned)
    first = next((a for a in risk.accounts if a.account_id == risk.weakest_account), None)
    threat = None if first is None else _threat(first, portfolio, scenarios)
    return Explanation(
        scenario=scanned.rays.names[ray],
        level=float(STANDARD[level]),
        requirement_usd=risk.requirement_usd,
        contributions=contributions(scanned, risk),
        changes=changes(scanned.book, risk, families=families, scenarios=scenarios),
        threat=threat,
        preventions=() if first is None or threat is None else preventions(scanned, first, threat),
        distance=distance(scanned.book, scanned.groups),
    )


def _threat(first: AccountRisk, portfolio: Portfolio, scenarios: ScenarioSet) -> Threat:
    """Where the weakest account is liquidated: the nearest price of an underlying, else of an asset alone."""
    by_underlying = min(first.liquidation_prices, key=lambda p: abs(p.distance), default=None)
    by_asset = min(first.asset_liquidation_prices, key=lambda p: abs(p.distance), default=None)
    factor, moved = None, by_underlying or by_asset
    underlying = None
    if by_underlying is not None:
        factor = underlying = by_underlying.underlying
    elif by_asset is not None:
        factor = by_asset.asset_id
        underlying = Numbering(scenarios, portfolio.classes).of(by_asset.asset_id).underlying
    return Threat(
        account_id=first.account_id,
        now=first.liquidatable,
        stresses=first.lam_native,
        scenario=first.binding_ray,
        factor=factor,
        direction=None if moved is None else moved.direction,
        price_usd=None if moved is None else moved.price_usd,
        distance=None if moved is None else moved.distance,
        standard_move=None if underlying in (None, USD) else scenarios.scan_range(underlying),
    )
