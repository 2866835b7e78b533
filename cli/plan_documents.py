"""A plan as the `data` of an envelope; docs/schema/ describes the shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from aggregator.model.actions import Deposit, Repay, Trade, Withdraw
from aggregator.model.plans import Flash, Swap, Transfer
from cli.envelope import finite, usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.assets import Asset, AssetId
    from aggregator.model.calls import UnsignedCall
    from aggregator.model.plans import Move, Plan, State, Step
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.rules import Amount


def plan(found: Plan, portfolio: Portfolio, name: str | None = None) -> dict[str, Any]:
    """Everything that is known of a plan; `name` is the wallet's own in ENS."""
    known = Names(portfolio)
    return {
        "wallet": found.wallet,
        "name": name,
        "status": found.status,
        "stress": None if found.stress is None else clean(found.stress, 64),
        "targets": {
            "floor": found.targets.floor,
            "health": found.targets.health,
            "kappa": found.targets.kappa,
        },
        "cost_usd": usd(found.cost_usd),
        "avoided_usd": None if found.avoided_usd is None else usd(found.avoided_usd),
        "binding_account": found.binding,
        "before": state(found.before),
        "after": state(found.after),
        "shortfalls": [
            {
                "account_id": one.account_id,
                "missing_usd": usd(one.missing_usd),
                "needed": clean(one.needed, 300),
            }
            for one in found.shortfalls
        ],
        "steps": [_step(i, step, known) for i, step in enumerate(found.steps)],
        "notes": [clean(sentence, 500) for sentence in found.told],
    }


class Names:
    """What a portfolio calls its accounts and assets; text of chains, cleaned."""

    def __init__(self, portfolio: Portfolio) -> None:
        known = portfolio.known_to_plans
        self.chains = {account.id: account.chain for account in known}
        self.labels = {account.id: clean(account.label, 100) for account in known}
        self._assets: dict[AssetId, Asset] = {}
        for account in known:
            for position in (*account.positions, *(one.perp for one in account.openings)):
                for field in ("asset", "settlement"):
                    if (asset := getattr(position, field, None)) is not None:
                        self._assets[asset.id] = asset

    def asset(self, asset: AssetId) -> Asset | None:
        """The asset of an id, where any position has it."""
        return self._assets.get(asset)

    def symbol(self, asset: AssetId) -> str:
        """Its symbol, or its id."""
        known = self._assets.get(asset)
        return clean(str(asset) if known is None else known.symbol, 80)


def kind(move: Move) -> str:
    """What a step is called."""
    match move:
        case Repay():
            return "repay"
        case Deposit():
            return "deposit"
        case Withdraw():
            return "withdraw"
        case Trade():
            return "trade"
        case Swap():
            return "swap"
        case Transfer():
            return "transfer"
        case Flash():
            return "flash"
        case _:
            assert_never(move)


def state(found: State) -> dict[str, Any]:
    """What the full model says at one point of a plan."""
    return {
        "equity_usd": usd(found.equity_usd),
        "requirement_usd": usd(found.requirement_usd),
        "kappa": finite(found.kappa),
        "kappa_infinite": finite(found.kappa) is None,
        "score": found.score,
        "accounts": [
            {
                "account_id": one.account_id,
                "label": clean(one.label, 100),
                "power_usd": usd(one.power_usd),
                "native_requirement_usd": usd(one.requirement_usd),
                "native_health": one.health,
                "liquidatable": one.liquidatable,
                "power_ahead_usd": None if one.power_ahead_usd is None else usd(one.power_ahead_usd),
                "native_requirement_ahead_usd": (
                    None if one.requirement_ahead_usd is None else usd(one.requirement_ahead_usd)
                ),
                "native_health_low": one.health_low,
                "native_health_high": one.health_high,
            }
            for one in found.accounts
        ],
    }


def _step(number: int, step: Step, known: Names) -> dict[str, Any]:
    move = step.move
    inner = move.steps if isinstance(move, Flash) else ()
    return {
        "ordinal": number,
        "action": kind(move),
        "account_id": step.account_id,
        "label": known.labels.get(step.account_id, step.account_id),
        "wallet_account_id": step.purse_id,
        "chain_id": known.chains[step.account_id],
        "market": _market(move),
        "size_raw": str(move.size_raw) if isinstance(move, Trade) else None,
        "amount": None if step.amount is None else amount(step.amount, known),
        "all": isinstance(move, Repay | Withdraw) and move.raw is None,
        "paid": [amount(one, known) for one in step.paid],
        "received": [amount(one, known) for one in step.received],
        "cost": {
            "fees_usd": usd(step.cost.fees_usd),
            "slippage_usd": usd(step.cost.slippage_usd),
            "gas_usd": usd(step.cost.gas_usd),
            "usd": usd(step.cost.usd),
        },
        "sender": step.sender,
        "calls": [_call(one) for one in step.calls],
        "calls_unknown": None if step.untold is None else clean(step.untold, 300),
        "steps": [_step(i, one, known) for i, one in enumerate(inner)],
        "after": None if step.after is None else state(step.after),
    }


def _market(move: Move) -> str | None:
    match move:
        case Trade():
            return clean(move.market, 100)
        case Swap():
            return clean(move.market.label, 100)
        case _:
            return None


def amount(one: Amount, known: Names) -> dict[str, Any]:
    """So much of an asset, exact."""
    asset = known.asset(one.asset)
    return {
        "asset_id": clean(one.asset, 120),
        "symbol": known.symbol(one.asset),
        "raw": str(one.raw),
        "decimals": None if asset is None else asset.decimals,
    }


def _call(one: UnsignedCall) -> dict[str, Any]:
    return {
        "to": one.to,
        "data": "0x" + one.data.hex(),
        "value": str(one.value),
        "description": clean(one.description, 300),
        "later": None if one.later is None else clean(one.later, 200),
    }
