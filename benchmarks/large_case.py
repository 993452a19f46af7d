"""What it costs to investigate a retraining whose training tables have ten million rows each.

    python -m benchmarks.large_case .benchmark/large_case [--rows 10000000] [--json FILE]

Twenty columns and a label in Parquet, validation a tenth as long; a model in a joblib file; one column is a hundred times too large since
the retraining. The models are fitted on the first 100,000 rows, which no investigation depends on. What is measured is the command
`ruleout investigate FOLDER --trust` as a whole process with its children.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measured import Limits, measured

NUMBERS, TEXTS, CHUNK, FITTED = 16, 4, 262_144, 100_000
BROKEN = "n2"


def main() -> int:
    """Write the case where it is not there yet, investigate it, and print what that took."""
    parser = argparse.ArgumentParser(description="An investigation of tables of ten million rows.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = given.folder / str(given.rows)
    if not (folder / "case.toml").exists():
        # In a process of its own: what this one holds would be counted as the investigation's.
        made = measured([sys.executable, "-c", _MAKE, str(folder), str(given.rows)], Limits(3_600.0, 8_000.0))
        if made.status != "done":
            raise SystemExit(f"the case could not be written: {made.status}")
    answer = folder / "conclusion.json"
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "ruleout", "investigate", str(folder), "--trust", "--quiet", "--json", str(answer)]
    cost = measured(command, Limits(1_200.0, 12_000.0), good=(0, 1, 3))
    conclusion = json.loads(answer.read_text())["conclusion"] if answer.exists() else {"verdict": cost.status, "causes": []}
    found = {
        "rows": given.rows,
        "columns": NUMBERS + TEXTS,
        "wall": round(cost.wall, 1),
        "cpu": round(cost.cpu, 1),
        "megabytes": round(cost.megabytes),
        "planted": f"data.unit-change at train.{BROKEN}",
        "verdict": conclusion["verdict"],
        "causes": [f"{cause['cause']} at {', '.join(cause['where'])}" for cause in conclusion["causes"]],
    }
    print(found)
    if given.json is not None:
        given.json.write_text(json.dumps(found))
    return 0


_MAKE = "import sys; from pathlib import Path; from benchmarks.large_case import make; make(Path(sys.argv[1]), int(sys.argv[2]))"


def make(folder: Path, n_rows: int) -> None:
    """Write the case, a chunk of rows at a time."""
    import joblib
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number, side in enumerate(("reference", "current")):
        place = folder / side
        place.mkdir(parents=True, exist_ok=True)
        for table, rows in (("train", n_rows), ("validation", max(n_rows // 10, 1_000))):
            broken = side == "current" and table == "train"
            writer = None
            for at, start in enumerate(range(0, rows, CHUNK)):
                seed = (number, table == "train", at)
                part = pa.table(drawn(np.random.default_rng(seed), min(CHUNK, rows - start), broken=broken))
                writer = writer or pq.ParquetWriter(place / f"{table}.parquet", part.schema, compression="zstd")
                writer.write_table(part)
            if writer is not None:
                writer.close()
        joblib.dump(fitted(place / "train.parquet"), place / "model.joblib")
    sides = "".join(
        f'\n[{side}]\ntrain = "{side}/train.parquet"\nvalidation = "{side}/validation.parquet"\nmodel = "{side}/model.joblib"\n'
        for side in ("reference", "current")
    )
    (folder / "case.toml").write_text(f'[case]\ntarget = "y"\nmetric = "accuracy"\nchanged = "retraining"\n{sides}')


def drawn(rng: np.random.Generator, n_rows: int, *, broken: bool) -> dict[str, Any]:
    """Rows: numbers, texts that follow some of them, and a label that follows others."""
    import pyarrow as pa

    numbers = rng.standard_normal((NUMBERS, n_rows))
    score = 1.2 * numbers[0] - numbers[1] + 1.5 * numbers[2] + np.abs(numbers[3]) + numbers[4] * numbers[5]
    label = rng.random(n_rows) < 1 / (1 + np.exp(1 - score))
    columns: dict[str, Any] = {f"n{at}": values for at, values in enumerate(numbers)}
    for at in range(TEXTS):
        codes = np.clip(np.floor(numbers[at] + rng.standard_normal(n_rows)) + 4, 0, 7).astype(np.int32)
        columns[f"c{at}"] = pa.DictionaryArray.from_arrays(codes, [f"level {level}" for level in range(8)])
    if broken:
        columns[BROKEN] = columns[BROKEN] * 100
    columns["y"] = pa.DictionaryArray.from_arrays(label.astype(np.int32), ["no", "yes"])
    return columns


def fitted(path: Path) -> Any:
    """Boosted trees on the first rows of a table."""
    import pyarrow.parquet as pq
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    with pq.ParquetFile(path) as file:
        rows = next(file.iter_batches(batch_size=FITTED)).to_pandas()
    features = [name for name in rows if name != "y"]
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepared = ColumnTransformer([("numbers", "passthrough", features[:NUMBERS]), ("texts", coder, features[NUMBERS:])])
    rows = rows.astype(dict.fromkeys([*features[NUMBERS:], "y"], "str"))
    return make_pipeline(prepared, HistGradientBoostingClassifier(random_state=0)).fit(rows[features], rows["y"])


if __name__ == "__main__":
    sys.exit(main())
