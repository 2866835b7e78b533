"""What a comet says of one wallet: its base, its collaterals, and its own word on both."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.compound_v3.calls import (
    COLLATERAL,
    LIQUIDATABLE,
    OWED,
    SUPPLIED,
    USER_BASIC,
    USER_COLLATERAL,
    AssetWord,
    UserBasic,
)
from adapters.compound_v3.market import Comet, Terms
from aggregator.contract import Column, Deployment, Read, ask, attempt, both
from aggregator.model.errors import AdapterFault, ReadError
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class User:
    """A wallet in a comet, with the comet's own answers on it.

    `flags` has a bit per collateral. `supplied` and `owed` have their interest up to the block;
    `liquidatable` counts debt as last accrued, and is the error where a price is missing.
    """

    principal: int
    flags: int
    supplied: int
    owed: int
    liquidatable: bool | ReadError

    @property
    def is_empty(self) -> bool:
        """Whether the wallet has nothing in the comet."""
        return self.principal == 0 and self.flags == 0


def read_user(comet: Address, wallet: Address) -> Read[User]:
    """One round; the comet's test reverts on an unusable price, which fails nothing yet."""
    [basic], ([supplied, owed], [liquidatable]) = yield from both(
        ask([USER_BASIC.at(comet, wallet)]),
        both(
            ask([SUPPLIED.at(comet, wallet), OWED.at(comet, wallet)]),
            attempt([LIQUIDATABLE.at(comet, wallet)]),
        ),
    )
    return User(basic.principal, _flags(basic), supplied, owed, liquidatable)


def read_collateral(
    deployment: Deployment, comet: Comet, terms: Terms, user: User, wallet: Address
) -> Read[list[int]]:
    """One round, none without flags: the balance of every collateral, 0 where there is none.

    Raises AdapterFault where the flags are not those of the balances, or the comet's two answers differ: the
    test of the comet looks at nothing else.
    """
    if user.flags >> comet.assets:
        raise AdapterFault(
            f"flags {user.flags:#b} on {deployment.name}, which lists {comet.assets} collaterals"
        )
    if not user.flags:
        return [0] * comet.assets
    assets = [row[AssetWord.ASSET] for row in terms.rows]
    stored: Column
    told: Column
    [stored], [told] = yield from both(
        ask([USER_COLLATERAL.each(comet.address, wallet, assets)]),
        ask([COLLATERAL.each(comet.address, wallet, assets)]),
    )
    balances = stored.values(0)
    if balances != told.values():
        raise AdapterFault(
            f"{USER_COLLATERAL.canonical} and {COLLATERAL.canonical} of {deployment.name} differ"
        )
    held = sum(1 << i for i, balance in enumerate(balances) if balance)
    if held != user.flags:
        raise AdapterFault(f"flags {user.flags:#b} on {deployment.name}, with balances in {held:#b}")
    return balances


def _flags(basic: UserBasic) -> int:
    # Comets with up to 15 collaterals never write `reserved`.
    return basic.assets_in | basic.reserved << 16
