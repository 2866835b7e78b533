"""A three-protocol wallet built by hand, with every field set to something that a default is not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Deployment, RuleFamily, Shocked
from aggregator.model.accounts import Account, Observation, Reported
from aggregator.model.assets import Asset, AssetId, Classification, index_id, native_id, token_id
from aggregator.model.comparison import Method, Requirement
from aggregator.model.errors import CallReverted
from aggregator.model.families import RayFamily
from aggregator.model.holders import Holder
from aggregator.model.oracles import OraclePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.readings import Block, Failure, Quote
from aggregator.model.results import (
    AccountRisk,
    AssetLiquidationPrice,
    Band,
    Greeks,
    HistoryUsed,
    LiquidationPrice,
    Multiples,
    PositionGreeks,
    RiskResult,
    ScenarioLoss,
    Verdict,
    Waterfall,
    WorstCase,
)
from aggregator.model.rules import Feed, Health, JsonValue, Oracle, Rule
from aggregator.model.survival import SurvivalPoint
from aggregator.model.tails import Tails, ValueAtRisk
from aggregator.model.units import Address, ChainId
from aggregator.store.saved import SavedSnapshot
from aggregator.store.warehouse import Warehouse
from tests.store.blank import blank, copied

MAINNET, OPTIMISM = ChainId(1), ChainId(10)
WALLET = Address("0x" + "a1" * 20)
PROXY = Address("0x" + "b2" * 20)
SAFE = Address("0x" + "c3" * 20)
WETH = Asset(token_id(MAINNET, Address("0x" + "01" * 20)), "WETH", 18)
USDC = Asset(token_id(MAINNET, Address("0x" + "02" * 20)), "USDC", 6)
SUSD = Asset(token_id(OPTIMISM, Address("0x" + "03" * 20)), "sUSD", 18)
ETH_INDEX = index_id("ETH")
TAKEN_AT = datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LoanRule:
    """One collateral against one debt that is worth a dollar: the shape of a lending market's own test."""

    family: ClassVar[str] = "loan"
    collateral: int
    threshold_bps: int
    debt: int
    price: int

    @property
    def feeds(self) -> tuple[Feed, ...]:
        return (Feed(WETH.id, Oracle.MARKET, self.price, 8, "latestAnswer()@0x05"),)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        assert time > 0
        power = self.collateral * prices[WETH.id] * self.threshold_bps // 10_000 // 10**18
        health = power * 10**18 // self.debt if self.debt else None
        return Health(power, self.debt, 8, health, health is not None and health < 10**18)

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "collateral": str(self.collateral),
            "threshold_bps": self.threshold_bps,
            "debt": str(self.debt),
            "price": str(self.price),
        }


class LoanFamily:
    """Loads LoanRule."""

    name = "loan"

    def columns(self, rules: Sequence[Rule]) -> Sequence[LoanRule]:
        return cast("Sequence[LoanRule]", rules)

    def margin(self, columns: Any, shocked: Shocked) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        loans: Sequence[LoanRule] = columns
        units = np.array([loan.collateral / 1e18 * loan.threshold_bps / 1e4 for loan in loans])
        debt = np.array([loan.debt / 1e8 for loan in loans])
        return units[:, None] * shocked.prices, np.broadcast_to(debt[:, None], shocked.prices.shape)

    def load(self, data: Mapping[str, JsonValue]) -> LoanRule:
        values = {name: int(str(value)) for name, value in data.items()}
        return LoanRule(**values)


FAMILIES: dict[str, RuleFamily] = {"loan": LoanFamily()}
RULE = LoanRule(collateral=40 * 10**18 + 1, threshold_bps=8300, debt=61_000 * 10**8, price=2_091_12345678)
BLOCK = Block(MAINNET, 21_204_331, "0x" + "c3" * 32, "0x" + "c2" * 32, 1_795_350_000)
OPTIMISM_BLOCK = Block(OPTIMISM, 114_203_990, "0x" + "d4" * 32, "0x" + "d3" * 32, 1_795_350_002)

WALLET_ACCOUNT = Account(
    id=f"wallet:1:wallet:{WALLET}",
    protocol="wallet",
    kind="wallet",
    chain=MAINNET,
    label="wallet",
    owner_path=(WALLET,),
    positions=(Holding(Asset(native_id(MAINNET), "ETH", 18), 33 * 10**17, "getEthBalance(address)@0x06"),),
    rule=None,
    reported=None,
)
LOAN = Account(
    id=f"aave_v3:1:core:{PROXY}",
    protocol="aave_v3",
    kind="lending",
    chain=MAINNET,
    label="Aave V3 · ethereum",
    owner_path=(WALLET, PROXY),
    positions=(
        Supply(WETH, 40 * 10**18 + 1, is_collateral=True, origin="balanceOf(address)@0x07", apr=0.021),
        Supply(USDC, 5, is_collateral=False, origin="balanceOf(address)@0x08"),
        Debt(USDC, 61_000 * 10**6, "stable", "balanceOf(address)@0x09", 0.061),
    ),
    rule=RULE,
    reported=Reported(
        health=RULE.health({WETH.id: RULE.price}, 1).health,
        liquidatable=True,
        liquidation_price=1_140 * 10**18,
        origin="getUserData()@0x0a",
    ),
    debt_is_recourse=True,
)
DERIVATIVES = Account(
    id=f"perps:10:main:{WALLET}:7",
    protocol="perps",
    kind="perp",
    chain=OPTIMISM,
    label="Perps\x1b[31m",
    owner_path=(WALLET,),
    positions=(
        Perp(
            market="sETHPERP",
            index=ETH_INDEX,
            underlying="ETH",
            size_raw=-25 * 10**18,
            size_decimals=18,
            entry_price_raw=2_080 * 10**18,
            mark_price_raw=2_091 * 10**18,
            price_decimals=18,
            pnl_raw=-275 * 10**18,
            funding_raw=12 * 10**18 + 3,
            borrowing_raw=-5 * 10**17 - 1,
            borrowing_24h_raw=-3 * 10**16,
            settlement=SUSD,
            origin="position(uint256)@0x0b",
            funding_24h_raw=-(7 * 10**18) - 1,
        ),
        Option(
            instrument="ETH-28FEB27-2400-C",
            index=ETH_INDEX,
            underlying="ETH",
            right="call",
            style="european",
            size_raw=-10 * 10**18,
            size_decimals=18,
            strike_raw=2_400 * 10**18,
            price_decimals=18,
            expiry=1_803_801_600,
            settlement=SUSD,
            mark_raw=123_456_789_012_345_678_901,
            iv=0.1 + 0.2,
            iv_source="board",
            rate=0.05,
            origin="option(uint256)@0x0c",
            mark_source="getMark(uint256)@0x0c",
        ),
        Option(
            instrument="ETH-28FEB27-1800-P",
            index=ETH_INDEX,
            underlying="ETH",
            right="put",
            style="american",
            size_raw=10 * 10**18,
            size_decimals=18,
            strike_raw=1_800 * 10**18,
            price_decimals=18,
            expiry=1_803_801_600,
            settlement=SUSD,
            mark_raw=None,
            iv=None,
            iv_source=None,
            rate=0.0,
            origin="option(uint256)@0x0d",
            delivery="physical",
            multiplier_raw=10**16,
        ),
    ),
    rule=None,
    reported=Reported(None, None, None, "canLiquidate(address)@0x0e"),
    observed=Observation(1_795_350_003, "desk", "0x" + "e5" * 32),
)

EXPECTED = tuple(
    Deployment(adapter, chain, name, {}, "by hand")
    for adapter, chain, name in [
        ("wallet", MAINNET, "wallet"),
        ("aave_v3", MAINNET, "core"),
        ("aave_v3", MAINNET, "prime"),
        ("perps", OPTIMISM, "main"),
    ]
)
FAILURE = Failure("aave_v3", "prime", MAINNET, WALLET, CallReverted("getReservesList()@0x0f", "paused"))


def oracle(
    asset: Asset,
    origin: str,
    chain: ChainId | None,
    price_usd: float,
    *,
    age_s: int | None,
    deviation: float = 0.0,
) -> OraclePrice:
    """A source with a heartbeat of an hour, or none without an age; the mark where it deviates by nothing."""
    heartbeat_s, overdue_s = (None, 0) if age_s is None else (3_600, max(0, age_s - 3_600))
    mark = deviation == 0.0
    return OraclePrice(asset.id, origin, chain, price_usd, mark, deviation, age_s, heartbeat_s, overdue_s)


PORTFOLIO = Portfolio(
    wallet=WALLET,
    accounts=(WALLET_ACCOUNT, LOAN, DERIVATIVES),
    marks={
        # The native coin is marked at the wrapped coin's quote.
        native_id(MAINNET): Quote(
            WETH.id, 2_091_12345678, 8, "getAssetPrice(address)@0x10", 1_795_349_000, 3_600, MAINNET
        ),
        WETH.id: Quote(
            WETH.id, 2_091_12345678, 8, "getAssetPrice(address)@0x10", 1_795_349_000, 3_600, MAINNET
        ),
        USDC.id: Quote(USDC.id, 99_990_000, 8, "getAssetPrice(address)@0x10", chain=MAINNET),
        SUSD.id: Quote(SUSD.id, 10**36 + 1, 36, "fixed@0x11"),
        ETH_INDEX: Quote(ETH_INDEX, 2**256 - 1, 74, "assetPrice(bytes32)@0x12", chain=OPTIMISM),
    },
    spots={"USD": 1.0, "ETH": 2091.12345678},
    classes={
        WETH.id: Classification("ETH", "base"),
        USDC.id: Classification("USD", "stable"),
        SUSD.id: Classification(str(SUSD.id), "tail"),
    },
    blocks={MAINNET: BLOCK, OPTIMISM: OPTIMISM_BLOCK},
    failures=(FAILURE,),
    coverage=Coverage(expected=4, ok=3, failed=1, unverified=("prime", "core")),
    warnings=("a first warning", "a second: 'quoted' \"text\""),
    staleness_days={"ETH": 0.25, "BTC": 0.0},
    holders=(
        Holder(MAINNET, (WALLET, PROXY), ("DSProxy",), proven=True, counted=True),
        Holder(MAINNET, (WALLET, PROXY, SAFE), ("DSProxy", "Safe 2 of 3"), True, False, "others decide"),  # noqa: FBT003
    ),
    oracles=(
        oracle(WETH, "getAssetPrice(address)@0x10", MAINNET, 2_091.12345678, age_s=120),
        oracle(WETH, "latestAnswer()@0x13", OPTIMISM, 2_070.5, deviation=-0.009862, age_s=7_200),
        oracle(SUSD, "fixed@0x11", None, 1.0, age_s=None),
    ),
)

_WORST = ScenarioLoss("SYS down, vol up", 1.0, 31_200.5, ((LOAN.id, 30_000.25), (DERIVATIVES.id, 1_200.25)))
RESULT = RiskResult(
    score=65.03496503496503,
    kappa=1.86,
    band=Band.CRITICAL,
    unified_band=Band.HEALTHY,
    weakest_band=Band.CRITICAL,
    verdict=Verdict.UNKNOWN,
    margin_coverage_ratio=1.8601,
    equity_usd=124_310.5,
    walk_away_equity_usd=124_311.5,
    gross_usd=300_000.1,
    requirement_usd=66_830.2,
    scan_requirement_usd=66_000.2,
    add_on_usd=830.0,
    isolated_requirement_usd=91_400.3,
    multiples=Multiples(native=0.12, operational=1.5, solvency=math.inf),
    weakest_account=DERIVATIVES.id,
    accounts=(
        AccountRisk(
            account_id=LOAN.id,
            equity_usd=1.1,
            power_usd=2.2,
            native_requirement_usd=3.3,
            native_health=1.84,
            reported_health=1.85,
            check_bps=0.01,
            liquidatable=True,
            lam_native=0.92,
            binding_ray="SYS down",
            binding_family=RayFamily.SYSTEMATIC,
            requirement_usd=4.4,
            liquidation_prices=(
                LiquidationPrice("ETH", "down", 1_140.0, -0.45),
                LiquidationPrice("BTC", "up", 99_000.0, 0.4),
            ),
            asset_liquidation_prices=(AssetLiquidationPrice(WETH.id, "down", 1_139.0, -0.46),),
            sets_band=True,
            oracle_blind=True,
            interest_usd_day=-12.4,
            runway_days=412.5,
        ),
        AccountRisk(
            account_id=DERIVATIVES.id,
            equity_usd=-1.1,
            power_usd=-2.2,
            native_requirement_usd=0.0,
            native_health=None,
            reported_health=None,
            check_bps=None,
            liquidatable=False,
            lam_native=math.inf,
            binding_ray=None,
            requirement_usd=5.5,
            liquidation_prices=(LiquidationPrice("ETH", "up", 2_164.0, 0.034),),
            asset_liquidation_prices=(),
            sets_band=False,
            oracle_blind=False,
            interest_usd_day=None,
            runway_days=None,
        ),
    ),
    greeks=(
        Greeks("ETH", 9.2, 192.4, -0.31, -648.0, -410.0, 38.0, 0.7),
        Greeks("BTC", 1.2, 1_200.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ),
    position_greeks=(
        PositionGreeks(LOAN.id, 1, Greeks("ETH", 10.2, 213.3, -0.1, -1.0, -2.0, 3.0, 0.3)),
        PositionGreeks(DERIVATIVES.id, 0, Greeks("ETH", -1.0, -20.9, -0.21, -647.0, -408.0, 35.0, 0.4)),
        PositionGreeks(DERIVATIVES.id, 0, Greeks("BTC", 1.2, 1_200.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ),
    worst_scenarios=(
        _WORST,
        replace(_WORST, name="all down", loss_usd=29_950.0, by_account=((LOAN.id, 29_950.0),)),
    ),
    binding=replace(_WORST, name="PEG stETH", level=1.85),
    waterfall=Waterfall(10.1, -20.2, 30.3, 20.2),
    tails=Tails(
        requirement_usd=61_000.5,
        expected_shortfall_usd=60_999.5,
        confidence=0.99,
        days=2,
        draws=16_384,
        value_at_risk=(
            ValueAtRisk("delta_normal", 0.95, 1, 30_100.25),
            ValueAtRisk("monte_carlo", 0.99, 2, 54_100.75),
        ),
        historical_absent="no price history",
    ),
    survival=(
        SurvivalPoint("scan", 0.0, "NONE", 124_310.5, (124_311.25, -0.75)),
        SurvivalPoint("scan", 0.05, "SYS down, vol up", 0.1 + 0.2, (0.1, 0.2)),
        SurvivalPoint("scan", 10.5, "PEG stETH", -1.5, (-1e-9, -1.5)),
        SurvivalPoint("draws", 0.0, None, 124_310.5, (124_311.25, -0.75)),
        SurvivalPoint("draws", 0.25, None, 3e20, (3e20, 0.0)),
    ),
    flags=("implied volatility of ETH-28FEB27-1800-P is missing: valued at intrinsic",),
    framework_version="1",
    parameters_hash="p" * 64,
    scenario_hash="s" * 64,
    history=HistoryUsed("BTC, ETH: Chainlink on ethereum", "2026-11-28", "h" * 64),
    worst_case=WorstCase(33.3, 0.5, Verdict.LIQUIDATABLE, "what is unread of aave_v3 prime may owe"),
    fresh_kappa=math.inf,
    closing_cost_usd=12.5,
)

COMPARISON = (
    Requirement(Method.SPAN, "", 50_000.25, -0.25),
    Requirement(Method.VAR, "monte carlo 1 d", 0.0, None),
    Requirement(Method.VAR, "monte carlo 2 d", 80_000.0, 0.1 + 0.2),
    Requirement(Method.OURS, "", 66_830.2, None),
)


def save(
    path: Path, portfolio: Portfolio = PORTFOLIO, result: RiskResult = RESULT, **changes: Any
) -> SavedSnapshot:
    """`save_new`, into an empty warehouse where there is no file yet; the sample itself is copied there."""
    if not path.exists():
        if portfolio is PORTFOLIO and result is RESULT and not changes:
            return copied(_sample, path)
        blank(path)
    return save_new(path, portfolio, result, **changes)


def _sample(path: Path) -> SavedSnapshot:
    return save_new(blank(path))


def save_new(
    path: Path, portfolio: Portfolio = PORTFOLIO, result: RiskResult = RESULT, **changes: Any
) -> SavedSnapshot:
    """Save the sample with changes to the arguments of `Warehouse.save`, which makes the file."""
    arguments: dict[str, Any] = {
        "expected": EXPECTED,
        "tool_version": "0.1.0",
        "taken_at": TAKEN_AT,
        "comparison": COMPARISON,
    } | changes
    timeout: float = arguments.pop("lock_timeout_s", 10.0)
    return Warehouse(path, lock_timeout_s=timeout).save(portfolio, result, **arguments)
