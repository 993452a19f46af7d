"""The formats of fitted models, a module each: nothing is listed here, the folder is the list."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from ruleout.models.formats.format import Format, Opening

__all__ = ["Format", "Opening", "format_named", "format_of", "formats"]

LOOK = 512
"""Bytes at the beginning of a file that say what it is."""


@cache
def formats() -> tuple[Format, ...]:
    """Every format, in the order of their modules' names; none of their engines is imported."""
    found: list[Format] = []
    for module in pkgutil.iter_modules(__path__):
        held = vars(import_module(f"{__name__}.{module.name}")).values()
        found += [kind() for kind in held if isinstance(kind, type) and issubclass(kind, Format) and kind.__module__.endswith(module.name)]
    return tuple(kind for kind in found if type(kind) is not Format)


def format_of(path: Path) -> Format | None:
    """The format of an artifact, told by its first bytes and its name; None where it is of no known kind.

    Raises
    ------
    OSError
        It cannot be read.
    """
    start = b""
    if not path.is_dir():
        with path.open("rb") as file:
            start = file.read(LOOK)
    return next((kind for kind in formats() if kind.recognises(path, start)), None)


def format_named(name: str) -> Format:
    """The format of that name."""
    return next(kind for kind in formats() if kind.name == name)
