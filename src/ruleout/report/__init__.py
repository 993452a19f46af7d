"""The report: a conclusion said in one of several formats. Pure: it computes no statistic and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ruleout.errors import nearest

if TYPE_CHECKING:
    from ruleout.conclusion.conclusion import Conclusion

__all__ = ["FORMATS", "render"]

FORMATS = ("text", "markdown", "json", "html", "notebook")


def render(conclusion: Conclusion, format: str = "text") -> str:  # noqa: A002 - the word that a caller would use
    """Write a conclusion in one of the formats.

    Parameters
    ----------
    conclusion
        What an investigation said.
    format
        `text` (plain, 80 columns), `markdown`, `json` (the public contract), `html` (one page that loads nothing) or `notebook` (a
        fragment of HTML).

    Raises
    ------
    ValueError
        There is no such format.
    """
    if format not in FORMATS:
        raise ValueError(f'no format "{format}": expected one of {", ".join(FORMATS)}.{nearest(format, FORMATS)}')
    return _renderer(format)(conclusion)


def _renderer(format: str) -> Callable[[Conclusion], str]:  # noqa: A002 - as above
    # Each format is loaded when it is asked for: the notebook needs no terminal library, the terminal no JSON.
    if format == "text":
        from ruleout.report.closing import text

        return text
    if format == "markdown":
        from ruleout.report.markdown import markdown

        return markdown
    if format == "json":
        from ruleout.report.json import to_json

        return to_json
    if format == "html":
        from ruleout.report.html import investigation

        return investigation
    from ruleout.report.notebook import notebook

    return notebook
