"""Deploys Synthetix V3 perps: the real modules of the perps market around stand-ins for the rest.

Real, from `@synthetixio/perps-market` 3.13.0: every module. Stand-ins, because no package ships what they
need: the router, the module and NFT of accounts, the core system, the spot market, the oracle manager, the
distributor of seized synths and the tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet.abi import selector, signature
from tests.devnet.artifacts import Bundle, compiled
from tests.devnet.chain import Chain, Contract, bytes32
from tests.devnet.synthetix_deploy import units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_typing import ABIElement

    from tests.devnet.deployment import Site

MODULES = (
    *("AsyncOrderModule", "AsyncOrderCancelModule", "AsyncOrderSettlementPythModule"),
    *("CollateralConfigurationModule", "FeatureFlagModule", "GlobalPerpsMarketModule"),
    *("LiquidationModule", "MarketConfigurationModule", "PerpsAccountModule"),
    *("PerpsMarketFactoryModule", "PerpsMarketModule", "StandInSynthetixV3AccountModule"),
)
# Ids of markets and synths as on Base.
ETH, BTC = 100, 200
SYMBOLS: Mapping[int, str] = {ETH: "ETH", BTC: "BTC"}
NAMES: Mapping[int, str] = {ETH: "Ethereum", BTC: "Bitcoin"}
SNX_USD, S_BTC, S_ETH = 0, 3, 4
SYNTHS: Mapping[int, str] = {S_BTC: "sBTC", S_ETH: "sETH"}
COSTS = bytes32("keeper costs")
SETTLEMENT_DELAY_SECONDS, SETTLEMENT_WINDOW_SECONDS = 1, 60


@dataclass(frozen=True)
class Parameters:
    """A market's parameters, with 18 decimals but the seconds."""

    maker_fee: int = units("0.0002")
    taker_fee: int = units("0.0005")
    skew_scale: int = units(1_000_000)
    max_funding_velocity: int = units(9)
    initial_margin_ratio: int = units(2)
    minimum_initial_margin_ratio: int = units("0.02")
    maintenance_margin_scalar: int = units("0.5")
    flag_reward_ratio: int = units("0.0003")
    minimum_position_margin: int = units(50)
    limit_multiplier: int = units("0.002")
    window_seconds: int = 30
    max_liquidation_pd: int = units("0.0016")
    locked_oi_ratio: int = units("0.5")
    max_market_size: int = units(100_000)


PARAMETERS: Mapping[int, Parameters] = {
    ETH: Parameters(),
    BTC: Parameters(skew_scale=units(50_000), limit_multiplier=units("0.001")),
}
# Upper and lower limit of the discount, its scalar; and the skew scale of the spot market.
DISCOUNTS: Mapping[int, tuple[int, int, int]] = {
    S_BTC: (units("0.1"), units("0.01"), units(5)),
    S_ETH: (units("0.08"), units("0.005"), units(2)),
}
SPOT_SKEW_SCALE: Mapping[int, int] = {S_BTC: units(50), S_ETH: units(1_000)}


def artifacts() -> Bundle:
    """The real modules and the stand-ins."""
    return compiled("synthetix_v3")


def perps_abi() -> list[ABIElement]:
    """What the perps market's proxy offers: functions, events and errors of all modules, each once."""
    found: dict[str, ABIElement] = {}
    for name in MODULES:
        for item in artifacts()[name].abi:
            if item["type"] in {"function", "event", "error"}:
                found.setdefault(f"{item['type']} {signature(item)}", item)
    return list(found.values())


def deploy_v3(site: Site) -> dict[str, str]:
    """Deploy everything with the markets of `SYMBOLS` and the synths of `SYNTHS`; addresses by role."""
    chain, real = site.chain, artifacts()
    tokens = {
        name: chain.deploy(real["StandInSynthetixV3Token"], name) for name in ("snxUSD", *SYNTHS.values())
    }
    oracle = chain.deploy(real["StandInSynthetixV3Oracle"])
    usd = tokens["snxUSD"].address
    core = chain.deploy(real["StandInSynthetixV3Core"], usd, oracle.address, units(20_000_000))
    spot = chain.deploy(real["StandInSynthetixV3Spot"])
    router = chain.deploy(real["StandInSynthetixV3Router"], chain.sender)
    routed: set[bytes] = set()
    for name in MODULES:
        module = chain.deploy(real[name])
        functions = [item for item in real[name].abi if item["type"] == "function"]
        own = [one for one in dict.fromkeys(map(selector, functions)) if one not in routed]
        routed.update(own)
        router.send("route", module.address, own)
    perps = chain.at(perps_abi(), router.address, "PerpsMarketProxy")
    account = chain.deploy(real["StandInSynthetixV3AccountToken"], router.address)
    perps.send("setAccountToken", account.address)
    perps.send("initializeFactory", core.address, spot.address)
    for flag in ("perpsSystem", "createMarket"):
        perps.send("setFeatureFlagAllowAll", bytes32(flag), True)  # noqa: FBT003
    for identity in SYMBOLS:
        add_market(perps, identity, NAMES[identity], SYMBOLS[identity], oracle.address, PARAMETERS[identity])
    _globals(perps, oracle)
    for identity, name in SYNTHS.items():
        spot.send("list", identity, f"Synthetic {name[1:]}", tokens[name].address, SPOT_SKEW_SCALE[identity])
        perps.send("setCollateralConfiguration", identity, units(10**6), *DISCOUNTS[identity])
        distributor = chain.deploy(real["StandInSynthetixV3Distributor"], tokens[name].address)
        pool = (tokens[name].address, distributor.address, identity, [usd])
        perps.send("registerDistributor", *pool)
    return {
        "perps_market": perps.address,
        "account": account.address,
        "spot_market": spot.address,
        "oracle_manager": oracle.address,
        "usd": usd,
        "core": core.address,
        **{f"synth {name}": tokens[name].address for name in SYNTHS.values()},
    }


def feed_id(market: int) -> bytes:
    """The oracle manager's node of a market."""
    return bytes32(SYMBOLS[market])


def add_market(
    perps: Contract, identity: int, name: str, symbol: str, oracle: str, values: Parameters
) -> None:
    """Create a market whose price is the oracle manager's node of its symbol."""
    feed = bytes32(symbol)
    perps.send("createMarket", identity, name, symbol)
    perps.send("updatePriceData", identity, feed, 60)
    strategy = (0, SETTLEMENT_DELAY_SECONDS, SETTLEMENT_WINDOW_SECONDS, oracle, feed, units(1), False, 0)
    perps.send("addSettlementStrategy", identity, strategy)
    perps.send("setOrderFees", identity, values.maker_fee, values.taker_fee)
    perps.send("setMaxMarketSize", identity, values.max_market_size)
    configure(perps, identity, values)


def configure(perps: Contract, identity: int, values: Parameters) -> None:
    """Write the parameters of funding, margins and liquidation of a market."""
    perps.send("setFundingParameters", identity, values.skew_scale, values.max_funding_velocity)
    limits = (values.limit_multiplier, values.window_seconds, values.max_liquidation_pd)
    perps.send("setMaxLiquidationParameters", identity, *limits, "0x" + "0" * 40)
    perps.send(
        "setLiquidationParameters",
        identity,
        values.initial_margin_ratio,
        values.minimum_initial_margin_ratio,
        values.maintenance_margin_scalar,
        values.flag_reward_ratio,
        values.minimum_position_margin,
    )
    perps.send("setLockedOiRatio", identity, values.locked_oi_ratio)


def _globals(perps: Contract, oracle: Contract) -> None:
    oracle.send("setCosts", [units("0.1"), units("0.4"), units("0.25")], units("0.05"))
    perps.send("updateKeeperCostNodeId", COSTS)
    perps.send("setKeeperRewardGuards", units(1), units("0.3"), units(500), units("0.5"))
    perps.send("setPerAccountCaps", 10, 5)
    perps.send("setInterestRateParameters", units("0.0003"), units("0.75"), units("0.01"))
    perps.send("setCollateralConfiguration", SNX_USD, units(10**9), 0, 0, 0)
    perps.send("setCollateralLiquidateRewardRatio", units("0.0005"))


def prices(oracle: Contract, spot: Contract, scaled: Mapping[str, int]) -> None:
    """Write prices with 18 decimals by symbol (ETH, BTC) into the oracle manager and the spot market."""
    nodes = [feed_id(market) for market in SYMBOLS]
    oracle.send("set", nodes, [scaled[symbol] for symbol in SYMBOLS.values()])
    for identity, name in SYNTHS.items():
        spot.send("setPrice", identity, scaled[name[1:]])


__all__ = [
    "BTC",
    "ETH",
    "PARAMETERS",
    "SNX_USD",
    "SYMBOLS",
    "SYNTHS",
    "S_BTC",
    "S_ETH",
    "Chain",
    "Parameters",
]
