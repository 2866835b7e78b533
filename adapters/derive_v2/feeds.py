"""What feeds and the perp say of what an account holds of one market, in one round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.derive_v2 import calls
from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from adapters.derive_v2.managers import MarketAt
from aggregator.contract import Read, ask, attempt, both, join
from aggregator.model.assets import AssetId
from aggregator.model.errors import MalformedReply, UnusablePrice
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address

DECIMALS = 18
PRICE_LIMIT = 2**128
"""The contracts can't price an option above it."""


@dataclass(frozen=True, slots=True)
class Balances:
    """What an account has of a market: options by expiry as (strike, whether a call, amount)."""

    perp: int
    base: int
    options: Mapping[int, tuple[tuple[int, bool, int], ...]]


def read_price(feed: Address, asset: AssetId) -> Read[tuple[Feed, int]]:
    """A spot feed's price and its confidence; raises UnusablePrice on zero, and what a stale feed does."""
    call = calls.SPOT.at(feed)
    [(price, confidence)] = yield from ask([call])
    if not 0 < price < PRICE_LIMIT:
        raise UnusablePrice(asset, call.origin, price)
    return Feed(asset, Oracle.MARKET, price, DECIMALS, call.origin), _share(confidence, call.origin)


def read_holdings(at: MarketAt, account: int, has: Balances, asset: AssetId, time: int) -> Read[Holdings]:
    """What is held of a market whose spot price is that of `asset`."""
    (spot, confidence), (perp, expiries) = yield from both(
        read_price(at.spot, asset),
        both(_perp(at, account, has.perp), join([_expiry(at, when, has) for when in has.options])),
    )
    return Holdings(
        name=at.name,
        spot=spot,
        confidence=confidence,
        perp=None if perp is None else perp.held(has.perp, spot, time),
        base=has.base,
        expiries=tuple(expiries),
    )


@dataclass(frozen=True, slots=True)
class _PerpReply:
    price: int
    confidence: int
    cash: int
    position: calls.PositionDetail
    aggregated: int
    funding_time: int
    funding_rate: int
    frozen: bool

    def held(self, size: int, spot: Feed, time: int) -> PerpHeld:
        """The position; what the perp says of its cash in all is what profit and funding add up to."""
        perp = PerpHeld(
            size=size,
            price=self.price,
            gap=self.price - spot.price,
            frozen=self.frozen,
            confidence=self.confidence,
            last_mark=self.position.last_mark,
            realised=0,
            applied=self.position.funding,
            aggregated=self.aggregated,
            had=self.position.last_aggregated,
            funding_rate=self.funding_rate,
            funding_time=self.funding_time,
        )
        return replace(perp, realised=self.cash - perp.cash(spot.price, time))


def _perp(at: MarketAt, account: int, size: int) -> Read[_PerpReply | None]:
    if not size or at.perp is None:
        return None
    perp = at.perp
    (([price], [position]), (numbers, [disabled])) = yield from both(
        both(ask([calls.PERP_PRICE.at(perp)]), ask([calls.POSITION.at(perp, account)])),
        both(
            ask(
                [
                    calls.UNSETTLED.at(perp, account),
                    calls.AGGREGATED_FUNDING.at(perp),
                    calls.FUNDING_TIME.at(perp),
                    calls.FUNDING_RATE.at(perp),
                ]
            ),
            attempt([calls.IS_DISABLED.at(perp)]),
        ),
    )
    origin = calls.PERP_PRICE.at(perp).origin
    if not 0 < price[0] < PRICE_LIMIT:
        raise UnusablePrice(f"{at.name} perp", origin, price[0])
    cash, aggregated, funding_time, funding_rate = numbers
    if abs(funding_rate) > WAD:
        rate = calls.FUNDING_RATE.at(perp).origin
        raise MalformedReply(rate, f"funding of {funding_rate / WAD:g} of the notional per hour")
    return _PerpReply(
        price=price[0],
        confidence=_share(price[1], origin),
        cash=cash,
        position=position,
        aggregated=aggregated,
        funding_time=funding_time,
        funding_rate=funding_rate,
        # Perps that were deployed before they could be switched off refuse to say.
        frozen=disabled is True,
    )


def _expiry(at: MarketAt, when: int, has: Balances) -> Read[Expiry]:
    options = has.options[when]
    strikes = list(dict.fromkeys(strike for strike, _, _ in options))
    vol_calls = [calls.VOL.at(at.vol, strike, when) for strike in strikes]
    forward_call = calls.FORWARD.at(at.forward, when)
    ([(fixed, variable, confidence)], vols), (rate, further) = yield from both(
        both(ask([forward_call]), ask(vol_calls)), _confidences(at, when)
    )
    if not 0 < fixed + variable < PRICE_LIMIT:
        raise UnusablePrice(f"{at.name} forward of {when}", forward_call.origin, fixed + variable)
    if any(vol >= PRICE_LIMIT for vol, _ in vols):
        raise MalformedReply(vol_calls[0].origin, "a volatility that no option can be priced with")
    of_vols = [_share(one, call.origin) for (_, one), call in zip(vols, vol_calls, strict=True)]
    by_strike = {strike: vol for strike, (vol, _) in zip(strikes, vols, strict=True)}
    return Expiry(
        time=when,
        fixed=fixed,
        variable=variable,
        rate=rate,
        confidence=min(_share(confidence, forward_call.origin), further, *of_vols),
        options=tuple(
            OptionHeld(strike, is_call, amount, by_strike[strike]) for strike, is_call, amount in options
        ),
    )


def _confidences(at: MarketAt, when: int) -> Read[tuple[int, int]]:
    """(rate, confidence) of an expiry: managers look at the rate's, or at that of the whole surface."""
    if at.rate is None:
        surface = calls.VOL_CONFIDENCE.at(at.vol, when)
        [confidence] = yield from ask([surface])
        return 0, _share(confidence, surface.origin)
    call = calls.RATE.at(at.rate, when)
    [(rate, confidence)] = yield from ask([call])
    return max(rate, 0), _share(confidence, call.origin)


def _share(confidence: int, origin: str) -> int:
    if confidence > WAD:
        raise MalformedReply(origin, f"a confidence above 1: {confidence}")
    return confidence
