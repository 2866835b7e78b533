"""What `plan liquidation` answers as the `data` of an envelope; docs/schema/ describes the shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.cascade_documents import cascade
from cli.change_documents import whole
from cli.envelope import usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.cascades import MarketRisk, Rung
    from aggregator.model.liquidations import CascadeOutcome, LiquidationReport


def report(found: LiquidationReport, name: str | None) -> dict[str, Any]:
    """Everything that `plan liquidation` computed of one wallet; `name` is its own in ENS."""
    return {
        "wallet": found.today.portfolio.wallet,
        "name": name,
        "today": whole(found.today.risk),
        "cascades": [_outcome(one) for one in found.outcomes],
        "ladder": [_rung(rung) for rung in found.ladder],
        "market": None if found.market is None else _market(found.market),
        "notes": [clean(sentence, 500) for sentence in found.told],
    }


def _outcome(one: CascadeOutcome) -> dict[str, Any]:
    return {
        "title": clean(one.title, 200),
        "moves": [
            {"moved": clean(name, 96), "first": first, "last": last} for name, first, last in one.moves
        ],
        **cascade(one.cascade),
        "after": whole(one.after.risk),
    }


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "account_id": rung.account_id,
        "label": clean(rung.label, 64),
        "underlying": clean(rung.underlying, 64),
        "price_usd": usd(rung.price_usd),
        "distance": rung.distance,
        "liquidated_usd": usd(rung.liquidated_usd),
        "cost_usd": usd(rung.cost_usd),
        "follows": list(rung.follows),
    }


def _market(found: MarketRisk) -> dict[str, Any]:
    return {
        "paths": found.paths,
        "liquidated_mean_usd": usd(found.liquidated_mean_usd),
        "liquidated_95_usd": usd(found.liquidated_95_usd),
        "liquidated_es_usd": usd(found.liquidated_es_usd),
        "bad_debt_mean_usd": usd(found.bad_debt_mean_usd),
        "bad_debt_95_usd": usd(found.bad_debt_95_usd),
        "bad_debt_es_usd": usd(found.bad_debt_es_usd),
        "notes": [clean(sentence, 500) for sentence in found.told],
    }
