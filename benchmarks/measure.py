"""Interleaved rounds of several contenders, and the JSON object that every benchmark ends with."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

ROUNDS = 9


def interleaved(
    contenders: Mapping[str, Callable[[], object]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Seconds of each contender in each round; every round runs all of them once, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def report(benchmark: str, seconds: Mapping[str, list[float]], **more: Any) -> None:
    """Print the medians and the least of each contender for people, then everything as one JSON line."""
    for name, times in seconds.items():
        print(f"{name:32} median {statistics.median(times):8.4f} s   least {min(times):8.4f} s")
    document = {
        "benchmark": benchmark,
        "rounds": len(next(iter(seconds.values()))),
        "median_s": {name: round(statistics.median(times), 5) for name, times in seconds.items()},
        "least_s": {name: round(min(times), 5) for name, times in seconds.items()},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **more,
    }
    print(json.dumps(document, sort_keys=True))
