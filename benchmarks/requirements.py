"""`snapshot requirement` over a warehouse of made-up wallets: `python -m benchmarks.requirements`.

Each wallet has 20 positions, of which five are options. In the second file every option has an expiry of its
own, as where each snapshot is of another block: then nothing is shared, and each is priced in every scenario.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import sqlalchemy as sa

from aggregator.model.assets import Asset, AssetId, Classification, ListedToken, TokenList
from aggregator.model.units import ChainId
from aggregator.risk.bulk import requirements_in_parts
from aggregator.risk.legs import legs
from aggregator.risk.scenarios import scenario_set
from aggregator.store.holdings import LatestPositions, latest_positions
from aggregator.store.opening import Opening
from benchmarks import book
from benchmarks.measure import interleaved, report
from tests.memory import peak_kib
from tests.risk.builders import defaults

SNAPSHOTS = 2
_APART = (
    "UPDATE position SET expiry = expiry + INTERVAL 1 SECOND * (hash(rowid) % 1000000) WHERE kind = 'option'"
)


def listed() -> TokenList:
    """The tokens of the made-up wallets, as they are classified there."""
    known = {
        "eip155:1/native": ("ETH", "base"),
        "eip155:1/erc20:0x01": ("ETH", "base"),
        "eip155:1/erc20:0x02": ("ETH", "lst"),
        "eip155:1/erc20:0x03": ("BTC", "wrapped_btc"),
        "eip155:1/erc20:0x04": ("USD", "stable"),
        "eip155:10/erc20:0x05": ("USD", "synthetic_usd"),
    }
    return TokenList(
        ListedToken(ChainId(1), None, Asset(AssetId(id_), id_, 18), Classification(*of))
        for id_, of in known.items()
    )


def steps(path: Path) -> dict[str, Callable[[], object]]:
    """What takes time, by name; each is checked to be whole."""
    tokens = listed()
    scenarios = scenario_set(defaults(), tokens)
    opening, of = Opening(path, lock_timeout_s=1.0), scenarios.parameters.haircut.of

    def read() -> LatestPositions:
        return opening.read(lambda connection: latest_positions(connection, scenarios, tokens))

    held = read()
    assert not any(one.why for one in held.wallets)
    kept = np.array([1.0 - of(protocol) for protocol in held.protocols])[held.protocol]

    def require() -> None:
        for _, found in requirements_in_parts(held.columns, held.factors, kept, scenarios):
            assert np.isfinite(found.scan_usd).all()

    return {
        "database to columns": read,
        "columns to legs": lambda: legs(held.columns, held.factors, scenarios),
        "legs and requirements": require,
    }


def main() -> None:
    """Measure each step on both files, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "w.duckdb"
        book.fill(path, book.POSITIONS * asked.wallets * SNAPSHOTS, asked.wallets)
        seconds = interleaved(steps(path), asked.rounds)
        Opening(path, lock_timeout_s=1.0).write(lambda connection: connection.execute(sa.text(_APART)))
        apart = interleaved({f"{name}, apart": step for name, step in steps(path).items()}, asked.rounds)
    report("requirements", {**seconds, **apart}, wallets=asked.wallets, peak_gib=round(peak_kib() / 2**20, 2))


if __name__ == "__main__":
    main()
