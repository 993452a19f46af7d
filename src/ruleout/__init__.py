"""Find out why a machine-learning system broke.

>>> import ruleout
>>> case = ruleout.read_case("loan-default/", trust=True)  # doctest: +SKIP
>>> ruleout.investigate(case).summary  # doctest: +SKIP
'The new training table has wrong labels. ...'

Everything is loaded when it is first asked for: importing the package costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruleout import errors as errors
    from ruleout.case import read_case as read_case
    from ruleout.case.case import Case as Case
    from ruleout.case.case import Side as Side
    from ruleout.conclusion.conclusion import Conclusion as Conclusion
    from ruleout.conclusion.investigate import investigate as investigate
    from ruleout.errors import RuleoutError as RuleoutError
    from ruleout.tables.side_by_side import SideBySide as SideBySide

    __version__: str

__all__ = [
    "Case",
    "Conclusion",
    "RuleoutError",
    "Side",
    "SideBySide",
    "__version__",
    "compare",
    "errors",
    "explain",
    "investigate",
    "read_case",
]

_HOMES = {
    "Case": "ruleout.case.case",
    "Conclusion": "ruleout.conclusion.conclusion",
    "RuleoutError": "ruleout.errors",
    "Side": "ruleout.case.case",
    "SideBySide": "ruleout.tables.side_by_side",
    "investigate": "ruleout.conclusion.investigate",
    "read_case": "ruleout.case",
}


def compare(
    reference: Any,
    current: Any,
    *,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    key: Sequence[str] = (),
    engine: str | None = None,
) -> SideBySide:
    """Hold two tables side by side: which columns moved, how far, and in what.

    Parameters
    ----------
    reference, current
        A path or pattern (Parquet, CSV, JSON lines), or a data frame: pandas, Polars, Arrow, DuckDB, a dict of arrays.
    columns
        The columns to look at; by default all. A name, names with commas between, or a list of them.
    ignore
        Columns to leave out.
    key
        The row identifier: rows that both tables have are then also held against each other, value by value.
    engine
        Who reads the tables: `spark`, `spark://host:port`, `dask` or `tcp://host:port` (Parquet files alone); by default threads.

    Returns
    -------
    What was found: it prints itself, shows itself in a notebook, and `to_dict()` is the public JSON.

    Raises
    ------
    TableError
        A table cannot be read, or a column is named that is not there; with an engine also where its workers cannot read it.
    """
    from ruleout.tables.side_by_side import named, side_by_side, table_of

    tables = table_of(reference, "reference"), table_of(current, "current")
    if engine is not None:
        from ruleout.tables.engines import open_engine

        opened = open_engine(engine)
        tables = tables[0].on(opened), tables[1].on(opened)
    return side_by_side(
        *tables, columns=None if columns is None else named(columns, tables), ignore=named(ignore, tables), key=named(key, tables)
    )


def explain(cause: str) -> str:
    """Return the handbook's page about a cause, as it is written. Raises `UnknownCause`."""
    import inspect

    from ruleout.causes import page

    return inspect.cleandoc(type(page(cause)).__doc__ or "")


def __getattr__(name: str) -> Any:
    """Load a public name where it lives."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("ruleout")
    if name == "errors":
        return import_module("ruleout.errors")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ruleout' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
