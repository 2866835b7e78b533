"""Replies of a small system, by function and address: two markets, and a short in one of them."""

from __future__ import annotations

from typing import Any

from adapters.synthetix_perps_v2.adapter import PerpsV2Adapter
from adapters.synthetix_perps_v2.names import name_key
from aggregator.contract import Deployment
from aggregator.model.accounts import Account
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address, ChainId
from tests.adapters.synthetix_perps_v2.scripted import Key, play
from tests.adapters.synthetix_perps_v2.strategies import DAY, NOW

CHAIN = ChainId(10)
RESOLVER, MANAGER, SETTINGS, STATUS, RATES, SUSD, WALLET, ETH_MARKET, SOL_MARKET, SYNTH, EXCHANGER = (
    Address(f"0x{i:040x}") for i in range(1, 12)
)
BLOCK = Block(CHAIN, 7, "0x07", "0x06", NOW)
DEPLOYMENT = Deployment(
    "synthetix_perps_v2",
    CHAIN,
    "test",
    {"address_resolver": RESOLVER, "futures_market_manager": MANAGER, "susd": SUSD},
    "a test",
)
ADAPTER = PerpsV2Adapter([DEPLOYMENT])
NO_ORDER = (0,) * 9
NOTHING = (0,) * 5
SHORT = (3, 2, 5000 * WAD, 2010 * WAD, -10 * WAD)


def system() -> dict[Key, Any]:
    """Two markets, in neither of which the wallet has anything."""
    addresses = {
        "FuturesMarketManager": MANAGER,
        "PerpsV2MarketSettings": SETTINGS,
        "SystemStatus": STATUS,
        "ExchangeRates": RATES,
        "SynthsUSD": SYNTH,
        "Exchanger": EXCHANGER,
    }
    table: dict[Key, Any] = {
        ("getAddress", RESOLVER): {name_key(name): (at,) for name, at in addresses.items()},
        ("allMarkets", MANAGER): (32, 2, ETH_MARKET, SOL_MARKET),
        ("numMarkets", MANAGER): (0,),
        ("rateAndInvalid", RATES): (WAD, 0),
        ("proxy", SYNTH): (SUSD,),
        ("requireFuturesMarketActive", STATUS): (),
        ("skewScale", SETTINGS): (10**6 * WAD,),
        ("maxFundingVelocity", SETTINGS): (9 * WAD,),
        ("liquidationPremiumMultiplier", SETTINGS): (WAD,),
        ("liquidationBufferRatio", SETTINGS): (WAD // 100,),
        ("liquidationFeeRatio", SETTINGS): (WAD // 1000,),
        ("minKeeperFee", SETTINGS): (2 * WAD,),
        ("maxKeeperFee", SETTINGS): (1000 * WAD,),
        ("keeperLiquidationFee", SETTINGS): (WAD,),
        ("maxLiquidationDelta", SETTINGS): (WAD // 1000,),
        ("maxPD", SETTINGS): (WAD // 500,),
        ("takerFeeOffchainDelayedOrder", SETTINGS): (WAD // 1000,),
        ("makerFeeOffchainDelayedOrder", SETTINGS): (WAD // 2000,),
        ("maxLeverage", SETTINGS): (50 * WAD,),
        ("maxMarketValue", SETTINGS): (1000 * WAD,),
        ("minInitialMargin", SETTINGS): (40 * WAD,),
        ("dynamicFeeRateForExchange", EXCHANGER): (WAD // 10_000, 0),
        ("offchainDelayedOrderMinAge", SETTINGS): (2,),
        ("offchainDelayedOrderMaxAge", SETTINGS): (60,),
        ("delayedOrderConfirmWindow", SETTINGS): (120,),
        ("nextPriceConfirmWindow", SETTINGS): (2,),
        ("getCurrentRoundId", RATES): (8,),
        ("allEndorsedAddresses", MANAGER): (32, 0),
    }
    for market, key, asset in ((ETH_MARKET, "sETHPERP", "sETH"), (SOL_MARKET, "sSOLPERP", "SOL")):
        table |= {
            ("marketKey", market): (name_key(key),),
            ("baseAsset", market): (name_key(asset),),
            ("fundingSequenceLength", market): (5,),
            ("positions", market): NOTHING,
            ("delayedOrders", market): NO_ORDER,
        }
    return table


def with_short(market: Address = ETH_MARKET) -> dict[Key, Any]:
    """A short of 10 at 2010, now 2000, without funding: Q is 200 + 20 + 1, the premium 0.2."""
    return system() | {
        ("positions", market): SHORT,
        ("assetPrice", market): (2000 * WAD, 0),
        ("marketSkew", market): (0,),
        ("marketSize", market): (20 * WAD,),
        ("fundingRateLastRecomputed", market): (0,),
        ("fundingLastRecomputed", market): (NOW - DAY,),
        ("fundingSequence", market): {(4).to_bytes(32, "big"): (7,), (2).to_bytes(32, "big"): (7,)},
        ("profitLoss", market): (100 * WAD, 0),
        ("accruedFunding", market): (0, 0),
        ("remainingMargin", market): (5100 * WAD, 0),
        # (5100 - 221.2) / 10 above the price
        ("liquidationPrice", market): (2487 * WAD + 88 * WAD // 100, 0),
        ("canLiquidate", market): (0,),
        ("isFlagged", market): (0,),
    }


def read(table: dict[Key, Any]) -> Reading:
    """What the adapter makes of these replies."""
    return play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), table)[0]


def only(reading: Reading) -> Account:
    """The one account of a reading."""
    [account] = reading.accounts
    return account
