"""Derivatives reduced, enlarged and opened, and the margin that a venue asks for it first."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.actions import AdjustableRule, Applied, Trade, Traded, Untold
from aggregator.model.positions import Option, Perp
from aggregator.model.rules import Refused
from aggregator.planning.candidates import Candidate, Done, Outcome, asked, some
from aggregator.planning.lending import AssetCandidate
from aggregator.risk.copies import Copy
from aggregator.risk.trading import traded


@dataclass(frozen=True, slots=True)
class TradeCandidate(Candidate):
    """Change a derivative by `sign` times the amount; `most` of a reduction is the whole position.

    Its size is a multiple of `step`: what is more of an amount is not done. `posted` deposits what margin is
    posted in. A position that is not there is opened where its account tells of it.
    """

    market: str
    sign: int
    step: int = 1
    posted: AssetCandidate | None = None

    @property
    def margin(self) -> Candidate | None:
        """See Candidate."""
        return self.posted

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate."""
        account = copy.accounts.get(self.account_id)
        position = None if account is None else derivative(account, self.market)
        if account is None or position is None or not isinstance(account.rule, AdjustableRule):
            return Untold("its rule can't tell")
        size = raw - raw % self.step
        if not size:
            return Refused(f"its size is a multiple of {self.step}")
        action = Trade(self.market, self.sign * size)
        done = asked(copy, account, account.rule, action)
        if isinstance(done, Applied):
            raise TypeError(f"{account.protocol} answers a trade as if it were none")
        if not isinstance(done, Traded):
            return done
        traded(copy, account, position, done)
        copy.note(account.id, action)
        return Done(action, None, some(done.paid), some(done.received), done.fee)


def derivative(account: Account, market: str) -> Perp | Option | None:
    """The position that a venue calls so, or one of no size that could be opened."""
    for position in account.positions:
        if isinstance(position, Perp) and position.market == market:
            return position
        if isinstance(position, Option) and position.instrument == market:
            return position
    return next((one.perp for one in account.openings if one.perp.market == market), None)
