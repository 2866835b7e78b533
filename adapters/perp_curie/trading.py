"""What a trader's own trade does: a swap through the market's pool, its fees, and the margin that it needs.

Source: `openPosition` and `closePosition` of ClearingHouse.sol, `swap` of Exchange.sol, `replaySwap` of
OrderBook.sol, SwapMath.sol and UniswapV3Broker.sol of npm `@perp/curie-contract` 2.8.4, rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.perp_curie.closing import as_of
from adapters.perp_curie.market import DUST, MILLION, MarketState, cut
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.swap import Swap, swap
from aggregator.model.actions import Trade, Traded, Untold
from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD, Amount, Refused
from aggregator.pricing.concentrated import MAX_TICK, Q96, root_at_tick

if TYPE_CHECKING:
    from adapters.perp_curie.access import Access
    from adapters.perp_curie.margin import CurieRule

NO_DEPTH = Untold("what its pool holds was not read")
UNKNOWN_TICK = Untold(
    "how far a trade may move the price depends on a trade of the last seconds, which is not known"
)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a swap exchanges, signed as the trader sees it: base, and quote without the fee."""

    base: int
    notional: int
    fee: int
    insurance: int
    swap: Swap

    @property
    def quote(self) -> int:
        """Quote with the fee paid."""
        return self.notional - self.fee


def trade(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, action: Trade
) -> Traded | Refused | Untold:
    """See CurieRule.apply."""
    if rule.paused:
        return Refused("Pausable: paused")
    found = rule.market(action.market)
    if found is None:
        return Untold(f"the trader has nothing in {action.market}, and such a market was not read")
    if not found.is_open:
        return Refused("CH_MNO: the market is not open")
    access = rule.access
    if access is None:
        return NO_DEPTH
    if found in rule.others:
        # The account does not depend on its price yet, which is then that of the block.
        rule = _entered(rule, found)
        prices = {found.feed.asset: found.feed.price, **prices}
    filled = fill(rule, found, rule.price_of(prices, found.feed), time, action.size_raw)
    if not isinstance(filled, Filled):
        return filled
    return _traded(rule, access, found, filled, prices, time)


def _entered(rule: CurieRule, found: MarketState) -> CurieRule:
    """The account once a market where it has nothing is one of its own."""
    others = tuple(one for one in rule.others if one != found)
    return replace(rule, markets=(*rule.markets, found), others=others)


def fill(rule: CurieRule, found: MarketState, price: int, time: int, size: int) -> Filled | Refused | Untold:
    """The swap itself, at a price and a time not before the block's."""
    present = found.feed.price
    root = found.root_at(price)
    pool = None if found.pool is None else found.pool.moved(root, price, present)
    if pool is None:
        return NO_DEPTH if found.pool is None else Untold("what its pool holds at that price was not read")
    if pool.most_ticks == 0:
        return Refused("EX_MIP: the market is paused")
    noted = pool.noted(time - rule.time, time)
    if noted is None:
        return UNKNOWN_TICK
    down, most = size < 0, pool.most_ticks
    limit = None
    if size == -found.size and abs(size) >= DUST:
        # A closing stops at the last tick that is allowed; where several may be, at the nearest.
        tick = max(noted) - most if down else min(noted) + most
        limit = root_at_tick(max(1 - MAX_TICK, min(MAX_TICK - 1, tick)))
        if limit >= root if down else limit <= root:
            return UNKNOWN_TICK
    try:
        filled = _fill(pool, root, size, limit)
    except ValueError as error:
        return Untold(f"its pool contradicts itself: {error}")
    done = filled.swap
    if done.beyond:
        if pool.depth.lowest < min(noted) - most if down else pool.depth.highest > max(noted) + most:
            return Refused("EX_OPLAS, EX_OPB or UB_UOA: the pool is not deep enough for so much at once")
        return Untold("what its pool holds further on was not read")
    if limit is not None and done.left and len(noted) > 1:
        return UNKNOWN_TICK
    return _refusal(pool, root, filled, noted) or _touched(found, pool, filled) or filled


def _fill(pool: Pool, root: int, size: int, limit: int | None) -> Filled:
    """The pool's own swap, and the exchange's fee on it as it plays the swap again."""
    if size < 0:
        amount = -(size * MILLION // (MILLION - pool.uniswap_fee))
        done = swap(pool.depth, root, amount, pool.uniswap_fee, down=True, limit=limit)
        base = -(done.paid * (MILLION - pool.uniswap_fee) // MILLION)
        notional = done.received
        fees = [-(-one.received * pool.exchange_fee // MILLION) for one in done.steps if one.liquidity]
    else:
        done = swap(pool.depth, root, -size, pool.uniswap_fee, down=False, limit=limit)
        base = done.received
        notional = -(done.paid * (MILLION - pool.uniswap_fee) // MILLION)
        again = swap(pool.depth, root, -size, pool.exchange_fee, down=False, limit=limit)
        fees = [one.fee for one in again.steps if one.liquidity]
    insurance = sum(-(-one * pool.insurance_share // MILLION) for one in fees)
    return Filled(base, notional, sum(fees), insurance, done)


def _refusal(pool: Pool, root: int, filled: Filled, noted: frozenset[int]) -> Refused | Untold | None:
    done = filled.swap
    if not done.paid or not done.received:
        return Refused("CH_F0S: the pool exchanges nothing for so little")
    if not pool.within_spread(root, done.root):
        return Refused("EX_OPB: the pool's price would be too far from the index")
    allowed = [abs(done.depth.tick - one) <= pool.most_ticks for one in noted]
    if not any(allowed):
        return Refused(f"EX_OPLAS: the pool's price would move by more than {pool.most_ticks} ticks at once")
    return None if all(allowed) else UNKNOWN_TICK


def _touched(found: MarketState, pool: Pool, filled: Filled) -> Untold | None:
    low, high = sorted((pool.depth.tick, filled.swap.depth.tick))
    if any(order.lower <= high and low < order.upper for order in found.orders):
        return Untold(
            f"the trader's own range orders in {found.name} are on the way: what they earn of it is not known"
        )
    return None


def _traded(
    rule: CurieRule,
    access: Access,
    found: MarketState,
    filled: Filled,
    prices: Mapping[AssetId, int],
    time: int,
) -> Traded | Refused:
    price, at = rule.price_of(prices, found.feed), rule.markets.index(found)
    settled = as_of(rule, time)
    held = found.size if abs(found.size) >= DUST else 0
    reducing = held != 0 and (held < 0) != (filled.base < 0)
    pnl = _realized(held, found.notional, filled) if reducing else 0
    pool = found.pool.moved(found.root_at(price), price, found.feed.price) if found.pool else None
    left = replace(
        found,
        feed=replace(found.feed, price=price),
        size=found.size + filled.base,
        notional=found.notional + filled.quote - pnl,
        root=filled.swap.root,
        funding=0,
        pool=pool.after(filled.swap.depth, time) if pool else None,
    )
    # What is too little to count leaves the books.
    dust = abs(left.size) < DUST and abs(left.notional) < DUST and not left.orders
    after = replace(
        settled,
        owed_pnl=rule.owed_pnl - settled.markets[at].funding + pnl,
        markets=(*settled.markets[:at], *(() if dust else (left,)), *settled.markets[at + 1 :]),
        insurance=rule.insurance + filled.insurance,
    )
    remains = left.size if abs(left.size) >= DUST else 0
    shrinks = reducing and (remains == 0 or (remains < 0) == (held < 0))
    ratio = rule.maintenance_ratio if shrinks else access.initial_ratio
    if after.free_collateral(prices, time, ratio) < 0:
        code = "CH_NEFCM" if shrinks else "CH_NEFCI"
        return Refused(f"{code}: too little free collateral for {ratio / 10**4:g}% of what was borrowed")
    empty = not (after.markets or after.collaterals or after.account_value(prices, time))
    return Traded(
        size_raw=0 if dust else left.total_size(price),
        entry_price_raw=0 if dust else left.entry_price(price),
        pnl_raw=0 if dust else left.profit(price) // rule.unit,
        funding_raw=0,
        borrowing_raw=0,
        price_raw=abs(filled.notional) * WAD // abs(filled.base),
        fee=Amount(rule.settlement, -(-filled.fee // rule.unit)),
        paid=None,
        received=None,
        margin=(rule.settlement, after.settlement_raw),
        successor=None if empty else after,
        funding_24h_raw=0 if dust else -cut(left.funding_growth(), Q96) // rule.unit,
    )


def _realized(held: int, notional: int, filled: Filled) -> int:
    """The profit that a trade against the position realises (`_getPnlToBeRealized`)."""
    ratio = abs(filled.base) * WAD // abs(held)
    if ratio <= WAD:
        return filled.quote + cut(notional * ratio, WAD)
    return notional + cut(filled.quote * WAD, ratio)
