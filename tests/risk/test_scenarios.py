"""The scenario set: sizes of rays, their geometry, independence of the portfolio, the hash."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pytest

from aggregator.model.assets import AssetId, Classification, ListedToken, TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.risk.factors import Axes, Factor, Peg
from aggregator.risk.parameters import parameters
from aggregator.risk.rays import Ray, Rays, Vol
from aggregator.risk.scenarios import CustomScenario, ScenarioSet, scenario_set
from tests.risk.builders import CHAIN, COINS, TOKENS, defaults, scenarios
from tests.risk.test_parameters import shipped

NAMED = ("BTC", "ETH", "SOL", "BNB", "XRP")
USDC, DAI = Peg("USDC", "USD", "stable"), Peg("DAI", "USD", "stable")
WSTETH = Peg("wstETH", "ETH", "lst")
ALL = Axes(NAMED, (DAI, USDC, WSTETH))


def two_assets(correlation: float = 0.84) -> ScenarioSet:
    """BTC and ETH alone."""
    data = shipped()
    data["assets"] = {name: data["assets"][name] for name in ("BTC", "ETH")}
    data["correlation"] = {"BTC-ETH": correlation}
    return scenario_set(parameters(data), TOKENS)


def move(rays: Rays, name: str, underlying: str) -> float:
    return float(rays.base[rays.names.index(name), rays.axes.bases.index(underlying)])


def peg_move(rays: Rays, name: str, peg: Peg) -> float:
    return float(rays.peg[rays.names.index(name), rays.axes.pegs.index(peg)])


def test_every_ray_of_the_named_assets() -> None:
    """SYS 7, IDIO, COND 30 each, SPREAD 20, VOL 6, FWD 12, EXT 2 + 10 + 1, NONE, PEG by token and class."""
    rays = scenarios().rays(ALL, options=True)
    kinds = [name.split(maxsplit=1)[0] for name in rays.names]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    assert counts == {
        "NONE": 1,
        "SYS": 7,
        "IDIO": 30,
        "COND": 30,
        "SPREAD": 20,
        "VOL": 6,
        "FWD": 12,
        "PEG": 11,
        "EXT": 13,
    }
    # lst is one token here: its class's rays are the token's.
    assert [name for name in rays.names if name.startswith("PEG")] == [
        "PEG DAI down",
        "PEG DAI down with SYS half down",
        "PEG DAI up",
        "PEG USDC down",
        "PEG USDC down with SYS half down",
        "PEG USDC up",
        "PEG wstETH down",
        "PEG wstETH down with SYS half down",
        "PEG all stable down",
        "PEG all stable down with SYS half down",
        "PEG all stable up",
    ]


def test_sizes() -> None:
    """Scan range, conditional moves, spreads and extremes as specified; IDIO as the reference portfolios."""
    rays = two_assets().rays(Axes(("BTC", "ETH"), ()), options=True)
    assert move(rays, "SYS down, vol up", "ETH") == -0.18
    assert move(rays, "SYS half down", "BTC") == -0.08
    assert move(rays, "IDIO ETH up", "ETH") == pytest.approx(0.0977, abs=5e-5)
    assert move(rays, "IDIO BTC down", "BTC") == pytest.approx(-0.0868, abs=5e-5)
    assert move(rays, "COND ETH down", "BTC") == pytest.approx(-0.84 * 0.16)
    assert move(rays, "SPREAD ETH up, BTC down", "ETH") == pytest.approx(0.05091168824543142)
    assert move(rays, "SPREAD ETH up, BTC down", "BTC") == pytest.approx(-0.04525483399593904)
    assert move(rays, "EXT down, vol up", "ETH") == -0.36
    assert move(rays, "EXT ETH up, vol up", "ETH") == pytest.approx(2 * 0.0977, abs=1e-4)
    far = rays.names.index("EXT down, vol up")
    assert rays.weight[far] == 0.35
    assert rays.vol[far] == Vol.UP
    assert (np.delete(rays.weight, [i for i, n in enumerate(rays.names) if n.startswith("EXT")]) == 1.0).all()


def test_no_correlation_offsets_a_pair_beyond_the_floor() -> None:
    """At .98 a tenth of the range would do: the spread stays a quarter of it, IDIO half of it."""
    rays = two_assets(0.98).rays(Axes(("BTC", "ETH"), ()), options=False)
    assert move(rays, "SPREAD ETH up, BTC down", "ETH") == pytest.approx(0.25 * 0.18)
    assert move(rays, "SPREAD ETH up, BTC down", "BTC") == pytest.approx(-0.25 * 0.16)
    assert move(rays, "IDIO ETH down", "ETH") == pytest.approx(-0.5 * 0.18)


def test_pegs() -> None:
    """A token alone, with half a crash, up if it is a stablecoin; a class moves all its tokens."""
    rays = scenarios().rays(ALL, options=False)
    assert peg_move(rays, "PEG all stable down", USDC) == peg_move(rays, "PEG all stable down", DAI) == -0.05
    assert peg_move(rays, "PEG USDC down", DAI) == 0.0
    assert peg_move(rays, "PEG DAI up", DAI) == 0.02
    assert peg_move(rays, "PEG wstETH down with SYS half down", WSTETH) == -0.07
    assert move(rays, "PEG wstETH down with SYS half down", "ETH") == -0.09


def test_one_ellipsoid() -> None:
    """IDIO (before its floor) and COND have Mahalanobis distance 1, SPREAD at least 1 in its pair."""
    ours = scenarios()
    rays = ours.rays(Axes(NAMED, ()), options=False)
    R, P = defaults().correlations(), np.array([ours.scan_range(u) for u in NAMED])
    inverse = np.linalg.inv(R)
    for i, u in enumerate(NAMED):
        cond = rays.base[rays.names.index(f"COND {u} up")] / P
        assert cond @ inverse @ cond == pytest.approx(1.0)
        idio = rays.base[rays.names.index(f"IDIO {u} up")] / P
        distance = float(idio @ inverse @ idio)
        assert distance == pytest.approx(max(1.0, 0.25 * inverse[i, i]))
    for i, k in combinations(range(len(NAMED)), 2):
        pair = rays.base[rays.names.index(f"SPREAD {NAMED[i]} up, {NAMED[k]} down")][[i, k]] / P[[i, k]]
        assert pair @ np.linalg.inv(R[np.ix_([i, k], [i, k])]) @ pair >= 1.0 - 1e-12


def test_rays_do_not_depend_on_what_is_held() -> None:
    """R0: what a portfolio holds only hides rays, and every hidden ray moves it like one that is there."""
    ours = scenarios()
    wide = Axes((*NAMED, "LINK", "unknown"), (DAI, USDC, WSTETH))
    everything = ours.rays(wide, options=True)
    for bases in permutations((*NAMED, "LINK"), 2):
        narrow = Axes(tuple(sorted(bases, key=wide.bases.index)), (USDC,))
        seen = ours.rays(narrow, options=True)

        def rows(rays: Rays, axes: Axes) -> set[tuple[float, ...]]:
            columns = [rays.axes.bases.index(u) for u in axes.bases]
            pegs = [rays.axes.pegs.index(p) for p in axes.pegs]
            idle = ~(rays.base[:, columns].any(1) | rays.peg[:, pegs].any(1) | (rays.vol != 0))
            weight = np.where(idle, 1.0, rays.weight)
            table = np.column_stack([rays.base[:, columns], rays.peg[:, pegs], rays.vol, weight])
            return {tuple(row) for row in table.tolist()}

        assert rows(seen, narrow) == rows(everything, narrow)


def test_unnamed_assets() -> None:
    """Class mid where a listed token says so, tail where nothing does; IDIO at the full range."""
    ours = scenarios()
    assert ours.scan_range("LINK") == 0.35
    assert ours.scan_range("eip155:1/erc20:0xdead") == 0.5
    assert ours.scan_range("USD") == 0.0
    rays = ours.rays(Axes(("LINK", "x"), ()), options=False)
    assert move(rays, "IDIO LINK down", "LINK") == -0.35
    assert move(rays, "EXT x down, vol up", "x") == -0.95
    assert move(rays, "EXT x up, vol up", "x") == 1.0


def test_late_feeds_widen_the_range() -> None:
    """sqrt(P^2 + (2.33 sigma)^2 a) with a in days, never to a price of zero."""
    late = scenario_set(defaults(), TOKENS, {"ETH": 2.0, "SOL": 1e6})
    assert late.scan_range("ETH") == pytest.approx(math.sqrt(0.18**2 + (2.33 * 0.037) ** 2 * 2.0))
    assert late.scan_range("BTC") == 0.16
    assert late.scan_range("SOL") == 0.95
    assert late.hash != scenarios().hash


def test_hash() -> None:
    """Equal for equal configurations, another one for another list, class or parameter."""
    assert scenario_set(defaults(), TokenList(reversed(list(TOKENS)))).hash == scenarios().hash
    fewer = TokenList(token for token in TOKENS if token.asset.symbol != "DAI")
    assert scenario_set(defaults(), fewer).hash != scenarios().hash
    changed = parameters(shipped(), {"peg": {"stable": -0.06}})
    assert scenario_set(changed, TOKENS).hash != scenarios().hash


def test_one_issuer_is_one_peg() -> None:
    """The same symbol and class on two chains moves together; an unlisted token stands for itself."""
    usdc = COINS["USDC"].asset
    twin = AssetId("eip155:10/erc20:0x99")
    known = Classification("USD", "stable")
    tokens = TokenList([*TOKENS, ListedToken(CHAIN, None, type(usdc)(twin, "USDC", 6), known)])
    ours = scenario_set(defaults(), tokens)
    assert ours.factor(twin, known) == ours.factor(usdc.id, known) == Factor("USD", (USDC,))
    stranger = AssetId("eip155:1/erc20:0x77")
    assert ours.factor(stranger, known).pegs == (Peg(stranger, "USD", "stable"),)
    assert ours.factor(stranger, Classification(stranger, "tail")) == Factor(stranger)


def test_custom_scenarios() -> None:
    """Moves by underlying, token and class; a token's own move wins; a name that nothing has is refused."""
    plan = CustomScenario("plan", {"ETH": -0.3, "stable": -0.1, "DAI": 0.05}, Vol.UP)
    rays = scenarios().custom([plan, CustomScenario("gone", {"ETH": -1.0})], ALL)
    assert move(rays, "plan", "ETH") == -0.3
    assert peg_move(rays, "plan", USDC) == -0.1
    assert peg_move(rays, "plan", DAI) == 0.05
    assert rays.vol.tolist() == [Vol.UP, Vol.NONE]
    with pytest.raises(BadConfiguration, match="'EHT', which nothing is"):
        scenarios().custom([CustomScenario("typo", {"EHT": -0.3})], ALL)
    for impossible in (-1.1, math.nan):
        with pytest.raises(BadConfiguration, match="falls below nothing"):
            scenarios().custom([CustomScenario("worse", {"ETH": impossible})], ALL)


def test_distinct_keeps_the_first() -> None:
    """Of rays that move the same, the first names them; without options volatility is nothing."""
    rays = Rays.of(
        [Ray("a", {"ETH": 0.1}), Ray("b", {"ETH": 0.1}, vol=Vol.UP), Ray("c", {"BTC": 0.1}), Ray("d")],
        Axes(("ETH",), ()),
    )
    assert rays.distinct(options=False).names == ("a", "c")
    assert rays.distinct(options=True).names == ("a", "b", "c")
