"""Writing snapshots, and asking every query that ships over millions of positions.

`python -m benchmarks.warehouse [--legs 1000000] [--rows 1000000]`; the figures that we claim are those of
`--rows 10000000`, which takes 3 GB of disk and ten minutes. Each part has a process of its own, so that its
peak of memory is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import duckdb

from aggregator.store import library, query
from aggregator.store.library import Query
from aggregator.store.limits import Limits
from benchmarks import book, legs
from benchmarks.measure import ROUNDS, interleaved, report
from tests.memory import peak_kib

T = TypeVar("T")

PEER_LEGS = 2_000
OBJECT_LEGS = 50_000
QUERY_ROUNDS = 5
GOALS = {
    "columns_against_add_all": 50,
    "latest_query_s": 0.2,
    "query_s": 2.0,
}


# All others are asked as they are.
PARAMETERS = {"snapshot_gaps_and_partials": {"until": "2026-12-31"}}


def writes(folder: Path, count: int) -> dict[str, Any]:
    """Microseconds per leg of each way to write; asserts that all wrote the same rows."""
    sizes = {
        "raw Arrow insert": count,
        "from columns": count,
        "from row objects": OBJECT_LEGS,
        "session.add_all": PEER_LEGS,
    }
    sizes = {name: min(size, count) for name, size in sizes.items()}
    paths = {name: folder / f"{name}.duckdb" for name in sizes}
    for path in paths.values():
        legs.make_bare(path)
    made = legs.columns(count)
    objects = legs.row_objects(0, made, sizes["from row objects"])
    used_up = [legs.row_objects(number, made, sizes["session.add_all"]) for number in range(ROUNDS)]
    numbers = {name: iter(range(ROUNDS)) for name in sizes}
    ways: dict[str, Callable[[Path, int], None]] = {
        "raw Arrow insert": lambda path, number: legs.write_unchecked(path, number, made),
        "from columns": lambda path, number: legs.write_columns(path, number, made),
        "from row objects": lambda path, number: legs.write_from_rows(path, number, objects),
        "session.add_all": lambda path, number: legs.add_all(path, used_up[number]),
    }
    seconds = interleaved({name: partial(_once, ways[name], paths[name], numbers[name]) for name in sizes})
    few = min(sizes.values())
    digests = {
        name: legs.digest(path, "bare" if name == "raw Arrow insert" else "position", few)
        for name, path in paths.items()
    }
    assert len(set(digests.values())) == 1, digests
    assert next(iter(digests.values()))[0] == few
    each = {name: statistics.median(seconds[name]) / size * 1e6 for name, size in sizes.items()}
    return {
        "seconds": seconds,
        "legs": sizes,
        "us_per_leg": {name: round(value, 3) for name, value in each.items()},
        "columns_against_add_all": round(each["session.add_all"] / each["from columns"], 1),
        "row_objects_against_add_all": round(each["session.add_all"] / each["from row objects"], 1),
        "columns_against_floor": round(each["from columns"] / each["raw Arrow insert"], 2),
        "peak_mb": peak_kib() // 2**10,
    }


def fills(path: Path, positions: int) -> dict[str, Any]:
    """Make the warehouse that is asked, and a copy of only its latest snapshots."""
    start = time.perf_counter()
    book.fill(path, positions)
    seconds = time.perf_counter() - start
    book.keep_latest(path, path.with_name("latest.duckdb"))
    return {
        "fill_s": round(seconds, 1),
        "file_mb": path.stat().st_size // 2**20,
        "peak_mb": peak_kib() // 2**10,
    }


def asks(path: Path) -> dict[str, Any]:
    """Seconds of each query in each round, from opening the file to the last row, which nobody keeps.

    Asserts that every round answers as many rows, that asking again answers the same, and where only latest
    snapshots count, that older ones change nothing.
    """
    found = library.queries()
    answers = {asked.name: _answer(path, asked, _rows) for asked in found}

    def ask(asked: Query) -> None:
        assert _answer(path, asked, _count) == len(answers[asked.name]), asked.name

    seconds = interleaved({asked.name: partial(ask, asked) for asked in found}, QUERY_ROUNDS)
    on_latest = {asked.name for asked in found if asked.snapshots.startswith("latest")}
    for asked in found:
        again = path.with_name("latest.duckdb") if asked.name in on_latest else path
        assert _same(_answer(again, asked, _rows), answers[asked.name]), asked.name
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    with duckdb.connect(str(path), read_only=True) as connection:
        [(positions, snapshots)] = connection.execute(
            "SELECT (SELECT count(*) FROM position), (SELECT count(*) FROM snapshot)"
        ).fetchall()
    return {
        "seconds": seconds,
        "positions": positions,
        "snapshots": snapshots,
        "answered_rows": {name: len(rows) for name, rows in answers.items()},
        "slowest_s": round(max(medians.values()), 3),
        "slowest_latest_s": round(max(medians[name] for name in on_latest), 3),
        "slow": sorted(
            name
            for name, s in medians.items()
            if s > GOALS["latest_query_s" if name in on_latest else "query_s"]
        ),
        "peak_mb": peak_kib() // 2**10,
    }


def _once(way: Callable[[Path, int], None], path: Path, numbers: Iterator[int]) -> None:
    way(path, next(numbers))


def _answer(path: Path, asked: Query, take: Callable[[query.Answer], T]) -> T:
    return query.run(
        path,
        asked.name,
        asked.sql,
        asked.values(PARAMETERS.get(asked.name, {})),
        take,
        limits=Limits(),
        lock_timeout_s=1.0,
    )


def _rows(answer: query.Answer) -> list[tuple[object, ...]]:
    return [row for rows in answer.batches for row in rows]


def _count(answer: query.Answer) -> int:
    return sum(map(len, answer.batches))


def _same(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> bool:
    """Whether two answers have the same rows; sums of floats depend on the order of threads."""

    def rounded(rows: list[tuple[object, ...]]) -> list[str]:
        return sorted(
            repr([f"{value:.9e}" if isinstance(value, float) else value for value in row]) for row in rows
        )

    return one == other or rounded(one) == rounded(other)


def main() -> None:
    """Measure, check that the answers are equal, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, default=1_000_000, help="legs to write in a round")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="positions that the queries are asked over"
    )
    given = parser.parse_args()
    alone = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    with TemporaryDirectory() as folder, alone as pool:
        path = Path(folder)
        written = pool.submit(writes, path, given.legs).result()
        filled = pool.submit(fills, path / "book.duckdb", given.rows).result()
        asked = pool.submit(asks, path / "book.duckdb").result()
    seconds = {**written.pop("seconds"), **asked.pop("seconds")}
    report("warehouse", seconds, write=written, fill=filled, queries=asked, goals=GOALS)


if __name__ == "__main__":
    main()
