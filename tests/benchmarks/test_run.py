"""The harness measures whole processes, stops what goes beyond a limit, and leaves out what would."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run as harness
from benchmarks.made_tables import PLANTED, write_table
from benchmarks.measured import Cost, Limits, measured
from benchmarks.run import PEERS, TOOLS, Tool, environment_of, why_not

RULEOUT, FLOOR = (next(tool for tool in TOOLS if tool.name == name) for name in ("ruleout", "floor_pyarrow"))
LIMITS = Limits(10.0, 1_000.0)


def python(code: str, **given: Any) -> Any:
    return measured([sys.executable, "-c", code], **given)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(harness, "WORK", tmp_path / "work")
    for name in ("reference", "planted"):
        write_table(tmp_path / f"{name}.parquet", name, 2_000)
    return tmp_path


@pytest.mark.parametrize("tool", [RULEOUT, FLOOR], ids=lambda tool: tool.name)
def test_ruleout_and_the_floor_are_run_and_told(tool: Tool, tables: Path) -> None:
    found = harness.run(tool, Path(sys.executable), tables / "reference.parquet", tables / "planted.parquet", Limits())
    assert found["status"] == "done", found
    assert 0 < found["cpu"] < 60
    assert 30 < found["megabytes"] < 2_000
    assert (found["runs"], found["looked_at"]) == (3, 50)
    if tool is FLOOR:
        assert found["drifted"] is None
    else:
        assert {"n01", "c05"} <= set(found["drifted"]) <= set(PLANTED)


def test_cpu_and_memory_are_those_of_the_process() -> None:
    # Asked of a small process: a child's peak begins at that of the one which starts it, and that of a run of tests is large.
    held = "held = bytearray(200_000_000); held[::4096] = b'x' * len(held[::4096]); sum(range(6_000_000))"
    code = f"import sys; from benchmarks.measured import measured; print(measured([sys.executable, '-c', {held!r}]))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=harness.ROOT).stdout
    cost = eval(told, {"Cost": Cost})
    assert cost.status == "done"
    assert 200 < cost.megabytes < 400
    assert 0.05 < cost.cpu <= 2 * cost.wall + 0.1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a running process uses is read from /proc")
def test_what_goes_beyond_a_limit_is_stopped() -> None:
    long = python("while True: pass", limits=Limits(0.5, 1_000.0))
    asleep = python("import time; time.sleep(60)", limits=Limits(0.2, 1_000.0))
    large = python("import time; held = bytearray(b'x' * 300_000_000); time.sleep(60)", limits=Limits(30.0, 200.0))
    assert (long.status, asleep.status, large.status) == ("too long", "too long", "too much memory")
    assert max(long.wall, asleep.wall, large.wall) < 30


def test_a_failure_says_its_last_line(tmp_path: Path) -> None:
    cost = python("raise SystemExit('no such column')", output=tmp_path / "log.txt")
    assert (cost.status, cost.exit_code, cost.words) == ("failed", 1, "no such column")
    assert python("raise SystemExit(1)", good=(0, 1)).status == "done"


def done(rows: int, cpu: float, status: str = "done", pair: str = "healthy") -> dict[str, Any]:
    return {"tool": "slow", "rows": rows, "pair": pair, "status": status, "cpu": cpu, "words": "took long"}


def test_what_was_stopped_or_would_be_is_not_run() -> None:
    slow = Tool("slow")
    assert why_not(slow, 100, "healthy", [], LIMITS) is None
    assert why_not(slow, 1_000, "healthy", [done(100, 1.0)], LIMITS) is None
    assert why_not(slow, 1_000, "healthy", [done(100, 3.0)], LIMITS) == "took 3 CPU-s at 100 rows"
    assert why_not(slow, 1_000, "healthy", [done(100, 3.0, "too long")], LIMITS) == "too long at 100 rows"
    assert why_not(slow, 1_000, "healthy", [done(100, 0.0, "not run")], LIMITS) == "took long"
    assert why_not(slow, 1_000, "planted", [done(100, 1.0), done(1_000, 70.0)], Limits()) == "took 70 CPU-s on the healthy pair"
    assert why_not(slow, 100, "planted", [done(100, 70.0)], Limits()) is None


def test_every_peer_has_a_script_and_pinned_versions() -> None:
    for tool in TOOLS:
        if tool.name != "ruleout":
            assert (PEERS / f"{tool.name}.py").exists(), tool.name
        if tool.own_environment:
            lines = (PEERS / f"{tool.name}.txt").read_text().splitlines()
            assert lines, tool.name
            assert all("==" in line and "/" not in line for line in lines), tool.name


def test_an_environment_that_cannot_be_made_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "WORK", tmp_path / "work")
    monkeypatch.setattr(harness, "PEERS", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "absent.txt").write_text("no-such-package-at-all==1.0\n")
    _, why = environment_of(Tool("absent"))
    assert why is not None
    assert why.startswith("could not be installed: ")
    assert "no-such-package-at-all" in why


def test_the_results_are_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "results" / "results.json"
    harness.save(path, {"measurements": [done(100, 1.0)]})
    assert json.loads(path.read_text())["measurements"][0]["cpu"] == 1.0
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]
