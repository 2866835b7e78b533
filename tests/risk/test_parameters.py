"""Parameters: what ships is valid, every line can be overridden, nonsense is refused by name."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from aggregator.model.errors import BadConfiguration
from aggregator.risk.parameters import Parameters, parameters


def shipped() -> dict[str, Any]:
    return tomllib.loads(files("aggregator").joinpath("data/parameters.toml").read_text(encoding="utf-8"))


def nested(path: str, value: object) -> dict[str, Any]:
    """`{"a": {"b": value}}` of "a/b"."""
    head, _, rest = path.partition("/")
    return {head: nested(rest, value) if rest else value}


def test_what_ships_is_valid() -> None:
    """Section 11's table, spot-checked, and a matrix that returns could have."""
    ours = parameters(shipped())
    assert list(ours.assets) == ["BTC", "ETH", "SOL", "BNB", "XRP"]
    assert ours.assets["ETH"].scan_range == 0.18
    assert ours.peg == {
        "stable": -0.05,
        "synthetic_usd": -0.1,
        "lst": -0.07,
        "lrt": -0.15,
        "wrapped_btc": -0.03,
        "algo_stable": -0.5,
    }
    R = ours.correlations()
    assert R[0, 1] == R[1, 0] == 0.84
    assert np.diag(R).tolist() == [1.0] * 5
    assert np.linalg.eigvalsh(R).min() > 0.1


def test_an_override_changes_one_line_and_the_hash() -> None:
    """One line replaced, everything around it kept; the same values give the same hash."""
    base = parameters(shipped())
    changed = parameters(shipped(), nested("assets/ETH/scan_range", 0.2))
    assert changed.assets["ETH"].scan_range == 0.2
    assert changed.assets["ETH"].iv == base.assets["ETH"].iv
    assert changed.hash != base.hash
    assert parameters(shipped(), nested("assets/ETH/scan_range", 0.18)).hash == base.hash


def test_hash_ignores_the_order_of_lines() -> None:
    """A file in another order is the same file, except for the order of assets, which scenarios follow."""
    data = shipped()
    data["peg"] = dict(reversed(data["peg"].items()))
    assert parameters(data).hash == parameters(shipped()).hash


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("assets/ETH/scan_range", 1.5, "assets.ETH.scan_range is 1.5"),
        ("assets/ETH/scan_range", "much", "must be a number"),
        ("assets/ETH/scan_range", True, "must be a number"),
        ("assets/ETH/scan_rnage", 0.2, "assets.ETH.scan_rnage is not a parameter"),
        ("pegs", {}, "pegs is not a parameter"),
        ("assets", [], "assets must be a table"),
        (
            "assets/DOGE",
            {"scan_range": 0.5, "daily_volatility": 0.1, "iv": 1.0, "depth_usd": 1e6},
            "BTC-DOGE is missing",
        ),
        ("correlation/BTC-ETH", -0.9, "is impossible"),
        ("peg/stable", 0.05, "peg.stable is 0.05"),
        ("peg/stable", float("nan"), "peg.stable is nan"),
        ("haircut/top_tier_protocols", "aave_v3", "must be a list of texts"),
        ("version", 1, "version must be a text"),
        ("stress/named/mine", {"period": "", "title": "", "moves": {"BTC": -0.1}}, "moves.ETH is missing"),
        ("stress/named/mine", {"period": "", "moves": {"ETH": -0.1}}, "stress.named.mine.title is missing"),
        ("stress/named/2022-11-07/moves/ETH", -1.5, "moves.ETH is -1.5"),
        ("stress/named/2022-11-07/vol", "up", "stress.named.2022-11-07.vol is not a parameter"),
        ("stress/blank_factor", -1, "stress.blank_factor is -1"),
        ("history/ewma_lambda", 1.0, "history.ewma_lambda is 1.0"),
        ("history/window_days", 365.5, "history.window_days is 365.5, must be a whole number"),
        ("history/latest_days", 0, "history.latest_days is 0"),
        ("history/half_life", 5, "history.half_life is not a parameter"),
    ],
)
def test_nonsense_is_refused(path: str, value: object, words: str) -> None:
    """The message names the line."""
    with pytest.raises(BadConfiguration) as caught:
        parameters(shipped(), nested(path, value), where="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert words in str(caught.value)


def test_missing_line() -> None:
    """A parameter can't be left out."""
    data = shipped()
    del data["rays"]["extreme_weight"]
    with pytest.raises(BadConfiguration, match=r"rays\.extreme_weight is missing"):
        parameters(data)


def test_haircut_tiers() -> None:
    """The wallet, a listed protocol, a new one, any other."""
    ours: Parameters = parameters(shipped(), nested("haircut/new_protocols", ["fresh"]))
    protocols = ("wallet", "aave_v3", "lyra_v1", "fresh")
    assert [ours.haircut.of(name) for name in protocols] == [0.0, 0.005, 0.02, 0.10]


def test_named_stresses_are_the_users_too() -> None:
    """A line overridden, one added; neither changes the hash, because no score depends on them."""
    own = nested("stress/named/2022-11-07/moves/SOL", -0.6)
    own["stress"]["named"]["mine"] = {"period": "soon", "title": "fear", "moves": {"ETH": -0.5}}
    ours, shipping = parameters(shipped(), own), parameters(shipped())
    found = {one.name: one for one in ours.stress.stresses}
    assert found["2022-11-07"].moves["SOL"] == -0.6
    assert found["2022-11-07"].moves["ETH"] == -0.309
    assert list(found)[-1] == "mine"
    assert ours.stress.blank(found["mine"]) == -0.6
    assert ours.hash == shipping.hash
