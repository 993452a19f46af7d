"""Tables from files. What is wrong with a file is said when it is opened; its rows are read when they are needed."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from ruleout.errors import TableError, nearest
from ruleout.tables import pieces
from ruleout.tables.addresses import Location, is_address, shown_address
from ruleout.tables.databases import is_database, open_database
from ruleout.tables.hive import folders_with_values, partition_columns
from ruleout.tables.parquet import ParquetFiles, open_parquet
from ruleout.tables.remote import RemoteFile, find_remote
from ruleout.tables.spool import Spooled
from ruleout.tables.stored import open_profile
from ruleout.tables.table import Table
from ruleout.tables.textfiles import File, open_csv, open_json, open_jsonl, read_csv, read_json, read_jsonl

__all__ = ["read_table"]

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".profile": "profile",
}
_PACKED = (".gz", ".bz2", ".zst")
_EXPECTED = "expected Parquet (.parquet), CSV (.csv), JSON (.jsonl, .json) or a stored profile (.profile)"
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"ARROW1": "an Arrow IPC file",
    b"SQLite": "an SQLite database",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"ORC": "an ORC file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


_TEXT: Mapping[str, tuple[Callable[[File], None], Callable[..., pa.Table], Callable[..., list[Path]]]] = {
    "csv": (open_csv, read_csv, pieces.csv_pieces),
    "jsonl": (open_jsonl, read_jsonl, pieces.jsonl_pieces),
    "json": (open_json, read_json, pieces.json_pieces),
}
"""How files of text are looked at when they are opened, read whole, and written in pieces."""

_UNPACKED = 5
"""How many times as large a compressed file of text is when it is unpacked, about."""


def read_table(path: Location, *, name: str = "table") -> Table:
    """A file, all files that a glob matches, a folder of partitions, an address, or a table of a database, as one table.

    Parquet files are read column by column, as far as is asked for, on this machine and elsewhere. CSV files (also with ";", tabs or "|",
    also compressed) and JSON are read whole when their rows are first needed; columns whose every value is a number hold numbers, and an
    empty text is null. More than 200 MB of them, here or elsewhere, and a database's table, are read once, when their rows are first
    needed, into temporary Parquet files, so that their size in memory is that of a piece.

    Parameters
    ----------
    path
        A file, or a glob such as `data/part-*.parquet`. The files of a glob are taken in alphabetical order; a column that some of
        them lack is null there. Folders such as `month=2024-03` (Hive partitions), below the folder or pattern given, become columns. As
        text also an address: `s3://bucket/part-*.parquet` and all else that fsspec reaches, or `postgresql://host/base?table=loans`.
    name
        What findings call the table.

    Raises
    ------
    TableError
        There is no such file, it is empty, truncated or not what its name says, or the files of a glob do not go together. Faults
        further inside a CSV or JSON file are raised when its rows are read. Likewise for addresses and databases.
    MissingExtra
        What reads the address is not installed.
    """
    if isinstance(path, str) and is_address(path):
        if is_database(path):
            return Table(open_database(path), name=name, origin=shown_address(path))
        return _read_remote(path, name)
    paths, start = _found(Path(path))
    formats = _formats(paths, path)
    for file, format_ in zip(paths, formats, strict=True):
        _look(file, format_)
    partitions = partition_columns([folders_with_values(str(file), start) for file in paths], paths)
    if formats[0] == "profile":
        if len(paths) > 1:
            raise TableError(f"{path}: matches {len(paths)} stored profiles, expected one; profile the table's files together, by a glob.")
        return Table(open_profile(paths[0]), name=name, origin=str(path))
    if formats[0] == "parquet":
        return Table(open_parquet(paths, _unified, partitions), name=name, origin=str(path))
    return _text(paths, formats[0], partitions, name, str(path))


def _read_remote(address: str, name: str) -> Table:
    """A table of files that lie elsewhere, of which no more is fetched than is read; stored profiles are small, and fetched whole."""
    files, start = find_remote(address)
    formats = _formats(files, shown_address(address))
    partitions = partition_columns([folders_with_values(file.path, start) for file in files], files)
    origin = shown_address(address)
    if formats[0] == "parquet":
        return Table(open_parquet(files, _unified, partitions), name=name, origin=origin)
    if formats[0] == "profile":
        with files[0].fetched() as copy:
            return read_table(copy, name=name)
    # Every look at a file that lies elsewhere costs a fetch: what is wrong with the others is said when their rows are read.
    _look(files[0], formats[0])
    return _text(files, formats[0], partitions, name, origin)


def _text(files: Sequence[File], format_: str, partitions: tuple[pa.Schema, Sequence[Mapping[str, Any]]], name: str, origin: str) -> Table:
    """Files of text as one table: in memory, or in pieces where they are large, or where nobody says how large they are."""
    opened, reader, writer = _TEXT[format_]
    for file in files if isinstance(files[0], Path) else files[:1]:
        opened(file)
    sizes = list(map(_size, files))
    if None in sizes or sum(size or 0 for size in sizes) > pieces.LARGE:
        return Table(Spooled(partial(_in_pieces, files, writer, partitions)), name=name, origin=origin)
    return Table(partial(_stacked, files, reader, partitions), name=name, origin=origin)


def _formats(files: Sequence[Path | RemoteFile], path: Location) -> list[str]:
    formats = [_format(file) for file in files]
    for file, format_ in zip(files, formats, strict=True):
        if format_ != formats[0]:
            raise TableError(f"{path}: matches {files[0].name} and {file.name}, expected files of one format; narrow the pattern.")
    return formats


def _found(path: Path) -> tuple[list[Path], int]:
    """The files, and from which character of their paths on folders may say partition values."""
    if path.is_dir():
        parts = sorted(
            file for file in path.rglob("*=*/*") if file.is_file() and file.suffix in _FORMATS and not file.name.startswith(("_", "."))
        )
        if parts:
            return parts, len(str(path)) + 1
        inside = sorted({file.suffix for file in path.iterdir() if file.suffix in _FORMATS})
        raise TableError(f"{path}: is a folder, expected a file; for all files in it give {path / ('*' + (inside or ['.parquet'])[0])}.")
    if path.exists():
        return [path], len(str(path))
    if any(sign in str(path) for sign in "*?["):
        found = sorted(Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file())  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not found:
            raise TableError(f"{path}: no file matches this pattern, expected at least one; check the folder and the spelling.")
        return found, _first_pattern(path)
    if not path.parent.is_dir():
        raise TableError(f"{path}: no such file, nor is there a folder {path.parent}; check the path.")
    beside = [file.name for file in path.parent.iterdir() if file.is_file()]
    raise TableError(f"{path}: no such file ({len(beside)} files in that folder); check the path.{nearest(path.name, beside)}")


def _first_pattern(path: Path) -> int:
    """Where the first part of a path begins that holds a pattern; folders with a value right before it belong to it."""
    parts = path.parts
    at = next(at for at, part in enumerate(parts) if any(sign in part for sign in "*?["))
    while at and "=" in parts[at - 1]:
        at -= 1
    return len(str(Path(*parts[:at]))) if at else 0


def _format(file: Path | RemoteFile) -> str:
    path = PurePath(file.name)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    suffix = (suffixes[-2:-1] if packed else suffixes[-1:]) or [""]
    if suffix[0] not in _FORMATS or (packed and _FORMATS[suffix[0]] == "parquet"):
        raise TableError(
            f"{file}: {path.suffix or 'a name without an ending'} is no format that is read here, {_EXPECTED}; convert or rename it."
        )
    return _FORMATS[suffix[0]]


def _look(path: File, format_: str) -> None:
    """Compare a file's size and first and last bytes with what its name says."""
    size, head, tail = _ends(path)
    if not head:
        raise TableError(f"{path}: the file is empty (0 bytes), expected a table; whatever writes it has failed: write it again.")
    what = next((said for magic, said in _MAGIC.items() if head.startswith(magic)), "")
    if format_ in {"parquet", "profile"}:
        if not head.startswith(b"PAR1"):
            raise TableError(
                f"{path}: holds {what or _guess(head)}, expected {_said(format_)}; give that file, or rename this one to what it is."
            )
        if tail != b"PAR1" or size < 12:
            raise TableError(f"{path}: ends after {size:,} bytes without a Parquet footer, so it is truncated; write or copy it again.")
        return
    if path.suffix.lower() in _PACKED:
        if "archive" not in what:
            raise TableError(f"{path}: holds {what or _guess(head)}, expected a compressed file as its name says; rename it to what it is.")
        return
    if what or b"\0" in head:
        raise TableError(
            f"{path}: holds {what or 'binary data'}, expected {_said(format_)}; give that file, or rename this one to what it is."
        )


def _ends(path: File) -> tuple[int, bytes, bytes]:
    """A file's size, its first bytes and, of a file of this machine, its last four."""
    if isinstance(path, RemoteFile):
        with path.streamed() as stream:
            return 0, stream.read(4_096), b""
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
            file.seek(max(0, path.stat().st_size - 4))
            return path.stat().st_size, head, file.read(4)
    except OSError as error:
        raise TableError(f"{path}: cannot be opened ({error.strerror}); check its permissions.") from error


def _guess(head: bytes) -> str:
    return "binary data" if b"\0" in head else "text (CSV or JSON lines?)"


def _said(format_: str) -> str:
    return {"csv": "CSV text", "jsonl": "JSON lines", "json": "JSON", "parquet": "Parquet", "profile": "a stored profile"}[format_]


def _stacked(paths: Sequence[Any], reader: Callable[..., pa.Table], partitions: tuple[pa.Schema, Sequence[Mapping[str, Any]]]) -> pa.Table:
    """The rows of text files under one schema. Where their inferred types contradict each other a column is text."""
    tables = [reader(path) for path in paths]
    if len(tables) == 1:
        return _with_constants(tables[0], partitions[0], partitions[1][0])
    texts = _contradicting([table.schema for table in tables])
    if texts:
        tables = [reader(path, texts=texts) for path in paths]
    tables = [_with_constants(table, partitions[0], values) for table, values in zip(tables, partitions[1], strict=True)]
    schema = _unified([table.schema for table in tables], paths)
    return pa.concat_tables(tables, promote_options="permissive").select(schema.names).cast(schema, safe=False).combine_chunks()


def _size(file: File) -> int | None:
    """Bytes of text, unpacked about; None where a store does not say."""
    size = file.size if isinstance(file, RemoteFile) else file.stat().st_size
    return None if size is None else size * (_UNPACKED if file.suffix.lower() in _PACKED else 1)


def _in_pieces(
    paths: Sequence[File], writer: Callable[..., list[Path]], partitions: tuple[pa.Schema, Sequence[Mapping[str, Any]]], folder: Path
) -> ParquetFiles:
    """The rows of large text files, written as Parquet files into a folder, under the schema that `_stacked` gives smaller ones."""
    import pyarrow.parquet as pq

    written: list[list[Path]] = []
    schemas: list[list[pa.Schema]] = []

    def write(at: int, texts: tuple[str, ...] = ()) -> None:
        place = folder / str(at)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        written[at : at + 1] = [writer(paths[at], place, texts=texts)]
        schemas[at : at + 1] = [[pq.read_schema(piece).remove_metadata() for piece in written[at]]]

    for at in range(len(paths)):
        write(at)
    texts = _contradicting([schema for some in schemas for schema in some])
    for at in range(len(paths)):
        if any(name in schema.names and schema.field(name).type != pa.string() for schema in schemas[at] for name in texts):
            write(at, texts)
    sources = [path for path, some in zip(paths, written, strict=True) for _ in some]
    constants = [values for values, some in zip(partitions[1], written, strict=True) for _ in some]
    every = [piece for some in written for piece in some]
    return open_parquet(every, lambda found, _: _unified(found, sources), (partitions[0], constants))


def _with_constants(table: pa.Table, said: pa.Schema, values: Mapping[str, Any]) -> pa.Table:
    """The table with the columns that its folders say and it does not hold itself."""
    for field in said:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.repeat(pa.scalar(values[field.name], field.type), table.num_rows))
    return table


def _contradicting(schemas: Sequence[pa.Schema]) -> tuple[str, ...]:
    types: dict[str, set[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types.setdefault(field.name, set()).add(field.type)
    return tuple(name for name, found in types.items() if len(found) > 1 and _common(found) is None)


def _common(types: set[pa.DataType]) -> pa.DataType | None:
    """The type that holds the values of all these types, None where there is none."""
    try:
        unified = pa.unify_schemas([pa.schema([("", type_)]) for type_ in types], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return unified.field(0).type


def _unified(schemas: Sequence[pa.Schema], paths: Sequence[Path | RemoteFile]) -> pa.Schema:
    """One schema for all files: columns by name in the order of their first appearance.

    Raises
    ------
    TableError
        A name occurs twice in a file, two files share no column, or a column's types cannot be brought together.
    """
    types: dict[str, tuple[pa.DataType, Path | RemoteFile]] = {}
    for schema, path in zip(schemas, paths, strict=True):
        twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
        if twice:
            raise TableError(
                f"{path}: column {twice[0]!r} occurs {schema.names.count(twice[0])} times, expected each name once; rename one."
            )
        if types and schema.names and not set(schema.names) & set(types):
            raise TableError(
                f"{path}: shares no column with {paths[0]} ({', '.join(schema.names[:4])} against {', '.join(list(types)[:4])}); "
                "narrow the pattern to the files of one table."
            )
        for field in schema:
            was, first = types.get(field.name, (field.type, path))
            common = was if was == field.type else _common({was, field.type})
            if common is None:
                raise TableError(
                    f"{path}: column {field.name!r} holds {field.type}, but {was} in {first}; "
                    f"write it with one type in all {len(paths)} files."
                )
            types[field.name] = common, first
    return pa.schema([(name, type_) for name, (type_, _) in types.items()])
