"""A case folder holds what a team would hand over, and its training program runs on its own."""

import json
import subprocess
import sys
import tomllib

import joblib
import numpy as np
import pandas as pd
import pytest

from ruleout.demo import break_flights, flights_over_time, make_demo
from ruleout.faults import as_case, fault, healthy_system, write_case


@pytest.fixture(scope="module")
def broken():
    return fault("data.unit-change").inject(healthy_system("rodents", "boosted", 2, 800), np.random.default_rng(1), "large")


@pytest.fixture(scope="module")
def folder(broken, tmp_path_factory):
    return write_case(broken, tmp_path_factory.mktemp("case")).parent


def test_every_path_of_the_case_is_there_and_reads_back(broken, folder):
    document = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    assert document["case"]["target"] == "species"
    for name, fitted in (("reference", broken.reference), ("current", broken.current)):
        side = document[name]
        assert all((folder / path).is_file() for path in side.values())
        pd.testing.assert_frame_equal(pd.read_parquet(folder / side["train"]), fitted.half.train)
        assert json.loads((folder / side["config"]).read_text(encoding="utf-8"))["algorithm"] == "boosting"
        frame = pd.read_parquet(folder / side["validation"])
        model = joblib.load(folder / side["model"])
        metric = float(np.mean(model.predict(frame) == frame["species"]))
        reported = json.loads((folder / side["metrics"]).read_text(encoding="utf-8"))
        assert metric == pytest.approx(reported["accuracy"], abs=1e-5)
        assert "scikit-learn==" in (folder / side["environment"]).read_text(encoding="utf-8")


def test_the_truth_is_not_in_the_folder(folder):
    text = (folder / "case.toml").read_text(encoding="utf-8")
    assert "unit-change" not in text
    assert not list(folder.rglob("truth*"))


def test_the_training_program_runs_alone_and_gives_the_current_model(broken, folder):
    command = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))["run"]["train"]
    filled = command.format(train="current/train.parquet", config="current/config.json", model="again.joblib")
    done = subprocess.run([sys.executable, *filled.split()[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    frame = broken.current.half.validation
    assert (joblib.load(folder / "again.joblib").predict(frame) == broken.current.model.predict(frame)).all()


def test_the_case_in_memory_holds_the_same(broken):
    case = as_case(broken)
    assert case.reference is not None
    assert (case.target, case.metric, case.task, case.changed) == ("species", "accuracy", "classification", "retraining")
    assert case.current.train is not None
    pd.testing.assert_frame_equal(case.current.train.to_pandas(), broken.current.half.train)
    assert case.current.model.estimator is broken.current.model
    assert case.current.environment.packages["pandas"] == pd.__version__


def test_the_demonstration_is_ordered_in_time_and_calm_before_it_is_broken():
    system = flights_over_time("linear", 1, 2000)
    for half in (system.reference, system.current):
        assert half.train["departs_at"].max() < half.validation["departs_at"].min()
    assert system.reference.validation["departs_at"].max() < system.current.validation["departs_at"].min()
    reference, current = system.fit("reference"), system.fit("current")
    assert abs(reference.metric - current.metric) < 3 * np.hypot(reference.standard_error, current.standard_error)


def test_the_demonstration_is_written_as_a_case(tmp_path):
    path = make_demo(tmp_path, "data.missing-values", seed=1)
    assert tomllib.loads(path.read_text(encoding="utf-8"))["case"]["time"] == "departs_at"
    assert break_flights("data.missing-values", 1).truth.causes == ("data.missing-values",)
