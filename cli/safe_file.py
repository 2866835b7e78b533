"""A plan as a file for Safe's transaction builder: its calls, in order, of one chain and one sender.

The format is that of the Safe transaction builder (tx-builder of github.com/safe-global), version 1.0;
`createdAt` is left at 0, so that the same plan gives the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggregator.model.errors import BadConfiguration

if TYPE_CHECKING:
    from aggregator.model.plans import Plan
    from aggregator.model.portfolio import Portfolio


def safe_file(plan: Plan, portfolio: Portfolio) -> dict[str, Any]:
    """The file's content.

    Raises BadConfiguration where the plan has no steps, calls of several chains or senders, a call that is
    not known, or a step that somebody else must act on before the next.
    """
    chains = {account.id: account.chain for account in (*portfolio.accounts, *portfolio.openable)}
    if not plan.steps:
        raise BadConfiguration("--format safe", f"the plan is {plan.status}: it has no steps to sign")
    senders = {(chains[step.account_id], step.sender) for step in plan.steps}
    if len(senders) != 1:
        told = ", ".join(f"{sender} on chain {chain}" for chain, sender in sorted(senders))
        raise BadConfiguration(
            "--format safe",
            f"a file has one chain and one sender, and the plan has {told}: take --format json",
        )
    for step in plan.steps:
        if step.untold is not None:
            raise BadConfiguration("--format safe", f"the calls of a step are not known: {step.untold}")
    waiting = [call for step in plan.steps[:-1] for call in step.calls if call.later]
    if waiting:
        raise BadConfiguration(
            "--format safe",
            f"{waiting[0].later} must act between two steps: take --format json",
        )
    [(chain, sender)] = senders
    return {
        "version": "1.0",
        "chainId": str(chain),
        "createdAt": 0,
        "meta": {
            "name": "crossmargin plan",
            "description": f"{len(plan.steps)} steps, ${plan.cost_usd:,.2f}",
            "txBuilderVersion": "1.16.5",
            "createdFromSafeAddress": sender,
            "createdFromOwnerAddress": "",
        },
        "transactions": [
            {
                "to": call.to,
                "value": str(call.value),
                "data": "0x" + call.data.hex(),
                "contractMethod": None,
                "contractInputsValues": None,
            }
            for step in plan.steps
            for call in step.calls
        ],
    }
