"""A table's profile as a file: written once, read in place of the table, shared where the rows may not be.

The file is Parquet with a row a column of the table, so that other programs can read its figures; what it is, and in which version, stands
in its metadata under `ruleout.profile`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from ruleout.errors import RowsNeeded, TableError
from ruleout.tables.buffers import primitive
from ruleout.tables.profile import ColumnProfile, Profile, described
from ruleout.tables.sketch import DistinctSketch, FrequentNumbers, FrequentTexts
from ruleout.tables.state import CategoryState, Moments, NumberState, OtherState, State
from ruleout.tables.table import Table, kind_of

__all__ = ["VERSION", "StoredProfile", "open_profile", "write_profile"]

VERSION = 2
"""Version of the file's layout. A reader reads this one and those before it: version 1 kept 4,096 hashes a column, all 64 bits of each."""

_KEY = b"ruleout.profile"
_DOMAINS = {"float64": pa.float64(), "int64": pa.int64(), "uint64": pa.uint64()}
_FIGURES = ("n", "n_null", "n_nan", "n_infinite")
_LAYOUT = pa.schema(
    [
        ("column", pa.string()),
        ("kind", pa.string()),
        ("type", pa.string()),
        *((name, pa.int64()) for name in _FIGURES),
        *((name, pa.float64()) for name in ("min", "max", "mean", "squares")),
        ("n_distinct", pa.int64()),
        ("domain", pa.string()),
        *((f"edges_{name}", pa.list_(type_)) for name, type_ in _DOMAINS.items()),
        ("counts", pa.list_(pa.int64())),
        ("sums", pa.list_(pa.float64())),
        ("hashes", pa.list_(pa.uint64())),
        *((f"frequent_{name}", pa.list_(type_)) for name, type_ in _DOMAINS.items()),
        ("frequent_text", pa.list_(pa.large_string())),
        ("frequent_counts", pa.list_(pa.int64())),
        ("frequent_error", pa.int64()),
    ]
)


@dataclass(frozen=True)
class StoredProfile:
    """What a stored profile knows of its table: names, types, the number of rows and every column's state. It holds no row.

    Parameters
    ----------
    path
        The file.
    schema
        The table's names and types.
    profile
        Every column's profile, as it was when the table was read.
    """

    path: Path
    schema: pa.Schema
    profile: Profile

    @property
    def n_rows(self) -> int:
        """Rows that the table had."""
        return self.profile.n_rows

    def __call__(self) -> pa.Table:
        """Raise `RowsNeeded`."""
        self._no_rows()

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 - as every source has it
        """Raise `RowsNeeded`."""
        self._no_rows()

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:  # noqa: ARG002 - as every source has it
        """Raise `RowsNeeded`."""
        self._no_rows()

    def spread(self, column: str) -> tuple[int, StoredProfile]:  # noqa: ARG002 - as every source has it
        """Raise `RowsNeeded`."""
        self._no_rows()

    def take(self, rows: np.ndarray) -> pa.Table:  # noqa: ARG002 - as every source has it
        """Raise `RowsNeeded`."""
        self._no_rows()

    def select(self, columns: Sequence[str]) -> StoredProfile:
        """The same profile of some columns."""
        chosen = Profile(self.profile.name, self.profile.n_rows, {column: self.profile[column] for column in columns})
        return StoredProfile(self.path, pa.schema([self.schema.field(column) for column in columns]), chosen)

    def _no_rows(self) -> NoReturn:
        raise RowsNeeded(f"{self.path}: a stored profile holds no rows, and this needs them; give the table itself.")


def write_profile(table: Table, path: str | Path) -> Path:
    """Profile a table and write the profile to a file, which `read_table` and `case.toml` take in its place.

    Raises
    ------
    TableError
        The table cannot be read, or the file cannot be written.
    """
    import pyarrow.parquet as pq

    path, profile = Path(path), table.profile()
    rows = [_row(profile[column]) for column in profile]
    stored = pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in _LAYOUT})
    about = {
        "version": VERSION,
        "table": profile.name,
        "n_rows": profile.n_rows,
        "schema": base64.b64encode(table.schema.remove_metadata().serialize()).decode("ascii"),
    }
    try:
        stored = stored.replace_schema_metadata({_KEY: json.dumps(about).encode()})
        # Of ascending hashes the gaps are written, which have fewer bits. No column repeats what a dictionary would spare.
        options = {"use_dictionary": False, "column_encoding": {"hashes.list.element": "DELTA_BINARY_PACKED"}}
        pq.write_table(stored, path, compression="zstd", **options)
    except OSError as error:
        raise TableError(
            f"{path}: the profile cannot be written ({error.strerror or error}); name a file in a folder that is there."
        ) from error
    return path


def open_profile(path: Path) -> StoredProfile:
    """The stored profile in a file.

    Raises
    ------
    TableError
        It is something else, damaged, or of a later version.
    """
    import pyarrow.parquet as pq

    try:
        stored = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        first = str(error).strip().split("\n")[0].rstrip(".")
        raise TableError(f"{path}: not a readable profile ({first}); write it again with `ruleout profile`.") from error
    said = (stored.schema.metadata or {}).get(_KEY)
    if said is None:
        raise TableError(f"{path}: holds Parquet rows, expected a profile as `ruleout profile` writes it; name a file of rows .parquet.")
    try:
        about = json.loads(said)
        version = int(about["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "its metadata cannot be read") from error
    if version > VERSION:
        raise TableError(
            f"{path}: a profile of version {version}, expected {VERSION} at most; read it with a newer ruleout, or write it again."
        )
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(about["schema"], validate=True)))
        columns = {str(row["column"]): _column(row, version) for row in _rows(stored)}
        profile = Profile(str(about["table"]), int(about["n_rows"]), columns)
    except (ValueError, KeyError, TypeError, pa.ArrowException, OSError) as error:
        raise _damaged(path, str(error).split("\n")[0].rstrip(".")) from error
    _check(path, schema, profile)
    return StoredProfile(path, schema, profile)


def _row(column: ColumnProfile) -> dict[str, Any]:
    state = column.state
    row: dict[str, Any] = {"column": column.name, "kind": column.kind, "type": column.type, "n": column.n, "n_null": column.n_null}
    if isinstance(state, OtherState):
        return row
    row |= {"hashes": state.distinct.hashes, "n_distinct": column.distinct, "frequent_error": state.frequent.error}
    row["frequent_counts"] = state.frequent.counts
    if isinstance(state, CategoryState):
        return row | {"frequent_text": state.frequent.values}
    moments, domain = state.moments, state.edges.dtype.name
    return row | {
        "n_nan": state.n_nan,
        "n_infinite": state.n_infinite,
        "min": moments.smallest,
        "max": moments.largest,
        "mean": moments.mean,
        "squares": moments.squares,
        "domain": domain,
        f"edges_{domain}": state.edges,
        "counts": state.counts,
        "sums": state.sums,
        f"frequent_{domain}": state.frequent.values,
    }


def _rows(stored: pa.Table) -> Iterator[Mapping[str, Any]]:
    """The file's rows with lists as Arrow arrays, which keep every bit of what they hold."""
    for at in range(stored.num_rows):
        yield {
            name: values[at].values if pa.types.is_list(values.type) else values[at].as_py()
            for name, values in zip(stored.column_names, stored.columns, strict=True)
        }


def _column(row: Mapping[str, Any], version: int) -> ColumnProfile:
    name, kind, type_, n, n_null = (row[field] for field in ("column", "kind", "type", "n", "n_null"))
    if kind == "other":
        state: State = OtherState(n, n_null)
    else:
        counts, error = _numbers(row["frequent_counts"]), int(row["frequent_error"])
        hashes = _numbers(row["hashes"])
        distinct = DistinctSketch(hashes >> np.uint64(16), 4_096) if version == 1 else DistinctSketch(hashes)
        if kind == "category":
            state = CategoryState(n, n_null, distinct, FrequentTexts(row["frequent_text"].cast(pa.large_string()), counts, error))
        else:
            state = NumberState(
                _numbers(row[f"edges_{row['domain']}"]),
                n,
                n_null,
                row["n_nan"],
                row["n_infinite"],
                Moments(n - n_null - row["n_nan"] - row["n_infinite"], row["mean"], row["squares"], row["min"], row["max"]),
                _numbers(row["counts"]),
                _numbers(row["sums"]),
                distinct,
                FrequentNumbers(_numbers(row[f"frequent_{row['domain']}"]), counts, error),
            )
    return described(name, kind, type_, state)


def _numbers(values: pa.Array) -> np.ndarray:
    return primitive(values).copy()


def _check(path: Path, schema: pa.Schema, profile: Profile) -> None:
    """Hold the states against what the file says of the table."""
    if schema.names != list(profile):
        raise _damaged(path, f"it describes {len(profile)} columns of {len(schema.names)}")
    for name, column in profile.items():
        state = column.state
        if column.n != profile.n_rows or column.kind != kind_of(schema.field(name).type):
            raise _damaged(path, f"column {name!r} does not fit the table that it names")
        if isinstance(state, NumberState) and (
            len(state.counts) != len(state.edges) + 1 or len(state.sums) != len(state.counts) or state.counts.sum() != column.n_values
        ):
            raise _damaged(path, f"the counts of column {name!r} do not add up to its {column.n_values:,} values")
        if not isinstance(state, OtherState) and len(state.frequent.values) != len(state.frequent.counts):
            raise _damaged(path, f"the frequent values of column {name!r} are not as many as their counts")


def _damaged(path: Path, what: str) -> TableError:
    return TableError(f"{path}: the stored profile is damaged ({what}); write it again with `ruleout profile`.")
