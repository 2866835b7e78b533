"""What all wallets of a deployment share: contracts, all oTokens ever made, parameters of products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.calls import PricerSet, Product, Series
from aggregator.contract import Deployment, Read, ask, attempt, both, join
from aggregator.model.errors import MalformedReply, ReadError, Unsupported
from aggregator.model.rules import Oracle
from aggregator.model.units import Address

NOBODY = Address("0x" + "0" * 40)
MAX_EXPIRY = 11_865_398_400
"""The year 2346: the factory makes none of it, and calendars may end somewhere."""
MAX_TIMES = 255
"""Bounds of a product: the contract counts them in one byte and reverts beyond."""


@dataclass(frozen=True, slots=True)
class System:
    """One deployment at a block.

    `series` are all oTokens of the factory by address, `pricers` the oracle's as its logs tell them. `paused`
    is the controller's word for why nothing can be liquidated, None where it can.
    """

    controller: Address
    calculator: Address
    oracle: Address
    series: Mapping[Address, Series]
    pricers: Mapping[Address, Address]
    paused: str | None


@dataclass(frozen=True, slots=True)
class Parameters:
    """Margin parameters of a product; `times` in seconds to expiry, ascending. `shock` has 27 decimals."""

    shock: int
    times: tuple[int, ...]
    dust: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where the oracle takes an asset's price: pinned, or from a pricer; and its aggregator if it has one."""

    is_pinned: bool
    aggregator: Address | None

    def kind(self, configured: Oracle) -> Oracle:
        """What moves the price: a pinned one nothing."""
        return Oracle.FIXED if self.is_pinned else configured


@dataclass(frozen=True, slots=True)
class Market:
    """What vaults are judged by: parameters of products and sources of prices, or why one can't be told."""

    deviation: int
    products: Mapping[Product, Parameters | ReadError]
    sources: Mapping[Address, Source | ReadError]


def read_system(deployment: Deployment) -> Read[System]:
    """A deployment in one round.

    Raises Unsupported where its addresses are not of one system, MalformedReply where the factory's logs are
    not those of all its oTokens.
    """
    at, first_block = deployment.addresses, deployment.first_block or 0
    controller, factory, oracle = at["controller"], at["otoken_factory"], at["oracle"]
    (parts, flags), (count, logs) = yield from both(
        both(
            ask(
                [
                    calls.CALCULATOR.at(controller),
                    calls.ORACLE.at(controller),
                    calls.ADDRESS_BOOK.at(controller),
                    calls.FACTORY_BOOK.at(factory),
                ]
            ),
            ask([calls.FULLY_PAUSED.at(controller), calls.PARTIALLY_PAUSED.at(controller)]),
        ),
        both(
            ask([calls.OTOKEN_COUNT.at(factory)]),
            ask(
                [
                    calls.OTOKEN_CREATED.logs(factory, from_block=first_block),
                    calls.PRICER_SET.logs(oracle, from_block=first_block),
                ]
            ),
        ),
    )
    calculator, told, book, factory_book = parts
    for role, configured, answered in (
        ("oracle", oracle, told),
        ("otoken_factory's address book", factory_book, book),
    ):
        if configured != answered:
            raise Unsupported(
                f"{deployment.name} with the {role} {configured}",
                f"its controller names {answered}; correct the addresses",
            )
    series = [calls.OTOKEN_CREATED.decode(log) for log in logs[0]]
    by_address = {one.otoken: one for one in series if one.expiry < MAX_EXPIRY}
    if not len(by_address) == len(series) == count[0]:
        raise MalformedReply(
            calls.OTOKEN_COUNT.at(factory).origin,
            f"{count[0]} oTokens, while logs from block {first_block} on tell of {len(by_address)}: give an "
            "earlier `first_block` of the deployment",
        )
    pricers = [calls.PRICER_SET.decode(log) for log in logs[1]]
    return System(controller, calculator, oracle, by_address, _latest(pricers), _paused(*flags))


def _latest(pricers: list[PricerSet]) -> dict[Address, Address]:
    return {one.asset: one.pricer for one in pricers}


def _paused(fully: bool, partially: bool) -> str | None:
    if fully:
        return "C5: system is fully paused"
    return "C4: system is partially paused" if partially else None


def read_market(system: System, time: int) -> Read[Market]:
    """Parameters of all products that have options which are not expired, in one round.

    Raises Unsupported where the calculator takes its prices from another oracle.
    """
    live = [series for series in system.series.values() if series.expiry > time]
    products = list(dict.fromkeys(series.product for series in live))
    assets = list(dict.fromkeys(asset for series in live for asset in series.assets))
    ([oracle], [deviation]), (parameters, sources) = yield from both(
        both(ask([calls.ORACLE.at(system.calculator)]), ask([calls.DEVIATION.at(system.calculator)])),
        both(
            join([_parameters(system.calculator, product) for product in products], isolate=True),
            join([_source(system, asset) for asset in assets], isolate=True),
        ),
    )
    if oracle != system.oracle:
        raise Unsupported(
            f"the calculator {system.calculator} with the oracle {oracle}",
            f"its controller settles by {system.oracle}, and this release knows one oracle for both",
        )
    return Market(
        deviation,
        dict(zip(products, parameters, strict=True)),
        dict(zip(assets, sources, strict=True)),
    )


def _parameters(calculator: Address, product: Product) -> Read[Parameters]:
    times_call = calls.TIMES_TO_EXPIRY.at(calculator, *product)
    [times], [shock, dust] = yield from both(
        ask([times_call]),
        ask([calls.SPOT_SHOCK.at(calculator, *product), calls.DUST.at(calculator, product.collateral)]),
    )
    if len(times) > MAX_TIMES or list(times) != sorted(set(times)):
        raise MalformedReply(times_call.origin, f"{len(times)} times to expiry, at most {MAX_TIMES} ascend")
    return Parameters(shock, times, dust)


def _source(system: System, asset: Address) -> Read[Source]:
    logged = system.pricers.get(asset)
    [pricer], answers = yield from both(
        ask([calls.PRICER.at(system.oracle, asset)]),
        attempt([calls.AGGREGATOR.at(logged)] if logged else []),
    )
    # A pricer that is no Chainlink one has none, and refuses historical prices, too.
    known = [one for one in answers if not isinstance(one, ReadError)] if pricer == logged else []
    return Source(pricer == NOBODY, known[0] if known else None)
