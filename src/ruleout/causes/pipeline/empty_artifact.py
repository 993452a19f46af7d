"""The page on artifacts that hold nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.stages import failed_stage
from ruleout.errors import RuleoutError
from ruleout.guards.guard import Guard
from ruleout.models.model import Prediction
from ruleout.problem.problem import Problem

__all__ = ["EmptyArtifact"]

NOTHING = re.compile(r"is empty|0 bytes|no such file|holds (nothing|none|an empty)|git lfs", re.IGNORECASE)
PLACEHOLDERS = ("DummyClassifier", "DummyRegressor")


class EmptyArtifact(Cause):
    """The artifact is there and holds nothing: no bytes, no fitted state, no trees, no coefficients.

    What goes wrong
    ---------------
    The pipeline published a file, and nobody looked into it.

    Why it happens
    --------------
    Training had no rows, a fit failed inside a `try`, the file was opened for writing and the job died, an unfitted pipeline was saved,
    a pointer was copied in place of the file.

    What you see
    ------------
    All jobs are green; the artifact does not open, cannot predict, or answers the same for every row.

    How it is tested
    ----------------
    The file is opened in a child process. No bytes, an empty object, an estimator that was never fitted, no tree, no coefficient: 3.9.
    One answer for every row of a table whose labels differ, where the reference's artifact gives more than one: 2.6.

    What would rule it out
    ----------------------
    An artifact that opens, holds fitted state and gives different answers for different rows.

    How it is fixed
    ---------------
    Mend what kept training from its rows, train again, and load the artifact back before it is published.

    How it stays fixed
    ------------------
    A gate before export: the artifact is loaded from where it was written, and scores a few known rows.

    Told apart from
    ---------------
    Missing input that is the origin comes first (data.missing-partition). A full artifact that is not the one meant is
    model.checkpoint; one that is full and cannot be read is pipeline.serialization; one class because of imbalance is
    model.class-imbalance.

    References
    ----------
    Breck et al. (2017), The ML test score, IEEE Big Data, tests of infrastructure. Baylor et al. (2017), TFX, KDD.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("current.model",),)
    cost: ClassVar[float] = 0.1
    follows: ClassVar[tuple[str, ...]] = (
        "data.missing-partition",
        "data.schema-mismatch",
        "data.missing-values",
        "data.stale",
        "pipeline.dependency",
    )

    def suspect(self, problem: Problem) -> Look:
        """Open the artifact and ask whether there is anything in it."""
        held = problem.case.current.model
        opened = problem.laboratory.model("current")
        reason = getattr(problem.laboratory, "reasons", {}).get("current", "")
        if held is None or (opened is None and not NOTHING.search(reason)):
            return Look((), 0.5, "model: the artifact is not empty as far as can be seen, n = 1 artifact.", ("model",))
        failed = failed_stage(problem.case)
        further = f" {failed.statement}" if failed is not None else ""
        if opened is None:
            return Look((_finding(3.9, reason.rstrip(".").split(": ", 1)[-1], further, "unreadable"),), 0.98, covers=("model",))
        told = opened.describe()
        if told.empty:
            return Look((_finding(3.9, told.empty, further, "unfitted"),), 0.98, covers=("model",))
        if told.estimator in PLACEHOLDERS:
            return Look(
                (_finding(3.4, f"a {told.estimator}, which learns nothing from features", further, "placeholder"),), 0.98, covers=("model",)
            )
        constant = _constant(problem)
        if constant:
            return Look((_finding(2.6, constant, further, "constant"),), 0.9, covers=("model",))
        return Look((), 0.97, "model: the artifact opens and holds fitted state, n = 1 artifact.", ("model",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The reference's artifact in its place, as one would roll back; without one it is fitted again on its own rows."""
        if case.reference is not None and case.reference.model is not None:
            return case.with_side("current", replace(case.current, model=case.reference.model))
        if case.current.train is None or case.current.train.n_rows == 0:
            return None
        return case.with_side("current", replace(case.current, model=None))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The artifact does not give one answer for all rows."""
        if problem.case.current.validation is None or finding.figures.get("kind") not in ("constant", "placeholder"):
            return None
        given = {"table": "validation", "max_share": 0.999}
        return Guard(self.id(), "model", "model_answers", "model", given, "The artifact gives one answer for every row.")


def _finding(evidence: float, what: str, further: str, kind: str) -> Finding:
    said = f"model: {what}, expected a fitted model, n = 1 artifact.{further}"
    return Finding("model", "model", evidence, said, {"kind": kind}, specificity=0.6)


def _constant(problem: Problem) -> str:
    """What says that the artifact gives one answer, and one score, for every row; "" where it does not."""
    laboratory, case = problem.laboratory, problem.case
    opened, table = laboratory.model("current"), case.current.validation or case.current.train
    if opened is None or table is None or table.n_rows < 20:
        return ""
    try:
        if not _one(laboratory.predict(opened, table)):
            return ""
        first = laboratory.model("reference")
        if first is not None and _one(laboratory.predict(first, table)):
            return ""
    except RuleoutError:
        return ""
    return f"one answer and one score for all n = {table.n_rows:,} rows"


def _one(answer: Prediction) -> bool:
    if len({str(v) for v in np.asarray(answer.prediction).tolist()}) > 1:
        return False
    score = answer.score
    if score is None:
        return np.asarray(answer.prediction).dtype.kind == "f"
    return bool(np.ptp(np.asarray(score, dtype=float), axis=0).max() < 1e-12)
