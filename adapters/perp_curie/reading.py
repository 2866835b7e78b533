"""What the contracts say of one trader: the lists in round 1, markets in rounds 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.perp_curie import calls, depth
from adapters.perp_curie.calls import MarketInfo, OrderInfo, TakerInfo, Totals
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.system import System
from aggregator.contract import Deployment, Read, ask, attempt, both, join
from aggregator.model.errors import CallReverted, MalformedReply, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.pricing.concentrated import MAX_ROOT, MAX_TICK, MIN_ROOT

MOST_MARKETS, MOST_COLLATERALS, MOST_ORDERS = 255, 255, 255
"""The contracts count all three in a uint8."""


@dataclass(frozen=True, slots=True)
class Trader:
    """What round 1 says of a wallet: where it is, and what it has in the settlement token."""

    bases: tuple[Address, ...]
    collaterals: tuple[Address, ...]
    balance: int
    totals: Totals

    def is_empty(self, settlement_decimals: int) -> bool:
        """Whether there is nothing to say of the wallet: what is owed may cancel out the balance."""
        unit = 10 ** (18 - settlement_decimals)
        cash = self.balance * unit + self.totals.owed_realized_pnl
        return not (self.bases or self.collaterals or cash // unit)


@dataclass(frozen=True, slots=True)
class MarketReply:
    """What the contracts said of a trader in one market. Prices have 18 decimals, roots 96 binary places.

    `price` is the one that positions are valued at. `market_twap` and `index_twap`, from which funding
    follows, are None where the market has stopped or is too young for them. `pool` is None where nobody can
    trade, or it can't be told what a trade would do.
    """

    base: Address
    symbol: str
    is_open: bool
    taker: TakerInfo
    funding: int
    price: int
    price_origin: str
    orders: tuple[OrderInfo, ...]
    root: int
    market_twap: int | None
    index_twap: int | None
    pool: Pool | None


@dataclass(frozen=True, slots=True)
class Own:
    """The protocol's own word on the whole account."""

    value: int
    requirement: int
    collateral_liquidatable: bool


def trader(deployment: Deployment, wallet: Address) -> Read[Trader]:
    """Round 1; raises MalformedReply on more than the contracts can count."""
    balance, vault = deployment.addresses["account_balance"], deployment.addresses["vault"]
    (bases, tokens), ([cash], [totals]) = yield from both(
        ask([calls.BASE_TOKENS.at(balance, wallet), calls.COLLATERAL_TOKENS.at(vault, wallet)]),
        both(ask([calls.BALANCE.at(vault, wallet)]), ask([calls.PNL_AND_FEE.at(balance, wallet)])),
    )
    _check_list(calls.BASE_TOKENS.at(balance, wallet).origin, bases, MOST_MARKETS)
    _check_list(calls.COLLATERAL_TOKENS.at(vault, wallet).origin, tokens, MOST_COLLATERALS)
    return Trader(bases, tokens, cash, totals)


def others(
    at: System, wallet: Address, bases: tuple[Address, ...], block: Block
) -> Read[list[MarketReply | ReadError]]:
    """Rounds 2 and 3: markets where the trader has nothing, or why one can't be told."""
    return (yield from join([_market(at, wallet, base, block) for base in bases], isolate=True))


def markets(at: System, wallet: Address, bases: tuple[Address, ...], block: Block) -> Read[list[MarketReply]]:
    """Rounds 2 and 3: the trader's markets; raises what fails in one, for margin is shared by all."""
    return (yield from join([_market(at, wallet, base, block) for base in bases]))


def _market(at: System, wallet: Address, base: Address, block: Block) -> Read[MarketReply]:
    reply, pool = yield from both(_held(at, wallet, base), depth.pool(at, wallet, base, block))
    return replace(reply, pool=pool if reply.is_open else None)


def _held(at: System, wallet: Address, base: Address) -> Read[MarketReply]:
    held = both(
        ask([calls.ACCOUNT_INFO.at(at.account_balance, wallet, base)]),
        both(
            ask([calls.ORDER_IDS.at(at.order_book, wallet, base)]),
            ask([calls.PENDING_FUNDING.at(at.exchange, wallet, base)]),
        ),
    )
    shared = both(
        both(ask([calls.IS_OPEN.at(base), calls.IS_CLOSED.at(base)]), ask([calls.SYMBOL.at(base)])),
        both(
            both(
                ask([calls.MARKET_INFO.at(at.registry, base)]),
                ask([calls.TWAP_INTERVAL.at(at.config), calls.PAUSED_PRICE.at(base)]),
            ),
            attempt([calls.MARK_PRICE.at(at.account_balance, base)]),
        ),
    )
    (
        ([taker], ([ids], [funding])),
        (([is_open, is_closed], [symbol]), (([info], [interval, stopped]), [mark])),
    ) = yield from both(held, shared)
    _check_list(calls.ORDER_IDS.at(at.order_book, wallet, base).origin, ids, MOST_ORDERS)
    if is_open and isinstance(mark, ReadError):
        raise mark.with_traceback(None)
    orders, ([slot], ([market_twap], [index_twap, closed])) = yield from both(
        ask([calls.ORDER.at(at.order_book, one) for one in ids]),
        both(
            ask([calls.SLOT.at(info.pool)]),
            both(
                attempt([calls.MARKET_TWAP.at(at.exchange, base, interval)]),
                attempt([calls.INDEX_PRICE.at(base, interval), calls.CLOSED_PRICE.at(base)]),
            ),
        ),
    )
    _check_orders(at, base, info, slot.root, orders)
    if is_open:
        price, origin = mark, calls.MARK_PRICE.at(at.account_balance, base).origin
    elif is_closed:
        price, origin = closed, calls.CLOSED_PRICE.at(base).origin
    else:
        price, origin = stopped, calls.PAUSED_PRICE.at(base).origin
    if isinstance(price, ReadError):
        raise price.with_traceback(None)
    return MarketReply(
        base=base,
        symbol=symbol,
        is_open=is_open,
        taker=taker,
        funding=funding,
        price=price,
        price_origin=origin,
        orders=tuple(orders),
        root=slot.root,
        market_twap=_if_open(is_open, market_twap),
        index_twap=_if_open(is_open, index_twap),
        pool=None,
    )


def _if_open(is_open: bool, answer: int | ReadError) -> int | None:
    # Only a refusal is an answer: the market is younger than the window.
    if not is_open or isinstance(answer, CallReverted):
        return None
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    return answer


def own_word(at: System, wallet: Address) -> Read[Own]:
    """Round 2: what the protocol says of the whole account."""
    [value, requirement], [liquidatable] = yield from both(
        ask(
            [
                calls.ACCOUNT_VALUE.at(at.clearing_house, wallet),
                calls.REQUIREMENT.at(at.account_balance, wallet),
            ]
        ),
        ask([calls.COLLATERAL_LIQUIDATABLE.at(at.vault, wallet)]),
    )
    return Own(value, requirement, liquidatable)


def _check_list(origin: str, found: tuple[object, ...], most: int) -> None:
    if len(found) > most or len(set(found)) != len(found):
        raise MalformedReply(origin, f"{len(found)} entries, {len(set(found))} of them different")


def _check_orders(at: System, base: Address, info: MarketInfo, root: int, orders: list[OrderInfo]) -> None:
    if not MIN_ROOT <= root < MAX_ROOT:
        raise MalformedReply(calls.SLOT.at(info.pool).origin, f"a root price of {root}")
    for order in orders:
        if not -MAX_TICK <= order.lower < order.upper <= MAX_TICK or order.liquidity == 0:
            where = f"an order of {base} at the order book {at.order_book}"
            raise MalformedReply(
                where, f"liquidity {order.liquidity} from tick {order.lower} to {order.upper}"
            )
