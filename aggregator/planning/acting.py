"""One account that fails its test: what its protocol's own rule makes of it, and who bears the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.cascades import CascadeStep
from aggregator.model.close_outs import ClosableRule
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.model.rules import WAD, Health, LiquidatableRule, Liquidated, Refused, Repayment, Rule
from aggregator.planning.bearers import Borne, Drawn, MarketAsset, of_market, of_venue
from aggregator.planning.closings import closed_out, is_idle, is_told
from aggregator.planning.effects import Effect, liquidated, taken, written_off
from aggregator.planning.liquidators import choice
from aggregator.planning.valuation import Worth
from aggregator.risk.scenarios import ScenarioSet

NO_RULE = "no rule says how its protocol liquidates it"
LIMITED = "its protocol closes no more of it at once: the rest follows in later blocks"
UNTOLD = "its auction sells options in part, and what that leaves beside cash is not known"


@dataclass(frozen=True, slots=True)
class Moment:
    """The wallet at the market's prices of a round, its accounts as they are by now, and what lending
    markets have lost to bad debts before."""

    worth: Worth
    accounts: Mapping[str, Account]
    scenarios: ScenarioSet
    drawn: Mapping[MarketAsset, Drawn]


@dataclass(frozen=True, slots=True)
class Acted:
    """A liquidation and who bears what the account can't pay."""

    effect: Effect
    borne: Borne
    offered: Repayment | None = None

    def step(
        self,
        round_: int,
        account: Account,
        health: Health,
        judged_at: Mapping[AssetId, int],
        prices_usd: Mapping[str, float],
    ) -> CascadeStep:
        """What a cascade says of it."""
        effect = self.effect
        return CascadeStep(
            round=round_,
            account_id=account.id,
            label=account.label,
            prices_usd=prices_usd,
            health=None if health.health is None else health.health / WAD,
            repaid=effect.repaid,
            seized=effect.seized,
            fees=effect.fees,
            returned=effect.returned,
            bad_debt=effect.bad_debt,
            closed=effect.closed,
            penalty_usd=effect.penalty_usd,
            bad_debt_usd=effect.bad_debt_usd,
            borne=self.borne.parts,
            sold_usd=effect.sold_usd,
            toxic=effect.toxic,
            liquidated_usd=effect.liquidated_usd,
            judged_at=judged_at,
            offered=self.offered,
        )


def act(
    account: Account,
    rule: Rule,
    prices: Mapping[AssetId, int],
    market: Mapping[AssetId, int],
    time: int,
    moment: Moment,
) -> Acted | Refused:
    """What happens to an account that can be liquidated at its oracle's `prices`, or why nothing does.

    `market` are what the oracle would answer if it knew the market's prices.
    """
    closed: Acted | Refused = Refused(NO_RULE)
    if isinstance(rule, ClosableRule):
        closed = _closing(account, rule, prices, market, time, moment)
    if isinstance(closed, Acted) or not isinstance(rule, LiquidatableRule):
        return closed
    # A venue may also sell collateral for what a trader owes: where it closes nothing.
    lent = _lending(account, rule, prices, time, moment)
    return closed if isinstance(rule, ClosableRule) and isinstance(lent, Refused) else lent


def _lending(
    account: Account, rule: LiquidatableRule, prices: Mapping[AssetId, int], time: int, moment: Moment
) -> Acted | Refused:
    worth = moment.worth

    def gain_usd(done: Liquidated) -> float:
        return taken(account, done, worth).seized_usd - worth.all_usd(done.repaid)

    best = choice(account, rule, prices, time, gain_usd)
    if isinstance(best, Refused):
        effect, offered = written_off(Effect(account), worth), None
        if not effect.bad_debt:
            return best
    else:
        effect, offered = liquidated(account, best.done, worth), best.repayment
    accounts = {**moment.accounts, account.id: effect.account}
    # By what was supplied before: the successor's market has lost the bad debt already.
    borne = of_market(effect.account, effect.bad_debt, rule, time, accounts, worth, moment.drawn)
    return Acted(effect, borne, offered)


def _closing(
    account: Account,
    rule: ClosableRule,
    prices: Mapping[AssetId, int],
    market: Mapping[AssetId, int],
    time: int,
    moment: Moment,
) -> Acted | Refused:
    done = rule.close_out(prices, time)
    if isinstance(done, Refused):
        return done
    if is_idle(done):
        return Refused(LIMITED)
    if not is_told(account, done):
        return Refused(UNTOLD)
    effect = closed_out(account, done, market, moment.worth, moment.scenarios)
    own_pool = any(
        one.protocol == account.protocol
        and one.rule is None
        and any(isinstance(p, Holding | Supply) and not isinstance(p, Debt) for p in one.positions)
        for one in moment.accounts.values()
    )
    return Acted(effect, of_venue(account, effect.bad_debt_usd, done.borne_by, own_pool=own_pool))
