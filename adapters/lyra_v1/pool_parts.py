"""A part of a market's pool looked through: the other side of what traders hold, the hedge, base and cash.

The pool counts options at the cached prices of its last update, which are of a mean volatility; here they are
at their boards' present one and the present spot price. What that leaves of the share's price is a residual
in quote, so that the sum is what the pool says that the share is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.calls import MarketAddresses
from adapters.lyra_v1.fixed_point import UNIT
from adapters.lyra_v1.held import in_units
from adapters.lyra_v1.market import NEWPORT, PRICE_DECIMALS, Market, Spot, version_of
from adapters.lyra_v1.options import Contract, mark, option
from adapters.lyra_v1.pool_calls import BOARDS, NEWPORT_BOARDS, TOTAL_SHARES, Board
from adapters.lyra_v1.pool_state import PoolState, read_pool
from adapters.lyra_v1.pool_value import Pool
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.assets import Asset
from aggregator.model.errors import MalformedReply
from aggregator.model.fixed_point import multiply, truncated
from aggregator.model.positions import Debt, Perp, Position, Supply, check_valued


@dataclass(frozen=True, slots=True)
class PoolParts:
    """All of a pool, read in one round; the same for all who hold shares."""

    boards: tuple[Board, ...]
    state: PoolState
    supply: int
    spot: Spot
    boards_origin: str
    pool_origin: str


@dataclass(frozen=True, slots=True)
class Share:
    """What a number of shares is: positions that sum up to `value`, and what of it no part explains.

    Both in quote with 18 decimals; `residual` is signed and among the positions.
    """

    positions: tuple[Position, ...]
    value: int
    residual: int


def read_parts(
    deployment: Deployment, market: Market, listed: MarketAddresses, spot: Spot
) -> Read[PoolParts]:
    """A pool in one round; raises Unsupported where its hedger is none that this release knows."""
    view = NEWPORT_BOARDS if version_of(deployment) == NEWPORT else BOARDS
    boards_call = view.at(deployment.addresses["viewer"], deployment.addresses["option_market"])
    supply_call = TOTAL_SHARES.at(listed.liquidity_pool)
    ([boards], [supply]), state = yield from both(
        both(ask([boards_call]), ask([supply_call])),
        read_pool(deployment, market, listed, spot.feed.price),
    )
    return PoolParts(boards, state, supply, spot, boards_call.origin, supply_call.origin)


def share_of(
    parts: PoolParts, market: Market, shares: int, price: int, time: int, price_origin: str
) -> Share:
    """So many shares at the pool's price (18 decimals), as positions.

    Raises MalformedReply on more shares than there are, Unsupported on an option that nothing prices.
    """
    if not 0 < shares <= parts.supply:
        raise MalformedReply(parts.pool_origin, f"{shares} shares of {parts.supply}")
    sum_of = _Sum(parts, market, shares)
    for board in parts.boards:
        sum_of.add_board(board, time)
    sum_of.add_holdings()
    value = multiply(shares, price)
    # With 36 decimals nothing is cut but what the token can't express.
    residual = truncated(value * UNIT - sum_of.worth, UNIT)
    sum_of.add_quote(residual, f"{price_origin}: what no part of the pool explains")
    return Share(tuple(sum_of.positions), value, residual)


class _Sum:
    """Positions as they are found, and what they are worth in quote with 36 decimals."""

    def __init__(self, parts: PoolParts, market: Market, shares: int) -> None:
        self.positions = list[Position]()
        self.worth = 0
        self._parts, self._market, self._shares = parts, market, shares
        self._feed = parts.spot.feed

    def _part(self, amount: int) -> int:
        return truncated(amount * self._shares, self._parts.supply)

    def add_board(self, board: Board, time: int) -> None:
        """The other side of what traders hold net of every strike."""
        if board.settled_at:
            raise MalformedReply(
                self._parts.boards_origin, f"board {board.id} is settled and among live ones"
            )
        for strike in board.strikes:
            iv = board.iv * strike.skew // UNIT
            for is_call, held in ((True, strike.calls), (False, strike.puts)):
                if size := -self._part(held):
                    contract = Contract(is_call, strike.price, board.expiry, iv, self._parts.boards_origin)
                    self._add_option(contract, size, time)

    def _add_option(self, contract: Contract, size: int, time: int) -> None:
        check_valued(f"of {contract.origin}", contract.strike, contract.expiry, time)
        valued = mark(self._market, self._feed, contract, time, is_expired=time >= contract.expiry)
        self.positions.append(option(self._market, contract, size, valued, self._parts.boards_origin))
        self.worth += size * valued.raw

    def add_holdings(self) -> None:
        """Base, hedge and cash net of what is owed; a hedge that owes more than it has is worth nothing."""
        state, market, origin = self._parts.state, self._market, self._parts.pool_origin
        pool, at = state.pool, self._feed.price
        if isinstance(pool, Pool):
            self.add_quote(self._part(pool.rest + state.option_debt), origin)
            self._add_base(self._part(pool.base + pool.hedge_base), origin)
            if pool.hedge_collateral > multiply(pool.hedge_short, at):
                hedge = f"short hedge of {origin}"
                self.add_quote(self._part(pool.hedge_collateral), hedge)
                self._add_base(-self._part(pool.hedge_short), hedge)
            return
        self.add_quote(self._part(pool.assets), origin)
        self._add_base(self._part(pool.base), origin)
        for value, delta in pool.hedges:
            if value <= 0:
                continue
            self.add_quote(self._part(value), f"hedge of {origin}")
            if size := self._part(delta):
                self.positions.append(self._perp(market, size, f"hedge of {origin}"))

    def _perp(self, market: Market, size: int, origin: str) -> Perp:
        """What has been gained so far is in the margin, which is the hedge's whole value."""
        return Perp(
            market=f"{market.underlying} hedge",
            index=self._feed.asset,
            underlying=market.underlying,
            size_raw=size,
            size_decimals=PRICE_DECIMALS,
            entry_price_raw=self._feed.price,
            mark_price_raw=self._feed.price,
            price_decimals=PRICE_DECIMALS,
            pnl_raw=0,
            funding_raw=0,
            settlement=market.quote,
            origin=origin,
        )

    def add_quote(self, amount: int, origin: str) -> None:
        """Quote with 18 decimals, owed where negative."""
        self.worth += self._add(self._market.quote, amount, origin) * UNIT

    def _add_base(self, amount: int, origin: str) -> None:
        self.worth += self._add(self._market.base, amount, origin) * self._feed.price

    def _add(self, asset: Asset, amount: int, origin: str) -> int:
        """Adds a token and tells how much with 18 decimals, once cut to what it can express."""
        raw = in_units(asset, abs(amount))
        if raw and amount > 0:
            self.positions.append(Supply(asset, raw, is_collateral=False, origin=origin))
        elif raw:
            self.positions.append(Debt(asset, raw, "variable", origin))
        kept = raw * int(10 ** (PRICE_DECIMALS - asset.decimals))
        return kept if amount > 0 else -kept
