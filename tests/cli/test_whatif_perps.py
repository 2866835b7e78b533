"""`whatif` of a perpetual whose venue's rule knows what a trade does, beside the trade itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import crossmargin
from tests.devnet.world import World


def told(data: dict[str, Any], side: str) -> dict[str, Any]:
    [account] = [one for one in data["accounts"] if one["protocol"] == "perp_curie"]
    found: dict[str, Any] = account[side]
    return found


def test_closing_on_curie_is_the_exchanges_own(
    perps_devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Price impact and fee are in it: own health is known then, and as the contracts say once it is done."""
    path = tmp_path / "perps.toml"
    path.write_text(perps_devnet.config(), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    curie, user = perps_devnet.perp_curie, perps_devnet.wallets["hedged"]
    # Its range order in the other market is no position until the price moves.
    curie.arbitrage("vBTC", 38_500)
    perps_devnet.node.warp(2_000)
    asked = ("--adapter", "perp_curie", "--json")
    shown = crossmargin("whatif", user, "--close", "perp_curie:vETH", *asked)
    data = shown.json()["data"]
    assert not any("mark" in note or "fee" in note for note in data["notes"]), data["notes"]
    assert not [one for one in data["accounts"] if one["native_unknown"]]
    before = told(data, "before")
    curie.close(user, "vETH")
    said, after = curie.account(user), told(data, "after")
    # But for a second of the range order's funding.
    assert after["native_health"] == pytest.approx(said.value / said.requirement, rel=1e-6)
    lost = float(before["equity_usd"]) - float(after["equity_usd"])
    # 4 ETH at 0.1%, and what they move the pool.
    assert lost > 4 * 2_000 * 0.001
