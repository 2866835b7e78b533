"""Shares of the pool (GLP) looked through to what they are shares of, and checked against its own total.

Source: `getAum` in GlpManager.sol of github gmx-io/gmx-contracts at fe55c4ba. Per token the pool is worth

    stable      amount * price
    else        (amount - reserved) * price + guaranteed dollars + what shorts lose, less what they gain

so that it holds tokens and dollars, and is long by all that traders are short.
"""

from __future__ import annotations

from typing import NamedTuple

from adapters.gmx_v1.account import TITLE, WIDE, Found, check_size, dollar_quote, held_account, token_quote
from adapters.gmx_v1.closing import SIZE_DECIMALS
from adapters.gmx_v1.margin import DECIMALS
from adapters.gmx_v1.names import DOLLAR, Names
from adapters.gmx_v1.shares import Shares
from adapters.gmx_v1.vault import System, Token
from aggregator.model.errors import AdapterFault, MalformedReply, Unsupported
from aggregator.model.positions import Debt, Perp, Position, Supply
from aggregator.model.readings import Block, Quote
from aggregator.model.units import Address, scaled


class Part(NamedTuple):
    """What the pool has of one token: the token, dollars owed to it, and the shorts that it is against.

    `amount` in the token's smallest unit, USD and prices with 30 decimals; `price` is the vault's lowest,
    `average` that of the shorts.
    """

    token: Token
    price: int
    amount: int
    guaranteed: int = 0
    short_size: int = 0
    average: int = 0

    def worth(self) -> int:
        """The token itself, in USD."""
        return self.amount * self.price // int(10**self.token.decimals)

    def short_gain(self) -> int:
        """What the pool has gained of the shorts; rounded towards zero as the contract does."""
        if not self.short_size:
            return 0
        gain = self.short_size * abs(self.price - self.average) // self.average
        return gain if self.price >= self.average else -gain


def parts_of(system: System, shares: Shares, block: Block) -> list[Part]:
    """The pool, one part per listed token, a token that is listed twice counted twice: so does the contract.

    Raises MalformedReply on more reserved than there is, or on shorts without an average price.
    """
    found = []
    for token in map(system.tokens.__getitem__, system.settings.tokens):
        if not token.is_whitelisted:
            continue
        price, _ = system.worth(token, block.chain)
        if token.is_stable:
            found.append(Part(token, price, token.pool))
            continue
        average = shares.averages.get(token.address, 0)
        if token.reserved > token.pool or (token.short_size and average <= 0):
            raise MalformedReply(
                shares.origin,
                f"of {token.address} {token.reserved} are reserved and {token.pool} there, "
                f"and shorts of {token.short_size} are at {average}",
            )
        free = token.pool - token.reserved
        found.append(Part(token, price, free, token.guaranteed, token.short_size, average))
    return found


def pool_account(
    system: System, shares: Shares, names: Names, account_id: str, at: tuple[Address, Block]
) -> Found:
    """The wallet's part of the pool, and what staking has earned; nothing can liquidate it.

    Raises AdapterFault where the parts do not add up to the contract's own total, Unsupported where that is
    zero: the pool then owes more than it has.
    """
    _, block = at
    positions, quotes = _looked_through(system, shares, names, block) if shares.amount else ([], [])
    if shares.reward:
        positions.append(_reward(system, shares))
        quotes.append(token_quote(system, system.listed(shares.reward_token), block.chain))
    account = held_account(account_id, "GLP", positions, at)
    return Found(account, tuple(quotes), tuple(_warnings(shares, block)))


def _looked_through(
    system: System, shares: Shares, names: Names, block: Block
) -> tuple[list[Position], list[Quote]]:
    parts = parts_of(system, shares, block)
    _check(parts, shares)
    positions: list[Position] = []
    quotes = [dollar_quote(system)]

    def share(raw: int) -> int:
        part = abs(raw) * shares.amount // shares.supply
        return part if raw >= 0 else -part

    for part in parts:
        address = part.token.address
        if raw := share(part.amount):
            positions.append(Supply(system.assets[address], raw, is_collateral=False, origin=shares.origin))
            quotes.append(token_quote(system, address, block.chain))
        if size := share(part.short_size):
            perp = _against_shorts(names, part, size, share(part.short_gain()), (shares.origin, block))
            positions.append(perp)
            quotes.append(Quote(perp.index, part.price, DECIMALS, system.worth(part.token, block.chain)[1]))
    dollars = share(shares.addition - shares.deduction + sum(part.guaranteed for part in parts))
    if dollars > 0:
        positions.append(Supply(DOLLAR, dollars, is_collateral=False, origin=shares.origin))
    elif dollars < 0:
        positions.append(Debt(DOLLAR, -dollars, "variable", shares.origin))
    return positions, quotes


def _reward(system: System, shares: Shares) -> Supply:
    asset = system.assets[system.listed(shares.reward_token)]
    return Supply(asset, shares.reward, is_collateral=False, origin=f"rewards of {shares.origin}")


def _against_shorts(names: Names, part: Part, size: int, gain: int, at: tuple[str, Block]) -> Perp:
    origin, block = at
    index, underlying = names.index(block.chain, part.token.address)
    tokens = size * int(10**SIZE_DECIMALS) // part.average
    check_size(origin, tokens, gain)
    return Perp(
        market=f"{underlying} against shorts",
        index=index,
        underlying=underlying,
        size_raw=tokens,
        size_decimals=SIZE_DECIMALS,
        entry_price_raw=part.average,
        mark_price_raw=part.price,
        price_decimals=DECIMALS,
        pnl_raw=gain,
        funding_raw=0,
        settlement=DOLLAR,
        origin=origin,
        funding_24h_raw=0,
    )


def _check(parts: list[Part], shares: Shares) -> None:
    """Adds up as the contract does, which stops at zero."""
    gains = [part.short_gain() for part in parts]
    total = shares.addition + sum(part.worth() + part.guaranteed for part in parts)
    total += sum(one for one in gains if one > 0)
    total = max(total + sum(one for one in gains if one < 0), 0)
    total = max(total - shares.deduction, 0)
    if total != shares.aum:
        raise AdapterFault(f"{shares.origin} says {shares.aum}, its parts are {total}")
    if total == 0:
        raise Unsupported("shares of a pool that owes more than it has", "they are worth nothing at present")


def _warnings(shares: Shares, block: Block) -> list[str]:
    sentences = []
    if shares.amount and (shares.highest_aum - shares.aum) * WIDE > shares.aum:
        apart = shares.highest_aum / shares.aum - 1
        sentences.append(
            f"{TITLE} GLP is counted at the vault's lowest prices, at which it is redeemed; at the highest "
            f"the pool is worth {apart:.1%} more"
        )
    if shares.amount and shares.locked_until > block.timestamp:
        seconds = shares.locked_until - block.timestamp
        sentences.append(f"{TITLE} GLP can't be redeemed for another {seconds:,} seconds")
    if shares.escrowed:
        amount = f"{scaled(shares.escrowed, 18).normalize():f}"
        sentences.append(f"{TITLE}: {amount} esGMX to be claimed are not counted: nobody quotes them")
    return sentences
