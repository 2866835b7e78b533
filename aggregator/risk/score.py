"""From stress multiples to a score, bands and a verdict (RISK.md section 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aggregator.model.results import AccountRisk, Band, Verdict

_SEVERITY = {band: i for i, band in enumerate(Band)}

_VERDICTS = {
    Band.NONE: Verdict.OK,
    Band.STRONG: Verdict.OK,
    Band.HEALTHY: Verdict.OK,
    Band.WATCH: Verdict.WARN,
    Band.CRITICAL: Verdict.CRITICAL,
    Band.UNDER_MARGINED: Verdict.CRITICAL,
    Band.INSOLVENT: Verdict.CRITICAL,
    Band.NATIVE_LIQUIDATION: Verdict.LIQUIDATABLE,
}


def score(kappa: float) -> float:
    """100 * kappa / (1 + kappa): 50 survives exactly one standard stress; 100 where nothing is too much."""
    return 100.0 if math.isinf(kappa) else 100.0 * kappa / (1.0 + kappa)


def unified_band(kappa: float) -> Band:
    """The band of the whole, by kappa alone."""
    if kappa == 0.0:
        return Band.INSOLVENT
    limits = ((1.0, Band.UNDER_MARGINED), (1.2, Band.CRITICAL), (1.5, Band.WATCH), (3.0, Band.HEALTHY))
    return next((band for limit, band in limits if kappa < limit), Band.STRONG)


def account_band(account: AccountRisk) -> Band:
    """What one account alone demands; STRONG where it demands nothing.

    Of one that nobody can judge at other prices nothing better than WATCH is known.
    """
    if account.liquidatable:
        return Band.NATIVE_LIQUIDATION
    if account.lam_native < 0.25:
        return Band.CRITICAL
    return Band.WATCH if account.lam_native < 1.0 or account.is_unjudged else Band.STRONG


def weakest(accounts: Iterable[AccountRisk]) -> AccountRisk | None:
    """The account that is liquidated first, of those that set the band; None where none does.

    One that nobody can judge comes after those that fail within one stress. Ties go to the lower native
    health, then to the id.
    """

    def order(account: AccountRisk) -> tuple[int, float, float, str]:
        health = math.inf if account.native_health is None else account.native_health
        band = _SEVERITY[account_band(account)]
        return -band, account.lam_native, health, account.account_id

    return min((account for account in accounts if account.sets_band), key=order, default=None)


def worse(one: Band, other: Band) -> Band:
    """The worse of two bands."""
    return max(one, other, key=_SEVERITY.__getitem__)


def verdict(unified: Band, weakest_band: Band, *, complete: bool) -> Verdict:
    """The verdict for tables and exit codes.

    Where something could not be read only what an account proves by itself stands: it is liquidatable or
    critical whatever else there may be. The whole is then unknown.
    """
    if complete:
        return _VERDICTS[worse(unified, weakest_band)]
    alone = _VERDICTS[weakest_band]
    return alone if alone in (Verdict.LIQUIDATABLE, Verdict.CRITICAL) else Verdict.UNKNOWN
