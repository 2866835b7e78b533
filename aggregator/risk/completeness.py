"""What is true whatever could not be read: the lower bound that the answer states (RISK.md section 5)."""

from __future__ import annotations

from aggregator.model.portfolio import Portfolio
from aggregator.model.results import Verdict, WorstCase
from aggregator.risk import score

CANT_OWE = "wallet"
"""The one protocol whose accounts hold coins alone."""

_NAMED = 5


def worst_case(portfolio: Portfolio, kappa: float, verdict: Verdict) -> WorstCase | None:
    """The worst that unread parts allow; None where everything was read.

    `kappa` and `verdict` are those of what was read, taken as if it were all. Coins of the wallet can't owe,
    and more of them never lower kappa (property 1), so that without them both are bounds. What is unread
    elsewhere may owe more than it holds, and may be liquidatable now: nothing better can be promised.
    """
    if portfolio.coverage.complete and not portfolio.failures:
        return None
    owing = tuple(
        dict.fromkeys(f"{f.adapter} {f.deployment}" for f in portfolio.failures if f.adapter != CANT_OWE)
    )
    if portfolio.failures and not owing:
        why = "only coins of the wallet are unread: they can't owe, and more of them never lowers the score"
        return WorstCase(score.score(kappa), kappa, verdict, why)
    named = ", ".join(owing[:_NAMED]) + (f" and {len(owing) - _NAMED} more" if len(owing) > _NAMED else "")
    why = f"what is unread of {named or 'a deployment'} may owe more than it holds, and be liquidatable now"
    return WorstCase(0.0, 0.0, Verdict.LIQUIDATABLE, why)
