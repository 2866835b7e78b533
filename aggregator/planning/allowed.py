"""Which steps a plan may choose from: what accounts, wallets and markets allow, within the user's limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from aggregator.model.accounts import Account
from aggregator.model.actions import AdjustableRule, Untold
from aggregator.model.assets import Asset, AssetId, native_id
from aggregator.model.openings import Opening
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.planning.candidates import (
    AssetCandidate,
    Candidate,
    Done,
    Ordered,
    SwapCandidate,
    TransferCandidate,
    balance,
    purse_id,
)
from aggregator.planning.exchanges import Exchanges, Hop
from aggregator.planning.limits import Kind
from aggregator.planning.problem import Problem
from aggregator.planning.sending import unsigned
from aggregator.planning.trades import TradeCandidate
from aggregator.pricing.book import usd
from aggregator.risk.changed import total
from aggregator.risk.copies import Copy

GAS_STEPS = 10
"""The gas of so many steps stays in a wallet, of what a chain's gas is paid in."""


@dataclass
class _Purse:
    """What a wallet account may come to have, and what it may be asked for, by asset."""

    sources: dict[AssetId, Asset] = field(default_factory=dict)
    sinks: dict[AssetId, Asset] = field(default_factory=dict)


class Allowed:
    """The candidates of a portfolio, whatever the targets: what is safe may help what is not.

    Wallet accounts that will be needed, and hold nothing today, are added to the copy. Where no spot market
    sells one asset for another an estimate stands for it.
    """

    def __init__(self, copy: Copy, problem: Problem) -> None:
        self._copy, self._problem = copy, problem
        self._limits = problem.limits
        self._exchanges = Exchanges(problem)
        self._purses: dict[str, _Purse] = {}
        self._wealth_usd = sum(self._worth(account) for account in copy.accounts.values())
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
                self._purse(account.id).sources.update(held)
        accounts = [account for account in self._copy.accounts.values() if self._may_touch(account)]
        found = [one for account in accounts for one in self._of(account)]
        found += self._transfers()
        found += self._swaps()
        kinds = self._limits.kinds if self._limits.estimates else self._limits.kinds - {"bridge"}
        return [one for one in found if one.kind in kinds and one.most > 0]

    def assets(self) -> dict[str, tuple[Asset, ...]]:
        """What each wallet account may have or need, once `all` was asked."""
        return {
            name: tuple({**purse.sources, **purse.sinks}.values()) for name, purse in self._purses.items()
        }

    def _may_touch(self, account: Account) -> bool:
        allowed = self._limits.accounts
        told = isinstance(account.rule, AdjustableRule) and account.kind != "wallet"
        return told and (allowed is None or account.id in allowed)

    def _purse(self, account_id: str) -> _Purse:
        return self._purses.setdefault(account_id, _Purse())

    def _unit_usd(self, asset: Asset) -> float:
        mark = self._copy.portfolio.marks.get(asset.id)
        return 0.0 if mark is None else usd(mark) / float(10**asset.decimals)

    def _worth(self, account: Account) -> float:
        return sum(
            position.raw * self._unit_usd(position.asset)
            for position in account.positions
            if isinstance(position, Holding | Supply)
        )

    def _of(self, account: Account) -> Iterator[Candidate]:
        purse = self._purse(purse_id(self._copy, account.id))
        for asset in _assets(account, Debt):
            if one := self._asset("repay", account, asset, total(account, Debt, asset.id)):
                purse.sinks[asset.id] = asset
                yield one
        posted: dict[AssetId, AssetCandidate] = {}
        for asset in self._depositable(account):
            unit = self._unit_usd(asset)
            most = int(self._wealth_usd / unit) if unit > 0.0 else 0
            if one := self._asset("deposit", account, asset, most):
                purse.sinks[asset.id] = asset
                posted[asset.id] = one
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

    def _asset(self, kind: Kind, account: Account, asset: Asset, most: int) -> AssetCandidate | None:
        unit = self._unit_usd(asset)
        if kind not in self._limits.kinds or most <= 0 or unit <= 0.0:
            return None
        name = f"{kind} {asset.id} {account.id}"
        made = AssetCandidate(name, kind, account.id, unit, most, asset)
        return made if self._is_told(made) else None

    def _trades(
        self, account: Account, purse: _Purse, posted: Mapping[AssetId, AssetCandidate]
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
                more = int(2 * self._wealth_usd / unit)
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
            most = int(2 * self._wealth_usd / unit)
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

    def _transfers(self) -> Iterator[Candidate]:
        """Of what one wallet may have and another may need: sent, or bridged to its namesake."""
        for origin, purse in list(self._purses.items()):
            for target, other in list(self._purses.items()):
                if origin == target:
                    continue
                here, there = self._copy.accounts[origin], self._copy.accounts[target]
                same = here.chain == there.chain
                for asset in list(purse.sources.values()):
                    arrives = asset if same else self._namesake(asset, other)
                    if arrives is None or (same and not other.sinks):
                        continue
                    unit = self._unit_usd(asset)
                    if unit <= 0.0:
                        continue
                    other.sources.setdefault(arrives.id, arrives)
                    kind: Kind = "transfer" if same else "bridge"
                    yield TransferCandidate(
                        f"{kind} {asset.id} {origin} {target}",
                        kind,
                        origin,
                        unit,
                        self._spendable(origin, asset),
                        asset,
                        arrives,
                        target,
                        Decimal(0) if same else self._problem.charges.bridge,
                    )

    def _spendable(self, purse: str, asset: Asset) -> int:
        """The most of an asset that a wallet may come to spend; of a native coin what is there, less gas."""
        chain, unit = self._copy.accounts[purse].chain, self._unit_usd(asset)
        has = balance(self._copy, purse, asset)
        if asset.id != native_id(chain):
            return max(int(self._wealth_usd / unit), has)
        return max(0, has - math.ceil(GAS_STEPS * self._problem.charges.gas(chain) / unit))

    def _namesake(self, asset: Asset, other: _Purse) -> Asset | None:
        """What the other chain calls the same and needs, or holds, with the same risk class."""
        classes = self._copy.portfolio.classes
        for one in {**other.sources, **other.sinks}.values():
            if one.symbol == asset.symbol and classes.get(one.id) == classes.get(asset.id):
                return one
        return None

    def _swaps(self) -> Iterator[Candidate]:
        for purse, known in self._purses.items():
            chain = self._copy.accounts[purse].chain
            made: dict[str, SwapCandidate] = {}
            for sold in list(known.sources.values()):
                for bought in list(known.sinks.values()):
                    if sold.id == bought.id or min(self._unit_usd(sold), self._unit_usd(bought)) <= 0.0:
                        continue
                    for hop in self._exchanges.route(chain, sold, bought):
                        known.sources.setdefault(hop.sold.id, hop.sold)
                        known.sinks.setdefault(hop.bought.id, hop.bought)
                        one = self._swap(purse, hop)
                        made.setdefault(one.name, one)
            yield from made.values()

    def _swap(self, purse: str, hop: Hop) -> SwapCandidate:
        unit, slippage = self._unit_usd(hop.sold), self._problem.charges.slippage
        return SwapCandidate(
            f"swap {hop.sold.id} {hop.bought.id} {hop.market.label} {purse}",
            "swap",
            purse,
            unit,
            self._spendable(purse, hop.sold),
            hop.sold,
            hop.bought,
            hop.market,
            # A coin is wrapped one to one: nobody else's trade changes that.
            Decimal(0) if native_id(hop.market.chain) in hop.market.assets else slippage,
        )


def _assets(account: Account, kind: type[Debt] | type[Supply]) -> list[Asset]:
    found = {p.asset.id: p.asset for p in account.positions if isinstance(p, kind) and p.raw > 0}
    return list(found.values())
