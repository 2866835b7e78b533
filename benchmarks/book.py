"""A large warehouse of made-up snapshots, filled by SQL: 1,000 wallets hour after hour, 20 positions each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from aggregator.store import bulk
from aggregator.store.columns import table_of
from aggregator.store.opening import Opening
from aggregator.store.scope import row_classes

WALLETS = 1_000
POSITIONS = 20
# Some wallets are not read any more: their latest snapshot lies far back.
GONE_SHARE = 100

_ASSETS = """
    (0, 'eip155:1/native', 'ETH', 18, 2000.0, 'ETH', 'base'),
    (1, 'eip155:1/erc20:0x01', 'WETH', 18, 2000.0, 'ETH', 'base'),
    (2, 'eip155:1/erc20:0x02', 'wstETH', 18, 2400.0, 'ETH', 'lst'),
    (3, 'eip155:1/erc20:0x03', 'WBTC', 8, 60000.0, 'BTC', 'wrapped_btc'),
    (4, 'eip155:1/erc20:0x04', 'USDC', 6, 1.0, 'USD', 'stable'),
    (5, 'eip155:10/erc20:0x05', 'sUSD', 18, 1.0, 'USD', 'synthetic_usd'),
    (6, 'index:ETH', 'ETH', 18, 2000.0, 'ETH', 'base'),
    (7, 'index:BTC', 'BTC', 8, 60000.0, 'BTC', 'base')
"""
_ACCOUNTS = """
    (0, 'wallet', 'wallet', 1), (1, 'aave_v3', 'lending', 1),
    (2, 'synthetix_perps_v2', 'perp', 10), (3, 'lyra_v1', 'option', 10)
"""

_METHODS = """
    (0, 'silos_isolated', '', 90000.0), (1, 'native', '', 50000.0), (2, 'span', '', 40000.0),
    (3, 'value_at_risk', 'monte carlo 1 d', 30000.0), (4, 'value_at_risk', 'monte carlo 2 d', 45000.0),
    (5, 'exchange_portfolio_margin', '', 70000.0), (6, 'ours', '', 60000.0)
"""

# Every column that is neither named here nor nullable is 0, false or 'x'.
_TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "snapshot": (
        "s",
        {
            "as_of": "as_of", "taken_at": "as_of", "trigger": "'schedule'", "source": "'chain'",
            "status": "if(status = 'ok', 'complete', 'partial')", "reads_expected": "4",
            "reads_ok": "if(status = 'ok', 4, 3)", "reads_failed": "if(status = 'ok', 0, 1)", "skew_s": "2",
            "wallet": "wallet",
        },
    ),
    "snapshot_block": (
        "s, (VALUES (1), (10)) AS c(chain_id)",
        {"chain_id": "chain_id", "block_number": "block", "block_time": "as_of", "block_hash": "hash"},
    ),
    "read_status": (
        "sa AS s",
        {
            "ordinal": "a", "adapter": "protocol", "deployment": "protocol", "chain_id": "chain_id",
            "wallet": "wallet", "status": "if(a = 3, status, 'ok')",
            "error_code": "if(a = 3 AND status = 'error', 'reverted', NULL)",
        },
    ),
    "price": (
        "s, k",
        {
            "asset_id": "k.id", "quoted_asset_id": "k.id", "price_raw": "(price * 1e8)::BIGINT::VARCHAR",
            "decimals": "8", "price_usd": "price", "updated_at": "as_of - INTERVAL 10 MINUTE",
            "heartbeat_s": "3600", "origin": "'latestAnswer()@0x01'",
        },
    ),
    "asset_class": ("s, k", {"asset_id": "k.id", "underlying": "k.underlying", "risk_class": "risk_class"}),
    "spot": (
        "s, (VALUES ('USD', 1.0), ('ETH', 2000.0), ('BTC', 60000.0)) AS u(underlying, spot)",
        {"underlying": "underlying", "price_usd": "spot"},
    ),
    "price_source": (
        "s, k, range(2) AS p(p)",
        {
            "ordinal": "2 * k.k + p", "asset_id": "k.id", "origin": "'latestAnswer()@0x0' || p",
            "price_usd": "price * (1 + p * 0.001 * (number % 20))", "is_mark": "p = 0",
            "deviation": "p * 0.001 * (number % 20)", "age_s": "600", "heartbeat_s": "3600",
        },
    ),
    "account": (
        "sa AS s",
        {
            "ordinal": "a", "account_id": "account", "protocol": "protocol", "kind": "kind",
            "chain_id": "chain_id", "block_number": "block", "block_hash": "hash", "label": "protocol",
            "owner_path": "'[]'", "native_decimals": "18", "native_health_raw": "'1500000000000000000'",
            "reported_health_raw": "'1500000000000000001'", "reported_origin": "'getUserData()@0x02'",
        },
    ),
    "position": (
        "sap AS s JOIN k ON k.k = CASE a WHEN 0 THEN p WHEN 1 THEN (p + 1) % 5 ELSE 5 END",
        {
            "account_id": "account", "ordinal": "p",
            "kind": "CASE a WHEN 0 THEN 'holding' WHEN 1 THEN if(p < 3, 'supply', 'debt')"
            " WHEN 2 THEN 'perp' ELSE 'option' END",
            "chain_id": "chain_id", "block_number": "block", "block_hash": "hash",
            "origin": "'balanceOf(address)@0x03'", "asset_id": "k.id", "symbol": "symbol",
            "decimals": "k.decimals", "amount_raw": "if(a < 2, size || repeat('0', k.decimals), NULL)",
            "is_collateral": "if(a = 1 AND p < 3, p <> 1, NULL)",
            "rate_mode": "if(a = 1 AND p >= 3, 'variable', NULL)", "apr": "if(a = 1, 0.02 + 0.01 * p, NULL)",
            "market": "if(a >= 2, base || '-' || p, NULL)",
            "index_asset_id": "if(a >= 2, 'index:' || base, NULL)",
            "underlying": "if(a >= 2, base, NULL)",
            "size_raw": "if(a >= 2, if(p % 2 = 0, '-', '') || size || repeat('0', 18), NULL)",
            "size_decimals": "if(a >= 2, 18, NULL)", "price_decimals": "if(a >= 2, 18, NULL)",
            "entry_price_raw": "if(a = 2, '2000000000000000000000', NULL)",
            "mark_price_raw": "if(a >= 2, '2100000000000000000000', NULL)",
            "pnl_raw": "if(a = 2, '-' || size || repeat('0', 16), NULL)",
            "funding_raw": "if(a = 2, size || repeat('0', 14), NULL)",
            "option_right": "if(a = 3, if(p < 2, 'call', 'put'), NULL)",
            "option_style": "if(a = 3, 'european', NULL)",
            "strike_raw": "if(a = 3, '2400000000000000000000', NULL)",
            "expiry": "if(a = 3, as_of + INTERVAL 30 DAY, NULL)", "iv": "if(a = 3, 0.65, NULL)",
            "rate": "if(a = 3, 0.0, NULL)",
            "value_usd": "if(a = 1 AND p >= 3, -1, 1) * size * if(a < 2, price, 10)",
        },
    ),
    "position_greek": (
        "sap AS s WHERE NOT (a = 0 AND p = 4 OR a = 1 AND p = 3)",  # where dollars are held or owed
        {
            "ordinal": "5 * a + p", "account_id": "account", "position_ordinal": "p", "underlying": "base",
            "delta_units": "size - 50", "delta_usd": "(size - 50) * 20.0", "gamma_usd": "if(a = 3, -3.1, 0)",
            "vega_usd": "if(a = 3, -4.1, 0)", "theta_usd": "if(a = 3, 1.1, 0)",
        },
    ),
    "risk_result": (
        "s",
        {
            "framework_version": "'1'", "parameters_hash": "repeat('p', 64)",
            "scenario_hash": "repeat('s', 64)",
            "score": "50 + number % 40", "kappa": "1 + number % 40 / 40", "band": "'HEALTHY'",
            "unified_band": "'HEALTHY'", "weakest_band": "'WATCH'", "verdict": "'ok'",
            "equity_usd": "100000 + number",
            "requirement_usd": "60000.0", "isolated_requirement_usd": "90000.0",
            "multiple_native": "0.5 + number % 7",
            "weakest_account": "'aave_v3:' || wallet",
        },
    ),
    "survival_point": (
        "s, range(45) AS l(l)",
        {
            "branch": "if(l < 36, 'scan', 'draws')", "level": "if(l < 36, l / 20.0, (l - 36) / 4.0)",
            "ray": "if(l < 36, 'SYS down, vol up', NULL)", "whole_usd": "100000.0 + number - 100 * l",
            "counted_usd": "to_json([25000 + number / 4 - 25 * l + a * sqrt(number) FOR a IN range(-2, 2)])",
        },
    ),
    "margin_comparison": (
        f"s, (VALUES {_METHODS}) AS m(m, method, variant, usd)",
        {
            "ordinal": "m", "method": "method", "variant": "variant", "requirement_usd": "usd + number % 9",
            "capital_efficiency": "if(method = 'ours', NULL, 1 - 60000 / usd)",
        },
    ),
    "account_risk": (
        "sa AS s",
        {
            "ordinal": "a", "account_id": "account", "equity_usd": "1000.0 * a", "native_health": "1.5",
            "reported_health": "1.5", "check_bps": "number % 3 / 10", "lam_native": "0.5 + (number + a) % 7",
            "binding_ray": "'SYS-'", "requirement_usd": "500.0 * a", "sets_band": "true",
            "interest_usd_day": "if(a = 1, -3.1, NULL)",
            "runway_days": "if(a = 1, 40.0 + number % 900, NULL)",
        },
    ),
    "liquidation_point": (
        "sa AS s, (VALUES (0, 'ETH', 2000.0), (1, 'BTC', 60000.0)) AS u(u, underlying, spot) WHERE a > 0",
        {
            "account_id": "account", "ordinal": "u", "underlying": "underlying", "direction": "'down'",
            "price_usd": "spot * (1 - distance)", "distance": "-distance",
        },
    ),
    "greek": (
        "s, (VALUES (0, 'ETH'), (1, 'BTC')) AS u(u, underlying)",
        {
            "ordinal": "u", "underlying": "underlying", "delta_units": "number % 100 - 50.0",
            "delta_usd": "(number % 100 - 50) * 20.0", "gamma_usd": "-6.2", "vega_usd": "-8.2",
        },
    ),
    "scenario_loss": (
        "s, range(5) AS p(p)",
        {"role": "'worst'", "ordinal": "p", "name": "'SYS ' || p", "level": "1.0", "loss_usd": "31000.0 - p"},
    ),
    "scenario_account_loss": (
        "sa AS s, range(5) AS p(p)",
        {
            "role": "'worst'", "scenario_ordinal": "p", "ordinal": "a", "account_id": "account",
            "loss_usd": "7000.0 + a",
        },
    ),
    "latest": (
        "(SELECT wallet, max(snapshot_id) AS snapshot_id, max(as_of) AS as_of FROM s GROUP BY 1) s",
        {"wallet": "wallet", "as_of": "as_of"},
    ),
    "wallet": (
        "(SELECT DISTINCT wallet FROM s) AS s",
        {"address": "wallet", "added_at": "TIMESTAMP '2026-01-01'"},
    ),
    "wallet_group": (
        "(SELECT DISTINCT wallet FROM s WHERE number % 10 = 0) AS s",
        {"group_name": "'desk'", "address": "wallet"},
    ),
}  # fmt: skip


_SOURCES = f"""
    CREATE TEMP TABLE s AS
    SELECT *, strftime(as_of, '%Y%m%dT%H%M%SZ-') || wallet[3:8] || '-' || md5(number::VARCHAR) AS snapshot_id
    FROM (
        SELECT hour * getvariable('wallets') + w AS number,
               '0x' || md5('wallet' || w) || '00000000' AS wallet,
               TIMESTAMP '2026-01-01' + hour * INTERVAL 1 HOUR AS as_of,
               21000000 + 300 * hour AS block,
               '0x' || md5(hour::VARCHAR) || md5('h' || hour) AS hash,
               if((hour + w) % 50 = 0, 'error', 'ok') AS status,
               0.1 + (hour + w) % 7 / 10 AS distance
        FROM range(getvariable('hours')) AS h(hour), range(getvariable('wallets')) AS w(w)
        WHERE NOT (w % {GONE_SHARE} = 7 AND hour > getvariable('hours') / 2)
    )
    ORDER BY number;
    CREATE TEMP VIEW k AS
    FROM (VALUES {_ASSETS}) AS k(k, id, symbol, decimals, price, underlying, risk_class);
    CREATE TEMP VIEW sa AS
    SELECT *, protocol || ':' || wallet AS account
    FROM s, (VALUES {_ACCOUNTS}) AS a(a, protocol, kind, chain_id);
    CREATE TEMP VIEW sap AS
    SELECT *, 1 + (31 * number + 5 * a + p) % 97 AS size, if(p % 2 = 0, 'ETH', 'BTC') AS base
    FROM sa, range(5) AS p(p);
"""  # noqa: S608  # our own text


def fill(path: Path, positions: int, wallets: int = WALLETS) -> None:
    """Fill a new file with about so many rows of `position`, in the order in which a schedule would."""
    hours = max(1, round(positions / POSITIONS / wallets))

    def work(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"SET enable_progress_bar = false; SET VARIABLE hours = {hours}")
        driver.execute(f"SET VARIABLE wallets = {wallets}")
        driver.execute(_SOURCES)
        for row in row_classes():
            if table_of(row).name in _TABLES:
                driver.execute(_insert(table_of(row)))

    Opening(path, lock_timeout_s=1).write(work)


def keep_latest(path: Path, small: Path) -> None:
    """Copy only what belongs to the latest snapshots into a new file, to compare answers with."""

    def work(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("SET enable_progress_bar = false")
        driver.execute(f"ATTACH '{path}' AS large (READ_ONLY)")
        for row in row_classes():
            table = table_of(row)
            only = "SEMI JOIN large.latest AS l USING (snapshot_id)" if "snapshot_id" in table.columns else ""
            chosen = f'SELECT t.* FROM large."{table.name}" AS t {only}'  # noqa: S608  # our own names
            driver.execute(f'INSERT INTO "{table.name}" BY NAME {chosen}')

    Opening(small, lock_timeout_s=1).write(work)


def _insert(table: sa.Table) -> str:
    source, named = _TABLES[table.name]
    given = {"snapshot_id": "s.snapshot_id", **named}
    columns = {
        column.name: given.get(column.name) or ("NULL" if column.nullable else _harmless(column))
        for column in table.columns
    }
    chosen = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    return f'INSERT INTO "{table.name}" BY NAME SELECT {chosen} FROM {source}'  # noqa: S608  # our own text


def _harmless(column: sa.Column[object]) -> str:
    kind = str(bulk.arrow_type(column.type))
    return {"string": "'x'", "bool": "false", "int64": "0", "double": "0.0"}[kind]
