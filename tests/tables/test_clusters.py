"""Spark and Dask for real: two worker processes each, the same answers as threads, and a worker that dies in the middle of the work."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ruleout.case import read_case
from ruleout.cli import cli
from ruleout.errors import EngineError, TableError
from ruleout.problem.sampling import sampled_case
from ruleout.tables import compare, joined, parquet, places, read_table
from ruleout.tables.engines import Engine, close_engines, open_engine
from ruleout.tables.joined import join_rows
from ruleout.tables.pairing import paired_sample
from tests.tables.clusters import Cluster, cluster, kill, missing, until
from tests.tables.engine_tables import N_ROWS, rows_of, states, write_case, write_kinds, write_wide

# The clients' own libraries leave sockets and pools to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(pyspark|distributed|dask|tornado)"),
]


@pytest.fixture(scope="module", params=["dask", "spark"])
def running(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    lacking = missing(request.param)
    if lacking:
        pytest.skip(lacking)
    with cluster(request.param) as made:
        before = dict(os.environ)
        os.environ.update({name: made.environment[name] for name in ("SPARK_LOCAL_IP", "PYSPARK_PYTHON") if name in made.environment})
        try:
            yield made
        finally:
            close_engines()
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(scope="module")
def engine(running: Cluster) -> Engine:
    return open_engine(running.address)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return write_kinds(tmp_path_factory.mktemp("first")), write_kinds(tmp_path_factory.mktemp("second"), seed=1, shift=0.5)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 15_000)


def test_a_profile_is_that_of_threads_to_the_last_bit(engine, patterns):
    here, there = read_table(patterns[0]), read_table(patterns[0]).on(engine)
    assert there.profile().n_rows == N_ROWS
    assert states(there.profile()) == states(here.profile())
    assert there.profile().to_dict() == here.profile().to_dict()


def test_a_comparison_is_that_of_threads(running, engine, patterns):
    here = compare(*(read_table(path) for path in patterns))
    there = compare(*(read_table(path).on(engine) for path in patterns))
    assert there.to_dict() == here.to_dict()


def test_samples_hold_the_rows_of_threads(engine, patterns):
    here, there = read_table(patterns[0]), read_table(patterns[0]).on(engine)
    how: dict[str, Any] = {"by": ["id"], "strata": ["yes", "at"]}
    assert rows_of(paired_sample(there, 3_000, **how)) == rows_of(paired_sample(here, 3_000, **how))
    assert there.sample(500, seed=3).arrow.equals(here.sample(500, seed=3).arrow)


def test_rows_are_joined_by_key_on_the_workers(engine, patterns, monkeypatch):
    monkeypatch.setattr(places, "_VALUES", 50_000)
    monkeypatch.setattr(joined, "_FEW_ROWS", 0)
    here, there = [[read_table(path) for path in patterns], [read_table(path).on(engine) for path in patterns]]
    key, columns = ("id", "day"), here[0].columns
    found = join_rows(*there, key, columns)
    assert found.n_shared > 100 and found.n_differ and found.n_only_reference
    assert found.to_dict() == join_rows(*here, key, columns).to_dict()
    assert all("arrow" not in vars(table) for table in there)


def test_the_command_answers_alike(running, engine, patterns):
    def asked(*more: str) -> Any:
        return CliRunner().invoke(cli, ["compare", *patterns, "--json", "-", *more])

    for more in ((), ("--key", "id")):
        there, here = asked("--engine", running.address, *more), asked(*more)
        assert (there.exit_code, there.stderr) == (1, "")
        assert json.loads(there.stdout) == json.loads(here.stdout)


def test_a_case_is_sampled_by_its_engine(running, engine, tmp_path):
    rng = np.random.default_rng(0)
    for side, n in (("reference", 300_000), ("current", 260_000)):
        (tmp_path / side).mkdir()
        columns = {"id": np.arange(n), "x": rng.normal(size=n), "y": rng.choice(["a", "b"], n)}
        pq.write_table(pa.table(columns), tmp_path / side / "train.parquet", row_group_size=30_000)
    text = f'[case]\ntarget = "y"\nkey = "id"\nengine = "{running.address}"\nreference = "reference"\ncurrent = "current"\n'
    (tmp_path / "case.toml").write_text(text, encoding="utf-8")
    there, here = read_case(tmp_path, trust=True), read_case(tmp_path)
    assert there.current.train.rows.engine is engine
    there_sampled, here_sampled = sampled_case(there)[0], sampled_case(here)[0]
    for side in ("reference", "current"):
        tables = [getattr(case, side).train for case in (there_sampled, here_sampled)]
        assert tables[0].n_rows < 210_000
        assert rows_of(tables[0]) == rows_of(tables[1])


@pytest.mark.slow
def test_a_whole_investigation_is_that_of_threads(running, engine, tmp_path):
    folder = write_case(tmp_path / "case", 260_000, 20_000)

    def asked(*more: str) -> Any:
        answer = tmp_path / f"found{len(more)}.json"
        result = CliRunner().invoke(cli, ["investigate", str(folder), "--trust", "--quiet", "--json", str(answer), *more])
        assert (result.exit_code, result.stderr) == (1, "")
        return json.loads(answer.read_text())

    there, here = asked("--engine", running.address), asked()
    assert [(cause["cause"], cause["where"]) for cause in there["conclusion"]["causes"]] == [("data.unit-change", ["train.n1"])]
    assert any("of 260,000 rows are examined" in said for said in there["assumptions"])
    assert there["conclusion"]["causes"] == here["conclusion"]["causes"]


def test_a_file_that_workers_do_not_see_is_one_sentence(engine, tmp_path):
    pq.write_table(pa.table({"x": np.arange(100.0)}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet").on(engine)
    (tmp_path / "t.parquet").unlink()
    with pytest.raises(TableError, match=rf"t\.parquet: there is no such file on .+\(said by a worker of {engine.address}\)"):
        table.profile()


def test_a_worker_that_is_killed_in_the_middle_is_survived_and_nothing_is_counted_twice(running, engine, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "PART_ROWS", 1)
    path = write_wide(tmp_path / "wide.parquet")
    expected = read_table(path).profile()
    found: list[Any] = []
    work = threading.Thread(target=lambda: found.append(_tried(read_table(path).on(engine).profile)), daemon=True)
    work.start()
    until(_in_the_middle(engine), "the work was never in its middle")
    kill(running.workers["first"])
    assert work.is_alive(), "the work was over before the worker was killed"
    work.join(timeout=120)
    assert not isinstance(found[0], Exception), found[0]
    assert running.workers["second"].poll() is None
    assert _n_workers(engine) == 1
    assert found[0].n_rows == expected.n_rows == 128_000
    assert states(found[0]) == states(expected)


def test_a_cluster_without_a_worker_is_said(running, engine, patterns, monkeypatch):
    """Runs last: nothing is left of the cluster afterwards."""
    from ruleout.tables.engines import spark

    monkeypatch.setattr(spark, "_PATIENCE_SECONDS", 3)
    close_engines()
    for worker in running.workers.values():
        kill(worker)
    with pytest.raises(EngineError, match=rf"engine {running.address}: (the scheduler has no worker|gives no executor within 3 seconds)"):
        open_engine(running.address)


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # a thread's exception is to be seen by the test that waits for it
        return error


def _in_the_middle(engine: Any) -> Callable[[], bool]:
    """Whether the workers are at work on the pass over all rows, some of which is done and most of which is not."""
    if hasattr(engine, "_client"):

        def states_of_tasks(dask_scheduler: Any) -> list[str]:
            return [task.state for task in dask_scheduler.tasks.values()]

        def dask() -> bool:
            held = engine._client.run_on_scheduler(states_of_tasks)
            done = held.count("memory") + held.count("released")
            return held.count("memory") >= 3 and held.count("processing") >= 2 and len(held) - done >= 150

        return dask
    tracker = engine._session.sparkContext.statusTracker()

    def spark() -> bool:
        stages = [stage for at in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(at)) is not None]
        # Spark's count of active tasks is brought up to date ten times a second at most, and misses what follows a task's end.
        return any(stage.numActiveTasks and stage.numTasks == 8 and 2 <= stage.numCompletedTasks <= 4 for stage in stages)

    return spark


def _n_workers(engine: Any) -> int:
    if hasattr(engine, "_client"):
        return len(engine._client.scheduler_info(n_workers=-1)["workers"])
    # The driver counts as one.
    return int(engine._session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) - 1


def test_the_paths_of_workers_are_those_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "t.parquet")
    monkeypatch.chdir(tmp_path)
    _, (paths, *_) = read_table("t.parquet").rows.__reduce__()
    assert paths == (tmp_path / "t.parquet",)
