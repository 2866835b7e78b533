"""Reads a trader's account in three rounds.

1. where the parts of the system are (shared), the trader's markets and collaterals, and what was realised;
2. each market and collateral, the settings (shared), and the protocol's own views of the account;
3. the trader's range orders, the averages that funding follows, and each market's pool with its liquidity as
   far as a trade may move the price.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from adapters.perp_curie import collateral_reading, reading
from adapters.perp_curie.account import Said, account_of, quotes_of, rule_of
from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import DECIMALS, CurieRule
from adapters.perp_curie.system import settings, system
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, both
from aggregator.model.accounts import ProtocolKind
from aggregator.model.errors import BadConfiguration, ReadError
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import Address, scaled

BASE_ROLE = "base_"
"""How the roles of base tokens begin, of which there are any number."""

ROLES = ("clearing_house", "account_balance", "vault", "exchange")


class CurieAdapter:
    """All markets of each deployment."""

    name = "perp_curie"
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = CurieFamily()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments = tuple(deployments)

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's account, whose margin all markets share: what fails in one fails it all.

        Raises UnusablePrice where a price values nothing, Unsupported where the configured parts don't belong
        together.
        """
        return (yield from _read(deployment, wallet, block, openings=False))

    def read_with_openings(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The same with what could be opened in the configured markets, in as many rounds as a trader takes.

        A warning names the markets of which that can't be told.
        """
        return (yield from _read(deployment, wallet, block, openings=True))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How it settles, its margin and its insurance fund; raises Unsupported on parts of two systems."""
        at = yield from system(deployment)
        shared = yield from settings(at)
        capacity = scaled(shared.capacity, 18).normalize()
        margin = shared.maintenance_ratio / 10**4
        state = "paused" if at.paused else "open"
        return (
            f"{state}, settled in {shared.symbol}, maintenance margin {margin:g}% at block {block.number}",
            f"the insurance fund can cover {capacity:f} {shared.symbol}",
        )


def _read(deployment: Deployment, wallet: Address, block: Block, *, openings: bool) -> Read[Reading]:
    at, trader = yield from both(system(deployment), reading.trader(deployment, wallet))
    is_empty = trader.is_empty(at.settlement_decimals)
    listed = _listed(deployment) if openings else ()
    bases = tuple(one for one in listed if one not in trader.bases)
    if is_empty and not bases:
        return Reading((), (), block)
    ((markets, others), (collaterals, terms)), (shared, own) = yield from both(
        both(
            both(reading.markets(at, wallet, trader.bases, block), reading.others(at, wallet, bases, block)),
            both(
                collateral_reading.collaterals(at, wallet, trader.collaterals),
                collateral_reading.sale_terms(at, wallet, trader.collaterals),
            ),
        ),
        both(settings(at), reading.own_word(at, wallet)),
    )
    known = [one for one in others if not isinstance(one, ReadError)]
    said = Said(at, shared, trader, markets, collaterals, terms, own, known)
    rule = rule_of(said, block)
    account = account_of(said, rule, deployment.name, wallet, block)
    told = _untold(deployment, bases, others)
    if is_empty:
        openable = (replace(account, positions=(), reported=None),) if account.openings else ()
        return Reading((), (), block, tuple(told), openable=openable)
    return Reading(
        accounts=(account,),
        quotes=tuple(quotes_of(rule, said)),
        source=block,
        warnings=(*_warnings(deployment, rule, said), *told),
    )


def _listed(deployment: Deployment) -> tuple[Address, ...]:
    """The base tokens of the markets that the configuration names, as no contract lists them."""
    return tuple(address for role, address in deployment.addresses.items() if role.startswith(BASE_ROLE))


def _untold(
    deployment: Deployment, bases: Sequence[Address], others: Sequence[reading.MarketReply | ReadError]
) -> list[str]:
    sentences = []
    for base, one in zip(bases, others, strict=True):
        if isinstance(one, ReadError):
            sentences.append(
                f"{deployment.name}: what opening takes in the market {base} is not known: {one}"
            )
        elif one.is_open and one.pool is None:
            sentences.append(
                f"{deployment.name} {one.symbol}: nothing can be opened, as what its pool holds is not known"
            )
    return sentences


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        missing = [role for role in ROLES if role not in entry.addresses]
        if missing:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
    return CurieAdapter(deployments.entries)


def _warnings(deployment: Deployment, rule: CurieRule, said: Said) -> list[str]:
    name, symbol = deployment.name, said.settings.symbol
    found = [f"{name} is paused: nothing can be traded or liquidated there"] if rule.paused else []
    for market, reply in zip(rule.markets, said.markets, strict=True):
        at = f"{name} {market.name}"
        if market.is_open and (reply.market_twap is None or reply.index_twap is None):
            found.append(f"{at}: too young for its averages, funding after block time is not counted")
        if not market.is_open:
            found.append(f"{at}: the market has stopped, its position is shown as what it will settle to")
        elif market.orders:
            found.append(
                f"{at}: range orders are part of the position; their exposure changes with the price"
            )
    if said.own.collateral_liquidatable:
        found.append(f"{name}: collateral can be sold at a discount now, to repay {symbol} that is owed")
    missing = -rule.account_value(prices_of(rule), rule.time) - max(0, rule.insurance)
    if missing > 0:
        amount = scaled(missing, DECIMALS).normalize()
        found.append(
            f"{name}: the account is below zero by {amount:f} {symbol} more than the insurance fund can "
            "cover: its last positions can't be liquidated until the fund is filled"
        )
    return found
