"""Addresses whose accounts belong to a wallet: proxies, smart wallets, and what the user links."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.units import Address, ChainId


@dataclass(frozen=True, slots=True)
class Holder:
    """An address that may hold accounts for a wallet on one chain.

    `path` leads from the wallet to it; `via` says of each step how it belongs to the former one, such as
    `DSProxy` or `Safe 2 of 3`. `proven` is False where only the user says so. `counted` is False where its
    accounts are not part of the wallet's portfolio; `why_not` says why then.
    """

    chain: ChainId
    path: tuple[Address, ...]
    via: tuple[str, ...]
    proven: bool
    counted: bool
    why_not: str = ""

    @property
    def address(self) -> Address:
        """The address itself."""
        return self.path[-1]

    @property
    def owner(self) -> Address:
        """The address that it belongs to directly."""
        return self.path[-2]

    @property
    def how(self) -> str:
        """All steps, from the address back to the wallet: `Safe 1 of 2 by DSProxy`."""
        return " by ".join(reversed(self.via))
