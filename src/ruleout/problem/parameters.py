"""Which configuration key is which estimator parameter: nobody says, so it is found by value."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ruleout.case.case import ABSENT
from ruleout.case.difference import config_difference, same_value

__all__ = ["SEEDS", "changed_keys", "match_parameters"]

SEEDS = frozenset({"seed", "random_state", "random_seed"})
"""Keys that seed a run."""


def changed_keys(base: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings in which `wanted` differs from `base`, by their dotted keys, with their wanted values; `ABSENT` for one that is gone.

    Keys that only name or seed a run do not count (`config_difference`).
    """
    return {} if base is None or wanted is None else {change.key: change.new for change in config_difference(base, wanted)}


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
    parameters agree, the name is the closest. Where one side alone opens, the names are alike or the value is a rare one.
    """
    reference, current = configs.get("reference") or {}, configs.get("current") or {}
    found: dict[str, str] = {}
    for change in config_difference(reference, current):
        key, wanted = change.key, {"reference": change.old, "current": change.new}
        names = set.intersection(*(set(p) for p in parameters.values())) if parameters else set()
        agreeing = [
            name
            for name in sorted(names)
            if all(wanted[side] is ABSENT or same_value(held[name], wanted[side]) for side, held in parameters.items())
        ]
        if len(parameters) == 2:
            agreeing = [name for name in agreeing if not same_value(parameters["reference"][name], parameters["current"][name])]
        close = sorted(agreeing, key=lambda name: (-_likeness(key, name), len(name)))
        if close and (len(parameters) == 2 or _likeness(key, close[0]) >= 0.6 or (len(close) == 1 and _rare(wanted, parameters))):
            found[key] = close[0]
    return found


def _rare(wanted: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether the value by which a parameter was found is none that many parameters have: a number other than 0 and 1."""
    values = [wanted[side] for side in parameters]
    return all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) not in (0, 1) for v in values)


def _likeness(key: str, parameter: str) -> float:
    key, last = key.lower().split(".")[-1], parameter.lower().split("__")[-1]
    if key == last:
        return 1.0
    return difflib.SequenceMatcher(None, key, last).ratio() + (0.2 if key in last or last in key else 0.0)
