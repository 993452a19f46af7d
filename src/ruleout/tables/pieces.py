"""CSV and JSON that are too large for memory, written piece by piece as Parquet, with the types that they have when read whole."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.spool import write_rows
from ruleout.tables.streams import text_stream
from ruleout.tables.textfiles import BLOCK, File, csv_options, empty_to_null, no_csv, no_text, of_lines, of_rows

__all__ = ["LARGE", "csv_pieces", "json_pieces", "jsonl_pieces"]

LARGE = 200_000_000
"""Bytes of text from which on a table goes through a temporary file instead of memory."""

_CHAIN = (
    pa.null(),
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    pa.time32("s"),
    pa.timestamp("s"),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ns"),
    pa.timestamp("ns", "UTC"),
    pa.float64(),
    pa.string(),
)
"""Types in the order in which Arrow tries them on a CSV column."""

_MISFIT = re.compile(
    r"In CSV column #(\d+): (?:Row #\d+: )?CSV conversion error to .+?: "
    r"(?:invalid value|expected (?:a|no) zone offset in) '(.*?)'(?:\. If these .*)?\Z",
    re.DOTALL,
)
_BETWEEN = re.compile(r"[ \t\r\n]*")


def csv_pieces(path: File, folder: Path, *, texts: tuple[str, ...] = ()) -> list[Path]:
    """Write a CSV file as one Parquet file into a folder.

    The first block tells the types. At a value that its column's type does not hold, the column takes the next type that does, as it would
    have if all values had been looked at, and the file is read from its beginning.
    """
    import pyarrow.csv as pv

    types: dict[str, pa.DataType] = {name: pa.string() for name in texts}
    schema = pa.schema([])
    while True:
        # Arrow reads and decodes several blocks ahead.
        options = csv_options(path, BLOCK // 4, types)
        try:
            with text_stream(path) as stream, pv.open_csv(stream, **options) as reader:
                schema = reader.schema
                no_text(path, schema)
                write_rows(folder / "rows.parquet", schema, (_without_empty(batch) for batch in reader))
            return [folder / "rows.parquet"]
        except (pa.ArrowException, OSError) as error:
            misfit = _MISFIT.search(str(error))
            column = schema.field(int(misfit[1])) if misfit is not None and len(schema) else None
            if misfit is None or column is None or types.get(column.name) == pa.string():
                raise no_csv(path, error) from error
            types[column.name] = _next_type(types.get(column.name, column.type), misfit[2])


def jsonl_pieces(path: File, folder: Path, *, texts: tuple[str, ...] = ()) -> list[Path]:
    """Write a JSON lines file as Parquet files into a folder, one for every 16 MB; each has the types of its own values."""
    pieces: list[Path] = []
    first = 1
    for lines in _whole_lines(path):
        pieces.append(_piece(folder, len(pieces), of_lines(path, lines, first=first, texts=texts)))
        first += lines.count(b"\n")
    return pieces


def json_pieces(path: File, folder: Path, *, texts: tuple[str, ...] = ()) -> list[Path]:
    """Write a JSON file, a list of objects or one object a line, as Parquet files into a folder."""
    with text_stream(path) as stream:
        head = bytes(stream.read(64 * 1024)).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"["):
        return jsonl_pieces(path, folder, texts=texts)
    pieces: list[Path] = []
    for rows in _some_objects(path):
        pieces.append(_piece(folder, len(pieces), of_rows(rows, texts=texts)))
    return pieces


def _piece(folder: Path, number: int, table: pa.Table) -> Path:
    path = folder / f"{number:06}.parquet"
    hollow = tuple(field.name for field in table.schema if _hollow(field.type))
    for name in hollow:  # Parquet has no struct without a field
        texts = [None if value is None else json.dumps(value, default=str) for value in table.column(name).to_pylist()]
        table = table.set_column(table.column_names.index(name), name, pa.array(texts, pa.string()))
    write_rows(path, table.schema, table.to_batches())
    return path


def _hollow(type_: pa.DataType) -> bool:
    inside = [type_.field(at).type for at in range(type_.num_fields)]
    return (pa.types.is_struct(type_) and not inside) or any(map(_hollow, inside))


def _without_empty(batch: pa.RecordBatch) -> pa.RecordBatch:
    return empty_to_null(pa.Table.from_batches([batch])).combine_chunks().to_batches(max_chunksize=None)[0]


def _next_type(type_: pa.DataType, value: str) -> pa.DataType:
    later = _CHAIN[_CHAIN.index(type_) + 1 :] if type_ in _CHAIN else ()
    return next((candidate for candidate in later if _holds(candidate, value)), pa.string())


def _holds(type_: pa.DataType, value: str) -> bool:
    import pyarrow.csv as pv

    quoted = 'x\n"' + value.replace('"', '""') + '"\n'
    try:
        pv.read_csv(
            io.BytesIO(quoted.encode()),
            parse_options=pv.ParseOptions(newlines_in_values=True),
            convert_options=pv.ConvertOptions(column_types={"x": type_}, strings_can_be_null=False),
        )
    except pa.ArrowException:
        return False
    return True


def _whole_lines(path: File) -> Iterator[bytes]:
    with text_stream(path) as stream:
        rest = b""
        while more := bytes(stream.read(BLOCK)):
            lines, sign, rest_of_line = more.rpartition(b"\n")
            if sign:
                yield rest + lines + sign
                rest = rest_of_line
            else:
                rest += more
        if rest.strip():
            yield rest


def _some_objects(path: File) -> Iterator[list[dict[str, Any]]]:
    """The objects of a JSON list, those of 16 MB at a time."""
    decoder, text = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")()
    held, at, number, begun = "", 0, 0, False
    rows: list[dict[str, Any]] = []
    with text_stream(path) as stream:
        while True:
            try:
                more = bytes(stream.read(BLOCK))
                held, at = held[at:] + text.decode(more, final=not more), 0
                if not begun:
                    at, begun = held.index("[") + 1, True
                while (found := _object_at(decoder, held, at, first=number == 0, last=not more)) is not None:
                    row, at = found
                    if row is None:
                        break
                    number += 1
                    if not isinstance(row, dict):
                        said = f'item {number} is {type(row).__name__}, expected a list of objects such as {{"age": 31}}'
                        raise TableError(f"{path}: {said}.")
                    rows.append(row)
            except ValueError as error:
                raise TableError(
                    f"{path}: not a readable JSON file ({error}; after item {number:,}), expected a list of objects; write it again."
                ) from error
            if rows:
                yield rows
                rows = []
            if not more:
                return


def _object_at(decoder: json.JSONDecoder, text: str, at: int, *, first: bool, last: bool) -> tuple[Any, int] | None:
    """The next item of a list and where it ends, None for the item at the list's end; nothing where more text is needed."""
    start = _past_blanks(text, at)
    if start < len(text) and text[start] == "]":
        if text[_past_blanks(text, start + 1) :]:
            raise ValueError("there is more after the list's end")
        return None, start
    if not first and start < len(text):
        if text[start] != ",":
            raise ValueError("there is no comma between two items")
        start = _past_blanks(text, start + 1)
    try:
        if start == len(text):
            raise ValueError("the list has no end")
        return decoder.raw_decode(text, start)
    except ValueError:
        if last:
            raise
        return None


def _past_blanks(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found is not None else at
