"""Settling a case: every field is checked against the evidence, and what nobody said is assumed aloud."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ruleout.case.case import Case, Side
from ruleout.case.engine import on_engine
from ruleout.case.fields import CASE_FIELDS, Places, as_toml, check_fields, given
from ruleout.case.infer import (
    classes_of,
    infer_metric,
    infer_positive,
    infer_row_keys,
    infer_target,
    infer_task,
    infer_time,
    tables_of,
)
from ruleout.case.scorers import NEEDS_POSITIVE, check_metric
from ruleout.errors import CaseError, FieldError, nearest
from ruleout.tables.table import Table

__all__ = ["settle"]

LONGEST_LIST = 8


def settle(case: Case, *, places: Places | None = None) -> Case:
    """The case with target, task and metric settled: as given and found to be right, or assumed with a sentence in `assumptions`.

    Settling a settled case changes nothing.

    Parameters
    ----------
    case
        As it was read or built.
    places
        Where each field was given, for the errors; None for a case built in Python.

    Raises
    ------
    FieldError
        A field names what the evidence does not have, or holds what it cannot hold.
    CaseError
        There is nothing to examine.
    """
    places = places or {}
    check_fields({name: getattr(case, name) for name in CASE_FIELDS}, places)
    case = on_engine(case)
    _check_columns(case, places)
    _check_something_to_examine(case)
    if case.trusted:
        case = replace(case, current=_trusted(case.current), reference=_trusted(case.reference) if case.reference else None)
    if case.time is None:
        case = _assume(case, "time", infer_time(case))
    if case.target is None:
        case = _assume(case, "target", infer_target(case))
    case = _say_unlabelled(case)
    if case.task is None:
        case = _assume(case, "task", infer_task(case))
    _check_task(case, places)
    if case.metric is None:
        case = _assume(case, "metric", infer_metric(case))
    elif case.run.measure is None and any(True for _ in tables_of(case)):
        check_metric(case.metric, given(places, "metric", case.metric))
    case = _assume(case, "positive", infer_positive(case)) if case.positive is None else replace(case, positive=_class(case, places))
    _check_binary(case, places)
    for key in infer_row_keys(case):
        case = _assume(case, "key", key) if case.key is None else _assume(case, "ignore", (((*case.ignore, key.value)), key.sentence))
    return case


def _assume(case: Case, name: str, assumed: tuple[Any, str] | None) -> Case:
    if assumed is None:
        return case
    value, sentence = assumed
    changes: dict[str, Any] = {name: value, "assumptions": (*case.assumptions, sentence)}
    return replace(case, **changes)


def _check_columns(case: Case, places: Places) -> None:
    """Every column that a field names stands in a table; the target in one that is meant to have labels."""
    everywhere = list(tables_of(case))
    if not everywhere:
        return
    labelled = [pair for pair in everywhere if pair[1].name != "serving"]
    wanted = [(name, getattr(case, name), everywhere) for name in ("time", "entity", "key")]
    wanted += [("ignore", column, everywhere) for column in case.ignore]
    if labelled:
        wanted.insert(0, ("target", case.target, everywhere))
    for name, column, among in wanted:
        if column is not None and not any(column in table.columns for _, table in among):
            said = given(places, name, case.ignore if name == "ignore" else column)
            raise FieldError(_no_column(said, column, labelled if name == "target" else among, quote=name == "ignore"))
    roles: dict[str, str] = {}
    for name in ("target", "key", "time", "entity"):
        column = getattr(case, name)
        if (
            column is not None
            and roles.setdefault(column, name) in {"target", "key"}
            and roles[column] != name
            and "target" in {name, roles[column]}
        ):
            raise FieldError(
                f"{given(places, name, column)}: that column is the {roles[column]} already; name another, or take one of the two out."
            )
    if case.target in case.ignore:
        raise FieldError(f'{given(places, "ignore", case.ignore)}: "{case.target}" is the target; take it out of the list.')


def _no_column(said: str, column: str, among: list[tuple[str, Table]], *, quote: bool) -> str:
    """The sentence for a column that no table has: the last table stands for all, the current side's where there is one."""
    where, table = next((pair for pair in reversed(among) if pair[1].name == "train"), among[-1])
    columns = table.columns
    what = f"no such column {column!r}" if quote else "no such column"
    guess = nearest(column, columns) or nearest(column.lower(), [c.lower() for c in columns])
    held = ", ".join(columns[:LONGEST_LIST]) + (", …" if len(columns) > LONGEST_LIST else "")
    return f"{said}: {where} has {what} ({len(columns)} columns).{guess or f' Name one of {held}.'}"


def _check_something_to_examine(case: Case) -> None:
    """Tables without rows are evidence of a silent pipeline, unless there is nothing else to look at."""
    for side in (case.current, case.reference or Side()):
        others = (side.model, side.config, side.history, side.metrics, side.environment, side.runlog, side.code)
        if any(value is not None for value in others):
            return
    found = list(tables_of(case))
    if not found and not case.factors:
        raise CaseError("the case holds no evidence: give the current side a table, a model, a history or metrics to look at.")
    if found and all(table.n_rows == 0 for _, table in found):
        raise CaseError(
            f"{found[-1][0]}: 0 rows, and nothing else to examine; write the table again, or add evidence such as metrics or a run log."
        )


def _say_unlabelled(case: Case) -> Case:
    """Say which tables lack the target although they should have it."""
    for where, table in tables_of(case, ("train", "validation")):
        if case.target is not None and case.target not in table.columns:
            sentence = f'{where} has no column "{case.target}" ({len(table.columns)} columns): its rows are taken as unlabelled.'
            if sentence not in case.assumptions:
                case = replace(case, assumptions=(*case.assumptions, sentence))
    return case


def _check_task(case: Case, places: Places) -> None:
    holders = [(where, table) for where, table in tables_of(case) if case.target is not None and case.target in table.columns]
    if case.task == "regression" and holders and all(table.kind(str(case.target)) == "category" for _, table in holders):
        where = holders[-1][0]
        wanted = 'write task = "classification", or name another target'
        raise FieldError(
            f'{given(places, "task", case.task)}: "{case.target}" in {where} holds text or booleans, expected numbers; {wanted}.'
        )


def _class(case: Case, places: Places) -> Any:
    """The positive class as the target's column spells it."""
    seen = list(classes_of(case))
    if not seen or case.task == "regression":
        return case.positive
    spelled = {spelling: value for _, counts in reversed(seen) for value in counts for spelling in _spellings(value)}
    positive = _spellings(case.positive)[0]
    if positive in spelled:
        return spelled[positive]
    where, counts = seen[0]
    held = ", ".join(as_toml(value) for value in list(counts)[:LONGEST_LIST])
    guess = nearest(positive, spelled)
    raise FieldError(
        f'{given(places, "positive", case.positive)}: "{case.target}" in {where} has no such value.{guess} Write one of {held}.'
    )


def _spellings(value: Any) -> tuple[str, ...]:
    """How a class may be written: as it prints, a whole number less its point, a boolean also as TOML has it."""
    if isinstance(value, bool):
        return (str(value), str(value).lower())
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    return (str(value),)


def _check_binary(case: Case, places: Places) -> None:
    if case.metric not in NEEDS_POSITIVE or case.task != "classification":
        return
    seen = [(where, len(counts)) for where, counts in classes_of(case)]
    if seen and all(n_classes > 2 for _, n_classes in seen):
        instead = {"roc_auc": "roc_auc_ovr", "average_precision": "roc_auc_ovr", "neg_brier_score": "neg_log_loss"}
        other = instead.get(case.metric, f"{case.metric}_macro")
        where, n_classes = seen[0]
        said = given(places, "metric", case.metric)
        raise FieldError(f'{said}: it needs two classes, "{case.target}" has {n_classes} in {where}; write metric = "{other}".')


def _trusted(side: Side) -> Side:
    if side.model is None or side.model.trusted:
        return side
    return replace(side, model=replace(side.model, trusted=True))
