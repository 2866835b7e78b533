"""What a plan may do, what it costs beside what venues take, and how near to its targets it must come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from aggregator.model.units import Address, ChainId

Kind: TypeAlias = Literal[
    "repay", "deposit", "withdraw", "reduce", "hedge", "swap", "transfer", "bridge", "flash"
]

KINDS: tuple[Kind, ...] = (
    "repay",
    "deposit",
    "withdraw",
    "reduce",
    "hedge",
    "swap",
    "transfer",
    "bridge",
    "flash",
)
"""All that a plan may be made of; `hedge` opens and enlarges perps, and must be asked for."""

DEFAULT_KINDS: frozenset[Kind] = frozenset(KINDS) - {"hedge"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The user's own: kinds of steps, accounts (their ids) that may be touched beside wallets (None: all),
    and the most that everything may cost in USD. `most_steps` bounds how often a loop may go round.
    `executors` are the user's contracts that run flash bundles, by chain: where there is none, no bundle is.
    Without `estimates` a plan is made only of steps whose market was read and whose calls are known: no swap
    at an estimate, and no bridge.
    """

    kinds: frozenset[Kind] = DEFAULT_KINDS
    accounts: frozenset[str] | None = None
    most_cost_usd: float | None = None
    most_steps: int = 40
    executors: Mapping[ChainId, Address] = field(default_factory=dict)
    estimates: bool = True


@dataclass(frozen=True, slots=True)
class Charges:
    """What venues don't tell, in USD and shares.

    `gas_usd` of one step by chain, `gas_elsewhere_usd` on others. `slippage` is how much less than the quote
    a swap may bring at worst, which a plan counts on. `bridge` is what a bridge keeps of what it carries.
    `swap` is the share that a swap costs where no market was read, before what the price gives way.
    """

    gas_usd: Mapping[ChainId, float] = field(default_factory=dict)
    gas_elsewhere_usd: float = 1.0
    slippage: Decimal = Decimal("0.001")
    bridge: Decimal = Decimal("0.001")
    swap: Decimal = Decimal("0.003")

    def gas(self, chain: ChainId) -> float:
        """Of one step, in USD."""
        return self.gas_usd.get(chain, self.gas_elsewhere_usd)
