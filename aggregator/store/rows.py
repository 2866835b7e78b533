"""A portfolio as columns: what was read, exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import SQLModel

from aggregator.contract import Deployment
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Block, Quote
from aggregator.model.rules import Health, prices_of
from aggregator.store.account_tables import AccountRow, PositionRow
from aggregator.store.bulk import Columns
from aggregator.store.columns import names, table_of, utc
from aggregator.store.derived import price_usd
from aggregator.store.position_rows import position_rows
from aggregator.store.tables import (
    AssetClassRow,
    HolderRow,
    PriceRow,
    PriceSourceRow,
    ReadStatusRow,
    SpotRow,
    StalenessRow,
)


def reading_columns(portfolio: Portfolio, expected: Sequence[Deployment]) -> dict[type[SQLModel], Columns]:
    """The columns of every table that tells what was read, without `snapshot_id`.

    `expected` are the deployments that were to be read. Raises ValueError where an account lies on a chain
    without a pinned block, and what a rule raises that can't be evaluated at the block.
    """
    accounts = portfolio.accounts
    return {
        ReadStatusRow: _statuses(portfolio, expected),
        AccountRow: _columns(
            AccountRow, [_account(account, _block(portfolio, account)) for account in accounts]
        ),
        PositionRow: _columns(
            PositionRow,
            [
                row
                for account in accounts
                for row in position_rows(account, _block(portfolio, account), portfolio.marks)
            ],
        ),
        PriceRow: _columns(PriceRow, [_price(portfolio, *mark) for mark in portfolio.marks.items()]),
        AssetClassRow: {
            "asset_id": list(portfolio.classes),
            "underlying": [c.underlying for c in portfolio.classes.values()],
            "risk_class": [c.risk_class for c in portfolio.classes.values()],
        },
        SpotRow: {"underlying": list(portfolio.spots), "price_usd": list(portfolio.spots.values())},
        HolderRow: _columns(
            HolderRow,
            [
                {
                    "chain_id": h.chain,
                    "address": h.address,
                    "owner_path": list(h.path),
                    "via": list(h.via),
                    "proven": h.proven,
                    "counted": h.counted,
                    "why_not": h.why_not,
                }
                for h in portfolio.holders
            ],
        ),
        PriceSourceRow: _columns(
            PriceSourceRow,
            [
                {
                    "asset_id": o.asset,
                    "origin": o.origin,
                    "chain_id": o.chain,
                    "price_usd": o.price_usd,
                    "is_mark": o.is_mark,
                    "deviation": o.deviation,
                    "age_s": o.age_s,
                    "heartbeat_s": o.heartbeat_s,
                    "overdue_s": o.overdue_s,
                }
                for o in portfolio.oracles
            ],
        ),
        StalenessRow: {
            "underlying": list(portfolio.staleness_days),
            "staleness_days": list(portfolio.staleness_days.values()),
        },
    }


def _columns(row: type[SQLModel], rows: Sequence[dict[str, Any]]) -> Columns:
    """Rows as columns; what a row does not name is NULL in it."""
    wanted = names(table_of(row), but={"snapshot_id", "ordinal"})
    columns: dict[str, Sequence[object]] = {name: [values.get(name) for values in rows] for name in wanted}
    if "ordinal" in table_of(row).columns:
        columns["ordinal"] = [values.get("ordinal", i) for i, values in enumerate(rows)]
    return columns


def _block(portfolio: Portfolio, account: Account) -> Block:
    block = portfolio.blocks.get(account.chain)
    if block is None:
        raise ValueError(f"account {account.id} lies on chain {account.chain}, which has no pinned block")
    return block


def _statuses(portfolio: Portfolio, expected: Iterable[Deployment]) -> Columns:
    failed = {(f.adapter, f.chain, f.deployment) for f in portfolio.failures}
    ok = [
        deployment
        for deployment in expected
        if not failed & {(deployment.adapter, deployment.chain, n) for n in (deployment.name, deployment.key)}
    ]
    rows: list[dict[str, Any]] = [
        {
            "adapter": d.adapter,
            "deployment": d.name,
            "chain_id": d.chain,
            "wallet": portfolio.wallet,
            "status": "ok",
        }
        for d in ok
    ]
    rows += [
        {
            "adapter": f.adapter,
            "deployment": f.deployment,
            "chain_id": f.chain,
            "wallet": f.wallet,
            "status": "error",
            "error_code": f.error.code,
            "error_message": str(f.error),
        }
        for f in portfolio.failures
    ]
    return _columns(ReadStatusRow, rows)


def _price(portfolio: Portfolio, asset: AssetId, quote: Quote) -> dict[str, Any]:
    row: dict[str, Any] = {
        "asset_id": asset,
        "quoted_asset_id": quote.asset,
        "price_raw": quote.price,
        "decimals": quote.decimals,
        "price_usd": price_usd(quote),
        "origin": quote.origin,
        "updated_at": None if quote.updated_at is None else utc(quote.updated_at),
        "heartbeat_s": quote.heartbeat_s,
    }
    if quote.chain is None:
        return row
    block = portfolio.blocks.get(quote.chain)
    if block is None:
        raise ValueError(f"the price of {asset} is of chain {quote.chain}, which has no pinned block")
    return row | {"chain_id": quote.chain, "block_number": block.number, "block_hash": block.hash}


def _account(account: Account, block: Block) -> dict[str, Any]:
    row: dict[str, Any] = {
        "account_id": account.id,
        "protocol": account.protocol,
        "kind": account.kind,
        "chain_id": account.chain,
        "block_number": block.number,
        "block_hash": block.hash,
        "label": account.label,
        "owner_path": list(account.owner_path),
        "debt_is_recourse": account.debt_is_recourse,
    }
    if account.rule is not None:
        health: Health = account.rule.health(prices_of(account.rule), block.timestamp)
        row |= {
            "rule_family": account.rule.family,
            "rule": account.rule.to_json(),
            "native_power_raw": health.power,
            "native_requirement_raw": health.requirement,
            "native_decimals": health.decimals,
            "native_health_raw": health.health,
            "native_liquidatable": health.liquidatable,
        }
    if account.reported is not None:
        row |= {
            "reported_health_raw": account.reported.health,
            "reported_liquidatable": account.reported.liquidatable,
            "reported_liquidation_price_raw": account.reported.liquidation_price,
            "reported_origin": account.reported.origin,
        }
    if account.observed is not None:
        row |= {
            "observed_at": utc(account.observed.time),
            "observed_endpoint": account.observed.endpoint,
            "observed_hash": account.observed.content_hash,
        }
    return row
