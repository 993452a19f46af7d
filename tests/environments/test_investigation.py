"""Whole investigations of cases whose sides record different environments, installed from a folder of made-up wheels."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ruleout
from ruleout.causes.page import Finding
from ruleout.causes.pipeline.dependency import Dependency
from ruleout.environments import Installations, Installer
from ruleout.errors import CommandError, InstallError, TrustRequired
from ruleout.examination.agenda import Agenda
from ruleout.examination.upgrades import examine_upgrades
from ruleout.problem import state_problem
from ruleout.report import render
from tests.environments.made_wheels import FOLDED, PLAIN, feature, wheel

pytestmark = pytest.mark.usefixtures("cache")
WAS = "borrowed==1.0 featurekit==1.4.0 otherkit==1.0 thirdkit==0.1"
NOW = "borrowed==1.0 featurekit==2.0.0 otherkit==2.0 thirdkit==0.2"

TRAIN = """
import argparse, joblib, pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from featurekit import Feature
asked = argparse.ArgumentParser()
asked.add_argument("--train")
asked.add_argument("--model")
asked = asked.parse_args()
frame = pd.read_parquet(asked.train)
joblib.dump(make_pipeline(Feature(), LogisticRegression()).fit(frame.drop(columns="y"), frame["y"]), asked.model)
"""


@dataclass
class Told:
    """What a search over the environments of one case ended with."""

    findings: tuple[Finding, ...]
    steps: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> set[str]:
        return {finding.place for finding in self.findings}


def searched(folder: Path, wheels: Path) -> Told:
    """The search alone, without the rest of the walk."""
    read = ruleout.read_case(folder, trust=True)
    installed = Installations(read, installer=Installer(wheels=wheels))
    try:
        notes = installed.prepare()
        problem = state_problem(read, installations=installed)
        agenda = Agenda((Dependency(),), {"pipeline.dependency": 0.1}, {})
        told = Told((), notes=notes)
        examine_upgrades(problem, agenda, lambda entry, kind, **said: told.steps.append(said["finding"]), lambda _: None)
        told.findings = agenda.entries["pipeline.dependency"].findings
        return told
    finally:
        installed.close()


def concluded(folder: Path, wheels: Path, **given: Any) -> ruleout.Conclusion:
    return ruleout.investigate(ruleout.read_case(folder, trust=True), wheels=wheels, **given)


def test_the_upgrade_that_changed_the_answers_is_proved(case: Callable[..., Path], wheels: Path, cache: Path) -> None:
    folder = case(WAS, NOW)
    found = concluded(folder, wheels)
    (cause,) = found.causes
    assert (cause.cause, cause.where, found.verdict) == ("pipeline.dependency", ("environment.featurekit",), "cause-found")
    assert cause.share is not None and cause.share > 0.95
    assert not cause.observed
    assert "with featurekit alone put back" in cause.summary and "with featurekit alone put forward" in cause.summary
    assert any("own environment" in said for said in found.assumptions)
    n = len([p for p in cache.iterdir() if p.is_dir()])
    assert n <= 6
    # Again: the same conclusion, and nothing is installed twice.
    again = concluded(folder, wheels)
    assert again.summary == found.summary
    assert len([p for p in cache.iterdir() if p.is_dir()]) == n
    assert any("installed before" in said for said in again.assumptions)
    assert json.loads(render(again, "json"))["conclusion"]["causes"][0]["where"] == ["environment.featurekit"]


def test_without_being_asked_nothing_is_installed(case: Callable[..., Path], cache: Path) -> None:
    found = ruleout.investigate(ruleout.read_case(case(WAS, NOW), trust=True))
    assert not found.causes
    assert not cache.exists()


def test_nothing_is_installed_without_trust(case: Callable[..., Path], wheels: Path, cache: Path) -> None:
    with pytest.raises(TrustRequired, match="--trust"):
        ruleout.investigate(ruleout.read_case(case(WAS, NOW)), wheels=wheels)
    assert not cache.exists()


@pytest.mark.slow
def test_the_training_command_runs_in_each_environment(case: Callable[..., Path], wheels: Path) -> None:
    wheel(wheels, "featurekit", "3.0.0", feature(FOLDED))
    run = '[run]\ntrain = "python train.py --train {train} --model {model}"\n'
    was, now = WAS.replace("thirdkit==0.1", ""), NOW.replace("thirdkit==0.2", "").replace("featurekit==2.0.0", "featurekit==3.0.0")
    told = searched(case(was, now, run=run, artifacts=False, files={"train.py": TRAIN}), wheels)
    (found,) = told.findings
    assert found.place == "environment.featurekit"
    assert "trained again on the same rows" in found.statement
    assert found.figures["how"] == "trained"


def test_a_command_that_brings_its_own_python_is_no_result(case: Callable[..., Path], wheels: Path) -> None:
    run = f'[run]\ntrain = "{sys.executable} train.py --train {{train}} --model {{model}}"\n'
    script = TRAIN.replace("from featurekit import Feature\n", "").replace("Feature(), ", "")
    read = ruleout.read_case(case(WAS, NOW, run=run, artifacts=False, files={"train.py": script}), trust=True)
    installed = Installations(read, installer=Installer(wheels=wheels))
    installed.prepare()
    assert read.current.train is not None
    with pytest.raises(CommandError, match="not with the Python of the environment"):
        installed.train(installed.of("current"), read.current.train, {}, None, "it")


@pytest.mark.slow
def test_the_predict_command_is_asked_in_each_environment(case: Callable[..., Path], wheels: Path) -> None:
    script = """
import sys, joblib, pandas as pd
model, data, out = sys.argv[1:]
frame = pd.read_parquet(data)
pd.DataFrame({"prediction": joblib.load(model).predict(frame[list("abcd")])}).to_parquet(out)
"""
    run = '[run]\npredict = "python ask.py {model} {data} {predictions}"\n'
    told = searched(case(WAS, NOW, run=run, files={"ask.py": script}), wheels)
    assert told.places == {"environment.featurekit"}


def test_two_machines_that_answer_the_same_requests(case: Callable[..., Path], wheels: Path) -> None:
    folder = case(WAS, NOW)
    rows = pd.read_parquet(folder / "current" / "validation.parquet").assign(id=range(900))
    for side, fold in (("reference", False), ("current", True)):
        (folder / side / "validation.parquet").unlink()
        chance = rows.a + rows.b - 0.3 * rows.c
        answers = ((chance.abs() if fold else chance) > 0).astype(int)
        rows.assign(prediction=answers).to_parquet(folder / side / "serving.parquet")
    toml = folder / "case.toml"
    toml.write_text(toml.read_text().replace('"upgrade"', '"deployment"\nkey = "id"'))
    told = searched(folder, wheels)
    assert told.places == {"environment.featurekit"}
    assert "asked for the same rows" in told.findings[0].statement


def test_two_upgrades_that_do_it_together(case: Callable[..., Path], wheels: Path) -> None:
    begin = "import otherkit"
    for version, body in (("1.4.0", PLAIN), ("2.0.0", f"{FOLDED} if otherkit.VERSION == '2.0' else {PLAIN}")):
        wheel(wheels, "featurekit", version, feature(body, begin))
    told = searched(case(WAS, NOW), wheels)
    assert told.places == {"environment.featurekit", "environment.otherkit"}
    assert all("only together" in found.statement for found in told.findings)


def test_a_mix_that_cannot_be_installed_is_said_to_be_untested(case: Callable[..., Path], wheels: Path) -> None:
    wheel(wheels, "featurekit", "2.0.0", feature(FOLDED), ["otherkit>=2"])
    told = searched(case(WAS, NOW), wheels)
    assert told.places == {"environment.featurekit"}
    (found,) = told.findings
    assert "could not be tested" in found.statement
    assert all("featurekit" in mix["upgraded"] and "otherkit" not in mix["upgraded"] for mix in found.figures["untested"])
    assert any("could not be tested (environment: it cannot be installed" in said for said in told.steps)


def test_a_mix_in_which_the_artifact_fails_is_no_result(case: Callable[..., Path], wheels: Path) -> None:
    begin = "import otherkit\nif otherkit.VERSION != '2.0':\n    raise ImportError('otherkit 2 is needed')"
    wheel(wheels, "featurekit", "2.0.0", feature(FOLDED, begin))
    (found,) = searched(case(WAS, NOW), wheels).findings
    assert found.place == "environment.featurekit"
    assert any("otherkit 2 is needed" in mix["reason"] for mix in found.figures["untested"])


def test_environments_that_make_no_difference_are_not_accused(case: Callable[..., Path], wheels: Path) -> None:
    told = searched(case(WAS, NOW.replace("featurekit==2.0.0", "featurekit==1.4.0")), wheels)
    assert not told.findings


def test_a_version_that_is_not_to_be_had_is_no_result(case: Callable[..., Path], wheels: Path) -> None:
    found = concluded(case(WAS, NOW.replace("otherkit==2.0", "otherkit==7.7")), wheels)
    assert not found.causes
    (said,) = [a for a in found.assumptions if "could not be tested" in a]
    assert "otherkit==7.7" in said and "current.environment" in said


def test_an_artifact_that_does_not_run_in_its_own_environment_is_no_result(case: Callable[..., Path], wheels: Path) -> None:
    with pytest.raises(InstallError, match="'featurekit'"):
        searched(case("borrowed==1.0 otherkit==1.0", "borrowed==1.0 otherkit==2.0"), wheels)


def test_a_folder_of_wheels_that_is_not_there_is_an_error(case: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="--wheels"):
        concluded(case(WAS, NOW), tmp_path / "nowhere")


def test_without_network_an_index_is_no_result(case: Callable[..., Path]) -> None:
    read = ruleout.read_case(case(WAS, NOW), trust=True)
    with pytest.raises(InstallError, match=r"reference\.environment: it cannot be installed"):
        Installations(read).prepare()
