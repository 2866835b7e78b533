"""Deploys Aave V3.6 and V3.0.1 as their own deployment scripts do, with five reserves and one eMode.

Parameters are near those of the Ethereum market; interest rates are one curve for all reserves, so
that figures can be worked out by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from tests.devnet.artifacts import Bundle, compiled, shipped
from tests.devnet.chain import ZERO_ADDRESS, Chain, Contract
from tests.devnet.tokens import FEED_DECIMALS, KINDS, Feeds

if TYPE_CHECKING:
    from tests.devnet.abi import AbiValue
    from tests.devnet.deployment import Site


@dataclass(frozen=True)
class Reserve:
    """Risk parameters of a reserve in basis points; a bonus of 5% is 10500."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int


# wstETH has id 1 and no liquidity of its own: a test can drop it and leave a hole in the list.
RESERVES = {
    "WETH": Reserve(8000, 8250, 10500),
    "wstETH": Reserve(7850, 8100, 10600),
    "WBTC": Reserve(7300, 7800, 10625),
    "USDC": Reserve(7700, 8000, 10450),
    "DAI": Reserve(7500, 8000, 10450),
}
EMODE_CATEGORY = 1
EMODE = Reserve(9000, 9300, 10100)
EMODE_LABEL = "ETH correlated"
EMODE_SYMBOLS = ("WETH", "wstETH")
RESERVE_FACTOR_BPS = 1000
LIQUIDATION_PROTOCOL_FEE_BPS = 1000

# Optimal usage, base rate, slope below and slope above the optimum, in basis points.
RATE_CURVE_BPS = (8000, 0, 400, 6000)
# Stable rates, V3.0 only: slope 1, slope 2, offset, excess offset, optimal share of stable debt.
STABLE_CURVE_BPS = (50, 6000, 100, 800, 2000)
RAY_PER_BPS = 10**23


def v36() -> Bundle:
    """Contracts of Aave V3.6, compiled from their sources."""
    return compiled("aave_v3_6")


def v301() -> Bundle:
    """Contracts of Aave V3.0.1, as the packages ship them."""
    core = shipped("@aave/core-v3", "artifacts/contracts")
    periphery = shipped("@aave/periphery-v3", "artifacts/contracts")
    data_provider = periphery["UiPoolDataProviderV3"]
    return Bundle("aave_v3_0_1", {**core.contracts, data_provider.name: data_provider})


def deploy_v36(site: Site) -> dict[str, str]:
    """Deploy a V3.6 market; addresses by name."""
    contracts, chain = v36(), site.chain
    market = _Market(site, contracts, "crossmargin local V3.6")
    libraries = _libraries(chain, contracts, ("SupplyLogic", "LiquidationLogic", "PoolLogic"))
    strategy = chain.deploy(contracts["DefaultReserveInterestRateStrategyV2"], market.provider.address)
    pool = chain.deploy(
        contracts["PoolInstance"], market.provider.address, strategy.address, libraries=libraries
    )
    configurator = chain.deploy(contracts["PoolConfiguratorInstance"], libraries=libraries)
    market.install(pool, configurator, "PoolInstance", "PoolConfiguratorInstance")

    # No rewards controller: the address may be zero, and nothing here reads rewards.
    a_token = chain.deploy(
        contracts["ATokenInstance"], market.pool.address, ZERO_ADDRESS, site.account("treasury")
    )
    debt_token = chain.deploy(contracts["VariableDebtTokenInstance"], market.pool.address, ZERO_ADDRESS)
    rates = encode(["(uint16,uint32,uint32,uint32)"], [RATE_CURVE_BPS])
    market.init_reserves(
        {
            "aTokenImpl": a_token.address,
            "variableDebtTokenImpl": debt_token.address,
            "params": b"",
            "interestRateData": rates,
        }
    )
    category = (EMODE.ltv_bps, EMODE.threshold_bps, EMODE.bonus_bps, EMODE_LABEL)
    market.configurator.send("setEModeCategory", EMODE_CATEGORY, *category)
    for symbol in EMODE_SYMBOLS:
        asset = site.tokens[symbol].address
        market.configurator.send("setAssetCollateralInEMode", asset, EMODE_CATEGORY, True)  # noqa: FBT003
        market.configurator.send("setAssetBorrowableInEMode", asset, EMODE_CATEGORY, True)  # noqa: FBT003
    return market.addresses()


def deploy_v301(site: Site) -> dict[str, str]:
    """Deploy a V3.0.1 market; addresses by name."""
    contracts, chain = v301(), site.chain
    market = _Market(site, contracts, "crossmargin local V3.0.1")
    names = ("SupplyLogic", "LiquidationLogic", "EModeLogic", "BridgeLogic", "PoolLogic")
    libraries = _libraries(chain, contracts, names)
    pool = chain.deploy(contracts["Pool"], market.provider.address, libraries=libraries)
    configurator = chain.deploy(contracts["PoolConfigurator"], libraries=libraries)
    market.install(pool, configurator, "Pool", "PoolConfigurator")

    curve = [RAY_PER_BPS * bps for bps in (*RATE_CURVE_BPS, *STABLE_CURVE_BPS)]
    strategy = chain.deploy(contracts["DefaultReserveInterestRateStrategy"], market.provider.address, *curve)
    implementations = {
        "aTokenImpl": chain.deploy(contracts["AToken"], market.pool.address).address,
        "stableDebtTokenImpl": chain.deploy(contracts["StableDebtToken"], market.pool.address).address,
        "variableDebtTokenImpl": chain.deploy(contracts["VariableDebtToken"], market.pool.address).address,
    }
    market.init_reserves(
        {
            **implementations,
            "interestRateStrategyAddress": strategy.address,
            "treasury": site.account("treasury"),
            "incentivesController": ZERO_ADDRESS,
            "params": b"",
        }
    )
    category = (EMODE.ltv_bps, EMODE.threshold_bps, EMODE.bonus_bps, ZERO_ADDRESS, EMODE_LABEL)
    market.configurator.send("setEModeCategory", EMODE_CATEGORY, *category)
    for symbol in EMODE_SYMBOLS:
        market.configurator.send("setAssetEModeCategory", site.tokens[symbol].address, EMODE_CATEGORY)
    return market.addresses()


def _libraries(chain: Chain, contracts: Bundle, names: tuple[str, ...]) -> dict[str, str]:
    # FlashLoanLogic is the only one that is linked to another.
    found = {
        name: chain.deploy(contracts[name]).address for name in (*names, "BorrowLogic", "ConfiguratorLogic")
    }
    found["FlashLoanLogic"] = chain.deploy(contracts["FlashLoanLogic"], libraries=found).address
    return found


class _Market:
    """A market while it is being deployed: what both versions have in common."""

    def __init__(self, site: Site, contracts: Bundle, market_id: str) -> None:
        chain = site.chain
        self._site, self._chain, self._contracts = site, chain, contracts
        chain.errors.learn(contracts.errors())
        self.provider = chain.deploy(contracts["PoolAddressesProvider"], market_id, chain.sender)
        self.provider.send("setACLAdmin", chain.sender)
        access = chain.deploy(contracts["ACLManager"], self.provider.address)
        self.provider.send("setACLManager", access.address)
        access.send("addPoolAdmin", chain.sender)
        self._feeds = Feeds.deploy(chain, site.prices.quotes, RESERVES)
        assets = [site.tokens[symbol].address for symbol in RESERVES]
        self._oracle = chain.deploy(
            contracts["AaveOracle"],
            self.provider.address,
            assets,
            list(self._feeds.values()),
            ZERO_ADDRESS,  # no fallback oracle
            ZERO_ADDRESS,  # the base currency is USD
            10**FEED_DECIMALS,
        )
        self.provider.send("setPriceOracle", self._oracle.address)
        self.pool: Contract
        self.configurator: Contract

    def install(self, pool: Contract, configurator: Contract, pool_name: str, configurator_name: str) -> None:
        """Put both implementations behind the provider's proxies, and add the data providers."""
        chain, contracts = self._chain, self._contracts
        self.provider.send("setPoolImpl", pool.address)
        self.pool = chain.at(contracts[pool_name], self.provider.call("getPool"))
        self.provider.send("setPoolConfiguratorImpl", configurator.address)
        found = self.provider.call("getPoolConfigurator")
        self.configurator = chain.at(contracts[configurator_name], found)
        self._data = chain.deploy(contracts["AaveProtocolDataProvider"], self.provider.address)
        self.provider.send("setPoolDataProvider", self._data.address)
        eth_feed = self._feeds["WETH"]
        self._ui = chain.deploy(contracts["UiPoolDataProviderV3"], eth_feed, eth_feed)

    def init_reserves(self, common: dict[str, AbiValue]) -> None:
        """List the reserves, all with the same implementations, and configure them."""
        fields = [part["name"] for part in self._struct_fields()]
        inputs: list[dict[str, AbiValue]] = []
        for symbol in RESERVES:
            values: dict[str, AbiValue] = {
                "underlyingAsset": self._site.tokens[symbol].address,
                "underlyingAssetDecimals": KINDS[symbol].decimals,
                **{
                    f"{kind}Name": f"{kind} {symbol}"
                    for kind in ("aToken", "variableDebtToken", "stableDebtToken")
                },
                "aTokenSymbol": f"a{symbol}",
                "variableDebtTokenSymbol": f"variableDebt{symbol}",
                "stableDebtTokenSymbol": f"stableDebt{symbol}",
                **common,
            }
            inputs.append({name: values[name] for name in fields})
        self.configurator.send("initReserves", inputs)
        for symbol, risk in RESERVES.items():
            asset, send = self._site.tokens[symbol].address, self.configurator.send
            send("configureReserveAsCollateral", asset, risk.ltv_bps, risk.threshold_bps, risk.bonus_bps)
            send("setReserveBorrowing", asset, True)  # noqa: FBT003 - arguments of the contract
            send("setReserveFlashLoaning", asset, True)  # noqa: FBT003
            send("setReserveFactor", asset, RESERVE_FACTOR_BPS)
            send("setLiquidationProtocolFee", asset, LIQUIDATION_PROTOCOL_FEE_BPS)

    def _struct_fields(self) -> list[dict[str, AbiValue]]:
        found: AbiValue = self.configurator.abi.function("initReserves", 1)
        fields: list[dict[str, AbiValue]] = found["inputs"][0]["components"]
        return fields

    def addresses(self) -> dict[str, str]:
        """Everything that the operations and an adapter need."""
        found = {
            "addresses_provider": self.provider.address,
            "pool": self.pool.address,
            "configurator": self.configurator.address,
            "oracle": self._oracle.address,
            "data_provider": self._data.address,
            "ui_pool_data_provider": self._ui.address,
        }
        for symbol in RESERVES:
            tokens = self._data.call("getReserveTokensAddresses", self._site.tokens[symbol].address)
            found |= {
                f"feed {symbol}": self._feeds[symbol],
                f"aToken {symbol}": tokens[0],
                f"variableDebt {symbol}": tokens[2],
            }
        return found
