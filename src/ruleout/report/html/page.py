"""The page itself: templates with everything that comes from a case escaped, one style sheet and one small script inside it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from ruleout.report.wording import clean, number, percent, plural, seconds, signed, span, unquoted

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["write_page"]

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(template: str, **content: Any) -> str:
    """Fill a template.

    Nothing is loaded from anywhere, and a policy inside the page forbids it: only the style sheet and the script of ruleout's own, by
    their hashes, no inline style and no other script, so that a name that looks like either stays a name (Content Security Policy,
    level 3, 2024).
    """
    from importlib.metadata import version

    style, script = _source("report.css"), _source("report.js")
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; base-uri 'none'; form-action 'none'"
    page = _environment().get_template(template)
    return page.render(style=Markup(style), script=Markup(script), policy=policy, version=version("ruleout"), **content) + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is written is first freed of control characters and of marks that turn a line around.
        finalize=lambda value: _bound(clean(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value,
    )
    made.filters |= {
        "breakable": _breakable,
        "capital": lambda said: said[:1].upper() + said[1:],
        "number": number,
        "percent": percent,
        "plural": plural,
        "prose": _prose,
        "seconds": seconds,
        "signed": signed,
        "span": span,
        "verbatim": _verbatim,
    }
    return made


def _prose(text: object) -> Markup:
    """Text in which what stands between backticks is literal."""
    parts = re.split(r"``?([^`]+)``?", clean(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else escape(_bound(part)) for at, part in enumerate(parts))


def _bound(text: str) -> str:
    """Text in which a percent sign stays on the line of its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _verbatim(text: str) -> Markup:
    """Text that is copied: its blanks stay as they are."""
    return escape("".join(character for character in text if character == " " or clean(character)))


def _breakable(text: object) -> Markup:
    """A name that may be broken behind its dots, underscores and slashes."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[._/-])(?=[^._/-])", unquoted(clean(text))))


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
