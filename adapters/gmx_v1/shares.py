"""How much of the pool is a wallet's: its GLP, loose or staked, and rewards that it may claim."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.gmx_v1 import calls
from adapters.gmx_v1.names import Names
from adapters.gmx_v1.vault import System, read_settings, read_system
from aggregator.contract import Column, Deployment, Read, ask, both
from aggregator.model.errors import MalformedReply, ReadError, Unsupported
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Shares:
    """GLP with 18 decimals, the pool's worth with 30: at the lowest prices, and at the highest.

    `averages` are the average prices of all shorts by index token; `addition` and `deduction` dollars that
    the manager counts beside the pool. `reward` is what staked GLP has earned of `reward_token`, `escrowed`
    what it has earned of esGMX. Before `locked_until` no GLP can be turned into tokens.
    Without GLP the pool is not asked: its worth is 0.
    """

    amount: int
    supply: int
    aum: int
    highest_aum: int
    addition: int
    deduction: int
    averages: dict[Address, int]
    reward: int
    reward_token: Address | None
    escrowed: int
    locked_until: int
    origin: str


@dataclass(frozen=True, slots=True)
class _Mine:
    amount: int
    addition: int
    deduction: int
    reward: int
    escrowed: int
    locked_until: int


def read_shares(deployment: Deployment, names: Names, wallet: Address) -> Read[tuple[System, Shares] | None]:
    """The wallet's shares with the pool that they are of, in two rounds; None, in one, where it has none."""
    manager = deployment.addresses["glp_manager"]
    settings, mine = yield from both(read_settings(deployment), _mine(deployment, wallet))
    if not (mine.amount or mine.reward or mine.escrowed):
        return None
    tokens = settings.distinct
    supply_call = calls.SUPPLY.at(deployment.addresses["glp"])
    averages: Column
    # Rewards stand without the pool: its total may be refused where any token has no price.
    totals = [calls.AUM.at(manager, high) for high in (False, True)] if mine.amount else []
    system, (([supply], worth), ([averages], rewards)) = yield from both(
        read_system(settings, names, deployment.chain),
        both(
            both(ask([supply_call]), ask(totals)),
            both(ask([calls.SHORT_AVERAGE.each(manager, tokens)]), _reward_token(deployment)),
        ),
    )
    if supply < mine.amount:
        raise MalformedReply(supply_call.origin, f"{supply} shares, of which one wallet has {mine.amount}")
    aum, highest = worth or (0, 0)
    # The contract asks for it where there are shorts; elsewhere it may have none.
    found = {
        token: one
        for token, one in zip(tokens, averages.outcomes(), strict=True)
        if not isinstance(one, ReadError)
    }
    return system, Shares(
        amount=mine.amount,
        supply=supply,
        aum=aum,
        highest_aum=highest,
        addition=mine.addition,
        deduction=mine.deduction,
        averages=found,
        reward=mine.reward,
        reward_token=rewards,
        escrowed=mine.escrowed,
        locked_until=mine.locked_until,
        origin=calls.AUM.at(manager, False).origin,  # noqa: FBT003
    )


def _mine(deployment: Deployment, wallet: Address) -> Read[_Mine]:
    at = deployment.addresses
    manager, glp, fee, staked = at["glp_manager"], at["glp"], at.get("fee_glp"), at.get("staked_glp")
    loose, earned, taken = [calls.BALANCE.at(glp, wallet)], [], []
    if fee and staked:
        loose.append(calls.DEPOSITED.at(fee, wallet, glp))
        earned = [calls.CLAIMABLE.at(fee, wallet), calls.CLAIMABLE.at(staked, wallet)]
        taken = [calls.IS_DEPOSIT.at(fee, glp), calls.IS_DEPOSIT.at(staked, fee)]
    ([vault, named], balances), (numbers, (rewards, takes)) = yield from both(
        both(ask([calls.VAULT.at(manager), calls.GLP.at(manager)]), ask(loose)),
        both(
            ask(
                [
                    calls.AUM_ADDITION.at(manager),
                    calls.AUM_DEDUCTION.at(manager),
                    calls.LAST_ADDED.at(manager, wallet),
                    calls.COOLDOWN.at(manager),
                ]
            ),
            both(ask(earned), ask(taken)),
        ),
    )
    for role, said in (("vault", vault), ("glp", named)):
        if said != at[role]:
            raise Unsupported(
                f"{deployment.name} with the {role} {at[role]}",
                f"its `glp_manager` names {said}; configure that as `{role}`",
            )
    for (role, deposit), is_taken in zip(
        (("fee_glp", "glp"), ("staked_glp", "fee_glp")), takes, strict=False
    ):
        if not is_taken:
            raise Unsupported(
                f"{deployment.name} with the {role} {at[role]}",
                f"it takes no deposits of the {deposit} {at[deposit]}",
            )
    addition, deduction, added_at, cooldown = numbers
    reward, escrowed = rewards or (0, 0)
    locked_until = added_at + cooldown if added_at else 0
    return _Mine(sum(balances), addition, deduction, reward, escrowed, locked_until)


def _reward_token(deployment: Deployment) -> Read[Address | None]:
    fee = deployment.addresses.get("fee_glp")
    found = yield from ask([calls.REWARD_TOKEN.at(fee)] if fee else [])
    return found[0] if found else None
