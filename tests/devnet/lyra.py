"""Lyra V1 (Avalon) on the local chain: operations on one option market, and its own word on positions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.devnet.chain import MAX_UINT256, Receipt, bytes32
from tests.devnet.deployment import Deployment, DeploymentEntry, Site, TokenEntry
from tests.devnet.lyra_deploy import WEEK, artifacts, deploy_market, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.abi import AbiValue
    from tests.devnet.chain import Contract
    from tests.devnet.prices import Quotes

Amount = Decimal | int | str

STRIKES = (1600, 1800, 2000, 2200, 2500)
SKEWS = ("0.95", "0.97", "1", "1.03", "1.1")
BASE_IV = "0.8"
# Near and far side of the slope of the shock volatility, which runs from 2 to 8 weeks.
EXPIRIES_SECONDS = (4 * WEEK, 12 * WEEK)


class Kind(IntEnum):
    """The contracts' types of position."""

    LONG_CALL = 0
    LONG_PUT = 1
    SHORT_CALL_BASE = 2
    SHORT_CALL_QUOTE = 3
    SHORT_PUT_QUOTE = 4


@dataclass(frozen=True)
class Position:
    """A position as `OptionToken` tells it; amounts with 18 decimals, collateral in base or quote."""

    id: int
    strike_id: int
    kind: Kind
    amount: int
    collateral: int
    state: int


class LyraV1(Deployment):
    """The ETH market. Amounts are whole options and tokens as int, Decimal or text."""

    name = "lyra_v1"
    deployer = 4
    underlying = "ETH"

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        contracts = artifacts()
        site.chain.errors.learn(contracts.errors())

        def at(role: str, name: str) -> Contract:
            return site.chain.at(contracts[name], addresses[role])

        self.market = at("option_market", "OptionMarket")
        self.token = at("option_token", "OptionToken")
        self.greek_cache = at("greek_cache", "OptionGreekCache")
        self.short_collateral = at("short_collateral", "ShortCollateral")
        self.pricer = at("pricer", "OptionMarketPricer")
        self.pool = at("liquidity_pool", "LiquidityPool")
        self.liquidity_token = at("liquidity_token", "LiquidityToken")
        self.adapter = at("synthetix_adapter", "SynthetixAdapter")
        self.rates = at("exchange_rates", "TestExchangeRates")
        self.quote = at("quote_asset", "TestERC20Fail")
        self.base = at("base_asset", "TestERC20Fail")

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the market with its doubles of Synthetix and its liquidity."""
        return deploy_market(site, cls.underlying)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the spot price into the double of Synthetix's ExchangeRates."""
        self.set_rate(quotes.scaled(self.underlying, 18))

    def set_rate(self, rate: int, *, invalid: bool = False) -> None:
        """Write any rate, zero or flagged invalid included; the next change of prices undoes it."""
        self.rates.send("setRateAndInvalid", bytes32(f"s{self.underlying}"), rate, invalid)

    def deployment_entry(self) -> DeploymentEntry:
        """This market as crossmargin's configuration names it."""
        names = ("option_market", "option_token", "greek_cache", "synthetix_adapter", "quote_asset")
        wanted = (*names, "base_asset", "viewer")
        return DeploymentEntry(
            "lyra_v1", f"Lyra V1 {self.underlying} local", {name: self.addresses[name] for name in wanted}
        )

    def token_entries(self) -> list[TokenEntry]:
        """Both synths: the quote is a synthetic dollar, the base follows its underlying."""
        return [
            TokenEntry(self.quote.address, "sUSD", 18, "USD", "synthetic_usd"),
            TokenEntry(self.base.address, f"s{self.underlying}", 18, self.underlying, "base"),
        ]

    def create_board(
        self,
        expiry: int,
        strikes: tuple[int, ...] = STRIKES,
        skews: tuple[str, ...] = SKEWS,
        iv: str = BASE_IV,
    ) -> int:
        """List options of one expiry (Unix seconds); the board's id."""
        arguments = [units(strike) for strike in strikes], [units(skew) for skew in skews]
        receipt = self.market.send("createOptionBoard", expiry, units(iv), *arguments, False)  # noqa: FBT003
        [event] = self.market.events(receipt, "BoardCreated")
        found: int = event["boardId"]
        return found

    def boards(self) -> list[int]:
        """Ids of the live boards, nearest expiry first."""
        found: list[int] = self.market.call("getLiveBoards")
        return sorted(found, key=self.expiry)

    def expiry(self, board: int) -> int:
        """When a board expires, Unix seconds."""
        found: int = self.market.call("getOptionBoard", board)["expiry"]
        return found

    def strike_id(self, board: int, strike: int) -> int:
        """Id of the strike of that price on a board."""
        strikes: list[int] = self.market.call("getBoardStrikes", board)
        [found] = [s for s in strikes if self.strike(s)["strikePrice"] == units(strike)]
        return found

    def strike(self, strike_id: int) -> dict[str, AbiValue]:
        """A strike as the market tells it."""
        found: dict[str, AbiValue] = self.market.call("getStrike", strike_id)
        return found

    def update_greeks(self) -> None:
        """Refresh the cached Greeks of every live board, which trades need after a move."""
        for board in self.boards():
            self.greek_cache.send("updateBoardCachedGreeks", board, sender=self.site.account("keeper"))

    def open(
        self,
        user: str,
        strike_id: int,
        kind: Kind,
        amount: Amount,
        collateral: Amount = 0,
        *,
        position: int = 0,
    ) -> int:
        """Open a position or add to one, with tokens minted for it; the position's id.

        Raises `TransactionReverted` if the market refuses, as for too little collateral.
        """
        self._fund_and_approve(user)
        return self._trade("openPosition", user, strike_id, kind, amount, collateral, position)

    def close(self, user: str, position: int, amount: Amount | None = None, collateral: Amount = 0) -> None:
        """Close a position, or a part of it with so much collateral left."""
        found = self.position(position)
        size = Decimal(found.amount).scaleb(-18) if amount is None else amount
        self._fund_and_approve(user)
        self._trade("closePosition", user, found.strike_id, found.kind, size, collateral, position)

    def _trade(
        self,
        function: str,
        user: str,
        strike_id: int,
        kind: Kind,
        amount: Amount,
        collateral: Amount,
        position: int,
    ) -> int:
        order = {
            "strikeId": strike_id,
            "positionId": position,
            "iterations": 1,
            "optionType": int(kind),
            "amount": units(amount),
            "setCollateralTo": units(collateral),
            "minTotalCost": 0,
            "maxTotalCost": MAX_UINT256,
        }
        receipt = self.market.send(function, order, sender=user)
        [event] = self.market.events(receipt, "Trade")
        found: int = event["positionId"]
        return found

    def _fund_and_approve(self, user: str) -> None:
        for token in (self.quote, self.base):
            token.send("mint", user, units(1_000_000))
            token.send("approve", self.market.address, MAX_UINT256, sender=user)

    def spend_tokens(self, user: str) -> None:
        """Have a user spend all synths that are left of what trades minted."""
        for token in (self.quote, self.base):
            left: int = token.call("balanceOf", user)
            token.send("transfer", self.site.account("merchant"), left, sender=user)

    def liquidate(self, position: int) -> Receipt:
        """Liquidate a position. Raises `TransactionReverted` if the market refuses."""
        liquidator = self.site.account("liquidator")
        return self.market.send("liquidatePosition", position, liquidator, sender=liquidator)

    def settle_board(self, board: int) -> None:
        """Fix the settlement price of an expired board at the present spot."""
        self.market.send("settleExpiredBoard", board, sender=self.site.account("keeper"))

    def settle(self, positions: list[int]) -> None:
        """Pay out positions of settled boards."""
        self.short_collateral.send("settleOptions", positions, sender=self.site.account("keeper"))

    def position(self, position: int) -> Position:
        """One position. Raises `TransactionReverted` if there is none."""
        return _position(self.token.call("getOptionPosition", position))

    def positions(self, user: str) -> list[Position]:
        """All positions of a user."""
        return [_position(found) for found in self.token.call("getOwnerPositions", user)]

    def min_collateral(self, position: Position) -> int:
        """What the protocol asks of a short at the present spot; 18 decimals of base or quote."""
        strike = self.strike(position.strike_id)
        expiry, spot = self.expiry(strike["boardId"]), self.spot()
        arguments = (int(position.kind), strike["strikePrice"], expiry, spot, position.amount)
        found: int = self.greek_cache.call("getMinCollateral", *arguments)
        return found

    def spot(self) -> int:
        """Spot price, 18 decimals."""
        found: int = self.adapter.call("getSpotPriceForMarket", self.market.address)
        return found

    def fund(self) -> None:
        """Nothing to do: the pool's liquidity came with the deployment, and it earns only by trading."""

    def seed(self) -> None:
        """Two boards; the hedged wallet's long put and partially collateralised short call."""
        now = self.chain.node.timestamp
        near, _ = (self.create_board(now + seconds) for seconds in EXPIRIES_SECONDS)
        hedged = self.site.account("hedged")
        self.open(hedged, self.strike_id(near, 1800), Kind.LONG_PUT, 5)
        self.open(hedged, self.strike_id(near, 2200), Kind.SHORT_CALL_QUOTE, 4, 3_600)
        self.spend_tokens(hedged)


def _position(found: Mapping[str, AbiValue]) -> Position:
    return Position(
        id=found["positionId"],
        strike_id=found["strikeId"],
        kind=Kind(found["optionType"]),
        amount=found["amount"],
        collateral=found["collateral"],
        state=found["state"],
    )
