"""Deploys one option market of Lyra V1 (Avalon) from the artifacts that its package ships.

The option contracts are real. Synthetix, on which they settle, is the package's own set of test doubles:
`TestSynthetixReturnZero`, `TestExchangeRates`, `TestExchanger`, `TestCollateralShort`, `TestERC20Fail`, ...
Parameters are near those of the ETH market on Optimism.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.artifacts import Bundle, shipped
from tests.devnet.chain import MAX_UINT256, ZERO_ADDRESS, Contract, bytes32

if TYPE_CHECKING:
    from tests.devnet.abi import AbiValue
    from tests.devnet.deployment import Site

DAY = 86_400
WEEK = 7 * DAY
SECURITY_MODULE = "0x" + "ef" * 20
LIQUIDITY = 5_000_000
QUOTE_KEY = "sUSD"


def artifacts() -> Bundle:
    """Contracts of the package."""
    return shipped("@lyrafinance/protocol", "dist/artifacts/contracts")


def units(amount: Decimal | int | str) -> int:
    """An amount as an integer with 18 decimals, which all of Lyra uses."""
    return int(Decimal(amount).scaleb(18))


OPTION_MARKET = {
    "maxBoardExpiry": 52 * WEEK,
    "securityModule": SECURITY_MODULE,
    "feePortionReserved": units("0.1"),
    "staticBaseSettlementFee": units("0.0075"),
}
LIQUIDITY_POOL = {
    "minDepositWithdraw": units(1),
    "depositDelay": WEEK,
    "withdrawalDelay": WEEK,
    "withdrawalFee": units("0.01"),
    "liquidityCBThreshold": units("0.01"),
    "liquidityCBTimeout": 3 * DAY,
    "ivVarianceCBThreshold": units("0.1"),
    "skewVarianceCBThreshold": units("0.35"),
    "ivVarianceCBTimeout": DAY // 2,
    "skewVarianceCBTimeout": DAY // 2,
    "guardianMultisig": ZERO_ADDRESS,
    "guardianDelay": 2 * WEEK,
    "boardSettlementCBTimeout": DAY // 4,
    "maxFeePaid": units("0.01"),
}
POOL_HEDGER = {"interactionDelay": DAY, "hedgeCap": MAX_UINT256}
GREEK_CACHE = {
    "maxStrikesPerBoard": 30,
    "acceptableSpotPricePercentMove": units("0.05"),
    "staleUpdateDuration": DAY // 8,
    "varianceIvGWAVPeriod": DAY,
    "varianceSkewGWAVPeriod": 3 * DAY,
    "optionValueIvGWAVPeriod": DAY,
    "optionValueSkewGWAVPeriod": 3 * DAY,
    "gwavSkewFloor": units("0.5"),
    "gwavSkewCap": units(2),
    "rateAndCarry": units("0.05"),
}
MIN_COLLATERAL = {
    "minStaticQuoteCollateral": units(200),
    "minStaticBaseCollateral": units("0.2"),
    "shockVolA": units("2.5"),
    "shockVolPointA": 2 * WEEK,
    "shockVolB": units("1.8"),
    "shockVolPointB": 8 * WEEK,
    "callSpotPriceShock": units("1.2"),
    "putSpotPriceShock": units("0.8"),
}
FORCE_CLOSE = {
    "ivGWAVPeriod": DAY // 2,
    "skewGWAVPeriod": DAY,
    "shortVolShock": units("1.2"),
    "shortPostCutoffVolShock": units("1.4"),
    "longVolShock": units("0.8"),
    "longPostCutoffVolShock": units("0.5"),
    "liquidateVolShock": units("1.3"),
    "liquidatePostCutoffVolShock": units("1.6"),
    "shortSpotMin": units("0.01"),
    "liquidateSpotMin": units("0.02"),
}
PRICING = {
    "optionPriceFeeCoefficient": units("0.01"),
    "optionPriceFee1xPoint": 6 * WEEK,
    "optionPriceFee2xPoint": 16 * WEEK,
    "spotPriceFeeCoefficient": units("0.01"),
    "spotPriceFee1xPoint": 6 * WEEK,
    "spotPriceFee2xPoint": 12 * WEEK,
    "vegaFeeCoefficient": units(100),
    "standardSize": units(50),
    "skewAdjustmentFactor": units("0.75"),
}
TRADE_LIMITS = {
    "minDelta": units("0.01"),
    "minForceCloseDelta": units("0.01"),
    "tradingCutoff": DAY // 2,
    "minBaseIV": units("0.35"),
    "maxBaseIV": units(2),
    "minSkew": units("0.5"),
    "maxSkew": units("1.5"),
    "minVol": units("0.45"),
    "maxVol": units(3),
    "absMinSkew": units("0.15"),
    "absMaxSkew": units(5),
    "capSkewsToAbs": False,
}
VARIANCE_FEE = {
    "defaultVarianceFeeCoefficient": units("0.25"),
    "forceCloseVarianceFeeCoefficient": units("0.25"),
    "skewAdjustmentCoefficient": units(3),
    "referenceSkew": units(1),
    "minimumStaticSkewAdjustment": units(1),
    "vegaCoefficient": units("0.01"),
    "minimumStaticVega": 0,
    "ivVarianceCoefficient": units("1.5"),
    "minimumStaticIvVariance": units(1),
}
PARTIAL_COLLATERAL = {
    "penaltyRatio": units("0.2"),
    "liquidatorFeeRatio": units("0.4"),
    "smFeeRatio": units("0.3"),
    "minLiquidationFee": units(15),
}


def deploy_market(site: Site, underlying: str) -> dict[str, str]:
    """Deploy Synthetix's doubles, the adapter, and one funded market; addresses by name."""
    market = _Market(site, underlying)
    market.wire_synthetix()
    market.wire_market()
    market.set_parameters()
    market.add_liquidity()
    return {name: contract.address for name, contract in market.contracts.items()}


class _Market:
    """The contracts of one market by the name of their role, deployed but not yet connected."""

    def __init__(self, site: Site, underlying: str) -> None:
        self.site = site
        self.base_key = f"s{underlying}"
        self._artifacts = artifacts()
        self._libraries: dict[str, str] = {}
        self.contracts: dict[str, Contract] = {}
        for library in ("GWAV", "BlackScholes"):
            self._libraries[library] = self._add(library, library).address
        for role, name in {
            "synthetix_adapter": "SynthetixAdapter",
            "viewer": "OptionMarketViewer",
            "exchanger": "TestExchanger",
            "exchange_rates": "TestExchangeRates",
            "synthetix": "TestSynthetixReturnZero",
            "delegate_approvals": "TestDelegateApprovals",
            "collateral_short": "TestCollateralShort",
            "resolver": "TestAddressResolver",
            "option_market": "OptionMarket",
            "pricer": "OptionMarketPricer",
            "greek_cache": "OptionGreekCache",
            "liquidity_pool": "LiquidityPool",
            "short_collateral": "ShortCollateral",
            "pool_hedger": "ShortPoolHedger",
        }.items():
            self._add(role, name)
        self._add("quote_asset", "TestERC20Fail", "Synthetic USD", QUOTE_KEY)
        self._add("base_asset", "TestERC20Fail", f"Synthetic {underlying}", self.base_key)
        pair = f"{QUOTE_KEY}/{self.base_key}"
        self._add("liquidity_token", "LiquidityToken", f"{pair} Pool Tokens", "LyraLPT")
        self._add("option_token", "OptionToken", f"{pair} Option Tokens", "LyraOT")

    def _add(self, role: str, name: str, *arguments: AbiValue) -> Contract:
        artifact = self._artifacts[name]
        deployed = self.site.chain.deploy(artifact, *arguments, libraries=self._libraries)
        self.contracts[role] = deployed
        return deployed

    def _send(self, role: str, function: str, *arguments: AbiValue) -> None:
        self.contracts[role].send(function, *arguments)

    def _addresses(self, *roles: str) -> list[str]:
        return [self.contracts[role].address for role in roles]

    def wire_synthetix(self) -> None:
        """Connect the doubles with the adapter; they mint and burn both synths."""
        at = self._addresses
        self._send("synthetix_adapter", "initialize")
        self._send("synthetix", "init", *at("synthetix_adapter", "quote_asset", "resolver"))
        self._send("collateral_short", "init", *at("synthetix_adapter", "quote_asset"))
        names = ("ProxySynthetix", "Exchanger", "ExchangeRates", "CollateralShort", "DelegateApprovals")
        roles = ("synthetix", "exchanger", "exchange_rates", "collateral_short", "delegate_approvals")
        self._send("resolver", "setAddresses", [bytes32(name) for name in names], at(*roles))
        self._send("synthetix_adapter", "setAddressResolver", *at("resolver"))
        self._send("synthetix_adapter", "updateSynthetixAddresses")
        base, quote = bytes32(self.base_key), bytes32(QUOTE_KEY)
        for role in ("synthetix", "collateral_short"):
            self._send("quote_asset", "permitMint", *at(role), True)  # noqa: FBT003 - a Solidity argument
            self._send("base_asset", "permitMint", *at(role), True)  # noqa: FBT003
            self._send(role, "addBaseAsset", base, *at("base_asset", "option_market"))
        self._send("exchanger", "setFeeRateForExchange", base, quote, units("0.0075"))
        self._send("exchanger", "setFeeRateForExchange", quote, base, units("0.005"))
        # Synthetix itself says that one sUSD is one dollar, whatever the market pays for it.
        rates = {quote: units(1), base: self.site.prices.quotes.scaled(self.base_key, 18)}
        for key, rate in rates.items():
            self._send("exchange_rates", "setRateAndInvalid", key, rate, False)  # noqa: FBT003

    def wire_market(self) -> None:
        """Tell the market's contracts of each other."""
        at, assets = self._addresses, ("quote_asset", "base_asset")
        adapter, market = "synthetix_adapter", "option_market"
        for role, others in {
            market: (adapter, "liquidity_pool", "pricer", "greek_cache", "short_collateral", "option_token"),
            "pool_hedger": (adapter, market, "greek_cache", "liquidity_pool"),
            "short_collateral": (market, "liquidity_pool", "option_token", adapter),
            "liquidity_pool": (
                *(adapter, market, "liquidity_token", "greek_cache", "pool_hedger", "short_collateral"),
            ),
        }.items():
            self._send(role, "init", *at(*others, *assets))
        self._send("pricer", "init", *at(market, "greek_cache"))
        self._send("greek_cache", "init", *at(adapter, market, "pricer"))
        self._send("liquidity_token", "init", *at("liquidity_pool"))
        self._send("option_token", "init", *at(market, "greek_cache", "short_collateral", adapter))
        keys = (bytes32(QUOTE_KEY), bytes32(self.base_key))
        self._send(adapter, "setGlobalsForContract", *at(market), *keys, SECURITY_MODULE, bytes32(""))
        self._send("viewer", "init", *at(adapter))
        roles = {
            "liquidityPool": "liquidity_pool",
            "liquidityToken": "liquidity_token",
            "greekCache": "greek_cache",
            "optionMarket": market,
            "optionMarketPricer": "pricer",
            "optionToken": "option_token",
            "poolHedger": "pool_hedger",
            "shortCollateral": "short_collateral",
            "baseAsset": "base_asset",
            "quoteAsset": "quote_asset",
        }
        listing = {name: self.contracts[role].address for name, role in roles.items()}
        self._send("viewer", "addMarket", listing)

    def set_parameters(self) -> None:
        """Everything that an operator may tune."""
        self._send("option_market", "setOptionMarketParams", OPTION_MARKET)
        self._send("liquidity_pool", "setLiquidityPoolParameters", LIQUIDITY_POOL)
        self._send("pool_hedger", "setPoolHedgerParams", POOL_HEDGER)
        self._send("pool_hedger", "setShortBuffer", units(2))
        self._send("greek_cache", "setGreekCacheParameters", GREEK_CACHE)
        self._send("greek_cache", "setMinCollateralParameters", MIN_COLLATERAL)
        self._send("greek_cache", "setForceCloseParameters", FORCE_CLOSE)
        self._send("pricer", "setPricingParams", PRICING)
        self._send("pricer", "setTradeLimitParams", TRADE_LIMITS)
        self._send("pricer", "setVarianceFeeParams", VARIANCE_FEE)
        self._send("option_token", "setPartialCollateralParams", PARTIAL_COLLATERAL)

    def add_liquidity(self) -> None:
        """Give the pool quote to sell options with; without a live board a deposit counts at once."""
        provider, amount = self.site.account("lp"), units(LIQUIDITY)
        [pool] = self._addresses("liquidity_pool")
        self._send("quote_asset", "mint", provider, amount)
        self.contracts["quote_asset"].send("approve", pool, amount, sender=provider)
        self.contracts["liquidity_pool"].send("initiateDeposit", provider, amount, sender=provider)
        self._send("pool_hedger", "openShortAccount")
