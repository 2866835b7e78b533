"""What the contracts say: lists in round 1, markets in round 2 (of pools: 3), inventories in round 3."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.calls import RawMarket, RawPosition
from adapters.gmx_v2.state import Fees, Funding, Impact, Market, Pool, Side
from adapters.gmx_v2.tokens import Priced, Table, index_asset, newest, priced
from aggregator.contract import Deployment, Read, ask, attempt, both, join
from aggregator.model.assets import token_id
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.units import Address

MOST = 1_000
"""Positions, orders or markets that are asked for: far more than there are."""
PENDING = (
    *("ACCOUNT_DEPOSIT_LIST", "ACCOUNT_WITHDRAWAL_LIST", "ACCOUNT_SHIFT_LIST"),
    *("ACCOUNT_GLV_DEPOSIT_LIST", "ACCOUNT_GLV_WITHDRAWAL_LIST"),
)
ZERO = Address("0x" + "0" * 40)
_NO_ID = bytes(32)


@dataclass(frozen=True, slots=True)
class Lists:
    """Round 1: all markets and vaults of markets (GLV), and what the wallet has by name.

    `reader` is the newest Reader that is there at the block.
    """

    reader: Address
    markets: dict[Address, RawMarket]
    vaults: tuple[Address, ...]
    positions: tuple[RawPosition, ...]
    orders: tuple[bytes, ...]
    pending: dict[str, int]


@dataclass(frozen=True, slots=True)
class MarketReply:
    """A market's state and prices. `shared` is the id of the inventory that it shares, zeros where none."""

    raw: RawMarket
    market: Market
    index: Priced
    long: Priced
    short: Priced
    shared: bytes

    @property
    def only_swaps(self) -> bool:
        """Whether nobody can have a position there; `index` is then the long token's."""
        return self.raw.index_token == ZERO


def lists(deployment: Deployment, known: Table, wallet: Address) -> Read[Lists]:
    """Round 1; raises MalformedReply on more than there can be, and on what comes twice."""
    store = deployment.addresses["data_store"]
    places = [calls.POSITIONS.at(one, store, wallet, 0, MOST) for one in known.readers]
    vault_call = calls.ADDRESSES.at(store, keys.key("GLV_LIST"), 0, MOST)
    order_call = calls.KEYS.at(store, keys.key("ACCOUNT_ORDER_LIST", wallet), 0, MOST)
    (markets, [vaults]), ((held, [orders]), [pending]) = yield from both(
        both(attempt([calls.MARKETS.at(one, store, 0, MOST) for one in known.readers]), ask([vault_call])),
        both(
            both(attempt(places), ask([order_call])),
            ask([calls.COUNT.each(store, [keys.key(name, wallet) for name in PENDING])]),
        ),
    )
    number, found = newest(markets)
    if isinstance(found, ReadError):
        raise found.with_traceback(None)
    positions = held[number]
    if isinstance(positions, ReadError):
        raise positions.with_traceback(None)
    reader, origin = known.readers[number], places[number].origin
    _unique(calls.MARKETS.at(reader, store, 0, MOST).origin, [one.token for one in found])
    _unique(vault_call.origin, list(vaults))
    _unique(order_call.origin, list(orders))
    _unique(origin, [(one.market, one.collateral, one.is_long) for one in positions])
    for one in positions:
        if one.account != wallet:
            raise MalformedReply(origin, f"a position of {one.account}")
    counts = dict(zip(PENDING, pending.values(), strict=True))
    return Lists(reader, {one.token: one for one in found}, vaults, positions, orders, counts)


def _unique(origin: str, found: list[Address] | list[bytes] | list[tuple[Address, Address, bool]]) -> None:
    if len(found) >= MOST or len(set(found)) != len(found):
        raise MalformedReply(origin, f"{len(found)} entries, {len(set(found))} of them different")


def market(deployment: Deployment, known: Table, raw: RawMarket) -> Read[MarketReply]:
    """One round: state and prices, but not the inventory that the market shares.

    Raises what fails; MalformedReply where the state is none that could be.
    """
    store = deployment.addresses["data_store"]
    index_token = raw.long_token if raw.index_token == ZERO else raw.index_token
    (numbers, ([saved], [flags])), (tokens, [shared]) = yield from both(
        both(
            _numbers(store, raw),
            both(
                ask([calls.INT.at(store, keys.key("SAVED_FUNDING_FACTOR_PER_SECOND", raw.token))]),
                ask([calls.FLAG.each(store, _flag_keys(raw.token))]),
            ),
        ),
        both(
            join(
                [
                    priced(deployment, known, one)
                    for one in dict.fromkeys((index_token, raw.long_token, raw.short_token))
                ]
            ),
            ask([calls.WORD.at(store, keys.key("VIRTUAL_TOKEN_ID", raw.index_token))]),
        ),
    )
    by_address: dict[Address, Priced] = {one.described.address: one for one in tokens}
    index, long, short = (by_address[one] for one in (index_token, raw.long_token, raw.short_token))
    names = {one: token_id(deployment.chain, one) for one in (raw.long_token, raw.short_token)}
    if raw.index_token != ZERO:
        # The index may be one of the two itself: its price then moves with the token's.
        names[index_token] = index_asset(index.described)
    in_tokens, skip_smaller, disabled = flags.values()
    longs, shorts, pool, funding, impact, fees = numbers
    try:
        state = Market(
            address=raw.token,
            name=_name(None if raw.index_token == ZERO else index, long, short),
            index=index.token(names[index_token]),
            long=long.token(names[raw.long_token]),
            short=short.token(names[raw.short_token]),
            single=raw.long_token == raw.short_token,
            longs=Side(**longs),
            shorts=Side(**shorts),
            pool=Pool(**pool),
            funding=Funding(**funding, saved=saved),
            impact=Impact(**impact, virtual=None),
            fees=Fees(**fees),
            tokens_for_balance=in_tokens,
            skip_smaller=skip_smaller,
            disabled=disabled,
        )
    except ValueError as error:
        raise MalformedReply(f"the market {raw.token} of {store}", str(error)) from error
    return MarketReply(raw, state, index, long, short, shared)


def with_inventory(deployment: Deployment, found: MarketReply) -> Read[MarketReply]:
    """One round, or none: the market with the inventory that others of its index share with it."""
    if found.shared == _NO_ID:
        return found
    in_tokens = "_IN_TOKENS" if found.market.tokens_for_balance else ""
    key = keys.key(f"VIRTUAL_INVENTORY_FOR_POSITIONS{in_tokens}", found.shared)
    [virtual] = yield from ask([calls.INT.at(deployment.addresses["data_store"], key)])
    state = replace(found.market, impact=replace(found.market.impact, virtual=virtual))
    return replace(found, market=state)


def _name(index: Priced | None, long: Priced, short: Priced) -> str:
    """As the protocol's interface names it; `index` is None where it only swaps."""
    about = f"{index.described.underlying}/USD" if index else "SWAP-ONLY"
    return f"{about} [{long.described.symbol}-{short.described.symbol}]"


def _flag_keys(market: Address) -> list[bytes]:
    return [
        keys.key("USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE"),
        keys.key("SKIP_BORROWING_FEE_FOR_SMALLER_SIDE"),
        keys.key("IS_MARKET_DISABLED", market),
    ]


def _numbers(store: Address, raw: RawMarket) -> Read[list[dict[str, int]]]:
    """The unsigned values of a market's parts, in one column."""
    parts = [
        keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=True),
        keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=False),
        keys.pool_keys(raw.token, raw.long_token, raw.short_token),
        keys.funding_keys(raw.token),
        keys.impact_keys(raw.token),
        keys.fee_keys(raw.token),
    ]
    asked = [one for part in parts for one in part.values()]
    [column] = yield from ask([calls.UINT.each(store, asked)])
    values = iter(column.values())
    return [{name: next(values) for name in part} for part in parts]
