"""Options that several commands share."""

from __future__ import annotations

import click

from ruleout.errors import RuleoutError

__all__ = ["engine_option", "workers_option"]

engine_option = click.option(
    "--engine", metavar="ADDRESS", help="Who reads the tables: threads (default), spark, spark://host:7077, dask or tcp://host:8786."
)


def _workers(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    """Read a number of workers, or the address of those who work."""
    if value is None:
        return None
    from ruleout.runs import check_workers

    try:
        return check_workers(value)
    except RuleoutError as error:
        raise click.BadParameter(str(error), ctx, param) from error


workers_option = click.option(
    "--workers",
    metavar="N|ADDRESS",
    callback=_workers,
    help="Independent runs at once (default: a processor each), or a Dask scheduler whose workers make them (tcp://host:8786).",
)
