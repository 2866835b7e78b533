"""Which steps a plan may choose from: what accounts, wallets and markets allow, within the user's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aggregator.model.accounts import Account
from aggregator.model.actions import AdjustableRule, Untold
from aggregator.model.assets import Asset, AssetId
from aggregator.model.openings import Opening
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.planning.candidates import Candidate, Done, Ordered, balance, purse_id
from aggregator.planning.lending import AssetCandidate
from aggregator.planning.limits import Kind
from aggregator.planning.problem import Problem
from aggregator.planning.purses import Purse, Purses
from aggregator.planning.sending import unsigned
from aggregator.planning.trades import TradeCandidate
from aggregator.risk.changed import total
from aggregator.risk.copies import Copy


class Allowed:
    """The candidates of a portfolio, whatever the targets: what is safe may help what is not.

    Wallet accounts that will be needed, and hold nothing today, are added to the copy. Where no spot market
    sells one asset for another an estimate stands for it.
    """

    def __init__(self, copy: Copy, problem: Problem) -> None:
        self._copy, self._problem = copy, problem
        self._limits = problem.limits
        self._purses = Purses(copy, problem)
        self._underlyings = {
            position.underlying
            if isinstance(position, Perp | Option)
            else copy.portfolio.classes[position.asset.id].underlying
            for account in copy.accounts.values()
            for position in account.positions
        }

    def all(self) -> list[Candidate]:
        """Every candidate whose rule can tell what it does, in a fixed order."""
        for account in list(self._copy.accounts.values()):
            if account.kind == "wallet":
                held = {p.asset.id: p.asset for p in account.positions if isinstance(p, Holding)}
                self._purses.of(account.id).sources.update(held)
        accounts = [account for account in self._copy.accounts.values() if self._may_touch(account)]
        found = [one for account in accounts for one in self._of(account)]
        found += self._purses.candidates()
        kinds = self._limits.kinds if self._limits.estimates else self._limits.kinds - {"bridge"}
        return [one for one in found if one.kind in kinds and one.most > 0]

    def assets(self) -> dict[str, tuple[Asset, ...]]:
        """What each wallet account may have or need, once `all` was asked."""
        return self._purses.assets()

    def _may_touch(self, account: Account) -> bool:
        allowed = self._limits.accounts
        told = isinstance(account.rule, AdjustableRule) and account.kind != "wallet"
        return told and (allowed is None or account.id in allowed)

    def _of(self, account: Account) -> Iterator[Candidate]:
        payer = purse_id(self._copy, account.id)
        purse = self._purses.of(payer)
        for asset in _assets(account, Debt):
            if one := self._asset("repay", account, asset, total(account, Debt, asset.id)):
                purse.sinks[asset.id] = asset
                yield one
        posted: dict[AssetId, AssetCandidate] = {}
        for asset in self._depositable(account):
            unit = self._purses.unit_usd(asset)
            most = int(self._purses.wealth_usd / unit) if unit > 0.0 else 0
            if one := self._asset("deposit", account, asset, most):
                purse.sinks[asset.id] = asset
                posted[asset.id] = one
                yield one
        for asset in self._new(account, purse):
            if one := self._asset("deposit", account, asset, balance(self._copy, payer, asset)):
                yield one
        for asset in _assets(account, Supply):
            if one := self._asset("withdraw", account, asset, total(account, Supply, asset.id)):
                purse.sources[asset.id] = asset
                yield one
        yield from self._trades(account, purse, posted)
        yield from self._opened(account, posted)

    def _depositable(self, account: Account) -> list[Asset]:
        posted = [p.asset for p in account.positions if isinstance(p, Supply) and p.is_collateral]
        settled = [p.settlement for p in account.positions if isinstance(p, Perp)]
        if "hedge" in self._limits.kinds:
            settled += [one.perp.settlement for one in account.openings if self._hedges(one)]
        return list({asset.id: asset for asset in (*posted, *settled)}.values())

    def _new(self, account: Account, purse: Purse) -> list[Asset]:
        """What the wallet holds and a loan's account has no part of yet: deposited as it is, never bought."""
        if not any(isinstance(p, Debt) for p in account.positions) or account.kind != "lending":
            return []
        there = {asset.id for asset in self._depositable(account)}
        return [asset for asset in list(purse.sources.values()) if asset.id not in there]

    def _asset(self, kind: Kind, account: Account, asset: Asset, most: int) -> AssetCandidate | None:
        unit = self._purses.unit_usd(asset)
        if kind not in self._limits.kinds or most <= 0 or unit <= 0.0:
            return None
        name = f"{kind} {asset.id} {account.id}"
        made = AssetCandidate(name, kind, account.id, unit, most, asset)
        return made if self._is_told(made) else None

    def _trades(
        self, account: Account, purse: Purse, posted: Mapping[AssetId, AssetCandidate]
    ) -> Iterator[Candidate]:
        for position in account.positions:
            if not isinstance(position, Perp | Option):
                continue
            unit = self._size_usd(position)
            name = position.market if isinstance(position, Perp) else position.instrument
            away = -1 if position.size_raw > 0 else 1
            wanted: list[tuple[Kind, int, int]] = [("reduce", away, abs(position.size_raw))]
            if isinstance(position, Perp) and unit > 0.0:
                # Further on the side that it is on; the other side is a reduction first.
                more = int(2 * self._purses.wealth_usd / unit)
                wanted += [("hedge", -away, more)]
            for kind, sign, most in wanted:
                if kind not in self._limits.kinds or unit <= 0.0 or not most:
                    continue
                margin = posted.get(position.settlement.id) if kind == "hedge" else None
                made = TradeCandidate(
                    f"{kind} {name} {account.id}", kind, account.id, unit, most, name, sign, posted=margin
                )
                if self._is_told(made):
                    yield made
                    if isinstance(position, Option):  # bought back or sold by the wallet
                        purse.sinks[position.settlement.id] = position.settlement
                        purse.sources[position.settlement.id] = position.settlement

    def _opened(self, account: Account, posted: Mapping[AssetId, AssetCandidate]) -> Iterator[Candidate]:
        """Perps that are not there, on either side, of what the wallet is exposed to."""
        if "hedge" not in self._limits.kinds:
            return
        held = {position.market for position in account.positions if isinstance(position, Perp)}
        for one in account.openings:
            perp, unit = one.perp, self._size_usd(one.perp)
            if perp.market in held or unit <= 0.0 or not self._hedges(one):
                continue
            most = int(2 * self._purses.wealth_usd / unit)
            most = most if one.most_raw is None else min(most, one.most_raw)
            for side, sign in (("long", 1), ("short", -1)):
                made = TradeCandidate(
                    f"open {side} {perp.market} {account.id}",
                    "hedge",
                    account.id,
                    unit,
                    most,
                    perp.market,
                    sign,
                    one.step_raw,
                    posted.get(perp.settlement.id),
                )
                if self._is_told(made):
                    yield made

    def _hedges(self, one: Opening) -> bool:
        """Whether anything of the wallet moves with a perp that could be opened."""
        return one.perp.underlying in self._underlyings

    def _size_usd(self, position: Perp | Option) -> float:
        """One smallest unit of a position's size, in USD of its underlying."""
        price = self._copy.portfolio.spots.get(position.underlying, 0.0)
        return price / float(10**position.size_decimals)

    def _is_told(self, candidate: Candidate) -> bool:
        raw, after = max(1, candidate.most // 1_000), self._copy.fork()
        tried = candidate.do(after, raw)
        if isinstance(tried, Done) and not self._limits.estimates:
            return not isinstance(unsigned(Ordered(candidate, raw, tried, self._copy, after)), Untold)
        return not isinstance(tried, Untold)


def _assets(account: Account, kind: type[Debt] | type[Supply]) -> list[Asset]:
    found = {p.asset.id: p.asset for p in account.positions if isinstance(p, kind) and p.raw > 0}
    return list(found.values())
