"""An account: the unit that a protocol can liquidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from aggregator.model.assets import AssetId
from aggregator.model.positions import Position
from aggregator.model.rules import Rule, prices_of
from aggregator.model.units import Address, ChainId

if TYPE_CHECKING:
    from aggregator.model.openings import Opening

ProtocolKind: TypeAlias = Literal["wallet", "lending", "perp", "option"]


@dataclass(frozen=True, slots=True)
class Reported:
    """What the protocol itself answers of an account at the block.

    `health` has 18 decimals, None where nothing is required. `liquidatable` is the protocol's own flag,
    None where it has none. `liquidation_price` has 18 decimals in USD, where the protocol gives one.
    """

    health: int | None
    liquidatable: bool | None
    liquidation_price: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A reply of a venue that has no blocks: Unix seconds, endpoint name, hash of the content.

    It can't be read again: whoever asks later is told something else.
    """

    time: int
    endpoint: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Account:
    """One liquidatable unit of an owner.

    `id` is unique and stable over blocks: `protocol:chain:market:owner[:number]`. `owner_path` leads from
    the wallet that was asked for to the address that holds the account. `rule` and `reported` are None for
    accounts that nothing can liquidate (the wallet itself, options held); `rule` alone is, where the protocol
    tells a verdict and not what it follows from.
    `debt_is_recourse` is False where walking away costs no more than the account.
    `observed` is what a venue said in place of the chain; None: it is read at the reading's block.
    `judged_at` are prices to judge the account at instead of those that its rule was read with.
    `openings` are perps that could be opened in it, where that was asked for.
    """

    id: str
    protocol: str
    kind: ProtocolKind
    chain: ChainId
    label: str
    owner_path: tuple[Address, ...]
    positions: tuple[Position, ...]
    rule: Rule | None
    reported: Reported | None
    debt_is_recourse: bool = False
    observed: Observation | None = None
    judged_at: Mapping[AssetId, int] | None = None
    openings: tuple[Opening, ...] = ()

    @property
    def prices(self) -> Mapping[AssetId, int]:
        """What its rule's feeds answer, in their own decimals; nothing without a rule."""
        if self.judged_at is not None:
            return self.judged_at
        return {} if self.rule is None else prices_of(self.rule)

    @property
    def bare_wallet(self) -> Account:
        """The wallet account of the address that holds it, as it is where that has no token at all."""
        return Account(
            id=f"wallet:{self.chain}:{self.owner_path[-1]}",
            protocol="wallet",
            kind="wallet",
            chain=self.chain,
            label="Wallet",
            owner_path=self.owner_path,
            positions=(),
            rule=None,
            reported=None,
        )
