"""Random books for properties: lending, perps, options and cash in several silos of several tiers."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from tests.risk.builders import CHAIN, OTHER_CHAIN, account, holding, option, spot, supply, wallet
from tests.risk.linear import lending, margined

COLLATERAL = ("ETH", "wstETH", "weETH", "BTC", "WBTC", "LINK", "USDC", "sUSD")
BORROWED = ("USDC", "DAI", "ETH", "BTC")
USD_PER_TOKEN = {"ETH": 4_000.0, "wstETH": 4_800.0, "weETH": 4_200.0, "BTC": 100_000.0, "WBTC": 99_900.0}
USD_PER_TOKEN |= {"LINK": 20.0, "USDC": 1.0, "DAI": 1.0, "sUSD": 1.0}

values_usd = st.floats(100.0, 200_000.0)
protocols = st.sampled_from(["aave_v3", "some_fork"])


@st.composite
def lending_accounts(draw: st.DrawFn, name: str) -> Account:
    """Collateral of up to three kinds and debt of up to two, from safe to broken."""
    amounts: dict[str, float] = {}
    for symbol in draw(st.lists(st.sampled_from(COLLATERAL), min_size=1, max_size=3, unique=True)):
        amounts[symbol] = draw(values_usd) / USD_PER_TOKEN[symbol]
    total = sum(amount * USD_PER_TOKEN[symbol] for symbol, amount in amounts.items())
    for symbol in draw(st.lists(st.sampled_from(BORROWED), max_size=2, unique=True)):
        if symbol not in amounts:
            amounts[symbol] = -draw(st.floats(0.05, 0.48)) * total / USD_PER_TOKEN[symbol]
    threshold = draw(st.sampled_from([0.7, 0.83, 0.93]))
    return lending(name, amounts, threshold=threshold, protocol=draw(protocols))


@st.composite
def perp_accounts(draw: st.DrawFn, name: str) -> Account:
    """One perp at up to 20x, long or short, with profit or loss and funding to pay or receive."""
    underlying = draw(st.sampled_from(["ETH", "BTC"]))
    margin = draw(values_usd)
    size = draw(st.floats(0.1, 20.0)) * margin / USD_PER_TOKEN[underlying] * draw(st.sampled_from([1, -1]))
    return margined(
        name,
        underlying,
        size,
        margin,
        settlement=draw(st.sampled_from(["USD", "sUSD"])),
        pnl=draw(st.floats(-0.05, 0.05)) * margin,
        funding_24h=draw(st.floats(-0.001, 0.001)) * margin,
        chain=draw(st.sampled_from([CHAIN, OTHER_CHAIN])),
    )


@st.composite
def options(draw: st.DrawFn, *, known_iv: bool = True) -> Position:
    """A long or short option at any strike, from hours to a year."""
    underlying = draw(st.sampled_from(["ETH", "BTC"]))
    strike = round(USD_PER_TOKEN[underlying] * draw(st.sampled_from([0.7, 0.9, 1.0, 1.1, 1.5])))
    size = draw(st.floats(0.1, 10.0)) * 4_000.0 / USD_PER_TOKEN[underlying] * draw(st.sampled_from([1, -1]))
    return option(
        underlying,
        size,
        draw(st.sampled_from(["call", "put"])),
        strike,
        years=draw(st.sampled_from([0.0, 0.01, 0.08, 0.3, 1.0])),
        iv=draw(st.sampled_from([0.4, 0.8, 1.5])) if known_iv else None,
        settlement=draw(st.sampled_from(["USD", "sUSD"])),
    )


@st.composite
def option_accounts(draw: st.DrawFn, name: str) -> Account:
    """Up to three options with collateral, in a silo that nothing can liquidate in these tests."""
    legs = draw(st.lists(options(), min_size=1, max_size=3))
    return account(name, supply("sUSD", draw(values_usd)), *legs, protocol="lyra_v1", kind="option")


@st.composite
def wallets(draw: st.DrawFn, name: str) -> Account:
    """Coins in the wallet itself."""
    symbols = draw(st.lists(st.sampled_from(COLLATERAL), min_size=1, max_size=2, unique=True))
    return wallet(*(holding(s, draw(values_usd) / USD_PER_TOKEN[s]) for s in symbols), name=name)


@st.composite
def silos(draw: st.DrawFn, prefix: str) -> tuple[Account, ...]:
    """One to four accounts of any kind; ids start with the prefix."""
    kinds = (lending_accounts, perp_accounts, option_accounts, wallets)
    count = draw(st.integers(1, 4))
    return tuple(draw(draw(st.sampled_from(kinds))(f"{prefix}{i}")) for i in range(count))


@st.composite
def more_collateral(draw: st.DrawFn, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
    """The same accounts with spot collateral added to one of them, or in a silo of its own."""
    symbol = draw(st.sampled_from(COLLATERAL))
    extra = spot(symbol, draw(values_usd) / USD_PER_TOKEN[symbol])
    at = draw(st.integers(0, len(accounts)))
    if at == len(accounts):
        return (*accounts, account("more", extra, protocol=draw(protocols)))
    old = accounts[at]
    new = account(
        old.id, *old.positions, extra, protocol=old.protocol, kind=old.kind, chain=old.chain, rule=old.rule
    )
    return (*accounts[:at], new, *accounts[at + 1 :])


def times(position: Position, scale: int) -> Position:
    """The same position, `scale` times."""
    match position:
        case Holding() | Supply() | Debt():
            return replace(position, raw=position.raw * scale)
        case Perp():
            day, owed = position.funding_24h_raw, position.borrowing_24h_raw
            return replace(
                position,
                size_raw=position.size_raw * scale,
                pnl_raw=position.pnl_raw * scale,
                funding_raw=position.funding_raw * scale,
                funding_24h_raw=None if day is None else day * scale,
                borrowing_raw=position.borrowing_raw * scale,
                borrowing_24h_raw=None if owed is None else owed * scale,
            )
        case Option():
            return replace(position, size_raw=position.size_raw * scale)
