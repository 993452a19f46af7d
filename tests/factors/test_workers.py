"""A black box measured by several workers: the same conclusion as by one, and what goes wrong side by side is put right by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ruleout
from ruleout.cli import cli

SCRIPT = """
import json, os, pathlib, random, sys, time
a, b, c, d = (os.environ["FACTOR_" + name] == "new" for name in "ABCD")
seed = os.environ["FACTOR_SEED"]
LOG = pathlib.Path(os.environ["LOG"])
with LOG.open("a") as log: log.write("begun\\n")
BODY
value = 0.9 - 0.08 * (b and d)
with LOG.open("a") as log: log.write("ended\\n")
print(json.dumps({"metric": value + random.Random(str((a, b, c, d, seed))).gauss(0, 0.004)}))
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "runs.log"
    monkeypatch.setenv("LOG", str(path))
    return path


def case(folder: Path, body: str = "time.sleep(0.1)") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "run.py").write_text(SCRIPT.replace("BODY", body), encoding="utf-8")
    factors = "\n".join(f'{name} = ["old", "new"]' for name in "abcd")
    text = f'[case]\nmetric = "accuracy"\nmin_effect = 0.02\n[factors]\n{factors}\n[run]\nmeasure = "{sys.executable} run.py"\n'
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def most_at_once(log: Path) -> int:
    alive = most = 0
    for line in log.read_text().splitlines():
        alive += 1 if line == "begun" else -1
        most = max(most, alive)
    log.unlink()
    return most


def untimed(found: ruleout.Conclusion) -> dict[str, Any]:
    """The conclusion without what a clock said: the sentence on the cost, and every figure in seconds."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: stripped(v) for k, v in value.items() if not k.endswith("seconds")}
        if isinstance(value, list):
            return [stripped(v) for v in value]
        return value.split(" Telling 4 factors apart")[0] if isinstance(value, str) else value

    return stripped(json.loads(json.dumps(found.to_dict())))


def investigated(folder: Path, **given: Any) -> ruleout.Conclusion:
    return ruleout.investigate(ruleout.read_case(folder, trust=True), cache=False, **given)


def test_the_conclusion_is_the_same_with_one_two_and_three_workers(tmp_path: Path, log: Path) -> None:
    folder = case(tmp_path / "case")
    found, at_once = [], []
    for n in (1, 2, 3):
        found.append(untimed(investigated(folder, workers=n)))
        at_once.append(most_at_once(log))
    assert found[0] == found[1] == found[2]
    assert found[0]["conclusion"]["structure"] == "conjoint"
    assert at_once == [1, 2, 3]


def test_a_command_that_writes_to_its_folder_is_run_one_by_one_unless_the_user_says_how_many(
    tmp_path: Path, log: Path, monkeypatch
) -> None:
    monkeypatch.setattr("ruleout.runs.workers.cores", lambda: 3)
    folder = case(tmp_path / "case", "open('model.bin', 'w').write(seed); time.sleep(0.1)")
    alone = investigated(folder)
    assert most_at_once(log) == 1
    assert "one after the other, as the command writes to model.bin in the case's folder; --workers N" in alone.summary
    beside = investigated(folder, workers=2)
    assert most_at_once(log) == 2 and "one after the other" not in beside.summary
    folder = case(tmp_path / "clean")
    assert "one after the other" not in investigated(folder).summary
    assert most_at_once(log) == 3


def test_runs_that_fail_beside_others_are_made_again_by_themselves(tmp_path: Path, log: Path, monkeypatch) -> None:
    monkeypatch.setattr("ruleout.runs.workers.cores", lambda: 3)
    lock = tmp_path / "device"
    taken = "try: held.mkdir()\nexcept OSError: sys.exit('the device is taken')"
    body = f"held = pathlib.Path({str(lock)!r})\n{taken}\ntime.sleep(0.2); held.rmdir()"
    folder = case(tmp_path / "case", body)
    found = investigated(folder)
    assert {place for cause in found.causes for place in cause.where} == {"factor.b", "factor.d"}
    assert "one failed beside others and went well by itself" in found.summary
    assert found.extra["runs_flaky"] in (3, 4), "of the five runs beside each other one or two have the device"


def test_a_side_that_cannot_be_run_stops_the_rest(tmp_path: Path, log: Path) -> None:
    folder = case(tmp_path / "case", "sys.exit('the disk is full')")
    with pytest.raises(ruleout.RuleoutError, match=r"the disk is full.*reference side as it is, tried 2 times"):
        investigated(folder, workers=3)
    assert log.read_text().count("begun") == 7, "the six that were begun together, and the first once more"


def test_the_command_line_takes_a_number_and_refuses_what_is_none(tmp_path: Path, log: Path) -> None:
    folder = case(tmp_path / "case")
    asked = ["investigate", str(folder), "--trust", "--quiet", "--no-cache", "--workers"]
    assert CliRunner().invoke(cli, [*asked, "2"]).exit_code == 1
    assert most_at_once(log) == 2
    for wrong in ("0", "many", "spark://there:7077"):
        said = CliRunner().invoke(cli, [*asked, wrong])
        assert said.exit_code == 2 and "how many runs are made at once" in " ".join(said.output.split())
