"""A killed investigation goes on where it was: the same conclusion, no training made twice, and what was changed made anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import ruleout
from ruleout.case import settle
from ruleout.problem.fits import Fits
from ruleout.problem.laboratory import Laboratory, without_model
from ruleout.report import render
from ruleout.store import Store
from tests.models.diamonds import CATEGORIES, FEATURES, NUMBERS, diamonds, retrained

TRAIN = """
import csv, json, statistics, sys, time
train, config, model, seed = sys.argv[1:]
rows = list(csv.DictReader(open(train)))
said = f"{len(rows)} {rows[0]} {sum(float(row['carat']) for row in rows)} {open(config).read()} {seed}".replace("\\n", " ")
with open("runs.log", "a") as log:
    log.write(f"began {said}\\n")
time.sleep(PAUSE)
middle = {}
for column in ("carat", "depth", "table"):
    values = {label: [float(row[column]) for row in rows if row["dear"] == label] for label in ("no", "yes")}
    middle[column] = [statistics.fmean(values["no"]), statistics.fmean(values["yes"]), statistics.pstdev(values["no"] + values["yes"])]
json.dump(middle, open(model, "w"))
with open("runs.log", "a") as log:
    log.write(f"ended {said}\\n")
"""

PREDICT = """
import csv, json, math, sys
model, data, predictions = sys.argv[1:]
middle = json.load(open(model))
with open(predictions, "w") as out:
    out.write("prediction,score\\n")
    for row in csv.DictReader(open(data)):
        far = sum(((float(row[c]) - no) ** 2 - (float(row[c]) - yes) ** 2) / sd ** 2 for c, (no, yes, sd) in middle.items())
        score = 1 / (1 + math.exp(-max(min(far, 500), -500)))
        out.write(f"{'yes' if score > 0.5 else 'no'},{score}\\n")
"""


def save(frame: pd.DataFrame, folder: Path) -> Path:
    """The artifact of a side, made by the program itself."""
    frame[[*NUMBERS, "dear"]].to_csv(folder / "rows.csv", index=False)
    (folder / "train.py").write_text(TRAIN.replace("PAUSE", "0"))
    (folder / "config.json").write_text('{"strength": 1.0}')
    command = [sys.executable, "train.py", "rows.csv", "config.json", "model.weights", "0"]
    subprocess.run(command, check=True, cwd=folder)
    for name in ("rows.csv", "train.py", "runs.log"):
        (folder / name).unlink()
    return folder / "model.weights"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Diamonds in another unit, and models that nobody but the case's own slow program can train, and ask."""
    folder = retrained(tmp_path / "case", save, columns=NUMBERS, suffix=".csv")
    (folder / "train.py").write_text(TRAIN.replace("PAUSE", "0.25"))
    (folder / "predict.py").write_text(PREDICT)
    sides = "".join(
        f'[{side}]\ntrain = "{side}/train.csv"\nvalidation = "{side}/validation.csv"\nmodel = "{side}/model.weights"\n'
        f'config = "{side}/config.json"\n'
        for side in ("reference", "current")
    )
    commands = (
        f"train = '{sys.executable} -S train.py {{train}} {{config}} {{model}} {{seed}}'\n"
        f"predict = '{sys.executable} -S predict.py {{model}} {{data}} {{predictions}}'\n"
    )
    (folder / "case.toml").write_text(f'[case]\ntarget = "dear"\n{sides}[run]\n{commands}')
    return folder


def runs(folder: Path, what: str = "began") -> list[str]:
    log = folder / "runs.log"
    return [line.split(" ", 1)[1] for line in log.read_text().splitlines() if line.startswith(what)] if log.exists() else []


def told(found: dict[str, Any]) -> dict[str, Any]:
    """The JSON without what it took."""
    return {**found, "cost": None, "steps": [{**step, "seconds": None} for step in found["steps"]]}


def concluded(folder: Path, cache: Path | bool, **given: Any) -> dict[str, Any]:
    return json.loads(render(ruleout.investigate(ruleout.read_case(folder, trust=True), cache=cache, **given), "json"))


def test_after_a_kill_nothing_is_trained_twice_and_the_conclusion_is_the_same(case: Path, tmp_path: Path) -> None:
    whole = concluded(case, tmp_path / "other")
    asked = whole["cost"]["predictions"] + whole["cost"]["predictions_kept"]
    assert [c["cause"] for c in whole["conclusion"]["causes"]] == ["data.unit-change"]
    n = whole["cost"]["trainings"]
    assert n == len(runs(case)) >= 6
    (case / "runs.log").unlink()

    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "ruleout", "investigate", str(case), "--trust", "--quiet", "--cache", str(tmp_path / "kept")]
    process = subprocess.Popen([*command, "--json", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(runs(case)) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    before = len(runs(case)) - 1  # the one under way when it was killed counts for nothing
    time.sleep(1.5)  # it may end by itself
    (case / "runs.log").rename(case / "first.log")

    assert subprocess.run([*command, "--json", str(out)], check=False, capture_output=True).returncode == 1
    resumed = json.loads(out.read_text())
    assert told(resumed) == told(whole)
    assert resumed["cost"]["trainings"] == len(runs(case))
    assert before >= 3 and n - len(runs(case)) in (before, before + 1), "what the second one made and what the first had kept are the whole"
    assert resumed["cost"]["predictions_kept"] > 0 and resumed["cost"]["predictions"] + resumed["cost"]["predictions_kept"] == asked

    again = concluded(case, tmp_path / "kept")
    assert told(again) == told(whole)
    assert again["cost"]["trainings"] == 0 and again["cost"]["predictions"] <= 2, "only what failed is tried again"


def test_what_was_changed_is_made_anew_and_nothing_else(case: Path, tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    n = concluded(case, cache)["cost"]["trainings"]
    log = case / "runs.log"

    def anew() -> tuple[int, dict[str, Any]]:
        log.unlink(missing_ok=True)
        found = concluded(case, cache)
        assert found["cost"]["trainings"] == len(runs(case))
        return len(runs(case)), found["cost"]

    assert anew()[0] == 0
    rows = pd.read_csv(case / "current" / "validation.csv")
    rows.iloc[1:].to_csv(case / "current" / "validation.csv", index=False)
    assert anew()[0] == 0, "validation rows train nothing"
    rows = pd.read_csv(case / "current" / "train.csv")
    rows.iloc[1:].to_csv(case / "current" / "train.csv", index=False)
    made, cost = anew()
    assert 0 < made < n and cost["trainings_kept"] > 0, "the reference's trainings stay"
    (case / "current" / "config.json").write_text('{"strength": 0.5}')
    made, cost = anew()
    assert made > 0 and cost["trainings_kept"] > 0
    (case / "notes.txt").write_text("nothing reads this")
    assert anew()[0] == 0
    (case / "train.py").write_text(TRAIN.replace("PAUSE", "0.01"))
    made, cost = anew()
    assert made >= n and cost["trainings_kept"] <= 1, "another program: every training is made anew"


def test_without_a_cache_everything_is_made_anew(case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RULEOUT_CACHE", str(tmp_path / "kept"))
    first = concluded(case, cache=False)
    assert not (tmp_path / "kept").exists()
    assert concluded(case, cache=False)["cost"] | {"training_seconds": 0} == first["cost"] | {"training_seconds": 0}


def test_a_budget_in_runs_is_kept_and_the_next_one_goes_on_from_there(case: Path, tmp_path: Path) -> None:
    cache, made = tmp_path / "kept", []
    for _ in range(12):
        found = concluded(case, cache, budget="3 runs")
        made.append(found["cost"]["trainings"])
        if "budget" not in found["conclusion"]["summary"]:
            break
    assert made[0] == 3 and max(made) <= 3 and sum(made) == len(runs(case))
    assert [c["cause"] for c in found["conclusion"]["causes"]] == ["data.unit-change"]
    assert found["cost"]["budget"] == {"seconds": None, "runs": 3}


def test_a_budget_of_time_ends_a_training_that_outlasts_it(case: Path) -> None:
    (case / "train.py").write_text(TRAIN.replace("PAUSE", "30"))
    started = time.monotonic()
    found = concluded(case, cache=False, budget="2s")
    assert time.monotonic() - started < 20
    assert "The walk stopped early: the budget is spent" in found["conclusion"]["summary"]
    assert len(runs(case)) == 1 and not runs(case, "ended")
    assert found["cost"]["budget"] == {"seconds": 2.0, "runs": None}


def test_what_takes_long_is_announced_with_its_cost_and_what_is_quick_is_not(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    read = ruleout.read_case(case, trust=True)
    quick = ruleout.investigate(read, cache=tmp_path / "kept", listen=told.append)
    assert "plan" not in {event.kind for event in told} and "plans" not in quick.cost
    told.clear()
    monkeypatch.setattr("ruleout.problem.plan.LONG_SECONDS", 1.0)
    slow = ruleout.investigate(read, cache=False, listen=lambda event: told.append((event, len(runs(case)))))
    (plan,) = [(event.payload, n) for event, n in told if event.kind == "plan"]
    assert plan[1] == quick.cost["trainings"] + 1, "after the first training, before the others"
    assert plan[0].seconds == pytest.approx(plan[0].runs * plan[0].seconds_each) and 0.2 < plan[0].seconds_each < 2
    assert slow.to_dict()["cost"]["plans"] == [plan[0].to_dict()]
    assert "trainings of" in plan[0].statement and "as the first one took" in plan[0].statement
    told.clear()
    before = len(runs(case))
    rows = pd.read_csv(case / "reference" / "train.csv")
    rows.iloc[1:].to_csv(case / "reference" / "train.csv", index=False)
    changed = ruleout.read_case(case, trust=True)
    ruleout.investigate(changed, cache=tmp_path / "kept", listen=lambda event: told.append((event, len(runs(case)))))
    assert ("plan", before) in [(event.kind, n) for event, n in told], "before the first training, where earlier ones are known of"


def test_what_a_training_made_ahead_took_is_announced_before_the_others_begin() -> None:
    told: list[Any] = []
    fits = Fits(tell=told.append)
    fits.learned(30.0, 1000)
    assert [plan.seconds_each for plan in told] == [30.0]
    fits.ended(time.monotonic() - 30.0, 1000)
    fits.starting(1000)
    assert len(told) == 1, "once is enough"


class Slow(LogisticRegression):
    """Takes its time, and says when it is fitted."""

    fitted = 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Slow:
        time.sleep(0.12)
        Slow.fitted += 1
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


class Fickle(Slow):
    """Learns something else each time."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Fickle:
        super().fit(X, y, sample_weight)
        self.coef_ = self.coef_ * np.random.default_rng().uniform(0.7, 1.3)
        return self


def in_memory(last: Any) -> dict[str, Any]:
    def fitted(rows: pd.DataFrame) -> Any:
        columns = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)))
        return make_pipeline(columns, last).fit(rows[list(FEATURES)], rows["dear"])

    wrong = diamonds(1).assign(carat=diamonds(1)["carat"] * 200)
    return {
        "reference": ruleout.Side(train=diamonds(0), validation=diamonds(3), model=fitted(diamonds(0))),
        "current": ruleout.Side(train=wrong, validation=diamonds(2)[:1000], model=fitted(wrong)),
        "target": "dear",
    }


def test_clones_are_not_fitted_again_where_their_answers_are_kept(tmp_path: Path) -> None:
    given = in_memory(Slow(max_iter=200))
    Slow.fitted = 0
    first = ruleout.investigate(ruleout.Case(**given), cache=tmp_path).to_dict()
    assert Slow.fitted == first["cost"]["trainings"] > 3
    Slow.fitted = 0
    again = ruleout.investigate(ruleout.Case(**given), cache=tmp_path).to_dict()
    assert Slow.fitted == again["cost"]["trainings"] == 0
    assert again["cost"]["trainings_kept"] == first["cost"]["trainings"]
    assert told(again) == told(first)
    ruleout.investigate(ruleout.Case(**given), cache=tmp_path, seed=1)
    assert Slow.fitted > 0, "another seed is another draw"


class Moody(Slow):
    """Answers otherwise each time it is asked."""

    def predict_proba(self, X: Any) -> np.ndarray:
        sure = super().predict_proba(X)
        return np.clip(sure + np.random.default_rng().normal(0, 0.01, sure.shape), 0, 1)


@pytest.mark.parametrize(("last", "again"), [(Slow, 0), (Moody, 1)])
def test_a_model_that_never_answers_alike_is_made_anew(tmp_path: Path, last: type[Slow], again: int) -> None:
    case = settle(ruleout.Case(**in_memory(last(max_iter=200))))
    rows = case.current.validation
    for fitted in (1, again):
        Slow.fitted = 0
        laboratory = Laboratory(case, fits=Fits(store=Store(tmp_path)))
        model = laboratory.fit(without_model(case, "current"), "current")
        one, two = model.predict(rows), model.predict(rows)
        assert np.array_equal(one.score, two.score) == (last is Slow)
        assert Slow.fitted == fitted


def test_a_training_that_nothing_governs_is_not_taken_for_the_same(tmp_path: Path) -> None:
    given = in_memory(Fickle(max_iter=200))
    ruleout.investigate(ruleout.Case(**given), cache=tmp_path)
    given["current"] = replace(given["current"], validation=diamonds(2)[1:1000])
    again = ruleout.investigate(ruleout.Case(**given), cache=tmp_path)
    assert any("answered otherwise than the one whose answers were kept" in said for said in again.assumptions)
