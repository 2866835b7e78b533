"""Score and requirement out of a file's rows, with nothing of this project: `python recomputed.py FILE`.

What a stranger would write who has only docs/database.md and docs/risk.md.
"""

from __future__ import annotations

import json
import math
import sys

import duckdb


def branch(
    connection: duckdb.DuckDBPyConnection, snapshot_id: str, name: str
) -> list[tuple[float, float, list[float]]]:
    """Level, U and what each account counts, by level."""
    rows = connection.execute(
        "SELECT level, whole_usd, counted_usd FROM survival_point WHERE snapshot_id = ? AND branch = ?"
        " ORDER BY level",
        [snapshot_id, name],
    ).fetchall()
    return [(level, whole, json.loads(counted)) for level, whole, counted in rows]


def kappa(points: list[tuple[float, float]]) -> float:
    """Where F first falls below 0, by levels and F: linear between two, strictly below 1 up to 1."""
    before: tuple[float, float] | None = None
    for level, left in points:
        if left < 0.0:
            if before is None:
                return 0.0
            crossing = before[0] + before[1] / (before[1] - left) * (level - before[0])
            return min(crossing, math.nextafter(1.0, 0.0)) if level <= 1.0 else crossing
        before = (level, left)
    return math.inf


def recomputed(connection: duckdb.DuckDBPyConnection, snapshot_id: str) -> dict[str, object]:
    """Everything that follows from the points, E0 and A; U once more out of its accounts."""
    [(equity, add_on)] = connection.execute(
        "SELECT equity_usd, add_on_usd FROM risk_result WHERE snapshot_id = ?", [snapshot_id]
    ).fetchall()
    multiples, asked, apart = [], {}, 0.0
    for name in ("scan", "draws"):
        points = branch(connection, snapshot_id, name)
        multiples.append(kappa([(level, whole - add_on) for level, whole, _ in points]))
        asked[name] = equity - min(whole for level, whole, _ in points if level <= 1.0)
        apart = max(apart, *(abs(math.fsum(counted) - whole) for _, whole, counted in points))
    least = min(multiples)
    return {
        "kappa": None if math.isinf(least) else least,
        "score": 100.0 if math.isinf(least) else 100.0 * least / (1.0 + least),
        "scan_usd": asked["scan"],
        "draws_usd": asked["draws"],
        "requirement_usd": max(asked.values()) + add_on,
        "apart_usd": apart,
    }


def main() -> None:
    """Print it for every snapshot of the file."""
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        ids = connection.execute("SELECT snapshot_id FROM snapshot").fetchall()
        found = {snapshot_id: recomputed(connection, snapshot_id) for (snapshot_id,) in ids}
    print(json.dumps({"found": found, "modules": sorted({name.split(".")[0] for name in sys.modules})}))


if __name__ == "__main__":
    main()
