"""Deploys Synthetix Perps V2: the real markets, manager and settings around stand-ins for the rest.

Real, from `synthetix` 2.102.1: AddressResolver, FlexibleStorage, SystemStatus, FuturesMarketManager,
PerpsV2MarketSettings, PerpsV2ExchangeRate, PerpsV2MarketData and every part of a market. Stand-ins:
ExchangeRates, Exchanger, FeePool and the token sUSD. Multicall3 owns everything, so that the hundred
calls that only an owner may make take one transaction per market.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet import multicall3
from tests.devnet.abi import AbiValue, selector, signature
from tests.devnet.artifacts import Artifact, Bundle, compiled
from tests.devnet.chain import ZERO_ADDRESS, Chain, Contract, Receipt, bytes32
from tests.devnet.errors import DevnetError
from tests.devnet.tokens import Feeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eth_typing import ABIElement, ABIFunction

    from tests.devnet.deployment import Site

Amount = Decimal | int | str
WAD_DECIMALS = 18

# The key of a market and that of the asset whose rate it follows.
MARKETS: Mapping[str, str] = {"sETHPERP": "sETH", "sBTCPERP": "sBTC"}

VIEWS = "PerpsV2MarketViews"
PARTS = (
    VIEWS,
    "PerpsV2Market",
    "PerpsV2MarketLiquidate",
    "PerpsV2MarketDelayedIntent",
    "PerpsV2MarketDelayedExecution",
)
# Every part has these for itself; they are not reached through the market's proxy.
_INTERNAL = {
    *("acceptOwnership", "nominateNewOwner", "nominatedOwner", "owner"),
    *("isResolverCached", "rebuildCache", "resolver", "resolverAddressesRequired"),
    *("marketState", "messageSender", "proxy", "setMessageSender", "setProxy"),
}


def units(amount: Amount) -> int:
    """An amount of whole coins, dollars or ones with 18 decimals. Raises `DevnetError` for a float."""
    if isinstance(amount, float):
        raise DevnetError(f"write {amount!r} as text or Decimal: a float is no exact amount")
    return int(Decimal(amount).scaleb(WAD_DECIMALS))


@dataclass(frozen=True)
class Globals:
    """Settings that all markets share, near those on Optimism: sUSD, and a ratio of the notional."""

    min_initial_margin: int = units(50)
    max_keeper_fee: int = units(1000)
    min_keeper_fee: int = units(2)
    liquidation_fee_ratio: int = units("0.0035")
    keeper_liquidation_fee: int = units(1)


@dataclass(frozen=True)
class Parameters:
    """The parameters of one market in the order of the settings' struct, near those of sETHPERP."""

    taker_fee: int = units("0.003")
    maker_fee: int = units("0.002")
    taker_fee_delayed_order: int = units("0.001")
    maker_fee_delayed_order: int = 0
    taker_fee_offchain_delayed_order: int = units("0.0006")
    maker_fee_offchain_delayed_order: int = 0
    max_leverage: int = units(55)
    max_market_value: int = units(22_300)
    max_funding_velocity: int = units(9)
    skew_scale: int = units(1_000_000)
    next_price_confirm_window: int = 2
    delayed_order_confirm_window: int = 120
    min_delay_time_delta: int = 60
    max_delay_time_delta: int = 6000
    offchain_delayed_order_min_age: int = 1
    offchain_delayed_order_max_age: int = 30
    offchain_market_key: bytes = field(default=bytes32(""))
    offchain_price_divergence: int = units("0.1")
    liquidation_premium_multiplier: int = units("1.5625")
    liquidation_buffer_ratio: int = units("0.0075")
    max_liquidation_delta: int = units("0.0006")
    max_pd: int = units("0.0012")


PARAMETERS: Mapping[str, Parameters] = {
    "sETHPERP": Parameters(offchain_market_key=bytes32("ocETHPERP")),
    "sBTCPERP": Parameters(offchain_market_key=bytes32("ocBTCPERP"), skew_scale=units(50_000)),
}


def artifacts() -> Bundle:
    """The real contracts, compiled from their sources."""
    return compiled("synthetix_perps_v2")


def stand_ins() -> Bundle:
    """ExchangeRates, Exchanger, FeePool and sUSD, written for this kit."""
    return compiled("synthetix_stand_ins")


def routed(part: Artifact) -> list[ABIFunction]:
    """The functions of a part that callers reach through the market's proxy."""
    return [item for item in part.abi if item["type"] == "function" and item["name"] not in _INTERNAL]


def market_abi() -> list[ABIElement]:
    """What a market's proxy offers: the functions and events of all parts, each once."""
    found: dict[str, ABIElement] = {}
    for name in PARTS:
        part = artifacts()[name]
        items: list[ABIElement] = [*routed(part), *(item for item in part.abi if item["type"] == "event")]
        for item in items:
            found.setdefault(f"{item['type']} {signature(item)}", item)
    return list(found.values())


def as_owner(chain: Chain, calls: Iterable[tuple[Contract, str, tuple[AbiValue, ...]]]) -> Receipt:
    """Make calls (contract, function, arguments) as the owner, in one transaction."""
    batch = [
        (contract.address, False, contract.encode(function, *arguments))
        for contract, function, arguments in calls
    ]
    return multicall3.attach(chain).send("aggregate3", batch)


def deploy_perps(site: Site) -> dict[str, str]:
    """Deploy everything with the markets of `MARKETS`; addresses by role, `market KEY` for the markets."""
    chain, real, mocks = site.chain, artifacts(), stand_ins()
    owner = multicall3.MULTICALL3
    resolver = chain.deploy(real["AddressResolver"], owner)
    status = chain.deploy(real["SystemStatus"], owner)
    storage = chain.deploy(real["FlexibleStorage"], resolver.address)
    caching = {
        name: chain.deploy(real[name], owner, resolver.address)
        for name in ("FuturesMarketManager", "PerpsV2MarketSettings", "PerpsV2ExchangeRate")
    }
    data = chain.deploy(real["PerpsV2MarketData"], resolver.address)
    rates = chain.deploy(mocks["StandInExchangeRates"])
    named = {
        "SystemStatus": status,
        "FlexibleStorage": storage,
        **caching,
        "ExchangeRates": rates,
        "Exchanger": chain.deploy(mocks["StandInExchanger"]),
        "FeePool": chain.deploy(mocks["StandInFeePool"]),
        "SynthsUSD": chain.deploy(mocks["StandInSynthUSD"]),
    }
    keys, addresses = [bytes32(name) for name in named], [one.address for one in named.values()]
    rebuild = [(one, "rebuildCache", ()) for one in caching.values()]
    as_owner(chain, [(resolver, "importAddresses", (keys, addresses)), *rebuild])
    rates.send("set", *rates_of(site.prices.quotes.scaled))
    library = chain.deploy(real["SafeDecimalMath"]).address
    proxies = {key: _deploy_market(chain, resolver, key, library) for key in MARKETS}
    manager, settings = caching["FuturesMarketManager"], caching["PerpsV2MarketSettings"]
    as_owner(
        chain,
        [
            (manager, "addProxiedMarkets", ([one.address for one in proxies.values()],)),
            *settings_of(settings, Globals()),
            *((settings, "setParameters", (bytes32(key), astuple(PARAMETERS[key]))) for key in MARKETS),
        ],
    )
    return {
        "address_resolver": resolver.address,
        "futures_market_manager": manager.address,
        "settings": settings.address,
        "system_status": status.address,
        "market_data": data.address,
        "exchange_rates": rates.address,
        "exchanger": named["Exchanger"].address,
        "susd": named["SynthsUSD"].address,
        "feed sUSD": Feeds.deploy(chain, site.prices.quotes, ["sUSD"])["sUSD"],
        **{f"market {key}": proxy.address for key, proxy in proxies.items()},
    }


def rates_of(scaled: Callable[[str, int], int]) -> tuple[list[bytes], list[int]]:
    """Keys and rates as StandInExchangeRates takes them, from the market's quotes."""
    assets = list(MARKETS.values())
    return [bytes32(asset) for asset in assets], [scaled(asset, WAD_DECIMALS) for asset in assets]


def settings_of(settings: Contract, values: Globals) -> list[tuple[Contract, str, tuple[AbiValue, ...]]]:
    """Calls that write the settings that all markets share."""
    return [
        # The minimum keeper fee may exceed neither the initial margin nor the maximum.
        (settings, "setMinKeeperFee", (0,)),
        (settings, "setMinInitialMargin", (values.min_initial_margin,)),
        (settings, "setMaxKeeperFee", (values.max_keeper_fee,)),
        (settings, "setMinKeeperFee", (values.min_keeper_fee,)),
        (settings, "setLiquidationFeeRatio", (values.liquidation_fee_ratio,)),
        (settings, "setKeeperLiquidationFee", (values.keeper_liquidation_fee,)),
    ]


def _deploy_market(chain: Chain, resolver: Contract, key: str, library: str) -> Contract:
    owner, real = multicall3.MULTICALL3, artifacts()
    asset = bytes32(MARKETS[key])
    state = chain.deploy(real["PerpsV2MarketState"], owner, [], asset, bytes32(key), ZERO_ADDRESS)
    proxy = chain.deploy(real["ProxyPerpsV2"], owner)
    common = (state.address, owner, resolver.address)
    parts = {
        name: chain.deploy(
            real[name],
            *(common if name == VIEWS else (proxy.address, *common)),
            libraries={"SafeDecimalMath": library},
        )
        for name in PARTS
    }
    calls: list[tuple[Contract, str, tuple[AbiValue, ...]]] = [(state, "linkOrInitializeState", ())]
    writers = [part.address for name, part in parts.items() if name != VIEWS]
    calls.append((state, "addAssociatedContracts", (writers,)))
    for name, part in parts.items():
        calls.append((part, "rebuildCache", ()))
        for item in routed(real[name]):
            is_view = item["stateMutability"] in {"view", "pure"}
            calls.append((proxy, "addRoute", (selector(item), part.address, is_view)))
    as_owner(chain, calls)
    return proxy
