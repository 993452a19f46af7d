"""How far the Kolmogorov-Smirnov distance and the number of distinct values, as ruleout says them, are from the exact ones.

    python -m benchmarks.accuracy .benchmark/tables [--rows 1000000] [--json FILE]

Every column of both pairs. Exact is: both distribution functions at every value that occurs; a count of all distinct values.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.made_tables import write_table
from ruleout.tables import read_table
from ruleout.tables.compare import compare

EXACT, NEAR = 16_384, 0.035


def main() -> int:
    """Measure, and print the largest errors."""
    parser = argparse.ArgumentParser(description="Errors of the distances and of the distinct values.")
    parser.add_argument("tables", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = errors(given.tables / str(given.rows), given.rows)
    print(f"KS: off by at most {found['ks']:.1e} ({found['ks_at']})")
    print(f"distinct: off by at most {100 * float(found['distinct']):.1f} % ({found['distinct_at']})")
    if given.json is not None:
        given.json.write_text(json.dumps(found))
    return 0


def errors(folder: Path, n_rows: int) -> dict[str, float | str | int]:
    """The largest error of a distance (absolute) and of a number of distinct values (relative), and where it was met.

    A column of a table is counted once; those of fewer than 16,384 distinct values, which are counted exactly, must be right.
    """
    ks, distances = (0.0, ""), 0
    distinct: dict[str, float] = {}
    for pair in ("healthy", "planted"):
        paths = {name: folder / f"{name}.parquet" for name in ("reference", pair)}
        for name, path in paths.items():
            write_table(path, name, n_rows)
        for column, change in compare(*(read_table(path) for path in paths.values())).items():
            sides = {name: values(path, column) for name, path in paths.items()}
            if change.ks is not None:
                distances += 1
                ks = max(ks, (abs(change.ks - exact_ks(*sides.values())), f"{column}, {pair}"))
            for (name, side), said in zip(sides.items(), (change.reference.distinct, change.current.distinct), strict=True):
                truth = len(np.unique(side))
                if truth >= EXACT or said != truth:
                    distinct[f"{column}, {name}"] = abs((said or 0) - truth) / max(truth, 1)
    worst = max(distinct, key=lambda place: distinct[place], default="")
    return {
        "rows": n_rows,
        "n_distances": distances,
        "ks": ks[0],
        "ks_at": ks[1],
        "n_distinct": len(distinct),
        "n_distinct_near": sum(error <= NEAR for error in distinct.values()),
        "distinct": distinct.get(worst, 0.0),
        "distinct_at": worst,
    }


def values(path: Path, column: str) -> np.ndarray:
    """The values of a column without its nulls; texts as their codes, which are as distinct."""
    read = pq.read_table(path, columns=[column]).column(0).drop_null()
    if pa.types.is_string(read.type):
        read = pc.utf8_slice_codeunits(read, 4).cast(pa.int64())
    elif pa.types.is_timestamp(read.type):
        read = read.cast(pa.int64())
    taken: np.ndarray = read.to_numpy()
    return taken


def exact_ks(reference: np.ndarray, current: np.ndarray) -> float:
    """The largest gap between two empirical distribution functions, each taken at the end of every run of equal values."""
    first, second = np.sort(reference), np.sort(current)
    places = np.unique(np.concatenate([first, second]))
    heights = [np.searchsorted(side, places, side="right") / len(side) for side in (first, second)]
    return float(np.abs(heights[0] - heights[1]).max())


if __name__ == "__main__":
    sys.exit(main())
