"""What a healthy side looks like to a guard: the reference, and the log that its artifact would have written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.case.case import Side
from ruleout.errors import RuleoutError
from ruleout.models.model import Model
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.replay import positive_score
from ruleout.tables.table import Table

__all__ = ["healthy_side"]


def healthy_side(laboratory: Laboratory) -> Side | None:
    """The reference with a serving log: its own, else its validation (else training) rows with the answers that its artifact gives them.

    Without an artifact that opens the rows stand there without answers; None where there is no reference.
    """
    side = laboratory.case.reference
    if side is None or side.serving is not None:
        return side
    served = side.as_served()
    model, rows = laboratory.model("reference"), served.serving
    if model is None or rows is None or not rows.n_rows:
        return served
    try:
        return replace(served, serving=_answered(laboratory, model, rows))
    except RuleoutError:
        return served


def _answered(laboratory: Laboratory, model: Model, rows: Table) -> Table:
    answer = laboratory.predict(model, rows)
    log = rows.named("serving").with_column("prediction", np.asarray(answer.prediction))
    score = None if laboratory.case.task == "regression" else positive_score(laboratory.case, answer)
    return log if score is None else log.with_column("score", score)
