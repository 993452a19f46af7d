"""Code, packages and casts that act through the tables: the columns that they made are named, and others are not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from retrained import population, table

from ruleout.case.case import Case, Environment, Side
from ruleout.case.code import Code as Sources
from ruleout.causes.casts import CASTS, cast_columns, cast_reference
from ruleout.causes.functions import columns_assigned, columns_changed
from ruleout.causes.moved import moved_columns, tells_otherwise
from ruleout.causes.pipeline.code import Code
from ruleout.causes.pipeline.dependency import Dependency
from ruleout.causes.pipeline.numerics import Numerics
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem

MADE = """
def made(frame):
    turn = frame.pop("hour") / 24 * {turn}
    frame["sine"], frame["cosine"] = np.sin(turn), np.cos(turn)
    return frame
"""


def flights() -> pd.DataFrame:
    frame, _, _ = population("flights")
    frame = frame.sample(4_000, random_state=0).reset_index(drop=True)
    return frame[["temp", "humid", "wind_speed", "pressure", "distance", "sched_dep_time", "late"]]


def problem(was: list[pd.DataFrame], now: list[pd.DataFrame], **kept: tuple[object, object]) -> Problem:
    """A fall after a retraining whose sides hold two tables each, and more where it is given for both."""
    sides = [
        Side(
            train=table(frames[0], "train"),
            validation=table(frames[1], "validation"),
            **{name: values[k] for name, values in kept.items()},  # type: ignore[arg-type]  # fields of a side
        )
        for k, frames in enumerate((was, now))
    ]
    case = Case(reference=sides[0], current=sides[1], target="late", task="classification", metric="accuracy", changed="retraining")
    return Problem(case, Laboratory(case), "degradation", "it fell", harm=0.1)


def quarters(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [frame.iloc[k * 1_000 : (k + 1) * 1_000].reset_index(drop=True) for k in range(4)]


def turned(frames: list[pd.DataFrame], full: float) -> list[pd.DataFrame]:
    angle = [f["sched_dep_time"] // 100 / 24 * full for f in frames]
    return [f.assign(sine=np.sin(a), cosine=np.cos(a)) for f, a in zip(frames, angle, strict=True)]


def test_columns_assigned_together_are_told_apart() -> None:
    was, now = (MADE.format(turn=t) for t in ("2 * np.pi", "360"))
    assert columns_assigned({"f.py": was}) == ["cosine", "sine"]
    assert columns_changed({"f.py": was}, {"f.py": now}) == ["cosine", "sine"]
    other = was.replace("np.cos(turn)", "np.cos(turn) / 2")
    assert columns_changed({"f.py": was}, {"f.py": other}) == ["cosine"]
    both = 'def f(frame):\n    frame[["a", "b"]] = frame[["c", "d"]] * 2\n'
    assert columns_assigned({"f.py": both}) == ["a", "b"]


def test_columns_that_changed_code_made_and_that_moved_are_the_place() -> None:
    parts = quarters(flights())
    code = tuple(Sources({"features.py": MADE.format(turn=t)}) for t in ("2 * np.pi", "360"))
    given = problem(turned(parts[:2], 2 * np.pi), turned(parts[2:], 360.0), code=code)
    findings = Code().suspect(given).findings
    assert {f.place for f in findings} == {"sine", "cosine", "code.features.py"}
    assert findings[0].evidence > 3
    assert Code().put_right(given.case, findings[0]) is None


def test_changed_code_whose_columns_did_not_move_is_charged_as_before() -> None:
    parts = quarters(flights())
    code = tuple(Sources({"features.py": MADE.format(turn=t)}) for t in ("2 * np.pi", "np.pi * 2"))
    findings = Code().suspect(problem(turned(parts[:2], 6.2832), turned(parts[2:], 6.2832), code=code)).findings
    assert all("made" not in f.repair for f in findings)


def test_other_code_of_validation_is_told_by_the_table_that_moved() -> None:
    frame = flights()
    parts = quarters(frame)
    numbers = [c for c in frame if c != "late"]
    broken = parts[3].assign(**{c: parts[3][c] ** 2 for c in numbers})
    code = (Sources({"f.py": "def f(x):\n    return x"}), Sources({"f.py": "def f(x):\n    return x ** 2"}))
    findings = Code().suspect(problem(parts[:2], [parts[2], broken], code=code)).findings
    assert {f.component for f in findings} == {"validation"}
    assert "validation.distance" in {f.place for f in findings}


PREPARE = """
import pandas as pd
frame["second"] = pd.to_datetime(frame["at"]).astype("int64") // 10**9 % 86400
"""


@pytest.mark.parametrize(("version", "seen"), [("3.1.0", True), ("2.3.0", False)])
def test_columns_of_unchanged_code_that_moved_charge_the_major_release_that_it_leans_on(version: str, seen: bool) -> None:
    parts = [f.assign(second=f["sched_dep_time"] // 100 * 3600.0) for f in quarters(flights())]
    now = [f.assign(second=f["second"] // 1000) for f in parts[2:]]
    environments = (
        Environment({"pandas": "2.2.3", "scipy": "1.11.0", "numpy": "2.1.0"}),
        Environment({"pandas": version, "scipy": "2.0.0", "numpy": "2.1.0"}),
    )
    code = (Sources({"prepare.py": PREPARE}), Sources({"prepare.py": PREPARE}))
    findings = Dependency().suspect(problem(parts[:2], now, environment=environments, code=code)).findings
    named = [f.place for f in findings if f.evidence > 3]
    assert named == (["environment.pandas", "second"] if seen else [])


def years(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    stamp = 200_000 + np.random.default_rng(seed).integers(0, 9_000, len(frame)) + 0.25
    return frame.assign(stamp=stamp, ink=frame["sched_dep_time"] // 100 * 20.0)


def cast(frames: list[pd.DataFrame], columns: Mapping[str, str]) -> list[pd.DataFrame]:
    return [f.assign(**{c: CASTS[words](f[c].to_numpy(float)) for c, words in columns.items()}) for f in frames]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("stamp", "cast to bfloat16"),
        ("stamp", "cast to float16"),
        ("ink", "cut and packed into uint8"),
        ("pressure", "cast to bfloat16"),
    ],
)
def test_a_column_in_fewer_bits_is_known_by_its_grid_and_measured_on_the_reference(column: str, words: str) -> None:
    parts = [years(f, k) for k, f in enumerate(quarters(flights()))]
    given = problem(parts[:2], cast(parts[2:], {column: words}))
    look = Numerics().suspect(given)
    assert {f.place for f in look.findings} == {f"train.{column}", f"validation.{column}"}
    case = Numerics().put_right(given.case, look.findings[0])
    assert case is not None and case.current is given.case.current and case.reference is not None
    name = look.findings[0].repair["casts"][0][0]
    made = case.reference.table(name)
    assert made is not None
    assert set(made.numbers(column)) == set(
        CASTS[look.findings[0].repair["casts"][0][2]](parts[0 if name == "train" else 1][column].to_numpy(float))
    )


def test_rounded_drifted_and_integer_columns_went_through_no_cast() -> None:
    parts = [years(f, k) for k, f in enumerate(quarters(flights()))]
    now = [
        f.assign(temp=f["temp"].round(), humid=f["humid"] * 1.3, stamp=f["stamp"] + 20_000, distance=f["distance"] // 2) for f in parts[2:]
    ]
    assert cast_columns(problem(parts[:2], now).case) == ()
    assert cast_columns(problem(parts[:2], parts[2:]).case) == ()
    assert cast_reference(problem(parts[:2], parts[2:]).case, [("train", "late", "cast to float16")]) is None


def test_numbers_that_wrap_around_under_a_new_numpy_are_the_package_s() -> None:
    parts = [years(f, k) for k, f in enumerate(quarters(flights()))]
    now = [parts[2], *cast(parts[3:], {"ink": "cut and packed into uint8"})]
    environments = (Environment({"numpy": "1.26.4"}), Environment({"numpy": "2.3.1"}))
    code = (Sources({"ink.py": "def ink(cell):\n    '''cell: numpy uint8'''\n    return int(cell * 20)\n"}),) * 2
    given = problem(parts[:2], now, environment=environments, code=code)
    findings = Dependency().suspect(given).findings
    assert [f.place for f in findings] == ["environment.numpy", "validation.ink"]
    assert {f.component for f in findings} == {"validation"}
    mended = Dependency().put_right(given.case, findings[0])
    assert mended is not None and mended.reference is not None and mended.reference.validation is not None
    assert mended.reference.validation.numbers("ink").max() < 256


def test_samples_of_one_population_do_not_move() -> None:
    parts = quarters(flights())
    assert moved_columns(problem(parts[:2], parts[2:]).case) == ()


def test_a_column_that_tells_of_the_target_otherwise_is_named_although_it_is_distributed_as_before() -> None:
    frame, _, _ = population("flights")
    frame = frame.sort_values(["month", "sched_dep_time"], kind="stable").iloc[:12_000].sample(4_000, random_state=1)
    frame = frame[["temp", "humid", "wind_speed", "dep_delay", "late"]]
    parts = quarters(frame.assign(before=frame["dep_delay"]))
    late = [p.assign(before=p["dep_delay"].shift(1, fill_value=0.0)) for p in parts]
    lag = 'def lags(frame):\n    frame["before"] = frame["dep_delay"].shift({k})\n    return frame\n'
    code = tuple(Sources({"features.py": lag.format(k=k)}) for k in (0, 1))
    given = problem(parts[:2], late[2:], code=code)
    assert [m.column for m in tells_otherwise(given.case)] == ["before"]
    finding = Code().suspect(given).findings[0]
    assert finding.place == "before" and "rank correlation" in finding.statement and finding.evidence > 3
    assert tells_otherwise(problem(parts[:2], parts[2:]).case) == ()
