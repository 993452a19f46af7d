"""Tables of databases, by whatever ADBC driver is installed for the address's scheme (Arrow Database Connectivity, 2023)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from ruleout.errors import MissingExtra, TableError
from ruleout.tables.addresses import shown_address
from ruleout.tables.spool import Spooled, spooled

__all__ = ["is_database", "open_database"]

_SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "duckdb": "duckdb"}
"""Schemes of the drivers that the extra brings."""

_FIRST_ROWS = 65_536
"""Rows by which SQLite's types are told."""


def is_database(address: str) -> bool:
    """Whether an address is that of a database: one whose scheme is known, or that names a table."""
    parts = urlsplit(address)
    return parts.scheme in _SCHEMES or any(name == "table" for name, _ in parse_qsl(parts.query))


def open_database(address: str) -> Spooled:
    """A table or view of a database; its rows are read once, in one statement, when they are first needed.

    Parameters
    ----------
    address
        `postgresql://user@host/base?table=schema.name`, `sqlite:///file.db?table=name`, `duckdb:///file.duckdb?table=name`, or that of any
        other database for which a driver `adbc_driver_SCHEME` is installed. Everything but `table` is the driver's.

    Raises
    ------
    TableError
        The address names no table, the database cannot be reached, or has no such table.
    MissingExtra
        No driver for it is installed.
    """
    table = _Named.of(address)
    with table.connected() as cursor:
        found = table.asked(cursor, f"SELECT * FROM {table.name}{table.few}").schema
    twice = sorted({name for name in found.names if found.names.count(name) > 1})
    if twice:
        raise TableError(f"{table.said}: column {twice[0]!r} occurs more than once, expected each name once; name a view that renames it.")
    chosen = ", ".join(_asked_as(field) for field in found)
    query = f"SELECT {chosen or '*'} FROM {table.name}"
    with table.connected() as cursor:
        schema = table.asked(cursor, f"{query}{table.few}").schema.remove_metadata()
    schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])

    @contextmanager
    def stream() -> Iterator[Iterator[pa.RecordBatch]]:
        with table.connected() as cursor:
            reader = table.asked(cursor, query)
            yield (_as(batch, schema) for batch in reader)

    return spooled(schema, stream)


@dataclass(frozen=True)
class _Named:
    """A table of a database: whom to ask, for what, and how errors call it."""

    driver: str
    address: str
    name: str
    said: str

    @classmethod
    def of(cls, address: str) -> _Named:
        parts, said = urlsplit(address), shown_address(address)
        options = parse_qsl(parts.query, keep_blank_values=True)
        named = [value for option, value in options if option == "table"]
        if len(named) != 1 or not named[0].strip():
            raise TableError(f"{said}: names no table, expected one; end the address in ?table=NAME or ?table=SCHEMA.NAME.")
        rest = urlencode([pair for pair in options if pair[0] != "table"], quote_via=quote, safe="/")
        plain = urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
        if not parts.netloc and parts.path:
            plain = f"{parts.scheme}://{parts.path}{'?' + rest if rest else ''}"
        if parts.scheme in {"sqlite", "duckdb"}:
            plain = _file(parts.path, said)
        return cls(_driver(parts.scheme, said), plain, ".".join(map(_quoted, _parts(named[0]))), said)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A cursor in a transaction that cannot write where the database knows such a thing."""
        with _sentence(self.said), self._connection() as connection, connection.cursor() as cursor:
            if self.driver == "adbc_driver_postgresql":
                cursor.execute("SET TRANSACTION READ ONLY")
            yield cursor

    def _connection(self) -> Any:
        if self.driver != "adbc_driver_duckdb":
            return import_module(f"{self.driver}.dbapi").connect(self.address)
        # DuckDB's own `connect` takes no options, and without this one it would lock the file against its writers.
        options = {"path": self.address, "access_mode": "READ_ONLY"}
        library = import_module(self.driver).driver_path()
        return import_module("adbc_driver_manager.dbapi").connect(driver=library, entrypoint="duckdb_adbc_init", db_kwargs=options)

    @property
    def few(self) -> str:
        """What ends a query that is asked for its types alone. SQLite's columns have those of their first values."""
        return f" LIMIT {_FIRST_ROWS}" if self.driver == "adbc_driver_sqlite" else " WHERE 1 = 0"

    def asked(self, cursor: Any, query: str) -> Any:
        """The answer to a query as a reader of record batches."""
        if self.driver == "adbc_driver_sqlite":
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_FIRST_ROWS)})
        cursor.execute(query)
        return cursor.fetch_record_batch()


def _driver(scheme: str, said: str) -> str:
    module = f"adbc_driver_{_SCHEMES.get(scheme, re.sub(r'[^a-z0-9]', '_', scheme))}"
    if find_spec(module) is None or find_spec("adbc_driver_manager") is None:
        how = "pip install 'ruleout[databases]'" if scheme in _SCHEMES else f"install the ADBC driver of that database ({module})"
        raise MissingExtra(f"{said}: reading {scheme}:// needs an ADBC driver, which is not installed: {how}.")
    return module


def _file(path: str, said: str) -> str:
    """The file of a database that is one. A driver would make it where it is absent."""
    file = path.removeprefix("/")
    if not Path(file).is_file():
        raise TableError(f"{said}: there is no file {file}, expected a database; check the path (absolute ones have four slashes).")
    return file


def _parts(name: str) -> list[str]:
    """The parts of a name such as `sales.loans`; a part in double quotes may hold dots itself."""
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in re.findall(r'"((?:[^"]|"")+)"|([^."]+)', name)]


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'


def _asked_as(field: pa.Field) -> str:
    """A column in a query: what has no plain Arrow type is asked for as a number (numeric) or as text (enum, uuid, inet, …)."""
    column = _quoted(field.name)
    if not isinstance(field.type, pa.BaseExtensionType) or pa.types.is_string(getattr(field.type, "storage_type", field.type)):
        numeric = getattr(field.type, "type_name", "") == "numeric"
        return f"CAST({column} AS double precision) AS {column}" if numeric else column
    return f"CAST({column} AS text) AS {column}"


def _plain(type_: pa.DataType) -> pa.DataType:
    while isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    if pa.types.is_string_view(type_):
        return pa.large_string()
    return type_


def _as(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(
        [column if column.type == field.type else column.cast(field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


@contextmanager
def _sentence(said: str) -> Iterator[None]:
    """Turn what a driver says into one sentence."""
    try:
        yield
    except TableError:
        raise
    except Exception as error:
        # A driver raises errors of its own classes, which cannot be named before it is loaded.
        first = " ".join(str(error).split()).split(" LINE ")[0].split(". Query was")[0].rstrip(".")
        first = re.sub(r"^[A-Z_]+: |\[libpq\] |Failed to prepare query: |Failed to connect: ", "", first)
        raise TableError(f"{said}: cannot be read ({first[:300]}); check the address, the table's name and your rights.") from error
