"""Tables of databases are read once, in one statement, and are tables like any other afterwards."""

import gc
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.case import read_case
from ruleout.errors import FieldError, MissingExtra, TableError
from ruleout.tables import Table, read_table
from tests.tables.postgres import programs, server

pytest.importorskip("adbc_driver_manager")

N = 30_000


@pytest.fixture(scope="module")
def postgres():
    """A real server with a table of every common type, and one that is larger than a batch."""
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")
    if programs() is None:
        pytest.skip("PostgreSQL is not installed on this machine")
    with server() as address:
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
            cursor.execute("CREATE SCHEMA sales")
            cursor.execute(
                """CREATE TABLE kinds AS SELECT i::smallint AS small, i::int AS whole, 4611686018427387904 + i AS big,
                   (i / 4.0)::numeric(12, 2) AS money, 'NaN'::numeric AS odd, (i / 2.0)::real AS single, i / 3.0::float8 AS double,
                   'é' || i AS text, 'v'::varchar(9) AS short, i % 2 = 0 AS flag, date '2024-01-01' + i AS day,
                   timestamp '2024-01-01 10:00' + i * interval '1 hour' AS at, timestamptz '2024-01-01 10:00+02' AS at_zone,
                   ARRAY[i, 2] AS list, jsonb_build_object('a', i) AS json, 'ok'::mood AS mood, '\\x00'::bytea AS bytes,
                   '00000000-0000-0000-0000-00000000000a'::uuid AS uuid, inet '10.0.0.1' AS host, time '10:00' AS clock,
                   NULL::text AS nothing FROM generate_series(1, 8) AS i"""
            )
            cursor.execute(f'CREATE TABLE sales."Loan.s" AS SELECT i AS id, mod(i, 7)::text AS "pl""ace" FROM generate_series(1, {N}) AS i')
            cursor.execute('CREATE VIEW half AS SELECT * FROM sales."Loan.s" WHERE id % 2 = 0')
            cursor.execute("CREATE TABLE bare AS SELECT 1 AS a WHERE false")
        yield address


def test_every_common_type_of_postgresql(postgres):
    table = read_table(f"{postgres}&table=kinds", name="train")
    kinds = {name: table.kind(name) for name in table.columns}
    assert [name for name, kind in kinds.items() if kind == "numeric"] == [
        "small",
        "whole",
        "big",
        "money",
        "odd",
        "single",
        "double",
        "clock",
    ]
    assert [name for name, kind in kinds.items() if kind == "category"] == [
        "text",
        "short",
        "flag",
        "json",
        "mood",
        "uuid",
        "host",
        "nothing",
    ]
    assert [name for name, kind in kinds.items() if kind == "time"] == ["day", "at", "at_zone"]
    assert [name for name, kind in kinds.items() if kind == "other"] == ["list", "bytes"]
    profile = table.profile()
    assert (profile["money"].min, profile["money"].max, profile["odd"].n_nan, profile["big"].distinct) == (0.25, 2.0, 8, 8)
    assert (profile["mood"].top, profile["host"].top) == ((("ok", 8),), (("10.0.0.1/32", 8),))
    assert profile["uuid"].top == (("00000000-0000-0000-0000-00000000000a", 8),)
    assert (profile["nothing"].n_null, profile["at_zone"].min) == (8, 1_704_096_000.0)
    assert table.values("flag").tolist() == [False, True] * 4


def test_a_large_table_is_read_once_and_in_pieces(postgres):
    table = read_table(f'{postgres}&table=sales."Loan.s"')
    assert (table.columns, table.n_rows) == (("id", 'pl"ace'), N)
    assert (table.profile()["id"].max, table.profile()['pl"ace'].distinct) == (N, 7)
    assert "arrow" not in vars(table)
    assert sum(batch.num_rows for batch in table.batches(1_000)) == N
    assert sorted(table.select(["id"]).numbers("id").tolist()) == list(range(1, N + 1))
    assert read_table(f"{postgres}&table=half").n_rows == N // 2
    assert (read_table(f"{postgres}&table=bare").n_rows, read_table(f"{postgres}&table=bare").columns) == (0, ("a",))


def test_a_row_that_comes_later_is_in_no_pass(postgres):
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(postgres, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE grows AS SELECT 1 AS a")
        table = read_table(f"{postgres}&table=grows")
        assert table.n_rows == 1
        cursor.execute("INSERT INTO grows VALUES (2)")
        assert (table.n_rows, table.numbers("a").tolist(), table.profile()["a"].n) == (1, [1.0], 1)
        assert read_table(f"{postgres}&table=grows").n_rows == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a, "names no table, expected one; end the address in"),
        (lambda a: f"{a}&table=", "names no table"),
        (lambda a: f"{a}&table=absent", 'cannot be read .*relation "absent" does not exist'),
        (lambda a: f"{a}&table=kinds; DROP TABLE kinds", "does not exist"),
        (lambda a: a.replace("/postgres?", "/nobase?") + "&table=kinds", 'database "nobase" does not exist'),
        (lambda a: a.replace("tester", "stranger") + "&table=kinds", 'role "stranger" does not exist'),
        (lambda _: "postgresql://tester:s3cret@localhost:1/base?connect_timeout=2&table=kinds", "tester:[*]{3}@localhost.*refused"),
    ],
)
def test_what_a_database_refuses_is_one_sentence(postgres, change, said):
    with pytest.raises(TableError, match=said) as caught:
        read_table(change(postgres))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".") and "s3cret" not in str(caught.value)
    assert read_table(f"{postgres}&table=kinds").n_rows == 8


def test_a_case_names_a_table_of_a_database(postgres, tmp_path):
    table = pa.table({"id": np.arange(N), 'pl"ace': [str(at % 7) for at in range(N)], "y": [0, 1] * (N // 2)})
    pq.write_table(table, tmp_path / "train.parquet")
    address = f"{postgres}&table=half".replace("tester@", "tester:s3cret@")
    toml = f'[case]\ntarget = "id"\n[reference]\ntrain = "{address}"\n[current]\ntrain = "train.parquet"\n'
    (tmp_path / "case.toml").write_text(toml)
    case = read_case(tmp_path)
    assert (case.reference.train.n_rows, case.reference.train.name) == (N // 2, "train")
    assert "s3cret" not in " ".join([*case.assumptions, case.reference.train.origin])
    (tmp_path / "case.toml").write_text(toml.replace("table=half", "table=halves"))
    with pytest.raises(TableError, match=r'^case\.toml \[reference\] train = "postgresql://tester:\*\*\*@') as caught:
        read_case(tmp_path)
    assert "s3cret" not in str(caught.value)
    (tmp_path / "case.toml").write_text(toml.replace("train = ", "model = ", 1))
    with pytest.raises(FieldError, match="only tables are read from elsewhere") as caught:
        read_case(tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def sqlite(tmp_path):
    dbapi = pytest.importorskip("adbc_driver_sqlite.dbapi")
    with dbapi.connect(str(tmp_path / "t.db")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE loans (id INTEGER, place TEXT, rate REAL)")
        cursor.execute("INSERT INTO loans VALUES (1, 'Ulm', 2.5), (2, NULL, NULL)")
        connection.commit()
    return tmp_path / "t.db"


def test_the_copy_goes_with_the_table(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = read_table(f"sqlite:///{sqlite}?table=loans")
    assert not list(tmp_path.glob("ruleout-rows-*"))
    chosen, n_columns = table.select(["id"]), len(table.profile())
    held = len(list(tmp_path.glob("ruleout-rows-*")))
    del table
    ids = chosen.numbers("id").tolist()
    assert (n_columns, held, ids) == (3, 1, [1.0, 2.0])
    del chosen
    gc.collect()
    assert not list(tmp_path.glob("ruleout-rows-*"))


def test_sqlite(sqlite, monkeypatch):
    table = read_table(f"sqlite:///{sqlite}?table=loans")
    assert table.arrow.to_pydict() == {"id": [1, 2], "place": ["Ulm", None], "rate": [2.5, None]}
    monkeypatch.chdir(sqlite.parent)
    assert read_table("sqlite:///t.db?table=loans").n_rows == 2
    with pytest.raises(TableError, match=r"there is no file absent\.db"):
        read_table("sqlite:///absent.db?table=loans")
    assert not (sqlite.parent / "absent.db").exists()


def test_duckdb(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute("CREATE TABLE loans AS SELECT i AS id, i::DECIMAL(9,2) AS rate, DATE '2024-01-01' AS day FROM range(5) t(i)")
    table = read_table(f"duckdb:///{tmp_path}/t.duckdb?table=main.loans")
    assert (table.n_rows, table.kind("rate"), table.kind("day"), table.numbers("id").sum()) == (5, "numeric", "time", 10)
    with pytest.raises(TableError, match="cannot be read"):
        read_table(f"duckdb:///{tmp_path}/t.duckdb?table=absent")


def test_what_is_not_installed_is_named(monkeypatch):
    with pytest.raises(MissingExtra, match=r"reading oracle:// needs an ADBC driver.*\(adbc_driver_oracle\)\.$"):
        read_table("oracle://host/base?table=t")
    monkeypatch.setattr("ruleout.tables.databases.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'ruleout\[databases\]'\.$"):
        read_table("postgresql://host/base?table=t")


def test_frames_and_relations_in_memory_share_their_buffers():
    """Numbers are not copied, whichever library holds them."""
    pandas, polars, duckdb = (pytest.importorskip(name) for name in ("pandas", "polars", "duckdb"))
    from ruleout.tables import as_table

    values = np.random.default_rng(0).normal(size=1_000)
    whole = np.arange(1_000)

    def address(table, column):
        return table.arrow[column].chunk(0).buffers()[1].address

    assert address(as_table({"x": values}), "x") == values.ctypes.data
    frame = pandas.DataFrame({"x": whole})
    assert address(as_table(frame), "x") == frame["x"].to_numpy().ctypes.data
    arrow = pa.table({"x": values})
    assert address(as_table(arrow), "x") == arrow["x"].chunk(0).buffers()[1].address
    series = polars.Series("x", values)
    assert address(as_table(polars.DataFrame([series])), "x") == series.to_arrow().buffers()[1].address
    relation = duckdb.connect().sql("SELECT i, i % 3 AS g FROM range(5000) t(i)")
    assert (as_table(relation).n_rows, as_table(relation).columns) == (5_000, ("i", "g"))
    assert isinstance(as_table(relation), Table)
