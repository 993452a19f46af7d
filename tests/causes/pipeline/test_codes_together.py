"""Levels of several columns that were read as others at once are told, although each column alone leads away from the log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ruleout.causes.answers import answers_of
from ruleout.causes.codes_together import read_together
from ruleout.causes.pipeline.encoding import Encoding
from ruleout.faults import as_case, fault, healthy_system
from ruleout.problem.problem import Problem
from ruleout.problem.state import state_problem


def problem_of(name: str, variant: str, estimator: str) -> tuple[Problem, tuple[str, ...]]:
    made = fault(name).inject(healthy_system("diamonds", estimator, 3, 1500), np.random.default_rng(1), "large", variant=variant)
    return state_problem(replace(as_case(made), trusted=True), seed=0), tuple(made.truth.parameters.get("columns", ()))


@pytest.mark.parametrize("estimator", ["linear", "forest"])
def test_three_columns_in_random_orders_are_told(estimator: str) -> None:
    problem, columns = problem_of("pipeline.encoding@serving", "shuffled", estimator)
    assert len(columns) == 3
    look = Encoding().suspect(problem)
    assert {f.place for f in look.findings} >= {f"serving.{c}" for c in columns}


@pytest.mark.parametrize("seed", [4, 7])
def test_where_only_classes_were_logged_every_level_finds_its_place(seed: int) -> None:
    system = healthy_system("rodents", "mlp", seed, 2000)
    made = fault("pipeline.encoding@serving").inject(system, np.random.default_rng(seed), "medium", variant="shuffled")
    look = Encoding().suspect(state_problem(replace(as_case(made), trusted=True), seed=0))
    assert {f.place for f in look.findings} >= {f"serving.{c}" for c in made.truth.parameters["columns"]}
    assert look.findings[0].evidence > 3.0


def test_an_additive_model_gives_the_readings_at_the_first_go() -> None:
    problem, _ = problem_of("pipeline.encoding@serving", "shuffled", "linear")
    answers = answers_of(problem)
    assert answers is not None
    lists = {str(c): [str(v) for v in known] for c, known in answers.description.fitted["categories"].items()}
    table = answers.trial
    before = answers.told(table)
    for column, read in read_together(answers, lists).items():
        assert sorted(read) == sorted(read.values()), f"{column}: levels are read one for one"
        values = [read.get(v, v) for v in table.texts(column).tolist()]
        table = table.with_column(column, pa.array(values))
    after = answers.told(table)
    assert before is not None and after is not None
    assert after.rate > 0.9 > before.rate


def test_a_log_that_follows_has_no_other_readings() -> None:
    problem, _ = problem_of("healthy.another-log", "plain", "linear")
    answers = answers_of(problem)
    assert answers is not None
    lists = {str(c): [str(v) for v in known] for c, known in answers.description.fitted["categories"].items()}
    assert read_together(answers, lists) == {}
