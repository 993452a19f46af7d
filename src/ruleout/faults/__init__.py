"""Faults: each breaks a healthy system in one way, and knows what it did."""

from __future__ import annotations

import importlib
import pkgutil

from ruleout.errors import UnknownCause, nearest
from ruleout.faults.fault import Broken, Fault, Inapplicable, Severity, Truth
from ruleout.faults.folder import as_case, write_case
from ruleout.faults.system import ESTIMATORS, System, healthy_system

__all__ = [
    "ESTIMATORS",
    "Broken",
    "Fault",
    "Inapplicable",
    "Severity",
    "System",
    "Truth",
    "as_case",
    "catalog",
    "fault",
    "healthy_system",
    "write_case",
]


def catalog(*buckets: str) -> tuple[Fault, ...]:
    """Every fault of some buckets, by default `data`, `model` and `pipeline`; `healthy` holds the harmless changes."""
    found: list[Fault] = []
    for bucket in buckets or ("data", "model", "pipeline"):
        package = importlib.import_module(f"ruleout.faults.{bucket}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            found.append(getattr(loaded, "".join(part.capitalize() for part in module.name.split("_")))())
    return tuple(found)


def fault(name: str) -> Fault:
    """One fault by its id."""
    entries = {entry.id(): entry for entry in catalog("data", "model", "pipeline", "healthy")}
    if name not in entries:
        raise UnknownCause(f'no fault "{name}" ({len(entries)} faults).{nearest(name, entries)}')
    return entries[name]
