"""Requirements: what is to be installed for a recorded environment, and for a mix of two."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ruleout.case.environment import Environment

__all__ = ["PYTHON", "Requirements", "differing", "mixed", "requirements_of"]

PYTHON = "python"
"""What the interpreter's own version is called among the packages that differ."""

REMOTE = re.compile(r"^(?:git\+|hg\+|https?://|file://)")
RULEOUT = "ruleout"


@dataclass(frozen=True)
class Requirements:
    """What is to be installed.

    Parameters
    ----------
    lines
        As in a requirements file, in the order of their names.
    python
        Version of the interpreter, as exactly as it is known ("3.11.7", "3.11"); None where nobody recorded it.
    left_out
        Packages that cannot be installed from what was recorded (a folder of another machine), by name.
    """

    lines: tuple[str, ...]
    python: str | None = None
    left_out: tuple[str, ...] = ()


def requirements_of(environment: Environment) -> Requirements:
    """Say what is to be installed for a recorded environment: exact versions as they are, ranges as they were written.

    A package that was installed from a folder is left out and named; one from an address is taken from there.
    """
    lines, left_out = [], []
    for name, version in sorted(environment.packages.items()):
        if name == RULEOUT:
            continue
        if REMOTE.match(version):
            lines.append(f"{name} @ {version}")
        elif "/" in version or "\\" in version or version.startswith("."):
            left_out.append(name)
        elif not version or version == "*":
            lines.append(name)
        else:
            lines.append(f"{name}=={version}" if version[0].isdigit() else f"{name}{version}")
    return Requirements(tuple(lines), _python(environment), tuple(left_out))


def differing(reference: Environment, current: Environment) -> tuple[str, ...]:
    """Return the packages that the two sides record otherwise, in the order of their names; the interpreter is called `python`.

    The interpreter counts only where both sides recorded it: a version that nobody knows cannot be put back.
    """
    first, second = dict(reference.packages), dict(current.packages)
    names = sorted(name for name in {**first, **second} if first.get(name) != second.get(name) and name != RULEOUT)
    was, now = _python(reference), _python(current)
    return (*([PYTHON] if was and now and was != now else []), *names)


def mixed(reference: Environment, current: Environment, upgraded: Collection[str]) -> Environment:
    """Return the reference's environment with some of the differing packages as they are in the current one.

    A package that only one side records is there or not, as its side has it. All else that was recorded (device, platform) is the
    reference's. With every differing package upgraded the mix is the current environment itself, with none the reference's.
    """
    every = set(differing(reference, current))
    if every <= set(upgraded):
        return current
    if not every & set(upgraded):
        return reference
    packages = dict(reference.packages)
    settings = dict(reference.settings)
    for name in upgraded:
        if name == PYTHON:
            settings[PYTHON] = current.settings[PYTHON]
        elif name in current.packages:
            packages[name] = current.packages[name]
        else:
            packages.pop(name, None)
    return Environment(dict(sorted(packages.items())), settings)


def _python(environment: Environment) -> str | None:
    """The interpreter's version, of a range its lower end."""
    found = re.search(r"\d+\.\d+(?:\.\d+)?", str(environment.settings.get(PYTHON, "")))
    return found[0] if found else None
