"""GMX V2 on the local chain: positions, orders, claims and shares that are written into its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.devnet.artifacts import compiled
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.gmx_v2_deploy import (
    BTC_DECIMALS,
    FEEDS,
    FLOAT,
    MARKETS,
    VAULT_MEMBERS,
    artifacts,
    decimals_of,
    deploy_gmx,
    hashed,
    order_field,
    token_address,
    write,
    write_prices,
)
from tests.devnet.tokens import FEED_DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.abi import AbiValue
    from tests.devnet.prices import Quotes

ETH, BTC, SINGLE = MARKETS
SHARE_UNIT = 10**18
HOUR_SECONDS = 3_600
"""By which collateral to claim is kept."""
WITHDRAWAL = "ACCOUNT_WITHDRAWAL_LIST"
MARKET_INCREASE, LIMIT_INCREASE, LIMIT_DECREASE = 2, 3, 5


@dataclass(frozen=True)
class Held:
    """A position by what names it."""

    user: str
    market: str
    collateral: str
    is_long: bool


class GmxV2(Deployment):
    """The markets of `MARKETS`, by name; tokens are named by symbol, amounts are whole ones or USD."""

    name = "gmx_v2"
    title = "GMX V2 local"
    deployer = 41

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        own, at = artifacts(), site.chain.at
        self.store = at(own["StandInGmxV2Store"], addresses["data_store"])
        self.reader = at(own["StandInGmxV2Reader"], addresses["reader"])
        self.provider = at(own["StandInGmxV2PriceProvider"], addresses["price_provider"])
        self.referrals = at(own["StandInGmxV2Referrals"], addresses["referral_storage"])
        self.emitter = at(own["StandInGmxV2Events"], addresses["event_emitter"])
        share = own["StandInGmxV2Share"]
        self.shares = {name: at(share, addresses[f"market {name}"]) for name in MARKETS}
        self.vault = at(share, addresses["vault"])
        feed = compiled("devnet")["SettableFeed"]
        names = dict.fromkeys(FEEDS.values())
        self.feeds = {one: at(feed, addresses[f"feed {one}"], f"{one}/USD") for one in names}

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the system with its markets."""
        return deploy_gmx(site)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into its feeds."""
        write_prices(self.feeds, quotes)

    def set_price(self, symbol: str, answer: int) -> None:
        """An answer with 8 decimals of one feed; the next change of the market undoes it."""
        self.feeds[symbol].send("set", answer)

    def deployment_entry(self) -> DeploymentEntry:
        """This system as crossmargin's configuration names it."""
        roles = ("reader", "data_store", "referral_storage", "price_provider", "event_emitter")
        addresses = {role: self.addresses[role] for role in roles}
        return DeploymentEntry(self.name, self.title, addresses, {"synthetic": {"BTC": BTC_DECIMALS}})

    def fund(self) -> None:
        """Pools, and open interest on both sides of all markets, longs ahead; it begins to cost now."""
        for name in MARKETS:
            kind = MARKETS[name]
            for token in dict.fromkeys((kind.long, kind.short)):
                self.pool(name, token, self.units_of(token, 5_000_000))
            for is_long, usd in ((True, 1_500_000), (False, 900_000)):
                for token in dict.fromkeys((kind.long, kind.short)):
                    self.interest(name, token, is_long=is_long, usd=usd * FLOAT)
            self.settle(name)
            self.shares[name].send("mint", self.site.account("lp"), 10_000_000 * SHARE_UNIT)
        for name in VAULT_MEMBERS:
            self.shares[name].send("mint", self.vault.address, 200_000 * SHARE_UNIT)
            self.vault.send("count", self.shares[name].address, 200_000 * SHARE_UNIT)
        self.vault.send("mint", self.site.account("lp"), 400_000 * SHARE_UNIT)

    def seed(self) -> None:
        """Of the hedged wallet: a short of ETH, a long of BTC, an order, funding to claim, and shares."""
        user = self.site.account("hedged")
        self.open(user, ETH, "USDC", is_long=False, usd=8_000, collateral=self.units_of("USDC", 2_000))
        self.open(user, BTC, "WBTC", is_long=True, usd=9_000, collateral=self.units_of("WBTC", 3_000))
        self.order(user, LIMIT_INCREASE, ETH, "USDC", 500 * 10**6, fee=10**15)
        self.claimable(user, ETH, "WETH", 3 * 10**15)
        self.shares[SINGLE].send("mint", user, 1_000 * SHARE_UNIT)
        self.vault.send("mint", user, 2_000 * SHARE_UNIT)

    # --- writing

    def price(self, symbol: str) -> int:
        """USD with 30 decimals for the smallest unit, as the feed has it now."""
        answer: int = self.feeds[FEEDS[symbol]].call("latestAnswer")
        scaled: int = answer * 10 ** (30 - FEED_DECIMALS) // 10 ** decimals_of(symbol)
        return scaled

    def units_of(self, symbol: str, usd: int) -> int:
        """How much of a token so many USD are now."""
        return usd * FLOAT // self.price(symbol)

    def market(self, name: str) -> str:
        """A market's own address."""
        return self.shares[name].address

    def token(self, symbol: str) -> str:
        """The address of a token or index."""
        return token_address(self.site, self.addresses, symbol)

    def key(self, text: str, name: str, *about: tuple[str, object]) -> bytes:
        """The store's key of a value about a market."""
        return hashed(text, ("address", self.market(name)), *about)

    def set(self, **kinds: Mapping[bytes, object]) -> None:
        """Write any values into the store."""
        write(self.store, **kinds)

    def pool(self, name: str, token: str, amount: int) -> None:
        """What a pool has of a token."""
        self.set(uints={self.key("POOL_AMOUNT", name, ("address", self.token(token))): amount})

    def interest(self, name: str, token: str, *, is_long: bool, usd: int, in_tokens: int = 0) -> None:
        """Add open interest of a side with a collateral, at the present price if no tokens are given."""
        about = (("address", self.token(token)), ("bool", is_long))
        tokens = in_tokens or usd // self.price(MARKETS[name].index)
        added = {
            self.key("OPEN_INTEREST", name, *about): usd,
            self.key("OPEN_INTEREST_IN_TOKENS", name, *about): tokens,
        }
        self.set(uints={key: self.store.call("getUint", key) + more for key, more in added.items()})

    def settle(self, name: str) -> None:
        """Let borrowing and funding count from now, with nothing added for before."""
        now = self.chain.node.timestamp
        self.set(
            uints={
                self.key("FUNDING_UPDATED_AT", name): now,
                **{
                    self.key("CUMULATIVE_BORROWING_FACTOR_UPDATED_AT", name, ("bool", side)): now
                    for side in (True, False)
                },
            }
        )

    def open(
        self, user: str, name: str, collateral_token: str, *, is_long: bool, usd: int, collateral: int
    ) -> Held:
        """A position at the present price, which counts in the market's open interest."""
        size = usd * FLOAT
        tokens = size // self.price(MARKETS[name].index)
        held = Held(user, name, collateral_token, is_long)
        row = (size, tokens, collateral, 0, 0, 0, 0, 0, self.chain.node.timestamp, 0)
        self.write_positions(user, {held: row})
        self.interest(name, collateral_token, is_long=is_long, usd=size, in_tokens=tokens)
        return held

    def write_positions(self, user: str, rows: Mapping[Held, tuple[AbiValue, ...]]) -> None:
        """Positions of any ten numbers, listed with the user's others."""
        for held, row in rows.items():
            place = (user, self.market(held.market), self.token(held.collateral))
            self.store.send("setPosition", self.position_key(held), (*place, *row, held.is_long))
        self.list_of("ACCOUNT_POSITION_LIST", user, *map(self.position_key, rows))

    def position_key(self, held: Held) -> bytes:
        """The key of a position."""
        kinds = ["address", "address", "address", "bool"]
        where = [held.user, self.market(held.market), self.token(held.collateral), held.is_long]
        return keccak(encode(kinds, where))

    def list_of(self, name: str, user: str, *entries: bytes) -> None:
        """Add to one of a user's lists."""
        key = hashed(name, ("address", user))
        count: int = self.store.call("getBytes32Count", key)
        before: list[bytes] = self.store.call("getBytes32ValuesAt", key, 0, count)
        self.store.send("setWordList", key, list(dict.fromkeys([*before, *entries])))

    def order(self, user: str, kind: int, name: str, token: str, amount: int, *, fee: int = 0) -> bytes:
        """A pending order of a type, with collateral and a keeper's fee in the native coin."""
        order = keccak(text=f"{user} {kind} {name} {token} {amount}")
        self.set(
            uints={
                order_field(order, "ORDER_TYPE"): kind,
                order_field(order, "INITIAL_COLLATERAL_DELTA_AMOUNT"): amount,
                order_field(order, "EXECUTION_FEE"): fee,
            }
        )
        names = [order_field(order, one) for one in ("ACCOUNT", "MARKET", "INITIAL_COLLATERAL_TOKEN")]
        self.store.send("setAddressValues", names, [user, self.market(name), self.token(token)])
        self.list_of("ACCOUNT_ORDER_LIST", user, order)
        return order

    def put_by(self, user: str, name: str, token: str, hour: int, amount: int) -> None:
        """Add to the collateral that a user may claim, in an hour since 1970, and tell of it."""
        place = (self.market(name), self.token(token))
        key = self.collateral_key("CLAIMABLE_COLLATERAL_AMOUNT", user, name, token, hour)
        after = self.store.call("getUint", key) + amount
        self.set(uints={key: after, hashed("CLAIMABLE_COLLATERAL_TIME_DIVISOR"): HOUR_SECONDS})
        names = ("market", "token", "account", "timeKey", "delta", "nextValue", "nextPoolValue")
        told = "ClaimableCollateralUpdated"
        self.emitter.send("tell", told, user, names, (*place, user), (hour, amount, after, after))

    def collateral_key(self, text: str, user: str | None, name: str, token: str, hour: int) -> bytes:
        """The store's key of a value about collateral to claim, of a user or of all."""
        about = [("address", self.token(token)), ("uint256", hour)]
        return self.key(text, name, *about, *([("address", user)] if user else []))

    def claimable(self, user: str, name: str, token: str, amount: int) -> None:
        """Funding that a user can claim."""
        about = (("address", self.token(token)), ("address", user))
        self.set(uints={self.key("CLAIMABLE_FUNDING_AMOUNT", name, *about): amount})
