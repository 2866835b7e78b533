"""Where the parts of a deployment are and what all of its accounts share: round 1 and a part of round 2."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.perp_curie import calls
from adapters.perp_curie.market import MILLION
from aggregator.contract import Deployment, Read, ask, both, optional
from aggregator.model.errors import MalformedReply, Unsupported
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class System:
    """Where the parts of one deployment are at the block, and how it settles."""

    clearing_house: Address
    account_balance: Address
    vault: Address
    config: Address
    exchange: Address
    order_book: Address
    registry: Address
    insurance_fund: Address
    collateral_manager: Address
    settlement: Address
    settlement_decimals: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What all accounts share; ratios in millionths, the insurance fund's capacity with 18 decimals.

    `room` is how much more of the settlement token the vault takes: below zero where it is above its cap,
    None where that is not known.
    """

    symbol: str
    initial_ratio: int
    maintenance_ratio: int
    penalty_ratio: int
    twap_interval: int
    max_funding_rate: int
    capacity: int
    vault_paused: bool
    room: int | None


def system(deployment: Deployment) -> Read[System]:
    """Where everything is; raises Unsupported where the parts of the configuration don't belong together."""
    house, at = deployment.addresses["clearing_house"], deployment.addresses
    own = {role: at[role] for role in ("account_balance", "vault", "exchange")}
    balance, vault, exchange = own.values()
    found, ([registry], ([settlement, manager], ([decimals], [paused]))) = yield from both(
        ask(
            [
                calls.ACCOUNT_BALANCE.at(house),
                calls.VAULT.at(house),
                calls.EXCHANGE.at(house),
                calls.CONFIG.at(house),
                calls.ORDER_BOOK.at(house),
                calls.INSURANCE_FUND.at(house),
            ]
        ),
        both(
            ask([calls.MARKET_REGISTRY.at(exchange)]),
            both(
                ask([calls.SETTLEMENT_TOKEN.at(vault), calls.COLLATERAL_MANAGER.at(vault)]),
                both(ask([calls.SETTLEMENT_DECIMALS.at(vault)]), ask([calls.PAUSED.at(house)])),
            ),
        ),
    )
    for (name, configured), said in zip(own.items(), found, strict=False):
        if said != configured:
            raise Unsupported(
                f"{name} {configured} in {deployment.name}",
                f"its clearing house says {said}; correct the address",
            )
    if decimals > 18:
        raise MalformedReply(calls.SETTLEMENT_DECIMALS.at(vault).origin, f"{decimals} decimals")
    return System(
        clearing_house=house,
        account_balance=balance,
        vault=vault,
        config=found[3],
        exchange=exchange,
        order_book=found[4],
        registry=registry,
        insurance_fund=found[5],
        collateral_manager=manager,
        settlement=settlement,
        settlement_decimals=decimals,
        paused=paused,
    )


def settings(at: System) -> Read[Settings]:
    """What all accounts share; in round 2."""
    ratios = [
        one.at(at.config) for one in (calls.INITIAL_RATIO, calls.MAINTENANCE_RATIO, calls.PENALTY_RATIO)
    ]
    others = [calls.TWAP_INTERVAL.at(at.config), calls.MAX_FUNDING_RATE.at(at.config)]
    full = [calls.SETTLEMENT_CAP.at(at.config), calls.TOKEN_BALANCE.at(at.settlement, at.vault)]
    (
        ([initial, maintenance, penalty, interval, rate], said),
        (([capacity], [stopped]), ([symbol], [fund])),
    ) = yield from both(
        both(ask([*ratios, *others]), optional(ask(full))),
        both(
            both(ask([calls.CAPACITY.at(at.insurance_fund)]), ask([calls.PAUSED.at(at.vault)])),
            both(
                ask([calls.SYMBOL.at(at.settlement)]),
                ask([calls.PNL_AND_FEE.at(at.account_balance, at.insurance_fund)]),
            ),
        ),
    )
    for call, ratio in zip(ratios, (initial, maintenance, penalty), strict=True):
        if ratio > MILLION:
            raise MalformedReply(call.origin, f"a ratio of {ratio} of {MILLION}")
    unit = 10 ** (18 - at.settlement_decimals)
    # The fund reports whole units; what it has earned is kept with 18 decimals.
    exact = capacity * unit + fund.owed_realized_pnl % unit
    room = None if said is None else said[0] - said[1]
    return Settings(symbol, initial, maintenance, penalty, interval, rate, exact, stopped, room)
