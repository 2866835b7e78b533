"""`whatif` on the recorded demo: real rules before and after, gates, rows, and wrong input."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from cli.text import WIDTH
from tests.cli.runner import crossmargin
from tests.devnet.world import World
from tests.docs.test_schema import errors

OFFCHAIN = 2
"""The market's name for off-chain delayed orders."""


def _data(*arguments: str, code: int = 0) -> dict[str, Any]:
    result = crossmargin("whatif", "--demo", "--json", *arguments)
    assert result.code == code
    document = result.json()
    assert errors("whatif.json", document) == []
    found: dict[str, Any] = document["data"]
    return found


def test_a_repayment_is_the_pools_own() -> None:
    """1,500 of 24,000.08 USDC: health grows in that proportion, the wallet pays, nothing is lost."""
    data = _data("--repay", "aave_v3:USDC=1500")
    accounts = {a["protocol"]: a for a in data["accounts"]}
    before, after = (accounts["aave_v3"][side]["native_health"] for side in ("before", "after"))
    assert after == pytest.approx(before * 24_000.084485 / 22_500.084485, rel=1e-9)
    assert float(accounts["wallet"]["after"]["equity_usd"]) == pytest.approx(800.0, abs=0.01)
    assert float(data["after"]["equity_usd"]) == pytest.approx(float(data["today"]["equity_usd"]), abs=1e-6)
    assert data["notes"] == []


def test_several_actions_on_the_screen() -> None:
    """Both sides of every account in 100 columns, with what is taken for granted."""
    shown = crossmargin(
        "whatif", "--demo", "-q", "--close", "synthetix", "--hedge", "ETH", "--repay", "aave:USDC=50%"
    )
    assert shown.code == 0
    for words in (
        "--repay aave:USDC=50%",
        "hypothetical ETH perp",
        "Wallet lacks 10500.042242 USDC",
        "no fee, price impact or funding is counted",
        "today",
        "after",
    ):
        assert words in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH


def test_what_is_not_known_is_said() -> None:
    """No rule tells what a market asks of another one's perp: unknown, exit 15, unless a part is accepted."""
    asked = ("--open", "perp:BTC=-0.1@synthetix")
    data = _data(*asked, code=15)
    [perps] = [a for a in data["accounts"] if a["native_unknown"]]
    assert perps["protocol"] == "synthetix_perps_v2"
    assert data["after"]["verdict"] == "unknown"
    shown = crossmargin("whatif", "--demo", "-q", *asked, "--allow-partial")
    assert shown.code == 0
    assert "WATCH or worse" in shown.out
    assert "own health after it is unknown" in shown.out


def test_more_of_a_perp_is_the_venues_own() -> None:
    """Its fee and its impact are lost, its own health is known; beyond its leverage the venue refuses."""
    data = _data("--open", "perp:ETH=-1@synthetix")
    [perps] = [a for a in data["accounts"] if a["protocol"] == "synthetix_perps_v2"]
    assert perps["native_unknown"] is None
    assert perps["after"]["native_health"] < perps["before"]["native_health"]
    assert float(data["after"]["equity_usd"]) < float(data["today"]["equity_usd"])
    result = crossmargin("whatif", "--demo", "--open", "perp:ETH=-300@synthetix")
    assert result.code == 2
    assert "would refuse it" in result.err


def test_gates_judge_the_state_after() -> None:
    """A weaker account fails a gate that today's passes."""
    calm = ("--deposit", "aave:WETH=1", "--warn-under", "10", "--fail-under", "5")
    assert crossmargin("whatif", "--demo", "-q", *calm).code == 30  # a weak perp warns before and after
    weak = ("--withdraw", "aave:WETH=4.9", "--fail-under", "5")
    assert crossmargin("whatif", "--demo", "-q", *weak).code == 31


def test_rows() -> None:
    """The whole and every account, old and new."""
    shown = crossmargin("whatif", "--demo", "--csv", "-q", "--hedge", "ETH=-1")
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [row["account_id"].split(":")[0] for row in rows] == [
        "",
        "aave_v3",
        "lyra_v1",
        "lyra_v1",
        "synthetix_perps_v2",
        "wallet",
        "whatif",
    ]
    assert (rows[-1]["equity_usd"], rows[-1]["equity_after_usd"]) == ("", "0.00000000")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give at least one of --repay"),
        (("--repay", "USDC=10"), "give ACCOUNT:ASSET=AMOUNT"),
        (("--repay", "aave:USDC=much"), "'much' is no amount"),
        (("--repay", "aave:DAI=1"), "'DAI' is not there: Aave V3.6 local has USDC"),
        (("--repay", "nobody:USDC=1"), "no account is called 'nobody'"),
        (("--withdraw", "aave:WETH=9"), "would refuse it: HealthFactorLowerThanLiquidationThreshold"),
        (("--close", "lyra"), "'lyra' is more than one account"),
        (("--close", "aave=half"), "'half' is no share"),
        (("--close", "aave=150%"), "above 0% and up to 100%"),
        (("--open", "perp:ETH"), "say how much"),
        (("--open", "ETH=-1@"), "give UNDERLYING=SIZE"),
        (("--hedge", "DOGE=-1"), "no price of 'DOGE' is known"),
        (("--hedge", "ETH=0"), "'0' is no size"),
        (("--open", "perp:ETH=0.0000000000000000001"), "at least 1e-18"),
        (("--open", "perp:ETH=9" + "9" * 30), "at most 1e+30"),
        (("--repay", "aave:USDC=" + "9" * 90), "at most 1e+30"),
        (("--repay", "aave:USDC=0." + "1" * 90), "48 digits"),
        (("--repay", f"aave:USDC={'9' * 5000}%"), "--repay aave:USDC=999"),
        (("--deposit", "aave:WETH=50%"), "say how much is deposited"),
        (("--hedge", "ETH", "--hedge", "ETH"), "no delta to ETH to hedge"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], words: str) -> None:
    """Usage, with what to do next; nothing on stdout."""
    refused = crossmargin("whatif", "--demo", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert words in refused.err


def test_closing_at_synthetix_counts_what_its_markets_take(local: World) -> None:
    """Half of a short, closed by a keeper: its own health is known, and fee, deposit and impact are paid."""
    market, hedged = local.synthetix.markets["sETHPERP"], local.wallets["hedged"]
    short = local.synthetix.account(hedged, "sETHPERP").size
    bought, mark = -short // 2, market.call("assetPrice")[0]
    fee = market.call("orderFee", bought, OFFCHAIN)[0] + local.synthetix.settings.call("minKeeperFee")
    filled = market.call("fillPrice", bought)[0]
    shown = crossmargin("whatif", hedged, "--close", "synthetix=50%", "--json")
    assert shown.code == 0
    data = shown.json()["data"]
    [account] = [a for a in data["accounts"] if a["protocol"] == "synthetix_perps_v2"]
    before, after = account["before"], account["after"]
    assert account["native_unknown"] is None
    assert after["native_health"] > 1.5 * before["native_health"]
    cost = Decimal(fee).scaleb(-18) + Decimal(bought * (filled - mark)).scaleb(-36)
    assert cost > 1
    lost = Decimal(before["equity_usd"]) - Decimal(after["equity_usd"])
    assert lost == pytest.approx(cost, abs=Decimal("1e-7"))
    assert data["notes"] == []
    refused = crossmargin("whatif", hedged, "--withdraw", "synthetix:sUSD=1400")
    assert refused.code == 2
    assert "would refuse it: Position can be liquidated" in refused.err
