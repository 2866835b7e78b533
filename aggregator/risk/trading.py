"""Derivatives bought, sold and closed on a copy of a portfolio, by the venue's own rule where it tells."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from aggregator.model.accounts import Account
from aggregator.model.actions import AdjustableRule, Applied, Trade, Traded, Untold
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import BadConfiguration
from aggregator.model.positions import Option, Perp, Position, Supply
from aggregator.model.rules import Amount, Refused
from aggregator.risk.changed import perp_closed, with_margin, with_supply
from aggregator.risk.copies import Copy, pay
from aggregator.risk.sharing import share_market

CLOSED_AT_MARK = "what its venue charges for closing is not known"


def trade(copy: Copy, account_id: str, position: Perp | Option, size_raw: int, option: str) -> None:
    """Change a derivative of an account by `size_raw`, signed; `position` may be one that is not there yet.

    Where the account's rule can't tell, what is taken away is closed at its mark: what has accrued becomes
    margin of the account, an option's value is paid or received by the wallet; no fee and no price impact is
    counted, which is said, and the account's own health is unknown then. `option` names the wish in
    messages. Raises BadConfiguration where the venue would refuse it.
    """
    account = copy.accounts[account_id]
    name = position.market if isinstance(position, Perp) else position.instrument
    rule, done = account.rule, None
    if isinstance(rule, AdjustableRule):
        time = copy.portfolio.blocks[account.chain].timestamp
        done = rule.apply(account.prices, time, Trade(name, size_raw))
    if isinstance(done, Refused):
        raise BadConfiguration(option, f"{account.label} would refuse it: {done.reason}")
    if isinstance(done, Applied):
        raise TypeError(f"{account.protocol} answers a trade as if it were none")
    if isinstance(done, Traded):
        traded(copy, account, position, done)
    else:
        _at_the_mark(copy, account, position, size_raw, done, option)


def traded(copy: Copy, account: Account, position: Perp | Option, done: Traded) -> None:
    """What the account's rule says of a trade, done: the wallet of the same chain pays and receives."""
    left: Perp | Option
    if isinstance(position, Perp):
        left = replace(
            position,
            size_raw=done.size_raw,
            entry_price_raw=done.entry_price_raw,
            pnl_raw=done.pnl_raw,
            funding_raw=done.funding_raw,
            borrowing_raw=done.borrowing_raw,
            funding_24h_raw=_resized(position.funding_24h_raw, position.size_raw, done.size_raw)
            if done.funding_24h_raw is None
            else done.funding_24h_raw,
            borrowing_24h_raw=_resized(position.borrowing_24h_raw, position.size_raw, done.size_raw),
        )
    else:
        left = replace(position, size_raw=done.size_raw)
    positions, before = _with(account, position, left), account
    account = replace(account, positions=positions, rule=done.successor, reported=None)
    if done.margin is not None:
        asset_id, raw = done.margin
        asset = _asset(account, position, asset_id)
        positions = with_supply(account, asset, max(raw, 0))
        account = replace(account, positions=positions)
        if raw < 0:
            account = replace(account, positions=with_margin(account, asset, raw))
    copy.accounts[account.id] = account
    if done.shared is not None:
        share_market(copy, account.id, done.shared)
    for amount, sign in ((done.paid, 1), (done.received, -1)):
        if amount is not None:
            # What a full close frees is no longer there to tell its asset.
            pay(copy, account, _asset(before, position, amount.asset), sign * amount.raw)


def _resized(raw: int | None, before: int, after: int) -> int | None:
    """Accruals of the next day in proportion to the size; unknown for a position that was not there."""
    if raw is None or not before:
        return 0 if not after else None
    return raw * after // before


def _with(account: Account, old: Perp | Option, left: Perp | Option) -> tuple[Position, ...]:
    """The positions with one in place of another; a new one comes last, one of no size is gone."""
    kept: list[Position] = []
    for position in account.positions:
        if position is not old and position != old:
            kept.append(position)
        elif left.size_raw:
            kept.append(left)
    if old not in account.positions and left.size_raw:
        kept.append(left)
    return tuple(kept)


def _asset(account: Account, position: Perp | Option, asset: AssetId) -> Asset:
    """An asset that a venue names by its id: what the position is settled in, or the account has posted."""
    if position.settlement.id == asset:
        return position.settlement
    for other in account.positions:
        if isinstance(other, Supply) and other.asset.id == asset:
            return other.asset
    raise BadConfiguration(account.label, f"its venue pays in {asset}, which the account has never had")


def _at_the_mark(
    copy: Copy, account: Account, position: Perp | Option, size_raw: int, done: Untold | None, option: str
) -> None:
    if position not in account.positions or abs(size_raw) > abs(position.size_raw):
        account = replace(account, positions=_with(account, position, replace(position, size_raw=size_raw)))
        why = "what its venue asks for another position is not known" if done is None else done.reason
        copy.accounts[account.id] = copy.lose(account, why)
        return
    share = Fraction(-size_raw, position.size_raw)
    value: Amount | None = None
    if isinstance(position, Perp):
        rest, accrued = perp_closed(position, share)
        account = replace(account, positions=_with(account, position, rest))
        account = replace(account, positions=with_margin(account, position.settlement, accrued))
    else:
        if position.mark_raw is None:
            raise BadConfiguration(option, f"{position.instrument} has no mark to be closed at")
        unit = 10 ** (position.size_decimals + position.price_decimals)
        raw = size_raw * position.mark_raw * 10**position.settlement.decimals // unit
        value = Amount(position.settlement.id, raw)
        left = replace(position, size_raw=position.size_raw + size_raw)
        account = replace(account, positions=_with(account, position, left))
    account = copy.lose(account, CLOSED_AT_MARK if done is None else done.reason)
    copy.accounts[account.id] = account
    if value is not None:
        pay(copy, account, position.settlement, value.raw)
    copy.told.append(f"{account.label}: closed at its marks, without fees and price impact")
