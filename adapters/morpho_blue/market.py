"""What Morpho says of markets and of a wallet's positions in them, in two rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.morpho_blue.calls import (
    BORROW_RATE,
    DECIMALS,
    MARKET,
    PARAMS,
    POSITION,
    PRICE,
    SYMBOL,
    Params,
    Totals,
)
from adapters.morpho_blue.discovery import Discovery, MarketId, discovery_of
from adapters.morpho_blue.market_state import MarketState
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
)
from aggregator.model.readings import Block
from aggregator.model.rules import WAD
from aggregator.model.units import Address, keccak

NO_ADDRESS = Address("0x" + "0" * 40)
_CORRECT = {
    Discovery.LISTED: "correct options.markets",
    Discovery.LOGS: "the endpoint's logs are wrong: use another one",
    Discovery.GRAPHQL: "the subgraph is wrong: name another one in options.subgraph",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A wallet's position in a market: shares lent, shares owed, collateral in its smallest unit."""

    id: MarketId
    params: Params
    totals: Totals
    supply_shares: int
    borrow_shares: int
    collateral: int

    @property
    def collateral_token(self) -> Address | None:
        """None in a market that only lends to nobody (an idle market)."""
        return None if self.params.collateral == NO_ADDRESS else self.params.collateral

    @property
    def needs_rate(self) -> bool:
        """Whether interest since the last update changes what the wallet has."""
        shares = self.supply_shares or self.borrow_shares or self.totals.fee
        return bool(shares and self.totals.borrow_assets) and self.params.irm != NO_ADDRESS


@dataclass(frozen=True, slots=True)
class Market:
    """What else a position depends on. `price` is None where nothing is owed: nobody asks for it then."""

    state: MarketState
    loan: Asset
    collateral: Asset | None
    price: int | None
    price_origin: str


def read_positions(
    deployment: Deployment, wallet: Address, block: Block, markets: Sequence[MarketId]
) -> Read[list[Held]]:
    """One round: the wallet's positions in these markets, empty ones included.

    Raises Unsupported for a market that does not exist, AdapterFault and MalformedReply for what can't be.
    """
    if not markets:
        return []
    morpho = deployment.addresses["morpho"]
    params, (totals, [column]) = yield from both(
        ask([PARAMS.at(morpho, market) for market in markets]),
        both(
            ask([MARKET.at(morpho, market) for market in markets]),
            ask([POSITION.each(morpho, markets, wallet)]),
        ),
    )
    shares = zip(column.values(0), column.values(1), column.values(2), strict=True)
    found = [
        Held(market, of, total, *position)
        for market, of, total, position in zip(markets, params, totals, shares, strict=True)
    ]
    for held in found:
        _check(held, deployment, block)
    return found


def _check(held: Held, deployment: Deployment, block: Block) -> None:
    name, totals = f"market 0x{held.id.hex()} of {deployment.name}", held.totals
    if totals.updated_at == 0:
        raise Unsupported(
            name, f"there is no such market at this block; {_CORRECT[discovery_of(deployment)]}"
        )
    if keccak(_encoded(held.params)) != held.id:
        raise MalformedReply(
            f"{PARAMS.canonical}@{deployment.addresses['morpho']}", f"no parameters of {name}"
        )
    if totals.updated_at > block.timestamp or totals.fee > WAD or held.params.lltv > WAD:
        raise MalformedReply(f"{MARKET.canonical}@{deployment.addresses['morpho']}", f"no state of {name}")
    if held.supply_shares > totals.supply_shares or held.borrow_shares > totals.borrow_shares:
        raise AdapterFault(f"a position in {name} has more shares than the market")


def _encoded(params: Params) -> bytes:
    *addresses, lltv = params
    return b"".join(bytes.fromhex(a[2:]).rjust(32, b"\0") for a in addresses) + lltv.to_bytes(32)


def read_markets(
    deployment: Deployment, held: Sequence[Held], known: Mapping[AssetId, Asset]
) -> Read[list[Market]]:
    """One round: interest rates, prices of what is owed against, and tokens that are not `known`.

    Raises the error of an oracle where something is owed, and of an interest rate model where anything is
    lent or owed.
    """
    priced = [one for one in held if one.borrow_shares]
    rated = [one for one in held if one.needs_rate]
    prices, (rates, tokens) = yield from both(
        ask([PRICE.at(one.params.oracle) for one in priced]),
        both(
            ask([BORROW_RATE.at(one.params.irm, one.params, one.totals) for one in rated]),
            _read_tokens(deployment, held, known),
        ),
    )
    price_of = {one.id: price for one, price in zip(priced, prices, strict=True)}
    rate_of = {one.id: rate for one, rate in zip(rated, rates, strict=True)}
    return [
        Market(
            state=MarketState(*one.totals, borrow_rate=rate_of.get(one.id, 0)),
            loan=tokens[one.params.loan],
            collateral=tokens[one.collateral_token] if one.collateral_token else None,
            price=price_of.get(one.id),
            price_origin=f"{PRICE.canonical}@{one.params.oracle}",
        )
        for one in held
    ]


def _read_tokens(
    deployment: Deployment, held: Sequence[Held], known: Mapping[AssetId, Asset]
) -> Read[dict[Address, Asset]]:
    """Symbol and decimals of all tokens of these markets; the address where a symbol is none."""
    tokens = dict.fromkeys(
        token for one in held for token in (one.params.loan, one.collateral_token) if token is not None
    )
    ids = {token: token_id(deployment.chain, token) for token in tokens}
    asked = [token for token in tokens if ids[token] not in known]
    decimals, symbols = yield from both(
        ask([DECIMALS.at(token) for token in asked]), attempt([SYMBOL.at(token) for token in asked])
    )
    told = {
        token: Asset(ids[token], _symbol(token, symbol), places)
        for token, places, symbol in zip(asked, decimals, symbols, strict=True)
    }
    return {token: told.get(token) or known[ids[token]] for token in tokens}


def _symbol(token: Address, answer: str | ReadError) -> str:
    if isinstance(answer, (CallReverted, MalformedReply, NoContract)):
        return token
    if isinstance(answer, ReadError):
        raise answer
    return answer
