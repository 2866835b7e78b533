"""Exposure: answers computed again from the rows, in Python."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.queries.asking import UNDERLYING, World, moment, same, span, total
from tests.queries.synthetic import ASSETS, NO_POSITION_GREEKS, WALLETS, Row

CHOICES: list[dict[str, str]] = [{}, {"wallet": WALLETS[2]}, {"group": "desk"}, {"group": "@fund"}]
EVERY_CHOICE = pytest.mark.parametrize("choice", CHOICES, ids=str)


def plain(choice: dict[str, str]) -> dict[str, str]:
    """The choice as `World.latest` takes it."""
    return {name: value.lstrip("@") for name, value in choice.items()}


def by_kind(positions: list[Row], *kinds: str) -> Decimal:
    """The value of the positions of some kinds."""
    return total([p["value_usd"] for p in positions if p["kind"] in kinds])


def ordered(rows: list[Row], *keys: str) -> list[Row]:
    """Largest absolute value of the first column first (None last), then by the others ascending."""

    def key(row: Row) -> tuple[Any, ...]:
        value = row[keys[0]]
        return (value is None, -abs(value or 0), *(row[name] for name in keys[1:]))

    return sorted(rows, key=key)


@EVERY_CHOICE
def test_net_exposure_by_underlying(world: World, choice: dict[str, str]) -> None:
    """Values exactly, delta over spot, perps and options, and what has no value counted."""
    chosen = world.latest(**plain(choice))
    positions, greeks = defaultdict(list), defaultdict(list)
    for p in world.data.of("position", chosen):
        positions[UNDERLYING[p["asset_id"]]].append(p)
    for g in world.data.of("greek", chosen):
        greeks[g["underlying"]].append(g)
    rows = []
    for underlying in {*positions, *greeks}:
        mine, sensitive = positions[underlying], greeks[underlying]
        snapshots = [chosen[i] for i in {row["snapshot_id"] for row in mine + sensitive}]
        rows.append(
            {
                "underlying": underlying,
                "wallets": len(snapshots),
                "held_usd": by_kind(mine, "holding", "supply"),
                "owed_usd": by_kind(mine, "debt"),
                "derivatives_usd": by_kind(mine, "perp", "option"),
                "net_value_usd": total([p["value_usd"] for p in mine]),
                "delta_units": sum(g["delta_units"] for g in sensitive) if sensitive else None,
                "exposure_usd": 100 * sum(g["delta_usd"] for g in sensitive) if sensitive else None,
                "unvalued": sum(p["value_usd"] is None for p in mine),
                **span(snapshots),
            }
        )
    same(world.ask("net_exposure_by_underlying", **choice), ordered(rows, "exposure_usd", "underlying"))
    assert all(row["owed_usd"] <= 0 <= row["held_usd"] for row in rows)


@EVERY_CHOICE
def test_exposure_by_protocol_chain(world: World, choice: dict[str, str]) -> None:
    """Gross counts perps by their notional; shares add up to one."""
    chosen = world.latest(**plain(choice))
    groups = defaultdict(list)
    for p in world.data.of("position", chosen):
        groups[world.account(p)["protocol"], p["chain_id"]].append(p)
    rows: list[Row] = []
    for (protocol, chain), mine in groups.items():
        snapshots = [chosen[i] for i in {p["snapshot_id"] for p in mine}]
        rows.append(
            {
                "protocol": protocol,
                "chain_id": chain,
                "wallets": len(snapshots),
                "accounts": len({p["account_id"] for p in mine}),
                "held_usd": by_kind(mine, "holding", "supply"),
                "owed_usd": by_kind(mine, "debt"),
                "derivatives_usd": by_kind(mine, "perp", "option"),
                "net_usd": total([p["value_usd"] for p in mine]),
                "gross_usd": sum(world.gross(p) or 0.0 for p in mine),
                "gross_share": 0.0,
                "unvalued": sum(p["value_usd"] is None for p in mine),
                **span(snapshots),
            }
        )
    whole = sum(row["gross_usd"] for row in rows)
    rows = [row | {"gross_share": row["gross_usd"] / whole} for row in rows]
    found = world.ask("exposure_by_protocol_chain", **choice)
    same(found, ordered(rows, "gross_usd", "protocol", "chain_id"))
    assert sum(row["gross_share"] for row in found) == pytest.approx(1.0)
    if not choice:
        assert any(row["derivatives_usd"] for row in rows)


@EVERY_CHOICE
def test_hedge_map(world: World, choice: dict[str, str]) -> None:
    """Accounts of a wallet against each other; without Greeks of positions only the whole is shown."""
    chosen = world.latest(**plain(choice))
    parts, wholes = defaultdict(list), {}
    for g in world.data.of("position_greek", chosen):
        parts[g["snapshot_id"], g["underlying"]].append(g)
    for g in world.data.of("greek", chosen):
        wholes[g["snapshot_id"], g["underlying"]] = 100 * g["delta_usd"]
    rows: list[Row] = []
    for key, whole in wholes.items():
        snapshot = chosen[key[0]]
        exposures = [100 * g["delta_usd"] for g in parts[key]]
        gross, net = sum(map(abs, exposures)), abs(sum(exposures))
        accounts = {g["account_id"] for g in parts[key]} or {None}
        for account_id in accounts:
            mine = [100 * g["delta_usd"] for g in parts[key] if g["account_id"] == account_id]
            known = account_id is not None
            at = world.account({"snapshot_id": key[0], "account_id": account_id}) if known else {}
            rows.append(
                {
                    "wallet": snapshot.wallet,
                    "underlying": key[1],
                    "protocol": at.get("protocol"),
                    "chain_id": at.get("chain_id"),
                    "account_id": account_id,
                    "long_usd": sum(max(e, 0.0) for e in mine) if known else None,
                    "short_usd": sum(min(e, 0.0) for e in mine) if known else None,
                    "exposure_usd": sum(mine) if known else None,
                    "wallet_exposure_usd": whole,
                    "hedged_share": 1 - net / gross if known else None,
                    "snapshot_id": snapshot.id,
                    **moment(snapshot),
                }
            )
    rows.sort(key=lambda r: (r["wallet"], r["underlying"], -(r["exposure_usd"] or 0)))
    found = world.ask("hedge_map", **choice)
    same(found, rows)
    assert all(r["hedged_share"] is None or 0 <= r["hedged_share"] <= 1 for r in found)
    assert not any(str(r["hedged_share"]) == "-0.0" for r in found)
    if not choice:
        assert {r["wallet"] for r in found if r["account_id"] is None} == {NO_POSITION_GREEKS}
        only = world.ask("hedge_map", underlying="BTC")
        same(only, [r for r in rows if r["underlying"] == "BTC"])


@EVERY_CHOICE
def test_option_greeks_by_underlying(world: World, choice: dict[str, str]) -> None:
    """Delta of options alone only where every snapshot with one keeps the Greeks of positions."""
    chosen = world.latest(**plain(choice))
    groups = defaultdict(list)
    for p in world.data.of("position", chosen):
        if p["kind"] == "option":
            groups[p["underlying"]].append(p)
    delta = {
        (g["snapshot_id"], g["account_id"], g["position_ordinal"]): g["delta_units"]
        for g in world.data.of("position_greek", chosen)
    }
    rows = []
    for underlying, mine in groups.items():
        snapshots = [chosen[i] for i in {p["snapshot_id"] for p in mine}]
        known = all(s.wallet != NO_POSITION_GREEKS for s in snapshots)
        whole = [g for g in world.data.of("greek", chosen) if g["underlying"] == underlying]
        names = ("delta_units", "gamma_units", "gamma_usd", "vega_usd", "theta_usd", "rho_usd")
        rows.append(
            {
                "underlying": underlying,
                "wallets": len(snapshots),
                "held": sum(p["size_raw"] > 0 for p in mine),
                "written": sum(p["size_raw"] < 0 for p in mine),
                "next_expiry": min(p["expiry"] for p in mine),
                "option_delta_units": sum(
                    delta[p["snapshot_id"], p["account_id"], p["ordinal"]] for p in mine
                )
                if known
                else None,
                **{name: sum(g[name] for g in whole) for name in names},
                **span(snapshots),
            }
        )
    same(world.ask("option_greeks_by_underlying", **choice), ordered(rows, "vega_usd"))


@EVERY_CHOICE
def test_concentration_hhi(world: World, choice: dict[str, str]) -> None:
    """Sums of squared shares; a wallet without value has no row."""
    chosen = world.latest(**plain(choice))
    rows: list[Row] = []
    for snapshot in chosen.values():
        parts: dict[str, dict[str, float]] = {d: defaultdict(float) for d in _DIMENSIONS}
        for p in world.data.of("position", [snapshot.id]):
            asset = p.get("index_asset_id") or p["asset_id"]
            named = (UNDERLYING[asset], asset, world.account(p)["protocol"], str(p["chain_id"]))
            for dimension, part in zip(_DIMENSIONS, named, strict=True):
                parts[dimension][part] += world.gross(p) or 0.0
        for dimension, sums in parts.items():
            counted = {part: value for part, value in sums.items() if value > 0}
            whole = sum(counted.values())
            if whole:
                shares = {part: value / whole for part, value in counted.items()}
                hhi = sum(share**2 for share in shares.values())
                largest = max(shares, key=lambda part: shares[part])
                rows.append(
                    {
                        "wallet": snapshot.wallet,
                        "dimension": dimension,
                        "hhi": hhi,
                        "effective_parts": 1 / hhi,
                        "parts": len(shares),
                        "largest": largest,
                        "largest_share": shares[largest],
                        "gross_usd": whole,
                        **moment(snapshot),
                    }
                )
    rows.sort(key=lambda r: (r["wallet"], -round(r["hhi"], 12), r["dimension"]))
    found = world.ask("concentration_hhi", **choice)
    found.sort(key=lambda r: (r["wallet"], -round(r["hhi"], 12), r["dimension"]))
    same(found, rows)


_DIMENSIONS = ("underlying", "asset", "protocol", "chain")


def matched(world: World, choice: dict[str, str]) -> dict[tuple[str, str], dict[str, list[Decimal]]]:
    """Collateral and debt of each account, by snapshot and account, then by underlying."""
    accounts: dict[tuple[str, str], dict[str, list[Decimal]]] = defaultdict(dict)
    for p in world.data.of("position", world.latest(**plain(choice))):
        if p["kind"] == "debt" or (p["kind"] == "supply" and p["is_collateral"]):
            both = accounts[p["snapshot_id"], p["account_id"]].setdefault(
                UNDERLYING[p["asset_id"]], [Decimal(0), Decimal(0)]
            )
            both[p["kind"] == "debt"] += abs(p["value_usd"])
    return accounts


@EVERY_CHOICE
def test_collateral_reuse(world: World, choice: dict[str, str]) -> None:
    """What is owed in one account and collateral in another, beyond what each matches itself."""
    chosen = world.latest(**plain(choice))
    groups = defaultdict(list)
    for (snapshot_id, _), legs in matched(world, choice).items():
        for underlying, (supplied, owed) in legs.items():
            groups[snapshot_id, underlying].append((supplied, owed))
    rows = []
    for (snapshot_id, underlying), pairs in groups.items():
        collateral, debt = (sum((pair[i] for pair in pairs), Decimal(0)) for i in (0, 1))
        if collateral and debt:
            looped = sum((min(pair) for pair in pairs), Decimal(0))
            reused = min(collateral, debt) - looped
            rows.append(
                {
                    "wallet": chosen[snapshot_id].wallet,
                    "underlying": underlying,
                    "accounts": len(pairs),
                    "collateral_usd": collateral,
                    "owed_usd": debt,
                    "looped_usd": looped,
                    "reused_usd": reused,
                    "reused_share": float(reused) / float(collateral),
                    **moment(chosen[snapshot_id]),
                }
            )
    found = world.ask("collateral_reuse", **choice)
    same(found, ordered(rows, "reused_usd", "wallet", "underlying"))
    assert all(0 <= row["reused_share"] <= 1 for row in found)
    if not choice:
        assert any(row["reused_usd"] > 0 for row in found)


@EVERY_CHOICE
def test_looping_leverage(world: World, choice: dict[str, str]) -> None:
    """The leverage is the account's, over all underlyings; NULL where nothing of its own is left."""
    chosen = world.latest(**plain(choice))
    rows = []
    for (snapshot_id, account_id), legs in matched(world, choice).items():
        assets, debts = (sum((leg[i] for leg in legs.values()), Decimal(0)) for i in (0, 1))
        for underlying, (supplied, owed) in legs.items():
            if supplied and owed:
                at = world.account({"snapshot_id": snapshot_id, "account_id": account_id})
                rows.append(
                    {
                        "wallet": chosen[snapshot_id].wallet,
                        "protocol": at["protocol"],
                        "chain_id": at["chain_id"],
                        "account_id": account_id,
                        "underlying": underlying,
                        "supplied_usd": supplied,
                        "owed_usd": owed,
                        "looped_usd": min(supplied, owed),
                        "looped_share": float(min(supplied, owed)) / float(supplied),
                        "account_leverage": float(assets) / float(assets - debts) if assets > debts else None,
                        **moment(chosen[snapshot_id]),
                    }
                )
    found = world.ask("looping_leverage", **choice)
    same(found, ordered(rows, "looped_usd", "account_id", "underlying"))
    assert all(0 <= row["looped_share"] <= 1 for row in found)
    if not choice:
        assert {row["account_leverage"] is None for row in found} == {True, False}


@EVERY_CHOICE
def test_stable_peg_exposure(world: World, choice: dict[str, str]) -> None:
    """Only dollar tokens; a fall costs who holds them and helps who owes them."""
    chosen = world.latest(**plain(choice))
    known = {a.id: a for a in ASSETS.values() if a.risk_class in ("stable", "synthetic_usd")}
    groups = defaultdict(list)
    for p in world.data.of("position", chosen):
        if p["asset_id"] in known:
            groups[p["asset_id"]].append(p)
    rows = []
    for asset_id, mine in groups.items():
        snapshots = [chosen[i] for i in {p["snapshot_id"] for p in mine}]
        newest = max(snapshots, key=lambda s: (s.as_of, s.wallet))
        net, price = total([p["value_usd"] for p in mine]), world.price(newest.id, asset_id)
        rows.append(
            {
                "asset_id": asset_id,
                "symbol": known[asset_id].symbol,
                "risk_class": known[asset_id].risk_class,
                "wallets": len(snapshots),
                "held_usd": by_kind(mine, "holding", "supply"),
                "owed_usd": by_kind(mine, "debt"),
                "derivatives_usd": by_kind(mine, "perp", "option"),
                "net_usd": net,
                "change_usd": -float(net) * 0.25,
                "price_usd": price,
                "deviation_bps": float(price - 1) * 10_000,
                **span(snapshots),
            }
        )
    found = world.ask("stable_peg_exposure", fall_bps="2500", **choice)
    same(found, ordered(rows, "net_usd", "asset_id"))


@EVERY_CHOICE
def test_claimable_and_idle(world: World, choice: dict[str, str]) -> None:
    """Exact sums of raw amounts, beyond 128 bits too."""
    chosen = world.latest(**plain(choice))
    sums: dict[tuple[str, Any, str, str], int] = defaultdict(int)
    decimals = {a.id: a.decimals for a in ASSETS.values()}
    symbols = {a.id: a.symbol for a in ASSETS.values()}
    for p in world.data.of("position", chosen):
        key = (p["snapshot_id"], p["chain_id"], p["asset_id"])
        if p["kind"] == "holding":
            sums[*key, "idle"] += p["amount_raw"]
        elif p["kind"] == "supply" and not p["is_collateral"]:
            sums[*key, "not_collateral"] += p["amount_raw"]
        elif p["kind"] == "perp" and p["funding_raw"] > 0:
            sums[*key, "accrued_funding"] += p["funding_raw"]
    rows = []
    for (snapshot_id, chain, asset, state), raw in sums.items():
        value = raw / 10 ** decimals[asset] * float(world.price(snapshot_id, asset))
        rows.append(
            {
                "wallet": chosen[snapshot_id].wallet,
                "chain_id": chain,
                "asset_id": asset,
                "symbol": symbols[asset],
                "state": state,
                "amount_raw": str(raw),
                "decimals": decimals[asset],
                "value_usd": value,
                **moment(chosen[snapshot_id]),
            }
        )
    rows = ordered(rows, "value_usd")
    same(world.ask("claimable_and_idle", **choice), rows)
    large = world.ask("claimable_and_idle", min_usd="5000", **choice)
    same(large, [row for row in rows if row["value_usd"] >= 5000])
    if not choice:
        assert {row["state"] for row in rows} == {"idle", "not_collateral", "accrued_funding"}
        assert any(int(row["amount_raw"]) > 2**255 for row in rows)
