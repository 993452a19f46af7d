"""The page on code that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ruleout.case.case import Case
from ruleout.causes.answered_elsewhere import Elsewhere, answered_as_there, answered_elsewhere
from ruleout.causes.beside import Beside, beside, taken_back
from ruleout.causes.functions import Changed, changed_functions, columns_changed, names_changed
from ruleout.causes.making import beyond_its_recipe, short_of_its_recipe
from ruleout.causes.moved import moved_columns, moved_most, tells_otherwise
from ruleout.causes.page import Cause, Component, Finding, Look
from ruleout.causes.scores import same_config, same_tables
from ruleout.guards.guard import Guard
from ruleout.guards.systems import code_fingerprint
from ruleout.problem.problem import Problem

__all__ = ["Code"]


class Code(Cause):
    """The training or feature code differs between the sides, and that alone makes the difference.

    What goes wrong
    ---------------
    The same raw rows go through other code: a feature is computed otherwise, a filter moved, a default argument changed.

    Why it happens
    --------------
    A refactoring that was to change nothing, two implementations of one feature (notebook and service), a merge that lost a line, a
    time zone or a rounding that one of them takes into account.

    What you see
    ------------
    Rows, settings and versions are the same, and the columns that one function makes are not.

    How it is tested
    ----------------
    Both sides' files are parsed and compared function by function as syntax trees, without comments, docstrings and layout. A column that a
    changed function assigns (`frame["x"] = ...`, `assign(x=...)`) is the place if the expression that makes it, local names put in, changed
    as well; the file is named with it.

    Evidence 1 for changed code, 1 more where a column can be named, 0.5 more where settings and versions are the same, and 1 more where the
    rows are, too. 1.5 more where an artifact's own recipe, cloned and fitted again on its own rows and settings, does not give it (by three
    standard errors and a fifth of the change): something else made it.

    It is put right by making a model of the current rows as the reference's artifact was made; where that cannot be given again, by that
    artifact itself. Where the tables hold what the code made, they say more: columns that a changed function assigns and that moved
    furthest, or whose rank correlation with the target moved furthest (Spearman 1904), or, of code that names no column, most columns of
    validation while training did not move. Their raw rows are not there, so this rests on observation.

    What would rule it out
    ----------------------
    Syntax trees that are equal, function by function.

    How it is fixed
    ---------------
    Take back the change to the named function, or train again with the code that will serve.

    How it stays fixed
    ------------------
    Keep one implementation of each feature for training and serving, version it with the artifact, and test it on recorded rows.

    Told apart from
    ---------------
    pipeline.dependency, where the code is the same and the libraries under it are not. model.hyperparameter, where a file of settings
    changed. data.unit-change and others in data describe the same rows where nothing is known of the code.

    References
    ----------
    Sculley et al. (2015), Hidden technical debt in machine learning systems, section 5 (glue code). Falleri et al. (2014),
    Fine-grained and accurate source code differencing, ASE. Spearman (1904), The proof and measurement of association between two things,
    American Journal of Psychology 15.
    """

    needs = (("reference.code", "current.code"),)
    cost = 0.05
    # What the reference's code leaked is gone from its columns.
    gives_way_to = ("data.temporal-leakage", "data.preprocessing-leakage")

    def suspect(self, problem: Problem) -> Look:
        """Compare the sides' code function by function."""
        reference, current = problem.case.reference, problem.case.current
        if reference is None or reference.code is None or current.code is None:
            return Look(statement="code: not known on both sides, n = 0 files.")
        was, now = reference.code.files, current.code.files
        n = len({*was, *now})
        changed = changed_functions(was, now)
        if not changed:
            return Look((), 0.97, f"code: no function differs but for comments and layout, n = {n} files.", ("code",))
        rows = beside(problem.case) if problem.situation == "environment" else None
        elsewhere = answered_elsewhere(problem)
        if elsewhere is not None:
            return _seen_in_answers(problem, elsewhere, changed, names_changed(was, now), dict(was))
        if rows is not None:
            return _seen_in_rows(rows, columns_changed(was, now), changed, n, dict(was))
        # What stands between rows and artifact tells of the training code, what stands in the tables of the code that makes them.
        more = beyond_its_recipe(problem)
        made = more is not None or short_of_its_recipe(problem) is not None
        in_tables = None if made else _seen_in_tables(problem.case, columns_changed(was, now), changed, n, dict(was))
        if in_tables is not None:
            return in_tables
        alike = same_config(problem.case) is not False and _same_versions(problem.case)
        same = alike and same_tables(problem.case) is True
        columns = columns_changed(was, now)
        named = ", ".join(f"{c.function} ({c.file})" for c in changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
        places = [*(columns[:9] or [f"code.{changed[0].function}"]), f"code.{changed[0].file}"]
        evidence = 1.0 + (1.0 if columns else 0.0) + (0.5 if alike else 0.0) + (1.0 if same else 0.0) + (1.5 if made else 0.0)
        why = f"; fitted again from its rows and settings, the reference's artifact is worse by {more}" if more else ""
        findings = []
        for place in places:
            statement = f"{place}: made by code that differs: {len(changed)} functions, {named}; expected 0, n = {n} files{why}."
            figures = {"functions": [c.function for c in changed], "columns": columns}
            repair = {"files": dict(was), "artifact": more is not None}
            findings.append(Finding(place, "code", evidence, statement, figures, repair, specificity=0.75))
        return Look(tuple(findings), 0.97, covers=("code",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side with the reference's code: its rows, made into a model as the reference's artifact was.

        None where the tables hold what the code made: the raw rows that it would have to go over again are not there.
        """
        if finding.repair.get("made"):
            return None
        if finding.repair.get("elsewhere"):
            return answered_as_there(case)
        if finding.repair.get("columns"):
            return taken_back(case, list(finding.repair["columns"]))
        reference = case.reference
        if reference is None or reference.model is None or case.current.code is None or case.current.train is None:
            return None
        artifact = reference.model if finding.repair.get("artifact") else None
        return case.with_side("current", replace(case.current, code=reference.code, model=artifact))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference side with the current code, made again as the current artifact was."""
        reference = case.reference
        if reference is None or reference.code is None or case.current.model is None or reference.train is None:
            return None
        return case.with_side("reference", replace(reference, code=case.current.code, model=None))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The code does what it did when the system worked."""
        given = {"fingerprint": code_fingerprint(finding.repair["files"])}
        return Guard(self.id(), finding.place, "code_equals", "code", given, "The code is not what it was when the system worked.")


def _seen_in_rows(rows: Beside, assigned: list[str], changed: list[Changed], n_files: int, files: Mapping[str, str]) -> Look:
    """Whether the columns that changed code makes are the columns that differ between two logs of the same rows."""
    unlike = list(rows.unlike)
    made = [c for c in unlike if c in assigned]
    named = ", ".join(f"{c.function} ({c.file})" for c in changed[:4])
    if not unlike:
        said = f"code: {named} differ, and no column of n = {rows.n:,} rows in both logs does."
        return Look((), 0.9, said, ("code",))
    # What a changed column is made into differs too; code that names none of them may still make them.
    evidence = 3.9 if made and set(made) == set(unlike) else 3.0 if made else 1.0
    places = made or unlike[:6]
    findings = []
    for column in places:
        said = (
            f"serving.{column}: made by code that differs ({named}), and {rows.unlike[column].mean():.1%} of n = {rows.n:,} rows have"
            f" another value than in the reference's log; {len(unlike)} of {len(rows.features)} columns differ, {len(made)} of them"
            f" assigned by the changed code, n = {n_files} files."
        )
        figures = {"functions": [c.function for c in changed], "columns": unlike, "assigned": made}
        repair = {"files": dict(files), "columns": unlike}
        findings.append(Finding(f"serving.{column}", "code", evidence, said, figures, repair, specificity=1.0 if made else 0.5))
    return Look(tuple(findings), 0.97, covers=("code", "serving"))


def _seen_in_answers(problem: Problem, elsewhere: Elsewhere, changed: list[Changed], names: set[str], files: Mapping[str, str]) -> Look:
    """Code that differs where two machines log the same features and answer them otherwise: it stands between feature and answer.

    Where the artifact itself gives what the reference logged, what makes the difference may be told by how it can be given again here.
    """
    models = [problem.laboratory.model(side) for side in ("reference", "current")]
    same = all(m is not None for m in models) and len({m.fingerprint for m in models if m is not None}) == 1
    columns = [c for c in elsewhere.rows.features if c in names]
    answer = f"serving.{elsewhere.column}"
    evidence = (2.0 if elsewhere.follows_there else 3.9) if same and _same_versions(problem.case) else 1.0
    named = ", ".join(f"{c.function} ({c.file})" for c in changed[:4])
    about = f", about {', '.join(columns[:4])}" if columns else ""
    findings = []
    for place in [answer, *(f"serving.{c}" for c in columns[:6]), f"code.{changed[0].file}"]:
        said = (
            f"{place}: the code between features and answers differs ({named}{about}), {'the artifact is the same' if same else 'the'}"
            f"{'' if same else ' artifacts are others'}, no feature differs between the logs, and {elsewhere.between.rate:.1%} of"
            f" n = {elsewhere.rows.n:,} answers are the same; expected 100%."
        )
        figures = {"functions": [c.function for c in changed], "columns": columns, "rate": elsewhere.between.rate}
        findings.append(Finding(place, "code", evidence, said, figures, {"files": dict(files), "elsewhere": True}, specificity=0.75))
    return Look(tuple(findings), 0.97, covers=("code", "serving"))


def _seen_in_tables(case: Case, assigned: list[str], changed: list[Changed], n_files: int, files: Mapping[str, str]) -> Look | None:
    """Whether the columns that changed code makes moved in the tables, in training and validation alike or in one of them alone.

    Code that names no column may make them all: it is charged where most moved in validation alone, which other code then made.
    """
    moved = moved_columns(case)
    other = tells_otherwise(case) if assigned else ()
    if other and {m.column for m in moved_most(other)} <= set(assigned):
        # However it is distributed, a column may stand for something else: a lag of another day, another row's value.
        moved = other
    if not moved:
        return None
    made = [m for m in moved if m.column in assigned]
    others = [m.column for m in moved_most(moved) if m.column not in assigned]
    features = len(case.features(case.current.validation)) if case.current.validation is not None else 0
    unnamed = not assigned and all(m.tables == ("validation",) for m in moved) and len(moved) >= max(2, 0.5 * features)
    if not (made or unnamed) or same_config(case) is False or not _same_versions(case):
        return None
    # Populations drift beside what the code changed, but less far.
    what = "rank correlation with the target" if moved is other else "distribution"
    evidence = 3.4 if unnamed or moved[0].column in assigned else 2.0 if len(made) > len(others) else 1.0
    named = ", ".join(f"{c.function} ({c.file})" for c in changed[:4])
    findings = []
    for m in made or moved:
        place = m.column if len(m.tables) > 1 or made else f"{m.tables[0]}.{m.column}"
        said = (
            f"{place}: {what} moved by {m.distance:.2f} in {' and '.join(m.tables)}, and code that makes it differs ({named});"
            f" {len(moved)} columns moved, {len(made)} of them assigned by the changed code, n = {n_files} files."
        )
        figures = {"functions": [c.function for c in changed], "columns": [m.column for m in moved], "assigned": [m.column for m in made]}
        # Of one table alone the swaps of tables tell, and they tell of what made it.
        component: Component = "validation" if unnamed else "code"
        findings.append(Finding(place, component, evidence, said, figures, {"files": dict(files), "made": True}, specificity=0.75))
    findings = findings[:9]
    last = findings[0]
    findings.append(
        replace(last, place=f"code.{changed[0].file}", statement=last.statement.replace(last.place, f"code.{changed[0].file}", 1))
    )
    return Look(tuple(findings), 0.97, covers=("code",))


def _same_versions(case: Case) -> bool:
    """Whether no package differs by more than a patch release; as if none did where they are not known."""
    reference, current = case.reference, case.current
    if reference is None or reference.environment is None or current.environment is None:
        return True
    was, now = (
        {name: str(version).split(".")[:2] for name, version in environment.packages.items()}
        for environment in (reference.environment, current.environment)
    )
    return was == now
