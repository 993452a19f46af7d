"""The page on artifacts that are not the model that was meant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.causes.answers import replayed
from ruleout.causes.artifacts import answering_artifact
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import better, figure, measured, other_code, refitted, same_config, same_tables, spread, without_artifact
from ruleout.causes.settings import contradicted
from ruleout.guards.guard import Guard
from ruleout.models.model import Description
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Checkpoint"]


class Checkpoint(Cause):
    """The artifact is not the model that was meant: another epoch, another run, untrained, or with damaged weights.

    What goes wrong
    ---------------
    The file that is called the model is not what training on these rows with this configuration gives.

    Why it happens
    --------------
    A smoke run on few rows overwrites the real one, the last epoch is saved instead of the best, a registry alias points at another
    version, an upload is cut short, weights are initialised again after loading.

    What you see
    ------------
    The training report was good and the artifact is not. What the artifact remembers (rows seen, classes, columns, parameters)
    belongs to another run. In production, answers that the validated artifact does not give for the logged features, without any
    pattern in features, order or time.

    How it is tested
    ----------------
    Is the artifact what training gives? The current side is fitted again as it stands, with three seeds. With gain = mean metric of the
    refits - metric of the artifact, counted so that better is more, and s the standard deviation over the seeds, z = gain / s. From z > 3
    on the evidence is min(5, z^2 / 2), the log likelihood ratio of a normal mean.

    Does the artifact remember this side? What it holds is compared with what it should: the rows its scalers counted with the training rows
    (2 % apart, and in another ratio than the reference's), its classes with the labels, its parameters with the configuration, its columns
    with the table, the reported metric with the one it gives. Each that disagrees adds between 1 and 3.

    Did it give the logged answers? Where there is a log, every artifact of the case answers the logged features. If one that was not meant
    reproduces the answers, that is near proof; where both sides hold artifacts and they differ, the log's is the foreign one. Where none
    does, and neither an earlier row's answer nor any change of the features explains them, another model may still have given them: then
    all scores differ, in one order with the artifact's (rank correlation), and by an amount that the features tell, which noise would not
    be.

    What would rule it out
    ----------------------
    A refit on the unchanged side that scores like the artifact: then the rows and the settings explain the metric, not the file.

    How it is fixed
    ---------------
    Train again on the current rows and settings, or restore the artifact of the intended run, and export that one.

    How it stays fixed
    ------------------
    Write the fingerprint of the training rows and the configuration into the artifact, and measure the exported file itself, loaded
    anew, before it goes out.

    Told apart from
    ---------------
    `pipeline.scaling` and `pipeline.encoding`: one transform alone is foreign, and putting that right in place restores the metric.
    `pipeline.metric`: another definition reproduces the reported number from this same artifact. `pipeline.empty-artifact`: the file holds
    nothing.

    References
    ----------
    Breck et al. (2017), The ML test score, IEEE Big Data, section IV (infrastructure tests 3 to 6). Cox and Hinkley (1974),
    Theoretical Statistics, chapter 3, for the likelihood ratio.
    """

    needs = (("current.model",), ("reference.model", "current.serving"))
    cost = 2.0

    def suspect(self, problem: Problem) -> Look:
        """Fit the current side again as it stands, and hold what the artifact remembers against the side."""
        if problem.situation in ("serving", "environment"):
            return answering_artifact(problem)
        model = problem.laboratory.model("current")
        if model is None:
            return Look(statement="model: the current artifact could not be opened, n = 0 artifacts.")
        said = contradicted(problem)
        signs = _memory(problem, model.describe(), said)
        now = figure(problem, "recomputed", "current")
        now = measured(problem, model, problem.case.current.validation) if now is None else now
        values = _again(problem, now) if now is not None else []
        figures: dict[str, Any] = {"signs": [text for _, text in signs], "artifact": now}
        total = sum(weight for weight, _ in signs)
        n = problem.case.current.validation.n_rows if problem.case.current.validation else 0
        gain = 0.0
        if values and now is not None:
            again, s = sum(values) / len(values), math.hypot(spread(problem, values), 0.25 * problem.noise)
            gain = better(problem) * (again - now)
            figures |= {"refit": again, "gain": gain, "spread": s, "n_refits": len(values)}
            if gain > max(3 * s, problem.noise, 0.2 * problem.harm):
                total += min(5.0, 0.5 * (gain / s) ** 2)
                signs.append((0.0, f"fitted again on the same rows and settings it scores {again:.4g} and not {now:.4g}"))
            elif gain < max(2 * s, 0.1 * problem.harm) and not said:
                total -= 3.0
        elsewhere = other_code(problem)
        if elsewhere:
            # A refit of the artifact's own pipeline does not go through the training code, so a change of that explains the gain.
            total = min(total, 1.0)
        if total > 0.5:
            specificity = 0.35 if elsewhere else 0.9 if said else 0.5
            statement = f"model: {'; '.join(text for _, text in signs)}; expected an artifact of this run, n = {n:,}."
            return Look(
                (Finding("model", "model", min(total, 7.0), statement, figures, {"parameters": said}, specificity=specificity),),
                0.9,
                covers=("model",),
            )
        power = 0.9 if values else 0.4
        tried = f"; {len(values)} refits on the unchanged side gain {gain:+.4f}" if values else ""
        return Look((), power, f"model: the artifact agrees with rows, settings and columns of its side{tried}, n = {n:,}.", ("model",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side without its artifact: it is fitted again from its own rows and settings."""
        held = case.side(finding.side)
        if finding.repair.get("replay") and held is not None:
            meant = case.side(finding.repair["meant"])
            case = case.with_side(finding.side, replace(held, model=meant.model)) if meant is not None and meant.model is not None else case
            return replayed(case, finding.side)
        if held is None or held.train is None:
            return None
        # A clone of the artifact has its parameters: those that its configuration gives otherwise are set as it says.
        said = finding.repair.get("parameters")
        return without_artifact(case.with_config(finding.side, said) if said else case, finding.side)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference side with the current artifact."""
        if case.reference is None or case.current.model is None or finding.repair.get("replay"):
            return None
        return case.with_side("reference", replace(case.reference, model=case.current.model))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The exported artifact scores as the refit, less half of what it lacked; else, it saw the rows it should have."""
        if finding.repair.get("replay"):
            return None
        again, now = finding.figures.get("refit"), finding.figures.get("artifact")
        if again is not None and now is not None and finding.figures.get("gain", 0.0) > 0:
            limits = {"low" if better(problem) > 0 else "high": (float(again) + float(now)) / 2}
            return Guard(
                self.id(), "model", "model_metric", "model", {"table": "validation", **limits}, "The artifact is not the model of this run."
            )
        return Guard(self.id(), "model", "artifact_rows", "model", {"table": "train"}, "The artifact was fitted on other rows than these.")


def _again(problem: Problem, now: float) -> list[float]:
    """The metric of refits of the unchanged side: one where it agrees with the artifact or is far from it, three in between."""
    first = refitted(problem, "current", seeds=1)
    if not first:
        return first
    gain, s = better(problem) * (first[0] - now), math.hypot(spread(problem), 0.25 * problem.noise)
    plain = gain < s or gain > max(6 * s, 2 * problem.noise, 0.4 * problem.harm)
    return first if plain else refitted(problem, "current")


def _memory(problem: Problem, now: Description, said: dict[str, Any]) -> list[tuple[float, str]]:
    """What the artifact remembers that its side contradicts: weight and words."""
    found: list[tuple[float, str]] = []
    current, target = problem.case.current, problem.case.target
    if not now.finite:
        found.append((3.0, "a weight is NaN or infinite"))
    ratio = _rows_seen(problem, "current")
    usual = _rows_seen(problem, "reference")
    if ratio is not None and abs(ratio - (1.0 if usual is None else usual)) > 0.02:
        n = current.train.n_rows if current.train else 0
        known = usual is not None or ratio < 0.5
        found.append((3.0 if known else 1.0, f"its scalers saw {round(ratio * n):,} rows of {n:,}"))
    if current.train is not None and target in current.train and now.classes:
        labels, classes = _labels(current.train, str(target)), {_text(c) for c in now.classes}
        if labels and labels != classes and len(labels) <= 1000:
            found.append(
                (3.0, f"it answers {len(classes)} classes and the training rows hold {len(labels)}, {len(labels ^ classes)} unlike")
            )
    if current.train is not None and now.features:
        absent = [c for c in now.features if c not in current.train]
        if absent:
            found.append((1.5, f"{len(absent)} of its {len(now.features)} columns are not in the training table ({absent[0]!r})"))
    for name, value in list(said.items())[:1]:
        found.append((4.5, f"its {name} is {now.parameters[name]!r} and the configuration says {value!r}"))
    held = problem.case.reference.model if problem.case.reference else None
    moved = same_tables(problem.case) is False or same_config(problem.case) is False
    if moved and held is not None and current.model is not None and held.fingerprint == current.model.fingerprint:
        found.append((1.5, "it is the reference's artifact byte for byte although rows or settings changed"))
    reported, given = figure(problem, "reported", "current"), figure(problem, "recomputed", "current")
    if reported is not None and given is not None and better(problem) * (reported - given) > max(3 * spread(problem), 0.0051):
        found.append((1.5, f"the run reported {reported:.4g} and the artifact gives {given:.4g}"))
    return found


def _rows_seen(problem: Problem, side: SideName) -> float | None:
    """Rows that the artifact's scalers saw over the labelled rows of its training table; None where it does not say."""
    held, model, target = problem.case.side(side), problem.laboratory.model(side), problem.case.target
    if held is None or held.train is None or model is None:
        return None
    seen = [float(np.max(s["samples"])) for s in model.describe().fitted.get("scalers", ()) if s.get("samples") is not None]
    labelled = (
        held.train.n_rows - held.train.arrow.column(target).null_count if target is not None and target in held.train else held.train.n_rows
    )
    return max(seen) / labelled if seen and labelled else None


def _labels(table: Table, target: str) -> set[str]:
    return {v for v in table.texts(target).tolist() if v is not None}


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
