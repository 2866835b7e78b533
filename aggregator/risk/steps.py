"""One thing that an owner might do, on a copy of a portfolio: positions, rule and purse change together."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from aggregator.model.accounts import Account
from aggregator.model.actions import (
    AdjustableRule,
    Applied,
    AssetAction,
    Deposit,
    Repay,
    Traded,
    Untold,
    Withdraw,
)
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import BadConfiguration
from aggregator.model.positions import Debt, Option, Perp, Position, Supply
from aggregator.model.rules import Amount, Refused
from aggregator.risk.changed import is_called, total, with_debt, with_settled, with_supply
from aggregator.risk.copies import Copy, pay
from aggregator.risk.sharing import share_room
from aggregator.risk.trading import trade


def act(copy: Copy, account_id: str, asset: Asset, action: AssetAction, option: str) -> None:
    """Repay, deposit or withdraw: the wallet of the same chain pays and receives.

    `option` names the wish in messages. Raises BadConfiguration where the protocol would refuse it, or the
    account has too little.
    """
    account = copy.accounts[account_id]
    if account.kind == "wallet":
        raise BadConfiguration(option, "a wallet itself takes part in every action: name another account")
    rule = account.rule
    done: Applied | Traded | Refused | Untold = Untold(f"no rule of {account.protocol} says what it does")
    if isinstance(rule, AdjustableRule):
        time = copy.portfolio.blocks[account.chain].timestamp
        done = rule.apply(account.prices, time, action)
    if isinstance(done, Refused):
        raise BadConfiguration(option, f"{account.label} would refuse it: {done.reason}")
    if isinstance(done, Traded):
        raise TypeError(f"{account.protocol} answers {type(action).__name__} as if it were a trade")
    if isinstance(done, Untold):
        paid, received, account = _by_positions(account, asset, action, option)
        _keep(copy, copy.lose(account, done.reason), asset, paid, received)
    else:
        applied(copy, account, asset, done)


def applied(copy: Copy, account: Account, asset: Asset, done: Applied) -> None:
    """What the account's rule says of an action, done: the wallet of the same chain pays and receives.

    Of an account that is judged at other prices than were read, a new asset's price there is not known: its
    rule is lost.
    """
    judged, known = account.judged_at, {feed.asset for feed in account.rule.feeds} if account.rule else set()
    account = replace(account, rule=done.successor, reported=None)
    if done.supplied is not None:
        account = replace(account, positions=with_supply(account, asset, done.supplied))
    added = {feed.asset for feed in done.successor.feeds} - known
    if asset.id in added:  # it counts from now on, also what did not
        account = replace(account, positions=tuple(_counted(p, asset.id) for p in account.positions))
        if judged is not None:
            account = copy.lose(account, f"what it counts {asset.symbol} at after the move is not known")
    if done.owed is not None:
        account = replace(account, positions=with_debt(account, asset, done.owed))
    if done.settled is not None:
        account = replace(account, positions=with_settled(account, done.settled))
    _keep(copy, account, asset, done.paid, done.received)
    if done.room is not None:
        share_room(copy, account.id, done.room)


def _counted(position: Position, asset: AssetId) -> Position:
    if isinstance(position, Supply) and position.asset.id == asset:
        return replace(position, is_collateral=True)
    return position


def _keep(copy: Copy, account: Account, asset: Asset, paid: Amount | None, received: Amount | None) -> None:
    copy.accounts[account.id] = account
    if paid is not None:
        pay(copy, account, asset, paid.raw)
    if received is not None:
        pay(copy, account, asset, -received.raw)


def close(copy: Copy, account_id: str, market: str | None, share: Fraction, option: str) -> None:
    """Close a share of an account, or of one market (or asset) of it.

    A lending account's debts are repaid, then its supplies withdrawn. Perps and options are closed as
    `trade` does it.
    """
    account = copy.accounts[account_id]
    chosen = [p for p in account.positions if market is None or is_called(p, market)]
    if account.kind == "wallet":
        raise BadConfiguration(option, "what a wallet holds can't be closed")
    if not chosen:
        raise BadConfiguration(option, f"{account.label} has no {market!r}")
    derivatives = [p for p in chosen if isinstance(p, Perp | Option)]
    if derivatives:
        for one in derivatives:
            trade(copy, account_id, one, -int(one.size_raw * share), option)
        return
    for kind, action in ((Debt, Repay), (Supply, Withdraw)):
        done: set[AssetId] = set()
        for position in chosen:
            if not isinstance(position, kind) or position.asset.id in done:
                continue
            done.add(position.asset.id)
            raw = None if share == 1 else int(total(account, kind, position.asset.id) * share)
            act(copy, account_id, position.asset, action(position.asset.id, raw), option)


def _by_positions(
    account: Account, asset: Asset, action: AssetAction, option: str
) -> tuple[Amount | None, Amount | None, Account]:
    """The same for a rule that can't tell: amounts are added and subtracted, capped at what there is."""
    kind = Debt if isinstance(action, Repay) else Supply
    there = total(account, kind, asset.id)
    raw = there if action.raw is None else action.raw
    if isinstance(action, Withdraw) and raw > there:
        raise BadConfiguration(option, f"{account.label} has less {asset.symbol} than that")
    raw = min(raw, there) if isinstance(action, Repay) else raw
    amount = Amount(asset.id, raw)
    if isinstance(action, Repay):
        return amount, None, replace(account, positions=with_debt(account, asset, there - raw))
    left = there + raw if isinstance(action, Deposit) else there - raw
    changed = replace(account, positions=with_supply(account, asset, left))
    return (amount, None, changed) if isinstance(action, Deposit) else (None, amount, changed)
