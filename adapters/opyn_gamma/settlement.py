"""Expired options and vaults: a claim at final prices, or nothing that can be told yet."""

from __future__ import annotations

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.calls import Excess, ExpiryPrice, Series
from adapters.opyn_gamma.fixed_point import from_scaled, to_scaled
from adapters.opyn_gamma.requirement import NO_LEG, Leg, Prices, settled
from adapters.opyn_gamma.tokens import read_tokens
from adapters.opyn_gamma.vaults import Entry, Vault
from adapters.opyn_gamma.wallet import Found, Wallet
from aggregator.contract import Read, ask, attempt, both
from aggregator.model.assets import token_id
from aggregator.model.errors import AdapterFault, ReadError, Unsupported, UnusablePrice
from aggregator.model.positions import Supply
from aggregator.model.units import Address

ONE_OPTION = Leg(10**8, 0)


def expired_vault(wallet: Wallet, vault: Vault, series: Series) -> Read[Found]:
    """What settling a vault pays out; raises Unsupported while a price of its expiry is not final.

    A vault that owes more than it has can't be settled: nothing of it is left to its owner.
    """
    call = calls.EXCESS.at(wallet.system.calculator, vault.stored.raw, vault.kind)
    (prices, [answer]), tokens = yield from both(
        both(_expiry_prices(wallet, series), attempt([call])),
        read_tokens(wallet.deployment.chain, wallet.system.oracle, series.assets, (series.collateral,)),
    )
    at = final_prices(wallet, series, prices)
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    asset = tokens.assets[series.collateral]
    owed = settled(
        leg_of(wallet, vault.short),
        leg_of(wallet, vault.long),
        is_put=series.is_put,
        assets=(series.underlying, series.strike_asset, series.collateral),
        prices=at,
    )
    check_excess(vault, owed, asset.decimals, answer, call.origin)
    label = wallet.label(vault)
    quotes = tuple(tokens.quotes.values())
    if not answer.is_excess:
        lacks = f"{label} owed more than it had at its expiry: it can't be settled, and nothing of it is left"
        return Found(None, quotes, (f"{lacks}; what lacks is a loss of the margin pool.",))
    if not answer.amount:
        return Found(None, quotes)
    claim = Supply(asset, answer.amount, is_collateral=False, origin=call.origin)
    told = f"{label} has expired: only what settling it pays counts; claim it with SettleVault."
    return Found(wallet.account(vault, label, (claim,)), quotes, (told,))


def expired_holding(wallet: Wallet, series: Series, balance: int) -> Read[Found]:
    """What redeeming expired options pays; raises Unsupported while a price of their expiry is not final."""
    call = calls.PAYOUT.at(wallet.system.controller, series.otoken, balance)
    (prices, [answer]), tokens = yield from both(
        both(_expiry_prices(wallet, series), attempt([call])),
        read_tokens(wallet.deployment.chain, wallet.system.oracle, series.assets, (series.collateral,)),
    )
    at = final_prices(wallet, series, prices)
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    asset = tokens.assets[series.collateral]
    one = settled(
        ONE_OPTION._replace(strike=series.strike),
        NO_LEG,
        is_put=series.is_put,
        assets=(series.underlying, series.strike_asset, series.collateral),
        prices=at,
    )
    ours = to_scaled(one, asset.decimals) * balance // ONE_OPTION.size
    if ours != answer:
        raise AdapterFault(f"{call.origin} says {answer}, the prices of the expiry say {ours}")
    quotes = tuple(tokens.quotes.values())
    if not answer:
        return Found(None, quotes)
    label = wallet.label(tokens.instrument(series))
    claim = Supply(asset, answer, is_collateral=False, origin=call.origin)
    told = f"{label} has expired: only its payout counts; claim it with Redeem."
    return Found(wallet.account(series.otoken, label, (claim,)), quotes, (told,))


def leg_of(wallet: Wallet, entry: Entry | None) -> Leg:
    """A vault's entry with its strike; none is nothing."""
    return NO_LEG if entry is None else Leg(entry.raw, wallet.series(entry.token).strike)


def check_excess(vault: Vault, required: int, decimals: int, answer: Excess, origin: str) -> None:
    """Hold our requirement (27 decimals) against the calculator's word; raises AdapterFault."""
    deposited = vault.collateral.raw if vault.collateral else 0
    excess = from_scaled(deposited, decimals) - required
    ours = Excess(to_scaled(excess, decimals, up=excess < 0), excess >= 0)
    if ours != answer:
        raise AdapterFault(f"{origin} says {answer}, the vault's contents say {ours}")


def _expiry_prices(wallet: Wallet, series: Series) -> Read[list[ExpiryPrice]]:
    oracle = wallet.system.oracle
    return (yield from ask([calls.EXPIRY_PRICE.at(oracle, asset, series.expiry) for asset in series.assets]))


def final_prices(wallet: Wallet, series: Series, answers: list[ExpiryPrice]) -> Prices:
    """The prices of an expiry; raises Unsupported where one may change, UnusablePrice where one is zero."""
    found: dict[Address, int] = {}
    for asset, answer in zip(series.assets, answers, strict=True):
        origin = calls.EXPIRY_PRICE.at(wallet.system.oracle, asset, series.expiry).origin
        if not answer.is_final:
            state = "can still be disputed" if answer.price else "is not there yet"
            raise Unsupported(
                f"the expired option {series.otoken} while the price of {asset} at its expiry {state}",
                f"what it pays is not settled ({origin}): read again later",
            )
        if answer.price <= 0:
            raise UnusablePrice(token_id(wallet.deployment.chain, asset), origin, answer.price)
        found[asset] = answer.price
    return Prices(found[series.underlying], found[series.strike_asset], found[series.collateral])
