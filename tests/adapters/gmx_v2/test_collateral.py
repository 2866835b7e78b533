"""Collateral to claim: found in logs of the account, counted as the contract would pay it out now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.gmx_v2 import collateral
from adapters.gmx_v2.adapter import build
from aggregator.contract import Deployments, Logs, Request
from aggregator.model.errors import MalformedReply, ProviderUnavailable, Unsupported
from aggregator.model.positions import Supply
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.gmx_v2.live import Site
from tests.devnet.gmx_v2 import BTC, ETH, HOUR_SECONDS, SINGLE
from tests.devnet.gmx_v2_deploy import FLOAT, hashed
from tests.reading_kit import run_jobs

DELAY_HOURS = 24


@pytest.fixture
def claiming(site: Site) -> Site:
    """The deployment with logs looked at for as long as there are blocks, and a delay of a day."""
    site.gmx.set(uints={hashed("CLAIMABLE_COLLATERAL_DELAY"): DELAY_HOURS * HOUR_SECONDS})
    return looking(site, 1_000_000)


def looking(site: Site, blocks: int) -> Site:
    """The site with logs of so many blocks looked at."""
    entry = replace(site.deployment, options={**site.deployment.options, "claimable_blocks": blocks})
    return Site(site.world, build(Deployments((entry,), ())), entry)


def held(reading: Reading) -> dict[str, int]:
    """What the account of claims has, by symbol."""
    [account] = [one for one in reading.accounts if one.label.endswith("claims")]
    found: dict[str, int] = {}
    for one in account.positions:
        assert isinstance(one, Supply)
        found[one.asset.symbol] = found.get(one.asset.symbol, 0) + one.raw
    return found


def test_what_can_be_claimed_follows_the_factors(claiming: Site) -> None:
    """All of it after the delay; before, what is released for all or for the account, less a reduction."""
    gmx, user = claiming.gmx, claiming.world.spare[4]
    now = claiming.now() // HOUR_SECONDS
    old = now - DELAY_HOURS - 2
    gmx.put_by(user, ETH, "USDC", old, 1_000)
    gmx.put_by(user, ETH, "USDC", old, 500)  # twice in one place: 1,500
    gmx.put_by(user, BTC, "USDC", now, 7_000)  # not released yet
    gmx.put_by(user, SINGLE, "WETH", now, 9_001)
    gmx.put_by(user, ETH, "WETH", old, 800)
    gmx.put_by(claiming.world.spare[5], ETH, "USDC", old, 10**9)
    factor = "CLAIMABLE_COLLATERAL_FACTOR"
    gmx.set(
        uints={
            gmx.collateral_key("CLAIMED_COLLATERAL_AMOUNT", user, ETH, "USDC", old): 200,
            gmx.collateral_key(factor, None, SINGLE, "WETH", now): FLOAT // 4,
            gmx.collateral_key(factor, user, SINGLE, "WETH", now): FLOAT // 2,
            gmx.collateral_key("CLAIMABLE_COLLATERAL_REDUCTION_FACTOR", user, ETH, "WETH", old): FLOAT // 10,
        }
    )
    reading = claiming.read(user)
    assert held(reading) == {"USDC": 1_300, "WETH": 4_500}
    assert not reading.failures
    assert any("3 amounts of collateral wait" in one for one in reading.warnings)
    assert not any("not read" in one or "since block" in one for one in reading.warnings)


def test_it_is_released_a_second_after_the_delay(claiming: Site) -> None:
    """As the contract compares."""
    gmx, user = claiming.gmx, claiming.world.spare[4]
    hour = claiming.now() // HOUR_SECONDS - DELAY_HOURS + 1
    gmx.put_by(user, ETH, "USDC", hour, 1_000)
    release = (hour + DELAY_HOURS) * HOUR_SECONDS
    for time, amount in ((release, None), (release + 1, 1_000)):
        claiming.world.node.warp(time - claiming.now())
        assert claiming.now() == time
        reading = claiming.read(user)
        assert held(reading) == {"USDC": amount} if amount else not reading.accounts
        assert bool(amount) != any("1 amounts of collateral wait" in one for one in reading.warnings)


def test_what_is_not_looked_at_is_said_to_whoever_has_anything(site: Site) -> None:
    """Nothing is read unless it is asked for; nobody without anything is told."""
    user, nobody = site.world.spare[4], site.world.wallets["empty"]
    site.gmx.claimable(user, ETH, "WETH", 5)
    site.gmx.put_by(user, ETH, "WETH", 1, 10**18)
    for _ in range(3):
        site.world.node.mine()
    assert any("claimed after large price impact is not read" in one for one in site.read(user).warnings)
    assert held(site.read(user)) == {"WETH": 5}
    short = looking(site, 2).read(user)
    assert held(short) == {"WETH": 5}
    assert any("only looked for since block" in one for one in short.warnings)
    assert not site.read(nobody).warnings
    assert held(looking(site, 1_000_000).read(user)) == {"WETH": 5 + 10**18}


def test_it_takes_no_round_more(claiming: Site) -> None:
    """Logs are asked for with the lists, amounts with the markets."""
    claiming.gmx.put_by(claiming.world.wallets["hedged"], ETH, "USDC", 1, 10**6)
    job = Job(claiming.adapter, claiming.deployment, parse_address(claiming.world.wallets["hedged"]))
    outcome, _ = run_jobs(claiming.world.node.url, [job])
    assert max(outcome.rounds.values()) <= 3
    [one] = outcome.outcomes
    assert isinstance(one.result, Reading)
    assert held(one.result)["USDC"] == 501 * 10**6
    assert not one.result.failures


@pytest.mark.parametrize("what", ["a factor", "a later hour"])
def test_what_the_contract_would_revert_on_is_a_named_failure(claiming: Site, what: str) -> None:
    """Of orders and claims; positions stand."""
    gmx, user = claiming.gmx, claiming.world.wallets["hedged"]
    hour = 1 if what == "a factor" else claiming.now() // HOUR_SECONDS + 2
    gmx.put_by(user, ETH, "USDC", hour, 10)
    if what == "a factor":
        gmx.set(uints={gmx.collateral_key("CLAIMABLE_COLLATERAL_FACTOR", user, ETH, "USDC", hour): FLOAT + 1})
    reading = claiming.read(user)
    [failure] = reading.failures
    assert isinstance(failure.error, MalformedReply)
    assert failure.label.endswith("orders and claims")
    assert any(one.rule for one in reading.accounts)


def _with_logs(site: Site, user: str, change: Any) -> Reading:
    def tamper(request: Request[Any], reply: Any) -> Any:
        return change(reply) if isinstance(request, Logs) else reply

    return site.tampered(user, tamper)


def test_logs_that_can_not_be_are_a_named_failure(claiming: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the collateral to claim alone: of another account or event, without a name, garbled, or lost."""
    gmx, user = claiming.gmx, claiming.world.wallets["hedged"]
    gmx.put_by(user, ETH, "USDC", 1, 10)
    gmx.emitter.send("tell", "ClaimableCollateralUpdated", user, ["market"], [user], [])
    cases: list[tuple[Any, type[Exception]]] = [
        (lambda logs: logs, MalformedReply),
        (lambda logs: (replace(logs[0], data=logs[0].data[:-32]),), MalformedReply),
        (lambda logs: (replace(logs[0], data=logs[0].data.replace(b"Claim", b"claim")),), MalformedReply),
        (lambda logs: (_of_another(logs[0], user),), MalformedReply),
        (lambda _: ProviderUnavailable("an endpoint", "it is gone"), ProviderUnavailable),
    ]
    for change, error in cases:
        reading = _with_logs(claiming, user, change)
        [failure] = reading.failures
        assert isinstance(failure.error, error)
        assert failure.label.endswith("collateral to claim")
        assert held(reading)["USDC"] == 500 * 10**6
    monkeypatch.setattr(collateral, "MOST", 0)
    [failure] = _with_logs(claiming, user, lambda logs: logs[:1]).failures
    assert isinstance(failure.error, Unsupported)


def _of_another(log: Any, user: str) -> Any:
    return replace(log, data=log.data.replace(bytes.fromhex(user[2:]), b"\7" * 20))
