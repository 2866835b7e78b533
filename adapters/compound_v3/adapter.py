"""Reads a wallet's account in a comet: three rounds, of which the comet's part is shared.

1. the comet's base, indices, utilisation and pauses; the wallet's base and flags, the comet's word on it,
2. the comet's collaterals, rates and the base's price,
3. the prices of the collaterals; the wallet's balances of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from adapters.compound_v3.calls import LIQUIDATABLE, OWED, SUPPLIED, USER_COLLATERAL
from adapters.compound_v3.collateral import Collateral
from adapters.compound_v3.family import CometFamily
from adapters.compound_v3.interest import apr
from adapters.compound_v3.margin import PRICE_DECIMALS, CometRule
from adapters.compound_v3.market import Market, identify, read_market, read_terms, why_unpriced
from adapters.compound_v3.quoting import ONE, Quoting, check_quoting, quote_of, quoting_of
from adapters.compound_v3.reported import check_balances, reported_of
from adapters.compound_v3.room import Room, read_room
from adapters.compound_v3.user import User, read_collateral, read_user
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, both
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import token_id
from aggregator.model.errors import BadConfiguration, ReadError
from aggregator.model.positions import Debt, Position, Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.rules import Feed, Oracle, prices_of
from aggregator.model.units import Address, parse_address

NAME = "compound_v3"


class CompoundV3:
    """Compound V3 and forks with its contracts."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = CometFamily()
        self._symbols = {token.asset.id: token.asset.symbol for token in deployments.tokens}
        self._classes = {token.asset.id: token.classification for token in deployments.tokens}
        self._oracles = {entry.key: entry.oracles(parse_address) for entry in deployments.entries}
        self._quoting = {entry.key: quoting_of(entry) for entry in deployments.entries}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's account in a comet and, where they are in USD, its prices; see the top of this file.

        Raises UnusablePrice where a collateral or a debt has no price, AdapterFault where our figures are not
        the comet's own, Unsupported on another layout or a wrong option `quote`.
        """
        comet_address = deployment.addresses["comet"]
        comet, user = yield from both(identify(deployment, block.timestamp), read_user(comet_address, wallet))
        terms = yield from read_terms(comet)
        (market, room), balances = yield from both(
            both(read_market(deployment, comet, terms, self._symbols), read_room(comet, terms, user)),
            read_collateral(deployment, comet, terms, user, wallet),
        )
        quoting = self._quoting[deployment.key]
        check_quoting(deployment, market, quoting, self._classes)
        quotes = tuple(_quotes(market)) if quoting is Quoting.USD else ()
        receipts = (token_id(deployment.chain, comet_address),)
        if user.is_empty:
            return Reading(accounts=(), quotes=quotes, source=block, receipts=receipts)
        check_balances(deployment, market, user, block.timestamp)
        rule = yield from self._rule(deployment, market, user, balances, room, block.timestamp)
        account = Account(
            id=f"{NAME}:{deployment.chain}:{comet_address}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=tuple(_positions(market, user, balances)),
            rule=rule,
            reported=reported_of(deployment, market, user, balances, rule) if rule else None,
        )
        return Reading(
            accounts=(account,),
            quotes=quotes,
            source=block,
            warnings=tuple(_warnings(deployment, market, quoting, rule, block.timestamp)),
            receipts=receipts,
        )

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """Base, collaterals, prices and pauses; raises Unsupported where the comet can't be read."""
        comet = yield from identify(deployment, block.timestamp)
        terms = yield from read_terms(comet)
        market = yield from read_market(deployment, comet, terms, self._symbols)
        quoting = self._quoting[deployment.key]
        check_quoting(deployment, market, quoting, self._classes)
        listed = (market.base, *market.collaterals)
        unpriced = [one.asset.symbol for one in listed if isinstance(one.price, ReadError)]
        currency = "USD" if quoting is Quoting.USD else market.base.asset.symbol
        sentences = [
            f"the base is {market.base.asset.symbol} ({market.base.address}), prices are in {currency}",
            f"{len(market.collaterals)} collaterals",
        ]
        if unpriced:
            sentences.append(f"no usable price: {', '.join(unpriced)}")
        if comet.paused:
            sentences.append(f"paused: {'; '.join(comet.paused)}")
        return tuple(sentences)

    def _rule(
        self,
        deployment: Deployment,
        market: Market,
        user: User,
        balances: Sequence[int],
        room: Room,
        time: int,
    ) -> Read[CometRule | None]:
        """The account's test; None for a supply of base alone, which nothing can touch."""
        if user.principal >= 0 and not user.flags:
            return None
        oracles = self._oracles[deployment.key]
        quote = quote_of(market, self._quoting[deployment.key])
        held = [
            (listed, balance) for listed, balance in zip(market.collaterals, balances, strict=True) if balance
        ]
        feeds: list[Feed] = []
        for listed in (market.base, *(listed for listed, _ in held)):
            if isinstance(listed.price, ReadError):
                raise (yield from why_unpriced(listed, listed.price))
            oracle = oracles.get(listed.address, Oracle.MARKET)
            feeds.append(
                Feed(listed.asset.id, oracle, listed.price, PRICE_DECIMALS, listed.price_origin, quote)
            )
        return CometRule(
            base=feeds[0],
            base_decimals=market.base.asset.decimals,
            principal=user.principal,
            accrual=market.accrual,
            collaterals=tuple(
                Collateral(
                    feed=feed,
                    decimals=listed.asset.decimals,
                    balance=balance,
                    liquidate_factor=listed.liquidate_factor,
                    liquidation_factor=listed.liquidation_factor,
                    borrow_factor=listed.borrow_factor,
                    room=room.below_caps.get(listed.address),
                )
                for feed, (listed, balance) in zip(feeds[1:], held, strict=True)
            ),
            absorb_paused=market.comet.absorb_paused,
            comet=market.comet.address,
            read_at=time,
            cash=room.cash,
        )


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks its address or option, or misspells one."""
    for entry in deployments.entries:
        if "comet" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.comet is missing")
    return CompoundV3(deployments)


def _quotes(market: Market) -> Iterator[Quote]:
    for listed in (market.base, *market.collaterals):
        if not isinstance(listed.price, ReadError):
            yield Quote(listed.asset.id, listed.price, PRICE_DECIMALS, listed.price_origin)


def _positions(market: Market, user: User, balances: Sequence[int]) -> Iterator[Position]:
    """The base as the comet counts it at the block, then every collateral, which earns nothing."""
    at, base = market.comet.address, market.base.asset
    if user.principal > 0:
        origin = f"{SUPPLIED.canonical}@{at}"
        yield Supply(
            base, user.supplied, is_collateral=False, origin=origin, apr=apr(market.accrual.supply_rate)
        )
    if user.principal < 0:
        origin = f"{OWED.canonical}@{at}"
        yield Debt(base, user.owed, "variable", origin, apr(market.accrual.borrow_rate))
    for listed, balance in zip(market.collaterals, balances, strict=True):
        if balance:
            origin = f"{USER_COLLATERAL.canonical}@{at}"
            yield Supply(listed.asset, balance, listed.liquidate_factor > 0, origin, apr=0.0)


def _warnings(
    deployment: Deployment, market: Market, quoting: Quoting, rule: CometRule | None, time: int
) -> Iterator[str]:
    name = deployment.name
    if market.comet.paused:
        yield f"paused on {name}: {'; '.join(market.comet.paused)}"
    if rule is None:
        return
    off = abs(rule.base.price - ONE)
    if quoting is Quoting.BASE and off > ONE // 200:
        yield (
            f"{name} counts in the coin that {market.base.asset.symbol} wraps, of which it is worth "
            f"{rule.base.price / ONE:.4f}: the USD figures of its own test are off by that, its health is not"
        )
    now, accrued = (rule.health(prices_of(rule), when) for when in (time, rule.accrual.updated_at))
    if now.liquidatable and not accrued.liquidatable:
        yield (
            f"{name}: {LIQUIDATABLE.canonical} still counts the debt as last accrued and says no; an "
            "absorption counts it anew and would succeed"
        )
