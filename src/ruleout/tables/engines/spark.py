"""Spark: tasks are the rows of a data frame, mapped in Arrow batches on the executors of a cluster that runs already."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from ruleout.errors import EngineError, MissingExtra
from ruleout.tables.engines.exchange import Finish, Piece, Split, brought_together, cut
from ruleout.tables.engines.task import Answer, Task, packed, unpacked, worked

__all__ = ["Spark", "open_spark"]

_TASKS_A_JOB = 256
"""Answers of one job are in the driver's memory together: about a megabyte each."""

_PARTITIONS_A_CORE = 4
_PIECES_A_BATCH = 32
_PIECE = "place long, part long, at long, n_rows long, content binary"
_PATIENCE_SECONDS = 60


class Spark:
    """A session on a cluster. A task of an executor that dies is given to another one by Spark, and its answer is taken once.

    Parameters
    ----------
    address
        How errors call it.
    session
        A `pyspark.sql.SparkSession`.
    """

    here = False
    n_columns = 8

    def __init__(self, address: str, session: Any) -> None:
        self.address = address
        self._session = session

    def answers(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """The answers in the order of their tasks, a job for every 256 of them."""
        for start in range(0, len(tasks), _TASKS_A_JOB):
            work = dict(enumerate(map(packed, tasks[start : start + _TASKS_A_JOB]), start))
            # Few tasks a partition: Spark balances them, and repeats no more where an executor dies.
            n_partitions = min(len(work), _PARTITIONS_A_CORE * self._session.sparkContext.defaultParallelism)
            with _no_word_of_pandas():
                numbers = self._session.range(start, start + len(work), 1, n_partitions)
                frame = numbers.mapInArrow(_mapped(work), "number long, answer binary")
            for number, answer in self._collected(frame):
                yield number, *unpacked(answer, self.address)

    def gathered(self, splits: Sequence[Split], finish: Finish) -> Iterator[Answer]:
        """The same for the places of an exchange; pieces go through Spark's own shuffle."""
        work, name = dict(enumerate(map(packed, splits))), "spark.sql.execution.arrow.maxRecordsPerBatch"
        n_partitions = min(len(work), _PARTITIONS_A_CORE * self._session.sparkContext.defaultParallelism)
        n_ends = max(_PARTITIONS_A_CORE * self._session.sparkContext.defaultParallelism, len(work))
        before = self._session.conf.get(name)
        # A piece may be a megabyte.
        self._session.conf.set(name, _PIECES_A_BATCH)
        try:
            with _no_word_of_pandas():
                frame = self._session.range(0, len(work), 1, n_partitions).mapInArrow(_cuts(work), _PIECE)
                frame = frame.repartition(n_ends, "place").sortWithinPartitions("place")
                frame = frame.mapInArrow(_ends(packed(finish)), "number long, answer binary")
            for place, answer in self._collected(frame):
                yield place, *unpacked(answer, self.address)
        finally:
            self._session.conf.set(name, before)

    def _collected(self, frame: Any) -> list[tuple[int, bytes]]:
        try:
            with _no_word_of_pandas():
                rows = frame.collect()
        except Exception as error:
            # The JVM's and the executors' exceptions come in several classes, which cannot be named before pyspark is loaded.
            raise EngineError(f"{self.address}: {_sentence(str(error))}") from error
        return sorted((int(row["number"]), bytes(row["answer"])) for row in rows)

    def close(self) -> None:
        """Give the executors back."""
        self._session.stop()


@contextmanager
def _no_word_of_pandas() -> Iterator[None]:
    """PySpark warns of a pandas that is newer than itself, which has no part in what is done here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _mapped(work: dict[int, bytes]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that executors map over batches of task numbers."""

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield pa.RecordBatch.from_pydict({"number": pa.array([number]), "answer": pa.array([worked(work[number])], pa.binary())})

    return mapped


def _cuts(work: dict[int, bytes]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that executors map over batches of the parts' numbers: their pieces, one a row."""

    def cuts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for place, (part, at, n_rows, content) in cut(work[number], number):
                    numbers = {"place": place, "part": part, "at": at, "n_rows": n_rows}
                    columns = {name: pa.array([value], pa.int64()) for name, value in numbers.items()}
                    yield pa.RecordBatch.from_pydict({**columns, "content": pa.array([content], pa.binary())})

    return cuts


def _ends(finish: bytes) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that executors map over pieces in the order of their places."""

    def answer(place: int, pieces: list[Piece]) -> pa.RecordBatch:
        made = brought_together(finish, pieces)
        return pa.RecordBatch.from_pydict({"number": pa.array([place], pa.int64()), "answer": pa.array([made], pa.binary())})

    def ends(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[Piece] = []
        last = -1
        for batch in batches:
            for row in batch.to_pylist():
                if row["place"] != last and held:
                    yield answer(last, held)
                    held = []
                last = row["place"]
                held.append((row["part"], row["at"], row["n_rows"], row["content"]))
        if held:
            yield answer(last, held)

    return ends


def _sentence(error: str) -> str:
    """What a failed job says, short."""
    for line in map(str.strip, error.splitlines()):
        if line.startswith("ModuleNotFoundError"):
            name = line.rpartition(" ")[2]
            return f"an executor has no {name}; install ruleout, numpy and pyarrow there, in the versions of this machine."
        if "PYTHON_VERSION_MISMATCH" in line:
            return "the executors run another Python than this machine; name one of the same version in PYSPARK_PYTHON."
    first = next((line.strip() for line in error.splitlines() if line.strip()), "no reason given")
    return f"the work was given up ({first[:300].rstrip('.')}); see that its master and workers run."


def open_spark(address: str) -> Spark:
    """The cluster at `spark://host:port` or, for plain `spark`, the session of this process, else what Spark's configuration names.

    Raises
    ------
    MissingExtra
        pyspark is not installed.
    EngineError
        Java is not there, this process has a session elsewhere, no master answers, or it gives no executor.
    """
    try:
        with _no_word_of_pandas():
            from pyspark import SparkConf, SparkContext
            from pyspark.errors import PySparkException
            from pyspark.java_gateway import launch_gateway
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtra(f"engine {address}: needs PySpark, which is not installed: pip install 'ruleout[spark]'.") from error
    active = SparkSession.getActiveSession()
    if active is not None:
        if address not in {"spark", active.sparkContext.master}:
            raise EngineError(
                f"engine {address}: this process has a Spark session on {active.sparkContext.master} already; stop that, or name it."
            )
        return Spark(address, active)
    conf = SparkConf().setIfMissing("spark.app.name", "ruleout").setIfMissing("spark.ui.enabled", "false")
    conf.set("spark.ui.showConsoleProgress", "false")
    if address != "spark":
        conf.setMaster(address)
    # What the JVM says goes on for as long as it lives, and would stand between the lines of a report.
    handle, log = tempfile.mkstemp(prefix="ruleout-spark-", suffix=".log")
    try:
        gateway = SparkContext._gateway or launch_gateway(conf, {"stdout": handle, "stderr": handle})
        with _no_word_of_pandas():
            session = SparkSession(SparkContext(conf=conf, gateway=gateway))
        _await_executors(session, address)
    except PySparkException as error:
        raise EngineError(f"engine {address}: Java did not start ({_last(log)}); install Java 17 or newer, or set JAVA_HOME.") from error
    except Exception as error:
        # The gateway's and the JVM's exceptions come in several classes, which cannot be named before pyspark is loaded.
        if isinstance(error, EngineError):
            raise
        raise EngineError(
            f"engine {address}: no session on it ({_last(log)}); see that its master runs and is reached from here."
        ) from error
    finally:
        os.close(handle)
        # The JVM has the file open; it goes with the JVM.
        with suppress(OSError):
            Path(log).unlink()
    return Spark(address, session)


def _await_executors(session: Any, address: str) -> None:
    """Wait for the first executor of a standalone cluster, which would otherwise let a job wait for ever."""
    if not address.startswith("spark://"):
        return
    context, started = session.sparkContext, time.monotonic()
    # The driver counts as one.
    while context._jsc.sc().getExecutorMemoryStatus().size() < 2:
        if time.monotonic() - started > _PATIENCE_SECONDS:
            session.stop()
            raise EngineError(
                f"engine {address}: gives no executor within {_PATIENCE_SECONDS} seconds; "
                "see that workers are registered there and have a free core and a gigabyte."
            )
        time.sleep(0.05)


def _last(log: str) -> str:
    """The last line of the JVM's log that names an error."""
    lines = [line.strip() for line in Path(log).read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if "ERROR" in line or "rror:" in line or "xception" in line] or lines
    return told[-1][:300].rstrip(".") if told else "nothing was said"
