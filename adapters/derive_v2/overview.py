"""Which subaccounts are a wallet's, and what each of them has: two rounds.

SubAccounts lists nobody's accounts: they are found by the events of creation, transfer and deposit, whose
owners go stale, and are then asked whose they are. An account in Matching is its depositor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.derive_v2 import calls
from adapters.derive_v2.auction import Auction
from adapters.derive_v2.calls import Balance
from adapters.derive_v2.system import System
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.errors import BadConfiguration, CallReverted, MalformedReply, ReadError, Unsupported
from aggregator.model.units import Address

MOST_ACCOUNTS = 512
MOST_BALANCES = 500
"""The managers allow no more assets in an account."""


@dataclass(frozen=True, slots=True)
class Overview:
    """An account of the wallet. `with_interest` is its cash as it would be settled; None where untold."""

    account: int
    manager: Address
    balances: tuple[Balance, ...]
    auction: Auction | None
    with_interest: int | None

    def cash(self, asset: Address) -> int:
        """Cash as it is stored."""
        return sum(one.amount for one in self.balances if one.asset == asset)

    def is_cash_only(self, asset: Address) -> bool:
        """Whether nothing can be liquidated: cash above zero, and nothing else."""
        return (
            self.auction is None
            and all(one[:2] == (asset, 0) and one.amount > 0 for one in self.balances)
            and (self.with_interest is None or self.with_interest >= 0)
        )


def numbers_of(deployment: Deployment) -> tuple[int, ...]:
    """The accounts that `options.accounts` lists, whosesoever they are.

    Raises BadConfiguration where that is no list of numbers.
    """
    given = deployment.options.get("accounts", ())
    if not isinstance(given, Sequence) or not all(
        isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in given
    ):
        raise BadConfiguration(deployment.key, "options.accounts should be a list of numbers")
    return tuple(given)


def candidates(deployment: Deployment, wallet: Address) -> Read[list[int]]:
    """Accounts that the wallet has or had, in one round."""
    at, first = deployment.addresses, deployment.first_block or 0
    requests = [
        calls.CREATED.logs(at["sub_accounts"], wallet, from_block=first),
        calls.TRANSFERRED.logs(at["sub_accounts"], None, wallet, from_block=first),
    ]
    if "matching" in at:
        requests.append(calls.DEPOSITED.logs(at["matching"], None, wallet, from_block=first))
    created, transferred, *deposited = yield from ask(requests)
    found = {calls.CREATED.decode(log).account for log in created}
    found |= {calls.TRANSFERRED.decode(log).account for log in transferred}
    found |= {calls.DEPOSITED.decode(log).account for logs in deposited for log in logs}
    found |= set(numbers_of(deployment))
    if len(found) > MOST_ACCOUNTS:
        raise Unsupported(
            f"{len(found)} accounts of one wallet ({requests[0].origin})", f"at most {MOST_ACCOUNTS} are read"
        )
    return sorted(found)


def overview(system: System, account: int, wallet: Address) -> Read[Overview | None]:
    """An account, or None where it is not the wallet's any more, in one round."""
    ((owner, depositor), ([manager], [balances])), ([state], [with_interest]) = yield from both(
        both(
            both(
                attempt([calls.OWNER_OF.at(system.sub_accounts, account)]),
                ask([calls.OWNER_IN_MATCHING.at(system.matching, account)] if system.matching else []),
            ),
            both(
                ask([calls.MANAGER.at(system.sub_accounts, account)]),
                ask([calls.BALANCES.at(system.sub_accounts, account)]),
            ),
        ),
        both(
            ask([calls.AUCTION.at(system.auction, account)]),
            attempt([calls.WITH_INTEREST.at(system.cash, account)]),
        ),
    )
    holder = _holder(owner[0])
    if wallet not in ({holder} if holder != system.matching else set(depositor)):
        return None
    origin = calls.BALANCES.at(system.sub_accounts, account).origin
    if len(balances) > MOST_BALANCES or len({one[:2] for one in balances}) != len(balances):
        raise MalformedReply(origin, f"{len(balances)} balances, not up to {MOST_BALANCES} distinct ones")
    auction = Auction(state.insolvent, state.start, state.reserved) if state.ongoing else None
    return Overview(
        account=account,
        manager=manager,
        balances=tuple(one for one in balances if one.amount),
        auction=auction,
        with_interest=None if isinstance(with_interest, ReadError) else with_interest,
    )


def _holder(owner: Address | ReadError) -> Address | None:
    """Who holds an account; nobody where the contract refuses, as it does of a number that it never gave."""
    if isinstance(owner, CallReverted):
        return None
    if isinstance(owner, ReadError):
        raise owner.with_traceback(None)
    return owner
