"""Reads a wallet's trove in two rounds: the trove, the price and the system; then what the protocol says."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aggregator.contract import Adapter, Deployment, Deployments, Function, Read, RuleFamily, ask, both
from aggregator.model.accounts import Account, ProtocolKind, Reported
from aggregator.model.assets import Asset, native_id, token_id
from aggregator.model.errors import AdapterFault, BadConfiguration, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address
from tests.docs.liquity_v1.margin import TroveFamily, TroveRule

NAME = "liquity_v1"
ROLES = ("trove_manager", "price_feed", "stability_pool", "lusd")


class Trove(NamedTuple):
    """Debt in LUSD and collateral in ETH, 18 decimals, shares of redistributed troves included."""

    debt: int
    collateral: int
    pending_debt: int
    pending_collateral: int


TROVE: Function[Trove] = Function(
    "getEntireDebtAndColl(address)(uint256,uint256,uint256,uint256)", into=Trove
)
# Not a view function: it keeps the last good price. A call of it answers what a liquidation would use now.
PRICE: Function[int] = Function("fetchPrice()(uint256)")
SYSTEM_COLLATERAL: Function[int] = Function("getEntireSystemColl()(uint256)")
SYSTEM_DEBT: Function[int] = Function("getEntireSystemDebt()(uint256)")
POOL_DEPOSITS: Function[int] = Function("getTotalLUSDDeposits()(uint256)")
RATIO: Function[int] = Function("getCurrentICR(address,uint256)(uint256)")
RECOVERY: Function[bool] = Function("checkRecoveryMode(uint256)(bool)")
OWNERS: Function[int] = Function("getTroveOwnersCount()(uint256)")


class LiquityV1:
    """Troves: ETH as collateral, LUSD as debt, without interest."""

    name = NAME
    kind: ProtocolKind = "lending"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = TroveFamily()

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's trove; raises UnusablePrice, and AdapterFault where our mode is not the system's."""
        at = deployment.addresses
        manager = at["trove_manager"]
        trove_call, price_call = TROVE.at(manager, wallet), PRICE.at(at["price_feed"])
        [trove], [price, system_collateral, system_debt, pool] = yield from both(
            ask([trove_call]),
            ask(
                [
                    price_call,
                    SYSTEM_COLLATERAL.at(manager),
                    SYSTEM_DEBT.at(manager),
                    POOL_DEPOSITS.at(at["stability_pool"]),
                ]
            ),
        )
        eth = Asset(native_id(deployment.chain), "ETH", 18)
        if price <= 0:
            raise UnusablePrice(eth.id, price_call.origin, price)
        quotes = (Quote(eth.id, price, 18, price_call.origin),)
        if trove.debt == 0:
            return Reading(accounts=(), quotes=quotes, source=block)

        ratio_call, recovery_call = RATIO.at(manager, wallet, price), RECOVERY.at(manager, price)
        [ratio], [recovery] = yield from both(ask([ratio_call]), ask([recovery_call]))
        rule = TroveRule(
            feed=Feed(eth.id, Oracle.MARKET, price, 18, price_call.origin),
            collateral=trove.collateral,
            debt=trove.debt,
            covered=trove.debt <= pool,
            system_collateral=system_collateral,
            system_debt=system_debt,
        )
        if recovery != rule.recovery(price):
            raise AdapterFault(f"{recovery_call.origin} says {recovery}, the totals say otherwise")
        lusd = Asset(token_id(deployment.chain, at["lusd"]), "LUSD", 18)
        account = Account(
            id=f"{NAME}:{deployment.chain}:{manager}:{wallet}",
            protocol=NAME,
            kind=self.kind,
            chain=deployment.chain,
            label=deployment.name,
            owner_path=(wallet,),
            positions=(
                Supply(eth, trove.collateral, is_collateral=True, origin=trove_call.origin),
                Debt(lusd, trove.debt, "variable", trove_call.origin),
            ),
            rule=rule,
            reported=Reported(
                health=ratio * WAD // rule.required_ratio(price),
                liquidatable=None,  # the protocol has no flag of its own
                liquidation_price=None,
                origin=ratio_call.origin,
            ),
        )
        return Reading(accounts=(account,), quotes=quotes, source=block)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """How many troves there are, and the price."""
        at = deployment.addresses
        owners, price = yield from ask([OWNERS.at(at["trove_manager"]), PRICE.at(at["price_feed"])])
        return f"{owners} troves", f"ETH at {price // WAD} USD"


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        for role in ROLES:
            if role not in entry.addresses:
                raise BadConfiguration(entry.key, f"addresses.{role} is missing")
    return LiquityV1(deployments)
