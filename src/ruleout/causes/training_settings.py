"""What the pages on settings make of training curves: whether a change would show like that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ruleout.case.case import ABSENT
from ruleout.case.difference import Change, Setting, change_size, kind_of_setting
from ruleout.causes.page import Finding, Look
from ruleout.causes.settings import changed_settings, evidence_of, look_at_settings
from ruleout.causes.training_run import Signs, last_word
from ruleout.problem.problem import Problem

__all__ = ["agreement", "explained_by_change", "look_at_run", "same_settings", "setting_evidence"]

CAPACITY = re.compile(
    r"hidden|units|width|layers|neurons|channels|d_model|embed|filters|num_leaves|max_leaves|max_depth|n_estimators|degree"
)
LENGTH = re.compile(r"epoch|max_iter|n_iter|steps|iterations|rounds|budget")
BATCH = re.compile(r"batch")
PATIENCE = re.compile(r"patience|early_stop|n_iter_no_change|tol$")
LEARNS = re.compile(r"unfreez|unfrozen|trainable|requires_grad|tuned_layers")
FROZEN = re.compile(r"freez|frozen|fixed_layers")
CLIP = re.compile(r"clip|max_norm|max_grad")
SHAPE = re.compile(r"activation|init|optimizer|optimiser|solver|norm|dtype|precision|amp|loss|objective|scale|residual|criterion|eps")


def agreement(change: Change, signs: Signs, *configs: Mapping[str, Any] | None) -> float:
    """How well the illness that a changed setting would cause is the one that the run shows, 0 to 1."""
    key, up = last_word(change.path[-1]), _direction(change)
    kind = kind_of_setting(change.path, *configs)
    s = signs
    poor = max(s.high, s.slow, s.standing, s.unfinished)
    wild = max(s.broke, s.shaking, 0.8 * s.high, 0.8 * s.standing, 0.8 * s.dead, 0.4 * s.turned, 0.4 * s.wide)
    close = max(s.turned, s.wide)
    if CLIP.search(key) and not CAPACITY.search(key):
        return max(s.broke, s.exploding, s.shaking) if _unbounded(change.new) or (up and not _unbounded(change.old)) else max(poor, s.slow)
    if kind == "learning-rate":
        if up is None:
            return max(wild, poor, close)
        return max(wild, 0.4 * close) if up else max(poor, 0.4 * close)
    if kind == "regularization":
        looser = not up if up is not None else None
        if key in ("c", "subsample", "num_leaves", "max_leaves", "max_leaf_nodes", "max_depth", "depth", "feature_fraction"):
            looser = up
        if looser is None:
            return max(close, poor)
        return max(close, 0.3 * s.broke) if looser else max(s.high, 0.9 * s.standing, 0.7 * s.slow, 0.5 * s.unfinished, 0.4 * s.broke)
    table: tuple[tuple[re.Pattern[str], float, float], ...] = (
        # What is frozen does not learn, however many layers there are.
        (LEARNS, close, max(s.high, s.standing, 0.7 * s.slow)),
        (FROZEN, max(s.high, s.standing, 0.7 * s.slow), close),
        (PATIENCE, close, max(s.unfinished, s.high)),
        (LENGTH, close, max(s.unfinished, s.high, s.slow)),
        (BATCH, max(s.unfinished, s.high, s.slow), max(s.shaking, 0.6 * close, 0.6 * s.broke)),
        (CAPACITY, max(close, 0.7 * s.standing, 0.7 * s.broke, s.vanishing, s.exploding), max(s.high, s.standing, 0.7 * s.slow)),
    )
    for pattern, when_up, when_down in table:
        if pattern.search(key):
            return max(when_up, when_down) if up is None else when_up if up else when_down
    return (0.9 if SHAPE.search(key) else 0.6) * s.strongest


def setting_evidence(change: Change, n_changes: int, signs: Signs, *configs: Mapping[str, Any] | None) -> float:
    """Log likelihood ratio of a changed setting and the curves together: the size of the change, and whether its illness is seen."""
    kind = kind_of_setting(change.path, *configs)
    agrees = agreement(change, signs, *configs)
    alone = 0.8 if n_changes == 1 else 0.0
    return min(3.9, evidence_of(change_size(change.old, change.new), kind) + alone + 2.0 * agrees - (1.8 if agrees < 0.2 else 0.0))


def explained_by_change(problem: Problem, signs: Signs) -> bool:
    """Whether a setting that differs between the sides would show like this: then its own page comes first."""
    configs = [side.config for side in (problem.case.reference, problem.case.current) if side]
    return any(agreement(change, signs, *configs) >= 0.35 for change in changed_settings(problem).changes)


def same_settings(problem: Problem) -> bool:
    """Whether both sides have configurations and these say the same."""
    found = changed_settings(problem)
    return bool(found.source) and not found.changes


def look_at_run(problem: Problem, kind: Setting, signs: Signs, own: tuple[Finding, ...]) -> Look:
    """The changed settings of one kind, weighed by whether the curves show what each would do; without any, the page's own findings.

    Parameters
    ----------
    own
        What the page sees in the curves and in the current configuration alone.
    """
    look = look_at_settings(problem, kind)
    changes = {c.path: c for c in changed_settings(problem).changes}
    configs = [side.config for side in (problem.case.reference, problem.case.current) if side]
    found = []
    for finding in look.findings:
        change = changes[tuple(finding.repair["path"])]
        evidence = setting_evidence(change, len(changes), signs, *configs)
        if evidence > 0:
            found.append(replace(finding, evidence=evidence))
    if found or own:
        findings = tuple(sorted(found or own, key=lambda f: -f.evidence))
        return Look(findings, 0.9, covers=("config", "history"))
    n = signs.figures.get("n", 0)
    said = look.statement if look.power else f"history: the curves show nothing of this kind, n = {n:,} records."
    return Look((), 0.8 if look.power else 0.7, said, ("config", "history"))


def _direction(change: Change) -> bool | None:
    """True where a setting became more, False where less, None where neither can be said."""
    old, new = (_amount(v) for v in (change.old, change.new))
    if old is None or new is None or old == new:
        return None
    return new > old


def _unbounded(value: Any) -> bool:
    """Whether a bound on gradients is none: absent, null, off or 0."""
    return value is ABSENT or value is None or value is False or value == 0


def _amount(value: Any) -> float | None:
    if value is ABSENT or value is None or value is False:
        return 0.0
    if isinstance(value, bool):
        return 1.0
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple) and value and all(isinstance(v, int | float) for v in value):
        return float(len(value)) * 1e-3 + float(sum(value))
    return None
