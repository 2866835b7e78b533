"""Why a wallet's figures are what they are, and what would happen first."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import RuleFamily
from aggregator.model.assets import USD
from aggregator.model.explanation import Explanation, Prevention, Threat
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Supply
from aggregator.model.results import AccountRisk, RiskResult
from aggregator.pricing.book import usd
from aggregator.risk.book import Book, book
from aggregator.risk.changes import changes
from aggregator.risk.contributions import binding, contributions
from aggregator.risk.distance import GRID, Gaps, distance, roots
from aggregator.risk.grid import STANDARD
from aggregator.risk.numbering import Numbering
from aggregator.risk.scan import Scan, scan
from aggregator.risk.scenarios import ScenarioSet

Floats = NDArray[np.float64]

TARGET = 1.25
"""The health that a repaired account has: the plan's default (RISK.md section 9)."""


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
        prevention=None if first is None or threat is None else _prevention(scanned, first, threat),
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


def _prevention(scanned: Scan, first: AccountRisk, threat: Threat) -> Prevention:
    """What lifts N/Q to the target: repaying r gives N/(Q - r), collateral of weight w gives (N + w*d)/Q.

    For lending w is N over the collateral's value, for margin accounts 1.
    """
    one = scanned.book
    number = next(i for i, account in enumerate(one.accounts) if account.id == first.account_id)
    account, portfolio = one.accounts[number], one.portfolios[0]
    N, Q = first.power_usd, first.native_requirement_usd
    short = max(0.0, TARGET * Q - N)
    debts = [p for p in account.positions if isinstance(p, Debt) and p.raw]
    collateral = math.fsum(
        p.raw / int(10**p.asset.decimals) * usd(portfolio.marks[p.asset.id])
        for p in account.positions
        if isinstance(p, Supply) and p.is_collateral
    )
    weight = 1.0 if not debts else min(1.0, N / collateral) if collateral > 0.0 else 0.0
    repay = short / TARGET if debts else None
    deposit = short / weight if weight > 0.0 else None
    added = short if repay is None else repay
    nearest = _liquidated_after(scanned, number, threat, added, repaid=repay is not None)
    spot = portfolio.spots.get(threat.factor or "")
    return Prevention(
        target=TARGET,
        repay_usd=repay,
        deposit_usd=deposit,
        price_usd=None if nearest is None or spot is None else spot * nearest,
        distance=None if nearest is None else nearest - 1.0,
    )


def _liquidated_after(
    scanned: Scan, number: int, threat: Threat, added_usd: float, *, repaid: bool
) -> float | None:
    """The price multiple at which an account with so much more headroom fails, along the threat's factor.

    A repaid debt moves with the price of its own asset: the largest debt is the one that is repaid.
    """
    one = scanned.book
    if threat.factor not in one.axes.bases or threat.direction is None:
        return None
    gaps = Gaps.of(one, scanned.groups)
    moves = np.eye(len(one.axes.bases))[one.axes.bases.index(threat.factor)]
    factor = _largest_debt(one, number) if repaid else None

    def left(steps: Floats) -> Floats:
        factors = gaps.factors(np.outer(steps, moves), np.zeros((len(steps), len(one.axes.pegs))))
        headroom = gaps.all(factors)[[1 + number]]
        return headroom + (added_usd if factor is None else added_usd * factors[factor])

    found = roots(left, GRID if threat.direction == "up" else -GRID)
    return float(np.exp(found[0][1])) if found else None


def _largest_debt(one: Book, number: int) -> int:
    """The number of the factor that an account's largest debt moves with."""
    owed = np.where(one.legs.account == number, one.legs.exposure_usd, 0.0)
    return int(one.legs.factor[owed.argmin()])
