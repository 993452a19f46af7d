"""Three tables by seed, of any number of rows in bounded memory: a reference, its healthy twin, and one with planted drifts.

    python -m benchmarks.made_tables FOLDER --rows 1000000 [--seed 0] [--tables reference healthy planted]

50 columns: 35 numbers (normal, log-normal, money, integers, counts, mostly zero, uniform), 12 categories of 3 to 10,000 values, 2
timestamps and a label; nulls from none to half of the rows; Parquet with zstd. A row group is drawn, written and forgotten. The values of
a column in a row group depend on the seed, the table, the row group and the column alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = ("reference", "healthy", "planted")
GROUP_ROWS = 524_288
NULL_RATES = (0.0, 0.01, 0.0, 0.05, 0.0, 0.2, 0.0, 0.5)
CARDINALITIES = (3, 5, 8, 12, 20, 50, 100, 300, 1_000, 2_000, 5_000, 10_000)
START, DAY = 1_767_225_600_000_000, 86_400_000_000
"""The first of January 2026, and a day, in microseconds."""

Values = np.ndarray
Draw = Callable[[np.random.Generator, int], Values]
Change = Callable[[Values, np.random.Generator], Values]


@dataclass(frozen=True)
class Column:
    """A column: how its values are drawn, the share of rows that are null, and its categories where it holds some."""

    name: str
    draw: Draw
    null_rate: float = 0.0
    levels: int = 0
    type: pa.DataType | None = None


@dataclass(frozen=True)
class Drift:
    """A planted drift: what it does in words, to the values before nulls are taken out, and to the share of nulls."""

    words: str
    change: Change = lambda values, _: values
    more_nulls: float = 0.0


NUMBERS: tuple[tuple[Draw, pa.DataType], ...] = (
    (lambda rng, n: rng.standard_normal(n) * 10 + 50, pa.float64()),
    (lambda rng, n: np.exp(rng.standard_normal(n)), pa.float64()),
    (lambda rng, n: np.floor(np.exp(rng.standard_normal(n) + 4) * 100) / 100, pa.float64()),
    (lambda rng, n: rng.integers(0, 1_000_000, n), pa.int64()),
    (lambda rng, n: rng.standard_exponential(n, dtype=np.float32) * 8, pa.int32()),
    (lambda rng, n: rng.standard_exponential(n) * (rng.random(n, dtype=np.float32) < 0.4), pa.float64()),
    (lambda rng, n: rng.random(n, dtype=np.float32), pa.float32()),
)


def _part(share: float, rng: np.random.Generator, values: Values) -> Values:
    """Which rows a change takes, that many of them."""
    chosen: Values = rng.random(len(values), dtype=np.float32) < share
    return chosen


PLANTED: dict[str, Drift] = {
    "n00": Drift("mean + 0.5 standard deviations", lambda values, _: values + 5),
    "n01": Drift("every value x 100", lambda values, _: values * 100),
    "n07": Drift("spread x 1.5", lambda values, _: (values - 50) * 1.5 + 50),
    "n08": Drift("-999 in 5 % of the rows", lambda values, rng: np.where(_part(0.05, rng, values), -999.0, values)),
    "n11": Drift("counts x 1.3", lambda values, _: values * 1.3),
    "n14": Drift("nulls + 10 points", more_nulls=0.10),
    "n20": Drift("limited at 0.8: a fifth of the rows at one value", lambda values, _: np.minimum(values, np.float32(0.8))),
    "n28": Drift("mean + 0.1 standard deviations", lambda values, _: values + 1),
    "c01": Drift("15 % of the rows in the last of 5 categories", lambda values, rng: np.where(_part(0.15, rng, values), 4, values)),
    "c05": Drift("a new category in 5 % of the rows", lambda values, rng: np.where(_part(0.05, rng, values), 50, values)),
    "c08": Drift("codes turned round: i is n - i", lambda values, _: 999 - values),
    "c02": Drift("2 % of the rows in the last of 8 categories", lambda values, rng: np.where(_part(0.02, rng, values), 7, values)),
    "t0": Drift("10 of 90 days later", lambda values, _: values + 10 * DAY),
    "label": Drift("share of positives 0.30 to 0.38", lambda values, rng: np.where(_part(0.8 / 7, rng, values), 1, values)),
}
"""What is planted, by column; `n28` and `c02` are small on purpose."""


def columns() -> tuple[Column, ...]:
    """The 50 columns."""
    made = []
    for at in range(35):
        draw, type_ = NUMBERS[at % len(NUMBERS)]
        made.append(Column(f"n{at:02}", draw, NULL_RATES[at % len(NULL_RATES)], type=type_))
    for at, levels in enumerate(CARDINALITIES):
        made.append(Column(f"c{at:02}", _category(levels), (0.0, 0.0, 0.02, 0.1)[at % 4], levels=levels))
    moments = pa.timestamp("us")
    made.append(Column("t0", lambda rng, n: START + rng.integers(0, 90 * DAY, n), type=moments))
    made.append(Column("t1", lambda rng, n: START + rng.integers(0, 90 * 86_400, n) * 1_000_000, 0.05, type=moments))
    made.append(Column("label", lambda rng, n: rng.random(n, dtype=np.float32) < 0.3, type=pa.int64()))
    return tuple(made)


def write_table(path: Path, table: str, n_rows: int, seed: int = 0) -> None:
    """Write one of the tables, a row group at a time; a file that is there already was written whole."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    groups = row_groups(table, n_rows, seed)
    first = next(groups)
    with pq.ParquetWriter(unfinished, first.schema, compression="zstd", store_schema=False) as file:
        file.write_table(first)
        for group in groups:
            file.write_table(group)
    unfinished.rename(path)


def row_groups(table: str, n_rows: int, seed: int = 0, group_rows: int = GROUP_ROWS) -> Iterator[pa.Table]:
    """The row groups of one of the tables."""
    made = columns()
    number = TABLES.index(table)
    with ThreadPoolExecutor(2) as pool:
        for group, start in enumerate(range(0, max(n_rows, 1), group_rows)):
            rows = min(group_rows, n_rows - start)
            seeds = [(seed, number, group, at) for at in range(len(made))]
            drifts = [PLANTED.get(column.name) if table == "planted" else None for column in made]
            arrays = list(pool.map(_drawn, made, drifts, seeds, [rows] * len(made)))
            yield pa.table(dict(zip((column.name for column in made), arrays, strict=True)))


def _drawn(column: Column, drift: Drift | None, seed: tuple[int, ...], n_rows: int) -> pa.Array:
    """One column of one row group."""
    rng = np.random.Generator(np.random.SFC64(seed))
    values, null_rate = column.draw(rng, n_rows), column.null_rate
    if drift is not None:
        values, null_rate = drift.change(values, rng), null_rate + drift.more_nulls
    nulls = rng.random(n_rows, dtype=np.float32) < null_rate if null_rate else None
    if column.levels:
        names = [f"{column.name}-{level:05}" for level in range(column.levels + 1)]
        return pa.DictionaryArray.from_arrays(pa.array(values.astype(np.int32), mask=nulls), pa.array(names))
    if column.type is None:
        raise ValueError(f"column {column.name} has neither levels nor a type")
    kind = np.int64 if pa.types.is_timestamp(column.type) else column.type.to_pandas_dtype()
    array = pa.array(values.astype(kind), mask=nulls)
    return array.cast(column.type) if pa.types.is_timestamp(column.type) else array


def _category(levels: int) -> Draw:
    """Codes of which the first ones are the most frequent: the share of code i goes with 1 / sqrt(i)."""

    def draw(rng: np.random.Generator, n: int) -> Values:
        codes: Values = (levels * rng.random(n) ** 2).astype(np.int32)
        return codes

    return draw


def main() -> int:
    """Write the tables that are not there yet."""
    parser = argparse.ArgumentParser(description="Write the tables that the benchmark compares.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    given = parser.parse_args()
    for table in given.tables:
        write_table(given.folder / f"{table}.parquet", table, given.rows, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
