"""Vaults and options before their expiry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.calls import Excess, Round, Series
from adapters.opyn_gamma.closing import Auction, ClosableNakedVaultRule
from adapters.opyn_gamma.fixed_point import to_scaled
from adapters.opyn_gamma.margin import Bound
from adapters.opyn_gamma.requirement import Prices, spread
from adapters.opyn_gamma.settlement import check_excess, leg_of
from adapters.opyn_gamma.system import Market, Parameters, Source
from adapters.opyn_gamma.tokens import Tokens, read_tokens
from adapters.opyn_gamma.vaults import BORROWABLE, Vault
from adapters.opyn_gamma.wallet import Found, Wallet
from aggregator.contract import Read, ask, attempt, both
from aggregator.model.accounts import Reported
from aggregator.model.errors import CallReverted, MalformedReply, ReadError, Unsupported
from aggregator.model.positions import Position, Supply
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address

T = TypeVar("T")


def held_option(wallet: Wallet, series: Series, balance: int) -> Read[Found]:
    """Options in the wallet, which nothing can liquidate."""
    tokens = yield from _tokens(wallet, series)
    origin = calls.BALANCE.at(series.otoken, wallet.address).origin
    option = wallet.option(series, balance, tokens, origin)
    account = wallet.account(series.otoken, wallet.label(option.instrument), (option,))
    return Found(account, tuple(tokens.quotes.values()))


def collateral_alone(wallet: Wallet, vault: Vault, token: Address) -> Read[Found]:
    """A vault without options: its collateral can be withdrawn."""
    tokens = yield from read_tokens(wallet.deployment.chain, wallet.system.oracle, (token,), (token,))
    account = wallet.account(vault, wallet.label(vault), _positions(wallet, vault, tokens))
    return Found(account, tuple(tokens.quotes.values()))


def spread_vault(wallet: Wallet, vault: Vault, series: Series) -> Read[Found]:
    """A vault that holds the most it can lose: nothing can liquidate it, so that it has no rule.

    What it requires is in `reported`. Raises AdapterFault where that is not what its contents say.
    """
    call = calls.EXCESS.at(wallet.system.calculator, vault.stored.raw, vault.kind)
    [answer], tokens = yield from both(ask([call]), _tokens(wallet, series))
    asset = tokens.assets[series.collateral]
    price = {token: quote.price for token, quote in tokens.quotes.items()}
    required = spread(
        leg_of(wallet, vault.short),
        leg_of(wallet, vault.long),
        is_put=series.is_put,
        assets=(series.underlying, series.strike_asset, series.collateral),
        prices=Prices(price[series.underlying], price[series.strike_asset], price[series.collateral]),
    )
    check_excess(vault, required, asset.decimals, answer, call.origin)
    needed = to_scaled(required, asset.decimals, up=True)
    label = wallet.label(vault)
    account = wallet.account(
        vault,
        label,
        _positions(wallet, vault, tokens),
        reported=_reported(vault, needed, liquidatable=False, origin=call.origin),
    )
    lent = f"{label} is of the borrowable pool: its collateral may be lent to others."
    return Found(account, tuple(tokens.quotes.values()), (lent,) if vault.kind == BORROWABLE else ())


def naked_vault(wallet: Wallet, market: Market, vault: Vault, series: Series) -> Read[Found]:
    """A vault that holds less than it can lose, with its rule and the protocol's own word."""
    parameters = _known(market.products[series.product])
    source = _known(market.sources[series.underlying])
    calculator = wallet.system.calculator
    call = calls.EXCESS.at(calculator, vault.stored.raw, vault.kind)
    ((answers, rounds), bounds), tokens = yield from both(
        both(
            both(
                attempt([call]),
                attempt([calls.LATEST_ROUND.at(source.aggregator)] if source.aggregator else []),
            ),
            _bounds(calculator, series, parameters, wallet.block.timestamp),
        ),
        _tokens(wallet, series),
    )
    asset = tokens.assets[series.collateral]
    instrument = tokens.instrument(series)
    feeds = [_feed(wallet, market, token, tokens) for token in series.product[:3]]
    rule = ClosableNakedVaultRule(
        is_put=series.is_put,
        leg=leg_of(wallet, vault.short),
        expiry=series.expiry,
        collateral=vault.collateral.raw if vault.collateral else 0,
        collateral_decimals=asset.decimals,
        shock=parameters.shock,
        bounds=bounds,
        underlying_feed=feeds[0],
        strike_feed=feeds[1],
        collateral_feed=feeds[2],
        auction=Auction(
            market=instrument,
            round_time=_round_time(rounds, source, wallet.block.timestamp),
            latest_update=vault.latest_update,
            deviation=market.deviation,
            paused=wallet.system.paused,
        ),
    )
    reported = _word(vault, answers[0], parameters, call.origin)
    account = wallet.account(vault, wallet.label(vault), _positions(wallet, vault, tokens), rule, reported)
    return Found(account, tuple(tokens.quotes.values()))


def _tokens(wallet: Wallet, series: Series) -> Read[Tokens]:
    return (
        yield from read_tokens(wallet.deployment.chain, wallet.system.oracle, series.assets, series.assets)
    )


def _known(outcome: T | ReadError) -> T:
    if isinstance(outcome, ReadError):
        raise outcome.with_traceback(None)
    return outcome


def _feed(wallet: Wallet, market: Market, token: Address, tokens: Tokens) -> Feed:
    quote = tokens.quotes[token]
    kind = _known(market.sources[token]).kind(wallet.oracles.get(token, Oracle.MARKET))
    return Feed(quote.asset, kind, quote.price, quote.decimals, quote.origin)


def _bounds(
    calculator: Address, series: Series, parameters: Parameters, time: int
) -> Read[tuple[Bound, ...]]:
    """The product's bounds; raises Unsupported where none reaches from the present time to expiry."""
    left = series.expiry - time
    times = parameters.times
    if not times or times[-1] < left:
        raise Unsupported(
            f"a naked vault {left} s before its expiry",
            f"{calculator} has no upper bound for so long: it reverts until the time is shorter",
        )
    [column] = yield from ask([calls.MAX_PRICE.each(calculator, *series.product, times)])
    bounds = tuple(Bound(*pair) for pair in zip(times, column.values(), strict=True))
    if any(bound.value <= 0 for bound in bounds):
        raise MalformedReply(column.origin, "an upper bound of zero")
    return bounds


def _round_time(rounds: Sequence[Round | ReadError], source: Source, time: int) -> int | None:
    """When the latest round was published; None where there is none."""
    if not rounds or source.aggregator is None or isinstance(rounds[0], ReadError):
        return None
    updated_at = rounds[0].updated_at
    if updated_at > time:
        where = calls.LATEST_ROUND.at(source.aggregator).origin
        raise MalformedReply(where, f"a round at {updated_at}, after the block's time {time}")
    return updated_at


def _word(vault: Vault, answer: Excess | ReadError, parameters: Parameters, origin: str) -> Reported | None:
    """The calculator's word; None where the collateral is so little that it refuses to tell."""
    deposited = vault.collateral.raw if vault.collateral else 0
    if isinstance(answer, CallReverted) and 0 < deposited <= parameters.dust:
        return None
    excess = _known(answer)
    required = deposited - excess.amount if excess.is_excess else deposited + excess.amount
    return _reported(vault, required, liquidatable=not excess.is_excess, origin=origin)


def _reported(vault: Vault, required: int, *, liquidatable: bool, origin: str) -> Reported:
    deposited = vault.collateral.raw if vault.collateral else 0
    return Reported(
        health=deposited * WAD // required if required > 0 else None,
        liquidatable=liquidatable,
        liquidation_price=None,
        origin=origin,
    )


def _positions(wallet: Wallet, vault: Vault, tokens: Tokens) -> list[Position]:
    origin = calls.VAULT.at(wallet.system.controller, wallet.address, vault.number).origin
    positions: list[Position] = []
    for entry, sign in ((vault.short, -1), (vault.long, 1)):
        if entry:
            positions.append(wallet.option(wallet.series(entry.token), sign * entry.raw, tokens, origin))
    if held := vault.collateral:
        positions.append(Supply(tokens.assets[held.token], held.raw, is_collateral=True, origin=origin))
    return positions
