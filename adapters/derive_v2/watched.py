"""An account of which the venue tells, as an account of the model: without a rule, which it does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.derive_v2.account import PROTOCOL, account_id, label_of
from adapters.derive_v2.api import DECIMALS, Collateral, Instrument, Series, Watched, margin_watch
from aggregator.contract import Deployment, Observed
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset, AssetId, ListedToken, index_id
from aggregator.model.positions import Debt, Option, Perp, Position, Supply
from aggregator.model.readings import Block, Quote
from aggregator.model.rules import WAD
from aggregator.model.units import Address

CASH = "USDC"
"""What the venue counts in: one is a dollar there."""
ETHEREUM = 1
"""Where the newer version keeps its tokens."""
YEAR_S = 365 * 86_400
MOST_IV = 10.0
"""A volatility per year beyond which the mark is not one of the index price."""


class Names:
    """The assets that the venue calls by a name.

    They are the chain's own cash, else a listed token of that symbol here or on Ethereum; any other is an
    asset of its own, in the class of what nobody knows.
    """

    def __init__(self, deployment: Deployment, tokens: Sequence[ListedToken], cash: Asset | None) -> None:
        chains = (ETHEREUM, deployment.chain)
        listed = sorted(
            (one for one in tokens if one.chain in chains), key=lambda one: chains.index(one.chain)
        )
        self._by_symbol = {one.asset.symbol: one.asset for one in listed}
        if cash is not None:
            self._by_symbol[cash.symbol] = cash

    def __call__(self, name: str) -> Asset:
        """The asset of a name."""
        return self._by_symbol.get(name) or Asset(AssetId(f"{PROTOCOL}:{name}"), name, DECIMALS)


def account_of(
    said: Observed[Watched], venue: str, names: Names, deployment: Deployment, wallet: Address, block: Block
) -> tuple[Account, tuple[Quote, ...]]:
    """The account, and the prices that the venue gives of what it holds."""
    watched, origin = said.value, margin_watch(venue, said.value.account).origin
    cash = names(CASH)
    positions = [_collateral(one, names(one.name), origin) for one in watched.collaterals]
    positions += [_instrument(one, cash, watched.time, origin) for one in watched.instruments]
    account = Account(
        id=account_id(deployment.addresses["sub_accounts"], wallet, watched.account, block),
        protocol=PROTOCOL,
        kind="option",
        chain=block.chain,
        label=label_of(watched.account),
        owner_path=(wallet,),
        positions=tuple(positions),
        rule=None,
        reported=_reported(watched, origin),
        observed=said.observation,
    )
    return account, tuple(_quotes(watched, names, cash, origin).values())


def _reported(watched: Watched, origin: str) -> Reported | None:
    """The same quotient as of an account on the chain; None where nothing can be liquidated."""
    if not watched.instruments and all(one.amount > 0 for one in watched.collaterals):
        return None
    required = max(watched.value - watched.maintenance, 0)
    return Reported(
        health=(watched.maintenance + required) * WAD // required if required else None,
        liquidatable=watched.maintenance < 0,
        liquidation_price=None,
        origin=origin,
    )


def _collateral(one: Collateral, asset: Asset, origin: str) -> Position:
    raw = abs(one.amount) * 10**asset.decimals // WAD
    if one.amount < 0:
        return Debt(asset, raw, "variable", origin)
    return Supply(asset, raw, is_collateral=True, origin=origin)


def _instrument(one: Instrument, cash: Asset, time: int, origin: str) -> Position:
    if one.series is not None:
        return _option(one, one.series, cash, time, origin)
    return Perp(
        market=one.name,
        index=index_id(one.underlying),
        underlying=one.underlying,
        size_raw=one.amount,
        size_decimals=DECIMALS,
        # It is not told: the price at which closing brings what it does, funding included.
        entry_price_raw=max(one.mark - one.value * WAD // one.amount, 0),
        mark_price_raw=one.mark,
        price_decimals=DECIMALS,
        pnl_raw=one.value * 10**cash.decimals // WAD,
        funding_raw=0,
        settlement=cash,
        origin=origin,
    )


def _option(one: Instrument, series: Series, cash: Asset, time: int, origin: str) -> Option:
    iv = _implied(one, series, time)
    return Option(
        instrument=one.name,
        index=index_id(one.underlying),
        underlying=one.underlying,
        right=series.right,
        style="european",
        size_raw=one.amount,
        size_decimals=DECIMALS,
        strike_raw=series.strike,
        price_decimals=DECIMALS,
        expiry=series.expiry,
        settlement=cash,
        mark_raw=one.mark,
        iv=iv,
        iv_source=None if iv is None else f"its mark at the index price, {origin}",
        rate=0.0,
        origin=origin,
        mark_source=origin,
    )


def _implied(one: Instrument, series: Series, time: int) -> float | None:
    """The volatility at which the mark is Black's price at the index price: the forward is not told."""
    from aggregator.pricing.implied import implied_volatility  # noqa: PLC0415  # numpy, for few

    found = implied_volatility(
        price=one.mark / WAD,
        forward=one.index / WAD,
        strike=series.strike / WAD,
        years=max(series.expiry - time, 0) / YEAR_S,
        rate=0.0,
        sign=1.0 if series.right == "call" else -1.0,
    )
    iv = float(found.iv)
    return iv if 0 < iv < MOST_IV else None


def _quotes(watched: Watched, names: Names, cash: Asset, origin: str) -> Mapping[AssetId, Quote]:
    quotes = {cash.id: Quote(cash.id, WAD, DECIMALS, f"cash of {origin}")}
    prices = {index_id(one.underlying): one.index for one in watched.instruments}
    prices |= {names(one.name).id: one.price for one in watched.collaterals}
    quotes |= {
        asset: Quote(asset, price, DECIMALS, origin, updated_at=watched.time)
        for asset, price in prices.items()
    }
    return quotes
