"""The page on artifacts that do not survive saving and loading."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.errors import ModelError, RuleoutError
from ruleout.guards.guard import Guard
from ruleout.models.model import UNSAVED, Model, reloaded
from ruleout.problem.laboratory import without_model
from ruleout.problem.problem import Problem
from ruleout.problem.replay import compare_answers
from ruleout.tables.table import Table

__all__ = ["Serialization"]

MODULE = re.compile(
    r"No module named '([\w.]+)'|attribute '\w+' on <module '([\w.]+)'|module '([\w.]+)' has no attribute|needs the package '([\w.]+)'"
)
BROKEN = re.compile(
    r"EOF|truncated|unpickl|magic|protocol|incompatible|corrupt|damaged|decompress|ended before|ran out of (input|data)|unknown kind"
    r"|text file|zip archive|expected a joblib|cannot be (read|loaded)|InconsistentVersion|node array|dtype",
    re.IGNORECASE,
)
ASKED_ROWS = 500
"""Rows that a model is asked before it is saved and after it is loaded."""

MOST_OTHERWISE = 0.005
"""Share of them that may be answered otherwise for the last digit of a score that a text format drops."""

PROVED = 5.0
"""Log likelihood ratio of a model that was seen to lose something in being saved and loaded."""

DEPLOYED = ("disagreement", "invalid-output")
"""Kinds of problem in which an estimator in memory is dumped, too: what answers elsewhere was saved there."""

EMPTY = re.compile(r"is empty|0 bytes|no such file|git lfs", re.IGNORECASE)


class Serialization(Cause):
    """The model does not survive saving and loading: what is read is not what was written, or cannot be read at all.

    What goes wrong
    ---------------
    A pickle names classes and attributes of the libraries that wrote it. Other versions, another format or half a file read otherwise,
    or not at all.

    Why it happens
    --------------
    A library was upgraded on one side only, a class of the project moved, the file was cut off in transfer, or one program saves in
    one format and another loads a second one.

    What you see
    ------------
    An error that names a module, an attribute or a protocol on loading; a warning of another version; the same rows answered otherwise
    before saving and after loading.

    How it is tested
    ----------------
    The artifact is opened in a child process and the reason it gives is read: a module or attribute that is not there, another
    protocol, a cut-off file give evidence 3.6. A warning that it was saved by another version gives 1.0, and only where that
    package's version differs between the sides. An artifact that opens and then hangs, ends its process or answers what fits no row is
    3.2, where the reference's answers. What opens is saved and loaded once more and asked the same rows, as is a model trained again on
    the side's rows: answers that are other ones before and after are 5.

    What would rule it out
    ----------------------
    An artifact that opens without a warning and answers the same rows alike before it is saved and after it is loaded.

    How it is fixed
    ---------------
    Save again with the versions that will load it, or pin those that saved it; where the file is cut off, copy it again and compare
    its hash.

    How it stays fixed
    ------------------
    Publish version and hash with each artifact, and load it in the target environment before it is released.

    Told apart from
    ---------------
    A file that holds nothing is pipeline.empty-artifact. A package that reads it well and computes otherwise is pipeline.dependency.
    A model that is whole and not the one meant is model.checkpoint.

    References
    ----------
    scikit-learn documentation, Model persistence. Sculley et al. (2015), Hidden technical debt in machine learning systems.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("current.model",),)
    cost: ClassVar[float] = 0.1

    def suspect(self, problem: Problem) -> Look:
        """Open the artifact and read the reason where it does not open."""
        opened = problem.laboratory.model("current")
        reason = getattr(problem.laboratory, "reasons", {}).get("current", "")
        if opened is not None:
            return self._opened(problem)
        if not reason or EMPTY.search(reason) or "--trust" in reason:
            return Look((), 0.3, "model: the artifact was not opened, n = 1 artifact.", ("model",))
        named = MODULE.search(reason)
        if named is None and not BROKEN.search(reason):
            return Look((), 0.3, "model: the artifact does not open for another reason, n = 1 artifact.", ("model",))
        said = f"model: it does not open: {reason.rstrip('.')}; expected a fitted model, n = 1 artifact."
        other = problem.laboratory.model("reference")
        # a package that neither artifact finds may be lacking where ruleout runs, and not where the pipeline does
        elsewhere = named is not None and other is None and problem.case.reference is not None
        findings = [Finding("model", "model", 1.0 if elsewhere else 3.6, said, {"reason": reason[:300]}, specificity=0.6)]
        module = next((g for g in named.groups() if g), "").split(".")[0] if named else ""
        package = _package(problem.case, module)
        if package:
            further = f"environment.{package}: {_versions(problem.case, package)}; the artifact asks for {module}, n = 1 package."
            findings.append(Finding(f"environment.{package}", "model", 3.5, further, {"package": package}, specificity=0.6))
        return Look(tuple(findings), 0.95, covers=("model",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The reference's artifact in its place, as one would roll back; without one it is fitted again on its own rows."""
        if case.reference is not None and case.reference.model is not None:
            return case.with_side("current", replace(case.current, model=case.reference.model))
        if case.current.train is None or case.current.train.n_rows == 0:
            return None
        return case.with_side("current", replace(case.current, model=None))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The artifact opens and answers a table's rows."""
        table = next((name for name in ("validation", "train") if problem.case.current.table(name) is not None), None)
        if table is None:
            return None
        told = "The artifact does not open, or does not answer, where it is loaded."
        return Guard(self.id(), finding.place, "model_answers", "model", {"table": table, "max_share": 1.0}, told)

    def _opened(self, problem: Problem) -> Look:
        model, broken = problem.laboratory.model("current"), problem.laboratory.broken("current")
        if broken and not problem.laboratory.broken("reference"):
            said = f"model: it opens and does not answer: {broken.rstrip('.')}; expected an answer a row, n = 1 artifact."
            return Look((Finding("model", "model", 3.2, said, {"reason": broken[:300]}, specificity=0.6),), 0.95, covers=("model",))
        lost = _lost(problem)
        if lost is not None:
            return Look((lost,), 0.95, covers=("model",))
        notes = [str(n) for n in (model.describe().fitted.get("warnings", []) if model is not None else [])]
        changed = [n for n in notes if "version" in n.lower() and _package(problem.case, "sklearn" if "scikit" in n.lower() else "")]
        if changed:
            said = f"model: opening it warns {changed[0][:160].rstrip('.')!r}, expected no warning, n = {len(notes)} warnings."
            return Look((Finding("model", "model", 1.0, said, {"warnings": changed[:3]}, specificity=0.3),), 0.9, covers=("model",))
        return Look((), 0.9, "model: the artifact opens and reads as it was written, n = 1 artifact.", ("model",))


def _lost(problem: Problem) -> Finding | None:
    """What the current artifact, or one trained again on its rows, answers otherwise once it is saved and loaded; None where nothing."""
    laboratory, held = problem.laboratory, problem.case.current
    table = held.validation or held.train or held.serving
    if table is None or table.n_rows == 0 or held.model is None or not (held.model.path is not None or problem.kind in DEPLOYED):
        return None
    rows, model = table.sample(ASKED_ROWS, laboratory.seed), laboratory.model("current")
    found = _otherwise(problem, model, rows, "it") if model is not None else None
    if found is None and problem.significant and model is not None and model.describe().refits and laboratory.can_fit("current"):
        try:
            again = laboratory.fit(without_model(problem.case, "current"), "current")
        except RuleoutError:
            return None
        found = _otherwise(problem, again, rows, "trained again it")
    return found


def _otherwise(problem: Problem, model: Model, rows: Table, what: str) -> Finding | None:
    """What a model answers otherwise after it was saved and loaded; None where nothing, or where it never answers alike."""
    try:
        before = model.predict(rows)
        if compare_answers(problem.case, model.predict(rows), before).rate < 1.0:
            return None
    except RuleoutError:
        return None
    try:
        found = compare_answers(problem.case, reloaded(model).predict(rows), before)
    except ModelError as error:
        if UNSAVED in str(error):
            return None
        said = f"model: {what} does not survive saving and loading: {str(error).rstrip('.')}; expected the same model, n = 1 artifact."
        return Finding("model", "model", PROVED, said, {"reason": str(error)[:300]}, specificity=0.9)
    n = int(np.sum(~found.same))
    if n <= MOST_OTHERWISE * found.n:
        return None
    said = f"model: {what} answers {n:,} rows otherwise once it was saved and loaded, expected 0, n = {found.n:,} rows."
    return Finding("model", "model", PROVED, said, {"otherwise": n, "rows": found.n}, specificity=0.9)


ALIASES = {"sklearn": "scikit-learn", "yaml": "pyyaml", "cv2": "opencv-python", "PIL": "pillow"}


def _package(case: Case, module: str) -> str:
    """The package of a module whose version differs between the sides; "" where none does."""
    reference, current = case.reference, case.current
    if not module or reference is None or reference.environment is None or current.environment is None:
        return ""
    name = ALIASES.get(module, module.replace("_", "-"))
    was, now = reference.environment.packages, current.environment.packages
    return name if was.get(name) != now.get(name) else ""


def _versions(case: Case, package: str) -> str:
    was = case.reference.environment.packages.get(package, "absent") if case.reference and case.reference.environment else "not known"
    now = case.current.environment.packages.get(package, "absent") if case.current.environment else "not known"
    return f"{now}, in the reference {was}"
