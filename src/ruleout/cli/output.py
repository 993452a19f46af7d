"""Where a command's words and reports go: the terminal, standard output as bytes, files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ruleout.errors import RuleoutError

if TYPE_CHECKING:
    from ruleout.report.ink import ReportConsole

__all__ = ["command_line", "console", "keep_command_line", "print_bytes", "writable", "write"]

_TYPED = "ruleout.typed"


def write(text: str, file: str, format_: str, *, note: Callable[[str], None] | None) -> None:
    """Write a report; where its place has become unwritable meanwhile, keep it in another and say so."""
    from ruleout.report.json import write_text

    if file == "-":
        print_bytes(text)
        return
    try:
        write_text(Path(file), text)
    except OSError as error:
        import tempfile

        handle, kept = tempfile.mkstemp(prefix="ruleout-", suffix=f".{format_}")
        os.close(handle)
        Path(kept).write_text(text, encoding="utf-8")
        raise RuleoutError(
            f"--{format_} {file}: it could not be written ({error.strerror or error}); the report is kept in {kept}."
        ) from error
    if note:
        note(f"Wrote {file}")


def writable(files: Mapping[str, str | None]) -> None:
    """Report a place that cannot be written to before an investigation is spent on it.

    Parameters
    ----------
    files
        The file that each format is to be written to, by the format's name; None for none, "-" for standard output.
    """
    piped = [f"--{format_} -" for format_, file in files.items() if file == "-"]
    if len(piped) > 1:
        raise click.UsageError(f"{' and '.join(piped)} cannot both be standard output; give one of them a file.")
    for option, file in ((f"--{format_}", file) for format_, file in files.items()):
        if file in {None, "-"}:
            continue
        path = Path(str(file)).resolve()
        if path.is_dir():
            raise RuleoutError(f"{option} {file}: that is a folder; name a file in it.")
        if not path.parent.is_dir():
            raise RuleoutError(f"{option} {file}: there is no folder {path.parent}; make it, or name another file.")
        if not os.access(path if path.exists() and not path.is_file() else path.parent, os.W_OK) or (
            path.is_file() and not os.access(path, os.W_OK)
        ):
            raise RuleoutError(f"{option} {file}: you may not write there; name another file.")


def console(*, err: bool = False) -> ReportConsole:
    """The terminal, or what stands in for it."""
    from ruleout.report.ink import ReportConsole

    return ReportConsole.to(sys.stderr if err else sys.stdout)


def print_bytes(text: str) -> None:
    """Print UTF-8 whatever the terminal's encoding: that is what JSON and Markdown are read as."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def keep_command_line(ctx: click.Context, args: Sequence[str]) -> None:
    """Keep the arguments as they were typed."""
    ctx.meta[_TYPED] = tuple(args)


def command_line() -> str:
    """The line that was typed, as a shell would read it; "" outside a command."""
    import shlex

    ctx = click.get_current_context(silent=True)
    typed = () if ctx is None else ctx.meta.get(_TYPED, ())
    return shlex.join(["ruleout", *typed]) if typed else ""
