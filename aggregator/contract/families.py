"""The fast form of solvency tests: the rules of many accounts as arrays, under many prices at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aggregator.model.rules import Feed, JsonValue, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Shocked:
    """The prices of a batch of scenarios as a rule family sees them.

    `prices` has shape (feeds, scenarios): each row belongs to `Columns.feeds` in that order, in units of
    the feed's own quote currency (float64, no decimals). `time` in Unix seconds. `quote_usd`, of the same
    shape, is what one unit of that currency is worth: 1 for feeds in USD.
    """

    prices: NDArray[np.float64]
    time: int
    quote_usd: NDArray[np.float64]

    @staticmethod
    def in_usd(prices: NDArray[np.float64], time: int) -> Shocked:
        """Prices of feeds that are all in USD."""
        import numpy as np  # noqa: PLC0415  # most users of this module need none

        return Shocked(prices, time, np.broadcast_to(1.0, prices.shape))


class Columns(Protocol):
    """The rules of many accounts as arrays; its layout is its family's own business."""

    @property
    def feeds(self) -> Sequence[Feed]:
        """The feeds of all accounts, concatenated: the rows that `Shocked.prices` must have."""
        ...


class RuleFamily(Protocol):
    """The fast form of a protocol's solvency test: all accounts of that family at once."""

    name: str

    def columns(self, rules: Sequence[Rule]) -> Any:
        """The rules as arrays (a `Columns` of this family); row i belongs to rules[i]."""
        ...

    def margin(self, columns: Any, shocked: Shocked) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(power N, requirement Q) in USD, each of shape (accounts, scenarios); see model.rules.Health."""
        ...

    def load(self, data: Mapping[str, JsonValue]) -> Rule:
        """The rule that `Rule.to_json` wrote; raises ValueError on data of another family or shape."""
        ...
