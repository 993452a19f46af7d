"""Clusters of the test's own: a scheduler or master and two worker processes, whose pace and deaths are seen from outside."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE_SECONDS = 60


@dataclass
class Cluster:
    """A running cluster: its address, its workers' processes by name, and the environment in which its processes run."""

    address: str
    folder: Path
    environment: dict[str, str]
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own, with its output in the cluster's folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, cwd=self.folder, start_new_session=True)
        self.started.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def missing(engine: str) -> str:
    """What a machine lacks to run a cluster; nothing where it has all."""
    if engine == "dask":
        return "" if find_spec("distributed") else "distributed is not installed"
    if not find_spec("pyspark"):
        return "pyspark is not installed"
    return "" if shutil.which("java") or os.environ.get("JAVA_HOME") else "there is no Java: Spark needs version 17 or newer"


@contextmanager
def cluster(engine: str) -> Iterator[Cluster]:
    """Start a cluster with two workers of one thread each; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"ruleout-{engine}-"))
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    port = free_port()
    made = Cluster(f"{'tcp' if engine == 'dask' else 'spark'}://127.0.0.1:{port}", folder, environment)
    try:
        (_start_dask if engine == "dask" else _start_spark)(made, str(port))
        yield made
    finally:
        for process in reversed(made.started):
            kill(process)
        shutil.rmtree(folder, ignore_errors=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


def until(true: Callable[[], object], what: str) -> None:
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < PATIENCE_SECONDS, f"{what} within {PATIENCE_SECONDS} seconds"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _start_dask(made: Cluster, port: str) -> None:
    options = ("--host", "127.0.0.1", "--no-dashboard")
    made.start("scheduler", sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", port, *options)
    run = (sys.executable, "-m", "distributed.cli.dask_worker", made.address, "--no-nanny", "--nthreads", "1", *options)
    for name in ("first", "second"):
        made.workers[name] = made.start(name, *run, "--name", name)
    _until_registered(made, "Registered to")


def _start_spark(made: Cluster, port: str) -> None:
    import pyspark

    home, deploy = Path(pyspark.__file__).parent, "org.apache.spark.deploy."
    made.environment |= {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    run = str(home / "bin" / "spark-class")
    made.start("master", run, f"{deploy}master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0")
    until(lambda: "I have been elected leader" in made.log("master"), "no master")
    for name in ("first", "second"):
        options = ("--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g", "--work-dir", str(made.folder / name))
        made.workers[name] = made.start(name, run, f"{deploy}worker.Worker", *options, made.address)
    _until_registered(made, "Successfully registered")


def _until_registered(made: Cluster, words: str) -> None:
    for name in made.workers:
        until(lambda name=name: words in made.log(name), f"no worker registered:\n{made.log(name)}")
