"""Prices for off-chain orders of Synthetix Perps V2, by the package's own MockPyth."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.artifacts import compiled
from tests.devnet.chain import bytes32
from tests.devnet.synthetix_deploy import MARKETS, artifacts, as_owner

if TYPE_CHECKING:
    from tests.devnet.synthetix import SynthetixPerpsV2

DECIMALS = 8
FRESH_SECONDS = 60


class OffchainPrices:
    """A Pyth of whose prices the markets' off-chain orders are filled; anybody may publish any."""

    def __init__(self, perps: SynthetixPerpsV2) -> None:
        chain, real = perps.chain, artifacts()
        self.pyth = chain.deploy(compiled("synthetix_pyth")["MockPyth"], FRESH_SECONDS, 0)
        at = perps.resolver.call("getAddress", bytes32("PerpsV2ExchangeRate"))
        rates = chain.at(real["PerpsV2ExchangeRate"], at)
        executors = []
        for market in perps.markets.values():
            proxy = chain.at(real["ProxyPerpsV2"], market.address)
            selector = market.encode("executeOffchainDelayedOrder", market.address, [])[:4]
            executors.append(proxy.call("getRoute", selector)["implementation"])
        feeds = [
            (rates, "setOffchainPriceFeedId", (bytes32(asset), bytes32(asset))) for asset in MARKETS.values()
        ]
        as_owner(
            chain,
            [
                (rates, "setOffchainOracle", (self.pyth.address,)),
                (rates, "addAssociatedContracts", (executors,)),
                *feeds,
            ],
        )

    def published(self, market: str, dollars: Decimal | int, time: int) -> bytes:
        """A price of a time with 8 decimals, as a keeper hands it in with an execution."""
        price = int(Decimal(dollars).scaleb(DECIMALS))
        key = bytes32(MARKETS[market])
        data: bytes = self.pyth.call("createPriceFeedUpdateData", key, price, 0, -DECIMALS, price, 0, time)
        return data
