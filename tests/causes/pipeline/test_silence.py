"""Pipelines that fail without an error: run logs, metrics that are no numbers, artifacts that hold nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ruleout.case.case import Case, Side
from ruleout.causes.data.missing_partition import MissingPartition
from ruleout.causes.data.stale import Stale
from ruleout.causes.pipeline.empty_artifact import EmptyArtifact
from ruleout.causes.pipeline.serialization import Serialization
from ruleout.causes.pipeline.silent_metrics import SilentMetrics
from ruleout.causes.stages import emptied_stage, emptied_tables, failed_stage, stages_of, stale_stage
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, labelled, problem


def log(n: int = 1000, day: int = 14, **changed: dict[str, Any]) -> list[dict[str, Any]]:
    names = {"extract": n + 50, "clean": n, "join": n, "train": n * 7 // 10, "publish": 1}
    return [
        {
            "stage": s,
            "rows_in": k,
            "rows_out": k,
            "status": "ok",
            "started": f"2026-03-{day}T02:0{i}:00",
            "message": "done",
            **changed.get(s, {}),
        }
        for i, (s, k) in enumerate(names.items())
    ]


@pytest.mark.parametrize("n", [860, 1000, 1150])
def test_a_green_log_of_another_size_is_silent(n: int) -> None:
    case = Case(Side(runlog=log(n, 15)), Side(runlog=log()))
    assert emptied_stage(case) is None and stale_stage(case) is None and failed_stage(case) is None


def test_the_first_stage_without_rows_is_named() -> None:
    gone = {"rows_out": 0}
    current = Side(runlog=log(1000, 15, join=gone, train={"rows_in": 0, "rows_out": 0}))
    for reference in (Side(runlog=log()), None):
        look = MissingPartition().suspect(problem(reference, current))
        assert look.findings[0].place == "runlog.join"
        assert look.findings[0].evidence > 3


def test_a_stage_that_passes_no_rows_on_is_not_where_rows_vanish() -> None:
    left_out = log(1000, 15, train={"rows_out": 0, "message": "skipped"})
    assert emptied_stage(Case(Side(runlog=left_out), Side(runlog=log()))) is None
    assert not MissingPartition().suspect(problem(Side(runlog=log()), Side(runlog=left_out))).findings


def test_a_stage_that_takes_old_data_is_stale() -> None:
    told = Case(Side(runlog=log(1000, 15, extract={"message": "partition late, using yesterday's"})), Side(runlog=log()))
    began = Case(Side(runlog=log(1000, 15, extract={"started": "2026-03-13T02:00:00"})), Side(runlog=log()))
    for case in (told, began):
        found = stale_stage(case)
        assert found is not None and found.place == "runlog.extract"
    look = Stale().suspect(problem(told.reference, told.current))
    assert look.findings and look.findings[0].place == "runlog.extract"


def test_a_stage_that_did_not_run_and_one_that_failed_are_named() -> None:
    absent = Case(Side(runlog=log()[:-1]), Side(runlog=log()))
    failed = Case(Side(runlog=log(1000, 15, train={"message": "fit raised ValueError: error swallowed"})), Side(runlog=log()))
    assert [f.place for f in (failed_stage(absent), failed_stage(failed)) if f] == ["runlog.publish", "runlog.train"]


def test_a_log_with_holes_is_read() -> None:
    (stage,) = stages_of([{"name": "join", "rows_out": "many", "started": 3.5}])
    assert (stage.name, stage.rows_in, stage.rows_out) == ("join", None, None)


def test_a_table_without_rows_is_a_part_that_is_absent() -> None:
    full = labelled("validation")
    case = Case(Side(validation=full.take(np.array([], dtype=int))), Side(validation=full), target="y")
    assert [f.place for f in emptied_tables(case)] == ["validation", "validation.y"]
    assert not emptied_tables(Case(Side(validation=full), Side(validation=full), target="y"))


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "nan"])
def test_a_metric_that_is_no_number_is_told_and_guarded(value: Any) -> None:
    given = problem(Side(metrics={"accuracy": 0.9}), Side(metrics={"accuracy": value}))
    look = SilentMetrics().suspect(given)
    assert look.findings[0].place == "metrics.accuracy"
    guard = SilentMetrics().guard(given, look.findings[0])
    assert guard is not None and given.case.reference is not None
    assert check(guard, given.case.reference).green and not check(guard, given.case.current).green


def test_metrics_that_are_numbers_are_silent_and_absent_ones_are_not() -> None:
    assert not SilentMetrics().suspect(problem(Side(metrics={"accuracy": 0.9}), Side(metrics={"accuracy": 0.2}))).findings
    assert SilentMetrics().suspect(problem(Side(metrics={"accuracy": 0.9}), Side(metrics={"rows": 10}))).findings


class Closed(Laboratory):
    """A laboratory whose current artifact does not open, for the reason given."""

    def __init__(self, reason: str) -> None:
        super().__init__({"reference": Model()})
        self.reasons = {"current": reason}


@pytest.mark.parametrize(
    ("reason", "page"),
    [
        ("m.joblib: the artifact is empty (0 bytes); look for where the training writes it.", "EmptyArtifact"),
        ("m.joblib: the artifact needs the package 'oldlib', which is not installed here.", "Serialization"),
        ("m.joblib: it does not load: EOFError: ran out of input", "Serialization"),
        ("m.joblib: it does not load: ValueError: unsupported pickle protocol: 9", "Serialization"),
    ],
)
def test_the_reason_why_it_does_not_open_tells_nothing_from_unreadable(reason: str, page: str) -> None:
    given = problem(Side(model=artifact()), Side(model=artifact()), laboratory=Closed(reason))
    speaking = [type(p).__name__ for p in (EmptyArtifact(), Serialization()) if p.suspect(given).findings]
    assert speaking == [page]


def test_an_artifact_that_was_never_fitted_is_rolled_back() -> None:
    models = {"reference": Model(), "current": Model(Description("given", "Pipeline", empty="it was never fitted"))}
    given = problem(Side(model=artifact()), Side(model=artifact()), laboratory=Laboratory(models))
    (finding,) = EmptyArtifact().suspect(given).findings
    right = EmptyArtifact().put_right(given.case, finding)
    assert right is not None and given.case.reference is not None and right.current.model is given.case.reference.model


def test_full_artifacts_are_silent() -> None:
    answers = {s: Model(answers=lambda t: t.values("y")) for s in ("reference", "current")}
    sides = [Side(validation=labelled("validation", seed=k), model=artifact()) for k in range(2)]
    given = problem(*sides, laboratory=Laboratory(answers))
    assert not EmptyArtifact().suspect(given).findings and not Serialization().suspect(given).findings
