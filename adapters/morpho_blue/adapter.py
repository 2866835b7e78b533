"""Reads a wallet's positions in Morpho Blue's markets: three rounds, four where a subgraph is behind.

1. the markets that the wallet ever used, from logs or a subgraph (none where they are listed), and from logs
   what a subgraph that is behind can't know yet; the fee's recipient,
2. parameters and totals of these markets, the wallet's positions,
3. of markets with a position, each by itself: price, interest rate, tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from adapters.morpho_blue.calls import BORROW_RATE, FEE_RECIPIENT, POSITION
from adapters.morpho_blue.discovery import (
    Discovery,
    MarketId,
    discover,
    discovery_of,
    listed_markets,
    market_id,
    subgraph_of,
)
from adapters.morpho_blue.family import MorphoFamily
from adapters.morpho_blue.liquidation import MOST, Position
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market import Held, Market, read_market, read_positions
from adapters.morpho_blue.subgraph import check_contract
from adapters.morpho_blue.venue import Venue
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model import positions
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError, Unsupported, UnusablePrice
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.rules import Feed, Oracle, prices_of
from aggregator.model.units import Address

NAME = "morpho_blue"
# An oracle answers 1e36 times the loan asset's smallest units per smallest unit of collateral.
PRICE_DECIMALS = 36


class MorphoBlue:
    """Morpho Blue and forks with its contract."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = MorphoFamily()
        self._tokens = {token.asset.id: token.asset for token in deployments.tokens}
        self._oracles = {entry.key: entry.oracles(partial(market_id, entry)) for entry in deployments.entries}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's account in each market where it has one; see the top of this file.

        Anybody may make a market and supply there on the wallet's behalf: one of which anything can't be read
        fails that account alone. Raises where no market is known, no position in any, or nobody answered
        for one.
        """
        discovered, [recipient] = yield from both(
            discover(deployment, wallet), ask([FEE_RECIPIENT.at(deployment.addresses["morpho"])])
        )
        gets_fees = wallet == recipient
        found = yield from read_positions(deployment, wallet, block, discovered.markets)
        outcomes: list[Account | ReadError | None] = yield from join(
            (self._account(deployment, wallet, block, one, gets_fees=gets_fees) for one in found),
            isolate=True,
        )
        accounts, failures = list[Account](), list[AccountFailure]()
        for market, outcome in zip(discovered.markets, outcomes, strict=True):
            if isinstance(outcome, ReadError):
                failures.append(_failure(deployment, market, wallet, outcome))
            elif outcome is not None and outcome.positions:
                accounts.append(outcome)
        return Reading(
            accounts=tuple(accounts),
            quotes=(),
            source=block,
            warnings=(*discovered.warnings, *_warnings(deployment, gets_fees=gets_fees)),
            failures=tuple(failures),
        )

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """Where markets are found.

        Raises Unsupported for a listed one that does not exist, and for a subgraph of another contract.
        """
        morpho = deployment.addresses["morpho"]
        listed = listed_markets(deployment)
        [recipient], found = yield from both(
            ask([FEE_RECIPIENT.at(morpho)]), read_positions(deployment, morpho, block, listed)
        )
        for one in found:
            if isinstance(one, ReadError):
                raise one.with_traceback(None)
        match discovery_of(deployment):
            case Discovery.LISTED:
                where = f"{len(listed)} listed markets exist; others are not looked at"
            case Discovery.LOGS:
                where = f"markets of a wallet are found in logs since block {deployment.first_block}"
            case Discovery.GRAPHQL:
                source = subgraph_of(deployment)
                number = yield from check_contract(deployment, source)
                where = (
                    f"markets of a wallet are named by subgraph {source} until block {number}, then by logs"
                )
        return where, _fees(recipient)

    def _account(
        self,
        deployment: Deployment,
        wallet: Address,
        block: Block,
        held: Held | ReadError,
        *,
        gets_fees: bool,
    ) -> Read[Account | None]:
        """The account in a market; None where the wallet has nothing there."""
        if isinstance(held, ReadError):
            raise held.with_traceback(None)
        if not (held.is_any or (gets_fees and held.totals.fee)):
            return None
        market = yield from read_market(deployment, held, self._tokens)
        if market.state.accrued(block.timestamp).supply_assets > MOST:
            raise MalformedReply(
                f"{BORROW_RATE.canonical}@{held.params.irm}", "its interest is beyond what Morpho can store"
            )
        supply_shares = held.supply_shares
        if gets_fees:
            supply_shares += market.state.fee_shares(block.timestamp)
        rule = self._rule(deployment, held, market, block.timestamp)
        if rule is not None:
            rule.health(prices_of(rule), block.timestamp)  # a price that it can't work with fails it
        pair = f"{market.collateral.symbol}/{market.loan.symbol}" if market.collateral else market.loan.symbol
        return Account(
            id=_account_id(deployment, held.id, wallet),
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=f"{deployment.name} {pair} {held.params.lltv / 10**16:g}%",
            owner_path=(wallet,),
            positions=tuple(_positions(deployment, held, market, supply_shares, block.timestamp)),
            rule=rule,
            # Morpho has neither a view of health nor a flag: a figure of ours would confirm itself.
            reported=None,
        )

    def _rule(self, deployment: Deployment, held: Held, market: Market, time: int) -> MorphoRule | None:
        """The solvency test of what is owed; None where nothing is: nobody can liquidate that."""
        if market.price is None:
            return None
        if market.collateral is None:
            raise MalformedReply(
                f"{POSITION.canonical}@{deployment.addresses['morpho']}", "debt without collateral"
            )
        decimals = PRICE_DECIMALS + market.loan.decimals - market.collateral.decimals
        name = f"{market.collateral.symbol} in {market.loan.symbol} ({market.collateral.id})"
        if decimals < 0:
            raise Unsupported(
                f"a price of {name} with {decimals} decimals", "leave the market, or report this"
            )
        if market.price == 0:
            raise UnusablePrice(name, market.price_origin, 0)
        return MorphoRule(
            feed=Feed(
                asset=market.collateral.id,
                oracle=self._oracles[deployment.key].get(held.id, Oracle.MARKET),
                price=market.price,
                decimals=decimals,
                origin=market.price_origin,
                quote=market.loan.id,
            ),
            loan_decimals=market.loan.decimals,
            lltv=held.params.lltv,
            position=Position(held.borrow_shares, held.collateral),
            market=market.state,
            venue=Venue(
                morpho=deployment.addresses["morpho"],
                oracle=held.params.oracle,
                irm=held.params.irm,
                read_at=time,
                loan_cash=market.loan_cash,
                collateral_cash=market.collateral_cash,
            ),
        )


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address or an option is none."""
    for entry in deployments.entries:
        if "morpho" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.morpho is missing")
        discovery_of(entry)
        listed_markets(entry)
        subgraph_of(entry)
    return MorphoBlue(deployments)


def _positions(
    deployment: Deployment, held: Held, market: Market, supply_shares: int, time: int
) -> Iterator[positions.Position]:
    origin = f"{POSITION.canonical}@{deployment.addresses['morpho']}"
    now = market.state.accrued(time)
    if supply_shares:
        raw = now.supplied(supply_shares)
        yield positions.Supply(market.loan, raw, False, origin, now.supply_apr)  # noqa: FBT003
    if held.collateral:
        if market.collateral is None:
            raise MalformedReply(origin, "collateral in a market without any")
        yield positions.Supply(market.collateral, held.collateral, True, origin, 0.0)  # noqa: FBT003
    if held.borrow_shares:
        raw = now.owed(held.borrow_shares)
        yield positions.Debt(market.loan, raw, "variable", origin, now.borrow_apr)


def _account_id(deployment: Deployment, market: MarketId, wallet: Address) -> str:
    return f"{NAME}:{deployment.chain}:0x{market.hex()}:{wallet}"


def _failure(deployment: Deployment, market: MarketId, wallet: Address, error: ReadError) -> AccountFailure:
    return AccountFailure(
        id=_account_id(deployment, market, wallet),
        protocol=NAME,
        chain=deployment.chain,
        label=f"{deployment.name} market 0x{market.hex()}",
        error=error,
    )


def _warnings(deployment: Deployment, *, gets_fees: bool) -> Iterator[str]:
    if discovery_of(deployment) is Discovery.LISTED:
        count = len(listed_markets(deployment))
        yield f"{deployment.name}: only the {count} listed markets were looked at; others are not counted"
    if gets_fees:
        yield (
            f"{deployment.name}: the wallet receives this protocol's fees; those of markets where it never "
            "supplied may not be counted"
        )


def _fees(recipient: Address) -> str:
    return f"fees go to {recipient}"
