"""Liquidations of the local chain beside those of the rule: every amount and every refusal."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.liquidation import LiquidatableAaveRule
from aggregator.model.assets import AssetId, token_id
from aggregator.model.rules import Amount, Liquidated, Refused, Repayment
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN, adapter_of, rule_in
from tests.adapters.aave_v3.states import BASE_PRICES, SYMBOLS
from tests.adapters.feeds import rewrite
from tests.devnet.chain import MAX_UINT256
from tests.devnet.errors import TransactionReverted
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.aave import Aave, Liquidation
    from tests.devnet.world import World


class Liquidations:
    """Random liquidations of one market, each undone after it was compared."""

    def __init__(self, world: World, market: Aave, seed: int) -> None:
        self.world, self.market, self.random = world, market, random.Random(seed)
        self.assets = {symbol: token_id(CHAIN, parse_address(market.asset(symbol))) for symbol in SYMBOLS}
        self.symbols = {asset: symbol for symbol, asset in self.assets.items()}
        self.adapter = adapter_of(market)
        self.seen: Counter[str] = Counter()
        liquidator = market.site.account("liquidator")
        for symbol in SYMBOLS:
            token = market.tokens[symbol]
            token.send("mint", liquidator, 10**33)
            token.send("approve", market.pool.address, MAX_UINT256, sender=liquidator)

    def rule(self, user: str) -> LiquidatableAaveRule:
        """The rule as it is read now."""
        rule = rule_in(read_accounts(self.world.node.url, self.adapter, user))
        assert isinstance(rule, LiquidatableAaveRule)
        return rule

    def case(self, user: str, rule: LiquidatableAaveRule) -> None:
        """A rule as read earlier, at other prices and a later time, against what the pool does then."""
        prices = self.prices(rule)
        later = self.random.choice([1, self.random.randrange(10, 50 * 86_400)])
        time = self.world.node.timestamp + later
        collateral, debt = self.pair(rule)
        self.check(user, rule, prices, time, collateral, debt, self.offer(rule, self.assets[debt], time))

    def check(
        self,
        user: str,
        rule: LiquidatableAaveRule,
        prices: Mapping[str, int],
        time: int,
        collateral: str,
        debt: str,
        units: int,
    ) -> Liquidated | Refused:
        """What the rule says of a liquidation once the pool did the same; prices not given are as read."""
        snapshot = self.world.node.snapshot()
        for symbol, price in prices.items():
            rewrite(self.market.feeds[symbol], price)
        by_asset = {feed.asset: feed.price for feed in rule.feeds}
        by_asset |= {self.assets[symbol]: price for symbol, price in prices.items()}
        offer = Repayment(Amount(self.assets[debt], units), self.assets[collateral])
        ours = rule.liquidate(by_asset, time, offer)
        self.world.node.next_block_at(time)
        if isinstance(ours, Refused):
            with pytest.raises(TransactionReverted) as refused:
                self.market.liquidate_units(user, collateral, debt, units)
            assert same_reason(ours.reason, refused.value.reason), (refused.value.reason, ours)
            self.seen[ours.reason.split(" (")[0].replace("_", "").lower()] += 1
        else:
            done = self.market.liquidate_units(user, collateral, debt, units)
            self.compare(collateral, debt, ours, done)
            self.compare_successor(user, rule, ours, by_asset, time)
            self.note(rule, ours, offer, time)
        self.world.node.revert(snapshot)
        return ours

    def prices(self, rule: LiquidatableAaveRule) -> dict[str, int]:
        """Prices with every digit that bring the account to some health, mostly below one."""
        held = {leg.feed.asset for leg in rule.legs if leg.supplied_scaled}
        owing = {leg.feed.asset for leg in rule.legs if leg.owed_scaled or leg.stable}
        low = self.random.uniform(0.25, 0.95)
        wanted = self.random.choice([0.96, 0.98, 1.0, 1.02, low, low, low, self.random.uniform(0.94, 1.01)])
        now = {self.assets[symbol]: usd * 10**8 for symbol, usd in BASE_PRICES.items()}
        now |= {asset: int(price * self.random.uniform(0.99, 1.01)) for asset, price in now.items()}

        def moved(times: float) -> dict[AssetId, int]:
            down, up = held - owing, set() if held - owing else owing - held
            return {
                asset: int(price * (times if asset in down else 1 / times if asset in up else 1))
                for asset, price in now.items()
            }

        lowest, highest, time = 0.05, 4.0, self.world.node.timestamp
        for _ in range(30):
            middle = (lowest + highest) / 2
            health = rule.health(moved(middle), time).health
            lowest, highest = (lowest, middle) if health and health > wanted * 1e18 else (middle, highest)
        return {self.symbols[asset]: price for asset, price in moved(lowest).items()}

    def pair(self, rule: LiquidatableAaveRule) -> tuple[str, str]:
        """A collateral and a debt of the account; one in ten is any reserve."""
        held = [self.symbols[leg.feed.asset] for leg in rule.legs if leg.supplied_scaled] or list(SYMBOLS)
        owing = [self.symbols[leg.feed.asset] for leg in rule.legs if leg.owed_scaled or leg.stable]
        both = sorted(set(held) & set(owing))
        if both and self.random.random() < 0.25:
            return both[0], both[0]
        collateral = self.random.choice(held if self.random.random() < 0.95 else SYMBOLS)
        return collateral, self.random.choice(owing if owing and self.random.random() < 0.95 else SYMBOLS)

    def offer(self, rule: LiquidatableAaveRule, debt: AssetId, time: int) -> int:
        """All, a part, nearly all, nearly nothing."""
        owed = sum(leg.owed(rule.maths, time) for leg in rule.legs if leg.feed.asset == debt)
        part = self.random.randrange(owed + 1)
        near = owed - self.random.randrange(owed // 20 + 1)
        return self.random.choice(
            [2**255, 2**255, owed, part, part, part // 2, near, self.random.randrange(4)]
        )

    def compare(self, collateral: str, debt: str, ours: Liquidated, done: Liquidation) -> None:
        """Every amount that the pool's and the tokens' events tell."""
        assert _by_symbol(self.symbols, ours.repaid) == _nonzero({debt: done.repaid})
        assert _by_symbol(self.symbols, ours.seized) == _nonzero({collateral: done.seized})
        assert _by_symbol(self.symbols, ours.fees) == _nonzero({collateral: done.fee})
        assert _by_symbol(self.symbols, ours.bad_debt) == done.bad_debt

    def compare_successor(
        self,
        user: str,
        rule: LiquidatableAaveRule,
        ours: Liquidated,
        prices: Mapping[AssetId, int],
        time: int,
    ) -> None:
        """The account is what the pool says of it, and what is read of it anew but for the rates."""
        successor = ours.successor
        assert isinstance(successor, LiquidatableAaveRule)
        said = self.market.account_data(user)
        health = successor.health(prices, time)
        assert health.requirement == said.debt_base * 10_000
        assert health.health == (said.health_factor if said.debt_base else None)
        again = self.rule(user) if successor.legs else replace(rule, legs=(), terms=())
        touched = {amount.asset for amount in (*ours.repaid, *ours.seized)}
        kept = [(leg, terms) for leg, terms in zip(again.legs, again.terms, strict=True) if _counts(leg)]
        # What a pool has to lend is of the block: liquidations change it, and no health depends on it.
        ours_then, read_then = (
            [replace(terms, lendable=None, cash=None, supply_cap=None) for terms in several]
            for several in (successor.terms, (terms for _, terms in kept))
        )
        assert ours_then == read_then
        for leg, (read, _) in zip(successor.legs, kept, strict=True):
            assert replace(leg, feed=read.feed, accrual=read.accrual) == read
            if read.feed.asset in touched:
                assert leg.accrual.updated_at == read.accrual.updated_at == time
                assert leg.accrual.liquidity_index == read.accrual.liquidity_index
                assert leg.accrual.borrow_index == read.accrual.borrow_index

    def note(self, rule: LiquidatableAaveRule, ours: Liquidated, offer: Repayment, time: int) -> None:
        """What the case covered."""
        [collateral] = [leg for leg in rule.legs if leg.feed.asset == offer.collateral]
        [debt] = [leg for leg in rule.legs if leg.feed.asset == offer.debt.asset]
        moved = {kind: sum(a.raw for a in getattr(ours, kind)) for kind in ("repaid", "seized", "fees")}
        owed, supplied = debt.owed(rule.maths, time), collateral.supplied(rule.maths, time)
        gone = moved["seized"] + moved["fees"]
        self.seen["liquidated"] += 1
        self.seen["all collateral"] += gone >= supplied - 1
        self.seen["fee cut by rounding"] += gone == supplied - 1
        self.seen["all debt"] += moved["repaid"] == owed
        self.seen["half at most"] += moved["repaid"] < min(offer.debt.raw, owed) and gone < supplied - 1
        self.seen["bad debt"] += bool(ours.bad_debt)
        self.seen["several bad debts"] += len(ours.bad_debt) > 1
        self.seen["emode"] += rule.terms[rule.legs.index(collateral)].bonus_bps == 10_100
        self.seen["stable"] += debt.stable is not None
        self.seen["both sides"] += collateral is debt


def same_reason(ours: str, theirs: str) -> bool:
    """V3.0 answers with a number, which we give after the name; V3.6 with a name."""
    return theirs in (f"{ours}()", ours.partition(" (")[2].rstrip(")"))


def _by_symbol(symbols: Mapping[AssetId, str], amounts: tuple[Amount, ...]) -> dict[str, int]:
    return {symbols[amount.asset]: amount.raw for amount in amounts}


def _nonzero(amounts: Mapping[str, int]) -> dict[str, int]:
    return {symbol: raw for symbol, raw in amounts.items() if raw}


def _counts(leg: object) -> bool:
    return bool(leg.supplied_scaled or leg.owed_scaled or leg.stable)  # type: ignore[attr-defined]
