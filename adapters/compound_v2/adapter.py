"""Reads a wallet's account at a comptroller: three rounds, of which the markets' part is shared.

1. the comptroller's markets, oracle and kind; the markets that the wallet has entered, its liquidity,
2. totals, prices and parameters of all markets; what the wallet has in each, its debt in VAI,
3. decimals and symbols of the underlyings.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import partial

from adapters.compound_v2.account import (
    check,
    leg_of,
    positions_of,
    quotes_of,
    reported,
    warnings_of,
)
from adapters.compound_v2.comptroller import Comptroller, identify
from adapters.compound_v2.family import CompoundFamily
from adapters.compound_v2.interest import Clock
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.listing import read_listing
from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.market import Market, read_markets
from adapters.compound_v2.user import (
    Entered,
    Stock,
    VaiState,
    read_entered,
    read_stocks,
    read_terms,
    read_vai,
)
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import AssetId, token_id
from aggregator.model.errors import (
    BadConfiguration,
    ReadError,
    Unsupported,
)
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import Oracle
from aggregator.model.units import Address

NAME = "compound_v2"
CLOCKS = ("block", "timestamp")
# What `markets(address)` answers: Compound's own comptroller says last whether COMP is paid.
MARKET_WORDS = (2, 3)


class CompoundV2:
    """Compound V2, Venus' core pool, and forks of them."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = CompoundFamily()
        self._symbols = {token.asset.id: token.asset.symbol for token in deployments.tokens}
        self._steps = {entry.key: _step_ms(entry) for entry in deployments.entries}
        self._oracles = {
            entry.key: entry.oracles(partial(_underlying, entry)) for entry in deployments.entries
        }

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's account at a comptroller and its oracle's prices; see the top of this file.

        Raises UnusablePrice where an asset that counts for health has no price, AdapterFault where our sides
        are not the comptroller's, Unsupported where the comptroller or a market is of another kind.
        """
        comptroller, entered = yield from both(identify(deployment), read_entered(deployment, wallet))
        markets, stocks, terms, vai = yield from join(
            [
                self._markets(deployment, comptroller),
                read_stocks(comptroller, wallet),
                read_terms(comptroller),
                read_vai(deployment, comptroller, wallet),
            ]
        )
        clock = self._clock(deployment, comptroller, block)
        quotes = tuple(quotes_of(markets, vai))
        receipts = tuple(market.c_token for market in markets)
        held = [(m, s) for m, s in zip(markets, stocks, strict=True) if s.tokens or s.owed]
        owes_vai = vai is not None and vai.debt.debt.owed > 0
        if not held and not owes_vai:
            return Reading((), quotes, block, receipts=receipts)
        check(deployment, comptroller, clock, entered, held)
        apart = [
            (m, s) for m, s in held if m.address not in entered.markets and isinstance(m.price, ReadError)
        ]
        together = [one for one in held if one not in apart]
        rule = self._rule(deployment, clock, terms, entered, together, vai if owes_vai else None)
        judged = rule if rule.legs or rule.vai else None
        account = Account(
            id=f"{NAME}:{deployment.chain}:{comptroller.address}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=tuple(positions_of(clock, entered, together, rule, vai)),
            rule=judged,
            reported=None if judged is None else reported(deployment, markets, rule, entered),
        )
        # Nobody else might price them either: that must not take what was entered, and its debts, along.
        alone = (
            replace(
                account,
                id=f"{account.id}:{market.address}",
                label=f"{deployment.name} {market.asset.symbol}",
                positions=tuple(positions_of(clock, entered, [(market, stock)], rule, None)),
                rule=None,
                reported=None,
            )
            for market, stock in apart
        )
        accounts = (account, *alone) if account.positions else tuple(alone)
        warnings = tuple(warnings_of(deployment, terms, held, rule, block.timestamp))
        return Reading(accounts, quotes, block, warnings, receipts)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Kind, oracle and markets; raises Unsupported on a comptroller of another kind."""
        comptroller = yield from identify(deployment)
        kind = "Venus' core pool" if comptroller.venus else "Compound V2"
        sentences = [f"the comptroller is of the kind of {kind}"]
        if not comptroller.markets:
            return (*sentences, "it lists no market")
        markets = yield from self._markets(deployment, comptroller)
        unpriced = [market.asset.symbol for market in markets if isinstance(market.price, ReadError)]
        sentences.append(f"{len(markets)} markets, {len(unpriced)} without a usable price")
        if unpriced:
            sentences.append(f"no usable price: {', '.join(unpriced)}")
        return tuple(sentences)

    def _markets(self, deployment: Deployment, comptroller: Comptroller) -> Read[tuple[Market, ...]]:
        listing = yield from read_listing(deployment, comptroller)
        return (yield from read_markets(deployment, comptroller, listing, self._symbols))

    def _clock(self, deployment: Deployment, comptroller: Comptroller, block: Block) -> Clock:
        step_ms = self._steps[deployment.key]
        if step_ms is None:
            return Clock(block.timestamp, block.timestamp, 1_000)
        return Clock(block.timestamp, comptroller.block_number, step_ms)

    def _rule(
        self,
        deployment: Deployment,
        clock: Clock,
        terms: Terms,
        entered: Entered,
        held: list[tuple[Market, Stock]],
        vai: VaiState | None,
    ) -> CompoundRule:
        kinds = self._oracles[deployment.key]
        legs = [
            leg_of(market, stock, kinds.get(market.asset.id, Oracle.MARKET))
            for market, stock in held
            if market.address in entered.markets
        ]
        prices: dict[str, int] = {}
        for leg in legs:
            if prices.setdefault(leg.feed.asset, leg.feed.price) != leg.feed.price:
                raise Unsupported(
                    f"two prices of {leg.feed.asset} at {deployment.name}",
                    "two markets of one asset are judged at different prices; report this with a recording",
                )
        return CompoundRule(clock, terms, tuple(legs), None if vai is None else vai.debt)


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address or an option can't be used."""
    for entry in deployments.entries:
        if "comptroller" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.comptroller is missing")
        words = entry.options.get("market_words", 3)
        if type(words) is not int or words not in MARKET_WORDS:
            why = f"options.market_words is {words!r}, not one of {list(MARKET_WORDS)}"
            raise BadConfiguration(entry.key, why)
    return CompoundV2(deployments)


def _step_ms(entry: Deployment) -> int | None:
    """Milliseconds of a block; None where the protocol counts interest by seconds."""
    clock = entry.options.get("clock", "block")
    if clock not in CLOCKS:
        raise BadConfiguration(entry.key, f"options.clock is {clock!r}, not one of {list(CLOCKS)}")
    if clock == "timestamp":
        return None
    given = entry.options.get("seconds_per_block")
    try:
        seconds = Decimal(str(given))
        step_ms = int(seconds * 1_000)
    except (InvalidOperation, ValueError, OverflowError):
        step_ms = 0
    if step_ms <= 0 or step_ms != seconds * 1_000:
        why = f"options.seconds_per_block should be a time in seconds such as 12 or 0.45, not {given!r}"
        raise BadConfiguration(entry.key, why)
    return step_ms


def _underlying(entry: Deployment, address: str) -> AssetId:
    return token_id(entry.chain, Address(address.lower()))
