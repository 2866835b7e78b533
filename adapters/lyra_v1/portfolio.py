"""From what was read of a wallet's positions to its accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.lyra_v1.adjusting import AdjustableShortRule
from adapters.lyra_v1.amm import Amm
from adapters.lyra_v1.base_exchange import BaseExchange
from adapters.lyra_v1.calls import (
    OWNER_POSITIONS,
    STRIKE_AND_BOARD,
    HeldPosition,
)
from adapters.lyra_v1.closing import FROZEN, PAUSED, Closing, Penalty
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.generations import settlement_of
from adapters.lyra_v1.held import Holding, in_units, payout
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.market import PRICE_DECIMALS, Market
from adapters.lyra_v1.options import Contract, instrument, mark, option
from adapters.lyra_v1.orders import Adjusting, Short
from adapters.lyra_v1.premium import BuyBack
from aggregator.contract import Deployment
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset
from aggregator.model.errors import ReadError
from aggregator.model.positions import Option, Position, Supply
from aggregator.model.readings import AccountFailure
from aggregator.model.rules import WAD, Feed, prices_of
from aggregator.model.units import Address, scaled


@dataclass(frozen=True, slots=True)
class CloseOutTerms:
    """What a liquidation of one short takes, see Closing; and what trades do, or why that is not known."""

    exchange: BaseExchange
    penalty: Penalty
    buy_back: BuyBack
    amm: Amm | str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the protocol itself says of a short; without `terms` nothing is known of its liquidation."""

    min_collateral: int
    can_liquidate: bool
    origin: str
    terms: CloseOutTerms | None


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whose positions of which market, at which spot and Unix time."""

    deployment: Deployment
    address: Address
    market: Market
    spot: Feed
    time: int

    def account_id(self, number: str) -> str:
        """See account_id: a short has its position's number, all longs have one account."""
        return account_id(self.deployment, number)

    def failure(self, short: HeldPosition | None, error: ReadError) -> AccountFailure:
        """The account of a short that could not be read; None stands for that of all longs."""
        number = f"{self.address}:long" if short is None else str(short.position_id)
        what = "held" if short is None else f"short #{short.position_id}"
        return AccountFailure(
            id=self.account_id(number),
            protocol=self.deployment.adapter,
            chain=self.deployment.chain,
            label=f"{self.deployment.name} {what}",
            error=error,
        )

    def long_account(self, holdings: list[Holding]) -> Account:
        """All options held, which nothing can liquidate."""
        return Account(
            id=self.account_id(f"{self.address}:long"),
            protocol=self.deployment.adapter,
            kind="option",
            chain=self.deployment.chain,
            label=f"{self.deployment.name} held",
            owner_path=(self.address,),
            positions=tuple(position for held in holdings for position in self._positions(held)),
            rule=None,
            reported=None,
        )

    def short_account(self, held: Holding, judgement: Judgement | None) -> Account:
        """One written option with its collateral; without a judgement nothing can liquidate it any more.

        Raises Unsupported and UnusablePrice where the contract's library would revert.
        """
        position, positions = held.position, self._positions(held)
        rule: ShortOptionRule | None = None
        reported = None
        if judgement is not None:
            rule = self._rule(held, judgement.terms)
            rule.health(prices_of(rule), self.time)
            least = judgement.min_collateral
            reported = Reported(
                health=position.collateral * WAD // least if least else None,
                liquidatable=judgement.can_liquidate,
                liquidation_price=None,
                origin=judgement.origin,
            )
        return Account(
            id=self.account_id(str(position.position_id)),
            protocol=self.deployment.adapter,
            kind="option",
            chain=self.deployment.chain,
            label=f"{self.deployment.name} short #{position.position_id}",
            owner_path=(self.address,),
            positions=positions,
            rule=rule,
            reported=reported,
        )

    def _rule(self, held: Holding, terms: CloseOutTerms | None) -> ShortOptionRule:
        common: dict[str, Any] = {
            "kind": held.kind,
            "amount": held.position.amount,
            "collateral": held.position.collateral,
            "strike": held.series.strike,
            "expiry": held.series.expiry,
            "parameters": self.market.parameters,
            "spot": self.spot,
        }
        if terms is None:
            return ShortOptionRule(**common)
        refusal = PAUSED if self.market.is_paused else FROZEN if held.series.frozen else None
        return AdjustableShortRule(
            **common,
            closing=Closing(
                market=self._instrument(held),
                collateral=self._collateral(held).id,
                quote=self.market.quote.id,
                refusal=refusal,
                exchange=terms.exchange,
                penalty=terms.penalty,
                buy_back=terms.buy_back,
                collateral_decimals=self._collateral(held).decimals,
                quote_decimals=self.market.quote.decimals,
            ),
            adjusting=self._adjusting(held, terms.amm),
        )

    def _adjusting(self, held: Holding, amm: Amm | str) -> Adjusting:
        position, market = held.position, self.deployment.addresses["option_market"]
        return Adjusting(
            short=Short(market, position.strike_id, position.position_id, held.kind),
            time=self.time,
            paused_everywhere=self.market.is_paused_everywhere,
            amm=None if isinstance(amm, str) else amm,
            untold=amm if isinstance(amm, str) else None,
        )

    def _collateral(self, held: Holding) -> Asset:
        return self.market.base if held.kind is OptionType.SHORT_CALL_BASE else self.market.quote

    def warning(self, held: Holding) -> str | None:
        """What the user should know of a position, as a sentence."""
        name = f"{self.deployment.name} position {held.position.position_id} ({self._instrument(held)})"
        if held.is_settled:
            price = scaled(held.settlement.price_at_expiry, PRICE_DECIMALS).normalize()
            return f"{name} is settled at {price:f}: only its payout counts; claim it with settleOptions."
        if held.is_expired:
            return (
                f"{name} has expired and its board is not settled: it counts at its intrinsic value, which "
                "moves with the spot price until settleExpiredBoard is called."
            )
        if held.series.frozen:
            return f"{name} is on a frozen board: it can be neither closed nor liquidated."
        return None

    def unknown_terms(self, error: ReadError) -> str:
        """What to say where a short is known, but not what its liquidation takes."""
        return f"{self.deployment.name} does not tell what a liquidation takes: {error}"

    def _instrument(self, held: Holding) -> str:
        return instrument(self.market, self._contract(held))

    def _positions(self, held: Holding) -> tuple[Position, ...]:
        asset = self._collateral(held)
        if held.is_settled:
            at = self.deployment.addresses["option_market"]
            origin = settlement_of(self.deployment).at(at, held.position.strike_id).origin
            return (Supply(asset, in_units(asset, payout(held)), is_collateral=False, origin=origin),)
        origin = OWNER_POSITIONS.at(self.deployment.addresses["option_token"], self.address).origin
        option = self._option(held, origin)
        if not held.kind.is_short:
            return (option,)
        return option, Supply(
            asset, in_units(asset, held.position.collateral), is_collateral=True, origin=origin
        )

    def _option(self, held: Holding, origin: str) -> Option:
        contract, amount = self._contract(held), held.position.amount
        valued = mark(self.market, self.spot, contract, self.time, is_expired=held.is_expired)
        return option(self.market, contract, -amount if held.kind.is_short else amount, valued, origin)

    def _contract(self, held: Holding) -> Contract:
        market = self.deployment.addresses["option_market"]
        return held.contract(STRIKE_AND_BOARD.at(market, held.position.strike_id).origin)


def account_id(deployment: Deployment, number: str) -> str:
    """What names an account within its market, unique and stable."""
    return f"{deployment.adapter}:{deployment.chain}:{deployment.addresses['option_market']}:{number}"
