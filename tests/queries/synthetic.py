"""A warehouse of made-up snapshots as plain rows: what queries answer is computed from these rows too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from aggregator.store import bulk, latest, schema
from aggregator.store.columns import Table, names, table_of
from aggregator.store.opening import Opening
from tests.queries.studies import studies

Row: TypeAlias = dict[str, Any]

START = datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None)
WALLETS = tuple(f"0x{i:02x}" + "ab" * 19 for i in range(8))
FOLLOWED_ONLY = "0xff" + "cd" * 19
GROUPS = {"desk": WALLETS[:3], "fund": (WALLETS[2], WALLETS[3])}
NO_POSITION_GREEKS = WALLETS[5]
PARTIAL_WALLET = WALLETS[1]
GAP_WALLET = WALLETS[6]
EMPTY_WALLET = WALLETS[7]
LOOKED_AHEAD = WALLETS[1:4]

# The last one of each wallet decides what is latest.
_STATUS = {
    PARTIAL_WALLET: ("complete", "complete", "failed", "partial"),
    WALLETS[2]: ("complete", "partial", "complete", "orphaned"),
    WALLETS[3]: ("orphaned", "complete", "complete", "failed"),
    WALLETS[4]: ("failed", "orphaned"),
}
_ALL_COMPLETE = ("complete",) * 4


@dataclass(frozen=True)
class Asset:
    """An asset of the made-up chains."""

    id: str
    symbol: str
    decimals: int
    price: float
    underlying: str
    risk_class: str


def _token(chain: int, number: int) -> str:
    return f"eip155:{chain}/erc20:0x{number:040x}"


ASSETS = {
    asset.symbol: asset
    for asset in (
        Asset("eip155:1/native", "ETH", 18, 2000.0, "ETH", "base"),
        Asset(_token(1, 1), "WETH", 18, 2000.0, "ETH", "base"),
        Asset(_token(1, 2), "wstETH", 18, 2400.0, "ETH", "lst"),
        Asset(_token(1, 3), "WBTC", 8, 60_000.0, "BTC", "wrapped_btc"),
        Asset(_token(1, 4), "USDC", 6, 1.0, "USD", "stable"),
        Asset(_token(10, 4), "USDC.e", 6, 0.998, "USD", "stable"),
        Asset(_token(10, 5), "sUSD", 18, 0.97, "USD", "synthetic_usd"),
        Asset(_token(1, 6), "=JUNK\x1b[31m", 0, 1e-9, _token(1, 6), "tail"),
        Asset("index:ETH", "iETH", 18, 2000.0, "ETH", "base"),
        Asset("index:BTC", "iBTC", 18, 60_000.0, "BTC", "base"),
    )
}
UNCLASSIFIED = ASSETS["=JUNK\x1b[31m"]
INDEX = {"ETH": "index:ETH", "BTC": "index:BTC"}


@dataclass
class Synthetic:
    """Rows by table."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: Any) -> None:
        """Append one row; columns that are not named are NULL."""
        self.rows[table].append(values)

    def of(self, table: str, snapshots: Iterable[str] | None = None) -> list[Row]:
        """The rows of a table (that belong to some snapshots)."""
        if snapshots is None:
            return self.rows[table]
        wanted = set(snapshots)
        return [row for row in self.rows[table] if row["snapshot_id"] in wanted]

    def write(self, path: Path) -> None:
        """Make a database of it, through the store's own bulk inserts."""
        classes = [row for module in schema.TABLE_MODULES for row in vars(module).values() if _is_row(row)]

        def work(connection: Any) -> None:
            for row in dict.fromkeys(classes):
                table, rows = table_of(row), self.rows.get(table_of(row).name, [])
                unknown = {name for values in rows for name in values} - set(names(table))
                assert not unknown, (table.name, unknown)
                columns = {name: [values.get(name) for values in rows] for name in names(table)}
                bulk.insert(connection, row, columns)
            latest.refresh(connection, {row["wallet"] for row in self.rows["snapshot"]})

        Opening(path, lock_timeout_s=5).write(work)


def _is_row(row: object) -> bool:
    return isinstance(row, type) and issubclass(row, Table) and hasattr(row, "__table__")


def generate(seed: int = 3) -> Synthetic:
    """Seven wallets with snapshots of every status, one with an empty one, and one that has none."""
    random, data = Random(seed), Synthetic()
    for wallet in (*WALLETS[:6], FOLLOWED_ONLY):
        label = "=cmd\u202e" if wallet == WALLETS[0] else None
        data.add("wallet", address=wallet, label=label, added_at=START - timedelta(days=1))
    for group, members in GROUPS.items():
        for address in members:
            data.add("wallet_group", group_name=group, address=address)
    for number, wallet in enumerate(WALLETS):
        for i, status in enumerate(_STATUS.get(wallet, _ALL_COMPLETE)):
            days = 3 * i if wallet == GAP_WALLET else 0.25 * i
            _snapshot(random, data, wallet, START + timedelta(days=days, minutes=number), status)
    for i, outcome in enumerate(("ok", "missed", "partial", "failed")):
        due = START + timedelta(hours=6 * i)
        data.add(
            "schedule_run",
            run_id=f"six-hourly@{due}",
            job="six-hourly",
            group_name="desk",
            due_at=due,
            outcome=outcome,
            reason=None if outcome == "ok" else f"why {outcome}",
            snapshots=[],
        )
    return data


def _snapshot(random: Random, data: Synthetic, wallet: str, as_of: datetime, status: str) -> None:
    snapshot_id = f"{as_of:%Y%m%dT%H%M%SZ}-{wallet[2:8]}-{status}"
    failed = {"complete": 0, "orphaned": 0, "partial": 1, "failed": 3}[status]
    data.add(
        "snapshot",
        snapshot_id=snapshot_id,
        wallet=wallet,
        as_of=as_of,
        taken_at=as_of + timedelta(seconds=5),
        trigger="schedule",
        source="chain",
        status=status,
        reads_expected=3,
        reads_ok=3 - failed,
        reads_failed=failed,
        tool_version="0.1.0",
        content_hash="0" * 64,
    )
    for i in range(3):
        bad = i < failed
        data.add(
            "read_status",
            snapshot_id=snapshot_id,
            ordinal=i,
            adapter=("aave_v3", "lyra_v1", "wallet")[i],
            deployment="main",
            chain_id=1,
            wallet=wallet,
            status="error" if bad else "ok",
            error_code=("reverted", "rate_limited", "reverted")[i] if bad else None,
            error_message="it did not work" if bad else None,
        )
    for chain, lag in ((1, 0), (10, 2)):
        data.add(
            "snapshot_block",
            snapshot_id=snapshot_id,
            chain_id=chain,
            block_number=1,
            block_hash="0x1",
            parent_hash="0x0",
            block_time=as_of - timedelta(seconds=lag),
        )
    prices = {} if status == "failed" else _prices(random, data, snapshot_id, as_of)
    accounts = [] if status == "failed" or wallet == EMPTY_WALLET else _accounts(random, wallet)
    for ordinal, account in enumerate(accounts):
        account["ordinal"] = ordinal
        positions = account.pop("positions")
        data.add("account", snapshot_id=snapshot_id, block_number=1, block_hash="0x1", **account)
        for i, position in enumerate(positions):
            common = {"snapshot_id": snapshot_id, "account_id": account["account_id"], "ordinal": i}
            common |= {
                "chain_id": account["chain_id"],
                "block_number": 1,
                "block_hash": "0x1",
                "origin": "f()@0x1",
            }
            data.add("position", **common, **position, value_usd=_value(position, prices))
    _risk(random, data, snapshot_id, accounts)
    studies(data, snapshot_id, as_of, accounts, ahead=wallet in LOOKED_AHEAD)


def _read_at(chain: int | None) -> Row:
    """Where a price was read; an earlier release did not say."""
    return {"chain_id": chain} | ({} if chain is None else {"block_number": 1, "block_hash": "0x1"})


def _prices(random: Random, data: Synthetic, snapshot_id: str, as_of: datetime) -> dict[str, Decimal]:
    prices = {}
    for i, asset in enumerate(ASSETS.values()):
        raw = int(asset.price * random.uniform(0.98, 1.02) * 10**18)
        prices[asset.id] = Decimal(raw).scaleb(-18)
        timed, beating = random.random() < 0.8, random.random() < 0.8
        data.add(
            "price",
            snapshot_id=snapshot_id,
            asset_id=asset.id,
            quoted_asset_id=_token(1, 1) if asset.symbol == "ETH" else asset.id,
            price_raw=raw,
            decimals=18,
            price_usd=prices[asset.id],
            origin=f"latestAnswer()@{asset.symbol[:1]}{random.randrange(2)}",
            updated_at=as_of - timedelta(seconds=random.randrange(7200)) if timed else None,
            heartbeat_s=3600 if beating else None,
            **_read_at((None, 1, 10)[i % 3]),
        )
        _sources(data, snapshot_id, asset.id, float(prices[asset.id]))
        if asset is not UNCLASSIFIED:
            data.add(
                "asset_class",
                snapshot_id=snapshot_id,
                asset_id=asset.id,
                underlying=asset.underlying,
                risk_class=asset.risk_class,
            )
    return prices


def _sources(data: Synthetic, snapshot_id: str, asset_id: str, price_usd: float) -> None:
    """The mark of an asset and up to two other sources, by a die of their own."""
    dice = Random(f"{snapshot_id} {asset_id}")
    for number in range(1 + dice.randrange(3)):
        deviation = 0.0 if number == 0 else dice.uniform(-0.03, 0.03)
        data.add(
            "price_source",
            snapshot_id=snapshot_id,
            ordinal=len(data.rows["price_source"]),
            asset_id=asset_id,
            origin=f"latestAnswer()@0x{number}",
            chain_id=(1, 10, None)[number],
            price_usd=price_usd * (1.0 + deviation),
            is_mark=number == 0,
            deviation=deviation,
            overdue_s=dice.choice((0, 0, 1_800)),
        )


def _value(position: Row, prices: dict[str, Decimal]) -> Decimal | None:
    match position["kind"]:
        case "perp":
            raw = position["pnl_raw"] + position["funding_raw"] + position["borrowing_raw"]
            decimals = position["decimals"]
        case "option":
            if position["mark_price_raw"] is None:
                return None
            raw, decimals = position["size_raw"] * position["mark_price_raw"], 36
        case kind:
            raw, decimals = position["amount_raw"] * (-1 if kind == "debt" else 1), position["decimals"]
    numerator = raw * int(prices[position["asset_id"]].scaleb(18))
    value = Decimal(numerator // 10 ** (decimals + 18 - 8)).scaleb(-8)
    return value if abs(value) < Decimal(10) ** 30 else None


def _accounts(random: Random, wallet: str) -> list[Row]:
    accounts = [
        _account("wallet", "wallet", 1, wallet, [_spot(random, "holding", s) for s in _some(random, _HELD)])
    ]
    for chain in random.sample((1, 10), k=random.randint(1, 2)):
        supplies = [_spot(random, "supply", s) for s in _some(random, _LENT)]
        debts = [_spot(random, "debt", s) for s in _some(random, _LENT)]
        accounts.append(_account("aave_v3", "lending", chain, wallet, supplies + debts))
    if random.random() < 0.8:
        perps = [_perp(random, u) for u in _some(random, ("ETH", "BTC"))]
        margin = [_spot(random, "supply", "sUSD")]
        accounts.append(_account("synthetix_perps_v2", "perp", 10, wallet, margin + perps))
    if wallet == PARTIAL_WALLET or random.random() < 0.8:
        options = [_option(random, u) for u in ("ETH", "BTC", "ETH")[: random.randint(1, 3)]]
        accounts.append(
            _account("lyra_v1", "option", 10, wallet, [_spot(random, "supply", "sUSD"), *options])
        )
    return accounts


_HELD = ("ETH", "WETH", "WBTC", "USDC", "=JUNK\x1b[31m")
_LENT = ("WETH", "wstETH", "WBTC", "USDC", "USDC.e")


def _some(random: Random, symbols: tuple[str, ...]) -> list[str]:
    return random.sample(symbols, k=random.randint(1, len(symbols) - 1))


def _account(protocol: str, kind: str, chain: int, wallet: str, positions: list[Row]) -> Row:
    return {
        "account_id": f"{protocol}:{chain}:main:{wallet}",
        "protocol": protocol,
        "kind": kind,
        "chain_id": chain,
        "label": f"{protocol} on {chain}",
        "owner_path": [wallet],
        "debt_is_recourse": True,
        "rule_family": None if kind == "wallet" else protocol,
        "reported_liquidatable": False if kind == "lending" else None,
        "positions": positions,
    }


def _spot(random: Random, kind: str, symbol: str) -> Row:
    asset = ASSETS[symbol]
    most = 25_000 if kind == "debt" else 50_000
    raw = int(random.uniform(10, most) / asset.price * 10**asset.decimals)
    row: Row = {"kind": kind, "asset_id": asset.id, "symbol": symbol, "decimals": asset.decimals}
    if asset is UNCLASSIFIED:
        raw = 2**256 - 1 - random.randrange(1000)
    row["amount_raw"] = raw
    if kind != "holding":
        # A die of its own, so that the other rows stay what they were.
        rates = Random(f"{kind} {symbol} {raw}")
        row["apr"] = None if rates.random() < 0.2 else rates.uniform(0, 0.15)
    if kind == "supply":
        row["is_collateral"] = symbol == "sUSD" or random.random() < 0.8
    if kind == "debt":
        row["rate_mode"] = "variable"
    return row


def _derivative(random: Random, underlying: str) -> Row:
    unit = ASSETS["WETH" if underlying == "ETH" else "WBTC"].price
    size = random.choice((-1, 1)) * int(random.uniform(100, 90_000) / unit * 10**18)
    return {
        "asset_id": ASSETS["sUSD"].id,
        "symbol": "sUSD",
        "decimals": 18,
        "index_asset_id": INDEX[underlying],
        "underlying": underlying,
        "size_raw": size,
        "size_decimals": 18,
        "price_decimals": 18,
    }


def _perp(random: Random, underlying: str) -> Row:
    mark = int({"ETH": 2001, "BTC": 60_100}[underlying] * 10**18)
    return {
        "kind": "perp",
        "market": f"s{underlying}PERP",
        "entry_price_raw": mark - 10**18,
        "mark_price_raw": mark,
        "pnl_raw": random.randint(-(10**21), 10**21),
        "funding_raw": random.randint(-(10**19), 10**19),
        "borrowing_raw": -random.randint(0, 10**18),
        **_derivative(random, underlying),
    }


def _option(random: Random, underlying: str) -> Row:
    return {
        "kind": "option",
        "market": f"{underlying}-C",
        "mark_price_raw": None if random.random() < 0.3 else random.randrange(10**20),
        "option_right": random.choice(("call", "put")),
        "option_style": "european",
        "strike_raw": 2400 * 10**18,
        "expiry": START + timedelta(days=random.randrange(30, 90)),
        "iv": 0.6,
        "iv_source": "board",
        "rate": 0.05,
        **_derivative(random, underlying),
    }


_GREEKS = ("delta_units", "delta_usd", "gamma_units", "gamma_usd", "vega_usd", "theta_usd", "rho_usd")


def _risk(random: Random, data: Synthetic, snapshot_id: str, accounts: list[Row]) -> None:
    mine = data.of("position", [snapshot_id])
    infinite = random.random() < 0.3
    kappa = None if infinite else random.uniform(0, 6)
    tested = [account for account in accounts if account["rule_family"]]
    multiples = {name: None if random.random() < 0.3 else random.uniform(0, 5) for name in _MULTIPLES}
    siloed = random.uniform(1_000, 90_000) if mine else 0.0
    unified = siloed * random.uniform(0.3, 1.0)
    data.add(
        "risk_result",
        snapshot_id=snapshot_id,
        framework_version="1",
        parameters_hash="p",
        scenario_hash="s",
        score=(100.0 if kappa is None else 100 * kappa / (1 + kappa)) if mine else None,
        kappa=kappa,
        kappa_infinite=infinite,
        band="WATCH" if mine else "NONE",
        unified_band="STRONG" if mine else "NONE",
        weakest_band="WATCH" if mine else "NONE",
        verdict="ok" if snapshot_id.endswith("complete") else "unknown",
        margin_coverage_ratio=1.5,
        margin_coverage_ratio_infinite=False,
        **{f"multiple_{name}": value for name, value in multiples.items()},
        **{f"multiple_{name}_infinite": value is None for name, value in multiples.items()},
        weakest_account=random.choice(tested)["account_id"] if tested else None,
        equity_usd=random.uniform(-1_000, 90_000),
        walk_away_equity_usd=1.0,
        gross_usd=1.0,
        requirement_usd=unified,
        scan_requirement_usd=unified,
        add_on_usd=0.0,
        isolated_requirement_usd=siloed,
        native_headroom_usd=random.uniform(0, 90_000),
        common_haircuts_usd=random.uniform(-1_000, 0),
        netting_usd=siloed - unified,
        excess_usd=random.uniform(0, 1_000),
    )
    if mine:
        _comparison(data, snapshot_id, unified, siloed)
    for i, account in enumerate(accounts):
        _account_risk(random, data, snapshot_id, i, account)
    if accounts:
        _scenarios(random, data, snapshot_id, accounts)
    _greeks(random, data, snapshot_id, mine)


def _comparison(data: Synthetic, snapshot_id: str, unified: float, siloed: float) -> None:
    """What methods ask, of a die of their own; in some snapshots one asks nothing, and few know one's day."""
    dice = Random(f"{snapshot_id} asked")
    asked = {
        ("silos_isolated", ""): siloed,
        ("span", ""): dice.choice((0.0, dice.uniform(1_000, 90_000))),
        ("value_at_risk", "monte carlo 1 d"): dice.uniform(1_000, 90_000),
        ("value_at_risk", "monte carlo 2 d"): dice.uniform(1_000, 90_000),
    }
    if dice.random() < 0.3:
        asked["value_at_risk", "historical 1 d"] = dice.uniform(1_000, 90_000)
    for i, ((method, variant), usd) in enumerate({**asked, ("ours", ""): unified}.items()):
        data.add(
            "margin_comparison",
            snapshot_id=snapshot_id,
            ordinal=i,
            method=method,
            variant=variant,
            requirement_usd=usd,
            capital_efficiency=1 - unified / usd if usd > 0 and method != "ours" else None,
        )


_MULTIPLES = ("native", "operational", "solvency")


def _account_risk(random: Random, data: Synthetic, snapshot_id: str, ordinal: int, account: Row) -> None:
    tested = account["rule_family"] is not None
    health = random.uniform(0.9, 3) if tested and random.random() < 0.9 else None
    reported = None if health is None or random.random() < 0.3 else health * (1 + random.choice((0.0, 0.001)))
    unjudged = _unjudged(account, snapshot_id) if account["kind"] in ("perp", "option") else None
    lam = None if health is None or random.random() < 0.3 else random.uniform(0, 4)
    drawn = health
    if unjudged is not None:
        health, reported, lam = None, unjudged, None
    data.add(
        "account_risk",
        snapshot_id=snapshot_id,
        ordinal=ordinal,
        account_id=account["account_id"],
        equity_usd=random.uniform(-100, 90_000),
        power_usd=1.0,
        native_requirement_usd=random.uniform(100, 50_000) if drawn else 0.0,
        native_health=health,
        reported_health=reported,
        check_bps=None if reported is None or health is None else 1e4 * abs(reported / health - 1),
        liquidatable=(health or unjudged or 1.0) < 1.0,
        lam_native=lam,
        lam_native_infinite=lam is None,
        binding_ray=None if lam is None else "SYS-",
        requirement_usd=random.uniform(0, 9_000) if tested else 0.0,
        sets_band=True,
        oracle_blind=random.random() < 0.2,
        **_runway(account, health),
    )
    if drawn is None:
        return
    sides = random.sample(
        [("ETH", "down"), ("ETH", "up"), ("BTC", "down"), ("BTC", "up")], k=random.randint(0, 4)
    )
    for i, (underlying, direction) in enumerate(sides):
        distance = random.uniform(0.01, 0.9) * (-1 if direction == "down" else 1)
        if health is None:
            continue
        data.add(
            "liquidation_point",
            snapshot_id=snapshot_id,
            account_id=account["account_id"],
            ordinal=i,
            underlying=underlying,
            direction=direction,
            price_usd=2000.0 * (1 + distance),
            distance=distance,
        )


def _unjudged(account: Row, snapshot_id: str) -> float | None:
    """What a protocol may say of an account whose test nobody knows, of a die of its own."""
    dice = Random(f"{account['account_id']} {snapshot_id} unjudged")
    return dice.uniform(0.6, 1.4) if dice.random() < 0.4 else None


def _runway(account: Row, health: float | None) -> Row:
    """Interest and how long an account lasts, of a die of their own."""
    dice = Random(f"{account['account_id']} {health}")
    if account["kind"] != "lending" or health is None:
        return {"interest_usd_day": None, "runway_days": None}
    lasting = 0.0 if health < 1 else None if dice.random() < 0.3 else dice.uniform(0.1, 1_500)
    return {
        "interest_usd_day": None if dice.random() < 0.2 else dice.uniform(-30, 10),
        "runway_days": lasting,
    }


def _scenarios(random: Random, data: Synthetic, snapshot_id: str, accounts: list[Row]) -> None:
    for role, count in (("worst", 7), ("binding", 1)):
        for rank in range(count):
            losses = [random.uniform(-500, 9_000) for _ in accounts]
            common = {"snapshot_id": snapshot_id, "role": role}
            data.add(
                "scenario_loss", **common, ordinal=rank, name=f"ray {rank}", level=1.0, loss_usd=sum(losses)
            )
            for i, (account, loss) in enumerate(zip(accounts, losses, strict=True)):
                ids = {"scenario_ordinal": rank, "ordinal": i, "account_id": account["account_id"]}
                data.add("scenario_account_loss", **common, **ids, loss_usd=loss)


def _greeks(random: Random, data: Synthetic, snapshot_id: str, positions: list[Row]) -> None:
    known = {asset.id: asset.underlying for asset in ASSETS.values()}
    totals: dict[str, list[float]] = {}
    for i, position in enumerate(positions):
        underlying = position.get("underlying") or known[position["asset_id"]]
        if underlying == "USD":
            continue
        size = random.uniform(-5, 5)
        option = position["kind"] == "option"
        values = [size, size * 20, *(random.uniform(-3, 3) if option else 0.0 for _ in _GREEKS[2:])]
        whole = totals.setdefault(underlying, [0.0] * len(_GREEKS))
        totals[underlying] = [a + b for a, b in zip(whole, values, strict=True)]
        if position["account_id"].endswith(NO_POSITION_GREEKS):
            continue
        data.add(
            "position_greek",
            snapshot_id=snapshot_id,
            ordinal=i,
            account_id=position["account_id"],
            position_ordinal=position["ordinal"],
            underlying=underlying,
            **dict(zip(_GREEKS, values, strict=True)),
        )
    for i, (underlying, values) in enumerate(totals.items()):
        data.add(
            "greek",
            snapshot_id=snapshot_id,
            ordinal=i,
            underlying=underlying,
            **dict(zip(_GREEKS, values, strict=True)),
        )
