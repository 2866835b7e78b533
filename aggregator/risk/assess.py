"""The framework's answer for portfolios: the one entry point of this package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from aggregator.contract import RuleFamily
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import (
    AccountRisk,
    Band,
    Multiples,
    RiskResult,
    Waterfall,
)
from aggregator.model.tails import Tails
from aggregator.risk import score
from aggregator.risk.accounts import Judged, judged
from aggregator.risk.book import book
from aggregator.risk.completeness import worst_case
from aggregator.risk.greeks import position_greeks, total_greeks
from aggregator.risk.judging import judging
from aggregator.risk.liquidity import closing_cost_usd
from aggregator.risk.losses import least, losses, mean_loss
from aggregator.risk.native import headroom
from aggregator.risk.scan import Scan, scan
from aggregator.risk.scenarios import FRAMEWORK_VERSION, ScenarioSet
from aggregator.risk.survival import survival
from aggregator.risk.tail import Tail, binds, tail
from aggregator.risk.value_at_risk import tails

BLOCK_ACCOUNTS = 64
"""Accounts evaluated together: bounds memory to some 100 MB."""


def assess(
    portfolio: Portfolio,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
    worst: int = 10,
) -> RiskResult:
    """Score, requirement, bands, multiples, Greeks and tails of one portfolio (RISK.md sections 3 to 7).

    `families` by rule family name; `worst` is how many scenarios to list. Only what could be read is in the
    figures: with `portfolio.failures` the verdict is `unknown` unless an account proves worse; an account
    whose own test has no answer is such a failure. Raises UnusablePrice where an asset has no mark,
    BadConfiguration where a family is not installed.
    """
    return assess_all([portfolio], families=families, scenarios=scenarios, worst=worst)[0]


def assess_all(
    portfolios: Sequence[Portfolio],
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
    worst: int = 10,
) -> list[RiskResult]:
    """`assess` of each portfolio, evaluated together; they share one configuration."""
    found = assessments(portfolios, families=families, scenarios=scenarios, worst=worst)
    return [result for _, result in found]


def assessments(
    portfolios: Sequence[Portfolio],
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
    worst: int = 10,
) -> list[tuple[Portfolio, RiskResult]]:
    """`assess_all`, each result with the portfolio that it is of.

    That is the given one, where an account whose own test has no answer has lost its rule, which makes the
    portfolio incomplete: see `judging`.
    """

    def evaluate(block: Sequence[Portfolio]) -> list[RiskResult]:
        return _evaluated(block, families, scenarios, worst)

    found: list[tuple[Portfolio, RiskResult]] = []
    for block in blocks(portfolios):
        found += zip(*judging(block, evaluate), strict=True)
    return found


def _evaluated(
    block: Sequence[Portfolio], families: Mapping[str, RuleFamily], scenarios: ScenarioSet, worst: int
) -> list[RiskResult]:
    scanned = scan(book(block, scenarios), families)
    tailed = tail(scanned)
    estimates = tails(scanned, tailed, scenarios.history)
    found = [
        _result(scanned, tailed, wallet, accounts, estimates[wallet], worst)
        for wallet, accounts in enumerate(judged(scanned, tailed))
    ]
    return _with_fresh_prices(found, scanned, families)


def _with_fresh_prices(
    found: list[RiskResult], late: Scan, families: Mapping[str, RuleFamily]
) -> list[RiskResult]:
    """The results with what kappa would be if no price were late, of portfolios that a late one moves."""
    old = late.book
    waiting = [
        any(old.axes.bases[i] in old.scenarios.staleness_days for i in np.flatnonzero(moved))
        for moved in (old.axes_of(slice(*old.account_start[w : w + 2]))[0] for w in range(len(found)))
    ]
    if not any(waiting):
        return found
    scanned = scan(book(old.portfolios, old.scenarios.fresh()), families)
    kappa = np.minimum(scanned.kappa, tail(scanned).kappa)
    return [
        replace(result, fresh_kappa=float(kappa[wallet])) if waiting[wallet] else result
        for wallet, result in enumerate(found)
    ]


def blocks(portfolios: Sequence[Portfolio]) -> list[list[Portfolio]]:
    """Portfolios in their order, so many together as `BLOCK_ACCOUNTS` allows; a larger one is by itself."""
    blocks: list[list[Portfolio]] = []
    accounts = 0
    for portfolio in portfolios:
        if not blocks or accounts + len(portfolio.accounts) > BLOCK_ACCOUNTS:
            blocks.append([])
            accounts = 0
        blocks[-1].append(portfolio)
        accounts += len(portfolio.accounts)
    return blocks


def _result(
    scan: Scan, tail: Tail, wallet: int, judgement: Judged, estimates: Tails, worst: int
) -> RiskResult:
    portfolio, accounts = scan.book.portfolios[wallet], judgement.accounts
    mine = slice(*scan.book.account_start[wallet : wallet + 2])
    equities = scan.equity[mine]
    equity = float(equities.sum())
    gross = float(scan.gross[mine].sum())
    whole = scan.standard.whole[wallet]
    by_scan, by_draws = equity - float(whole.min()), estimates.requirement_usd
    add_on = float(scan.add_ons.wallet[wallet])
    requirement = max(by_scan, by_draws) + add_on
    isolated = math.fsum(account.requirement_usd for account in accounts)
    kappa = min(float(scan.kappa[wallet]), float(tail.kappa[wallet]))
    empty = not any(account.positions for account in portfolio.accounts)
    complete = portfolio.coverage.complete and not portfolio.failures
    first = score.weakest(accounts)
    unified = Band.NONE if empty else score.unified_band(kappa)
    weakest = Band.NONE if first is None else score.account_band(first)
    parts = position_greeks(scan.book, wallet)
    greeks = total_greeks(parts, scan.book.axes.bases)
    drawn = binds(by_draws, by_scan, gross)
    binding = mean_loss(scan, tail, wallet) if drawn else least(scan, wallet)
    inputs = scan.book.scenarios.inputs
    flags = (*scan.book.flags[wallet], *judgement.flags, *_late(scan, mine), inputs.told)
    return RiskResult(
        score=None if empty else score.score(kappa),
        kappa=kappa,
        band=score.worse(unified, weakest),
        unified_band=unified,
        weakest_band=weakest,
        verdict=score.verdict(unified, weakest, complete=complete),
        margin_coverage_ratio=equity / requirement if requirement > 0.0 else math.inf,
        equity_usd=equity,
        walk_away_equity_usd=_walk_away(scan, mine),
        gross_usd=gross,
        requirement_usd=requirement,
        scan_requirement_usd=by_scan,
        add_on_usd=add_on,
        isolated_requirement_usd=isolated,
        multiples=Multiples(
            native=min((account.lam_native for account in accounts), default=math.inf),
            operational=float(scan.operational[wallet]),
            solvency=float(scan.solvency[wallet]),
        ),
        weakest_account=None if first is None else first.account_id,
        accounts=accounts,
        greeks=greeks,
        position_greeks=parts,
        worst_scenarios=tuple(losses(scan, wallet)[:worst]),
        binding=None if empty else binding,
        waterfall=_waterfall(equity, requirement, accounts, isolated, gross),
        tails=estimates,
        survival=() if empty else survival(scan, tail, wallet),
        flags=tuple(dict.fromkeys(flags)),
        framework_version=FRAMEWORK_VERSION,
        parameters_hash=scan.book.scenarios.parameters.hash,
        scenario_hash=scan.book.scenarios.hash,
        history=inputs.used,
        closing_cost_usd=closing_cost_usd(greeks, scan.book.scenarios),
        worst_case=worst_case(portfolio, kappa, score.verdict(unified, weakest, complete=True)),
    )


def _walk_away(scan: Scan, mine: slice) -> float:
    """Equity where silos without recourse are left behind once they are worth less than nothing."""
    kept = (
        equity if account.debt_is_recourse else max(equity, 0.0)
        for account, equity in zip(scan.book.accounts[mine], scan.equity[mine], strict=True)
    )
    return math.fsum(kept)


def _late(scan: Scan, mine: slice) -> list[str]:
    moved = {scan.book.axes.bases[i] for i in np.flatnonzero(scan.book.axes_of(mine)[0])}
    return [
        f"the price of {underlying} is {days * 24:.1f} hours past its heartbeat: its scan range is wider"
        for underlying, days in sorted(scan.book.scenarios.staleness_days.items())
        if underlying in moved
    ]


def _waterfall(
    equity: float, requirement: float, accounts: Sequence[AccountRisk], isolated: float, gross: float
) -> Waterfall:
    """E0 - M = sum G_v + sum((E_v - M_v) - G_v) + (sum M_v - M), asserted to rounding (section 6).

    Raises ArithmeticError where it does not hold or netting is negative: a defect of this package.
    """
    power = np.array([account.power_usd for account in accounts])
    required = np.array([account.native_requirement_usd for account in accounts])
    equities = np.array([account.equity_usd for account in accounts])
    alone = np.array([account.requirement_usd for account in accounts])
    G = headroom(power, required, equities)
    native, haircuts, netting = float(G.sum()), float((equities - alone - G).sum()), isolated - requirement
    excess = equity - requirement
    # Sums carry the rounding of their largest term: a protocol's power may exceed what the market pays.
    slack = 1e-9 * max(gross, float(np.abs(power).sum()), float(np.abs(required).sum()))
    if abs(native + haircuts + netting - excess) > slack or netting < -slack:
        raise ArithmeticError(f"the waterfall does not add up: {native} + {haircuts} + {netting} != {excess}")
    return Waterfall(native, haircuts, netting, excess)
