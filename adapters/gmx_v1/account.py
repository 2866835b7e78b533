"""From what the vault said of a position to an account: collateral, profit, borrowing fees, its test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adapters.gmx_v1.closing import SIZE_DECIMALS, ClosableGmxRule, Closing
from adapters.gmx_v1.margin import DECIMALS
from adapters.gmx_v1.names import DOLLAR, Names
from adapters.gmx_v1.positions import Held, Pair, Word
from adapters.gmx_v1.vault import System
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset
from aggregator.model.errors import MalformedReply, ReadError, Unsupported
from aggregator.model.positions import Perp, Position, Supply
from aggregator.model.readings import AccountFailure, Block, Quote
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address, ChainId

PROTOCOL = "gmx_v1"
TITLE = "GMX V1"
WIDE = 100
"""A highest price that is more than a hundredth above the lowest is worth a warning."""


class Found(NamedTuple):
    """One account and what comes with it."""

    account: Account
    quotes: tuple[Quote, ...]
    warnings: tuple[str, ...] = ()


def held_account(
    account_id: str, label: str, positions: Sequence[Position], at: tuple[Address, Block]
) -> Account:
    """What the wallet has without a position: nothing can liquidate it."""
    wallet, block = at
    return Account(
        id=account_id,
        protocol=PROTOCOL,
        kind="perp",
        chain=block.chain,
        label=f"{TITLE} {label}",
        owner_path=(wallet,),
        positions=tuple(positions),
        rule=None,
        reported=None,
    )


def account_of(system: System, names: Names, held: Held, word: Word, at: tuple[Address, Block]) -> Found:
    """One position, which the vault liquidates on its own; raises where a price or decimals are missing.

    A long's collateral is a sum of dollars from its deposit on: it does not move with the token that it was
    paid in. A short's is one too, but is paid out in a stablecoin, at the vault's highest price of it: it is
    counted as so many of these coins, and so are prices.
    """
    wallet, block = at
    pair, stored = held.pair, held.stored
    collateral = system.tokens[pair.collateral]
    if not collateral.is_whitelisted:
        raise Unsupported(
            f"a position with the collateral {pair.collateral}, which the vault has removed",
            "its vault no longer tells how many tokens a dollar is",
        )
    asset = system.assets[pair.collateral]
    rule = _rule(system, names, held, asset, block)
    paid = DOLLAR if pair.is_long else asset

    def amount(usd: int) -> int:
        raw = abs(usd) if pair.is_long else rule.tokens(abs(usd), rule.feed.price)
        return raw if usd >= 0 else -raw

    def price(usd: int) -> int:
        return usd if pair.is_long else usd * int(10**DECIMALS) // rule.closing.price

    time = block.timestamp
    identity, underlying = names.index(block.chain, pair.index_token)
    perp = Perp(
        market=rule.closing.market,
        index=identity,
        underlying=underlying,
        size_raw=rule.size_in_tokens,
        size_decimals=SIZE_DECIMALS,
        entry_price_raw=price(stored.average_price),
        mark_price_raw=price(rule.feed.price),
        price_decimals=DECIMALS,
        pnl_raw=amount(rule.profit(rule.feed.price, time)),
        funding_raw=0,
        settlement=paid,
        origin=held.origin,
        funding_24h_raw=0,
        borrowing_raw=amount(-rule.funding_fee(time)),
        borrowing_24h_raw=amount(-rule.funding.fee_24h(stored.size)),
    )
    supply = Supply(paid, amount(stored.collateral), is_collateral=True, origin=held.origin)
    check_size(held.origin, supply.raw, perp.size_raw, perp.entry_price_raw, perp.mark_price_raw)
    check_size(held.origin, perp.pnl_raw, perp.borrowing_raw, perp.borrowing_24h_raw or 0)
    account = Account(
        id=_id(system, pair, wallet, block),
        protocol=PROTOCOL,
        kind="perp",
        chain=block.chain,
        label=f"{TITLE} {rule.closing.market}",
        owner_path=(wallet,),
        positions=(supply, perp),
        rule=rule,
        reported=Reported(word.health.health, word.health.liquidatable, None, word.origin),
    )
    quotes = [Quote(rule.feed.asset, rule.feed.price, DECIMALS, rule.feed.origin)]
    quotes.append(dollar_quote(system) if pair.is_long else token_quote(system, pair.collateral, block.chain))
    return Found(account, tuple(quotes), _warnings(system, rule, pair, block))


def failure_of(system: System, pair: Pair, wallet: Address, block: Block, error: ReadError) -> AccountFailure:
    """A position that could not be read."""
    side = "long" if pair.is_long else "short"
    label = f"{TITLE} {side} of {pair.index_token} on {pair.collateral}"
    return AccountFailure(_id(system, pair, wallet, block), PROTOCOL, block.chain, label, error)


def check_size(origin: str, *amounts: int) -> None:
    """Raises MalformedReply on amounts that no contract can count: they come of absurd sizes and prices."""
    for amount in amounts:
        if abs(amount) >= 2**255:
            raise MalformedReply(origin, f"figures that make an amount of {len(str(abs(amount)))} digits")


def dollar_quote(system: System) -> Quote:
    """A dollar is a dollar: what the vault counts in."""
    return Quote(DOLLAR.id, 1, 0, f"the unit of account of {system.settings.vault}")


def token_quote(system: System, token: Address, chain: ChainId) -> Quote:
    """The vault's lowest price of a token; raises where it has none."""
    price, origin = system.worth(system.tokens[token], chain)
    return Quote(system.assets[token].id, price, DECIMALS, origin)


def _rule(system: System, names: Names, held: Held, asset: Asset, block: Block) -> ClosableGmxRule:
    pair, stored, chain = held.pair, held.stored, block.chain
    index, collateral = system.tokens[pair.index_token], system.tokens[pair.collateral]
    identity, underlying = names.index(chain, pair.index_token)
    price, origin = system.closing_price(index, chain, highest=not pair.is_long)
    funding = system.funding(collateral)
    if stored.entry_funding_rate > funding.cumulative:
        raise MalformedReply(held.origin, "a funding rate beyond its token's")
    side = "long" if pair.is_long else f"short on {asset.symbol}"
    return ClosableGmxRule(
        feed=Feed(identity, Oracle.MARKET, price, DECIMALS, origin),
        terms=system.terms(index),
        funding=funding,
        is_long=pair.is_long,
        size=stored.size,
        collateral=stored.collateral,
        average_price=stored.average_price,
        entry_funding_rate=stored.entry_funding_rate,
        last_increased_time=stored.last_increased_time,
        closing=Closing(
            market=f"{underlying} {side}",
            settlement=asset.id,
            decimals=asset.decimals,
            price=system.closing_price(collateral, chain, highest=True)[0],
        ),
    )


def _warnings(system: System, rule: ClosableGmxRule, pair: Pair, block: Block) -> tuple[str, ...]:
    index = system.tokens[pair.index_token]
    low, _ = system.closing_price(index, block.chain, highest=False)
    high, _ = system.closing_price(index, block.chain, highest=True)
    if (high - low) * WIDE <= low:
        return ()
    sentence = (
        f"{TITLE} {rule.closing.market}: the vault's lowest and highest price are {high / low - 1:.1%} "
        "apart, and a position is closed at the worse of them"
    )
    return (sentence,)


def _id(system: System, pair: Pair, wallet: Address, block: Block) -> str:
    return f"{PROTOCOL}:{block.chain}:{system.settings.vault}:{wallet}:{pair.key(wallet)}"
