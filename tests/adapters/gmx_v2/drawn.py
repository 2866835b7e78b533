"""Rules of random states without a chain: the same seed is the same state, whoever keeps it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from adapters.gmx_v2 import keys
from adapters.gmx_v2.calls import RawMarket
from adapters.gmx_v2.margin import GmxRule
from adapters.gmx_v2.position import Position
from adapters.gmx_v2.state import Fees, Funding, Impact, Market, Pool, Side, Token
from aggregator.model.assets import AssetId, index_id, token_id
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address, ChainId
from tests.adapters.gmx_v2 import states

CHAIN = ChainId(31337)
START = 1_900_000_000
"""Seconds; a seed's time is so many thousands later."""
WETH, USDC, BTC, WBTC = (Address(f"0x{number:040x}") for number in (0xE, 0xD, 0xB, 0xC))
DECIMALS = {WETH: 18, USDC: 6, BTC: 8, WBTC: 8}
STABLE = {USDC: 10**24}
MARKETS = (
    RawMarket(Address(f"0x{0xA1:040x}"), WETH, WETH, USDC),
    RawMarket(Address(f"0x{0xA2:040x}"), BTC, WBTC, USDC),
    RawMarket(Address(f"0x{0xA3:040x}"), WETH, WETH, WETH),
)


@dataclass(frozen=True)
class Drawn:
    """A position in its market, and prices at a later time at which to judge it."""

    raw: RawMarket
    values: states.Values
    held: states.Held
    rule: GmxRule
    prices: dict[AssetId, int]
    time: int

    def price(self, token: Address) -> int:
        """The later price of a token or index."""
        market = self.rule.market
        places = {self.raw.long_token: market.long, self.raw.short_token: market.short}
        places[self.raw.index_token] = market.index
        return self.prices[places[token].feed.asset]


def drawn(seed: int) -> Drawn:
    """The state of a seed; moves of the price are such that about a third can be liquidated."""
    draw = random.Random(seed)
    now = START + 1_000 * seed
    usd = {WETH: draw.uniform(900, 4_000), USDC: draw.choice((1, 0.9987, 1.002))}
    usd[BTC] = draw.uniform(20_000, 90_000)
    usd[WBTC] = usd[BTC] * draw.uniform(0.98, 1.01)
    tokens = {one: (DECIMALS[one], int(usd[one] * 10**8) * 10 ** (22 - DECIMALS[one])) for one in DECIMALS}
    raw = draw.choice(MARKETS)
    values = states.state(draw, raw, tokens, now)
    collateral = draw.choice((raw.long_token, raw.short_token))
    is_long = draw.random() < 0.5
    held = states.position(draw, values, raw, tokens, now, collateral=collateral, is_long=is_long)
    states.total_borrowing(values, raw)
    # Only the impact pool's own clock has no place in what was compared with.
    values.uints[keys.pool_keys(raw.token, raw.long_token, raw.short_token)["impact_rate"]] = 0
    rule = _rule(raw, values, held, tokens, now)
    moved = {feed.asset: int(feed.price * draw.uniform(0.97, 1.03)) for feed in rule.feeds}
    return Drawn(raw, values, held, rule, moved, now + draw.choice((1, 60, 900)))


def _rule(
    raw: RawMarket,
    values: states.Values,
    held: states.Held,
    tokens: dict[Address, tuple[int, int]],
    now: int,
) -> GmxRule:
    size, in_tokens, amount, pending, borrowing, funding, claim_long, claim_short, *_ = held.row
    market = _market(raw, values, tokens)
    latest = [
        values.uints[keys.key("FUNDING_FEE_AMOUNT_PER_SIZE", raw.token, held.collateral, held.is_long)],
        *(
            values.uints[keys.key("CLAIMABLE_FUNDING_AMOUNT_PER_SIZE", raw.token, one, held.is_long)]
            for one in raw[2:]
        ),
    ]
    return GmxRule(
        time=now,
        market=market,
        position=Position(
            is_long=held.is_long,
            collateral_is_long=held.collateral == raw.long_token,
            size_usd=size,
            size_tokens=in_tokens,
            collateral=amount,
            pending_impact=pending,
            borrowing_factor=borrowing,
            funding=latest[0] - funding,
            claim_long=latest[1] - claim_long,
            claim_short=latest[2] - claim_short,
            discount=0,
        ),
        collateral=token_id(CHAIN, held.collateral),
        profit=token_id(CHAIN, raw.long_token if held.is_long else raw.short_token),
    )


def _market(raw: RawMarket, values: states.Values, tokens: dict[Address, tuple[int, int]]) -> Market:
    names = {one: token_id(CHAIN, one) for one in (raw.long_token, raw.short_token)}
    names[raw.index_token] = index_id("ETH" if raw.index_token == WETH else "BTC")

    def token(address: Address) -> Token:
        decimals, price = tokens[address]
        feed = Feed(names[address], Oracle.MARKET, price, 30 - decimals, "drawn")
        return Token(feed, STABLE.get(address, 0))

    def part(names: dict[str, bytes]) -> dict[str, int]:
        return {name: values.uints.get(key, 0) for name, key in names.items()}

    in_tokens = values.flags[keys.key("USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE")]
    shared = values.words[keys.key("VIRTUAL_TOKEN_ID", raw.index_token)]
    name = "VIRTUAL_INVENTORY_FOR_POSITIONS" + ("_IN_TOKENS" if in_tokens else "")
    places = (raw.token, raw.long_token, raw.short_token)
    return Market(
        address=raw.token,
        name="drawn",
        index=token(raw.index_token),
        long=token(raw.long_token),
        short=token(raw.short_token),
        single=raw.long_token == raw.short_token,
        longs=Side(**part(keys.side_keys(*places, is_long=True))),
        shorts=Side(**part(keys.side_keys(*places, is_long=False))),
        pool=Pool(**part(keys.pool_keys(*places))),
        funding=Funding(
            **part(keys.funding_keys(raw.token)),
            saved=values.ints[keys.key("SAVED_FUNDING_FACTOR_PER_SECOND", raw.token)],
        ),
        impact=Impact(
            **part(keys.impact_keys(raw.token)),
            virtual=values.ints[keys.key(name, shared)] if any(shared) else None,
        ),
        fees=Fees(**part(keys.fee_keys(raw.token))),
        tokens_for_balance=in_tokens,
        skip_smaller=values.flags[keys.key("SKIP_BORROWING_FEE_FOR_SMALLER_SIDE")],
        disabled=False,
    )
