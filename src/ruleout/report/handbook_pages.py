"""The handbook as Markdown: one page a cause, and an index by bucket, cut from the pages' docstrings.

`python -m ruleout.report.handbook_pages docs/handbook` writes them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ruleout.causes import catalog
from ruleout.causes.page import HEADINGS, Cause
from ruleout.errors import RuleoutError
from ruleout.report.outline import BUCKETS

__all__ = ["page_file", "page_text", "write_handbook"]

_MENTION = re.compile(r"`?\b((?:data|model|pipeline)\.[a-z]+(?:-[a-z]+)*)\b`?(?!\()")


def page_file(cause: str) -> str:
    """Where a cause's page lies in the handbook's folder: `data/unit-change.md`."""
    return cause.replace(".", "/", 1) + ".md"


def page_text(cause: Cause, known: frozenset[str]) -> str:
    """One page of the handbook: its claim, its sections, and what it leads to or follows from.

    Parameters
    ----------
    known
        Ids of the causes that have a page: where the text names one, it becomes a link.
    """
    lines = [f"# {cause.id()}", "", f"**{cause.claim()}**", ""]
    for heading, body in cause.sections().items():
        lines += [f"## {heading}", "", _linked(body, cause.id(), known), ""]
    if cause.needs:
        lines += [
            "## What it needs",
            "",
            "One of these is enough:" if len(cause.needs) > 1 else "All of:",
            "",
            *(f"- {' and '.join(f'`{name}`' for name in needed)}" for needed in cause.needs),
            "",
        ]
    if cause.follows:
        lines += ["## What it follows from", "", ", ".join(_link(c, cause.id()) for c in cause.follows if c in known) + ".", ""]
    lines.append("[All causes](../index.md)")
    return "\n".join(lines) + "\n"


def write_handbook(folder: Path | str) -> tuple[Path, ...]:
    """Write `index.md` and a page for every cause into `folder`; returns what was written.

    Raises
    ------
    RuleoutError
        A page lacks one of the headings that every page has, or the folder cannot be written to.
    """
    folder, causes = Path(folder), catalog()
    known = frozenset(cause.id() for cause in causes)
    texts = {"index.md": _index(causes)}
    for cause in causes:
        lacking = [heading for heading in HEADINGS if not cause.sections().get(heading)]
        if lacking:
            raise RuleoutError(f"{cause.id()}: its docstring has nothing under {', '.join(lacking)}; write it in {cause.__module__}.")
        texts[page_file(cause.id())] = page_text(cause, known)
    try:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise RuleoutError(f"{folder}: the handbook cannot be written there ({error.strerror or error}); name another folder.") from error
    return tuple(folder / name for name in texts)


def _index(causes: Sequence[Cause]) -> str:
    """Every cause with its claim, bucket by bucket."""
    lines = [
        "# The handbook",
        "",
        f"{len(causes)} causes of trouble, one page each. Made from the pages of `ruleout explain`.",
        "",
        "*Evidence* is a natural log likelihood ratio, the cause against health: 2 is a good hint, 3.9 (a factor of 50) the most.",
        "How looks become a conclusion is told in docs/decides.md.",
        "",
    ]
    for bucket in BUCKETS:
        lines += [f"## {bucket}", ""]
        lines += [f"- [{c.id()}]({page_file(c.id())}): {c.claim()}" for c in causes if c.bucket() == bucket]
        lines.append("")
    return "\n".join(lines)


def _linked(body: str, here: str, known: frozenset[str]) -> str:
    """The text of a section with the causes that it names as links; what is set in from the margin stays as it was written."""

    def named(match: re.Match[str]) -> str:
        cause = match[1]
        return _link(cause, here) if cause in known and cause != here else match[0]

    return "\n".join(line if line.startswith(("    ", ">>>", "...")) else _MENTION.sub(named, line) for line in body.splitlines())


def _link(cause: str, here: str) -> str:
    same = cause.split(".", 1)[0] == here.split(".", 1)[0]
    return f"[{cause}]({cause.split('.', 1)[1]}.md)" if same else f"[{cause}](../{page_file(cause)})"


def _main(arguments: Sequence[str]) -> int:
    """The exit code of the module run as a program."""
    try:
        if len(arguments) != 1:
            raise RuleoutError(f"handbook_pages: {len(arguments)} arguments given, expected one: the folder to write into.")
        print(f"Wrote {len(write_handbook(arguments[0]))} pages to {arguments[0]}.")
    except RuleoutError as error:
        print(f"ruleout: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
