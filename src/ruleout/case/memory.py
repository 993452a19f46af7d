"""A case from what one has in memory: data frames, fitted estimators, plain mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruleout.case.case import Case, Side
from ruleout.case.fields import check_fields
from ruleout.case.settle import settle

__all__ = ["make_case", "make_side"]


def make_side(
    *,
    train: Any = None,
    validation: Any = None,
    serving: Any = None,
    model: Any = None,
    config: Any = None,
    history: Any = None,
    metrics: Any = None,
    environment: Any = None,
    runlog: Any = None,
    code: Any = None,
) -> Side:
    """A side from data frames, estimators and mappings; each argument may also be a path, or the field's own type.

    Parameters
    ----------
    train, validation, serving
        Data frames of pandas, Polars or Arrow, one row an observation.
    model
        A fitted estimator with `predict`.
    config, metrics
        Mappings.
    history
        A data frame, columns by name, or one mapping an epoch.
    environment
        `{"numpy": "2.4.0"}`, `{"python": …, "packages": {…}}`, or requirement lines.
    runlog
        One mapping a stage.
    code
        Source text, or texts by file name.

    Raises
    ------
    FieldError, TableError
        A value cannot be what the field holds.
    """
    return Side(
        train=train,
        validation=validation,
        serving=serving,
        model=model,
        config=config,
        history=history,
        metrics=metrics,
        environment=environment,
        runlog=runlog,
        code=code,
    )


def make_case(
    current: Side | Mapping[str, Any],
    reference: Side | Mapping[str, Any] | None = None,
    *,
    target: str | None = None,
    metric: str | None = None,
    task: str | None = None,
    positive: Any = None,
    time: str | None = None,
    entity: str | None = None,
    key: str | None = None,
    ignore: Sequence[str] = (),
    changed: str | None = None,
    symptom: str = "",
    title: str = "",
    trust: bool = False,
) -> Case:
    """A settled case from one or two sides in memory; a side may be a mapping of its fields.

    Parameters
    ----------
    current, reference
        The broken system, and the one that worked.
    target, metric, task, positive, time, entity, key, ignore, changed, symptom, title
        As in `case.toml`.
    trust
        Artifacts given as paths may run code on loading; estimators in memory are the caller's own already.

    Raises
    ------
    CaseError, FieldError, TableError
        As `read_case`.
    """
    values: dict[str, Any] = {
        "target": target,
        "metric": metric,
        "task": task,
        "positive": positive,
        "time": time,
        "entity": entity,
        "key": key,
        "ignore": ignore,
        "changed": changed or "unknown",
        "symptom": symptom,
        "title": title,
    }
    check_fields(values, {})
    values["current"] = make_side(**current) if isinstance(current, Mapping) else current
    values["reference"] = make_side(**reference) if isinstance(reference, Mapping) else reference
    return settle(Case(**values, trusted=trust))
