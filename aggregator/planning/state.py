"""Where a cascade stands: the wallet's accounts, the markets, and what has been sold of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.cascades import CascadeStep, Refusal
from aggregator.model.portfolio import Portfolio
from aggregator.planning.bearers import Drawn, MarketAsset
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.impact import Impact
from aggregator.risk.book import book
from aggregator.risk.copies import Copy
from aggregator.risk.factors import Factor
from aggregator.risk.moving import moved_on
from aggregator.risk.numbering import Numbering
from aggregator.risk.repricing import LEAST, Multipliers, judged_prices
from aggregator.risk.scenarios import ScenarioSet

TOLERANCE = 1e-9
"""Of gross value: further apart, value was made or lost, and the engine is wrong."""


@dataclass
class Totals:
    """What a cascade has come to, in USD; `own_` is the wallet's, the rest everybody's who is loaded."""

    bonus: float = 0.0
    fees: float = 0.0
    impact: float = 0.0
    path: float = 0.0
    bad_debt: float = 0.0
    own_share: float = 0.0
    liquidated: float = 0.0
    own_penalty: float = 0.0
    own_impact: float = 0.0

    @property
    def lost(self) -> float:
        """By how much the value of all that is loaded must have fallen."""
        parts = (self.bonus, self.fees, self.impact, self.path, -self.bad_debt, self.own_share)
        return math.fsum(parts)


@dataclass
class State:
    """A cascade between two rounds.

    `origin` is the portfolio before the shock, `copy` the present one, marked at `totals` times its prices.
    `history` are those multipliers at the beginning of each round, the last one the present. `shocked` is
    what the shock alone makes of prices, `sold` the net units of each underlying sold since, `drawn` what bad
    debts have taken of lending markets.
    """

    origin: Portfolio
    copy: Copy
    scenarios: ScenarioSet
    numbering: Numbering
    impact: Impact
    shocked: Multipliers
    history: list[Multipliers]
    borrowers: Borrowers | None
    sold: dict[str, float] = field(default_factory=dict)
    sums: Totals = field(default_factory=Totals)
    steps: list[CascadeStep] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    toxic: dict[str, None] = field(default_factory=dict)
    drawn: dict[MarketAsset, Drawn] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)
    read: dict[str, Mapping[AssetId, int]] = field(init=False)
    extra: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """Remember what oracles answered, and prices of underlyings that only borrowers have."""
        self.read = {account.id: account.prices for account in self.origin.accounts}
        self.extra = {}
        if self.borrowers is not None:
            found = zip(self.borrowers.factors, self.borrowers.price_usd, strict=True)
            # An underlying that nothing quotes itself is as dear as the first of what is pegged to it.
            for factor, price in sorted(found, key=lambda one: bool(one[0].pegs)):
                self.extra.setdefault(factor.underlying, float(price))
            self.told.update(dict.fromkeys(self.borrowers.told))

    @property
    def market(self) -> Multipliers:
        """What the market's prices are now, as multiples of the origin's."""
        return self.history[-1]

    def oracle(self, lag: int) -> Multipliers:
        """What an oracle that lags so many rounds answers: never older than the shock itself."""
        return self.history[max(0, len(self.history) - 1 - lag)]

    def settled(self, lag: int) -> bool:
        """Whether every oracle has seen the present prices."""
        return all(one == self.market for one in self.history[-(lag + 1) :])

    def prices(self, account: Account, lag: int) -> dict[AssetId, int]:
        """What an account's oracle answers; its rule must be there."""
        if account.rule is None:
            return {}
        return judged_prices(account.rule, self.read[account.id], self.oracle(lag), self.numbering)

    def time_of(self, account: Account) -> int:
        """When an account is judged: at the block, or when its venue said what it has."""
        if account.observed is not None:
            return account.observed.time
        return self.origin.blocks[account.chain].timestamp

    @property
    def portfolio(self) -> Portfolio:
        """The wallet as it is now, the accounts of which nothing is left included."""
        return replace(self.copy.portfolio, accounts=tuple(self.copy.accounts.values()))

    def value_usd(self) -> tuple[float, float]:
        """What all that is loaded is worth at the market, and the wallet's part."""
        own = math.fsum(book([self.portfolio], self.scenarios).equity_usd())
        if self.borrowers is None:
            return own, own
        return own + self.borrowers.worth_usd(self.borrowers.prices(self.market)), own

    def gross_usd(self) -> float:
        """Everything that is loaded, debts as positive."""
        own = math.fsum(book([self.portfolio], self.scenarios).gross_usd())
        if self.borrowers is None:
            return own
        return own + self.borrowers.gross_usd(self.borrowers.prices(self.market))

    def sell(self, sold_usd: Iterable[Mapping[str, float]]) -> None:
        """Add sales in USD at the present prices to what has been sold."""
        for part in sold_usd:
            for name, value in part.items():
                price = self._price_usd(name, self.market)
                if price:
                    self.sold[name] = self.sold.get(name, 0.0) + value / price
                else:
                    self.told[f"nothing here has a price of {name}: selling it moves none"] = None

    def move(self, shocked: Multipliers | None = None) -> tuple[float, float]:
        """Begin another round at the prices that sales have led to; what everybody and the wallet lose.

        With `shocked` the market itself has moved on, along a path.
        """
        self.shocked = shocked or self.shocked
        bases = dict(self.shocked.bases)
        for name, units in self.sold.items():
            start = self._price_usd(name, self.shocked)
            if start and units:
                after = self.impact(name, start, units)
                if not after > 0.0:
                    raise ArithmeticError(
                        f"{units:,.6g} units sold bring {name} from {start:,.6g} to {after}"
                    )
                bases[name] = bases.get(name, 1.0) * after / start
        after_it = Multipliers(bases, self.shocked.pegs)
        if after_it == self.market:
            self.history.append(self.market)
            return 0.0, 0.0
        before, own_before = self.value_usd()
        moved = moved_on(self.portfolio, self.origin, self.market, after_it, self.scenarios)
        self.copy.portfolio = moved
        self.copy.accounts = {account.id: account for account in moved.accounts}
        self.history.append(after_it)
        value, own = self.value_usd()
        return before - value, own_before - own

    def _price_usd(self, name: str, moves: Multipliers) -> float:
        spot = self.origin.spots.get(name) or self.extra.get(name, 0.0)
        return spot * moves.of(Factor(name))

    def spots(self, moves: Multipliers) -> dict[str, float]:
        """The price of each underlying that anything loaded depends on."""
        names = {**self.origin.spots, **self.extra}
        return {name: self._price_usd(name, moves) for name in sorted(names) if name != "USD"}

    def check(self, before_usd: float, gross_usd: float, what: str) -> None:
        """Raise ArithmeticError where value was made or lost: before = after + what others got."""
        after, _ = self.value_usd()
        missing = before_usd - after - self.sums.lost
        # So that it fails, too, where there is no number any more.
        if not abs(missing) <= TOLERANCE * max(gross_usd, LEAST) < math.inf:
            raise ArithmeticError(
                f"{what}: of {before_usd:.9f} USD {after:.9f} are left and {self.sums.lost:.9f} are "
                f"accounted for: {missing:.9f} are missing"
            )
