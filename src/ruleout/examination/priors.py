"""Priors by situation, read from one versioned file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["priors"]


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(resources.files("ruleout.examination").joinpath("priors.toml").read_text(encoding="utf-8"))


def priors(situation: str, causes: Iterable[str]) -> dict[str, float]:
    """Return the probability that each cause is present, given what changed.

    Parameters
    ----------
    situation
        A table of `priors.toml` ("retraining"); one that it does not hold gives every cause the default.
    causes
        Cause ids to give a prior to.
    """
    table = _file().get(situation, {})
    return {cause: float(table.get(cause, _file()["default"]["prior"])) for cause in causes}
