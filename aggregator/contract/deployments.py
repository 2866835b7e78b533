"""Where a protocol lives: what `deployments.toml` and the configuration say, as factories are given it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aggregator.model.assets import ListedToken
from aggregator.model.errors import BadConfiguration
from aggregator.model.rules import Oracle
from aggregator.model.units import Address, ChainId

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One protocol market on one chain.

    `addresses` by role; `options` are further settings of the entry as TOML gave them. `source` says where
    the addresses come from; `verified` is True where this adapter was seen working on it.
    """

    adapter: str
    chain: ChainId
    name: str
    addresses: Mapping[str, Address]
    source: str
    first_block: int | None = None
    verified: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Unique among deployments: `adapter:chain:name`."""
        return f"{self.adapter}:{self.chain}:{self.name}"

    def oracles(self, named: Callable[[str], K]) -> dict[K, Oracle]:
        """Oracle kinds by what `named` makes of the names in `options.oracle`; all else is at its market.

        Raises BadConfiguration where that is no table of kinds, and what `named` raises.
        """
        kinds = self.options.get("oracle", {})
        if not isinstance(kinds, Mapping):
            raise BadConfiguration(self.key, "options.oracle should be a table")
        allowed = [kind.value for kind in Oracle]
        for name, kind in kinds.items():
            if kind not in allowed:
                why = f"options.oracle of {name} is {kind!r}, not one of {allowed}"
                raise BadConfiguration(self.key, why)
        return {named(name): Oracle(kind) for name, kind in kinds.items()}


@dataclass(frozen=True, slots=True)
class Deployments:
    """What a factory is given: its own deployments and the configuration's listed tokens."""

    entries: tuple[Deployment, ...]
    tokens: tuple[ListedToken, ...]
