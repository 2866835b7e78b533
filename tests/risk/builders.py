"""Portfolios for tests, made of model types: tokens on one chain, accounts, and a linear margin rule."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from aggregator.model.accounts import Account, ProtocolKind, Reported
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, TokenList, index_id, token_id
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Block, Failure, Quote
from aggregator.model.rules import Rule
from aggregator.model.units import Address, ChainId
from aggregator.risk.parameters import Parameters, parameters
from aggregator.risk.scenarios import ScenarioSet, scenario_set

CHAIN = ChainId(1)
OTHER_CHAIN = ChainId(10)
TIME = 1_750_000_000
WALLET = Address("0x" + "11" * 20)
DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Coin:
    """A listed token of the tests: what it is pegged to, its class, and its price in USD."""

    symbol: str
    underlying: str
    risk_class: str
    usd: float

    @property
    def asset(self) -> Asset:
        return Asset(token_id(CHAIN, Address(f"0x{self.symbol.encode().hex():0>40}")), self.symbol, DECIMALS)


COINS = {
    coin.symbol: coin
    for coin in (
        Coin("USD", "USD", "base", 1.0),
        Coin("USDC", "USD", "stable", 1.0),
        Coin("DAI", "USD", "stable", 1.0),
        Coin("sUSD", "USD", "synthetic_usd", 1.0),
        Coin("ETH", "ETH", "base", 4_000.0),
        Coin("wstETH", "ETH", "lst", 4_800.0),
        Coin("weETH", "ETH", "lrt", 4_200.0),
        Coin("BTC", "BTC", "base", 100_000.0),
        Coin("WBTC", "BTC", "wrapped_btc", 99_900.0),
        Coin("LINK", "LINK", "mid", 20.0),
    )
}
INDEXES = {"ETH": 4_000.0, "BTC": 100_000.0}
TOKENS = TokenList(
    ListedToken(CHAIN, None, coin.asset, Classification(coin.underlying, coin.risk_class))
    for coin in COINS.values()
)


@cache
def defaults() -> Parameters:
    """What ships."""
    text = files("aggregator").joinpath("data/parameters.toml").read_text(encoding="utf-8")
    return parameters(tomllib.loads(text))


@cache
def scenarios() -> ScenarioSet:
    """The scenarios of what ships over the tests' tokens."""
    return scenario_set(defaults(), TOKENS)


@cache
def few_draws() -> ScenarioSet:
    """The same with 1,024 draws, for tests of what holds for any number of them."""
    ours = defaults()
    return scenario_set(replace(ours, draws=replace(ours.draws, log2_count=10)), TOKENS)


def raw(amount: float, decimals: int = DECIMALS) -> int:
    """An amount in the smallest unit."""
    return round(amount * 10**9) * int(10 ** (decimals - 9))


def supply(symbol: str, amount: float) -> Supply:
    return Supply(COINS[symbol].asset, raw(amount), is_collateral=True, origin="supply")


def holding(symbol: str, amount: float) -> Holding:
    return Holding(COINS[symbol].asset, raw(amount), "holding")


def debt(symbol: str, amount: float) -> Debt:
    return Debt(COINS[symbol].asset, raw(amount), "variable", "debt")


def spot(symbol: str, amount: float) -> Supply | Debt:
    """A supply, or a debt where the amount is negative."""
    return supply(symbol, amount) if amount >= 0 else debt(symbol, -amount)


def perp(
    underlying: str,
    size: float,
    *,
    pnl: float = 0.0,
    funding: float = 0.0,
    funding_24h: float | None = 0.0,
    settlement: str = "USD",
    borrowing: float = 0.0,
    borrowing_24h: float | None = 0.0,
) -> Perp:
    price = raw(INDEXES[underlying])
    return Perp(
        market=f"{underlying}-PERP",
        index=index_id(underlying),
        underlying=underlying,
        size_raw=raw(size),
        size_decimals=DECIMALS,
        entry_price_raw=price,
        mark_price_raw=price,
        price_decimals=DECIMALS,
        pnl_raw=raw(pnl),
        funding_raw=raw(funding),
        settlement=COINS[settlement].asset,
        origin="perp",
        funding_24h_raw=None if funding_24h is None else raw(funding_24h),
        borrowing_raw=raw(borrowing),
        borrowing_24h_raw=None if borrowing_24h is None else raw(borrowing_24h),
    )


def option(
    underlying: str,
    size: float,
    kind: str,
    strike: float,
    *,
    years: float,
    iv: float | None,
    mark: float | None = None,
    settlement: str = "USD",
    rate: float = 0.0,
) -> Option:
    return Option(
        instrument=f"{underlying}-{strike:g}-{kind}-{years:g}",
        index=index_id(underlying),
        underlying=underlying,
        right="call" if kind == "call" else "put",
        style="european",
        size_raw=raw(size),
        size_decimals=DECIMALS,
        strike_raw=raw(strike),
        price_decimals=DECIMALS,
        expiry=TIME + round(years * 365 * 86_400),
        settlement=COINS[settlement].asset,
        mark_raw=None if mark is None else raw(mark),
        iv=iv,
        iv_source=None if iv is None else "test",
        rate=rate,
        origin="option",
    )


def account(
    name: str,
    *positions: Position,
    protocol: str = "aave_v3",
    kind: ProtocolKind = "lending",
    rule: Rule | None = None,
    reported: Reported | None = None,
    chain: ChainId = CHAIN,
    recourse: bool = False,
) -> Account:
    return Account(
        id=name,
        protocol=protocol,
        kind=kind,
        chain=chain,
        label=name,
        owner_path=(WALLET,),
        positions=positions,
        rule=rule,
        reported=reported,
        debt_is_recourse=recourse,
    )


def wallet(*positions: Position, name: str = "wallet") -> Account:
    return account(name, *positions, protocol="wallet", kind="wallet")


def quotes(overrides: Mapping[str, float] | None = None) -> dict[AssetId, Quote]:
    prices = {symbol: coin.usd for symbol, coin in COINS.items()} | dict(overrides or {})
    by_token = {COINS[symbol].asset.id: price for symbol, price in prices.items() if symbol in COINS}
    by_index = {index_id(u): (overrides or {}).get(f"index:{u}", price) for u, price in INDEXES.items()}
    return {
        asset: Quote(asset, round(price * 10**8), 8, "quote")
        for asset, price in {**by_token, **by_index}.items()
    }


def portfolio(
    *accounts: Account,
    prices: Mapping[str, float] | None = None,
    failures: Sequence[Failure] = (),
    coverage: Coverage | None = None,
    time: int = TIME,
) -> Portfolio:
    marks = quotes(prices)
    return Portfolio(
        wallet=WALLET,
        accounts=accounts,
        marks=marks,
        spots={"USD": 1.0, **INDEXES, "LINK": COINS["LINK"].usd},
        classes={asset: TOKENS.classify(asset) for asset in marks},
        blocks={chain: Block(chain, 1, "0x01", "0x00", time) for chain in (CHAIN, OTHER_CHAIN)},
        failures=tuple(failures),
        coverage=coverage or Coverage(len(accounts), len(accounts), 0),
        warnings=(),
    )
