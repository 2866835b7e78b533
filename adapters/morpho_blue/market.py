"""What Morpho says of markets and of a wallet's positions in them, in two rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.morpho_blue.calls import (
    BALANCE,
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
from aggregator.contract import Deployment, Read, ask, attempt, both, join, optional, symbol_of
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import (
    AdapterFault,
    MalformedReply,
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
    def is_any(self) -> bool:
        """Whether the wallet has something there."""
        return bool(self.supply_shares or self.borrow_shares or self.collateral)

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
    """What else a position depends on. `price` is None where nothing is owed: nobody asks for it then.

    Nor for what the contract has of both tokens, which is None also where it was not answered.
    """

    state: MarketState
    loan: Asset
    collateral: Asset | None
    price: int | None
    price_origin: str
    loan_cash: int | None = None
    collateral_cash: int | None = None


def read_positions(
    deployment: Deployment, wallet: Address, block: Block, markets: Sequence[MarketId]
) -> Read[list[Held | ReadError]]:
    """One round: the wallet's positions in these markets, empty ones included, or why there is none.

    That is Unsupported for a market that does not exist, AdapterFault and MalformedReply for what can't be.
    Raises where no position can be told.
    """
    if not markets:
        return []
    morpho = deployment.addresses["morpho"]
    params, (totals, [column]) = yield from both(
        attempt([PARAMS.at(morpho, market) for market in markets]),
        both(
            attempt([MARKET.at(morpho, market) for market in markets]),
            ask([POSITION.each(morpho, markets, wallet)]),
        ),
    )
    shares = zip(column.outcomes(0), column.outcomes(1), column.outcomes(2), strict=True)
    return [
        _held(deployment, block, market, of, total, *position)
        for market, of, total, position in zip(markets, params, totals, shares, strict=True)
    ]


def _held(
    deployment: Deployment,
    block: Block,
    market: MarketId,
    params: Params | ReadError,
    totals: Totals | ReadError,
    *position: int | ReadError,
) -> Held | ReadError:
    if isinstance(params, ReadError):
        return params
    if isinstance(totals, ReadError):
        return totals
    shares = list[int]()
    for one in position:
        if isinstance(one, ReadError):
            return one
        shares.append(one)
    held = Held(market, params, totals, *shares)
    try:
        _check(held, deployment, block)
    except ReadError as error:
        return error
    return held


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


def read_market(deployment: Deployment, held: Held, known: Mapping[AssetId, Asset]) -> Read[Market]:
    """One round: the price of what is owed against, the interest rate, and tokens that are not `known`.

    Raises the error of an oracle where something is owed, and of an interest rate model where anything is
    lent or owed.
    """
    params = held.params
    wanted = [PRICE.at(params.oracle)] if held.borrow_shares else []
    rated = [BORROW_RATE.at(params.irm, params, held.totals)] if held.needs_rate else []
    (prices, cash), (rates, tokens) = yield from both(
        both(ask(wanted), _read_cash(deployment, held)),
        both(ask(rated), _read_tokens(deployment, held, known)),
    )
    return Market(
        state=MarketState(*held.totals, borrow_rate=rates[0] if rates else 0),
        loan=tokens[params.loan],
        collateral=tokens[held.collateral_token] if held.collateral_token else None,
        price=prices[0] if prices else None,
        price_origin=f"{PRICE.canonical}@{params.oracle}",
        loan_cash=cash[0],
        collateral_cash=cash[1],
    )


def _read_cash(deployment: Deployment, held: Held) -> Read[list[int | None]]:
    """What the contract has of the loan asset and of the collateral, where something is owed."""
    if not held.borrow_shares:
        return [None, None]
    morpho = deployment.addresses["morpho"]
    tokens = (held.params.loan, held.params.collateral)
    answers = yield from join([optional(ask([BALANCE.at(token, morpho)])) for token in tokens])
    return [answer[0] if answer else None for answer in answers]


def _read_tokens(
    deployment: Deployment, held: Held, known: Mapping[AssetId, Asset]
) -> Read[dict[Address, Asset]]:
    """Symbol and decimals of the market's tokens; the address where a symbol is none."""
    tokens = [held.params.loan, *([held.collateral_token] if held.collateral_token else [])]
    ids = {token: token_id(deployment.chain, token) for token in tokens}
    asked = [token for token in ids if ids[token] not in known]
    decimals, symbols = yield from both(
        ask([DECIMALS.at(token) for token in asked]), attempt([SYMBOL.at(token) for token in asked])
    )
    told = {
        token: Asset(ids[token], symbol_of(token, symbol), places)
        for token, places, symbol in zip(asked, decimals, symbols, strict=True)
    }
    return {token: told.get(token) or known[ids[token]] for token in ids}
