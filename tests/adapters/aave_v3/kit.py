"""What several tests need: the adapter over a market of the local chain, and strategies for rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from adapters.aave_v3.adapter import build
from adapters.aave_v3.interest import RAY, Accrual, StableDebt
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.terms import ReserveTerms
from adapters.aave_v3.versions import RELEASES, Maths
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, token_id
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address, ChainId, parse_address
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from aggregator.model.readings import Reading
    from tests.devnet.aave import Aave
    from tests.devnet.world import World

CHAIN = ChainId(31337)
START = 1_793_491_200


def market_deployment(market: Aave) -> Deployment:
    """A market of the local chain as the adapter is given it."""
    entry = market.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    return Deployment(entry.adapter, CHAIN, entry.name, addresses, "local chain")


def adapter_of(*markets: Aave, **options: object) -> Adapter:
    """The adapter over markets of the local chain; `options` go into every entry."""
    entries = tuple(market_deployment(market) for market in markets)
    entries = tuple(
        Deployment(e.adapter, e.chain, e.name, e.addresses, e.source, options=options) for e in entries
    )
    return build(Deployments(entries, ()))


def read_market(world: World, market: Aave, wallet: str) -> Reading:
    """What the adapter reads of a wallet in one market now."""
    return read_accounts(world.node.url, adapter_of(market), wallet)


def set_configuration(world: World, market: Aave, symbol: str, bits: int) -> None:
    """Write a reserve's configuration as the configurator may; it refuses threshold 0 while anybody holds."""
    configurator = market.configurator.address
    world.node.rpc("anvil_impersonateAccount", configurator)
    world.node.set_balance(configurator, 10**18)
    market.pool.send("setConfiguration", market.asset(symbol), (bits,), sender=configurator)
    world.node.rpc("anvil_stopImpersonatingAccount", configurator)


def rule_in(reading: Reading) -> AaveRule:
    """The rule of the only account that was read."""
    [account] = reading.accounts
    assert isinstance(account.rule, AaveRule)
    return account.rule


def listed(address: Address, symbol: str, decimals: int) -> ListedToken:
    """A token of the configuration."""
    asset = Asset(token_id(CHAIN, address), symbol, decimals)
    return ListedToken(CHAIN, address, asset, Classification(symbol, "tail"))


def rates(highest_bps: int) -> st.SearchStrategy[int]:
    """Rays per year. Wide ranges of integers are drawn small more often than not, so parts are drawn."""
    return st.builds(
        lambda bps, rest: bps * RAY // 10_000 + rest, st.integers(0, highest_bps), st.integers(0, 10**23)
    )


def seconds(most_days: int) -> st.SearchStrategy[int]:
    """Times of up to so many days and a bit."""
    return st.builds(
        lambda days, rest: days * 86_400 + rest, st.integers(0, most_days), st.integers(0, 86_399)
    )


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_STABLE_RATE, _STABLE_AGE, _GRACE = rates(10_000), seconds(40), seconds(40)
_DECIMALS, _PRICES = st.sampled_from([2, 6, 8, 18]), st.integers(10**6, 10**14)
_CENTS = st.sampled_from([10**5, 10**6, 10**7, 10**8, 10**9])
_THRESHOLDS = st.one_of(st.just(0), st.integers(100, 9_700))
_QUOTES = st.sampled_from([None, token_id(CHAIN, Address("0x" + "e" * 40))])
_MATHS, _VERSIONS = st.sampled_from(Maths), st.sampled_from(list(RELEASES.values()))
_MOSTLY, _BONUSES, _FEES = (
    st.sampled_from([True] * 9 + [False]),
    st.integers(10_000, 11_500),
    st.sampled_from([0, 1_000, 2_000]),
)
_ACCRUALS = st.builds(
    Accrual,
    liquidity_index=rates(10_000).map(lambda more: RAY + more),
    liquidity_rate=rates(30_000),
    borrow_index=rates(10_000).map(lambda more: RAY + more),
    borrow_rate=rates(30_000),
    updated_at=seconds(40).map(lambda ago: START - ago),
)


def _leg(draw: st.DrawFn, number: int, quote: AssetId | None = None) -> Leg:
    """One leg of a rule: worth 1,000 to 10 million units of its quote a side, or nothing."""
    decimals = draw(_DECIMALS)
    price = draw(_PRICES)
    cent_units = max(1, 10 ** (decimals + 8) // (100 * price))

    def worth() -> int:
        whole: int = draw(_CENTS) * cent_units
        return whole + draw(st.integers(0, 10**5 * cent_units))

    stable = None
    if draw(st.booleans()):
        stable = StableDebt(
            principal=worth(),
            rate=draw(_STABLE_RATE),
            updated_at=START - draw(_STABLE_AGE),
        )
    asset = token_id(CHAIN, Address(f"0x{number:040x}"))
    return Leg(
        feed=Feed(asset, Oracle.MARKET, price, 8, "a test", quote),
        decimals=decimals,
        supplied_scaled=worth() if draw(st.booleans()) else 0,
        threshold_bps=draw(_THRESHOLDS),
        owed_scaled=worth() if draw(st.booleans()) else 0,
        accrual=draw(_ACCRUALS),
        stable=stable,
    )


@st.composite
def rules(draw: st.DrawFn, *, most_legs: int = 5) -> AaveRule:
    """A rule of any arithmetic with up to so many legs."""
    count = draw(st.integers(0, most_legs))
    quote = draw(_QUOTES)
    return AaveRule(
        maths=draw(_MATHS),
        base_decimals=8,
        legs=tuple(_leg(draw, number + 1, quote) for number in range(count)),
    )


@st.composite
def liquidatable_rules(draw: st.DrawFn) -> LiquidatableAaveRule:
    """A rule of any release with the terms of its reserves, most of which hold no liquidation up."""
    version = draw(_VERSIONS)
    some = [_leg(draw, number + 1) for number in range(draw(st.integers(1, 4)))]
    return LiquidatableAaveRule(
        version.maths,
        8,
        tuple(leg if version.stable_debt else replace(leg, stable=None) for leg in some),
        version.release,
        sentinel_closed=not draw(_MOSTLY),
        terms=tuple(
            ReserveTerms(
                bonus_bps=draw(_BONUSES),
                fee_bps=draw(_FEES),
                active=draw(_MOSTLY),
                paused=not draw(_MOSTLY),
                grace_until=0 if draw(_MOSTLY) else START + draw(_GRACE),
            )
            for _ in some
        ),
    )
