"""How numbers, places and other people's text are said, the same in every format."""

from __future__ import annotations

import math
import re
import unicodedata

__all__ = ["brief", "clean", "needs", "number", "percent", "plural", "seconds", "shortened", "signed", "span", "transliterate", "unquoted"]

_ASCII = str.maketrans("→…·○●◆━─▲▼▁▂▃▄▅▆▇█", ">~-o*#=-+-_.:-=+*#")


def clean(text: object) -> str:
    """Return text that cannot move a cursor, colour a screen or turn a line around.

    Column names, values and error messages come from the user's files. Line breaks and other spaces become one space;
    control, formatting and unassigned characters go.
    """
    kept = []
    for character in str(text):
        category = unicodedata.category(character)
        if character.isspace():
            kept.append(" ")
        elif not category.startswith("C"):
            kept.append(character)
    return " ".join("".join(kept).split())


def number(value: float | None) -> str:
    """Say a metric with three decimals, or four digits where it is large: `0.880`, `1,234`, "unknown" where there is none."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if value and (abs(value) < 0.001 or abs(value) >= 1e7):
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def signed(value: float | None) -> str:
    """Say a change with its sign: `-0.230`."""
    said = number(value)
    return said if said == "unknown" or said.startswith("-") else f"+{said}"


def percent(value: float | None) -> str:
    """Say a part in whole percent; what is not quite nothing or everything is not rounded to it (`<1 %`, `>99 %`)."""
    if value is None or not math.isfinite(value):
        return "unknown"
    whole = round(100 * value)
    if 0 < value < 1 and whole in {0, 100}:
        return "<1 %" if whole == 0 else ">99 %"
    return f"{whole} %"


def span(interval: tuple[float, float] | None) -> str:
    """Say the interval of a part: `86 to 99 %`; nothing where there is none."""
    if interval is None or not all(math.isfinite(end) for end in interval):
        return ""
    return f"{round(100 * interval[0])} to {round(100 * interval[1])} %"


def seconds(value: float) -> str:
    """Say a duration: `0.4 s`, `12 s`, `3 min 20 s`."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def plural(n: int, noun: str, nouns: str = "") -> str:
    """Say how many there are: `1 step`, `1,204 rows`."""
    return f"{n:,} {noun if n == 1 else nouns or noun + 's'}"


def shortened(text: str, width: int) -> str:
    """Cut a text between words so that it fits `width` characters."""
    if len(text) <= width:
        return text
    cut = text[: max(width - 1, 1)]
    at = cut.rfind(" ")
    return (cut[:at] if at > width // 2 else cut).rstrip(" ,;:(") + "…"


def brief(test: str) -> str:
    """The first sentence of a test: on call one wants to know what to do, and the JSON has the method."""
    return shortened(re.split(r"(?<=[.!?]) (?=[A-Z])", test, maxsplit=1)[0], 200)


def needs(needed: str) -> str:
    """Say what a test needs as a sentence that follows another; "" where it needs nothing."""
    said = clean(needed)
    return f" Needs {said[0].lower() + said[1:] if said[1:2].islower() else said}{'' if said.endswith('.') else '.'}" if said else ""


def unquoted(text: str) -> str:
    """Take the marks of literal text away: where nothing can be set in another face they only distract."""
    return re.sub(r"``?([^`]+)``?", r"\1", text)


def transliterate(text: str) -> str:
    """Return ASCII of the same width for the few signs that ruleout itself writes; anything else becomes `?`."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
