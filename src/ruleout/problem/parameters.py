"""Which configuration key is which estimator parameter: nobody says, so it is found by value."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ruleout.case.case import ABSENT

__all__ = ["SEEDS", "changed_keys", "match_parameters", "same_value"]

SEEDS = frozenset({"seed", "random_state", "random_seed"})
"""Keys that seed a run."""

NO_EFFECT = SEEDS | frozenset(
    {
        "run_id",
        "run_name",
        "name",
        "timestamp",
        "created",
        "created_at",
        "date",
        "author",
        "version",
        "comment",
        "notes",
        "verbose",
        "n_jobs",
    }
)
"""Keys that say how a run is called or seeded, not what it does."""


def same_value(first: Any, second: Any) -> bool:
    """Whether two values of a configuration mean the same: 1 and 1.0, a list and a tuple, text and number alike."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second or str(first).lower() == str(second).lower()
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        return first == second or abs(first - second) <= 1e-12 * max(abs(first), abs(second))
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(same_value(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return {str(k) for k in first} == {str(k) for k in second} and all(
            same_value(v, {str(k): w for k, w in second.items()}[str(n)]) for n, v in first.items()
        )
    if first is None or second is None:
        return first is second
    return type(first) is type(second) and bool(first == second)


def changed_keys(base: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The top-level keys in which `wanted` differs from `base`, with their wanted values; `ABSENT` for a key that is gone.

    Keys that only name or seed a run do not count.
    """
    if base is None or wanted is None:
        return {}
    changes: dict[str, Any] = {}
    for key in {**base, **wanted}:
        if str(key).lower() in NO_EFFECT:
            continue
        if key not in wanted:
            changes[key] = ABSENT
        elif key not in base or not same_value(base[key], wanted[key]):
            changes[key] = wanted[key]
    return changes


def match_parameters(configs: Mapping[str, Mapping[str, Any] | None], parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Map each configuration key that differs between the sides to the one estimator parameter that differs alike.

    Parameters
    ----------
    configs
        Configuration by side name.
    parameters
        Estimator parameters by side name, for the sides whose artifact opens; one side is enough.

    Returns
    -------
    Key to parameter name, for the keys that could be told: the value agrees on every side that opens, and where several
    parameters agree, the name is the closest.
    """
    reference, current = configs.get("reference") or {}, configs.get("current") or {}
    found: dict[str, str] = {}
    for key in changed_keys(reference, current):
        wanted = {side: config.get(key, ABSENT) for side, config in (("reference", reference), ("current", current))}
        names = set.intersection(*(set(p) for p in parameters.values())) if parameters else set()
        agreeing = [
            name
            for name in sorted(names)
            if all(wanted[side] is ABSENT or same_value(held[name], wanted[side]) for side, held in parameters.items())
        ]
        if len(parameters) == 2:
            agreeing = [name for name in agreeing if not same_value(parameters["reference"][name], parameters["current"][name])]
        close = sorted(agreeing, key=lambda name: (-_likeness(key, name), len(name)))
        if close and (len(parameters) == 2 or _likeness(key, close[0]) >= 0.6):
            found[key] = close[0]
    return found


def _likeness(key: str, parameter: str) -> float:
    key, last = key.lower().split(".")[-1], parameter.lower().split("__")[-1]
    if key == last:
        return 1.0
    return difflib.SequenceMatcher(None, key, last).ratio() + (0.2 if key in last or last in key else 0.0)
