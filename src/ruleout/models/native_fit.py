"""What the furniture that can be fitted again shares: rows with a target, settings changed, and labels as the library wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.errors import ModelError, nearest
from ruleout.models.defaults import DEFAULT
from ruleout.models.scikit_learn import with_target
from ruleout.tables.table import Table

__all__ = ["Rows", "changed_settings", "rows_for"]


@dataclass(frozen=True)
class Rows:
    """Rows to learn from: the features in the model's order, the target as it stands, and its classes where they are known."""

    features: Table
    target: np.ndarray
    classes: tuple[Any, ...]

    @property
    def codes(self) -> np.ndarray:
        """The place of each row's class among `classes`, shape (n_rows,)."""
        places = {value: place for place, value in enumerate(self.classes)}
        return np.array([places[value] for value in self.target.tolist()], dtype=np.int64)


def rows_for(table: Table, target: str, features: Sequence[str] | None, name: str) -> Rows:
    """Return the rows of `table` whose target is not null.

    Parameters
    ----------
    table
        Training rows.
    target
        Label column.
    features
        The columns that the model was fitted on; None takes all but the target.
    name
        What errors call the model.

    Raises
    ------
    ModelError
        A column is missing, or no row has a target.
    """
    rows = with_target(table, target, name)
    wanted = [c for c in features if c != target] if features is not None else [c for c in rows.columns if c != target]
    lacking = [c for c in wanted if c not in rows]
    if lacking:
        raise ModelError(
            f"{name}: {table.origin} lacks {len(lacking)} of the {len(wanted)} columns it was fitted on: {lacking[0]!r}."
            f"{nearest(lacking[0], rows.columns)}"
        )
    values = rows.values(target)
    return Rows(rows.select(wanted), values, tuple(sorted(set(values.tolist()), key=lambda v: (str(type(v)), v))))


def changed_settings(known: Mapping[str, Any], changes: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Return a library's settings with some changed; one that is to have its default is left out.

    Raises
    ------
    ModelError
        There is no such setting.
    """
    settings = dict(known)
    for key, value in (changes or {}).items():
        if key not in known:
            raise ModelError(f"{name}: it records no parameter {key!r} ({len(known)} parameters).{nearest(key, known)}")
        if isinstance(value, str) and value == DEFAULT:
            settings.pop(key)
        else:
            settings[key] = value
    return settings
