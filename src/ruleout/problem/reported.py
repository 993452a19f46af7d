"""What a side says of its model beside the artifact: its worth, digit for digit, and the order of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruleout.case.case import Case, Side
from ruleout.errors import RuleoutError
from ruleout.models.model import Model
from ruleout.problem.metric import Metric

__all__ = ["listed", "worth_as_reported"]

FEWEST_DIGITS = 3
"""Decimals that a report must have: two are met by many a model."""

MOST_ROWS = 50_000


def worth_as_reported(case: Case, held: Side, model: Model) -> bool:
    """Whether the side's reported metric is the model's on its validation rows, to the last digit that was written.

    False where nothing was reported, in fewer than three decimals, or of a metric that only the case's own code computes.
    """
    reported, table = held.metrics.get(str(case.metric)) if held.metrics else None, held.validation
    if not isinstance(reported, float) or table is None or case.target not in table or case.metric is None or ":" in case.metric:
        return False
    digits = len(repr(reported).partition(".")[2])
    if not FEWEST_DIGITS <= digits <= 17 or not 0 < table.n_rows <= MOST_ROWS or "e" in repr(reported):
        return False
    try:
        metric = Metric(case.metric, positive=case.positive, direction=case.direction or "higher")
        worth = metric.evaluate(table.values(str(case.target)), model.predict(table), rows=table.fingerprint).value
    except RuleoutError:
        return False
    # Arithmetic that was done in another order may move the last digits of a double.
    return abs(abs(worth) - abs(reported)) <= max(0.5 * 10.0**-digits, 1e-6 * abs(reported)) * 1.001


def listed(config: Mapping[str, Any] | None, features: Sequence[str]) -> tuple[str, ...]:
    """The features in the order in which a configuration lists them, in one list or in several; () where it does not list them all."""
    found = [c for names in _lists(config or {}) if set(names) <= set(features) for c in names]
    ordered = tuple(dict.fromkeys(found))
    return ordered if set(ordered) == set(features) else ()


def _lists(value: Any) -> Iterator[list[str]]:
    """The lists of names of a configuration, wherever they stand in it."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _lists(inner)
    elif isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
        yield list(value)
