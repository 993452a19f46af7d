"""What holds for every engine, with one that hands tasks over as a cluster does: the same answers, none lost, none taken twice."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from ruleout.cli import cli
from ruleout.errors import EngineError, MissingExtra, TableError
from ruleout.tables import Table, compare, parquet, read_table, write_profile
from ruleout.tables.engines import check_address, open_engine
from ruleout.tables.engines.task import packed, unpacked, worked
from ruleout.tables.pairing import paired_sample
from tests.tables.engine_tables import N_ROWS, rows_of, states, write_kinds


class Parcels:
    """Every task is packed and done from the parcel alone, as on a worker."""

    address, here, n_columns = "parcels", False, 5

    def answers(self, tasks):
        for number, task in enumerate(tasks):
            yield number, *unpacked(worked(packed(task)), self.address)

    def close(self):
        pass


class Losing(Parcels):
    """An engine on which one batch, one answer, or the uniqueness of one is lost."""

    def __init__(self, what):
        self.what = what

    def answers(self, tasks):
        if self.what == "batch":
            last = tasks[-1].source
            tasks = [*tasks[:-1], replace(tasks[-1], source=last._only(last.groups[:-1]))]
        answers = list(super().answers(tasks))
        if self.what == "answer":
            del answers[len(answers) // 2]
        if self.what == "last":
            del answers[-1]
        if self.what == "once":
            answers.insert(1, answers[0])
        yield from answers


PATHS: dict[str, Any] = {
    "profile": lambda table: table.profile(),
    "compare": lambda table: compare(table, table.named("current")),
    "one column": lambda table: table.profile_of("value"),
    "paired rows": lambda table: paired_sample(table, 3_000, by=["id"]),
    "strata over time": lambda table: paired_sample(table, 3_000, by=["id"], strata=["at"]),
    "sample": lambda table: table.sample(1_000),
}


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_kinds(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 9_000)


def test_a_table_is_cut_into_its_rows_each_once(pattern):
    whole = read_table(pattern).rows
    parts = whole.parts
    assert len(parts) > 3
    assert Table(pa.concat_tables([part() for part in parts])).fingerprint == Table(whole()).fingerprint
    assert [row for part in parts for batch in part.batches(999) for row in batch.column("id").to_pylist()] == list(range(N_ROWS))


def test_no_table_is_cut_into_more_than_64_parts(pattern, monkeypatch):
    monkeypatch.setattr(parquet, "PART_ROWS", 1)
    monkeypatch.setattr(parquet, "_MOST_PARTS", 4)
    parts = read_table(pattern).rows.parts
    assert len(parts) <= 4
    assert sum(part.n_rows for part in parts) == N_ROWS


def test_parcels_say_what_threads_say_to_the_last_bit(pattern):
    here, there = read_table(pattern), read_table(pattern).on(Parcels())
    assert states(there.profile()) == states(here.profile())
    assert there.profile().to_dict() == here.profile().to_dict()
    assert there.profile().n_rows == N_ROWS
    assert "arrow" not in vars(there)


def test_a_comparison_by_parcels_is_that_of_threads(pattern, tmp_path):
    other = write_kinds(tmp_path, seed=1, shift=0.5)
    sides = [read_table(path) for path in (pattern, other)]
    here, there = compare(*sides), compare(*(table.on(Parcels()) for table in sides))
    assert there.to_dict() == here.to_dict()
    assert there["value"].moved


def test_samples_by_parcels_hold_the_rows_of_threads(pattern):
    here, there = read_table(pattern), read_table(pattern).on(Parcels())
    for how in ({}, {"by": ["id"]}, {"by": ["id"], "strata": ["yes", "at"]}, {"by": ["word", "value"], "strata": ["day"]}):
        assert rows_of(paired_sample(there, 3_000, **how)) == rows_of(paired_sample(here, 3_000, **how))
    assert there.sample(500, seed=3).arrow.equals(here.sample(500, seed=3).arrow)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("batch", r"parcels gave [\d,]+ rows, expected [\d,]+, for part [\d,]+ of [\d,]+; nothing is said from a part of a table"),
        ("answer", r"parcels gave no answer for part [\d,]+ of [\d,]+; nothing is said"),
        ("last", r"parcels gave no answer for part ([\d,]+) of \1; nothing is said"),
        ("once", r"parcels answered part 1 of [\d,]+ twice; nothing is said"),
    ],
    ids=["batch", "answer", "last", "once"],
)
def test_what_an_engine_loses_is_an_error_on_every_path(pattern, path, what, words):
    with pytest.raises(EngineError, match=words):
        PATHS[path](read_table(pattern).on(Losing(what)))


def test_files_that_a_worker_does_not_see_are_said_with_the_worker(pattern, tmp_path):
    moved = tmp_path / "t.parquet"
    moved.write_bytes(next(Path(pattern.split("part=")[0]).rglob("*.parquet")).read_bytes())
    table = read_table(moved).on(Parcels())
    moved.rename(tmp_path / "elsewhere.parquet")
    with pytest.raises(
        TableError, match=rf"t\.parquet: there is no such file on {socket.gethostname()}, whose worker .*every worker reaches"
    ):
        table.profile()


def test_a_file_that_is_another_one_there_is_not_read(pattern, tmp_path):
    first, second = sorted(Path(pattern.split("part=")[0]).rglob("*.parquet"))[:2]
    path = tmp_path / "t.parquet"
    path.write_bytes(first.read_bytes())
    table = read_table(path).on(Parcels())
    read = pa.parquet.read_table(second).slice(0, 100)
    pa.parquet.write_table(read, path)
    with pytest.raises(TableError, match=r"holds other rows on .+ than where it was opened"):
        table.profile()


def test_a_worker_with_another_ruleout_says_so(pattern, monkeypatch):
    from ruleout.tables.engines import task as tasks

    table = read_table(pattern).on(Parcels())
    versions = iter(["1.0.0", "0.9.0"])
    monkeypatch.setattr(tasks, "version", lambda _: next(versions))
    with pytest.raises(EngineError, match=r"has ruleout 0\.9\.0, expected 1\.0\.0 as here"):
        table.profile()


def test_a_worker_needs_nothing_but_numpy_and_pyarrow(pattern):
    code = (
        "import pickle, sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('pandas', 'scipy', 'sklearn', 'narwhals', 'click', 'rich', 'joblib', 'yaml', 'fsspec', 'dask', 'pyspark'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        "from ruleout.tables import read_table; from ruleout.tables.engines.task import worked, packed\n"
        "from ruleout.tables.profile import _tasks, plans_of\n"
        f"t = read_table({pattern!r})\n"
        "print({type(pickle.loads(worked(packed(task)))[0]).__name__ for task in _tasks(t.rows, plans_of(t, t.columns))})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "{'int'}\n"


def test_memory_asked_of_a_cluster_is_one_sentence(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n2\n", encoding="utf-8")
    for table in (read_table(tmp_path / "t.csv", name="t"), Table(pa.table({"x": [1, 2]}), name="t")):
        with pytest.raises(
            TableError, match=r"Parquet files is what parcels reads, .+ in the memory of this machine .+ or leave the engine out\."
        ):
            table.on(Parcels())


def test_a_stored_profile_goes_beside_a_table_on_any_engine(pattern, tmp_path):
    write_profile(read_table(pattern), tmp_path / "t.profile")
    stored, table = read_table(tmp_path / "t.profile"), read_table(pattern)
    assert stored.on(Parcels()) is stored
    assert compare(stored, table.on(Parcels())).to_dict() == compare(stored, table).to_dict()


def test_an_engine_asked_again_is_the_same_and_so_is_the_table(pattern):
    engine = Parcels()
    table = read_table(pattern).on(engine)
    assert table.on(engine) is table
    assert open_engine("threads") is open_engine("threads")


@pytest.mark.parametrize(
    "address", ["threads", "spark", "spark://host:7077", "spark://a:7077,b:7077", "dask", "tcp://10.0.0.1:8786", "tls://h:1"]
)
def test_addresses_that_are_engines(address):
    check_address(address, "engine")


@pytest.mark.parametrize("address", ["", "sprak", "spark://host", "http://host:1", "tcp://", "tcp://h:x", "ray"])
def test_addresses_that_are_none_are_said(address):
    with pytest.raises(EngineError, match=r"expected threads, spark, spark://host:7077, dask or tcp://host:8786\."):
        check_address(address, "engine")


@pytest.mark.parametrize(("address", "library", "extra"), [("spark", "pyspark", "spark"), ("dask", "distributed", "dask")])
def test_an_extra_that_is_missing_is_named(address, library, extra, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'ruleout\[{extra}\]'"):
        open_engine(address)


@pytest.mark.parametrize("command", ["compare", "profile", "investigate"])
@pytest.mark.parametrize("scheme", ["spark", "tcp"])
def test_an_address_where_nothing_answers_is_one_sentence_and_exit_two(command, scheme, pattern, tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{held.getsockname()[1]}"
    (tmp_path / "case.toml").write_text(f'[current]\ntrain = "{pattern}"\n', encoding="utf-8")
    given = {"compare": [pattern, pattern], "profile": [pattern], "investigate": [str(tmp_path)]}[command]
    done = CliRunner().invoke(cli, [command, *given, "--engine", address])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ruleout: engine {address}: nothing answers there (Connection refused); see that the ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["compare", "profile", "investigate"])
def test_a_word_that_is_no_engine_is_one_sentence_and_exit_two(command, pattern, tmp_path):
    (tmp_path / "case.toml").write_text(f'[current]\ntrain = "{pattern}"\n', encoding="utf-8")
    given = {"compare": [pattern, pattern], "profile": [pattern], "investigate": [str(tmp_path)]}[command]
    done = CliRunner().invoke(cli, [command, *given, "--engine", "daks"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert 'Did you mean "dask"?' in done.stderr
