"""A vault as the controller keeps it, taken apart and checked."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.opyn_gamma.calls import StoredVault
from adapters.opyn_gamma.system import NOBODY
from aggregator.model.errors import MalformedReply, Unsupported
from aggregator.model.units import Address

SPREAD, NAKED, BORROWABLE = 0, 1, 2
KINDS = frozenset((SPREAD, NAKED, BORROWABLE))


@dataclass(frozen=True, slots=True)
class Entry:
    """So much of a token, in its smallest unit."""

    token: Address
    raw: int


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault of an owner: at most one written option, one long option and one collateral.

    `kind` is 0 for spreads and full collateral, 1 for naked, 2 as 0 with collateral that may be lent out.
    """

    number: int
    stored: StoredVault
    short: Entry | None
    long: Entry | None
    collateral: Entry | None

    @property
    def kind(self) -> int:
        """See the class."""
        return self.stored.kind

    @property
    def latest_update(self) -> int:
        """When it last changed or was synced, in Unix seconds; liquidations do not count."""
        return self.stored.latest_update

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it: not used yet, or settled."""
        return not (self.short or self.long or self.collateral)


def vault_of(number: int, stored: StoredVault, origin: str) -> Vault:
    """A vault; raises Unsupported on an unknown kind, MalformedReply on lists that no contract makes."""
    if stored.kind not in KINDS:
        raise Unsupported(f"a vault of type {stored.kind}", "this release knows types 0, 1 and 2")
    tokens, amounts = stored.raw[:3], stored.raw[3:]
    entries = []
    for held, raw in zip(tokens, amounts, strict=True):
        if len(held) != len(raw) or len(held) > 1:
            raise MalformedReply(origin, f"{len(held)} tokens with {len(raw)} amounts in one list of a vault")
        entries.append(_entry(held, raw, origin))
    return Vault(number, stored, *entries)


def _entry(held: tuple[object, ...], raw: tuple[object, ...], origin: str) -> Entry | None:
    if not held:
        return None
    token, amount = Address(str(held[0])), int(str(raw[0]))
    # What was taken out entirely leaves an empty place behind.
    if (token == NOBODY) != (amount == 0):
        raise MalformedReply(origin, f"{amount} of the token {token} in a vault")
    return Entry(token, amount) if amount else None
