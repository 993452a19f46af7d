"""The command line: each command parses, calls one room, prints, and answers with an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ruleout.cli.compare import compare
from ruleout.cli.options import engine_option, workers_option
from ruleout.cli.output import command_line, console, keep_command_line, print_bytes, writable, write
from ruleout.cli.profile import profile
from ruleout.errors import RuleoutError

if TYPE_CHECKING:
    from ruleout.case.budget import Budget
    from ruleout.case.case import Case
    from ruleout.conclusion.conclusion import Conclusion
    from ruleout.examination.examination import Event

__all__ = ["cli", "main"]

INTERRUPTED = 130
BROKEN_PIPE = 141
DEFECT = 70
"""A defect of ruleout itself (EX_SOFTWARE): Python's own 1 would read as "a cause was found"."""


class Commands(click.Group):
    """The commands, with one way out for what goes wrong: a sentence on standard error and the exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, and keep them as they were typed: a report says how it was made."""
        keep_command_line(ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except RuleoutError as error:
            _complain(str(error))
            ctx.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _complain("interrupted before a conclusion; nothing was written.", fresh_line=sys.stderr.isatty())
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _silence()
            ctx.exit(BROKEN_PIPE)


def _budget(ctx: click.Context, param: click.Parameter, value: str | None) -> Budget | None:
    """Read a budget: a length of time, a number of runs, or both."""
    if value is None:
        return None
    from ruleout.case.budget import budget_of

    try:
        return budget_of(value)
    except RuleoutError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about what is written where."""
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="Print the conclusion alone."),
        click.option("--html", metavar="FILE", help="Write the report as one HTML page that needs nothing else; - is standard output."),
        click.option("--markdown", metavar="FILE", help="Write the report as Markdown; - is standard output."),
        click.option("--json", metavar="FILE", help="Write the conclusion as JSON; - is standard output."),
    ):
        command = option(command)
    return command


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, value: _version(ctx, value),
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find out why a machine-learning system broke.

    Exit codes of an investigation: 0 nothing is wrong, 1 a cause was found, 2 the case could not be read, 3 inconclusive.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command(short_help="Find what broke a system.")
@click.argument("case", required=False, type=click.Path(path_type=Path))
@click.option("--reference", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the system when it worked.")
@click.option("--current", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the system that is broken.")
@click.option("--target", metavar="COLUMN", help="Label column.")
@click.option("--metric", metavar="NAME", help="A scikit-learn scorer, or module:function (needs --trust).")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="Inferred from the target where it is not given.")
@click.option("--positive", metavar="VALUE", help="Positive class.")
@click.option("--time", metavar="COLUMN", help="Event-time column.")
@click.option("--entity", metavar="COLUMN", help="What rows belong to (a customer, a patient).")
@click.option("--key", metavar="COLUMN", help="Row identifier.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="A column that is no feature; may be repeated.")
@click.option("--changed", type=click.Choice(["retraining", "deployment", "upgrade", "unknown"]), help="What happened before it broke.")
@click.option("--symptom", metavar="TEXT", help="What was noticed, in your own words.")
@click.option("--trust", is_flag=True, help="Let the case run code: open pickled models, run its [run] commands.")
@click.option("--show-runs", is_flag=True, help="Show what the case's [run] commands print, while they run.")
@click.option("--build-environments", is_flag=True, help="Install both sides' environments, and find which upgrade did it (needs --trust).")
@click.option(
    "--wheels",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The same, from the wheels in DIR alone, without network.",
)
@engine_option
@workers_option
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option("--guards", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Write a guard for each cause found there.")
@click.option(
    "--budget", metavar="BUDGET", callback=_budget, help="Stop after this long, or so many trainings or runs (10m, 12 runs, or both)."
)
@click.option("--cache", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Keep results there, to go on after a kill.")
@click.option("--no-cache", is_flag=True, help="Measure everything anew and keep nothing.")
@_report_options
def investigate(
    *,
    case: Path | None,
    seed: int,
    budget: Budget | None,
    cache: Path | None,
    no_cache: bool,
    build_environments: bool,
    wheels: Path | None,
    workers: int | str | None,
    guards: Path | None,
    json: str | None,
    html: str | None,
    markdown: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Find what broke the system in CASE: a case.toml, or a folder with reference/ and current/.

    Without CASE and without --current, the case is the folder you are in.
    """
    files = {"json": json, "html": html, "markdown": markdown}
    writable(files)
    from ruleout.case import read_case

    path = case if case or given["current"] else Path()
    found = _investigate(
        lambda: read_case(path, **given),
        seed=seed,
        budget=budget,
        cache=not no_cache and (cache or True),
        build_environments=build_environments,
        wheels=wheels,
        workers=workers,
        guards=guards,
        files=files,
        quiet=quiet,
    )
    sys.exit(found.exit_code)


cli.add_command(compare)
cli.add_command(profile)


@cli.command(short_help="Write a case.toml for the files in a folder.")
@click.argument("folder", required=False, default=".", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a case.toml that is there already.")
def new(folder: Path, force: bool) -> None:
    """Look at the files in FOLDER, ask what they cannot tell, and write a case.toml.

    Where nobody can be asked, the likely answers are taken and named.
    """
    from ruleout.case.draft import draft_case, write_draft

    drafted = draft_case(folder, ask=_ask if sys.stdin.isatty() and sys.stdout.isatty() else None)
    written = write_draft(drafted, folder / "case.toml", overwrite=force)
    for sentence in (*drafted.assumed, *drafted.unread):
        click.echo(f"  {sentence}")
    click.echo(f"Wrote {written}. Next: ruleout investigate {folder}")


@cli.command(short_help="Print the handbook's page about a cause.")
@click.argument("cause")
def explain(cause: str) -> None:
    """Print the handbook's page about CAUSE, such as data.unit-change."""
    from ruleout.causes import page
    from ruleout.report.handbook import Page

    console().print(Page(page(cause)))


@cli.command(short_help="List every cause there is, by bucket.")
@click.option("--json", is_flag=True, help="As a JSON list of cause, bucket and claim.")
def causes(json: bool) -> None:
    """List every cause that ruleout knows, by bucket."""
    from ruleout.causes import catalog

    if json:
        from json import dumps

        print_bytes(
            dumps([{"cause": c.id(), "bucket": c.bucket(), "claim": c.claim()} for c in catalog()], ensure_ascii=False, indent=2) + "\n"
        )
        return
    from ruleout.report.handbook import Vocabulary

    console().print(Vocabulary(catalog()))


@cli.command()
@click.option(
    "--cause", metavar="ID", default="data.unit-change", show_default=True, help="What is broken; `ruleout causes` lists the ids."
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--folder", metavar="DIR", type=click.Path(path_type=Path), help="Where the case is written; a new temporary folder by default."
)
@_report_options
def demo(*, cause: str, seed: int, folder: Path | None, json: str | None, html: str | None, markdown: str | None, quiet: bool) -> None:
    """Break a real pipeline in one way, and watch ruleout find out which.

    Exits with 0 where the cause that was put in was found, with 3 where it was not.
    """
    files = {"json": json, "html": html, "markdown": markdown}
    writable(files)
    import tempfile

    from ruleout.case import read_case
    from ruleout.demo import make_demo

    path = make_demo(folder or Path(tempfile.mkdtemp(prefix="ruleout-demo-")), cause, seed)
    click.echo(f"Broke one thing on purpose. The case is in {path}\n", err=bool(quiet or "-" in files.values()))
    conclusion = _investigate(lambda: read_case(path, trust=True), seed=seed, budget=None, cache=False, files=files, quiet=quiet)
    sys.exit(0 if cause in {found.cause for found in conclusion.causes} else 3)


def _one_thread_each() -> None:
    """Let the arithmetic libraries use one thread unless the user says otherwise: ruleout's own threads and child fill the cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _keep_freed_memory() -> None:
    """Let glibc keep what a chunk of a table leaves for the next one: giving it back and taking it again, page by page, costs a quarter.

    Other C libraries have no such setting; what the user has set stays.
    """
    if not sys.platform.startswith("linux") or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    from ctypes import CDLL

    with suppress(OSError, AttributeError):
        set_option, trim_threshold, mmap_threshold = CDLL(None).mallopt, -1, -3  # the numbers of malloc.h
        set_option(trim_threshold, 64 * 2**20)
        set_option(mmap_threshold, 8 * 2**20)


def main() -> NoReturn:
    """Run the command line as a program."""
    _tolerate_narrow_encodings()
    _one_thread_each()
    _keep_freed_memory()
    try:
        cli.main(prog_name="ruleout")
        sys.exit(0)
    except BrokenPipeError:
        _silence()
        sys.exit(BROKEN_PIPE)
    except Exception:  # whatever comes here is a defect, and Python's own exit code for it would read as a verdict
        import traceback

        traceback.print_exc()
        _complain("this is a defect of ruleout, not of your case; please report the lines above.")
        sys.exit(DEFECT)


def _investigate(
    read: Callable[[], Case],
    *,
    seed: int,
    budget: Budget | None,
    cache: bool | Path,
    files: Mapping[str, str | None],
    quiet: bool,
    guards: Path | None = None,
    build_environments: bool = False,
    wheels: Path | None = None,
    workers: int | str | None = None,
) -> Conclusion:
    """Read, investigate, narrate, write. Where the report itself goes to standard output, the narration goes to standard error."""
    from dataclasses import replace

    from ruleout.conclusion.investigate import investigate as find_out
    from ruleout.report.terminal import Narrator

    piped = "-" in files.values()
    narrator = Narrator(console(err=piped), quiet=quiet)
    heard = True

    def listen(event: Event) -> None:
        nonlocal heard
        if not heard or (piped and quiet):
            return
        try:
            narrator(event)
        except BrokenPipeError:
            # Nobody reads any more; the investigation still goes on where a file was asked for.
            heard = False
            _silence()
            if not any(files.values()):
                raise

    with narrator:
        conclusion = find_out(
            read(),
            seed=seed,
            budget=budget,
            cache=cache,
            build_environments=build_environments,
            wheels=wheels,
            workers=workers,
            listen=listen,
        )
    conclusion = replace(conclusion, command=command_line())
    if guards is not None:
        conclusion = _guarded(conclusion, guards)
    from ruleout.examination.examination import Event as Told

    if not narrator.concluded:
        listen(Told("conclusion", conclusion))
    from ruleout.report import render

    for format_, file in files.items():
        if file:
            write(render(conclusion, format_), file, format_, note=None if quiet or piped or not heard else click.echo)
    return conclusion


def _guarded(conclusion: Conclusion, folder: Path) -> Conclusion:
    """Write the guards that were proved, and name their files in the conclusion."""
    from dataclasses import replace

    from ruleout.guards import write_guards

    try:
        written = write_guards(conclusion.guards, folder) if conclusion.guards else ()
    except OSError as error:
        raise RuleoutError(
            f"--guards {folder}: the guards could not be written ({error.strerror or error}); name another folder."
        ) from error
    return replace(conclusion, guard_files=tuple(path.as_posix() for path in written))


def _ask(question: str, choices: Sequence[str], default: str) -> str:
    """Ask on the terminal; a short list of choices is shown, a long one only checked."""
    if not choices:
        return str(click.prompt(question, default=default, type=str))
    return str(click.prompt(question, default=default, type=click.Choice(list(choices)), show_choices=len(choices) <= 6))


def _version(ctx: click.Context, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"ruleout {version('ruleout')}")
        ctx.exit()


def _complain(sentence: str, *, fresh_line: bool = False) -> None:
    with suppress(BrokenPipeError):
        click.echo(("\n" if fresh_line else "") + f"ruleout: {' '.join(sentence.split())}", err=True)


def _silence() -> None:
    """Send what is still buffered nowhere, so that closing the stream at exit says nothing either."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _tolerate_narrow_encodings() -> None:
    """Write the few signs outside ASCII as their nearest in ASCII where the stream cannot hold them."""
    import codecs

    codecs.register_error("ruleout", _nearest_signs)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="ruleout")


def _nearest_signs(error: UnicodeError) -> tuple[str, int]:
    from ruleout.report.wording import transliterate

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return transliterate(error.object[error.start : error.end]), error.end
