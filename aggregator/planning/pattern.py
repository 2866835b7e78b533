"""Where the entries of a program are: most changes of its numbers leave that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aggregator.planning.scaled import COST, FIRST, SHORTFALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aggregator.planning.program import Constraint


class Row(NamedTuple):
    """A constraint with the names of what it is about, and their numbers."""

    constraint: Constraint
    names: tuple[str, ...]
    variables: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """Which coefficients are not zero (`used`; `full`: all of them), and where they enter.

    `variables` and `of_row` of each; `source`, `segment` and `row` of each entry of a
    segment; then all entries in order of columns. `soft` are the rows that may fall short, and `column` which
    of the columns of shortfalls each of them has.
    """

    used: NDArray[np.bool_]
    full: bool
    variables: NDArray[np.int64]
    of_row: NDArray[np.int64]
    source: NDArray[np.int64]
    segment: NDArray[np.int64]
    row: NDArray[np.int64]
    soft: NDArray[np.int64]
    column: NDArray[np.int64]
    order: NDArray[np.int64]
    entry_rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    starts: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        values: NDArray[np.float64],
        counts: NDArray[np.int64],
        *,
        priced: bool,
    ) -> Pattern:
        """Of rows with these coefficients, and variables of so many segments; `priced`: the cost is a row."""
        used = values != 0.0
        variables = np.concatenate([row.variables for row in rows]) if rows else np.zeros(0, np.int64)
        of_row = np.repeat(np.arange(len(rows)), [len(row.names) for row in rows])
        variables, of_row = variables[used], of_row[used]
        soft = [i for i, row in enumerate(rows) if row.constraint.weight is not None]
        targets = [rows[i].constraint.target for i in soft]
        owners = [i if target is None else target for i, target in zip(soft, targets, strict=True)]
        number = {owner: i for i, owner in enumerate(dict.fromkeys(owners))}
        column = np.array([number[owner] for owner in owners], np.int64)
        # From variables to their segments.
        segments, first = int(counts.sum()), np.cumsum(counts) - counts
        per = counts[variables]
        source = np.repeat(np.arange(len(variables)), per)
        within = np.arange(len(source)) - np.repeat(np.cumsum(per) - per, per)
        paid = np.arange(segments if priced else 0)
        short = segments + np.arange(len(number))
        segment = first[variables[source]] + within
        columns = np.concatenate((paid, short, segment, short[column]))
        entry_rows = np.concatenate(
            (
                np.full(len(paid), COST),
                np.full(len(short), SHORTFALL),
                of_row[source] + FIRST,
                np.array(soft, np.int64) + FIRST,
            )
        )
        order = np.lexsort((entry_rows, columns))
        lengths = np.bincount(columns, minlength=segments + len(short))
        return cls(
            used=used,
            full=bool(used.all()),
            variables=variables,
            of_row=of_row,
            source=source,
            segment=segment,
            row=of_row[source],
            soft=np.array(soft, np.int64),
            column=column,
            order=order,
            entry_rows=entry_rows[order].astype(np.int32),
            columns=columns[order].astype(np.int32),
            starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.int32),
        )

    def fits(self, values: NDArray[np.float64]) -> bool:
        """Whether the same of these coefficients are zero."""
        return bool(values.all()) if self.full else not (self.used != (values != 0.0)).any()
