"""A stand-in for Derive's HTTP API: it answers as its documentation says, and was never compared with it.

What it says of accounts is made of what the chain says in the recording of the real contracts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from adapters.derive_v2.margin import DeriveRule
from aggregator.contract import Http
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import ChainId, checksum, parse_address, scaled
from aggregator.reading.client import Client
from aggregator.reading.deadline import DEADLINE_S, Deadline
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.http import Venues
from aggregator.reading.run import drive
from aggregator.reading.source import Asked, ChainSource, Raw
from aggregator.reading.tapes import Replay
from tests.adapters.derive_v2 import real
from tests.reading.servers import Reply, Server, as_json

VENUE = "derive"
USER = parse_address(real.said()["user"])

Change = Callable[[dict[str, Any]], dict[str, Any] | Reply]


@dataclass
class StandInDerive:
    """The venue: `accounts` by number, as `public/margin_watch` tells them, all of `owner`.

    `change` alters the whole reply about an account, and `listing` that about the owner's accounts.
    """

    accounts: dict[int, dict[str, Any]]
    owner: str = checksum(USER)
    change: Change = lambda reply: reply
    listing: Change = lambda reply: reply
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, body: Any) -> Reply:
        """See tests.reading.servers.Answer."""
        self.asked.append(body)
        if "wallet" in body:
            mine = sorted(self.accounts) if body["wallet"] == self.owner else []
            found = self.listing(_envelope({"subaccount_ids": mine, "wallet": body["wallet"]}))
        elif body["subaccount_id"] in self.accounts:
            found = self.change(_envelope(dict(self.accounts[body["subaccount_id"]])))
        else:
            found = {
                "id": None,
                "jsonrpc": "2.0",
                "error": {"code": 14000, "message": "No such one", "data": None},
            }
        return found if isinstance(found, Reply) else as_json(found)


def _envelope(result: dict[str, Any]) -> dict[str, Any]:
    return {"id": None, "jsonrpc": "2.0", "result": result}


def told(state: str) -> dict[int, dict[str, Any]]:
    """What an honest venue says of the accounts that the chain answers for at a state; the caller's own."""
    return deepcopy(_told(state))


@cache
def _told(state: str) -> dict[int, dict[str, Any]]:
    reading, time = real.read(state), real.block_of(state).timestamp
    prices = {quote.asset: scaled(quote.price, quote.decimals) for quote in reading.quotes}
    return {number_of(one): _document(one, prices, time) for one in reading.accounts}


def number_of(account: Account) -> int:
    """The number at the end of an id."""
    return int(account.id.rsplit(":", 1)[1])


def _document(account: Account, prices: dict[AssetId, Decimal], time: int) -> dict[str, Any]:
    rows = [_row(position, prices) for position in account.positions]
    if isinstance(account.rule, DeriveRule):
        at = prices_of(account.rule)
        maintenance, value = account.rule.margin(at, time, initial=False)
        initial, _ = account.rule.margin(at, time, initial=True)
    else:
        maintenance = initial = value = sum(int(Decimal(row["mark_value"]) * WAD) for row in rows)
    return {
        "subaccount_id": number_of(account),
        "subaccount_value": _text(value),
        "maintenance_margin": _text(maintenance),
        "initial_margin": _text(initial),
        "margin_type": "SM",
        "currency": ["ETH"],
        "risk_universe_id": 1,
        "is_delayed_liquidation": False,
        "valuation_timestamp": time,
        "collaterals": [row for row in rows if "asset_name" in row],
        "positions": [row for row in rows if "instrument_name" in row],
    }


def _row(position: Position, prices: dict[AssetId, Decimal]) -> dict[str, Any]:
    match position:
        case Supply() | Debt() | Holding():
            amount = scaled(position.raw, position.asset.decimals) * (-1 if isinstance(position, Debt) else 1)
            price = prices.get(position.asset.id, Decimal(1))
            return {
                "asset_name": position.asset.symbol,
                "asset_type": "erc20",
                "amount": f"{amount:f}",
                "mark_price": f"{price:f}",
                "mark_value": f"{amount * price:f}",
            }
        case Perp():
            cash = scaled(position.pnl_raw + position.funding_raw, position.settlement.decimals)
            return _instrument(position, position.market, "perp", position.mark_price_raw, cash, prices)
        case Option():
            day = datetime.fromtimestamp(position.expiry or 0, UTC).strftime("%Y%m%d")
            strike = scaled(position.strike_raw, 18).normalize()
            name = f"{position.underlying}-{day}-{strike:f}-{position.right[0].upper()}"
            mark = position.mark_raw or 0
            worth = scaled(mark, 18) * scaled(position.size_raw, 18)
            return _instrument(position, name, "option", mark, worth, prices)


def _instrument(
    position: Perp | Option, name: str, kind: str, mark: int, worth: Decimal, prices: dict[AssetId, Decimal]
) -> dict[str, Any]:
    return {
        "instrument_name": name,
        "instrument_type": kind,
        "amount": _text(position.size_raw),
        "mark_price": _text(mark),
        "mark_value": f"{worth:f}",
        "index_price": f"{prices[position.index]:f}",
        "delta": "0.5",
        "liquidation_price": None,
    }


def _text(raw: int) -> str:
    return f"{scaled(raw, 18):f}"


class Beside:
    """The recorded chain, and live venues beside it."""

    def __init__(self, chain: ChainSource, venues: Venues) -> None:
        self._chain, self._venues = chain, venues

    @property
    def chain(self) -> ChainId:
        """See ChainSource."""
        return self._chain.chain

    async def pin(self, block: str) -> Block:
        """See ChainSource."""
        return await self._chain.pin(block)

    def forget(self) -> None:
        """See ChainSource."""

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource."""
        asked = [one for one in requests if isinstance(one, Http)]
        others = [one for one in requests if not isinstance(one, Http)]
        answers = iter(await self._chain.fetch(block, others))
        said = iter(await self._venues.read(asked, Deadline(DEADLINE_S)))
        return [next(said) if isinstance(one, Http) else next(answers) for one in requests]


@contextmanager
def beside(answer: Callable[[Any], Reply], state: str, later_s: int = 0) -> Iterator[Callable[..., Any]]:
    """A function that uses the recorded chain with this venue: `use(work)` of a coroutine of a source.

    The venue answers `later_s` after the block of the state.
    """
    with Server(answer) as server:

        def use(work: Callable[[ChainSource], Any]) -> Any:
            async def live() -> Any:
                async with Client() as client:
                    time = real.block_of(state).timestamp + later_s
                    venues = Venues([Endpoint(VENUE, f"{server.url}/v3")], client, lambda: time)
                    return await work(Beside(Replay(real.CHAIN, real.tape()), venues))

            return asyncio.run(live())

        yield use


def read(answer: Callable[[Any], Reply], state: str = "first", later_s: int = 0, **options: Any) -> Reading:
    """What the adapter reads of the wallet with this venue beside the chain at a state."""
    at = real.deployment(venue=VENUE, **options)

    async def work(source: ChainSource) -> Reading:
        reading, _ = await drive(
            real.adapter(at).read(at, USER, real.block_of(state)), source, real.block_of(state)
        )
        return reading

    with beside(answer, state, later_s) as use:
        found: Reading = use(work)
        return found
