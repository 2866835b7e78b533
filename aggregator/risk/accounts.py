"""Each account: its own test, checked against the protocol's answer, and what it would require alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Quote
from aggregator.model.results import AccountRisk, AssetLiquidationPrice, LiquidationPrice
from aggregator.model.rules import WAD, Health
from aggregator.pricing.book import usd
from aggregator.risk.liquidation import Crossing, by_asset, by_underlying
from aggregator.risk.native import Unjudgeable, exact_health
from aggregator.risk.runway import interest_usd_day, runway_days
from aggregator.risk.scan import Scan
from aggregator.risk.tail import Tail

FAST_TOLERANCE = 1e-4
"""One basis point: further apart, the fast form of a rule is not the exact one."""

DUST_USD = 1.0
DUST_SHARE = 1e-4
"""An account that owes less than $1 or 0.01% of the portfolio's gross value does not set the band."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Accounts of one portfolio, and sentences about what does not agree."""

    accounts: tuple[AccountRisk, ...]
    flags: tuple[str, ...]


def judged(scan: Scan, tail: Tail) -> list[Judged]:
    """The accounts of every portfolio of a book, in their order.

    Raises Unjudgeable where an account's own test has no answer.
    """
    least = np.minimum(scan.standard.lowest, tail.lowest)
    underlyings = _by_account(by_underlying(scan.book, scan.groups))
    assets = _by_account(by_asset(scan.groups))
    results = []
    for wallet, portfolio in enumerate(scan.book.portfolios):
        start, end = scan.book.account_start[wallet : wallet + 2]
        gross = float(scan.gross[start:end].sum())
        accounts, flags = [], []
        for i in range(start, end):
            risk, told = _judge(
                scan, int(i), float(least[i]), gross, portfolio, underlyings[int(i)], assets[int(i)]
            )
            accounts.append(risk)
            flags += told
        results.append(Judged(tuple(accounts), tuple(flags)))
    return results


def _by_account(crossings: Iterable[Crossing]) -> dict[int, list[Crossing]]:
    found: dict[int, list[Crossing]] = defaultdict(list)
    for crossing in crossings:
        found[crossing.account].append(crossing)
    return found


def check_bps(ours: int | None, reported: int | None) -> float:
    """How far our health is from the protocol's, in basis points of the protocol's; both with 18 decimals.

    None stands for "nothing is required": 0 where both say so; 10,000 where only one does, or where the
    protocol says zero and we don't. Always finite.
    """
    if ours == reported:
        return 0.0
    if ours is None or not reported:
        return 10_000.0
    return abs(ours - reported) * 10_000 / abs(reported)


def _judge(
    scan: Scan,
    i: int,
    least_usd: float,
    gross_usd: float,
    portfolio: Portfolio,
    underlyings: list[Crossing],
    assets: list[Crossing],
) -> tuple[AccountRisk, list[str]]:
    account, standard = scan.book.accounts[i], scan.standard
    equity, N, Q = float(scan.equity[i]), float(standard.power[i]), float(standard.requirement[i])
    time = int(scan.book.time[i])
    exact = exact_health(scan.book, i)
    reported = account.reported
    liquidatable = bool((exact and exact.liquidatable) or (reported and reported.liquidatable))
    lam = 0.0 if liquidatable else float(scan.native[i])
    risk = AccountRisk(
        account_id=account.id,
        equity_usd=equity,
        power_usd=N,
        native_requirement_usd=Q,
        native_health=None if exact is None or exact.health is None else exact.health / WAD,
        reported_health=None if reported is None or reported.health is None else reported.health / WAD,
        check_bps=_check_bps(exact, reported),
        liquidatable=liquidatable,
        lam_native=lam,
        binding_ray=scan.rays.names[scan.binding[i]] if math.isfinite(lam) else None,
        requirement_usd=equity - least_usd + float(scan.add_ons.account[i]),
        liquidation_prices=() if liquidatable else _prices(underlyings, portfolio.spots),
        asset_liquidation_prices=() if liquidatable else _asset_prices(assets, portfolio.marks),
        # Nothing liquidates a wallet, not even one that owes what it lacks.
        sets_band=account.kind != "wallet"
        and (
            max(float(scan.book.legs.debt_usd[i]), Q) >= max(DUST_USD, DUST_SHARE * gross_usd)
            or (exact is None and reported is not None and reported.health is not None)  # of unknown weight
        ),
        oracle_blind=bool(standard.blind[i]),
        interest_usd_day=interest_usd_day(account, portfolio),
        runway_days=_runway_days(account, time, i),
        binding_family=scan.rays.families[scan.binding[i]] if math.isfinite(lam) else None,
    )
    return risk, _told(account, exact, risk)


def _runway_days(account: Account, time: int, number: int) -> float | None:
    try:
        return runway_days(account, time)
    except Exception as error:  # whatever an adapter's rule does is told of its own account
        raise Unjudgeable({number: error}) from error


def _check_bps(exact: Health | None, reported: Reported | None) -> float | None:
    """As `check_bps`; None where there is no rule or no answer of the protocol to compare."""
    return None if exact is None or reported is None else check_bps(exact.health, reported.health)


def _prices(found: list[Crossing], spots: Mapping[str, float]) -> tuple[LiquidationPrice, ...]:
    return tuple(
        LiquidationPrice(
            underlying=crossing.moved,
            direction=_direction(crossing),
            price_usd=spots[crossing.moved] * crossing.multiple,
            distance=crossing.multiple - 1.0,
        )
        for crossing in found
        if crossing.moved in spots
    )


def _asset_prices(found: list[Crossing], marks: Mapping[AssetId, Quote]) -> tuple[AssetLiquidationPrice, ...]:
    return tuple(
        AssetLiquidationPrice(
            asset_id=AssetId(crossing.moved),
            direction=_direction(crossing),
            price_usd=usd(marks[AssetId(crossing.moved)]) * crossing.multiple,
            distance=crossing.multiple - 1.0,
        )
        for crossing in found
        if crossing.moved in marks
    )


def _direction(crossing: Crossing) -> Literal["down", "up"]:
    return "down" if crossing.multiple < 1.0 else "up"


def _told(account: Account, exact: Health | None, risk: AccountRisk) -> list[str]:
    sentences = []
    if risk.check_bps is not None and risk.check_bps > 1.0:
        sentences.append(
            f"{account.label}: our health differs from the protocol's own answer by {risk.check_bps:,.2f} bp"
        )
    if exact is not None and not _agrees(exact, risk):
        sentences.append(
            f"{account.label}: the exact and the fast form of its rule differ; trust its health only"
        )
    if exact and account.reported and account.reported.liquidatable not in (None, exact.liquidatable):
        sentences.append(f"{account.label}: the protocol and our rule disagree on whether it is liquidatable")
    if risk.is_unjudged:
        sentences.append(
            f"{account.label}: its protocol says how healthy it is, and not by which test: where it would be "
            "liquidated is not known"
        )
    if risk.oracle_blind:
        sentences.append(
            f"{account.label}: oracle blind: its protocol values margin at a pinned price, so that its own "
            "health would not show a loss of peg"
        )
    return sentences


def _agrees(exact: Health, risk: AccountRisk) -> bool:
    """Whether the fast form gives the exact form's ratio of power to requirement."""
    if exact.requirement == 0 or risk.native_requirement_usd == 0.0:
        return exact.requirement == 0 and risk.native_requirement_usd == 0.0
    ratio = exact.power / exact.requirement
    fast = risk.power_usd / risk.native_requirement_usd
    return abs(fast - ratio) <= FAST_TOLERANCE * max(1.0, abs(ratio))
