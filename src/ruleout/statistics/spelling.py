"""Which old name a new name stands for: spelling first, then how often it comes and what comes with it."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import numpy as np

__all__ = ["NULL_WORDS", "assign", "coded_in_order", "name_likeness", "normal_form", "without_affix"]

NULL_WORDS = frozenset(
    {
        "",
        "-",
        "--",
        "?",
        "na",
        "n/a",
        "n.a.",
        "nan",
        "none",
        "null",
        "nil",
        "missing",
        "unknown",
        "unk",
        "undefined",
        "not available",
        "not known",
        "#n/a",
        "\\n",
    }
)
"""Texts that stand for null, in lower case and trimmed."""

FEWEST_ALIKE = 3
"""Names that must have got the same addition before it is taken for one."""

MOST_COMPARED = 100_000
"""Pairs of a new and a known name that are looked at."""

_TRUTH: Mapping[str, str] = {"y": "yes", "n": "no", "t": "true", "f": "false"}


def normal_form(name: str) -> str:
    """A name without what spelling alone changes: case, accents, punctuation, spaces, leading zeros, a decimal point without decimals."""
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if re.fullmatch(r"[+-]?\d+\.0+", plain):
        plain = plain.split(".")[0]
    plain = re.sub(r"[^\w]+|_", "", plain)
    return re.sub(r"^0+(?=\d)", "", plain) or name.strip().casefold()


def name_likeness(new: str, old: str) -> float:
    """How likely it is by spelling that `new` is another writing of `old`, in [0, 1].

    1 for the same normal form, 0.9 for an initial, an abbreviation or a prefix, less by edit distance (Ratcliff and Obershelp 1988, as
    in `difflib`).
    """
    mine, theirs = normal_form(new), normal_form(old)
    if mine == theirs or _TRUTH.get(mine) == theirs or _TRUTH.get(theirs) == mine:
        return 1.0
    short, long = sorted((mine, theirs), key=len)
    words = [w for w in re.split(r"[^\w]+|_", (old if len(mine) <= len(theirs) else new).casefold()) if w]
    if not short or short.isdigit() != long.isdigit() or (short.isdigit() and long.isdigit()):
        return 0.0
    if "".join(w[0] for w in words) == short and len(words) > 1:
        return 0.9
    if long.startswith(short) or (len(short) >= 3 and long.endswith(short)):
        return 0.9
    if len(short) >= 3 and short[0] == long[0] and _within(short, long):
        return 0.85
    return float(difflib.SequenceMatcher(None, mine, theirs).ratio()) * 0.9


def coded_in_order(new: Sequence[str], old: Sequence[str]) -> dict[str, str]:
    """The old name by new one where the new ones are whole numbers that count the old ones off, from 0 or from 1; else empty.

    Encoders number the names in the order of the alphabet (`OrdinalEncoder`, `LabelEncoder`, pandas categories). A rare name may be
    lacking among the new ones.
    """
    numbers = {name: int(name) for name in new if re.fullmatch(r"\d{1,6}", name.strip())}
    if len(numbers) != len(new) or len(new) < 2 or len(set(numbers.values())) != len(new) or set(new) & set(old):
        return {}
    first = 0 if min(numbers.values()) == 0 else 1
    if max(numbers.values()) - first >= len(old) or len(new) < 0.7 * len(old):
        return {}
    ordered = sorted(old)
    return {name: ordered[at - first] for name, at in numbers.items()}


def without_affix(new: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The normal form of each new name without what was added to most of them in one way, where it is known then; else empty.

    "Austin, TX" and "Dallas, TX" end alike, as "region:north" and "region:south" begin alike. `known` holds normal forms.
    """
    if len(new) < FEWEST_ALIKE or len(new) * len(known) > MOST_COMPARED:
        return {}
    best: dict[str, str] = {}
    for step in (1, -1):
        added: dict[str, dict[str, str]] = {}
        for name in new:
            form, turned = normal_form(name), normal_form(name)[::step]
            for old in (k for k in known if len(k) < len(form) and turned.startswith(k[::step])):
                added.setdefault(turned[len(old) :], {})[name] = old
        found = max(added.values(), key=len, default={})
        best = max(best, found, key=len)
    return best if len(best) >= max(FEWEST_ALIKE, 0.6 * len(new)) and len(set(best.values())) == len(best) else {}


def _within(short: str, long: str) -> bool:
    """Whether the letters of `short` come in `long` in their order, as in "mgmt" for "management"."""
    letters = iter(long)
    return all(letter in letters for letter in short)


def assign(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The one-to-one assignment of rows to columns of least total cost (Kuhn 1955; Jonker and Volgenant 1987)."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return np.asarray(rows), np.asarray(columns)
