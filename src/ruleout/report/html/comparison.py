"""Two tables side by side as one page that needs nothing else."""

from __future__ import annotations

from ruleout.report.html import distribution
from ruleout.report.html.page import write_page
from ruleout.report.side_by_side import headline, rows_said, rule, structure
from ruleout.report.wording import clean, plural
from ruleout.tables.side_by_side import SideBySide
from ruleout.tables.spoken import part

__all__ = ["comparison"]

DRAWN = 60
"""Columns that are drawn, the farthest moved first; the table names them all."""


def comparison(found: SideBySide, *, command: str = "") -> str:
    """Write a comparison as an HTML page; every text from the tables is escaped.

    Parameters
    ----------
    found
        Two tables side by side.
    command
        The line that made it, where it was typed.
    """
    verdict, subject = headline(found)
    compared = found.comparison
    drawn = [move for move in found.moves if move.moved][:DRAWN]
    drawn += [move for move in found.moves if not move.moved][: max(0, 12 - len(drawn))]
    return write_page(
        "comparison.html",
        title=f"{verdict.capitalize()}{': ' + subject if subject else ''}",
        verdict=verdict,
        subject=subject,
        sides=[
            (side, clean(origin), plural(n, "row"), plural(columns, "column"))
            for side, origin, n, columns in zip(
                ("reference", "current"), found.origins, (compared.n_reference, compared.n_current), found.n_columns, strict=True
            )
        ],
        structure=list(structure(found)),
        rows=[] if found.rows is None else list(rows_said(found.rows)),
        differing=[]
        if found.rows is None or not found.rows.n_shared
        else [(clean(c.column), part(c.n_differ / found.rows.n_shared), f"{c.n_differ:,}", clean(c.said)) for c in found.rows.differing],
        distributions=[
            distribution.card(f"distribution-{at}", move.column, move, ("reference", "current"))
            | {"why": "moved" if move.moved else "same"}
            for at, move in enumerate(drawn, start=1)
        ],
        moved=distribution.moved_rows(found.moves),
        rule=rule(found),
        command=command,
    )
