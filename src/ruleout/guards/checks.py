"""The checks that a guard can name, and the one function that runs a guard on a side.

On a table: `quantile_range`, `mean_range`, `max_outside_share`, `allowed_categories`, `max_null_rate`, `max_duplicate_rate`,
`max_overlap`, `required_columns`, `required_values`, `value_share`, `newest_time`, `min_rows`, `min_association`,
`max_association`, `neighbour_disagreement`. On `history`: `history_within`. On `config`, `environment`, `code`: `config_equals`,
`package_equals`, `code_equals`. On `metrics`: `metric_between`, `metric_reproduced`. On `model`: `model_metric`, `model_answers`,
`artifact_parameters`, `artifact_uses`, `artifact_rows`, `artifact_is`, `artifact_finite`, `scaler_matches`. On artifact and log
together: `log_follows`. Each check's own docstring says its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ruleout.errors import ModelError, TableError, nearest
from ruleout.guards import replay, systems, tables
from ruleout.guards.guard import Guard, Verdict
from ruleout.guards.subject import Checked, GuardError, Measure
from ruleout.models.artifact import Artifact
from ruleout.models.model import Model
from ruleout.tables.table import Table

__all__ = ["NAMES", "Checked", "GuardError", "check"]

Opener = Callable[[Artifact], Model]

TABLE_CHECKS: Final[dict[str, Callable[[Table, Mapping[str, Any]], Verdict]]] = {
    "quantile_range": tables.quantile_range,
    "mean_range": tables.mean_range,
    "max_outside_share": tables.max_outside_share,
    "allowed_categories": tables.allowed_categories,
    "max_null_rate": tables.max_null_rate,
    "max_duplicate_rate": tables.max_duplicate_rate,
    "required_columns": tables.required_columns,
    "required_values": tables.required_values,
    "value_share": tables.value_share,
    "newest_time": tables.newest_time,
    "min_rows": tables.min_rows,
    "min_association": tables.min_association,
    "max_association": tables.max_association,
    "neighbour_disagreement": tables.neighbour_disagreement,
}
FILE_CHECKS: Final = ("config_equals", "package_equals", "code_equals", "metric_between")
MODEL_CHECKS: Final = (
    "metric_reproduced",
    "model_metric",
    "model_answers",
    "artifact_parameters",
    "artifact_uses",
    "artifact_rows",
    "artifact_is",
    "artifact_finite",
    "scaler_matches",
    "log_follows",
)
NAMES: Final = tuple(sorted((*TABLE_CHECKS, "max_overlap", "history_within", *FILE_CHECKS, *MODEL_CHECKS)))
"""Every check that a guard can name."""


def check(guard: Guard, side: Checked, *, measure: Measure | None = None, opened: Model | None = None) -> Verdict:
    """Run a guard on a side: green or red, with the number and its yardstick.

    Evidence that the guard needs and the side lacks is red: a gate that cannot look does not let through.

    Parameters
    ----------
    guard
        The guard.
    side
        Anything with a side's fields.
    measure
        The metric of a model on a table, for the checks that ask for one.
    opened
        The side's model where it is open already; else the artifact is opened, if the caller trusts it.

    Raises
    ------
    GuardError
        The check is unknown or lacks a parameter.
    """
    if guard.check not in NAMES:
        raise GuardError(
            f'guard for {guard.cause}: check "{guard.check}" is not one of the {len(NAMES)} checks.{nearest(guard.check, NAMES)}'
        )
    try:
        return _run(guard, side, measure, opened)
    except KeyError as error:
        raise GuardError(
            f'guard for {guard.cause}: check "{guard.check}" needs the parameter {error}; add it under [guard.parameters].'
        ) from error
    except (TableError, ModelError) as error:
        return Verdict(False, f"{guard.place}: {error}")


def _run(guard: Guard, side: Checked, measure: Measure | None, opened: Model | None) -> Verdict:
    given = guard.parameters
    if guard.check in TABLE_CHECKS:
        table = _table(side, guard.subject)
        return TABLE_CHECKS[guard.check](table, given) if table else _absent(guard, guard.subject)
    if guard.check == "max_overlap":
        table, other = _table(side, guard.subject), _table(side, str(given["table"]))
        return tables.max_overlap(table, other, given) if table and other else _absent(guard, f"{guard.subject} or {given['table']}")
    if guard.check == "history_within":
        return tables.history_within(side.history, given) if side.history is not None else _absent(guard, "history")
    if guard.check in FILE_CHECKS:
        return _of_files(guard, side)
    return _of_model(guard, side, measure, opened)


def _of_files(guard: Guard, side: Checked) -> Verdict:
    given = guard.parameters
    if guard.check == "config_equals":
        return systems.config_equals(side.config, given) if side.config is not None else _absent(guard, "config")
    if guard.check == "package_equals":
        return systems.package_equals(side.environment.packages, given) if side.environment else _absent(guard, "environment")
    if guard.check == "code_equals":
        return systems.code_equals(side.code.files, given) if side.code else _absent(guard, "code")
    return systems.metric_between(side.metrics, given) if side.metrics is not None else _absent(guard, "metrics")


def _of_model(guard: Guard, side: Checked, measure: Measure | None, opened: Model | None) -> Verdict:
    given = guard.parameters
    if guard.check == "artifact_is":
        if side.model is None:
            return _absent(guard, "model")
        found = side.model.fingerprint
        return Verdict(found == given["fingerprint"], f"model: fingerprint {found}, expected {given['fingerprint']}, n = 1 artifact.")
    if opened is None:
        if side.model is None:
            return _absent(guard, "model")
        opened = side.model.open()
    if guard.check in ("artifact_parameters", "artifact_uses"):
        run = systems.artifact_parameters if guard.check == "artifact_parameters" else systems.artifact_uses
        return run(opened.describe(), given)
    if guard.check == "artifact_finite":
        return systems.artifact_finite(opened.describe())
    if guard.check == "log_follows":
        log = _table(side, str(given.get("table", "serving")))
        return replay.log_follows(opened, log, given) if log is not None else _absent(guard, "serving")
    name = str(given.get("table", "train" if guard.check in ("artifact_rows", "scaler_matches") else "validation"))
    table = _table(side, name)
    if table is None:
        return _absent(guard, name)
    if guard.check in ("artifact_rows", "scaler_matches"):
        against = systems.artifact_rows if guard.check == "artifact_rows" else systems.scaler_matches
        return against(opened.describe(), table, given)
    if guard.check == "model_answers":
        return systems.model_answers(opened, table, given)
    if measure is None:
        raise GuardError(f'guard for {guard.cause}: check "{guard.check}" needs a metric to measure with; none was given.')
    if guard.check == "model_metric":
        return systems.model_metric(opened, table, given, measure)
    return systems.metric_reproduced(side.metrics, opened, table, given, measure) if side.metrics is not None else _absent(guard, "metrics")


def _table(side: Checked, name: str) -> Table | None:
    if name not in ("train", "validation", "serving"):
        raise GuardError(f'guard: "{name}" is no table of a side; expected "train", "validation" or "serving".')
    found: Table | None = getattr(side, name)
    return found


def _absent(guard: Guard, what: str) -> Verdict:
    return Verdict(False, f"{guard.place}: {what} is absent, so {guard.check} cannot be checked, n = 0.")
