"""The engine of a case: which tables it reads, and who may name it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.case import engine as room
from ruleout.case import read_case, settle
from ruleout.errors import EngineError, FieldError, TableError
from ruleout.tables.engines import THREADS


class Elsewhere:
    """Threads under another name: an engine that is not this process's own."""

    address, here, n_columns = "elsewhere", False, 3
    answers = staticmethod(THREADS.answers)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    engine = Elsewhere()
    monkeypatch.setattr(room, "open_engine", lambda address: engine)
    monkeypatch.setattr(room, "FEWEST_ROWS", 1_000)
    return engine


def write(folder: Path, line: str) -> Path:
    rng = np.random.default_rng(0)
    for name, n in (("train", 2_000), ("validation", 500)):
        pq.write_table(pa.table({"x": rng.normal(size=n), "y": rng.choice(["a", "b"], n)}), folder / f"{name}.parquet")
    text = f'[case]\ntarget = "y"\n{line}\n[current]\ntrain = "train.parquet"\nvalidation = "validation.parquet"\n'
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def test_large_tables_are_read_by_the_engine_and_small_ones_here(elsewhere, tmp_path):
    case = read_case(write(tmp_path, 'engine = "tcp://host:8786"'), trust=True)
    assert case.current.train.rows.engine is elsewhere
    assert case.current.validation.rows.engine is THREADS if "arrow" not in vars(case.current.validation) else True
    assert case.current.train.profile()["x"].n == 2_000
    again = settle(case)
    assert again.current.train is case.current.train


def test_a_case_cannot_name_whom_it_is_answered_by(elsewhere, tmp_path):
    folder = write(tmp_path, 'engine = "tcp://host:8786"')
    case = read_case(folder)
    assert case.engine is None
    said = [sentence for sentence in case.assumptions if "engine" in sentence]
    assert said == [
        "case.toml names the engine tcp://host:8786, which is asked only with --trust, or by --engine: the tables are read on this machine."
    ]
    assert read_case(folder, engine="tcp://other:8786").engine == "tcp://other:8786"
    assert not [sentence for sentence in read_case(folder, engine="dask").assumptions if "engine" in sentence]


def test_threads_need_no_trust(tmp_path):
    case = read_case(write(tmp_path, 'engine = "threads"'))
    assert case.engine == "threads"
    assert not [sentence for sentence in case.assumptions if "engine" in sentence]


def test_a_table_that_no_worker_can_read_is_named(elsewhere, tmp_path):
    folder = write(tmp_path, "")
    (folder / "validation.csv").write_text("x,y\n1,a\n2,b\n", encoding="utf-8")
    (folder / "case.toml").write_text('[current]\ntrain = "train.parquet"\nvalidation = "validation.csv"\n', encoding="utf-8")
    with pytest.raises(TableError, match=r"^current\.validation: .*validation\.csv: a table of Parquet files is what elsewhere reads"):
        read_case(folder, engine="dask")


@pytest.mark.parametrize(("line", "kind"), [("engine = 3", FieldError), ('engine = "daks"', EngineError)])
def test_what_is_no_engine_is_said_with_its_place(line, kind, tmp_path):
    with pytest.raises(kind, match=r"^case\.toml \[case\] engine = "):
        read_case(write(tmp_path, line), trust=True)
