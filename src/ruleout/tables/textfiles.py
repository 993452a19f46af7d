"""CSV and JSON lines as Arrow tables, with types found from all values and not from the first block alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import TableError
from ruleout.tables.remote import RemoteFile
from ruleout.tables.streams import text_stream

__all__ = [
    "BLOCK",
    "File",
    "csv_options",
    "empty_to_null",
    "no_csv",
    "no_text",
    "of_lines",
    "of_rows",
    "open_csv",
    "open_json",
    "open_jsonl",
    "read_csv",
    "read_json",
    "read_jsonl",
]

File = Path | RemoteFile
"""A file of text, here or elsewhere."""

BLOCK = 16 * 1024 * 1024
_WHOLE = 1024 * 1024 * 1024
"""The largest block that types are inferred from where the first one turned out not to speak for the others."""

_SEPARATORS = ",;\t|"


def open_csv(path: File) -> None:
    """Check the header of a CSV file and its first block, without keeping rows.

    Raises
    ------
    TableError
        There is no header, a name occurs twice, a row has too many or too few fields, or it is not UTF-8.
    """
    header = _first_line(path)
    if not header.strip():
        raise TableError(f"{path}: the first line is blank, expected the column names; remove it.")
    import pyarrow.csv as pv

    options = csv_options(path, 1024 * 1024)
    try:
        with text_stream(path) as stream, pv.open_csv(stream, **options) as reader:
            names = reader.schema.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if "conversion error" in str(error) and "UTF8" not in str(error):
            return
        raise no_csv(path, error) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(
            f"{path}: column {twice[0]!r} occurs {names.count(twice[0])} times in the header, expected each name once; rename one."
        )


def read_csv(path: File, *, texts: tuple[str, ...] = ()) -> pa.Table:
    """The rows of a CSV file; columns named in `texts` are not read as numbers."""
    import pyarrow.csv as pv

    fixed = {name: pa.string() for name in texts}
    options = csv_options(path, BLOCK, fixed)
    try:
        try:
            with text_stream(path) as stream:
                table = pv.read_csv(stream, **options)
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
            options = csv_options(path, _WHOLE, fixed)
            with text_stream(path) as stream:
                table = pv.read_csv(stream, **options)
    except (pa.ArrowException, OSError) as error:
        raise no_csv(path, error) from error
    no_text(path, table.schema)
    return empty_to_null(table)


def open_jsonl(path: File) -> None:
    """Check that the first line of a JSON lines file is an object.

    Raises
    ------
    TableError
        It is not.
    """
    _object(path, 1, _first_line(path))


def read_jsonl(path: File, *, texts: tuple[str, ...] = ()) -> pa.Table:
    """The rows of a JSON lines file; columns named in `texts`, and those whose values are of several kinds, are text."""
    with text_stream(path) as stream:
        table = _parsed(stream, texts)
    if table is None:
        with text_stream(path) as stream:
            return of_lines(path, bytes(stream.read()), texts=texts)
    return empty_to_null(_as_texts(table, texts))


def of_lines(path: File, lines: bytes, *, first: int = 1, texts: tuple[str, ...] = ()) -> pa.Table:
    """The rows of some lines of a JSON lines file, the first of which has this number in it."""
    lines = lines.removeprefix(b"\xef\xbb\xbf")
    table = _parsed(pa.BufferReader(lines), texts)
    if table is None:
        # Values of one column of several kinds, or a damaged line: slower, but it says which.
        split = lines.decode("utf-8", "replace").split("\n")
        table = _table([_object(path, number, line) for number, line in enumerate(split, first) if line.strip()])
    return empty_to_null(_as_texts(table, texts))


def open_json(path: File) -> None:
    """Check that a JSON file holds a list of objects, or one object a line.

    Raises
    ------
    TableError
        It does not.
    """
    with text_stream(path) as stream:
        head = bytes(stream.read(64 * 1024)).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"["):
        open_jsonl(path)


def read_json(path: File, *, texts: tuple[str, ...] = ()) -> pa.Table:
    """The rows of a JSON file: a list of objects, else one object a line."""
    with text_stream(path) as stream:
        content = bytes(stream.read()).removeprefix(b"\xef\xbb\xbf")
    if not content.lstrip().startswith(b"["):
        return read_jsonl(path, texts=texts)
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path}: not a readable JSON file ({error}), expected a list of objects; write it again.") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise TableError(f'{path}: item {number} is {type(row).__name__}, expected a list of objects such as {{"age": 31}}.')
    return of_rows(rows, texts=texts)


def of_rows(rows: list[dict[str, Any]], *, texts: tuple[str, ...] = ()) -> pa.Table:
    """The rows of some JSON objects."""
    return empty_to_null(_as_texts(_table(rows), texts))


def csv_options(path: File, block: int, types: dict[str, pa.DataType] | None = None) -> dict[str, Any]:
    """How a CSV file is read: its separator, blocks of so many bytes, and the types of some columns."""
    import pyarrow.csv as pv

    header = _first_line(path)
    separator = max(_SEPARATORS, key=lambda sign: (header.count(sign), -_SEPARATORS.index(sign)))
    return {
        "read_options": pv.ReadOptions(block_size=block),
        "parse_options": pv.ParseOptions(delimiter=separator, newlines_in_values=True),
        # An empty text becomes null afterwards: the options would turn "NA" and "null" into nulls as well, which can be categories.
        "convert_options": pv.ConvertOptions(column_types=types or None, strings_can_be_null=False),
    }


def no_csv(path: File, error: Exception) -> TableError:
    """What is wrong with a CSV file, as one sentence."""
    said = str(error).strip().split("\n")[0].removeprefix("CSV parse error: ").removeprefix("In CSV column").rstrip(".")
    if "UTF8" in said or "utf-8" in said:
        return TableError(f"{path}: is not UTF-8 text ({said}); save the file as UTF-8.")
    return TableError(f"{path}: not a readable CSV file ({said}), expected as many fields in every row as in the header; mend that row.")


def _first_line(path: File) -> str:
    try:
        with text_stream(path) as stream:
            head = b""
            while b"\n" not in head and (more := stream.read(64 * 1024)):
                head += bytes(more)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path}: cannot be unpacked ({str(error).splitlines()[0]}); write it again.") from error
    return head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0].decode("utf-8", "replace").rstrip("\r")


def _parsed(source: pa.NativeFile, texts: tuple[str, ...]) -> pa.Table | None:
    """JSON lines as Arrow reads them, None where it does not."""
    import pyarrow.json as pj

    # A text that looks like a time is left as it is written where it is to be text.
    fixed = pj.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in texts])) if texts else None
    try:
        table = pj.read_json(source, read_options=pj.ReadOptions(block_size=BLOCK), parse_options=fixed)
    except (pa.ArrowException, OSError):
        return None
    return table


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _as_texts(table: pa.Table, texts: tuple[str, ...]) -> pa.Table:
    for name in texts:
        if name in table.column_names and not pa.types.is_string(table.schema.field(name).type):
            values = [None if value is None else _as_text(value) for value in table.column(name).to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    return table


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
        return pa.array([None if value is None else _as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _object(path: File, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TableError(f"{path}: line {number} is not JSON ({error}), expected one object a line; mend or remove it.") from error
    if not isinstance(row, dict):
        raise TableError(f'{path}: line {number} is {type(row).__name__}, expected an object such as {{"age": 31}} on every line.')
    return row


def no_text(path: File, schema: pa.Schema) -> None:
    """Raise `TableError` where a column of a CSV file could be read as bytes alone."""
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise TableError(f"{path}: column {field.name!r} is not UTF-8 text; save the file as UTF-8.")


def empty_to_null(table: pa.Table) -> pa.Table:
    """The table with null for every text that is empty."""
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            values = table.column(at)
            empty = pc.equal(values, "")
            if pc.any(empty).as_py():
                table = table.set_column(at, field.name, pc.if_else(empty, pa.scalar(None, field.type), values))
    return table
