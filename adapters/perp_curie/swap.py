"""A swap through a Uniswap V3 pool, step by step, in its integers.

Sources: `swap` of UniswapV3Pool.sol, SwapMath.sol, SqrtPriceMath.sol, TickBitmap.sol and TickMath.sol of npm
`@uniswap/v3-core` 1.0.1, rounding included. Base is token 0, quote token 1; fees are in millionths.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from aggregator.pricing.concentrated import MAX_TICK, Q96, root_at_tick, tick_at_root

MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Depth:
    """A pool's liquidity as far as it is known: from tick `lowest` to tick `highest`.

    `crossings` are the initialised ticks between, ascending, each with what is added to the liquidity where
    the price rises through it. `liquidity` is what is active at `tick`, the pool's own.
    """

    tick: int
    liquidity: int
    spacing: int
    lowest: int
    highest: int
    crossings: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        ticks = [tick for tick, _ in self.crossings]
        known = -MAX_TICK <= self.lowest <= self.tick <= self.highest <= MAX_TICK
        if self.spacing <= 0 or not known or ticks != sorted(set(ticks)):
            raise ValueError(
                f"ticks {self.lowest}, {self.tick}, {self.highest} every {self.spacing}: {ticks}"
            )
        if self.liquidity < 0 or any(
            tick % self.spacing or not self.lowest <= tick <= self.highest for tick in ticks
        ):
            raise ValueError(f"liquidity {self.liquidity} and crossings at {ticks}")

    def at(self, root: int) -> Depth | None:
        """The same where the price has moved to a root price; None where that is not known."""
        tick = tick_at_root(root)
        if not self.lowest <= tick <= self.highest:
            return None
        risen = sum(net for at, net in self.crossings if self.tick < at <= tick)
        fallen = sum(net for at, net in self.crossings if tick < at <= self.tick)
        liquidity = self.liquidity + risen - fallen
        return None if liquidity < 0 else replace(self, tick=tick, liquidity=liquidity)

    def following(self, down: bool) -> tuple[int, int | None] | None:
        """The next tick where a step ends, with its net liquidity if it is initialised; None where unknown.

        A step goes no further than a word of the pool's bitmap: 256 ticks of its spacing.
        """
        ticks = [tick for tick, _ in self.crossings]
        if down:
            start = self.tick // self.spacing
            end = (start >> 8 << 8) * self.spacing
            at = bisect_right(ticks, start * self.spacing) - 1
            found = at >= 0 and ticks[at] >= end
        else:
            start = self.tick // self.spacing + 1
            end = ((start >> 8 << 8) + 255) * self.spacing
            at = bisect_left(ticks, start * self.spacing)
            found = at < len(ticks) and ticks[at] <= end
        if found:
            return self.crossings[at]
        end = max(-MAX_TICK, min(MAX_TICK, end))
        return (end, None) if self.lowest <= end <= self.highest else None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a swap at one `liquidity`; `fee` is in the token that is paid, beside `paid`."""

    paid: int
    received: int
    fee: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap: its steps, the pool's root price and depth after it, and what is `left` of the amount.

    `beyond` where it has come to the end of what is known of the pool: it goes on there.
    """

    steps: tuple[Step, ...]
    root: int
    depth: Depth
    left: int
    beyond: bool

    @property
    def paid(self) -> int:
        """What is paid, with fees."""
        return sum(one.paid + one.fee for one in self.steps)

    @property
    def received(self) -> int:
        """What is received."""
        return sum(one.received for one in self.steps)


def swap(depth: Depth, root: int, amount: int, fee: int, *, down: bool, limit: int | None) -> Swap:
    """Sell base for quote (`down`) or the reverse: pay `amount` with fees, or receive -`amount`.

    It stops at a root price of `limit`, which must be on the way. Raises ValueError where liquidity would
    become negative: then the pool contradicts itself.
    """
    steps: list[Step] = []
    left, beyond = amount, False
    while left and root != limit and not beyond:
        following = depth.following(down)
        edge = depth.lowest if down else depth.highest
        boundary = root_at_tick(edge if following is None else following[0])
        passes = limit is not None and (boundary < limit if down else boundary > limit)
        target = limit if passes and limit is not None else boundary
        before = root
        root, step = _step(root, target, depth.liquidity, left, fee, down)
        steps.append(step)
        left += -(step.paid + step.fee) if amount > 0 else step.received
        if root == boundary and following is None:
            beyond = True
        elif root == boundary and following is not None:
            depth = _crossed(depth, following, down)
        elif root != before:
            depth = replace(depth, tick=tick_at_root(root))
    return Swap(tuple(steps), root, depth, left, beyond)


def _crossed(depth: Depth, boundary: tuple[int, int | None], down: bool) -> Depth:
    tick, net = boundary
    added = (net or 0) * (-1 if down else 1)
    # The edge itself may be left by one tick.
    after = tick - 1 if down else tick
    lowest = min(depth.lowest, after)
    return replace(depth, tick=after, liquidity=depth.liquidity + added, lowest=lowest)


def _step(root: int, target: int, liquidity: int, left: int, fee: int, down: bool) -> tuple[int, Step]:
    """Where a step ends, and what it moves (`computeSwapStep`)."""
    exact_in = left > 0
    if exact_in:
        without_fee = left * (MILLION - fee) // MILLION
        reached = without_fee >= _paid(root, target, liquidity, down)
        after = target if reached else _after_paying(root, liquidity, without_fee, down)
    else:
        reached = -left >= _received(root, target, liquidity, down)
        after = target if reached else _after_receiving(root, liquidity, -left, down)
    paid = _paid(root, after, liquidity, down)
    received = _received(root, after, liquidity, down)
    if not exact_in:
        received = min(received, -left)
    # What is not used up by the last step is its fee.
    taken = left - paid if exact_in and after != target else _up(paid * fee, MILLION - fee)
    return after, Step(paid, received, taken, liquidity)


def _paid(root: int, after: int, liquidity: int, down: bool) -> int:
    """What moves the price from one root price to another, rounded up."""
    if down:
        return _up(_up((liquidity << 96) * (root - after), root), after)
    return _up(liquidity * (after - root), Q96)


def _received(root: int, after: int, liquidity: int, down: bool) -> int:
    """What comes out for it, rounded down."""
    if down:
        return liquidity * (root - after) // Q96
    return (liquidity << 96) * (after - root) // after // root


def _after_paying(root: int, liquidity: int, amount: int, down: bool) -> int:
    if not down:
        return root + (amount << 96) // liquidity
    whole = liquidity << 96
    if amount * root + whole >= 2**256:
        return _up(whole, whole // root + amount)
    return _up(whole * root, whole + amount * root)


def _after_receiving(root: int, liquidity: int, amount: int, down: bool) -> int:
    if down:
        return root - _up(amount << 96, liquidity)
    whole = liquidity << 96
    return _up(whole * root, whole - amount * root)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
