"""A setting that changed: what most faults of the model have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Plan, on_current
from ruleout.faults.system import System

__all__ = ["Choices", "draw_setting"]

Choices = Mapping[str, tuple[tuple[str, Mapping[str, tuple[Any, ...]]], ...]]
"""By algorithm: (key, values to draw from by severity)."""


def draw_setting(system: System, rng: np.random.Generator, severity: str, choices: Choices, *, accept: tuple[str, ...] = ()) -> Plan:
    """Change one setting of the current configuration, drawn from what the algorithm has."""
    options = choices.get(system.current.config["algorithm"], ())
    if not options:
        raise Inapplicable(f"{system.current.config['algorithm']} has no such setting")
    key, by_severity = options[int(rng.integers(len(options)))]
    values = by_severity[severity]
    value = values[int(rng.integers(len(values)))]
    if callable(value):
        value = value(system)
    was = system.current.config.get(key)
    return Plan(
        on_current(lambda half: half.with_config(**{key: value})), (f"config.{key}",), {"key": key, "was": was, "is": value}, accept=accept
    )
