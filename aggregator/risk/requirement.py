"""What a silo's equity counts as, and costs that are in no price (RISK.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.holdings import Holdings


@dataclass(frozen=True, eq=False, slots=True)
class AddOns:
    """A in USD: of each account alone (accounts,), and of each portfolio, netted (portfolios,)."""

    account: NDArray[np.float64]
    wallet: NDArray[np.float64]


def add_ons(held: Holdings) -> AddOns:
    """Perp, naked-short, funding and half-spread add-ons.

    Perps by net notional per account and underlying. A short is naked as far as calls and puts of its
    underlying, expiry and strike together are short: within the account, and for a portfolio over all its
    accounts. Funding counts where more goes out than comes in.
    """
    size, legs, count = held.scenarios.parameters, held.legs, held.account_count
    perps = np.bincount(legs.perp_account, np.abs(legs.perp_net_usd), minlength=count) * size.add_on_perp
    account = perps + size.half_spread * legs.derivative_usd
    account += size.add_on_naked_short * _naked_usd(held, legs.holder, count)
    account += np.maximum(0.0, -legs.funding_usd)
    wallet = np.sum(list(add_on_lines(held).values()), axis=0)
    return AddOns(account, wallet)


def add_on_lines(held: Holdings) -> dict[str, NDArray[np.float64]]:
    """A of each portfolio by what it is for, each (portfolios,) in USD."""
    size, legs = held.scenarios.parameters, held.legs
    perps: NDArray[np.float64] = np.bincount(
        legs.perp_account, np.abs(legs.perp_net_usd), minlength=held.account_count
    ).astype(np.float64)
    owners = held.wallet[legs.holder]
    return {
        "perps": size.add_on_perp * held.by_wallet(perps),
        "written options": size.add_on_naked_short * _naked_usd(held, owners, held.wallet_count),
        "funding of 24 hours": np.maximum(0.0, -held.by_wallet(legs.funding_usd)),
        "half-spread": size.half_spread * held.by_wallet(legs.derivative_usd),
    }


def counted(held: Holdings, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """f_v(e) = mu_v * max(e, 0) - max(-e, 0) of silo values (accounts, ...): a protocol may fail."""
    return counted_at(held.kept, values)


def counted_at(kept: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """f_v of the values of some accounts (accounts, ...) of which `kept` (accounts,) counts."""
    scale = kept.reshape(-1, *(1,) * (values.ndim - 1))
    return np.where(values > 0.0, scale * values, values)


def _naked_usd(held: Holdings, owner: NDArray[np.intp], owners: int) -> NDArray[np.float64]:
    legs = held.legs
    naked = np.zeros(owners)
    if not len(owner):
        return naked
    key = owner * (legs.group.max() + 1) + legs.group
    order = np.argsort(key, kind="stable")  # equal ones in the order of the legs, whoever else is there
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    short = np.maximum(0.0, -np.add.reduceat(legs.quantity[order], first))
    unit_usd = np.maximum.reduceat(legs.unit_usd[order], first)
    np.add.at(naked, owner[order][first], short * unit_usd)
    return naked
