"""Tables that every engine must read alike, and what of a profile must be the same."""

from __future__ import annotations

import decimal
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ruleout.tables import Profile, Table

N_ROWS = 60_000


def write_kinds(folder: Path, seed: int = 0, shift: float = 0.0) -> str:
    """Hive partitions of files of several row groups, with a column of every kind that is looked into; gives the pattern."""
    rng = np.random.default_rng(seed)
    for part in range(3):
        n = N_ROWS // 3
        start = np.datetime64("2024-01-01") + np.timedelta64(30 * part, "D")
        amounts = pa.array([decimal.Decimal(int(value)) / 100 for value in rng.integers(0, 10**6, n)], pa.decimal128(12, 2))
        values = rng.normal(shift, size=n)
        values[:7] = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e300, -1e300]
        columns: dict[str, Any] = {
            "id": np.arange(n) + part * n,
            "value": pa.array(values, mask=rng.random(n) < 0.1),
            "huge": rng.integers(0, 50_000, n).astype(np.uint64) + np.uint64(2**63),
            "count": rng.poisson(3, n).astype(np.int16),
            "amount": amounts,
            "yes": pa.array(rng.random(n) < 0.3, mask=rng.random(n) < 0.02),
            "at": pa.array(start + rng.integers(0, 30 * 86_400, n).astype("timedelta64[s]"), pa.timestamp("us", "UTC")),
            "day": pa.array((start + rng.integers(0, 30, n)).astype("datetime64[D]")),
            "word": pa.array([f"w{value}" for value in rng.zipf(1.3, n) % 30_000]),
            "level": pa.array(rng.choice(["low", "mid", "high"], n)).dictionary_encode(),
            "list": pa.array([[1, 2], None] * (n // 2)),
            "nothing": pa.nulls(n),
        }
        if part == 2:
            del columns["count"]
        (folder / f"part={part}").mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / f"part={part}" / "rows.parquet", row_group_size=7_000)
    return str(folder / "part=*" / "*.parquet")


def write_wide(path: Path, n_columns: int = 48, n_groups: int = 64, seed: int = 0) -> Path:
    """A table of many columns in many small row groups: long work for its size, in many pieces."""
    rng = np.random.default_rng(seed)
    columns = {f"c{at}": rng.integers(0, 500, n_groups * 2_000).astype(np.float64) for at in range(n_columns)}
    pq.write_table(pa.table(columns), path, row_group_size=2_000)
    return path


def write_case(folder: Path, n_rows: int, n_validation: int, engine: str = "") -> Path:
    """A retraining in files: since then one column of the training rows is a hundred times too large."""
    import joblib
    import pandas as pd
    from sklearn.tree import DecisionTreeClassifier

    for number, side in enumerate(("reference", "current")):
        (folder / side).mkdir(parents=True)
        for table, n in (("train", n_rows), ("validation", n_validation)):
            rng = np.random.default_rng((number, n))
            values = rng.normal(size=(4, n))
            label = np.where(rng.random(n) < 1 / (1 + np.exp(-2.5 * values[1] - values[0])), "yes", "no")
            columns = {"id": np.arange(n) + 10**7 * (table == "validation"), **{f"n{at}": column for at, column in enumerate(values)}}
            if (side, table) == ("current", "train"):
                columns["n1"] = columns["n1"] * 100
            rows = pa.table({**columns, "y": label})
            pq.write_table(rows, folder / side / f"{table}.parquet", row_group_size=60_000)
            if table == "train":
                frame = pd.DataFrame({name: rows[name].to_numpy() for name in ("n0", "n1", "n2", "n3")})
                model = DecisionTreeClassifier(max_depth=6, random_state=0).fit(frame, label)
                joblib.dump(model, folder / side / "model.joblib")
    text = f'[case]\ntarget = "y"\nkey = "id"\nmetric = "accuracy"\nchanged = "retraining"\n{engine and f"engine = {engine!r}"}\n'
    for side in ("reference", "current"):
        places = "".join(f'{table} = "{side}/{table}.parquet"\n' for table in ("train", "validation"))
        text += f'[{side}]\n{places}model = "{side}/model.joblib"\n'
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def everything(value: Any) -> Any:
    """A state as plain values, to the last bit, so that two can be held against each other."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, pa.Array):
        return value.to_pylist()
    if is_dataclass(value):
        return {entry.name: everything(getattr(value, entry.name)) for entry in fields(value)}
    return repr(value)


def states(profile: Profile) -> dict[str, Any]:
    return {name: everything(column.state) for name, column in profile.items()}


def rows_of(table: Table) -> list[int]:
    return [int(row) for row in table.numbers("id")]
