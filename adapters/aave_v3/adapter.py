"""Reads a wallet's account in an Aave V3 market: three rounds, of which the market's part is shared.

1. the pool's revision, reserves and oracle; the wallet's flags, eMode category and totals,
2. data and price of every reserve; the wallet's eMode category,
3. the wallet's balances.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from adapters.aave_v3.calls import POOL, SCALED_BALANCE, STABLE_PRINCIPAL
from adapters.aave_v3.family import AaveFamily
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.market import Market, Reserve, identify, read_market, why_unpriced
from adapters.aave_v3.user import Balance, EMode, PoolWord, User, read_balances, read_emode, read_user
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both
from aggregator.model.accounts import Account, ProtocolKind, Reported
from aggregator.model.errors import AdapterFault, BadConfiguration, ReadError, Unsupported
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.rules import WAD, Feed, Oracle, prices_of
from aggregator.model.units import Address, parse_address

if TYPE_CHECKING:
    from aggregator.model.assets import AssetId

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
        self._oracles = {entry.key: _oracles(entry) for entry in deployments.entries}

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
        balances = yield from read_balances(market, user, wallet)
        quotes = tuple(_quotes(market))
        if not balances:
            return Reading(accounts=(), quotes=quotes, source=block)
        rule = yield from self._rule(deployment, market, user, emode, balances)
        held = [(reserve, balances[reserve.id]) for reserve in market.reserves if reserve.id in balances]
        counted = {leg.feed.asset for leg in rule.legs if leg.supplied_scaled and leg.threshold_bps}
        account = Account(
            id=f"{NAME}:{deployment.chain}:{pool.address}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=tuple(_positions(market, held, counted, block.timestamp)),
            rule=rule,
            reported=_reported(rule, user.said, block.timestamp, deployment),
        )
        warnings = tuple(
            f"{reserve.asset.symbol} is paused on {deployment.name}: no repayment or withdrawal now"
            for reserve, _ in held
            if reserve.paused
        )
        return Reading(accounts=(account,), quotes=quotes, source=block, warnings=warnings)

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
        sentences.append(f"the oracle {pool.oracle} prices in USD with {market.base_decimals} decimals")
        sentences.append(f"{len(market.reserves)} reserves, {len(unpriced)} without a usable price")
        if unpriced:
            sentences.append(f"no usable price: {', '.join(unpriced)}")
        return tuple(sentences)

    def _rule(
        self,
        deployment: Deployment,
        market: Market,
        user: User,
        emode: EMode | None,
        balances: Mapping[int, Balance],
    ) -> Read[AaveRule]:
        version = market.pool.version
        legs: list[Leg] = []
        for reserve in market.reserves:
            collateral = user.uses_as_collateral(reserve)
            if not collateral and not user.borrows(reserve):
                continue
            if isinstance(reserve.price, ReadError):
                raise (yield from why_unpriced(market.pool.oracle, reserve, reserve.price))
            if version.threshold_gate and reserve.threshold_bps == 0:
                collateral = False
            balance = balances.get(reserve.id, Balance(0, 0, None))
            in_emode = emode is not None and emode.covers(reserve)
            legs.append(
                Leg(
                    feed=Feed(
                        asset=reserve.asset.id,
                        oracle=self._oracles[deployment.key].get(reserve.address, Oracle.MARKET),
                        price=reserve.price,
                        decimals=market.base_decimals,
                        origin=reserve.price_origin,
                    ),
                    decimals=reserve.asset.decimals,
                    supplied_scaled=balance.supplied_scaled if collateral else 0,
                    threshold_bps=emode.threshold_bps if emode and in_emode else reserve.threshold_bps,
                    owed_scaled=balance.owed_scaled,
                    accrual=reserve.accrual,
                    stable=balance.stable,
                )
            )
        return AaveRule(version.maths, market.base_decimals, tuple(legs))


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address or misspells an oracle kind."""
    for entry in deployments.entries:
        for role in ROLES:
            if role not in entry.addresses:
                raise BadConfiguration(entry.key, f"addresses.{role} is missing")
    return AaveV3(deployments)


def _oracles(entry: Deployment) -> Mapping[Address, Oracle]:
    """Oracle kinds by asset, from the entry's options; every other asset is at its market price."""
    kinds = entry.options.get("oracle", {})
    if not isinstance(kinds, Mapping):
        raise BadConfiguration(entry.key, "options.oracle should be a table of assets")
    allowed = [kind.value for kind in Oracle]
    for asset, kind in kinds.items():
        if kind not in allowed:
            raise BadConfiguration(entry.key, f"options.oracle of {asset} is {kind!r}, not one of {allowed}")
    return {parse_address(asset): Oracle(kind) for asset, kind in kinds.items()}


def _quotes(market: Market) -> Iterator[Quote]:
    for reserve in market.reserves:
        if not isinstance(reserve.price, ReadError):
            yield Quote(reserve.asset.id, reserve.price, market.base_decimals, reserve.price_origin)


def _positions(
    market: Market, held: list[tuple[Reserve, Balance]], counted: set[AssetId], time: int
) -> Iterator[Position]:
    maths = market.pool.version.maths
    for reserve, balance in held:
        asset, accrual = reserve.asset, reserve.accrual
        if balance.supplied_scaled:
            raw = accrual.supplied(maths, balance.supplied_scaled, time)
            yield Supply(asset, raw, asset.id in counted, f"{SCALED_BALANCE.canonical}@{reserve.a_token}")
        if balance.owed_scaled:
            raw = accrual.owed(maths, balance.owed_scaled, time)
            yield Debt(asset, raw, "variable", f"{SCALED_BALANCE.canonical}@{reserve.debt_token}")
        if balance.stable:
            raw = balance.stable.owed(time)
            yield Debt(asset, raw, "stable", f"{STABLE_PRINCIPAL.canonical}@{reserve.stable_debt_token}")


def _reported(rule: AaveRule, said: PoolWord | ReadError, time: int, deployment: Deployment) -> Reported:
    """The pool's own word; raises AdapterFault where its totals are not those that the rule is made from.

    A reserve that was missed would understate debt or overstate health: a cent and 1 bp are far above any
    rounding.
    """
    if isinstance(said, ReadError):
        raise said
    ours = rule.totals(prices_of(rule), time)
    cent = 10**rule.base_decimals // 100
    for name, mine, theirs in (
        ("collateral", ours.collateral, said.collateral),
        ("debt", ours.debt, said.debt),
    ):
        if abs(mine - theirs) > max(theirs // 10_000, cent):
            raise AdapterFault(f"{name} on {deployment.name} adds up to {mine}, {said.origin} says {theirs}")
    liquidatable = said.health is not None and said.health < WAD
    return Reported(said.health, liquidatable, None, said.origin)
