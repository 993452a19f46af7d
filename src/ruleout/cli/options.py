"""Options that several commands share."""

from __future__ import annotations

import click

__all__ = ["engine_option"]

engine_option = click.option(
    "--engine", metavar="ADDRESS", help="Who reads the tables: threads (default), spark, spark://host:7077, dask or tcp://host:8786."
)
