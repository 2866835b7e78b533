"""Sends a plan's unsigned calls as real transactions, and holds every account against what was predicted.

The product never signs or sends: this is how the tests, and whoever doubts a plan, see that it is true. The
senders are accounts that the node plays. Where a call waits for a keeper, a keeper acts before the next step.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from aggregator import app, settings
from aggregator.model.accounts import Account
from aggregator.model.errors import CrossmarginError
from aggregator.model.portfolio import Portfolio
from aggregator.model.units import parse_address
from tests.devnet.drift import Drift
from tests.devnet.errors import DevnetError, TransactionReverted
from tests.devnet.synthetix_pyth import OffchainPrices
from tests.devnet.world import World

Json = Mapping[str, Any]

TOLERANCE_BPS = 1.0

BEYOND = 10_000.0
"""Healths above this are not told apart, nor from nothing that is required: dust of a debt moves them."""

MIN_AGE_S = 5
"""More than a market asks a price to be younger than an order."""

FAILURE = keccak(text="Failure(uint256,uint256,uint256)")
"""The event of a Compound V2 market that did nothing: error, detail and the opaque one's own code."""


@dataclass(frozen=True)
class Compared:
    """An account after a step: what the plan says of its own health by then, and what its contracts say.

    `between` are the ends that the plan gives it while time passes: where a protocol's own figure moves in
    steps (a mean of ticks, a mean threshold in whole basis points) no more can be said.
    """

    account_id: str
    predicted: float | None
    found: float | None
    between: tuple[float | None, float | None] | None = None

    @property
    def bps(self) -> float:
        """The difference in basis points; none where both say that next to nothing is required."""
        return _apart(_known(self.predicted), _known(self.found))

    @property
    def beyond_bps(self) -> float:
        """The same, and none where it is between the ends that the plan gives, else to the nearest of all."""
        if self.between is None:
            return self.bps
        low, high = map(_known, self.between)
        found = _known(self.found)
        return 0.0 if low <= found <= high else min(self.bps, _apart(low, found), _apart(high, found))


@dataclass(frozen=True)
class Executed:
    """A step that was sent: its transactions, why one failed, and every account after it."""

    ordinal: int
    action: str
    sent: int
    reverted: str | None
    accounts: tuple[Compared, ...]

    @property
    def worst_bps(self) -> float:
        """The largest difference of any account."""
        return max((one.bps for one in self.accounts), default=0.0)

    def faults(self, floor: float) -> tuple[str, ...]:
        """What is not as predicted, in sentences; an account that is below its floor by plan may be so."""
        if self.reverted is not None:
            return (f"reverted: {self.reverted}",)
        off = [
            f"{one.account_id} is {one.beyond_bps:.4f} bp off"
            for one in self.accounts
            if one.beyond_bps > TOLERANCE_BPS
        ]
        low = [
            f"{one.account_id} is below its floor of {floor:g}: {_shown(one.found)}"
            for one in self.accounts
            if one.found is not None and one.found < floor and not (one.predicted or 0.0) < floor
        ]
        return (*off, *low)


class Executor:
    """Sends plans on a world; a plan must be of the state that the world is in."""

    def __init__(self, world: World) -> None:
        self.world = world
        own = tomllib.loads(world.config())
        given = {**own, "default_chains": list(own["chains"]), "cache": "off"}
        self.config = settings.exactly(given, "local chain")
        self._prices: OffchainPrices | None = None

    def read(self, wallet: str) -> Portfolio:
        """The wallet as it is now."""
        [portfolio] = app.read(app.Selection((parse_address(wallet),)), self.config).portfolios
        return portfolio

    def run(self, plan: Json) -> Iterator[Executed]:
        """Send each step, and compare all accounts after it; nothing is sent after a step that fails.

        Raises DevnetError where a step has no calls.
        """
        drift = Drift(plan["before"], self.world.node.timestamp)
        for step in plan["steps"]:
            if step["calls_unknown"] is not None:
                raise DevnetError(f"step {step['ordinal']} has no calls: {step['calls_unknown']}")
            sent, reverted = 0, None
            for call in step["calls"]:
                try:
                    self._send(call, step["sender"])
                    sent += 1
                    if call["later"] is not None:
                        self._keep(step["sender"])
                except TransactionReverted as error:
                    reverted = str(error)
                    break
            accounts = () if reverted else tuple(self._compared(plan["wallet"], step["after"], drift))
            yield Executed(step["ordinal"], step["action"], sent, reverted, accounts)
            if reverted:
                return

    def _send(self, call: Json, sender: str) -> None:
        self.world.node.rpc("anvil_impersonateAccount", sender)
        data, value = bytes.fromhex(call["data"].removeprefix("0x")), int(call["value"])
        receipt = self.world.chain.transact(call["to"], data, sender=sender, value=value)
        for log in receipt.logs:
            if log.topics and log.topics[0] == FAILURE:
                codes = [int.from_bytes(log.data[at : at + 32]) for at in (0, 32, 64)]
                raise TransactionReverted(f"transaction to {call['to']}", f"the market answers {codes}", b"")

    def _keep(self, trader: str) -> None:
        """Execute a trader's orders as a keeper does, at the market's price."""
        perps = self.world.synthetix
        if self._prices is None:
            self._prices = OffchainPrices(perps)
        keeper = self.world.chain.accounts[0]
        for name, market in perps.markets.items():
            order = market.call("delayedOrders", trader)
            if not order["sizeDelta"]:
                continue
            self.world.node.warp(MIN_AGE_S)
            price = self.world.prices.quotes.ETH if "ETH" in name else self.world.prices.quotes.BTC
            data = self._prices.published(name, price, self.world.node.timestamp)
            market.send("executeOffchainDelayedOrder", trader, [data], sender=keeper)

    def _compared(self, wallet: str, after: Json, drift: Drift) -> Iterator[Compared]:
        portfolio = self.read(wallet)
        drift.enter(after, self.world.node.timestamp)
        found = {account.id: account for account in portfolio.accounts}
        for one in after["accounts"]:
            account = found.get(one["account_id"])
            health = None if account is None else _health(account, portfolio)
            between = one["native_health_low"], one["native_health_high"]
            yield Compared(one["account_id"], drift.health(one), health, between)
        known = {one["account_id"] for one in after["accounts"]}
        for account in portfolio.accounts:
            if account.rule is not None and account.id not in known:
                yield Compared(account.id, None, _health(account, portfolio))


def _health(account: Account, portfolio: Portfolio) -> float | None:
    if account.rule is None:
        return None
    said = account.rule.health(account.prices, portfolio.blocks[account.chain].timestamp)
    return said.power / said.requirement if said.requirement else None


def _known(health: float | None) -> float:
    return float("inf") if health is None else health


def _apart(predicted: float, found: float) -> float:
    if predicted == found or min(predicted, found) > BEYOND:
        return 0.0
    return abs(found / predicted - 1.0) * 10_000 if predicted else float("inf")


def missed(plan: Json, last: Executed) -> tuple[str, ...]:
    """The accounts that end below the target of a plan that promises it."""
    target = plan["targets"]["health"]
    return tuple(
        f"{one.account_id} ends at {_shown(one.found)}, below its target of {target:g}"
        for one in last.accounts
        if plan["status"] == "feasible" and one.found is not None and one.found < target
    )


def load(path: Path) -> Json:
    """The plan in a file that `plan repair --json` wrote; raises DevnetError where it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        plan: Json = document["data"]
        if document["schema"] != "crossmargin/plan repair/1" or plan is None:
            raise DevnetError(f"{path} holds no plan: write one with crossmargin plan repair --json")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DevnetError(f"{path} can't be read as a plan: {error}") from error
    return {**plan, "blocks": document["blocks"]}


def check_state(world: World, plan: Json) -> None:
    """Raise DevnetError where the plan was made of another state than the chain is in."""
    for block in plan["blocks"]:
        number = world.node.block_number
        if block["chain_id"] != world.node.chain_id or block["number"] > number:
            there = f"block {block['number']} of chain {block['chain_id']}"
            raise DevnetError(
                f"the plan is of {there}, and this is {number} of {world.node.chain_id}: "
                "name the chain that it was made on by --port"
            )
        found = world.node.block(block["number"])["hash"]
        if found != block["hash"]:
            raise DevnetError(f"block {block['number']} is another one here: make the plan on this chain")
        if block["number"] != number:
            raise DevnetError(f"the chain has gone on to block {number}: make the plan anew")


def execute(world: World, path: Path) -> int:
    """Run a plan of a file and tell of each step; the exit code is 1 where anything is not as predicted."""
    plan = load(path)
    check_state(world, plan)
    wrong, last = 0, None
    try:
        for last in Executor(world).run(plan):
            wrong += _tell(last, plan["targets"]["floor"])
        for sentence in () if last is None or wrong else missed(plan, last):
            print(sentence, file=sys.stderr)
            wrong += 1
    except CrossmarginError as error:
        raise DevnetError(f"the wallet can't be read: {error}") from error
    print("as predicted" if not wrong else f"{wrong} things are not as predicted")
    return 1 if wrong else 0


def _tell(step: Executed, floor: float) -> int:
    """Print a step, and how many things of it are wrong."""
    print(f"step {step.ordinal} {step.action}: {step.sent} transactions, at most {step.worst_bps:.4f} bp off")
    for one in step.accounts:
        print(f"  {one.account_id}: predicted {_shown(one.predicted)}, found {_shown(one.found)}")
    for sentence in step.faults(floor):
        print(f"step {step.ordinal} {step.action}: {sentence}", file=sys.stderr)
    return len(step.faults(floor))


def _shown(health: float | None) -> str:
    return "none" if health is None else f"{health:.9f}"
