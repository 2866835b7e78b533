"""Reads what a wallet holds itself: the chain's native coin and every listed token, in one round.

The feeds of the listed tokens are read in the same round: they price holdings on the market, where lending
protocols may quote capped or fixed prices.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from aggregator.contract import (
    Adapter,
    Call,
    Deployment,
    Deployments,
    Function,
    Read,
    RuleFamily,
    ask,
    attempt,
    both,
)
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import Asset, ListedToken, native_id
from aggregator.model.errors import MalformedReply, ReadError, UnusablePrice
from aggregator.model.positions import Holding
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address

NAME = "wallet"
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
NATIVE_DECIMALS = 18
NO_TIME = 2**40
"""In Unix seconds: no calendar and no column has a round so late."""


class Round(NamedTuple):
    """What a Chainlink aggregator answers of its latest round; `answer` is signed, times in Unix seconds."""

    round_id: int
    answer: int
    started_at: int
    updated_at: int
    answered_in_round: int


NATIVE_BALANCE: Function[int] = Function("getEthBalance(address)(uint256)")
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
LATEST_ROUND: Function[Round] = Function(
    "latestRoundData()(uint80,int256,uint256,uint256,uint80)", into=Round
)
FEED_DECIMALS: Function[int] = Function("decimals()(uint8)")


class Wallet:
    """Native coin and listed tokens; an account without a rule, since nobody can liquidate it."""

    name = NAME
    kind: ProtocolKind = "wallet"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = _with_missing(deployments)
        self.family: RuleFamily | None = None
        self._tokens = deployments.tokens

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """What the wallet holds, and the usable prices of the listed feeds.

        Raises the first ReadError of a balance: a listed token without a contract is no zero. A broken feed
        of a token that is held is a warning; one that nobody answered for fails the read.
        """
        native, tokens = self._listed(deployment)
        call = NATIVE_BALANCE.at(deployment.addresses.get("multicall3", MULTICALL3), wallet)
        ([coins], balances), prices = yield from both(
            both(ask([call]), _balances(tokens, wallet)),
            _prices([token for token in (native, *tokens) if token is not None and token.feed]),
        )
        coin = native.asset if native else Asset(native_id(deployment.chain), "native coin", NATIVE_DECIMALS)
        held = [Holding(coin, coins, call.origin)] if coins else []
        for token, raw in zip(tokens, balances, strict=True):
            if raw:
                held.append(Holding(token.asset, raw, f"{BALANCE.canonical}@{token.address}"))
        # Another protocol may price what a broken feed doesn't; where none does, that holding is a failure.
        owned = {holding.asset.id for holding in held}
        unpriced = [price for price in prices if isinstance(price, Unpriced) and price.asset.id in owned]
        return Reading(
            accounts=() if not held else (_account(deployment, wallet, held),),
            quotes=tuple(price for price in prices if isinstance(price, Quote)),
            source=block,
            warnings=tuple(
                f"the feed of {price.asset.symbol} is unusable: {price.error}" for price in unpriced
            ),
        )

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """How many tokens are listed; raises the ReadError of one that can't be read."""
        native, tokens = self._listed(deployment)
        multicall = deployment.addresses.get("multicall3", MULTICALL3)
        feeds = [token for token in (native, *tokens) if token is not None and token.feed]
        _, prices = yield from both(
            both(ask([NATIVE_BALANCE.at(multicall, multicall)]), _balances(tokens, multicall)), _prices(feeds)
        )
        broken = [str(price.error) for price in prices if isinstance(price, Unpriced)]
        return (
            f"{len(tokens)} listed tokens answer",
            f"{len(feeds) - len(broken)} of {len(feeds)} price feeds are usable",
            *broken,
        )

    def _listed(self, deployment: Deployment) -> tuple[ListedToken | None, list[ListedToken]]:
        here = [token for token in self._tokens if token.chain == deployment.chain]
        native = next((token for token in here if token.address is None), None)
        return native, [token for token in here if token.address is not None]


class Unpriced(NamedTuple):
    """A listed asset whose feed gives no usable price, and why."""

    asset: Asset
    error: ReadError


def build(deployments: Deployments) -> Adapter:
    """The adapter; a chain that has listed tokens but no entry gets one with the usual Multicall3."""
    return Wallet(deployments)


def _with_missing(deployments: Deployments) -> tuple[Deployment, ...]:
    covered = {entry.chain for entry in deployments.entries}
    chains = dict.fromkeys(token.chain for token in deployments.tokens)
    missing = (
        Deployment(NAME, chain, f"Wallet on chain {chain}", {"multicall3": MULTICALL3}, "listed tokens")
        for chain in chains
        if chain not in covered
    )
    return (*deployments.entries, *missing)


def _account(deployment: Deployment, wallet: Address, held: Sequence[Holding]) -> Account:
    return Account(
        id=f"{NAME}:{deployment.chain}:{wallet}",
        protocol=NAME,
        kind="wallet",
        chain=deployment.chain,
        label=deployment.name,
        owner_path=(wallet,),
        positions=tuple(held),
        rule=None,
        reported=None,
    )


def _balances(tokens: Sequence[ListedToken], wallet: Address) -> Read[list[int]]:
    if not tokens:
        return []
    [column] = yield from ask([BALANCE.each([token.address for token in tokens if token.address], wallet)])
    return column.values()


def _prices(tokens: Sequence[ListedToken]) -> Read[list[Quote | Unpriced]]:
    calls = [LATEST_ROUND.at(token.feed) for token in tokens if token.feed]
    rounds, decimals = yield from both(
        attempt(calls), attempt([FEED_DECIMALS.at(token.feed) for token in tokens if token.feed])
    )
    return [
        _price(token, call, latest, places)
        for token, call, latest, places in zip(tokens, calls, rounds, decimals, strict=True)
    ]


def _price(
    token: ListedToken, call: Call[Round], latest: Round | ReadError, decimals: int | ReadError
) -> Quote | Unpriced:
    if isinstance(latest, ReadError):
        return Unpriced(token.asset, latest)
    if isinstance(decimals, ReadError):
        return Unpriced(token.asset, decimals)
    if latest.answer <= 0:
        return Unpriced(token.asset, UnusablePrice(token.asset.symbol, call.origin, latest.answer))
    if latest.updated_at == 0:
        return Unpriced(token.asset, MalformedReply(call.origin, "a round that was never completed"))
    if latest.updated_at >= NO_TIME:
        return Unpriced(token.asset, MalformedReply(call.origin, f"a round at {latest.updated_at} s"))
    return Quote(token.asset.id, latest.answer, decimals, call.origin, latest.updated_at, token.heartbeat_s)
