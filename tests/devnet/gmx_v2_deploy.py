"""Deploys GMX V2 as stand-ins, which speak the real ABI: no package ships its contracts.

The store takes any value from anybody; the Reader judges by the published rule; prices come from feeds by the
store's multipliers, as on-chain prices of the real one do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.devnet.artifacts import Bundle, compiled
from tests.devnet.tokens import FEED_DECIMALS, KINDS, Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.chain import Contract
    from tests.devnet.deployment import Site
    from tests.devnet.prices import Quotes

FLOAT = 10**30
HEARTBEAT_SECONDS = 86_400
BTC_DECIMALS = 8
"""Of the index without a contract."""


@dataclass(frozen=True)
class MarketKind:
    """Tokens of a market by symbol; `BTC` is an index without a contract."""

    index: str
    long: str
    short: str


MARKETS: Mapping[str, MarketKind] = {
    "ETH/USD [WETH-USDC]": MarketKind("WETH", "WETH", "USDC"),
    "BTC/USD [WBTC-USDC]": MarketKind("BTC", "WBTC", "USDC"),
    "ETH/USD [WETH-WETH]": MarketKind("WETH", "WETH", "WETH"),
}
VAULT_MEMBERS = ("ETH/USD [WETH-USDC]", "BTC/USD [WBTC-USDC]")
FEEDS: Mapping[str, str] = {"WETH": "ETH", "BTC": "BTC", "WBTC": "BTC", "USDC": "USDC"}


def artifacts() -> Bundle:
    """The stand-ins."""
    return compiled("gmx_v2")


def hashed(name: str, *about: tuple[str, object]) -> bytes:
    """The store's key of a value: a name, and what it is about as pairs of type and value."""
    base = keccak(encode(["string"], [name]))
    if not about:
        return base
    return keccak(encode(["bytes32", *(kind for kind, _ in about)], [base, *(value for _, value in about)]))


def order_field(order: bytes, name: str) -> bytes:
    """The store's key of a field of an order."""
    return keccak(encode(["bytes32", "bytes32"], [order, hashed(name)]))


def index_address(chain_id: int, symbol: str) -> str:
    """What stands for an index without a contract."""
    return to_checksum_address(keccak(encode(["uint256", "string"], [chain_id, symbol]))[-20:])


def decimals_of(symbol: str) -> int:
    """Of a token or index."""
    return BTC_DECIMALS if symbol == "BTC" else KINDS[symbol].decimals


def deploy_gmx(site: Site) -> dict[str, str]:
    """Deploy everything with the markets of `MARKETS`; addresses by role."""
    chain, own = site.chain, artifacts()
    store = chain.deploy(own["StandInGmxV2Store"])
    power = chain.deploy(own["StandInGmxV2Power"], _roots())
    found = {
        "data_store": store.address,
        "reader": chain.deploy(own["StandInGmxV2Reader"], power.address, False).address,  # noqa: FBT003
        "longer reader": chain.deploy(own["StandInGmxV2Reader"], power.address, True).address,  # noqa: FBT003
        "price_provider": chain.deploy(own["StandInGmxV2PriceProvider"], store.address).address,
        "referral_storage": chain.deploy(own["StandInGmxV2Referrals"]).address,
        "event_emitter": chain.deploy(own["StandInGmxV2Events"]).address,
        "index BTC": index_address(chain.node.chain_id, "BTC"),
        "vault": chain.deploy(own["StandInGmxV2Share"], "GLV").address,
    }
    for name in MARKETS:
        found[f"market {name}"] = chain.deploy(own["StandInGmxV2Share"], "GM").address
    feeds = Feeds.deploy(chain, site.prices.quotes, dict.fromkeys(FEEDS.values()))
    found.update({f"feed {symbol}": address for symbol, address in feeds.items()})
    _list(store, site, found)
    return found


def token_address(site: Site, addresses: Mapping[str, str], symbol: str) -> str:
    """Of a token or index."""
    return addresses["index BTC"] if symbol == "BTC" else site.tokens[symbol].address


def _list(store: Contract, site: Site, found: Mapping[str, str]) -> None:
    for name, kind in MARKETS.items():
        tokens = [token_address(site, found, one) for one in (kind.index, kind.long, kind.short)]
        store.send("setMarket", (found[f"market {name}"], *tokens))
    store.send("setAddressList", hashed("MARKET_LIST"), [found[f"market {name}"] for name in MARKETS])
    store.send("setAddressList", hashed("GLV_LIST"), [found["vault"]])
    members = hashed("GLV_SUPPORTED_MARKET_LIST", ("address", found["vault"]))
    store.send("setAddressList", members, [found[f"market {name}"] for name in VAULT_MEMBERS])
    numbers: dict[bytes, int] = {}
    for symbol, feed in FEEDS.items():
        token = ("address", token_address(site, found, symbol))
        store.send("setAddressValues", [hashed("PRICE_FEED", token)], [found[f"feed {feed}"]])
        # A price is USD with 30 decimals for the smallest unit, and so is the multiplier.
        multiplier = 10 ** (60 - FEED_DECIMALS - decimals_of(symbol))
        numbers[hashed("PRICE_FEED_MULTIPLIER", token)] = multiplier
        numbers[hashed("PRICE_FEED_HEARTBEAT_DURATION", token)] = HEARTBEAT_SECONDS
    usdc = ("address", site.tokens["USDC"].address)
    numbers[hashed("STABLE_PRICE", usdc)] = 10 ** (30 - decimals_of("USDC"))
    numbers[hashed("MIN_COLLATERAL_USD")] = FLOAT
    for name in MARKETS:
        numbers.update(_terms(found[f"market {name}"]))
    store.send("setUints", list(numbers), list(numbers.values()))
    store.send(
        "setBools",
        [hashed("SKIP_BORROWING_FEE_FOR_SMALLER_SIDE"), hashed("USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE")],
        [True, True],
    )


def _terms(market: str) -> dict[bytes, int]:
    """Settings of a market, of the size of those on Arbitrum."""
    about = ("address", market)
    good, bad = ("bool", True), ("bool", False)
    found = {
        hashed("MIN_COLLATERAL_FACTOR_FOR_LIQUIDATION", about): FLOAT // 200,
        hashed("MAX_POSITION_IMPACT_FACTOR_FOR_LIQUIDATIONS", about): FLOAT // 200,
        hashed("LIQUIDATION_FEE_FACTOR", about): FLOAT // 500,
        hashed("POSITION_FEE_FACTOR", about, good): 4 * FLOAT // 10_000,
        hashed("POSITION_FEE_FACTOR", about, bad): 6 * FLOAT // 10_000,
        hashed("POSITION_IMPACT_FACTOR", about, good): 3 * 10**20,
        hashed("POSITION_IMPACT_FACTOR", about, bad): 6 * 10**20,
        hashed("FUNDING_FACTOR", about): 2 * 10**22,
        hashed("FUNDING_EXPONENT_FACTOR", about): FLOAT,
        hashed("FUNDING_INCREASE_FACTOR_PER_SECOND", about): 12 * 10**17,
        hashed("MAX_FUNDING_FACTOR_PER_SECOND", about): 2 * 10**22,
        hashed("MIN_FUNDING_FACTOR_PER_SECOND", about): 3 * 10**20,
        hashed("THRESHOLD_FOR_STABLE_FUNDING", about): FLOAT // 20,
    }
    for side in (good, bad):
        found[hashed("POSITION_IMPACT_EXPONENT_FACTOR", about, side)] = 2 * FLOAT
        found[hashed("MAX_POSITION_IMPACT_FACTOR", about, side)] = FLOAT // 200
        found[hashed("OPTIMAL_USAGE_FACTOR", about, side)] = 75 * FLOAT // 100
        found[hashed("BASE_BORROWING_FACTOR", about, side)] = 15 * 10**21
        found[hashed("ABOVE_OPTIMAL_USAGE_BORROWING_FACTOR", about, side)] = 35 * 10**21
        found[hashed("OPEN_INTEREST_RESERVE_FACTOR", about, side)] = FLOAT
        for kind in ("TRADERS", "ADL", "WITHDRAWALS"):
            limit = ("bytes32", hashed(f"MAX_PNL_FACTOR_FOR_{kind}"))
            found[hashed("MAX_PNL_FACTOR", limit, about, side)] = 9 * FLOAT // 10
    return found


def _roots() -> list[int]:
    """2^(1/2), 2^(1/4) and so on, rounded to 64 binary places: each is the root of the one before."""
    found: list[int] = []
    wide = 2 << 320
    for _ in range(64):
        wide = isqrt(wide << 320)
        found.append(((wide >> 255) + 1) >> 1)
    return found


def write_prices(feeds: Mapping[str, Contract], quotes: Quotes) -> None:
    """Write the market into the feeds."""
    for symbol, feed in feeds.items():
        feed.send("set", quotes.scaled(symbol, FEED_DECIMALS))


def write(store: Contract, **kinds: Mapping[bytes, object]) -> None:
    """Write values of any kind: `uints`, `ints`, `bools`, `bytes32s`."""
    for kind, values in kinds.items():
        if values:
            setter = "set" + kind[0].upper() + kind[1:]
            store.send(setter, list(values), list(values.values()))
