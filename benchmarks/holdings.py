"""Made-up holdings of many wallets: an account each of coins, of perps and of options on a common list."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from itertools import product

import numpy as np

from aggregator.model.assets import USD, TokenList
from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Factor, Peg
from aggregator.risk.holdings import Holdings
from aggregator.risk.legs import Legs
from aggregator.risk.parameters import parameters
from aggregator.risk.scenarios import scenario_set

LINEAR, OPTIONS = 10, 10
"""Of each wallet: six spot legs and four perp legs (two perps), and ten options."""
_SPOT, _PERP = 6, 4
_SPOTS = {"BTC": 100_000.0, "ETH": 4_000.0}
_FACTORS = (
    Factor("BTC"),
    Factor("ETH"),
    Factor(USD, (Peg("USDC", USD, "stable"),)),
    Factor("ETH", (Peg("wstETH", "ETH", "lst"),)),
)


def listed() -> Contracts:
    """600 contracts: calls and puts on two underlyings, 10 expiries, 15 strikes."""
    expiries = np.array([1, 2, 7, 14, 21, 30, 60, 90, 180, 365]) / 365.0
    rows = product(range(len(_SPOTS)), expiries, np.linspace(0.6, 1.6, 15), (1.0, -1.0))
    at, years, strike, sign = np.array(list(rows)).T
    index = at.astype(np.intp)
    spot = np.array(list(_SPOTS.values()))[index]
    return Contracts(
        underlying=tuple(list(_SPOTS)[i] for i in index),
        sign=sign,
        is_american=np.zeros(len(sign), dtype=np.bool_),
        strike=spot * strike,
        years=years,
        iv=0.6 + 0.2 * np.abs(strike - 1.0),
        rate=np.zeros(len(sign)),
        spot=spot,
        shift=np.zeros(len(sign)),
        price_factor=index,
        payment_factor=np.full(len(sign), 2),
        settlement_usd=np.ones(len(sign)),
    )


def holdings(wallets: int, seed: int = 7) -> Holdings:
    """So many wallets with 20 legs each in three accounts."""
    rng = np.random.default_rng(seed)
    shipped = tomllib.loads((files("aggregator") / "data/parameters.toml").read_text(encoding="utf-8"))
    scenarios = scenario_set(parameters(shipped), TokenList(()))
    accounts = 3 * np.arange(wallets)
    contracts = listed()
    spot_factor = np.broadcast_to([0, 1, 2, 3, 2, 1], (wallets, _SPOT))
    spot_usd = rng.uniform(-0.2, 1.0, (wallets, _SPOT)) * 20_000.0
    # A perp is its notional on the index, and less of it on what pays.
    notional = rng.normal(0.0, 15_000.0, (wallets, _PERP // 2))
    perp_usd = np.stack([-notional + 100.0, notional], axis=-1).reshape(wallets, _PERP)
    perp_factor = np.broadcast_to([2, 0, 2, 1], (wallets, _PERP))
    contract = rng.integers(0, len(contracts), (wallets, OPTIONS))
    quantity = rng.normal(0.0, 1.0, (wallets, OPTIONS)) * np.array([0.02, 0.5])[contract // 300]
    unit_usd = contracts.spot[contract]
    account = np.hstack([np.repeat(accounts[:, None], _SPOT, 1), np.repeat(accounts[:, None] + 1, _PERP, 1)])
    totals = np.zeros((4, wallets, 3))
    totals[0] = np.stack([np.abs(spot_usd).sum(1), np.abs(notional).sum(1), np.zeros(wallets)], axis=1)
    totals[1, :, 1] = np.abs(notional).sum(axis=1)
    totals[1, :, 2] = (np.abs(quantity) * unit_usd).sum(axis=1)
    totals[2, :, 1] = rng.normal(0.0, 5.0, wallets)
    linear, derivative, funding, debt = totals.reshape(4, -1)
    return Holdings(
        account_start=3 * np.arange(wallets + 1),
        kept=np.tile([1.0, 0.98, 0.98], wallets),
        scenarios=scenarios,
        factors=_FACTORS,
        axes=scenarios.axes(_FACTORS),
        legs=Legs(
            account=account.ravel(),
            position=np.tile(np.arange(LINEAR), wallets),
            factor=np.hstack([spot_factor, perp_factor]).ravel(),
            exposure_usd=np.hstack([spot_usd, perp_usd]).ravel(),
            holder=np.repeat(accounts + 2, OPTIONS),
            held_as=np.tile(np.arange(OPTIONS), wallets),
            contract=contract.ravel(),
            quantity=quantity.ravel(),
            group=contract.ravel() // 2,
            unit_usd=unit_usd.ravel(),
            perp_account=np.repeat(accounts + 1, _PERP // 2),
            perp_net_usd=notional.ravel(),
            linear_usd=linear,
            derivative_usd=derivative,
            funding_usd=funding,
            debt_usd=debt,
        ),
        contracts=contracts,
    )
