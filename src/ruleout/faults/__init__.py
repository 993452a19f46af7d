"""Faults: each breaks a healthy system in one way, and knows what it did."""

from __future__ import annotations

import importlib
import pkgutil

from ruleout.errors import UnknownCause, nearest
from ruleout.faults.fault import SITUATIONS, Broken, Fault, Inapplicable, Severity, Situation, Truth
from ruleout.faults.folder import as_case, write_case
from ruleout.faults.system import ESTIMATORS, System, healthy_system

__all__ = [
    "ESTIMATORS",
    "SITUATIONS",
    "Broken",
    "Fault",
    "Inapplicable",
    "Severity",
    "Situation",
    "System",
    "Truth",
    "as_case",
    "catalog",
    "fault",
    "healthy_system",
    "write_case",
]


def catalog(*buckets: str) -> tuple[Fault, ...]:
    """Every fault of some buckets, by default `data`, `model` and `pipeline`; `healthy` holds the harmless changes.

    A file's own class comes first, then those of further situations (`Scaling`, `ScalingServing`).
    """
    found: list[Fault] = []
    for bucket in buckets or ("data", "model", "pipeline"):
        package = importlib.import_module(f"ruleout.faults.{bucket}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            own = "".join(part.capitalize() for part in module.name.split("_"))
            further = [own + "".join(part.capitalize() for part in situation.split("-")) for situation in SITUATIONS]
            found += [getattr(loaded, name)() for name in (own, *further) if hasattr(loaded, name)]
    return tuple(found)


def fault(name: str) -> Fault:
    """One fault by its name: the id, or the id, an @ and the situation (`pipeline.scaling@serving`)."""
    entries = {entry.name(): entry for entry in catalog("data", "model", "pipeline", "healthy")}
    if name not in entries:
        raise UnknownCause(f'no fault "{name}" ({len(entries)} faults).{nearest(name, entries)}')
    return entries[name]
