"""What the pages on settings share: which settings differ between the sides, and how one of them is put right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ruleout.case.case import ABSENT, Case, SideName
from ruleout.case.difference import Change, Setting, change_size, config_difference, kind_of_setting, same_value, with_value
from ruleout.causes.page import Finding, Look
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["Settings", "changed_settings", "contradicted", "guard_setting", "look_at_settings", "put_setting"]

WEIGHTLESS = ("copy", "copy_X", "copy_x", "memory", "warm_start", "cache_size", "feature_name_combiner", "verbose_feature_names_out")
KINDS: Mapping[Setting, str] = {
    "regularization": "regularisation strength",
    "learning-rate": "learning rate or its schedule",
    "hyperparameter": "other kinds",
    "threshold": "decision threshold",
}


class Settings(NamedTuple):
    """The settings that differ, how many were compared, and whether they stand in `config` files or in the artifacts' `parameters`."""

    changes: tuple[Change, ...]
    n: int
    source: str


def changed_settings(problem: Problem) -> Settings:
    """What the sides' configurations differ in; where a side has none, what the artifacts' own parameters differ in."""
    reference, current = problem.case.reference, problem.case.current
    if reference is None:
        return Settings((), 0, "")
    if reference.config is not None and current.config is not None:
        n = len(dict(_leaves(reference.config)) | dict(_leaves(current.config)))
        changes = tuple(config_difference(reference.config, current.config))
        unseen = () if changes else _parameters(problem).changes
        return Settings(unseen, n, "parameters") if unseen else Settings(changes, n, "config")
    return _parameters(problem)


def _parameters(problem: Problem) -> Settings:
    """What the artifacts' own parameters differ in: a setting may have changed where no configuration file says it."""
    first, second = problem.laboratory.model("reference"), problem.laboratory.model("current")
    if first is None or second is None:
        return Settings((), 0, "")
    was, now = first.describe(), second.describe()
    shared = [k for k in was.parameters if k in now.parameters and k.rsplit("__", 1)[-1] not in WEIGHTLESS]
    if was.estimator != now.estimator:
        return Settings((Change(("estimator",), was.estimator, now.estimator),), len(shared) + 1, "parameters")
    changes = config_difference({k: was.parameters[k] for k in shared}, {k: now.parameters[k] for k in shared})
    # What its own configuration contradicts was not set so: the artifact is another run's, or none that was finished.
    said = contradicted(problem)
    return Settings(tuple(c for c in changes if c.key not in said), len(shared), "parameters")


def contradicted(problem: Problem) -> dict[str, Any]:
    """Parameters of the current artifact that its configuration gives otherwise, by name, with what the configuration says.

    A key is taken for a parameter where both have one last name and, in the reference, one value.
    """
    reference, current = problem.case.reference, problem.case.current
    first, second = problem.laboratory.model("reference"), problem.laboratory.model("current")
    if reference is None or reference.config is None or current.config is None or first is None or second is None:
        return {}
    was, now = first.describe().parameters, second.describe().parameters
    before, after = dict(_leaves(reference.config)), dict(_leaves(current.config))
    out: dict[str, Any] = {}
    for key, value in after.items():
        if key not in before:
            continue
        last = key.rsplit(".", 1)[-1]
        for name in (p for p in was if p.rsplit("__", 1)[-1] == last and p in now):
            if same_value(was[name], before[key]) and not same_value(now[name], value):
                out[name] = value
    return out


def look_at_settings(problem: Problem, kind: Setting) -> Look:
    """One finding for each setting of one kind that differs between the sides."""
    found = changed_settings(problem)
    if not found.source:
        return Look(statement="config: no configuration and no parameters on both sides, n = 0 settings compared.")
    configs = [side.config for side in (problem.case.reference, problem.case.current) if side]
    mine = [c for c in found.changes if kind_of_setting(c.path, *configs) == kind]
    findings = sorted((_finding(c, found, kind) for c in mine), key=lambda f: -f.evidence)
    if found.source == "parameters" and None not in configs:
        # The files say the same and the artifacts do not: something else (code, a package) may have set the parameter.
        findings = [replace(f, component="environment", evidence=0.6 * f.evidence, specificity=0.6) for f in findings]
    power = 0.98 if found.source == "config" else 0.9
    if findings:
        return Look(tuple(findings), power, covers=("config",))
    return Look(
        (), power, f"config: no setting of the {KINDS[kind]} differs from the reference, expected 0, n = {found.n} settings.", ("config",)
    )


def put_setting(case: Case, finding: Finding, side: SideName, which: str) -> Case | None:
    """The case with one side's setting at its "healthy" or "broken" value; None where the side has no such setting to set."""
    held = case.side(side)
    if held is None or "path" not in finding.repair or (which == "broken" and side == finding.side):
        return None
    path = tuple(finding.repair["path"])
    if path == ("estimator",):
        return None
    return case.with_config(side, with_value(held.config, path, finding.repair[which]))


def guard_setting(cause: str, finding: Finding) -> Guard | None:
    """A guard that the setting has the value that it had when the system worked."""
    if "path" not in finding.repair:
        return None
    if finding.repair.get("source") != "config":
        parameters = {".".join(finding.repair["path"]): finding.repair["healthy"]}
        said = f"{finding.place} is not what it was when the model worked."
        return Guard(cause, finding.place, "artifact_parameters", "model", {"parameters": parameters}, said)
    healthy = finding.repair["healthy"]
    key = ".".join(finding.repair["path"])
    yardstick = {"key": key, "absent": True} if healthy is ABSENT else {"key": key, "value": healthy}
    said = f"{finding.place} is not {'absent' if healthy is ABSENT else repr(healthy)}, as it was when the model worked."
    return Guard(cause, finding.place, "config_equals", "config", yardstick, said)


def _finding(change: Change, found: Settings, kind: Setting) -> Finding:
    size = change_size(change.old, change.new)
    name = change.key if found.source == "config" else change.path[-1].rsplit("__", 1)[-1]
    by = f", factor {math.exp(size):.4g}" if size is not None else ""
    statement = (
        f"config.{name}: {_shown(change.new)}, in the reference {_shown(change.old)}{by};"
        f" {len(found.changes)} of n = {found.n} settings differ, expected 0."
    )
    return Finding(
        place=f"config.{name}",
        component="config",
        evidence=evidence_of(size, kind),
        statement=statement,
        figures={"reference": _plain(change.old), "current": _plain(change.new), "log_ratio": size, "n": found.n},
        repair={"path": change.path, "healthy": change.old, "broken": change.new, "source": found.source},
        specificity=0.8,
    )


def evidence_of(size: float | None, kind: Setting) -> float:
    """Log likelihood ratio of a change of this size, under harm by it against a harmless edit.

    A judgement, not an estimate: 0.5 for any change, rising to 3 as 1 - exp(-|log ratio| / log 3), so that a factor of 3 counts
    2.1 and one of 1.1 counts 0.7; a change that has no ratio (a name, a switch, none) counts 1.8.
    """
    most = 2.5 if kind != "hyperparameter" else 2.2
    return 1.8 if size is None else 0.5 + most * (1.0 - math.exp(-size / math.log(3.0)))


def _leaves(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted key."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _plain(value: Any) -> Any:
    return "absent" if value is ABSENT else value


def _shown(value: Any) -> str:
    text = "absent" if value is ABSENT else "null" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
