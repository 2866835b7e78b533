"""What the program makes of a wallet here: by a configuration of its own addresses and chain."""

from __future__ import annotations

import tomllib

import pytest

from aggregator import app, settings
from aggregator.app import Checked
from aggregator.model.units import Address
from tests.adapters.opyn_gamma.world import CALL, PUT, Gamma
from tests.devnet.config import render
from tests.devnet.deployment import DeploymentEntry, TokenEntry


def checked(gamma: Gamma, me: Address) -> Checked:
    """The wallet with its score."""
    addresses = {role: str(address) for role, address in gamma.deployment.addresses.items()}
    text = render(
        chain_id=31337,
        url=gamma.node.url,
        deployments=[DeploymentEntry("opyn_gamma", "Gamma", addresses, first_block=1)],
        tokens=[
            TokenEntry(gamma.at("WETH"), "WETH", 18, "ETH", "base"),
            TokenEntry(gamma.at("USDC"), "USDC", 6, "USD", "stable"),
        ],
    )
    config = settings.build(tomllib.loads(text), "local")
    [one] = app.check(app.read(app.Selection((me,)), config))
    return one


def test_a_short_without_a_known_volatility_is_valued_and_told(gamma: Gamma, me: Address) -> None:
    """At its class's volatility; the long at intrinsic value. The rule is ours and the calculator's alike."""
    put, call = gamma.otoken(PUT, 1_800, 50), gamma.otoken(CALL, 2_500, 20)
    gamma.open(me, 1, short=(put, 5 * 10**8), collateral=("USDC", 4_100 * 10**6))
    gamma.contract(call).send("mint", me, 10**8)
    one = checked(gamma, me)
    naked, held = one.risk.accounts
    assert naked.native_health == pytest.approx(4_100 / 3_994.5)
    assert naked.check_bps == 0.0
    assert 0 < naked.lam_native < 1
    # 105.5 USDC are to spare; each dollar of ETH takes 5 * 0.75 * (1 - 0.3326) of them.
    [price] = naked.liquidation_prices
    assert price.price_usd == pytest.approx(2_000 - 105.5 / (5 * 0.75 * (1 - 0.3326)))
    assert naked.equity_usd < 4_100
    assert held.equity_usd == 0.0
    assert not held.liquidatable
    told = [flag for flag in one.risk.flags if "no implied volatility" in flag]
    assert [flag.rpartition(": ")[2] for flag in told] == [
        "valued at the highest known or its class's",
        "valued at intrinsic value",
    ]
