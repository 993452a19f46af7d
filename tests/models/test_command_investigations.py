"""Commands in any language, artifacts that break whoever asks them, and nothing that runs without trust."""

from __future__ import annotations

import contextlib
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ruleout
from ruleout.conclusion.conclusion import Conclusion
from ruleout.errors import FieldError
from ruleout.models import child
from ruleout.models.child import Limits
from tests.models.diamonds import NUMBERS, case_toml, diamonds, retrained

TRAIN_AWK = r"""
BEGIN { FS = "," }
FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{ y = $at["dear"]; n[y]++; for (k = 1; k <= 3; k++) { v = $at[name(k)]; s[y, k] += v; t[k] += v; q[k] += v * v }; rows++ }
function name(k) { return k == 1 ? "carat" : k == 2 ? "depth" : "table" }
END {
  for (k = 1; k <= 3; k++)
    print name(k), s["no", k] / n["no"], s["yes", k] / n["yes"], sqrt(q[k] / rows - (t[k] / rows) ^ 2) > out
  print "trained on " rows " rows"
}
"""
PREDICT_AWK = r"""
BEGIN {
  FS = ","
  while ((getline line < model) > 0) { split(line, w, " "); no[w[1]] = w[2]; yes[w[1]] = w[3]; sd[w[1]] = w[4] }
  print "prediction,score" > out
}
FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
  d = 0
  for (c in no) d += (($at[c] - no[c]) ^ 2 - ($at[c] - yes[c]) ^ 2) / sd[c] ^ 2
  p = 1 / (1 + exp(-d))
  print (p > 0.5 ? "yes" : "no") "," p > out
}
"""
TRAIN = "awk -v out={model} -v seed={seed} -f train.awk {train}"
PREDICT = "awk -v model={model} -v out={predictions} -f predict.awk {data}"

needs_awk = pytest.mark.skipif(shutil.which("awk") is None, reason="awk is not here")


def _save_weights(frame: pd.DataFrame, folder: Path) -> Path:
    frame[[*NUMBERS, "dear"]].to_csv(folder / "rows.csv", index=False)
    script = folder / "train.awk"
    script.write_text(TRAIN_AWK)
    subprocess.run(
        ["awk", "-v", f"out={folder}/model.weights", "-f", str(script), str(folder / "rows.csv")], check=True, capture_output=True
    )
    (folder / "rows.csv").unlink()
    script.unlink()
    return folder / "model.weights"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A model that nobody but the case's own awk programs can read."""
    case = retrained(tmp_path / "case", _save_weights, columns=NUMBERS, suffix=".csv")
    (case / "train.awk").write_text(TRAIN_AWK)
    (case / "predict.awk").write_text(PREDICT_AWK)
    sides = "".join(
        f'[{side}]\ntrain = "{side}/train.csv"\nvalidation = "{side}/validation.csv"\nmodel = "{side}/model.weights"\n'
        for side in ("reference", "current")
    )
    (case / "case.toml").write_text(f'[case]\ntarget = "dear"\n{sides}[run]\ntrain = "{TRAIN}"\npredict = "{PREDICT}"\n')
    return case


def _found(case: Path, **given: Any) -> Conclusion:
    return ruleout.investigate(ruleout.read_case(case, **given))


@needs_awk
def test_a_model_in_another_language_is_asked_and_trained_by_commands(weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    conclusion = _found(weights, trust=True)
    (cause,) = conclusion.causes
    assert (cause.cause, cause.where) == ("data.unit-change", ("train.carat",))
    assert cause.share is not None
    assert cause.share > 0.9
    assert "current.model is asked by [run] predict." in conclusion.assumptions
    assert capfd.readouterr().err == ""


@needs_awk
def test_what_commands_print_is_shown_on_request(weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _found(weights, trust=True, show_runs=True)
    assert "[run] train | trained on 2000 rows" in capfd.readouterr().err.splitlines()


@needs_awk
def test_without_trust_the_commands_wait_and_the_rows_speak(weights: Path) -> None:
    conclusion = _found(weights)
    assert conclusion.causes[0].cause == "data.unit-change"
    assert "does not open" not in conclusion.summary
    assert any("do not run without --trust" in m["why"] for m in conclusion.missing)


@needs_awk
def test_a_flaky_command_is_tried_again_and_reported(weights: Path) -> None:
    (weights / "flaky.sh").write_text(
        "n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count\n"
        'test $((n % 3)) -ne 1 || { echo "disk quota exceeded" >&2; exit 7; }\n'
    )
    flaky = "sh flaky.sh && "
    (weights / "case.toml").write_text((weights / "case.toml").read_text().replace(f'train = "{TRAIN}"', f'train = "{flaky}{TRAIN}"'))
    conclusion = _found(weights, trust=True)
    assert conclusion.causes[0].cause == "data.unit-change"
    assert "[run] train is flaky: " in conclusion.summary
    assert (
        "failed at first and went well when tried again (it failed with exit code 7; its last words: disk quota exceeded)."
        in conclusion.summary
    )
    assert conclusion.examination.figures["n_flaky"] > 0


@needs_awk
def test_a_command_that_never_works_leaves_its_last_words(weights: Path) -> None:
    broken = (weights / "case.toml").read_text().replace(TRAIN, "echo no such table >&2; exit 3 # {model}")
    (weights / "case.toml").write_text(broken)
    case = ruleout.read_case(weights, trust=True)
    conclusion = ruleout.investigate(case)
    runs = [run for run in conclusion.examination.problem.laboratory.commands.made if run.field == "train"]
    assert not any(run.succeeded for run in runs)
    assert [run.attempts for run in runs[:2]] == [2, 1], "what has failed every time is not tried again each time"
    assert runs[0].failed.endswith("it failed with exit code 3; its last words: no such table.")


def test_time_outs_and_retries_are_read_and_checked(tmp_path: Path) -> None:
    case = retrained(tmp_path, lambda frame, folder: folder)
    case_toml(case, {"train": "true", "timeout": "1m30s", "retries": 0})
    run = ruleout.read_case(case).run
    assert (run.timeout, run.retries) == (90.0, 0)
    for name, value, said in (("timeout", "soon", r'write timeout = "30m"'), ("retries", -1, "from 0 to 10")):
        case_toml(case, {"train": "true", name: value})
        with pytest.raises(FieldError, match=rf"case\.toml \[run\] {name} = .*{said}"):
            ruleout.read_case(case)


def test_a_configuration_is_written_as_the_side_writes_it(tmp_path: Path) -> None:
    case = retrained(tmp_path, lambda frame, folder: folder)
    (case / "current" / "config.toml").write_text("depth = 4\n")
    case_toml(case, {"train": "true"})
    assert ruleout.read_case(case).config_format == "toml"


# Artifacts that break -------------------------------------------------------------------------------------------------

BREAKS = '''
import os, sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Breaks(ClassifierMixin, BaseEstimator):
    """Dear from one carat on; the current one breaks in the way that it is told."""

    def __init__(self, way="none"):
        self.way = way

    def fit(self, X, y):
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.way == "kill":
            os.kill(os.getpid(), 9)
        if self.way == "hang":
            time.sleep(600)
        if self.way == "print":
            print("RULEOUT1 answer " * 50)
        if self.way == "shape":
            return np.repeat("yes", len(X) + 3)
        return np.where(X["carat"] > 0.75, "yes", "no")
'''


@pytest.fixture
def breaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A case whose current artifact breaks in one way."""
    import importlib

    (tmp_path / "breaking_models.py").write_text(BREAKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    module = importlib.import_module("breaking_models")

    def make(way: str) -> Path:
        def save(frame: pd.DataFrame, folder: Path) -> Path:
            model = module.Breaks(way if folder.name == "current" else "none").fit(frame[list(NUMBERS)], frame["dear"])
            (folder / "model.pkl").write_bytes(pickle.dumps(model))
            return folder / "model.pkl"

        case = retrained(tmp_path / "case", save, columns=NUMBERS)
        diamonds(1)[[*NUMBERS, "dear"]].to_parquet(case / "current" / "train.parquet")
        (case / "breaking_models.py").write_text(BREAKS)
        return case

    yield make
    sys.modules.pop("breaking_models", None)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("kill", r"ended the child process \(signal 9\)"),
        pytest.param("hang", r"took longer than 8 seconds and was ended", marks=pytest.mark.slow),
        ("shape", r"answered in shape \(1003,\), expected \(1000,\)"),
    ],
)
def test_an_artifact_that_breaks_whoever_asks_it_is_a_finding(way: str, said: str, breaking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "Limits", lambda: Limits(seconds=8.0 if way == "hang" else 600.0))
    conclusion = ruleout.investigate(ruleout.read_case(breaking(way), target="dear", trust=True))
    assert conclusion.verdict == "cause-found", conclusion.summary
    assert conclusion.causes[0].cause == "pipeline.serialization"
    assert re.search(said, conclusion.causes[0].summary), conclusion.causes[0].summary


def test_an_artifact_that_prints_is_heard_out(breaking: Any) -> None:
    assert ruleout.investigate(ruleout.read_case(breaking("print"), target="dear", trust=True)).verdict == "no-problem"


# Trust ----------------------------------------------------------------------------------------------------------------


class _Writes:
    """Writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "it ran"))


@pytest.mark.parametrize("what", ["artifact", "train", "predict", "metric"])
def test_nothing_in_a_case_runs_without_trust(what: str, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"

    def save(frame: pd.DataFrame, folder: Path) -> Path:
        (folder / "model.pkl").write_bytes(pickle.dumps(_Writes(mark)) if what == "artifact" else b"weights of no known kind")
        return folder / "model.pkl"

    case = retrained(tmp_path / "case", save, columns=NUMBERS)
    (case / "score.py").write_text(
        f"open({str(mark)!r}, 'w').write('it ran')\ndef cost(truth, prediction): return (truth == prediction).mean()\n"
    )
    script = case / "touch.py"
    script.write_text(f"open({str(mark)!r}, 'w').write('it ran')\n")
    touch = f"{sys.executable} touch.py"
    run = {"train": f"{touch} {{model}}"} if what == "train" else {"predict": f"{touch} {{predictions}}"} if what == "predict" else {}
    case_toml(case, run, 'metric = "score:cost"\n' if what == "metric" else "")
    try:
        ruleout.investigate(ruleout.read_case(case))
    except ruleout.RuleoutError as error:
        # A metric that may not run ends the investigation; nothing else does.
        assert "--trust" in str(error)
        assert what == "metric"
    assert not mark.exists()
    with contextlib.suppress(ruleout.RuleoutError):
        ruleout.investigate(ruleout.read_case(case, trust=True))
    assert mark.exists(), "with trust it does run: the test would have seen it"
