"""A margin rule for tests that is linear in prices: enough for lending and perps, exact and fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Shocked
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import AssetId, index_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Oracle, Rule
from aggregator.model.units import ChainId
from tests.risk.builders import CHAIN, COINS, account, perp, raw, spot, supply

PRICE_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Weight:
    """N gains `power` and Q gains `requirement` per unit of price; both have 18 decimals."""

    feed: Feed
    power: int
    requirement: int


@dataclass(frozen=True, slots=True)
class LinearRule:
    """N = cash + sum power * price, Q = sum requirement * price."""

    family: ClassVar[str] = "linear"

    weights: tuple[Weight, ...]
    cash: int = 0

    @property
    def feeds(self) -> tuple[Feed, ...]:
        return tuple(weight.feed for weight in self.weights)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        power, requirement = self.cash * 10**PRICE_DECIMALS, 0
        for weight in self.weights:
            price = prices[weight.feed.asset]
            if price <= 0:
                raise UnusablePrice(weight.feed.asset, weight.feed.origin, price)
            power += weight.power * price
            requirement += weight.requirement * price
        health = power * WAD // requirement if requirement else None
        return Health(
            power,
            requirement,
            18 + PRICE_DECIMALS,
            health,
            liquidatable=requirement > 0 and power < requirement,
        )

    def to_json(self) -> dict[str, JsonValue]:
        raise NotImplementedError("risk never writes rules")


@dataclass(frozen=True, eq=False, slots=True)
class LinearColumns:
    feeds: Sequence[Feed]
    rules: tuple[LinearRule, ...]


class LinearFamily:
    """The fast form of LinearRule."""

    name = LinearRule.family

    def columns(self, rules: Sequence[Rule]) -> LinearColumns:
        ours = tuple(rule for rule in rules if isinstance(rule, LinearRule))
        return LinearColumns(tuple(chain.from_iterable(rule.feeds for rule in ours)), ours)

    def margin(
        self, columns: LinearColumns, shocked: Shocked
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        N = np.zeros((len(columns.rules), shocked.prices.shape[1]))
        Q = np.zeros_like(N)
        row = 0
        for i, rule in enumerate(columns.rules):
            N[i] += rule.cash / WAD
            for weight in rule.weights:
                price = shocked.prices[row] * shocked.quote_usd[row]
                N[i] += weight.power / WAD * price
                Q[i] += weight.requirement / WAD * price
                row += 1
        return N, Q

    def load(self, data: Mapping[str, JsonValue]) -> LinearRule:
        raise NotImplementedError("risk never reads rules")


FAMILIES = {LinearFamily.name: LinearFamily()}


def lending(
    name: str,
    amounts: Mapping[str, float],
    *,
    threshold: float = 0.83,
    oracle: Oracle = Oracle.MARKET,
    protocol: str = "aave_v3",
    chain: ChainId = CHAIN,
    reported: Reported | None = None,
    prices: Mapping[str, float] | None = None,
    quote: str | None = None,
) -> Account:
    """A lending account: supplies and, where negative, debts by symbol; judged at their prices.

    With `quote` its protocol counts in that coin.
    """
    unit = COINS[quote] if quote else None
    positions = [spot(symbol, amount) for symbol, amount in amounts.items()]
    weights = []
    for symbol, position in zip(amounts, positions, strict=True):
        usd = (prices or {}).get(symbol, COINS[symbol].usd) / (unit.usd if unit else 1.0)
        price = round(usd * 10**PRICE_DECIMALS)
        feed = Feed(
            position.asset.id, oracle, price, PRICE_DECIMALS, "feed", quote=unit.asset.id if unit else None
        )
        power = position.raw * round(threshold * 10_000) // 10_000 if isinstance(position, Supply) else 0
        weights.append(Weight(feed, power, position.raw if isinstance(position, Debt) else 0))
    rule = LinearRule(tuple(weights))
    return account(name, *positions, rule=rule, protocol=protocol, chain=chain, reported=reported)


def margined(
    name: str,
    underlying: str,
    size: float,
    margin: float,
    *,
    maintenance: float = 0.03,
    settlement: str = "USD",
    protocol: str = "synthetix_perps_v2",
    chain: ChainId = CHAIN,
    pnl: float = 0.0,
    funding_24h: float | None = 0.0,
) -> Account:
    """A perp account: margin posted in the settlement asset, which its own test counts as a dollar."""
    position = perp(underlying, size, pnl=pnl, settlement=settlement, funding_24h=funding_24h)
    price = position.mark_price_raw // 10 ** (18 - PRICE_DECIMALS)
    feed = Feed(index_id(underlying), Oracle.MARKET, price, PRICE_DECIMALS, "feed")
    required = abs(position.size_raw) * round(maintenance * 10_000) // 10_000
    cash = raw(margin + pnl) - position.size_raw * price // 10**PRICE_DECIMALS
    rule = LinearRule((Weight(feed, position.size_raw, required),), cash)
    return account(
        name,
        supply(settlement, margin),
        position,
        rule=rule,
        kind="perp",
        protocol=protocol,
        chain=chain,
    )
