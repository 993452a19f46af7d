"""Checks on what is no table: the configuration, the environment, the code, the reported metrics, the fitted artifact."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ruleout.guards.guard import Verdict
from ruleout.guards.subject import Measure
from ruleout.models.model import Description, Model
from ruleout.tables.table import Table

__all__ = [
    "artifact_finite",
    "artifact_parameters",
    "artifact_rows",
    "artifact_uses",
    "code_equals",
    "code_fingerprint",
    "config_equals",
    "metric_between",
    "metric_reproduced",
    "model_answers",
    "model_metric",
    "package_equals",
    "scaler_matches",
]


def config_equals(config: Mapping[str, Any], given: Mapping[str, Any]) -> Verdict:
    """A setting is what it was when the system worked: `key` (dotted where nested), `value`, or `absent` = true."""
    found: Any = config
    there = True
    for part in str(given["key"]).split("."):
        there = isinstance(found, Mapping) and part in found
        found = found[part] if there else None
        if not there:
            break
    if given["key"] in config:
        there, found = True, config[given["key"]]
    if given.get("absent", False):
        return Verdict(not there, f"config.{given['key']}: {_shown(found) if there else 'absent'}, expected absent, n = 1 setting.")
    said = f"config.{given['key']}: {_shown(found) if there else 'absent'}, expected {_shown(given.get('value'))}, n = 1 setting."
    return Verdict(there and _same(found, given.get("value")), said)


def package_equals(packages: Mapping[str, str], given: Mapping[str, Any]) -> Verdict:
    """A package has the version that it had when the system worked: `package`, `version`."""
    found = packages.get(str(given["package"]), "absent")
    return Verdict(found == given["version"], f"environment.{given['package']}: {found}, expected {given['version']}, n = 1 package.")


def code_equals(files: Mapping[str, str], given: Mapping[str, Any]) -> Verdict:
    """The code does what it did when the system worked, whatever its comments and layout: `fingerprint` as `code_fingerprint` gives it."""
    found = code_fingerprint(files)
    return Verdict(found == given["fingerprint"], f"code: fingerprint {found}, expected {given['fingerprint']}, n = {len(files)} files.")


def metric_between(metrics: Mapping[str, Any], given: Mapping[str, Any]) -> Verdict:
    """A reported metric is there, a number, and within bounds: `metric`, `low`, `high`."""
    found = metrics.get(str(given["metric"]))
    low, high = float(given.get("low", -np.inf)), float(given.get("high", np.inf))
    number = isinstance(found, int | float) and not isinstance(found, bool) and bool(np.isfinite(found))
    green = number and low <= float(found or 0.0) <= high
    return Verdict(green, f"metrics.{given['metric']}: {_shown(found)}, expected {low:.6g} to {high:.6g}, n = 1 report.")


def metric_reproduced(metrics: Mapping[str, Any], model: Model, table: Table, given: Mapping[str, Any], measure: Measure) -> Verdict:
    """The reported metric is what the model gives on the table: `metric`, `table` ("validation"), `tolerance` (0.0005)."""
    found = metrics.get(str(given["metric"]))
    again = measure(model, table)
    tolerance = float(given.get("tolerance", 0.0005))
    green = isinstance(found, int | float) and (abs(float(found) - again) <= tolerance or abs(float(found) + again) <= tolerance)
    said = f"metrics.{given['metric']}: reported {_shown(found)}, recomputed {again:.6g} on {table.name}"
    return Verdict(bool(green), f"{said}, expected within {tolerance:g}, n = {table.n_rows:,}.")


def model_metric(model: Model, table: Table, given: Mapping[str, Any], measure: Measure) -> Verdict:
    """The model scores well enough on a labelled table: `table` ("validation"), `low`, `high`."""
    found = measure(model, table)
    low, high = float(given.get("low", -np.inf)), float(given.get("high", np.inf))
    return Verdict(
        bool(low <= found <= high), f"model on {table.name}: metric {found:.6g}, expected {low:.6g} to {high:.6g}, n = {table.n_rows:,}."
    )


def model_answers(model: Model, table: Table, given: Mapping[str, Any]) -> Verdict:
    """The model does not answer one class only: `table` ("validation"), `max_share` of the commonest answer."""
    answers = np.asarray(model.predict(table).prediction).astype(str)
    shares = np.unique(answers, return_counts=True)[1] / max(len(answers), 1)
    found, most = float(shares.max()) if len(shares) else 1.0, float(given.get("max_share", 0.99))
    said = f"model on {table.name}: the commonest answer has a share of {found:.4f}, expected at most {most:.4f}"
    return Verdict(found <= most, f"{said}, n = {len(answers):,}.")


def artifact_parameters(artifact: Description, given: Mapping[str, Any]) -> Verdict:
    """The artifact was built with the parameters it was meant to have: `parameters`, a table of full name = value."""
    wanted: Mapping[str, Any] = given["parameters"]
    wrong = [
        f"{name} = {_shown(artifact.parameters.get(name))} (expected {_shown(v)})"
        for name, v in wanted.items()
        if not _same(artifact.parameters.get(name), v)
    ]
    said = f"; wrong: {', '.join(wrong)}" if wrong else ""
    return Verdict(not wrong, f"model: {len(wanted) - len(wrong)} of {len(wanted)} parameters as meant{said}.")


def artifact_uses(artifact: Description, given: Mapping[str, Any]) -> Verdict:
    """Every column that should reach the model does: `columns`."""
    used = set(artifact.fitted.get("used") or artifact.features or ())
    absent = [c for c in given["columns"] if c not in used]
    said = f"; absent: {', '.join(absent)}" if absent else ""
    return Verdict(not absent, f"model: uses {len(given['columns']) - len(absent)} of {len(given['columns'])} columns{said}.")


def artifact_finite(artifact: Description) -> Verdict:
    """The artifact's weights are numbers, none of them NaN or infinite; no parameters."""
    found = "numbers" if artifact.finite else "NaN or infinite"
    return Verdict(artifact.finite, f"model: weights are {found}, expected numbers, n = 1 artifact.")


def artifact_rows(artifact: Description, table: Table, given: Mapping[str, Any]) -> Verdict:
    """The artifact saw as many rows as the table holds: `table` ("train"), `ratio` (1) of rows seen to rows, `tolerance` (0.02)."""
    seen = max(
        (float(np.max(s["samples"])) for s in artifact.fitted.get("scalers", ()) if s.get("samples") is not None), default=float("nan")
    )
    expected = float(given.get("ratio", 1.0)) * table.n_rows
    green = bool(abs(seen - expected) <= float(given.get("tolerance", 0.02)) * expected) if np.isfinite(seen) else False
    return Verdict(green, f"model: fitted on {seen:,.0f} rows, expected {expected:,.0f} of {table.name}, n = {table.n_rows:,}.")


def scaler_matches(artifact: Description, table: Table, given: Mapping[str, Any]) -> Verdict:
    """Scaling parameters are those of the table: `table` ("train"), `tolerance` (0.1) in standard deviations."""
    worst, where, n = 0.0, "no column", 0
    for scaler in artifact.fitted.get("scalers", ()):
        for column, mean, scale in zip(scaler["columns"], scaler.get("mean") or (), scaler.get("scale") or (), strict=False):
            if column not in table or table.kind(column) != "numeric" or mean is None or scale is None:
                continue
            values = table.numbers(column)
            values = values[np.isfinite(values)]
            spread = float(values.std()) if len(values) else 0.0
            if spread == 0 or scale <= 0:
                continue
            n += 1
            off = max(abs(float(mean) - float(values.mean())) / spread, abs(float(np.log(float(scale) / spread))))
            worst, where = max((worst, where), (off, column))
    tolerance = float(given.get("tolerance", 0.1))
    return Verdict(
        worst <= tolerance,
        f"model: scaling of {where} is {worst:.4f} deviations off {table.name}, expected at most {tolerance:g}, n = {n} columns.",
    )


def code_fingerprint(files: Mapping[str, str]) -> str:
    """A hash of what Python files do, the same whatever their comments, docstrings and layout; other files by their text."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(files):
        try:
            tree = ast.parse(files[name]) if name.endswith(".py") else None
        except SyntaxError:
            tree = None
        for node in ast.walk(tree) if tree else ():
            body = getattr(node, "body", None)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) and isinstance(body, list) and body:
                first = body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                    node.body = body[1:] or [ast.Pass()]
        digest.update((ast.dump(tree) if tree else files[name]).encode())
    return digest.hexdigest()


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, bool) or isinstance(expected, bool) or not isinstance(found, int | float) or not isinstance(expected, int | float):
        return bool(_plain(found) == _plain(expected))
    return bool(abs(float(found) - float(expected)) <= 1e-12 * max(1.0, abs(float(expected))))


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _shown(value: Any) -> str:
    return "null" if value is None else f"{value!r}"
