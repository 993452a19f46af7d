"""The page on code that differs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ruleout.case.case import Case
from ruleout.causes.beside import Beside, beside, taken_back
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import same_config, same_tables
from ruleout.guards.guard import Guard
from ruleout.guards.systems import code_fingerprint
from ruleout.problem.problem import Problem

__all__ = ["Code", "changed_functions", "columns_changed"]


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
    rows are, too.

    It is put right by making a model of the current rows as the reference's artifact was made.

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
    Fine-grained and accurate source code differencing, ASE.
    """

    needs = (("reference.code", "current.code"),)
    cost = 0.05

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
        if rows is not None:
            return _seen_in_rows(rows, columns_changed(was, now), changed, n, dict(was))
        alike = same_config(problem.case) is not False and _same_versions(problem.case)
        same = alike and same_tables(problem.case) is True
        columns = columns_changed(was, now)
        named = ", ".join(f"{c.function} ({c.file})" for c in changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
        places = [*(columns[:9] or [f"code.{changed[0].function}"]), f"code.{changed[0].file}"]
        evidence = 1.0 + (1.0 if columns else 0.0) + (0.5 if alike else 0.0) + (1.0 if same else 0.0)
        findings = []
        for place in places:
            statement = f"{place}: made by code that differs: {len(changed)} functions, {named}; expected 0, n = {n} files."
            figures = {"functions": [c.function for c in changed], "columns": columns}
            repair = {"files": dict(was)}
            findings.append(Finding(place, "code", evidence, statement, figures, repair, specificity=0.75))
        return Look(tuple(findings), 0.97, covers=("code",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side with the reference's code: its rows, made into a model as the reference's artifact was."""
        if finding.repair.get("columns"):
            return taken_back(case, list(finding.repair["columns"]))
        reference = case.reference
        if reference is None or reference.model is None or case.current.code is None or case.current.train is None:
            return None
        return case.with_side("current", replace(case.current, code=reference.code, model=None))

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


class Changed(NamedTuple):
    """A function that differs, by its name and file; `<module>` for what stands outside of functions."""

    function: str
    file: str


def changed_functions(was: Mapping[str, str], now: Mapping[str, str]) -> list[Changed]:
    """The functions whose syntax trees differ, in the order of files and lines; a file that is no Python counts as one."""
    was, now = _paired(was, now)
    found: list[Changed] = []
    for name in sorted({*was, *now}):
        first, second = _functions(was.get(name, "")), _functions(now.get(name, ""))
        if first is None or second is None:
            if was.get(name) != now.get(name):
                found.append(Changed(name, name))
            continue
        found.extend(Changed(function, name) for function in {**first, **second} if first.get(function) != second.get(function))
    return found


def columns_changed(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The columns whose assigned expressions differ, local names put in, sorted by name."""
    was, now = _paired(was, now)
    first, second = ({c: e for text in files.values() for c, e in _assigned(text)} for files in (was, now))
    return sorted(c for c in {**first, **second} if first.get(c) != second.get(c))


def _paired(was: Mapping[str, str], now: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Single files are compared whatever they are called."""
    if len(was) == len(now) == 1:
        name = next(iter(now))
        return {name: next(iter(was.values()))}, now
    return was, now


def _functions(text: str) -> dict[str, str] | None:
    """Each function's syntax tree as text, by its qualified name; None where the text is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    found: dict[str, str] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, above: str, found: dict[str, str]) -> None:
    rest: list[str] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{above}{child.name}"] = _shape(child)
        elif isinstance(child, ast.ClassDef):
            _collect(child, f"{above}{child.name}.", found)
        elif not _is_docstring(child):
            rest.append(ast.dump(child))
    found[f"{above}<module>"] = "\n".join(rest)


def _shape(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    body = [ast.dump(child) for child in node.body if not _is_docstring(child)]
    return "\n".join([ast.dump(node.args), *map(ast.dump, node.decorator_list), *body])


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    """Each column that some function assigns, with its expression and those of the local names in it."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)):
        own = [
            n
            for child in function.body
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            for n in ast.walk(child)
        ]
        local: dict[str, list[ast.expr]] = {}
        for node in own:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []:
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AugAssign):
                    local.setdefault(target.id, []).append(node.value)
        for node in own:
            for column, value in _columns(node):
                yield column, _with_locals(value, local, frozenset())


def _columns(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            key = target.slice if isinstance(target, ast.Subscript) else None
            if isinstance(key, ast.Tuple) and key.elts:
                key = key.elts[-1]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "assign":
        yield from ((k.arg, k.value) for k in node.keywords if k.arg is not None)


def _with_locals(value: ast.expr, local: Mapping[str, list[ast.expr]], seen: frozenset[str]) -> str:
    names = sorted({n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n.id in local and n.id not in seen})
    inner = "".join(f"|{name}={_with_locals(v, local, seen | set(names))}" for name in names for v in local[name])
    return ast.dump(value) + inner


def _same_versions(case: Case) -> bool:
    reference, current = case.reference, case.current
    if reference is None or reference.environment is None or current.environment is None:
        return True
    return dict(reference.environment.packages) == dict(current.environment.packages)
