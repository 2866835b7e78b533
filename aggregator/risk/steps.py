"""One thing that an owner might do, on a copy of a portfolio: positions, rule and purse change together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from aggregator.model.accounts import Account
from aggregator.model.actions import Action, AdjustableRule, Applied, Deposit, Repay, Untold, Withdraw
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import BadConfiguration, NativeUnknown
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.rules import Amount, Refused
from aggregator.model.units import plain, scaled
from aggregator.risk.changed import (
    ORIGIN,
    is_called,
    perp_closed,
    total,
    with_debt,
    with_margin,
    with_supply,
)
from aggregator.risk.moving import without_native


@dataclass
class Copy:
    """A portfolio that is being changed: its accounts by id, what is lost of their rules, and what to say."""

    portfolio: Portfolio
    accounts: dict[str, Account]
    lost: dict[str, NativeUnknown]
    told: list[str]

    @staticmethod
    def of(portfolio: Portfolio) -> Copy:
        """A copy on which nothing has been done yet."""
        return Copy(portfolio, {account.id: account for account in portfolio.accounts}, {}, [])

    def result(self) -> Portfolio:
        """The portfolio after everything; incomplete where an account's own health is not known then.

        An account without any position is gone.
        """
        accounts = tuple(account for account in self.accounts.values() if account.positions)
        lost = [(account, self.lost[account.id]) for account in accounts if account.id in self.lost]
        return replace(self.portfolio, accounts=accounts, **without_native(self.portfolio, lost))

    @property
    def lacking(self) -> tuple[str, ...]:
        """What wallets would have to find elsewhere, in sentences."""
        owed = [
            (account.label, p)
            for account in self.accounts.values()
            for p in account.positions
            if account.kind == "wallet" and isinstance(p, Debt)
        ]
        return tuple(
            f"{label} lacks {plain(scaled(p.raw, p.asset.decimals))} {p.asset.symbol}: it is counted as owed"
            for label, p in owed
        )

    def lose(self, account: Account, why: str) -> Account:
        """The account without its rule, which can't tell its own health any more.

        Where nothing is left that needs margin, nothing is required, and nothing unknown.
        """
        if any(isinstance(p, Perp | Option | Debt) for p in account.positions):
            self.lost.setdefault(account.id, NativeUnknown(account.label, why))
        else:
            self.lost.pop(account.id, None)
        return replace(account, rule=None, reported=None)


def act(copy: Copy, account_id: str, asset: Asset, action: Action, option: str) -> None:
    """Repay, deposit or withdraw: the wallet of the same chain pays and receives.

    `option` names the wish in messages. Raises BadConfiguration where the protocol would refuse it, or the
    account has too little.
    """
    account = copy.accounts[account_id]
    if account.kind == "wallet":
        raise BadConfiguration(option, "a wallet itself takes part in every action: name another account")
    rule = account.rule
    done: Applied | Refused | Untold = Untold(f"no rule of {account.protocol} says what it does")
    if isinstance(rule, AdjustableRule):
        time = copy.portfolio.blocks[account.chain].timestamp
        done = rule.apply(account.prices, time, action)
    if isinstance(done, Refused):
        raise BadConfiguration(option, f"{account.label} would refuse it: {done.reason}")
    if isinstance(done, Untold):
        paid, received, account = _by_positions(account, asset, action, option)
        account = copy.lose(account, done.reason)
    else:
        paid, received = done.paid, done.received
        account = replace(account, rule=done.successor, reported=None)
        if done.supplied is not None:
            account = replace(account, positions=with_supply(account, asset, done.supplied))
        if done.owed is not None:
            account = replace(account, positions=with_debt(account, asset, done.owed))
    copy.accounts[account_id] = account
    if paid is not None:
        pay(copy, account, asset, paid.raw)
    if received is not None:
        pay(copy, account, asset, -received.raw)


def pay(copy: Copy, account: Account, asset: Asset, raw: int) -> None:
    """Take an amount out of the wallet that an account belongs to, or add one below zero.

    What the wallet lacks is owed by it, which is said: the whole is worth what it would be if that came from
    nowhere else.
    """
    purse = _purse(copy, account)
    has = sum(p.raw for p in purse.positions if isinstance(p, Holding) and p.asset.id == asset.id)
    owes = sum(p.raw for p in purse.positions if isinstance(p, Debt) and p.asset.id == asset.id)
    left = has - owes - raw
    others = [p for p in purse.positions if not (isinstance(p, Holding | Debt) and p.asset.id == asset.id)]
    if left > 0:
        others.append(Holding(asset, left, ORIGIN))
    if left < 0:
        others.append(Debt(asset, -left, "variable", ORIGIN))
    copy.accounts[purse.id] = replace(purse, positions=tuple(others))


def close(copy: Copy, account_id: str, market: str | None, share: Fraction, option: str) -> None:
    """Close a share of an account, or of one market (or asset) of it.

    A lending account's debts are repaid, then its supplies withdrawn. Perps and options are closed at their
    marks: what has accrued becomes margin of the account, an option's value is paid or received by the
    wallet; no fee and no price impact is counted, which is said.
    """
    account = copy.accounts[account_id]
    chosen = [p for p in account.positions if market is None or is_called(p, market)]
    if account.kind == "wallet":
        raise BadConfiguration(option, "what a wallet holds can't be closed")
    if not chosen:
        raise BadConfiguration(option, f"{account.label} has no {market!r}")
    derivatives = [p for p in chosen if isinstance(p, Perp | Option)]
    if derivatives:
        _close_derivatives(copy, account_id, derivatives, share, option)
        return
    for kind, action in ((Debt, Repay), (Supply, Withdraw)):
        done: set[AssetId] = set()
        for position in chosen:
            if not isinstance(position, kind) or position.asset.id in done:
                continue
            done.add(position.asset.id)
            raw = None if share == 1 else int(total(account, kind, position.asset.id) * share)
            act(copy, account_id, position.asset, action(position.asset.id, raw), option)


def _close_derivatives(
    copy: Copy, account_id: str, chosen: list[Perp | Option], share: Fraction, option: str
) -> None:
    account = copy.accounts[account_id]
    positions: list[Position] = []
    margin: dict[AssetId, tuple[Asset, int]] = {}
    values: list[tuple[Asset, int]] = []
    for position in account.positions:
        if position not in chosen:
            positions.append(position)
        elif isinstance(position, Perp):
            rest, accrued = perp_closed(position, share)
            asset = position.settlement
            margin[asset.id] = (asset, margin.get(asset.id, (asset, 0))[1] + accrued)
            positions += [rest] if rest.size_raw else []
        elif isinstance(position, Option):
            if position.mark_raw is None:
                raise BadConfiguration(option, f"{position.instrument} has no mark to be closed at")
            size = int(position.size_raw * share)
            unit = 10 ** (position.size_decimals + position.price_decimals)
            values.append(
                (position.settlement, -(size * position.mark_raw * 10**position.settlement.decimals // unit))
            )
            rest_of_it = replace(position, size_raw=position.size_raw - size)
            positions += [rest_of_it] if rest_of_it.size_raw else []
    account = replace(account, positions=tuple(positions))
    for asset, accrued in margin.values():
        account = replace(account, positions=with_margin(account, asset, accrued))
    account = copy.lose(account, "what its venue charges for closing is not known")
    copy.accounts[account_id] = account
    for asset, raw in values:
        pay(copy, account, asset, raw)
    copy.told.append(f"{account.label}: closed at its marks, without fees and price impact")


def _purse(copy: Copy, account: Account) -> Account:
    """The wallet account that pays: of the address that holds the account, else of one that owns it."""
    wallets = [a for a in copy.accounts.values() if a.kind == "wallet" and a.chain == account.chain]
    for holder in reversed(account.owner_path):
        for one in wallets:
            if one.owner_path[-1] == holder:
                return one
    if account.kind == "wallet":
        return account
    made = Account(
        id=f"wallet:{account.chain}:{account.owner_path[-1]}",
        protocol="wallet",
        kind="wallet",
        chain=account.chain,
        label="Wallet",
        owner_path=account.owner_path,
        positions=(),
        rule=None,
        reported=None,
    )
    copy.accounts[made.id] = made
    return made


def _by_positions(
    account: Account, asset: Asset, action: Action, option: str
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
