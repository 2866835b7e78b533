"""The comptroller: its kind, its markets, its oracle; and how answers that may be absent are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.compound_v2.calls import (
    ALL_MARKETS,
    BLOCK_NUMBER,
    CLOSE_FACTOR,
    INCENTIVE,
    LIQUIDATOR,
    ORACLE,
    PROTOCOL_PAUSED,
    SEIZE_PAUSED,
    VAI_CONTROLLER,
)
from aggregator.contract import Deployment, Function, Read, ask, attempt, join
from aggregator.model.errors import (
    CallReverted,
    ReadError,
    Unsupported,
)
from aggregator.model.units import Address

MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
NO_ADDRESS = Address("0x" + "0" * 40)


@dataclass(frozen=True, slots=True)
class Comptroller:
    """A comptroller with what must be known before its markets can be read.

    `incentive` is Compound's, None on Venus, where each market and pool has its own. `vai_controller` and
    `liquidator` are None on Compound and where Venus has none. `paused` is seizing on Compound, and
    everything on Venus. `block_number` is what contracts see, on Arbitrum that of Ethereum.
    """

    address: Address
    block_number: int
    markets: tuple[Address, ...]
    oracle: Address
    close_factor: int
    incentive: int | None
    vai_controller: Address | None
    liquidator: Address | None
    paused: bool

    @property
    def venus(self) -> bool:
        """Whether it is of Venus' kind."""
        return self.incentive is None


def identify(deployment: Deployment) -> Read[Comptroller]:
    """One round: markets, oracle and kind; raises Unsupported on a kind that is not known."""
    at = deployment.addresses["comptroller"]
    multicall3 = deployment.addresses.get("multicall3", MULTICALL3)
    [[block_number], [markets], [oracle], [close_factor], *asked] = yield from join(
        [
            ask([BLOCK_NUMBER.at(multicall3)]),
            ask([ALL_MARKETS.at(at)]),
            ask([ORACLE.at(at)]),
            ask([CLOSE_FACTOR.at(at)]),
            attempt([INCENTIVE.at(at)]),
            attempt([VAI_CONTROLLER.at(at)]),
            attempt([LIQUIDATOR.at(at)]),
            attempt([SEIZE_PAUSED.at(at)]),
            attempt([PROTOCOL_PAUSED.at(at)]),
        ]
    )
    incentive, vai_controller, liquidator, seize_paused, protocol_paused = (absent(one) for [one] in asked)
    compound = incentive is not None
    if (vai_controller is None, seize_paused is not None, protocol_paused is None) != (compound,) * 3:
        raise Unsupported(
            f"the comptroller {at} of {deployment.name}",
            "its functions are neither those of Compound V2 nor those of Venus' core pool since it has risk "
            "pools; read a later block, or remove the entry",
        )
    return Comptroller(
        address=at,
        block_number=block_number,
        markets=markets,
        oracle=oracle,
        close_factor=close_factor,
        incentive=incentive,
        vai_controller=None if vai_controller in (None, NO_ADDRESS) else vai_controller,
        liquidator=None if liquidator in (None, NO_ADDRESS) else liquidator,
        paused=bool(seize_paused if compound else protocol_paused),
    )


def column(function: Function[Any], targets: Address | Sequence[Address], *arguments: Any) -> Read[list[Any]]:
    """One columnar request; raises its first failure."""
    if not targets or any(argument == [] for argument in arguments):
        return []
    [column] = yield from ask([function.each(targets, *arguments)])
    return column.values()


def outcomes(
    function: Function[Any], targets: Address | Sequence[Address], *arguments: Any
) -> Read[list[Any]]:
    """One columnar request, failures in their places."""
    if not targets or any(argument == [] for argument in arguments):
        return []
    [column] = yield from ask([function.each(targets, *arguments)])
    return list(column.outcomes())


def absent(answer: Any) -> Any:
    """An answer, None where the contract has no such function; raises any other failure."""
    if isinstance(answer, CallReverted):
        return None
    if isinstance(answer, ReadError):
        raise answer
    return answer
