"""Whose accounts are read, and what becomes of the figures: ids, options, supplies, failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapters.opyn_gamma.calls import Series
from adapters.opyn_gamma.fixed_point import OPTION_DECIMALS
from adapters.opyn_gamma.system import System
from adapters.opyn_gamma.tokens import Tokens
from adapters.opyn_gamma.vaults import Vault
from aggregator.contract import Deployment
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import TokenList, token_id
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.positions import Option, Position, check_valued
from aggregator.model.readings import AccountFailure, Block, Quote
from aggregator.model.rules import Oracle, Rule
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Found:
    """What one vault or one held option came to: None where nothing of it is left."""

    account: Account | None
    quotes: tuple[Quote, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wallet:
    """An owner at one deployment and block; `oracles` are kinds of oracle by asset, as configured."""

    deployment: Deployment
    address: Address
    block: Block
    system: System
    listed: TokenList
    oracles: Mapping[Address, Oracle]

    def label(self, what: Vault | Address | str) -> str:
        """How a vault, or an option held, is called."""
        return f"{self.deployment.name} {f'vault #{what.number}' if isinstance(what, Vault) else what}"

    def account_id(self, number: int | Address) -> str:
        """Unique and stable: vaults have their number, options held their token's address."""
        at = self.deployment
        return f"{at.adapter}:{at.chain}:{self.system.controller}:{self.address}:{number}"

    def failure(self, number: int | Address, error: ReadError) -> AccountFailure:
        """The account of a vault or of an option held that could not be read."""
        what = f"vault #{number}" if isinstance(number, int) else number
        return AccountFailure(
            id=self.account_id(number),
            protocol=self.deployment.adapter,
            chain=self.deployment.chain,
            label=self.label(what),
            error=error,
        )

    def account(
        self,
        what: Vault | Address,
        label: str,
        positions: Iterable[Position],
        rule: Rule | None = None,
        reported: Reported | None = None,
    ) -> Account:
        """A vault with what is in it, or options of one token in the wallet itself."""
        return Account(
            id=self.account_id(what.number if isinstance(what, Vault) else what),
            protocol=self.deployment.adapter,
            kind="option",
            chain=self.deployment.chain,
            label=label,
            owner_path=(self.address,),
            positions=tuple(positions),
            rule=rule,
            reported=reported,
        )

    def series(self, otoken: Address) -> Series:
        """An oToken of the factory; raises Unsupported on another one."""
        found = self.system.series.get(otoken)
        if found is None:
            raise Unsupported(
                f"the option {otoken} in a vault",
                f"{self.deployment.addresses['otoken_factory']} never made it: options of other factories "
                "need a deployment of their own",
            )
        return found

    def option(self, series: Series, size: int, tokens: Tokens, origin: str) -> Option:
        """A position in an oToken. There is no volatility and no price of it on the chain.

        Raises Unsupported on one that nothing values, without a strike or of the far future.
        """
        check_valued(series.otoken, series.strike, series.expiry, self.block.timestamp)
        underlying = token_id(self.deployment.chain, series.underlying)
        moved_by = self.listed.classify(underlying).underlying
        return Option(
            instrument=tokens.instrument(series),
            index=underlying,
            # What no table knows is its own underlying: its symbol reads better than its id.
            underlying=tokens.assets[series.underlying].symbol if moved_by == underlying else moved_by,
            right="put" if series.is_put else "call",
            style="european",
            size_raw=size,
            size_decimals=OPTION_DECIMALS,
            strike_raw=series.strike,
            price_decimals=OPTION_DECIMALS,
            expiry=series.expiry,
            settlement=tokens.assets[series.strike_asset],
            mark_raw=None,
            iv=None,
            iv_source=None,
            rate=0.0,
            origin=origin,
        )
