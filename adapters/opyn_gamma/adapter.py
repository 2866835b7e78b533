"""Opyn Gamma: vaults with written options, and options held, in three rounds.

1. how many vaults the wallet has; the deployment's contracts, and all oTokens by their factory's logs;
2. the vaults, and the wallet's balance of every oToken as one column; parameters of live products (shared);
3. per vault and option held: prices, and the protocol's own word.

Without vaults and options it is two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.closing import ClosableNakedVaultRule
from adapters.opyn_gamma.family import OpynFamily
from adapters.opyn_gamma.live import collateral_alone, held_option, naked_vault, spread_vault
from adapters.opyn_gamma.settlement import expired_holding, expired_vault
from adapters.opyn_gamma.system import Market, System, read_market, read_system
from adapters.opyn_gamma.vaults import NAKED, Vault, vault_of
from adapters.opyn_gamma.wallet import Found, Wallet
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, attempt, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import TokenList, token_id
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError, Unsupported
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.units import Address, parse_address

ROLES = ("controller", "otoken_factory", "oracle")
MAX_VAULTS = 10_000
"""Of one owner: they are read one by one, settled ones included."""


class OpynAdapter:
    """All vaults of a wallet, and the options of the factory that it holds."""

    name = "opyn_gamma"
    kind: ProtocolKind = "option"

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries
        self.family: RuleFamily | None = OpynFamily()
        self._listed = TokenList(deployments.tokens)
        self._oracles = {entry.key: entry.oracles(parse_address) for entry in deployments.entries}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """Each vault as an account, and each kind of option held.

        One that can't be read, expired ones included whose prices are not final, fails alone. Raises
        Unsupported on more vaults than are read, and where the addresses are not of one system.
        """
        count_call = calls.VAULT_COUNT.at(deployment.addresses["controller"], wallet)
        [count], system = yield from both(ask([count_call]), read_system(deployment))
        if count > MAX_VAULTS:
            raise Unsupported(f"a wallet with {count} vaults ({count_call.origin})", f"at most {MAX_VAULTS}")
        owner = Wallet(deployment, wallet, block, system, self._listed, self._oracles[deployment.key])
        (held, failed), (vaults, market) = yield from both(
            _held(system, wallet), _vaults(system, wallet, count, block.timestamp)
        )
        reads: dict[int | Address, Read[Found]] = {
            **{number: _vault(owner, market, number, stored) for number, stored in vaults.items()},
            **{otoken: _holding(owner, otoken, balance) for otoken, balance in held.items()},
        }
        outcomes = yield from join(reads.values(), isolate=True)
        failures = [owner.failure(otoken, error) for otoken, error in failed.items()]
        found: list[Found] = []
        for number, outcome in zip(reads, outcomes, strict=True):
            if isinstance(outcome, ReadError):
                failures.append(owner.failure(number, outcome))
            else:
                found.append(outcome)
        return _reading(owner, found, failures, [*held, *failed])

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many options there are; raises Unsupported where the addresses are not of one system."""
        system = yield from read_system(deployment)
        yield from read_market(system, block.timestamp)
        live = sum(series.expiry > block.timestamp for series in system.series.values())
        state = f"liquidations are refused ({system.paused})" if system.paused else "open"
        return f"{len(system.series)} options, {live} of them not expired", state


def _held(system: System, wallet: Address) -> Read[tuple[dict[Address, int], dict[Address, ReadError]]]:
    """Balances above zero by oToken, and oTokens that did not tell; raises where none did."""
    otokens = list(system.series)
    if not otokens:
        return {}, {}
    [column] = yield from ask([calls.BALANCE.each(otokens, wallet)])
    failed = {otokens[i]: error for i, error in column.failures.items()}
    if len(failed) == len(otokens):
        raise failed[otokens[0]].with_traceback(None)
    outcomes = zip(otokens, column.outcomes(), strict=True)
    return {
        otoken: balance for otoken, balance in outcomes if not isinstance(balance, ReadError) and balance
    }, failed


def _vaults(
    system: System, wallet: Address, count: int, time: int
) -> Read[tuple[dict[int, calls.StoredVault | ReadError], Market | None]]:
    if not count:
        return {}, None
    numbers = range(1, count + 1)
    stored, market = yield from both(
        attempt([calls.VAULT.at(system.controller, wallet, number) for number in numbers]),
        read_market(system, time),
    )
    return dict(zip(numbers, stored, strict=True)), market


def _vault(
    owner: Wallet, market: Market | None, number: int, stored: calls.StoredVault | ReadError
) -> Read[Found]:
    if isinstance(stored, ReadError):
        raise stored.with_traceback(None)
    origin = calls.VAULT.at(owner.system.controller, owner.address, number).origin
    vault = vault_of(number, stored, origin)
    entry = vault.short or vault.long
    if entry is None:
        if vault.collateral is None:
            return Found(None)
        return (yield from collateral_alone(owner, vault, vault.collateral.token))
    series = owner.series(entry.token)
    _check_assets(owner, vault, series, origin)
    if owner.block.timestamp >= series.expiry:
        return (yield from expired_vault(owner, vault, series))
    if vault.kind == NAKED and market is not None:
        return (yield from naked_vault(owner, market, vault, series))
    return (yield from spread_vault(owner, vault, series))


def _check_assets(owner: Wallet, vault: Vault, series: calls.Series, origin: str) -> None:
    """Raise MalformedReply where options and collateral do not belong together, as the calculator asks."""
    for entry in (vault.short, vault.long):
        other = owner.series(entry.token) if entry else series
        if (other.product, other.expiry) != (series.product, series.expiry):
            raise MalformedReply(origin, f"{other.otoken} in a vault with {series.otoken}")
    if vault.collateral and vault.collateral.token != series.collateral:
        raise MalformedReply(origin, f"{vault.collateral.token} as collateral of {series.otoken}")
    if vault.kind == NAKED and vault.long:
        raise MalformedReply(origin, f"the long option {vault.long.token} in a naked vault")


def _holding(owner: Wallet, otoken: Address, balance: int) -> Read[Found]:
    series = owner.series(otoken)
    if owner.block.timestamp >= series.expiry:
        return (yield from expired_holding(owner, series, balance))
    return (yield from held_option(owner, series, balance))


def _reading(
    owner: Wallet, found: Sequence[Found], failures: Sequence[AccountFailure], held: Sequence[Address]
) -> Reading:
    quotes = {quote.asset: quote for one in found for quote in one.quotes}
    warnings = [sentence for one in found for sentence in one.warnings]
    accounts = tuple(one.account for one in found if one.account)
    if any(_has_older_rounds(account) for account in accounts):
        warnings.append(
            f"{owner.deployment.name}: naked vaults are judged at the latest price, but a liquidator may "
            "choose any round since a vault last changed: after a price at which one failed, `sync` it."
        )
    if owner.system.paused and any(account.rule for account in accounts):
        warnings.append(f"{owner.deployment.name}: nothing can be liquidated there ({owner.system.paused}).")
    return Reading(
        accounts=accounts,
        quotes=tuple(quotes.values()),
        source=owner.block,
        warnings=tuple(warnings),
        # Counted here, whether or not they could be read.
        receipts=tuple(token_id(owner.deployment.chain, otoken) for otoken in held),
        failures=tuple(failures),
    )


def _has_older_rounds(account: Account) -> bool:
    """Whether the vault was there before the latest round."""
    rule = account.rule
    if not isinstance(rule, ClosableNakedVaultRule):
        return False
    auction = rule.auction
    return auction.round_time is None or auction.round_time > auction.latest_update


def build(deployments: Deployments) -> Adapter:
    """The adapter; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
    return OpynAdapter(deployments)
