"""`ruleout compare`: two tables side by side."""

from __future__ import annotations

import sys

import click

from ruleout.cli.options import engine_option
from ruleout.cli.output import command_line, console, writable, write

__all__ = ["compare"]


@click.command(short_help="Hold two tables side by side: what moved?")
@click.argument("reference")
@click.argument("current")
@click.option("--columns", metavar="NAMES", multiple=True, help="Columns to look at, with commas between; may be repeated.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="A column to leave out; may be repeated.")
@click.option("--key", metavar="NAMES", multiple=True, help="Row identifier: rows of both tables are also held against each other by it.")
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="Show the N columns that moved farthest; 0 for all.  [default: 25]")
@engine_option
@click.option("--json", metavar="FILE", help="Write the comparison as JSON; - is standard output.")
@click.option("--html", metavar="FILE", help="Write the comparison as one HTML page that needs nothing else; - is standard output.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict alone.")
def compare(
    *,
    reference: str,
    current: str,
    columns: tuple[str, ...],
    ignore: tuple[str, ...],
    key: tuple[str, ...],
    limit: int | None,
    engine: str | None,
    json: str | None,
    html: str | None,
    quiet: bool,
) -> None:
    """Hold two tables side by side, the columns that moved farthest first.

    REFERENCE and CURRENT are Parquet, CSV or JSON lines files, or patterns such as "day/part-*.parquet".

    Exits with 0 where nothing moved, 1 where something did, 2 where a table could not be read.
    """
    writable({"json": json, "html": html})
    import ruleout

    found = ruleout.compare(reference, current, columns=columns or None, ignore=ignore, key=key, engine=engine)
    piped = "-" in (json, html)
    if not piped:
        from ruleout.report.side_by_side import LIMIT, Beside

        console().print(Beside(found, LIMIT if limit is None else limit, quiet))
    note = None if quiet or piped else click.echo
    if json:
        from ruleout.report.json import to_json

        write(to_json(found), json, "json", note=note)
    if html:
        from ruleout.report.html import comparison

        write(comparison(found, command=command_line()), html, "html", note=note)
    sys.exit(found.exit_code)
