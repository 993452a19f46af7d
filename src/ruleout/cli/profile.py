"""`ruleout profile`: what a table holds."""

from __future__ import annotations

from pathlib import Path

import click

from ruleout.cli.options import engine_option
from ruleout.cli.output import console, print_bytes, writable
from ruleout.errors import RuleoutError

__all__ = ["profile"]


@click.command(short_help="Say what a table holds, and keep it as a profile.")
@click.argument("table")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Keep the profile: a case may name it in place of the table.")
@engine_option
@click.option("--json", metavar="FILE", help="Write the figures as JSON; - is standard output.")
def profile(table: str, out: Path | None, engine: str | None, json: str | None) -> None:
    """Read TABLE once and say what each of its columns holds.

    TABLE is a file, a glob in quotes, a folder of Hive partitions, or an address: s3://bucket/part-*.parquet,
    postgresql://host/base?table=name.
    """
    writable({"json": json})
    from ruleout.tables import read_table, write_profile
    from ruleout.tables.engines import open_engine

    if out is not None and out.suffix != ".profile":
        raise RuleoutError(f"--out {out}: expected a name that ends in .profile, by which it is known in place of a table; rename it.")
    opened = read_table(table)
    if engine is not None:
        opened = opened.on(open_engine(engine))
    found = opened.profile()
    if json:
        from json import dumps

        from ruleout.report.json import write_text

        text = dumps(found.to_dict(), ensure_ascii=False, indent=2, default=str) + "\n"
        print_bytes(text) if json == "-" else write_text(Path(json), text)
    if json != "-":
        from ruleout.report.columns import Columns

        console().print(Columns(found))
    if out is not None:
        write_profile(opened, out)
        click.echo(f"Wrote {out}", err=json == "-")
