"""The command line's promises: exit codes, streams, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

import ruleout.case
import ruleout.conclusion
from ruleout.case.budget import Budget
from ruleout.cli import cli
from ruleout.errors import CaseError, UnknownCause
from tests.report import made_up

HEAVY = ("numpy", "pandas", "pyarrow", "sklearn", "scipy", "narwhals", "rich", "yaml", "joblib")


@pytest.fixture
def run() -> Callable[..., Any]:
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(cli, list(arguments), **more)


@pytest.fixture
def investigation(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for reading and investigating; `make` says what is concluded, `calls` what was asked."""
    state: dict[str, Any] = {"make": made_up.cause_found, "calls": {}}

    def read_case(path: object = None, **given: Any) -> Any:
        state["calls"]["read_case"] = {"path": path, **given}
        return made_up.case()

    def investigate(case: Any, *, listen: Callable[[Any], None] | None = None, **asked: Any) -> Any:
        state["calls"]["investigate"] = asked
        conclusion = state["make"]()
        for event in made_up.events(conclusion):
            if listen is not None:
                listen(event)
        return conclusion

    module = ModuleType("ruleout.conclusion.investigate")
    module.investigate = investigate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ruleout.conclusion.investigate", module)
    monkeypatch.setattr(ruleout.case, "read_case", read_case)
    return state


@pytest.mark.parametrize(("name", "code"), [("no_problem", 0), ("cause_found", 1), ("two_causes", 1), ("observed", 1), ("inconclusive", 3)])
def test_the_exit_code_says_the_verdict(run: Any, investigation: dict[str, Any], name: str, code: int) -> None:
    investigation["make"] = made_up.ALL[name]
    result = run("investigate", "case")
    assert result.exit_code == code
    assert result.stderr == ""
    assert "Conclude" in result.stdout
    assert "\x1b" not in result.stdout


def test_every_option_arrives(run: Any, investigation: dict[str, Any]) -> None:
    words = (
        "investigate --reference a --current b --target y --metric roc_auc --task classification --positive yes --time t --entity e --key k"
    )
    result = run(
        *words.split(),
        "--ignore",
        "i",
        "--ignore",
        "j",
        "--changed",
        "upgrade",
        "--symptom",
        "fell",
        "--trust",
        "--engine",
        "dask",
        "--seed",
        "7",
        "--budget",
        "1h30m",
        "--build-environments",
        "--wheels",
        "w",
        "--workers",
        "2",
    )
    assert result.exit_code == 1
    assert investigation["calls"]["read_case"] == {
        "path": None, "reference": Path("a"), "current": Path("b"), "target": "y", "metric": "roc_auc", "task": "classification",
        "positive": "yes", "time": "t", "entity": "e", "key": "k", "ignore": ("i", "j"), "changed": "upgrade",
        "symptom": "fell", "trust": True, "show_runs": False, "engine": "dask",
    }  # fmt: skip
    assert investigation["calls"]["investigate"] == {
        "seed": 7, "budget": Budget(5400.0), "cache": True, "build_environments": True, "wheels": Path("w"),
        "workers": 2,
    }  # fmt: skip


def test_without_a_case_the_folder_one_is_in_is_read_and_nothing_is_trusted(run: Any, investigation: dict[str, Any]) -> None:
    run("investigate")
    assert investigation["calls"]["read_case"]["path"] == Path()
    assert investigation["calls"]["read_case"]["trust"] is False


@pytest.mark.parametrize("budget", ["soon", "0", "-3m", "m", ""])
def test_a_budget_that_is_none_is_a_usage_error(run: Any, investigation: dict[str, Any], budget: str) -> None:
    result = run("investigate", "case", "--budget", budget)
    assert result.exit_code == 2
    assert "90s, 10m or 1h30m" in result.stderr
    assert investigation["calls"] == {}


@pytest.mark.parametrize(
    "arguments", [["investigate", "a", "b"], ["investigate", "--colour"], ["nonsense"], ["explain"], ["investigate", "--task", "ranking"]]
)
def test_usage_errors_exit_with_two(run: Any, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_what_a_user_can_mend_is_one_sentence_and_exit_two(
    run: Any, investigation: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_case(path: object = None, **given: Any) -> Any:
        raise CaseError('case.toml [case] target = "y":\n  no such column.')

    monkeypatch.setattr(ruleout.case, "read_case", read_case)
    result = run("investigate", "case")
    assert result.exit_code == 2
    assert result.stderr == 'ruleout: case.toml [case] target = "y": no such column.\n'
    assert result.stdout == ""


def test_control_c_exits_with_130_and_one_line(run: Any, investigation: dict[str, Any]) -> None:
    def make() -> Any:
        raise KeyboardInterrupt

    investigation["make"] = make
    result = run("investigate", "case")
    assert result.exit_code == 130
    assert result.stderr == "ruleout: interrupted before a conclusion; nothing was written.\n"


def test_files_hold_the_report(run: Any, investigation: dict[str, Any], tmp_path: Path) -> None:
    result = run("investigate", "case", "--json", str(tmp_path / "a.json"), "--markdown", str(tmp_path / "a.md"))
    assert result.exit_code == 1
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["conclusion"]["verdict"] == "cause-found"
    assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("# Loan default, March retraining\n")
    assert "a.json" in result.stdout
    assert "a.md" in result.stdout


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_json_on_standard_output_stands_alone_there(run: Any, investigation: dict[str, Any], quiet: list[str]) -> None:
    result = run("investigate", "case", "--json", "-", *quiet)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["schema"] == 1
    assert ("Conclude" in result.stderr) == (not quiet)


def test_both_reports_cannot_be_standard_output(run: Any, investigation: dict[str, Any]) -> None:
    assert run("investigate", "case", "--json", "-", "--markdown", "-").exit_code == 2


def test_quiet_prints_the_conclusion_alone(run: Any, investigation: dict[str, Any]) -> None:
    assert run("investigate", "case", "--quiet").stdout.startswith("CAUSE FOUND")


@pytest.mark.parametrize("place", ["no-such-folder/a.json", "."])
def test_an_unwritable_place_is_told_before_the_investigation(run: Any, investigation: dict[str, Any], place: str) -> None:
    result = run("investigate", "case", "--json", place)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"ruleout: --json {place}: ")
    assert investigation["calls"] == {}


def test_a_report_that_cannot_be_written_in_the_end_is_kept_elsewhere(run: Any, investigation: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    def make() -> Any:
        folder.rmdir()
        return made_up.cause_found()

    investigation["make"] = make
    result = run("investigate", "case", "--json", str(folder / "a.json"))
    assert result.exit_code == 2
    assert "CAUSE FOUND" in result.stdout
    kept = Path(result.stderr.rsplit("kept in ", 1)[1].strip().rstrip("."))
    assert json.loads(kept.read_text(encoding="utf-8"))["schema"] == 1
    kept.unlink()


def test_alone_it_prints_help_and_the_version_is_told(run: Any) -> None:
    alone = run()
    assert alone.exit_code == 0
    assert "investigate" in alone.stdout
    assert "Exit codes" in alone.stdout
    assert run("--version").stdout.startswith("ruleout 0.")


def test_new_writes_a_case_and_names_what_it_took_for_granted(run: Any, tmp_path: Path) -> None:
    for side in ("reference", "current"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "train.csv").write_text(
            "age,income,bought\n" + "".join(f"{20 + i},{i * 7 % 13},{i % 2}\n" for i in range(40)), encoding="utf-8"
        )
    result = run("new", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "assumed" in result.stdout
    assert "target" in (tmp_path / "case.toml").read_text(encoding="utf-8")
    again = run("new", str(tmp_path))
    assert again.exit_code == 2
    assert again.stderr.startswith("ruleout: ")
    assert run("new", str(tmp_path), "--force").exit_code == 0


@pytest.fixture
def handbook(monkeypatch: pytest.MonkeyPatch) -> None:
    import ruleout.causes
    from tests.report.test_terminal import UnitChange

    entry = UnitChange()  # type: ignore[abstract]

    def page(cause: str) -> Any:
        if cause != entry.id():
            raise UnknownCause(f'no cause "{cause}" in the handbook. Did you mean "{entry.id()}"?')
        return entry

    monkeypatch.setattr(ruleout.causes, "catalog", lambda: (entry,))
    monkeypatch.setattr(ruleout.causes, "page", page)


def test_explain_prints_the_page(run: Any, handbook: None) -> None:
    result = run("explain", "data.unit-change")
    assert result.exit_code == 0
    assert "What goes wrong" in result.stdout
    unknown = run("explain", "data.unit-chang")
    assert unknown.exit_code == 2
    assert unknown.stderr == 'ruleout: no cause "data.unit-chang" in the handbook. Did you mean "data.unit-change"?\n'


def test_causes_lists_the_vocabulary(run: Any, handbook: None) -> None:
    assert "data.unit-change" in run("causes").stdout
    assert json.loads(run("causes", "--json").stdout) == [
        {"cause": "data.unit-change", "bucket": "data", "claim": "A numeric column is in another unit."}
    ]


@pytest.mark.parametrize("outcome", [("data.label-errors", 0), ("data.drift", 3)])
def test_the_demo_succeeds_when_the_cause_is_found(
    run: Any, investigation: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: tuple[str, int]
) -> None:
    cause, code = outcome
    made: list[tuple[object, ...]] = []
    module = ModuleType("ruleout.demo")
    module.make_demo = lambda folder, cause, seed: made.append((folder, cause, seed)) or folder  # type: ignore[attr-defined,func-returns-value]
    monkeypatch.setitem(sys.modules, "ruleout.demo", module)
    result = run("demo", "--cause", cause, "--seed", "3", "--folder", str(tmp_path))
    assert result.exit_code == code
    assert made == [(tmp_path, cause, 3)]
    assert investigation["calls"]["read_case"] == {"path": tmp_path, "trust": True}


def loaded_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_and_asking_for_help_load_nothing_heavy() -> None:
    assert not loaded_by("import ruleout") & {*HEAVY, "click"}
    ask = "import sys\nfrom ruleout.cli import cli\nfrom contextlib import redirect_stdout\nimport io\n"
    ask += "with redirect_stdout(io.StringIO()):\n    cli.main(['--help'], standalone_mode=False)"
    assert not loaded_by(ask) & set(HEAVY)


PROGRAM = """
import sys
sys.path.insert(0, {room!r})
from types import ModuleType
import made_up
import ruleout.case
def investigate(case, *, listen=None, **asked):
    {body}
    for event in made_up.events(made_up.cause_found()):
        listen(event)
    return made_up.cause_found()
module = ModuleType("ruleout.conclusion.investigate")
module.investigate = investigate
sys.modules["ruleout.conclusion.investigate"] = module
ruleout.case.read_case = lambda path=None, **given: made_up.case()
from ruleout.cli import main
sys.argv = ["ruleout", *{arguments!r}]
main()
"""


def program(*arguments: str, body: str = "pass") -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(room=str(Path(__file__).parents[1] / "report"), arguments=list(arguments), body=body)]


def test_a_broken_pipe_is_silent_and_the_file_is_still_written(tmp_path: Path) -> None:
    for arguments, expected in (([], 141), (["--json", str(tmp_path / "a.json")], 1)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(program("investigate", "case", *arguments), stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        assert done.stderr == ""
        assert done.returncode == expected
    assert (tmp_path / "a.json").exists()


def test_a_defect_does_not_look_like_a_verdict() -> None:
    done = subprocess.run(
        program("investigate", "case", body="raise ZeroDivisionError('made up')"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 70
    assert "ZeroDivisionError: made up" in done.stderr
    assert "defect of ruleout" in done.stderr


def test_a_narrow_encoding_gets_ascii_and_json_stays_utf8() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(program("investigate", "case"), capture_output=True, env=environment, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.isascii()
    assert b"accuracy 0.880 > 0.650" in done.stdout
    done = subprocess.run(program("investigate", "case", "--json", "-"), capture_output=True, env=environment, check=False)
    assert json.loads(done.stdout.decode("utf-8"))["schema"] == 1


def test_the_public_names_are_a_screenful() -> None:
    import ruleout as package

    assert set(package.__all__) <= set(dir(package))
    for name in set(package.__all__) - {"investigate"}:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'diagnose'"):
        _ = package.diagnose


def test_guards_are_written_where_asked_and_named_in_the_json(run: Any, investigation: dict[str, Any], tmp_path: Path) -> None:
    from dataclasses import replace

    from ruleout.guards import Guard, read_guards

    guard = Guard(
        "data.unit-change", "train.amount", "quantile_range", "train", {"column": "amount", "quantile": 0.5, "low": 1, "high": 2}, "No."
    )
    investigation["make"] = lambda: replace(made_up.cause_found(), guards=(guard,), guard_files=())
    report, folder = tmp_path / "found.json", tmp_path / "guards"
    assert run("investigate", "case", "--quiet", "--json", str(report), "--guards", str(folder)).exit_code == 1
    (file,) = json.loads(report.read_text(encoding="utf-8"))["guards"]
    assert read_guards(Path(file)) == (guard,)
    (tmp_path / "taken").write_text("")
    assert run("investigate", "case", "--guards", str(tmp_path / "taken")).exit_code == 2
