"""An artifact that its rows and settings do not give was made by something else: the code, or the packages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from retrained import population, table

from ruleout.case.case import Case, Environment, Side
from ruleout.case.code import Code as Sources
from ruleout.causes.making import beyond_its_recipe, short_of_its_recipe
from ruleout.causes.pipeline.code import Code
from ruleout.causes.pipeline.dependency import Dependency
from ruleout.causes.pipeline.scaling import Scaling
from ruleout.conclusion import investigate
from ruleout.models.artifact import Artifact
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem

NUMBERS = ["carat", "depth", "table"]


def sold(n: int = 3_000) -> pd.DataFrame:
    frame, _, _ = population("diamonds")
    frame = frame.sample(n, random_state=3).reset_index(drop=True)[[*NUMBERS, "price"]].astype(float)
    unknown = np.random.default_rng(0).random((n, 2)) < 0.15
    return frame.assign(**{c: frame[c].mask(unknown[:, k], -9_999.0) for k, c in enumerate(["carat", "table"])})


def trained(frame: pd.DataFrame, path: Path, *, cleaned: bool) -> Artifact:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = frame.replace(-9_999.0, np.nan) if cleaned else frame
    joblib.dump(make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Ridge()).fit(rows[NUMBERS], rows["price"]), path)
    return Artifact(path=path, trusted=True)


def sides(tmp_path: Path, cleaned: tuple[bool, bool], versions: tuple[str, str]) -> Case:
    """The same rows on both sides; what `-9999` means was known to the program of some."""
    frame = sold()
    held = []
    for k, name in enumerate(("reference", "current")):
        held.append(
            Side(
                train=table(frame[:2_000], "train"),
                validation=table(frame[2_000:].replace(-9_999.0, np.nan), "validation"),
                model=trained(frame[:2_000], tmp_path / f"{name}.joblib", cleaned=cleaned[k]),
                environment=Environment({"pandas": versions[k], "numpy": "2.1.0"}),
            )
        )
    return Case(reference=held[0], current=held[1], target="price", task="regression", metric="r2", changed="retraining", trusted=True)


def stated(case: Case) -> Problem:
    return Problem(case, Laboratory(case), "degradation", "it fell", harm=0.1)


def with_code(case: Case, was: str, now: str) -> Case:
    from dataclasses import replace

    assert case.reference is not None
    coded: Mapping[str, Side] = {
        "reference": replace(case.reference, code=Sources({"train.py": was})),
        "current": replace(case.current, code=Sources({"train.py": now})),
    }
    return replace(case, reference=coded["reference"], current=coded["current"])


def test_what_the_reference_had_beyond_its_recipe_is_measured(tmp_path: Path) -> None:
    fallen = stated(sides(tmp_path, (True, False), ("2.2.3", "3.1.1")))
    more = beyond_its_recipe(fallen)
    assert more is not None and more.value > 0.05
    assert short_of_its_recipe(fallen) is None
    same = stated(sides(tmp_path, (False, False), ("2.2.3", "3.1.1")))
    assert beyond_its_recipe(same) is None and short_of_its_recipe(same) is None


def test_with_rows_settings_and_code_the_same_the_packages_made_it(tmp_path: Path) -> None:
    case = sides(tmp_path, (True, False), ("2.2.3", "3.1.1"))
    finding = Dependency().suspect(stated(case)).findings[0]
    assert finding.place == "environment.pandas" and finding.evidence > 2.5
    assert "the reference's artifact is worse" in finding.statement
    found = investigate(case)
    assert [c.cause for c in found.causes] == ["pipeline.dependency"]
    assert found.causes[0].share is not None and found.causes[0].share > 0.9


def test_changed_code_is_put_right_by_the_artifact_that_cannot_be_given_again(tmp_path: Path) -> None:
    case = with_code(
        sides(tmp_path, (True, False), ("2.2.3", "2.2.3")),
        "def clean(frame):\n    return frame.replace(-9999, None)\n",
        "def clean(frame):\n    return frame\n",
    )
    finding = Code().suspect(stated(case)).findings[0]
    right = Code().put_right(case, finding)
    assert right is not None and case.reference is not None and right.current.model is case.reference.model
    assert [c.cause for c in investigate(case).causes] == ["pipeline.code"]


def test_the_packages_go_before_the_scaling_that_they_spoiled(tmp_path: Path) -> None:
    assert "pipeline.dependency" in Scaling.gives_way_to
    minor = Dependency().suspect(stated(sides(tmp_path, (True, False), ("2.2.3", "2.3.0")))).findings[0]
    major = Dependency().suspect(stated(sides(tmp_path, (True, False), ("2.2.3", "3.1.1")))).findings[0]
    assert major.evidence > minor.evidence + 2
