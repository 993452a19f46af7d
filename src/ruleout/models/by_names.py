"""A model that spells its columns otherwise than the table: LightGBM writes `mean radius` as `mean_radius`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ruleout.models.model import Description, Model
from ruleout.models.wrapped import Wrapped
from ruleout.tables.table import Table

__all__ = ["ByNames", "spelled"]


def spelled(features: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Return the column that each feature is, by what an exporter makes of a name; {} where some feature is no column.

    Parameters
    ----------
    features
        As the model names them.
    columns
        As the table names them.
    """
    by_sign: dict[str, list[str]] = {}
    for column in columns:
        by_sign.setdefault(_plain(column), []).append(column)
    found: dict[str, str] = {}
    for feature in features:
        if feature in columns:
            found[feature] = feature
            continue
        near = by_sign.get(_plain(feature), [])
        if len(near) != 1:
            return {}
        found[feature] = near[0]
    return found if len(set(found.values())) == len(found) else {}


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


class ByNames(Wrapped):
    """A model asked by the table's own names.

    Parameters
    ----------
    model
        The model as it opened.
    columns
        The table's name of each of its features.
    """

    def __init__(self, model: Model, columns: Mapping[str, str]) -> None:
        super().__init__(model)
        self.columns = dict(columns)

    def _told(self, found: Description) -> Description:
        told = self.columns.get
        fitted = dict(found.fitted)
        for name in ("categories", "importances", "imputers", "encodings"):
            if isinstance(fitted.get(name), Mapping):
                fitted[name] = {told(k, k): v for k, v in fitted[name].items()}
        fitted["used"] = [told(c, c) for c in fitted.get("used", ())]
        fitted["scalers"] = [{**s, "columns": [told(c, c) for c in s["columns"]]} for s in fitted.get("scalers", ())]
        return replace(found, features=tuple(told(c, c) for c in found.features or ()), fitted=fitted)

    def _around(self, model: Model) -> Model:
        return ByNames(model, self.columns)

    def _taken(self, table: Table, *more: str) -> Table:
        del more  # A target is in the table as it is.
        back = {column: feature for feature, column in self.columns.items()}
        arrow = table.arrow.rename_columns([back.get(c, c) for c in table.columns])
        return Table(arrow, name=table.name, origin=table.origin)
