"""A plan as a file for Safe's transaction builder: its calls, in order, of one chain and one sender.

The format is that of the Safe transaction builder (tx-builder of github.com/safe-global), version 1.0, with
its checksum; `createdAt` is left at 0, so that the same plan gives the same file.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Flash, Swap
from aggregator.model.units import checksum, keccak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aggregator.model.plans import Plan
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.units import Address, ChainId


def safe_file(plan: Plan, portfolio: Portfolio) -> dict[str, Any]:
    """The file's content; addresses in mixed case.

    Raises BadConfiguration where the plan has no steps, calls of several chains or senders, a call that is
    not known, or a step that somebody else must act on before the next.
    """
    if not plan.steps:
        raise BadConfiguration("--format safe", f"the plan is {plan.status}: it has no steps to sign")
    chain, sender = _signer(plan, portfolio)
    for step in plan.steps:
        if step.untold is not None:
            raise BadConfiguration("--format safe", f"the calls of a step are not known: {step.untold}")
    waiting = [call for step in plan.steps[:-1] for call in step.calls if call.later]
    if waiting:
        raise BadConfiguration(
            "--format safe",
            f"{waiting[0].later} must act between two steps: take --format json",
        )
    found: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(chain),
        "createdAt": 0,
        "meta": {
            "name": "crossmargin plan",
            "description": f"{plan.status}: {len(plan.steps)} steps, ${plan.cost_usd:,.2f}, "
            f"made at block {plan.blocks[chain]}, sent by {checksum(sender)}",
            "txBuilderVersion": "1.16.5",
            "createdFromSafeAddress": checksum(sender),
            "createdFromOwnerAddress": "",
        },
        "transactions": [
            {
                "to": checksum(call.to),
                "value": str(call.value),
                "data": "0x" + call.data.hex(),
                "contractMethod": None,
                "contractInputsValues": None,
            }
            for step in plan.steps
            for call in step.calls
        ],
    }
    return {**found, "meta": {**found["meta"], "checksum": builders_checksum(found)}}


def notes(plan: Plan, portfolio: Portfolio) -> Iterator[str]:
    """What whoever signs the file must know, and the file can't say."""
    from aggregator.planning.sending import DEADLINE_S  # noqa: PLC0415  # planning: not for --help

    if not plan.steps:
        return
    chain, sender = _signer(plan, portfolio)
    yield (
        f"all calls must come from {checksum(sender)} on chain {chain}: import the file in the Safe of that "
        "address, and nowhere else"
    )
    if any(isinstance(step.move, Swap | Flash) for step in plan.steps):
        until = datetime.fromtimestamp(portfolio.blocks[chain].timestamp + DEADLINE_S, UTC)
        yield f"its swaps revert after {until:%Y-%m-%d %H:%M} UTC: execute it before, or make a new plan"


def _signer(plan: Plan, portfolio: Portfolio) -> tuple[ChainId, Address]:
    """The chain and the sender of every step; raises BadConfiguration where there are several."""
    chains = {account.id: account.chain for account in portfolio.known_to_plans}
    senders = {(chains[step.account_id], step.sender) for step in plan.steps}
    if len(senders) != 1:
        told = ", ".join(f"{sender} on chain {chain}" for chain, sender in sorted(senders))
        raise BadConfiguration(
            "--format safe",
            f"a file has one chain and one sender, and the plan has {told}: take --format json",
        )
    return senders.pop()


def builders_checksum(found: dict[str, Any]) -> str:
    """The checksum by which the transaction builder sees that a file is as it was written.

    Keccak-256 over a serialisation of its own, in which the name is null; without it there is a warning.
    """
    nameless = {**found, "meta": {**found["meta"], "name": None}}
    return "0x" + keccak(_serialised(nameless).encode()).hex()


def _serialised(value: Any) -> str:
    """Lists as JSON; objects as their sorted keys, then their values in that order, each with a comma."""
    if isinstance(value, list):
        return f"[{','.join(map(_serialised, value))}]"
    if isinstance(value, dict):
        keys = sorted(value)
        return "{" + _text(keys) + "".join(f"{_serialised(value[key])}," for key in keys) + "}"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
