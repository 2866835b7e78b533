"""What a wallet has beside positions: pending orders, what it can claim, what it deposited elsewhere.

Source: OrderStoreUtils.sol, BaseOrderUtils.sol and Keys.sol of github gmx-io/gmx-synthetics. Fields of an
order are read from the DataStore one by one: its struct differs between Readers, its keys do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.collateral import Slot, claimable
from adapters.gmx_v2.reading import Lists
from adapters.gmx_v2.tokens import Described, Table, describe, priced
from aggregator.contract import Deployment, Read, ask, both, join
from aggregator.model.accounts import Account
from aggregator.model.assets import token_id
from aggregator.model.errors import CallReverted, MalformedReply, NoContract, ReadError, Unsupported
from aggregator.model.positions import Position, Supply
from aggregator.model.readings import Quote
from aggregator.model.units import Address

ORDER_TYPES = (
    *("market swap", "limit swap", "market increase", "limit increase", "market decrease", "limit decrease"),
    *("stop loss", "liquidation", "stop increase"),
)
_FUNDED = frozenset({"market swap", "limit swap", "market increase", "limit increase", "stop increase"})
"""Orders whose collateral waits in the OrderVault; the others would take it out of a position."""


@dataclass(frozen=True, slots=True)
class Order:
    """A pending order: what of which token waits with it, and the fee for its keeper in the native coin."""

    kind: str
    token: Address
    amount: int
    fee: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What belongs to the wallet: pending orders, and by token what the DataStore keeps for it.

    `waiting` is how many amounts of collateral can't be claimed yet, and are not counted.
    """

    orders: tuple[Order, ...]
    kept: Mapping[Address, int]
    waiting: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing is counted."""
        return not self.orders and not self.kept


def claims(
    deployment: Deployment, wallet: Address, found: Lists, slots: tuple[Slot, ...], time: int
) -> Read[Claims]:
    """One round: every order, and what is kept for the wallet in every market and in these slots."""
    store = deployment.addresses["data_store"]
    orders, (kept, collateral) = yield from both(
        _orders(store, wallet, found.orders),
        both(_kept(store, wallet, found), claimable(deployment, wallet, slots, time)),
    )
    tokens = Counter(kept)
    tokens.update(collateral.amounts)
    return Claims(tuple(orders), tokens, collateral.waiting)


def _kept(store: Address, wallet: Address, found: Lists) -> Read[dict[Address, int]]:
    """Funding and affiliates' rewards to claim, and tokens that were deposited from other chains."""
    names: dict[bytes, Address] = {}
    for one in found.markets.values():
        for token in (one.long_token, one.short_token):
            names[keys.key("CLAIMABLE_FUNDING_AMOUNT", one.token, token, wallet)] = token
            names[keys.key("AFFILIATE_REWARD", one.token, token, wallet)] = token
            names[keys.key("MULTICHAIN_BALANCE", wallet, token)] = token
    if not names:
        return {}
    [column] = yield from ask([calls.UINT.each(store, list(names))])
    kept: dict[Address, int] = {}
    for token, amount in zip(names.values(), column.values(), strict=True):
        if amount:
            kept[token] = kept.get(token, 0) + amount
    return kept


def _orders(store: Address, wallet: Address, ids: Sequence[bytes]) -> Read[list[Order]]:
    if not ids:
        return []
    names = ("ORDER_TYPE", "INITIAL_COLLATERAL_DELTA_AMOUNT", "EXECUTION_FEE")
    [numbers], [places] = yield from both(
        ask([calls.UINT.each(store, [keys.field_key(one, name) for one in ids for name in names])]),
        ask(
            [
                calls.ADDRESS.each(
                    store,
                    [
                        keys.field_key(one, name)
                        for one in ids
                        for name in ("ACCOUNT", "INITIAL_COLLATERAL_TOKEN")
                    ],
                )
            ]
        ),
    )
    values, addresses = numbers.values(), places.values()
    found = []
    for i, one in enumerate(ids):
        kind, amount, fee = values[3 * i : 3 * i + 3]
        owner, token = addresses[2 * i : 2 * i + 2]
        if owner != wallet:
            raise MalformedReply(f"the order {one.hex()} of {store}", f"an order of {owner}")
        if kind >= len(ORDER_TYPES):
            raise Unsupported(f"a GMX V2 order of type {kind}", "a newer release may know it")
        name = ORDER_TYPES[kind]
        found.append(Order(name, token, amount if name in _FUNDED else 0, fee))
    return found


def account(
    deployment: Deployment, known: Table, wallet: Address, found: Claims
) -> Read[tuple[Account, list[Quote]]]:
    """One round: the tokens by name, and their prices where the protocol has one."""
    tokens = list(dict.fromkeys([*(one.token for one in found.orders if one.amount), *found.kept]))
    outcomes = yield from join([_described(deployment, known, one) for one in tokens])
    described = {token.address: token for token, _ in outcomes}
    store = deployment.addresses["data_store"]
    positions: list[Position] = []
    vault = f"the OrderVault, by {store}"
    for one in found.orders:
        if one.amount:
            asset = known.asset(described[one.token])
            positions.append(Supply(asset, one.amount, is_collateral=False, origin=vault))
    if fee := sum(one.fee for one in found.orders):
        positions.append(Supply(known.native, fee, is_collateral=False, origin=vault))
    origin = calls.UINT.at(store, bytes(32)).origin
    positions.extend(
        Supply(known.asset(described[token]), amount, is_collateral=False, origin=origin)
        for token, amount in found.kept.items()
    )
    quotes = [quote for _, quote in outcomes if quote is not None]
    return (
        Account(
            id=claims_id(deployment, wallet),
            protocol="gmx_v2",
            kind="perp",
            chain=deployment.chain,
            label=claims_label(deployment),
            owner_path=(wallet,),
            positions=tuple(positions),
            rule=None,
            reported=None,
        ),
        quotes,
    )


def claims_id(deployment: Deployment, wallet: Address) -> str:
    """The id of the account of orders and claims."""
    return f"gmx_v2:{deployment.chain}:{deployment.addresses['data_store']}:{wallet}"


def claims_label(deployment: Deployment) -> str:
    """Its label."""
    return f"{deployment.name} orders and claims"


def _described(deployment: Deployment, known: Table, token: Address) -> Read[tuple[Described, Quote | None]]:
    """A token, and its price unless the protocol has none: another source may."""
    [found], [price] = yield from both(
        join([describe(known, token)]), join([priced(deployment, known, token)], isolate=True)
    )
    if isinstance(price, (CallReverted, NoContract)):
        return found, None
    if isinstance(price, ReadError):
        raise price.with_traceback(None)
    return found, price.quote(token_id(deployment.chain, token))


def warnings_of(deployment: Deployment, found: Claims) -> list[str]:
    """How many orders wait, by kind; and how many amounts that can't be claimed yet."""
    count: dict[str, int] = {}
    for one in found.orders:
        count[one.kind] = count.get(one.kind, 0) + 1
    kinds = ", ".join(f"{number} {kind}" for kind, number in count.items())
    told = [f"{deployment.name}: pending orders that may change positions: {kinds}"] if kinds else []
    if found.waiting:
        told.append(f"{deployment.name}: {found.waiting} amounts of collateral wait for release: not counted")
    return told
