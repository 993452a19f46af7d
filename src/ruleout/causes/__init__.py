"""The handbook: one page, one file, one class per cause. The tree is the table of contents."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ruleout.causes.page import Cause
from ruleout.errors import UnknownCause, nearest

__all__ = ["Cause", "catalog", "page"]


@cache
def catalog() -> tuple[Cause, ...]:
    """Every page, bucket by bucket, in alphabetical order."""
    found: list[Cause] = []
    for bucket in ("data", "model", "pipeline"):
        package = importlib.import_module(f"ruleout.causes.{bucket}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            name = "".join(part.capitalize() for part in module.name.split("_"))
            found.append(getattr(loaded, name)())
    return tuple(found)


def page(cause: str) -> Cause:
    """The page of one cause by its id."""
    for entry in catalog():
        if entry.id() == cause:
            return entry
    raise UnknownCause(f'no cause "{cause}" in the handbook ({len(catalog())} causes).{nearest(cause, [c.id() for c in catalog()])}')
