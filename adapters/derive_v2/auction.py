"""The auction's terms: how cheap an account becomes, and how much of it may be bought.

Source: DutchAuction.sol of derivexyz/v2-core 7736900d, with its rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.fixed_point import divide, multiply, truncated
from aggregator.model.rules import WAD


@dataclass(frozen=True, slots=True)
class Auction:
    """An auction that is live; `reserved` is cash of earlier bids, which is not for sale."""

    insolvent: bool
    start: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Terms:
    """Shares with 18 decimals, lengths in seconds; `cutoff` is a mark to market with 18 decimals."""

    start_share: int
    fast_share: int
    fast_seconds: int
    slow_seconds: int
    insolvent_seconds: int
    fee_rate: int
    buffer: int
    cutoff: int

    def buffered(self, margin: int, value: int) -> int:
        """The buffer margin, up to which an account is sold."""
        return margin + multiply(margin - value, self.buffer)

    def sells(self, auction: Auction | None, margin: int, value: int, time: int) -> bool:
        """Whether a live solvent auction goes on though nothing is missing: until the buffer is filled."""
        return (
            auction is not None
            and not auction.insolvent
            and time - auction.start < self.fast_seconds + self.slow_seconds
            and auction.reserved < value
            and self.buffered(margin, value) < 0
        )

    def discount(self, elapsed: int) -> int:
        """The share of the mark to market that is asked so long after the start, in seconds."""
        if elapsed < self.fast_seconds:
            return self.start_share - (self.start_share - self.fast_share) * elapsed // self.fast_seconds
        if elapsed >= self.fast_seconds + self.slow_seconds:
            return 0
        passed = multiply(self.fast_share, elapsed - self.fast_seconds)
        return self.fast_share - divide(passed, self.slow_seconds)

    def largest_share(self, value: int, buffered: int, discount: int, reserved: int) -> int:
        """The largest share of the account that may be bought (`_getMaxProportion`)."""
        if value < self.cutoff:
            return WAD
        short = min(buffered, 0)
        below = short - multiply(value, discount) - multiply(reserved, WAD - discount)
        return divide(-short, -below) if below else WAD

    def fee(self, value: int, buffered: int) -> int:
        """What starting a solvent auction costs the account."""
        share = self.largest_share(value, buffered, WAD, 0)
        return multiply(multiply(share, abs(value)), self.fee_rate)

    def payout(self, margin: int, value: int, elapsed: int) -> int:
        """What a bidder is paid for taking an insolvent account, so long after the start."""
        owed = min(value, 0)
        if elapsed >= self.insolvent_seconds:
            return -margin
        return -(truncated((margin - owed) * elapsed, self.insolvent_seconds) + owed)
