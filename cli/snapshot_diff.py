"""`crossmargin snapshot diff`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Difference
    from aggregator.app.differences import Held
    from aggregator.model.results import AccountRisk
    from aggregator.store.saved import StoredSnapshot


def diff(
    before: options.Snapshot,
    after: options.Snapshot,
    *,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Show what changed between two snapshots of a wallet: positions, health of accounts, and the score."""
    from aggregator import app  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    found = app.diff(before, after, options.settings(config))
    if json:
        sides = (found.before, found.after)
        warnings = [f"snapshot {s.summary.id} is {s.summary.status}" for s in sides if not _sound(s)]
        envelope.write(envelope.envelope("snapshot diff", document(found), warnings=warnings))
    else:
        typer.echo(_screen(found))


def document(found: Difference) -> dict[str, Any]:
    """The difference as JSON: figures of either side, null where there is none."""
    from cli.text import clean  # noqa: PLC0415

    return {
        "wallet": found.before.summary.wallet,
        "before": _side(found.before),
        "after": _side(found.after),
        "accounts": [
            {
                "account_id": change.account_id,
                "label": clean(change.account, 64),
                "before": _risk(change.before),
                "after": _risk(change.after),
            }
            for change in found.accounts
        ],
        "positions": [
            {
                "account_id": change.account_id,
                "kind": change.kind,
                "name": clean(change.name, 64),
                "before": _held(change.before),
                "after": _held(change.after),
            }
            for change in found.positions
        ],
    }


def _side(side: StoredSnapshot) -> dict[str, Any]:
    from cli.envelope import finite, usd  # noqa: PLC0415
    from cli.snapshot import row  # noqa: PLC0415

    result = side.result
    return {
        "snapshot": row(side.summary),
        "kappa": finite(result.kappa),
        "equity_usd": usd(result.equity_usd),
        "requirement_usd": usd(result.requirement_usd),
        "weakest_account": result.weakest_account,
    }


def _risk(risk: AccountRisk | None) -> dict[str, Any] | None:
    from cli.envelope import finite, usd  # noqa: PLC0415

    if risk is None:
        return None
    return {
        "equity_usd": usd(risk.equity_usd),
        "native_health": risk.native_health,
        "survives_stresses": finite(risk.lam_native),
        "liquidatable": risk.liquidatable,
    }


def _held(held: Held | None) -> dict[str, Any] | None:
    from cli.position_documents import text  # noqa: PLC0415

    if held is None:
        return None
    value = None if held.value_usd is None else text(held.value_usd)
    return {"amount": text(held.amount), "value_usd": value}


def _sound(side: StoredSnapshot) -> bool:
    return side.summary.status == "complete"


def _screen(found: Difference) -> str:
    from cli.screen import moment  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415
    from cli.text import clean, multiple, usd  # noqa: PLC0415

    def score(side: StoredSnapshot) -> str:
        return "–" if side.result.score is None else f"{side.result.score:.1f}"

    sides = (found.before, found.after)
    whole = [
        ("as of", *(moment(side.summary.as_of) for side in sides)),
        ("status", *(side.summary.status.upper() if not _sound(side) else "complete" for side in sides)),
        ("score", *map(score, sides)),
        ("band", *(str(side.result.band) for side in sides)),
        ("survives stresses", *(multiple(side.result.kappa) for side in sides)),
        ("equity", *(usd(side.result.equity_usd) for side in sides)),
        ("requirement", *(usd(side.result.requirement_usd) for side in sides)),
    ]
    blocks = [found.before.summary.wallet, table(("", "before", "after"), whole, right=(1, 2))]
    accounts = [(clean(a.account, 26), *_healths(a.before), *_healths(a.after)) for a in found.accounts]
    if accounts:
        header = ("account", "health", "equity", "→ health", "equity")
        blocks.append(table(header, accounts, right=(1, 2, 3, 4)))
    positions = [
        (clean(p.account, 26), p.kind, clean(p.name, 24), *_amounts(p.before), *_amounts(p.after))
        for p in found.positions
    ]
    if positions:
        names = ("account", "kind", "asset", "amount", "value", "→ amount", "value")
        blocks.append(table(names, positions, right=(3, 4, 5, 6)))
    if not accounts and not positions:
        blocks.append("no account and no position differs")
    return "\n\n".join(blocks) + "\n"


def _healths(risk: AccountRisk | None) -> tuple[str, str]:
    from cli.text import usd  # noqa: PLC0415

    if risk is None:
        return "none", ""
    return "–" if risk.native_health is None else f"{risk.native_health:.3f}", usd(risk.equity_usd)


def _amounts(held: Held | None) -> tuple[str, str]:
    from cli.text import amount, usd  # noqa: PLC0415

    if held is None:
        return "none", ""
    value: Decimal | None = held.value_usd
    return amount(held.amount), "–" if value is None else usd(float(value))
