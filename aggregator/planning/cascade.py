"""The cascade: liquidations that follow from a shock and from one another (RISK.md section 8).

In each round every account applies its protocol's own rule at its oracle's prices, and all sales of a round
move the market for the next. What an account can be liquidated for never grows, so that rounds end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.model.accounts import Account
from aggregator.model.cascades import Cascade, Cascaded, CascadeStep, Refusal
from aggregator.model.errors import NativeUnknown, UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Refused
from aggregator.planning.acting import Acted, Moment, act
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.impact import Impact, by_depth
from aggregator.planning.state import State
from aggregator.planning.sweeps import swept
from aggregator.planning.unjudged import unjudged
from aggregator.planning.valuation import Worth
from aggregator.risk.copies import Copy, pay
from aggregator.risk.moving import moved, multipliers
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

MOST_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """How a cascade goes on.

    `impact` is what sales do to a market (None: by the configured depth). `lag` is how many rounds oracles
    are late, `lags` that of some protocols. `rounds` is the most there are, of a path at each of its moments.
    """

    impact: Impact | None = None
    lag: int = 0
    lags: Mapping[str, int] = field(default_factory=dict)
    rounds: int = MOST_ROUNDS

    def of(self, protocol: str) -> int:
        """How late the oracle of a protocol is; of a table's `aave_v3:1` that of `aave_v3` is meant, too."""
        family = protocol.partition(":")[0]
        return self.lags.get(protocol, self.lags.get(family, self.lag))

    @property
    def longest(self) -> int:
        """How late any oracle is."""
        return max([self.lag, *self.lags.values()])


def cascade(
    portfolio: Portfolio,
    path: Sequence[CustomScenario],
    *,
    scenarios: ScenarioSet,
    terms: Terms | None = None,
    borrowers: Borrowers | None = None,
) -> Cascaded:
    """What follows from a shock (a path of one), or from prices that move on along a path.

    Every scenario of the path is of moves from today, and the market goes on to the next once nothing is
    liquidatable any more. `borrowers` are liquidated beside the wallet's accounts. Raises BadConfiguration on
    a scenario that moves what nothing is, and ArithmeticError where value was made or lost: before = after +
    penalties + fees + impact + path - bad debt + own share, to 1e-9 of gross value.
    """
    if not path:
        raise ValueError("a cascade needs a shock")
    terms = terms or Terms()
    state = _begun(portfolio, path[0], scenarios, terms, borrowers)
    shocked, before = state.portfolio, state.value_usd()[0]
    start, gross = state.spots(state.market), state.gross_usd()
    rounds, converged = 0, True
    for stage, scenario in enumerate(path):
        if stage:
            factors = () if borrowers is None else borrowers.factors
            state.sums.path += state.move(multipliers(portfolio, scenario, scenarios, factors))[0]
        converged, most = False, rounds + terms.rounds
        while rounds < most and not converged:
            rounds += 1
            done = _round(state, rounds, terms)
            state.check(before, gross, f"round {rounds}")
            if done:
                everybody, own = state.move()
                state.sums.impact += everybody
                state.sums.own_impact += own
                state.check(before, gross, f"prices after round {rounds}")
            elif state.settled(terms.longest):
                converged = True
            else:
                state.move()
        if not converged:
            state.told[f"after {terms.rounds} rounds something could still be liquidated"] = None
            if stage + 1 < len(path):
                state.told[f"the path is not followed beyond moment {stage + 1} of {len(path)}"] = None
            break
    told = _Ends(before, start, rounds, converged)
    return Cascaded(_answer(state, path, told), shocked, _final(state, terms))


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a cascade began, and how long it took."""

    value_usd: float
    prices_usd: Mapping[str, float]
    rounds: int
    converged: bool


def _begun(
    portfolio: Portfolio,
    scenario: CustomScenario,
    scenarios: ScenarioSet,
    terms: Terms,
    borrowers: Borrowers | None,
) -> State:
    factors = () if borrowers is None else borrowers.factors
    shocked = moved(portfolio, scenario, scenarios, factors)
    moves = multipliers(portfolio, scenario, scenarios, factors)
    state = State(
        origin=portfolio,
        copy=Copy.of(shocked),
        scenarios=scenarios,
        numbering=Numbering(scenarios, portfolio.classes),
        impact=terms.impact or by_depth(scenarios),
        shocked=moves,
        history=[moves],
        borrowers=borrowers,
    )
    told = [sentence for _, sentence in unjudged(portfolio)]
    errors = [failure.error for failure in shocked.failures[len(portfolio.failures) :]]
    told += [str(error) for error in errors if isinstance(error, NativeUnknown)]
    state.told.update(dict.fromkeys(told))
    return state


def _round(state: State, number: int, terms: Terms) -> bool:
    """Everybody who fails is liquidated once, all at the same prices; whether anybody was."""
    worth = Worth.of(state.portfolio, state.numbering)
    moment = Moment(worth, state.copy.accounts, state.scenarios, state.drawn)
    sold: list[Mapping[str, float]] = []
    state.refusals.clear()
    for one in list(state.copy.accounts):
        found = _tried(state, state.copy.accounts[one], moment, number, terms)
        if found is not None:
            state.steps.append(found)
            sold.append(found.sold_usd)
    if state.borrowers is not None:
        sold += swept(state, number, terms.of)
    state.sell(sold)
    return bool(sold)


def _tried(state: State, account: Account, moment: Moment, number: int, terms: Terms) -> CascadeStep | None:
    """The liquidation of one account; None where it is healthy, or refused, which is kept."""
    rule = account.rule
    if rule is None:
        if account.reported is not None and account.reported.liquidatable:
            why = "its protocol can liquidate it, and its rule is not known"
            state.refusals[account.id] = Refusal(account.id, account.label, why)
        return None
    time = state.time_of(account)
    prices = state.prices(account, terms.of(account.protocol))
    try:
        health = rule.health(prices, time)
        if not health.liquidatable:
            return None
        done = act(account, rule, prices, state.prices(account, 0), time, moment)
    except (UnusablePrice, ArithmeticError, ValueError) as error:
        done = Refused(str(error))
    if isinstance(done, Refused):
        state.refusals[account.id] = Refusal(account.id, account.label, done.reason)
        return None
    _settle(state, account, done, moment)
    return done.step(number, account, health, prices, moment.worth.prices_of(account))


def _settle(state: State, account: Account, done: Acted, moment: Moment) -> None:
    """Book a liquidation: the account, whoever of the wallet bears a loss, and what is paid out."""
    effect, sums, accounts = done.effect, state.sums, state.copy.accounts
    accounts.update({account.id: effect.account, **done.borne.own})
    state.drawn.update(done.borne.drawn)
    for amount in effect.returned:
        pay(state.copy, account, moment.worth.assets[amount.asset], -amount.raw)
    sums.bonus += effect.bonus_usd + effect.other_usd
    sums.fees += effect.fees_usd
    sums.own_penalty += effect.penalty_usd
    sums.bad_debt += effect.bad_debt_usd
    sums.own_share += done.borne.own_usd
    sums.liquidated += effect.liquidated_usd
    state.told.update(dict.fromkeys(done.borne.told))
    if effect.toxic:
        state.toxic[account.id] = None


def _answer(state: State, path: Sequence[CustomScenario], ends: _Ends) -> Cascade:
    sums, value = state.sums, state.value_usd()[0]
    return Cascade(
        scenario=path[0].name if len(path) == 1 else f"{path[0].name} and {len(path) - 1} more",
        wallet=state.origin.wallet,
        start_prices_usd=ends.prices_usd,
        steps=tuple(state.steps),
        refusals=tuple(state.refusals.values()),
        toxic=tuple(state.toxic),
        final_prices_usd=state.spots(state.market),
        value_before_usd=ends.value_usd,
        value_after_usd=value,
        penalties_usd=sums.bonus,
        fees_usd=sums.fees,
        impact_usd=sums.impact,
        bad_debt_usd=sums.bad_debt,
        own_share_usd=sums.own_share,
        rounds=ends.rounds,
        converged=ends.converged,
        told=tuple(state.told),
        liquidated_usd=sums.liquidated,
        path_usd=sums.path,
        own_cost_usd=sums.own_penalty + sums.own_impact + sums.own_share,
    )


def _final(state: State, terms: Terms) -> Portfolio:
    """The wallet at the end: each account judged at its oracle's prices, those without a position gone."""
    kept = []
    for account in state.copy.accounts.values():
        if not account.positions:
            continue
        prices = state.prices(account, terms.of(account.protocol))
        if prices and any(account.prices[asset] != price for asset, price in prices.items()):
            account = replace(account, judged_at=prices, reported=None)  # noqa: PLW2901
        kept.append(account)
    return replace(state.copy.portfolio, accounts=tuple(kept))
