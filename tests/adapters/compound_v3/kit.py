"""What several tests need: the adapter over comets of the local chain, and strategies for rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from adapters.compound_v3.adapter import build
from adapters.compound_v3.collateral import Collateral
from adapters.compound_v3.interest import INDEX_SCALE, Accrual
from adapters.compound_v3.margin import CometRule
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, token_id
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, ChainId, parse_address
from tests.devnet.errors import TransactionReverted
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggregator.model.readings import Reading
    from tests.devnet.comet import Comet
    from tests.devnet.world import World

CHAIN = ChainId(31337)
START = 1_793_491_200
BASE = token_id(CHAIN, Address("0x" + "b" * 40))


def entry_of(comet: Comet, **options: object) -> Deployment:
    """A comet of the local chain as the adapter is given it."""
    entry = comet.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    return Deployment(
        entry.adapter, CHAIN, entry.name, addresses, "local chain", options={**entry.options, **options}
    )


def adapter_of(*comets: Comet) -> Adapter:
    """The adapter over comets of the local chain."""
    return build(Deployments(tuple(entry_of(comet) for comet in comets), ()))


def read_comet(world: World, comet: Comet, wallet: str) -> Reading:
    """What the adapter reads of a wallet in one comet now."""
    return read_accounts(world.node.url, adapter_of(comet), wallet)


def rule_in(reading: Reading) -> CometRule:
    """The rule of the only account that was read."""
    [account] = reading.accounts
    assert isinstance(account.rule, CometRule)
    return account.rule


def rooms(rule: CometRule) -> dict[AssetId, int]:
    """How much more the comet takes of each collateral of an account."""
    found = {held.feed.asset: held.room for held in rule.collaterals}
    assert None not in found.values()
    return {asset: room for asset, room in found.items() if room is not None}


def fill(comet: Comet, user: str, symbol: str, left: int) -> None:
    """Supply all but so much of what the comet still takes of a collateral, in its smallest unit."""
    asset = comet.asset(symbol)
    listed = [comet.comet.call("getAssetInfo", i) for i in range(len(comet.factors))]
    [cap] = [info["supplyCap"] for info in listed if info["asset"] == asset]
    room = cap - comet.comet.call("totalsCollateral", asset)[0] - left
    comet.tokens[symbol].send("mint", user, room)
    comet.tokens[symbol].send("approve", comet.comet.address, room, sender=user)
    comet.comet.send("supply", asset, room, sender=user)


def asset_id(comet: Comet, symbol: str) -> AssetId:
    """A token of the local chain."""
    return asset_of(comet.asset(symbol))


def asset_of(token: str) -> AssetId:
    """A token of the local chain by its address."""
    return token_id(CHAIN, parse_address(token))


def refusal(action: Callable[[], object]) -> str | None:
    """The name of the comet's own error, None where it did what was asked."""
    try:
        action()
    except TransactionReverted as error:
        return error.reason.removesuffix("()")
    return None


def listed(address: Address, symbol: str, decimals: int, underlying: str) -> ListedToken:
    """A token of the configuration."""
    asset = Asset(token_id(CHAIN, address), symbol, decimals)
    return ListedToken(CHAIN, address, asset, Classification(underlying, "base"))


def seconds(most_days: int) -> st.SearchStrategy[int]:
    """Times of up to so many days and a bit."""
    return st.builds(
        lambda days, rest: days * 86_400 + rest, st.integers(0, most_days), st.integers(0, 86_399)
    )


def _per_second(most_percent: int) -> st.SearchStrategy[int]:
    return st.integers(0, most_percent * 1_000).map(lambda part: part * WAD // 100_000 // 31_536_000)


accruals = st.builds(
    Accrual,
    supply_index=st.integers(0, 10**6).map(lambda more: INDEX_SCALE + more * 10**8 + more),
    borrow_index=st.integers(0, 10**6).map(lambda more: INDEX_SCALE + more * 10**9 + more),
    supply_rate=_per_second(50),
    borrow_rate=_per_second(80),
    updated_at=seconds(20).map(lambda ago: START - ago),
)


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_SIZES, _DECIMALS = st.sampled_from([1, 10, 10**3, 10**5, 10**7]), st.sampled_from([6, 8, 18])
_PRICES, _BASE_PRICES = st.integers(10**4, 10**13), st.integers(9 * 10**7, 10**13)
_QUOTES, _SIDES = st.sampled_from([None, BASE]), st.sampled_from([-1, -1, -1, 1, 0])
_LIQUIDATE, _LIQUIDATION = (
    st.integers(a, b).map(lambda bps: bps * 10**14) for a, b in ((0, 9_900), (5_000, 10_000))
)


def _amount(draw: st.DrawFn, price: int, decimals: int) -> int:
    """Worth 1 to 10 million of the feeds' currency, with every digit."""
    one = max(1, int(10 ** (decimals + 8)) // price)
    return draw(_SIZES) * one + draw(st.integers(0, one))


def _collateral(draw: st.DrawFn, number: int, quote: AssetId | None) -> Collateral:
    decimals = draw(_DECIMALS)
    price = draw(_PRICES)
    asset = token_id(CHAIN, Address(f"0x{number:040x}"))
    factor = draw(_LIQUIDATE)
    return Collateral(
        feed=Feed(asset, Oracle.MARKET, price, 8, "a test", quote),
        decimals=decimals,
        balance=_amount(draw, price, decimals),
        liquidate_factor=factor,
        liquidation_factor=draw(_LIQUIDATION),
    )


@st.composite
def rules(draw: st.DrawFn, *, most: int = 5) -> CometRule:
    """A rule with a debt, a supply or nothing in the base, and up to so many collaterals."""
    quote = draw(_QUOTES)
    price = 10**8 if quote else draw(_BASE_PRICES)
    decimals = draw(_DECIMALS)
    amount = _amount(draw, price, decimals)
    return CometRule(
        base=Feed(BASE, Oracle.MARKET, price, 8, "a test", quote),
        base_decimals=decimals,
        principal=draw(_SIDES) * amount,
        accrual=draw(accruals),
        collaterals=tuple(
            _collateral(draw, number + 1, quote) for number in range(draw(st.integers(0, most)))
        ),
        absorb_paused=draw(st.booleans()),
    )
