"""How a market's totals grow between its updates, wei by wei as `accrueInterest` computes it.

Simple interest per block (or per second) at the rate of the stored totals, whenever somebody touches the
market. Everything called mantissa has 18 decimals. Source: CToken of Compound V2 (github
compound-finance/compound-protocol), VToken and VAIController of npm @venusprotocol/venus-protocol 10.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.model.rules import WAD

YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, slots=True)
class Clock:
    """How Unix seconds become the unit that a protocol counts interest by.

    At `time` the chain is at `at`: a block number, or the time itself. A unit takes `step_ms` milliseconds,
    which is an estimate for blocks: exact at `time`, and as good as the estimate later.
    """

    time: int
    at: int
    step_ms: int

    def units(self, time: int) -> int:
        """The block number (or second) at a time; raises ValueError on a time before the reading."""
        if time < self.time:
            raise ValueError(f"a rule that was read at {self.time} says nothing about {time}")
        return self.at + (time - self.time) * 1_000 // self.step_ms

    def moved(self, time: int) -> Clock:
        """The same clock, read later."""
        return Clock(time, self.units(time), self.step_ms)

    @property
    def per_year(self) -> float:
        """Units of a year of 365 days."""
        return YEAR_SECONDS * 1_000 / self.step_ms


@dataclass(frozen=True, slots=True)
class Totals:
    """What a market has stored at `accrued_at`: amounts of the underlying, `supply` in its own tokens.

    `rate` is per unit of the clock. `initial` is the exchange rate while there are no tokens.
    """

    rate: int
    index: int
    accrued_at: int
    borrows: int
    reserves: int
    cash: int
    supply: int
    initial: int
    reserve_factor: int

    def accrued(self, at: int) -> Totals:
        """The totals after accrueInterest; unchanged where it has happened already."""
        if at <= self.accrued_at:
            return self
        factor = self.rate * (at - self.accrued_at)
        interest = factor * self.borrows // WAD
        return replace(
            self,
            accrued_at=at,
            index=factor * self.index // WAD + self.index,
            borrows=self.borrows + interest,
            reserves=self.reserve_factor * interest // WAD + self.reserves,
        )

    def grown(self, owed: int, later: Totals) -> int:
        """A debt at this index with the interest up to later totals.

        The contract grows the principal of the last borrowing, which nobody can read, not the balance: where
        the market was left alone since its last accrual this may be one smallest unit less.
        """
        return owed * later.index // self.index

    @property
    def exchange_rate(self) -> int:
        """Underlying per token, with 18 decimals."""
        if self.supply == 0:
            return self.initial
        return (self.cash + self.borrows - self.reserves) * WAD // self.supply

    @property
    def supply_rate(self) -> float:
        """What suppliers earn per unit of the clock, as a fraction."""
        lent = self.cash + self.borrows - self.reserves
        earned = self.rate / WAD * self.borrows * (1 - self.reserve_factor / WAD)
        return earned / lent if lent > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Minted:
    """An account's debt in VAI, which grows on what was minted only, not on its interest.

    `past_interest` is the part of `minted` that is interest of earlier mints; `minter_index` is the index
    that the account last minted at, `index` the one of `accrued_at`.
    """

    minted: int
    past_interest: int
    minter_index: int
    index: int
    rate: int
    accrued_at: int

    def accrued(self, at: int) -> Minted:
        """After accrueVAIInterest."""
        if at <= self.accrued_at:
            return self
        return replace(self, index=self.index + self.rate * (at - self.accrued_at), accrued_at=at)

    @property
    def owed(self) -> int:
        """What getVAIRepayAmount answers."""
        principal = self.minted - self.past_interest
        return self.minted + (self.index - self.minter_index) * principal // WAD

    def repaid(self, offered: int) -> tuple[Minted, int]:
        """The debt after a repayment, and how much of it was taken: rounding leaves a little."""
        owed = self.owed
        interest = self.past_interest + owed - self.minted
        if offered >= owed:
            burnt, current, past = owed - interest, interest, self.past_interest
        else:
            part = offered * WAD // owed
            burnt = (owed - interest) * part // WAD
            current = interest * part // WAD
            past = self.past_interest * part // WAD
        rest = replace(self, minted=self.minted - burnt - past, past_interest=self.past_interest - past)
        return rest, burnt + current
