"""Made-up conclusions, as an investigation would leave them: nothing here is computed."""

# ruff: noqa: E501 - made-up prose is easier to judge unbroken
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.case.case import Case, Environment, Side
from ruleout.conclusion.conclusion import CauseFound, Conclusion, Next
from ruleout.examination.examination import Confirmed, Event, Examination, Hypothesis, Step
from ruleout.guards.guard import Guard
from ruleout.models.artifact import Artifact
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

PRIORS = {
    "data.concept-drift": 0.06, "data.drift": 0.08, "data.duplicates": 0.03, "data.label-errors": 0.14, "data.label-shift": 0.04,
    "data.missing-partition": 0.05, "data.missing-values": 0.10, "data.new-categories": 0.05, "data.outliers": 0.03, "data.overlap": 0.02,
    "data.row-misalignment": 0.05, "data.schema-mismatch": 0.03, "data.stale": 0.03, "data.unit-change": 0.10,
    "model.checkpoint": 0.04, "model.class-imbalance": 0.02, "model.hyperparameter": 0.08, "model.learning-rate": 0.04,
    "model.overfitting": 0.04, "model.regularization": 0.06, "model.seed-variance": 0.08, "model.underfitting": 0.03,
    "pipeline.code": 0.04, "pipeline.dependency": 0.07, "pipeline.encoding": 0.05, "pipeline.metric": 0.07, "pipeline.scaling": 0.06,
}  # fmt: skip

QUIET = {
    "pipeline.dependency": "environment: all 41 packages have the same version on both sides.",
    "data.schema-mismatch": "train: the same 14 columns of the same types on both sides.",
    "data.unit-change": "no numeric column is a multiple of its reference: all 9 slopes lie in 0.98 to 1.03 (n = 12,000).",
    "data.missing-values": "no column has more nulls than before: the largest rise is 0.3 points, in emp_length (n = 12,000).",
    "data.new-categories": "no category is new in 5 columns (n = 12,000).",
    "data.drift": "the largest distance is KS 0.021 in dti, below the floor of 0.10 (n = 12,000).",
    "data.duplicates": "0.1 % of the rows are repeated, 0.1 % before (n = 12,000).",
    "data.overlap": "3 of 4,000 validation rows are also in training.",
    "pipeline.metric": "the reported accuracy is reproduced on both sides to within 0.001 (n = 4,000).",
    "model.checkpoint": "the artifact answers like a refit on its own rows: they agree on 98.9 % (n = 4,000).",
}


def table(name: str, n: int = 4000, columns: int = 14) -> Table:
    return Table(pa.table({f"column_{i}": np.zeros(n) for i in range(columns)}), name=name)


def case(**changes: Any) -> Case:
    side = Side(
        train=table("train", 12_000),
        validation=table("validation"),
        model=Artifact(),
        config={"C": 1.0, "max_iter": 200},
        metrics={"accuracy": 0.88},
        environment=Environment(packages={f"package-{i}": "1.0" for i in range(41)}),
    )
    made = Case(
        current=replace(side, environment=None),
        reference=side,
        title="Loan default, March retraining",
        symptom="validation accuracy fell from 0.88 to 0.65 after retraining",
        changed="retraining",
        task="classification",
        target="defaulted",
        metric="accuracy",
        assumptions=(
            "The metric is accuracy: nobody named one, and the target has two classes.",
            "Rows are independent: no entity column is named.",
        ),
        trusted=True,
    )
    return replace(made, **changes)


def problem(**changes: Any) -> Problem:
    made = case()
    stated = Problem(
        case=made,
        laboratory=Laboratory(made),
        kind="degradation",
        statement="Accuracy on validation fell from 0.880 to 0.650 (n = 4,000, the same rows on both sides); seeds alone move it by 0.004. The pipeline runs: this is about quality.",
        metric="accuracy",
        reference=0.88,
        current=0.65,
        change=-0.23,
        interval=(-0.25, -0.21),
        significant=True,
        harm=0.23,
        noise=0.008,
    )
    return replace(stated, **changes)


def buckets(beliefs: dict[str, float]) -> dict[str, float]:
    total = sum(beliefs.values())
    return {b: sum(p for c, p in beliefs.items() if c.startswith(b)) / total for b in ("data", "model", "pipeline")}


def walk(culprits: dict[str, tuple[str, ...]], *, interventions: bool = True) -> tuple[tuple[Step, ...], dict[str, float]]:
    """The steps of an investigation that clears QUIET and charges the culprits, and the beliefs at its end."""
    beliefs = dict(PRIORS)
    steps: list[Step] = []
    for cause, finding in QUIET.items():
        if cause in culprits:
            continue
        beliefs[cause] *= 0.1
        steps.append(
            Step(
                len(steps) + 1,
                cause,
                "check",
                f"I check {cause}.",
                "Compare the sides.",
                finding,
                "Ruled out.",
                0.04,
                {"n": 12_000},
                dict(beliefs),
                buckets(beliefs),
            )
        )
    for cause, (place, seen, proof) in culprits.items():
        beliefs[cause] = 0.62
        steps.append(
            Step(len(steps) + 1, cause, "check", f"The labels come next: they are the likeliest part of {place} that is left.", "Ask the healthy model about the new rows.", seen,
                 "That is more than noise; putting it right would settle it.", 0.9, {"rate": np.float64(0.121)}, dict(beliefs), buckets(beliefs))
        )  # fmt: skip
        if interventions:
            beliefs |= {other: p * 0.1 for other, p in beliefs.items() if other not in culprits}
            beliefs[cause] = 0.97
            steps.append(
                Step(len(steps) + 1, cause, "intervention", f"If {place} is at fault, the metric comes back when that alone is put right.",
                     f"Put {place} right, fit the current pipeline again with 3 seeds, and score the same 4,000 rows.", proof,
                     "Confirmed: what is left is within noise, so nothing else needs to be assumed.", 3.4, {"interval": (0.86, np.nan)}, dict(beliefs), buckets(beliefs))
            )  # fmt: skip
    return tuple(steps), beliefs


def hypotheses(
    beliefs: dict[str, float], confirmed: tuple[str, ...] = (), untestable: dict[str, str] | None = None, still_open: tuple[str, ...] = ()
) -> tuple[Hypothesis, ...]:
    out = []
    for cause, prior in PRIORS.items():
        status = (
            "confirmed"
            if cause in confirmed
            else "untestable"
            if cause in (untestable or {})
            else "open"
            if cause in still_open
            else "ruled-out"
        )
        power = 0.0 if status in {"untestable", "open"} else 0.93 if cause == "data.drift" else 0.99
        reason = (untestable or {}).get(cause, "")
        out.append(
            Hypothesis(
                cause,
                cause.partition(".")[0],
                prior,
                beliefs[cause],
                status,
                ("train.defaulted",) if cause in confirmed else (),
                reason,
                power,
            )
        )  # type: ignore[arg-type]
    return tuple(out)


LABELS = (
    "train.defaulted",
    "`train.defaulted`: 12.1 % of the labels differ from what the healthy model says with confidence, 1.4 % in the reference (n = 12,000); expected at most 2.0 %.",
    "accuracy 0.650 becomes 0.866 (95 % 0.855 to 0.877) on the same 4,000 rows; the reference has 0.880.",
)
REGULARIZATION = (
    "config.C",
    "`config.C`: 0.001, was 1.0; nothing else in the configuration moved.",
    "accuracy 0.650 becomes 0.722 (95 % 0.708 to 0.736) on the same 4,000 rows.",
)
UNTESTABLE = {
    "pipeline.code": "neither side gives its code",
    "data.stale": "no time column is named",
    "data.missing-partition": "no time column is named",
}


def cause_found() -> Conclusion:
    steps, beliefs = walk({"data.label-errors": LABELS})
    held = hypotheses(beliefs, ("data.label-errors",), UNTESTABLE)
    found = CauseFound(
        "data.label-errors", ("train.defaulted",), 0.94, (0.89, 0.99), 0.97,
        "12 % of the labels in the new training table are swapped between the two classes.",
        "Take the labels of the 1,452 rows from the source again; the join that adds them was run on the wrong key.",
        "Gate training on the share of labels that the last good model contradicts: red above 3 %.",
    )  # fmt: skip
    return Conclusion(
        Examination(
            problem(),
            held,
            steps,
            (Confirmed("data.label-errors", (), 0.94, (0.89, 0.99), 0.97, restored=0.866),),
            "single",
            0.06,
            "the confirmed cause explains the change to within noise",
        ),
        "cause-found",
        (found,),
        tuple(h.cause for h in held if h.status == "ruled-out"),
        (),
        "The new training table has wrong labels. Putting the labels alone right brings accuracy back from 0.650 to 0.866 of 0.880; data, settings and versions are otherwise as they were.",
        problem().case.assumptions,
        ({"evidence": "current.environment", "why": "a changed package could not be looked for on the current side"},),
        (
            Guard(
                "data.label-errors",
                "train.defaulted",
                "contradicted-labels",
                "train",
                {"at_most": 0.03},
                "train.defaulted: at most 3 % of labels contradicted by the last good model.",
            ),
        ),
        ("guards/data.label-errors.toml",),
        6.2,
    )


def two_causes() -> Conclusion:
    steps, beliefs = walk({"data.label-errors": LABELS, "model.regularization": REGULARIZATION})
    beliefs["data.label-errors"] = 0.97
    held = hypotheses(beliefs, ("data.label-errors", "model.regularization"))
    first = cause_found().causes[0]
    causes = (
        replace(first, share=0.66, interval=(0.61, 0.71)),
        CauseFound(
            "model.regularization", ("config.C",), 0.31, (0.26, 0.36), 0.95, "The regularisation strength C went from 1.0 to 0.001.",
            "Set C back to 1.0.", "Review changes of the training configuration like code.",
        ),
    )  # fmt: skip
    confirmed = tuple(
        Confirmed(c.cause, (), c.share, c.interval, c.probability, restored=r) for c, r in zip(causes, (0.802, 0.722), strict=True)
    )
    return replace(
        cause_found(),
        examination=Examination(
            problem(), held, steps, confirmed, "additive", 0.03, "the confirmed causes explain the change to within noise"
        ),
        causes=causes,
        ruled_out=tuple(h.cause for h in held if h.status == "ruled-out"),
        summary="Two things went wrong at once: wrong labels did about two thirds of the harm, and a thousandfold stronger regularisation the rest.",
        missing=(),
    )


def no_problem() -> Conclusion:
    said = problem(
        kind="none",
        statement="Accuracy on validation is 0.877 after 0.880: a difference of 0.003 (n = 4,000), where seeds alone make 0.008.",
        current=0.877,
        change=-0.003,
        interval=(-0.009, 0.003),
        significant=False,
        harm=0.003,
    )
    return Conclusion(
        Examination(said, (), (), (), "none", None, "the change is within noise"), "no-problem", (), (), (),
        "Nothing is wrong: the change of -0.003 is within what seeds alone produce (0.008). No cause was looked for.", said.case.assumptions, (), seconds=0.8,
    )  # fmt: skip


def inconclusive() -> Conclusion:
    steps, beliefs = walk({})
    beliefs |= {"data.concept-drift": 0.41, "pipeline.code": 0.22}
    held = hypotheses(beliefs, (), {k: v for k, v in UNTESTABLE.items() if k != "pipeline.code"}, ("data.concept-drift", "pipeline.code"))
    return Conclusion(
        Examination(problem(case=case(trusted=False)), held, steps, (), "none", None, "nothing testable is left"),
        "inconclusive",
        (),
        tuple(h.cause for h in held if h.status == "ruled-out"),
        (
            Next(
                "data.concept-drift",
                "Fit the old pipeline on the new rows and score both on fresh labels.",
                "The reference model, and --trust.",
            ),
            Next("pipeline.code", "Compare the training code of both runs.", "reference.code and current.code"),
        ),
        "The fall is real, but the evidence does not settle what made it: most likely the relation between inputs and target moved, else the training code did.",
        (),
        (
            {"evidence": "reference.model", "why": "without it no row can be scored by the healthy system"},
            {"evidence": "current.code", "why": "a change of the code cannot be seen"},
        ),
        seconds=2.1,
    )


def observed() -> Conclusion:
    steps, beliefs = walk({"data.label-errors": LABELS}, interventions=False)
    held = hypotheses(beliefs, ("data.label-errors",), UNTESTABLE)
    made = cause_found()
    return replace(
        made,
        examination=Examination(
            problem(),
            held,
            steps,
            (Confirmed("data.label-errors", (), None, None, 0.78, observed=True),),
            "single",
            None,
            "nothing can be re-run",
        ),
        causes=(replace(made.causes[0], share=None, interval=None, probability=0.78, observed=True),),
        next=(Next("data.label-errors", "Fit the pipeline again with the labels of the last good table.", "The artifact, and --trust."),),
        summary="The labels of the new training table look wrong. Nothing could be re-run, so this is what the tables say, not what an experiment showed.",
        guards=(),
        guard_files=(),
    )


ALL = {f.__name__: f for f in (cause_found, two_causes, no_problem, inconclusive, observed)}


def events(conclusion: Conclusion) -> list[Event]:
    """What a listener would have been told on the way to a conclusion."""
    examination = conclusion.examination
    told = [Event("assumption", "The positive class is 1."), Event("problem", examination.problem)]
    if examination.hypotheses:
        told.append(Event("hypotheses", tuple(replace(h, probability=h.prior, status="open") for h in examination.hypotheses)))
    for step in examination.steps:
        told.append(Event("intent", {"cause": step.cause, "intent": step.intent, "action": step.action}))
        if step.kind == "intervention":
            told += [Event("progress", {"done": i, "total": 3, "what": "fitting again"}) for i in range(4)]
        told.append(Event("step", step))
    return [*told, Event("conclusion", conclusion)]
