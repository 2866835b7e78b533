"""Reads a wallet's account in an Aave V3 market: three rounds, of which the market's part is shared.

1. the pool's revision, reserves, oracle and sentinel; the wallet's flags, eMode category and totals,
2. data and price of every reserve, whether the sentinel lets liquidate; the wallet's eMode category,
3. the wallet's balances; the price of its eMode category, where that has one; what flash loans may take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from adapters.aave_v3.account import check, positions, read_rule, reported, warnings
from adapters.aave_v3.calls import POOL
from adapters.aave_v3.family import AaveFamily
from adapters.aave_v3.lending import read_lending
from adapters.aave_v3.market import Market, read_market
from adapters.aave_v3.pool import identify
from adapters.aave_v3.user import read_balances, read_emode, read_emode_price, read_user
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import token_id
from aggregator.model.errors import BadConfiguration, ReadError, Unsupported
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address, parse_address

NAME = "aave_v3"
ROLES = ("addresses_provider", "pool")


class AaveV3:
    """Aave V3 and forks with its contracts."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = AaveFamily()
        self._symbols = {token.asset.id: token.asset.symbol for token in deployments.tokens}
        self._oracles = {entry.key: entry.oracles(parse_address) for entry in deployments.entries}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's account in a market and the market's prices; see the top of this file.

        Raises UnusablePrice where an asset that counts for health has no price, AdapterFault where our
        totals are not the pool's, Unsupported where versions.py or a feature is not known.
        """
        pool, user = yield from both(identify(deployment), read_user(deployment.addresses["pool"], wallet))
        if not pool.assets:
            return Reading(accounts=(), quotes=(), source=block)
        market, emode = yield from both(
            read_market(deployment, pool, self._symbols), read_emode(pool, user.emode_category)
        )
        balances, (emode, lending) = yield from both(
            read_balances(market, user, wallet),
            both(read_emode_price(pool, emode), read_lending(market, user, wallet)),
        )
        quotes = tuple(_quotes(market))
        # A listed debt token would be a holding of the wallet: worth something, instead of owed.
        receipts = tuple(token_id(deployment.chain, token) for one in market.reserves for token in one.tokens)
        if not balances:
            return Reading(accounts=(), quotes=quotes, source=block, receipts=receipts)
        held = [(reserve, balances[reserve.id]) for reserve in market.reserves if reserve.id in balances]
        check(market, held, block.timestamp)
        oracles = self._oracles[deployment.key]
        rule = yield from read_rule(market, oracles, user, emode, balances, lending, block.timestamp)
        counted = {leg.feed.asset for leg in rule.legs if leg.supplied_scaled and leg.threshold_bps}
        account = Account(
            id=f"{NAME}:{deployment.chain}:{pool.address}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=tuple(positions(market, held, counted, block.timestamp)),
            rule=rule,
            reported=reported(rule, user.said, block.timestamp, deployment),
        )
        return Reading(
            accounts=(account,),
            quotes=quotes,
            source=block,
            warnings=tuple(warnings(deployment, market, held, block.timestamp)),
            receipts=receipts,
        )

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Pool revision, oracle and reserves; raises Unsupported on an unknown revision."""
        provider = deployment.addresses["addresses_provider"]
        pool, [named] = yield from both(identify(deployment), ask([POOL.at(provider)]))
        if named != pool.address:
            raise Unsupported(
                f"the pool {pool.address} with an addresses provider of the pool {named}",
                f"correct the addresses of {deployment.name} in the configuration",
            )
        sentences = [f"pool revision {pool.revision} is Aave V{pool.version.release}"]
        if not pool.assets:
            return (*sentences, "the market lists no reserve")
        market = yield from read_market(deployment, pool, self._symbols)
        unpriced = [r.asset.symbol for r in market.reserves if isinstance(r.price, ReadError)]
        currency = market.quote or "USD"
        sentences.append(
            f"the oracle {pool.oracle} prices in {currency} with {market.base_decimals} decimals"
        )
        sentences.append(f"{len(market.reserves)} reserves, {len(unpriced)} without a usable price")
        if unpriced:
            sentences.append(f"no usable price: {', '.join(unpriced)}")
        return tuple(sentences)


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address or misspells an oracle kind."""
    for entry in deployments.entries:
        for role in ROLES:
            if role not in entry.addresses:
                raise BadConfiguration(entry.key, f"addresses.{role} is missing")
    return AaveV3(deployments)


def _quotes(market: Market) -> Iterator[Quote]:
    """Prices in USD; a market that counts in another currency has none to give."""
    for reserve in market.reserves if market.quote is None else ():
        if not isinstance(reserve.price, ReadError):
            yield Quote(reserve.asset.id, reserve.price, market.base_decimals, reserve.price_origin)
