"""data.new-categories."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import spellings, with_lone
from ruleout.causes.columns import bounded, category_columns, match_columns, numbers, pair_of, put_values, texts
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.fingerprints import distances, fingerprints
from ruleout.statistics.matching import encode
from ruleout.statistics.quantiles import detection_power
from ruleout.statistics.spelling import NULL_WORDS, assign, coded_in_order, name_likeness, normal_form, without_affix
from ruleout.tables.table import Table

FLOOR = 0.005


WHOLE = 0.9
"""Share of the rows in which new values have taken the place of all old ones."""

RENAMED = 0.1
"""Share of its rows with unknown values from which on a column tells nothing of another one's."""

FEWEST = 10
"""Rows of a name from which on its frequency and its company are looked at."""

STRANGE = 3.0
"""How many times farther than chance leads one to expect, on the mean, codes in order may lie from the names they would stand for."""

LAST = 0.2
"""How far the frequency of the last new name may lie from the last old one's, as a logarithm of their ratio."""


class NewCategories(Cause):
    """A categorical column holds values that were not there before: new ones, or old ones spelled otherwise.

    What goes wrong
    ---------------
    "Male" has become "M", "NEW YORK" stands for "New York", a supplier's codes replace the house's. An encoder that was fitted on the old
    names ignores the new ones or gives them columns of their own: what the model knew of the category is lost.

    Why it happens
    --------------
    A form was redesigned, two sources were merged, an export changed its locale or trims its texts, a code list has a new edition.

    What you see
    ------------
    Values with weight that the healthy table never held, and, where names were only changed, old values that have gone or grown rare by
    just as much.

    How it is tested
    ----------------
    A value that stands k times in one table and never in the healthy one has, were its share the same, probability (n / (n + m))^k of doing
    so (n rows against m): values under 1e-6 are new.

    A new name is matched with the old name it stands for by normal form, then by the one-to-one assignment of least cost (Kuhn 1955) over
    spelling (Ratcliff and Obershelp 1988), the deficit of the old name, and Hotelling's distance between what the other columns look like
    where each stands. As many consecutive whole numbers as there were names are these in the order of the alphabet, as encoders count
    them, where frequency and company do not speak against it.

    What would rule it out
    ----------------------
    Every value with weight is known to the healthy table.

    How it is fixed
    ---------------
    Map the new names back to the old ones before encoding, and train again. Rows of a truly new category, which the model never met, are
    set aside until there are enough of them to learn from.

    How it stays fixed
    ------------------
    Keep the list of allowed values with the schema, and let a gate refuse a table in which more than a trace is not on it.

    Told apart from
    ---------------
    `pipeline.encoding`: the same values, other codes. `data.missing-values`: the new value is a word for null. `data.drift`: known
    values in another mix. `data.schema-mismatch`: the column has another type.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem. Ratcliff, Metzener (1988), Pattern matching: the gestalt approach.
    """

    needs = (("current.train",), ("current.validation",), ("current.serving",))
    cost = 0.3
    columns_alone = True

    def suspect(self, problem: Problem) -> Look:
        """Compare the values of every categorical column with those the healthy table knows."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, n_columns = 1.0, 0
        for pair in pairs(problem.case):
            covers.append(pair.name)
            for column in category_columns(problem.case, pair):
                n_columns += 1
                mine, theirs = _counts(pair.suspect, column), _counts(pair.yardstick, column)
                n, m = sum(mine.values()), sum(theirs.values())
                power = min(power, detection_power(0.05, _least(n, m, len(mine)) / max(n, 1), n, m))
                new = _new_values(mine, theirs)
                share = sum(mine[v] for v in new) / max(n, 1)
                if not new or share < FLOOR or _of_another(problem.case, pair, column, new):
                    continue
                names = _partners(problem.case, pair, column, new)
                found.append(_finding(pair, column, new=new, names=names, m=m))
        found.sort(key=lambda f: -f.evidence)
        said = f"{n_columns} categorical columns: every value with weight is known to the healthy table."
        look = Look(tuple(found), power if n_columns else 0.0, "" if found else said, tuple(covers))
        return with_lone(problem, look, spellings, 0.3, "no value is spelled in two ways")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Give the old names back; rows of values that stand for no old name are left out."""
        pair = pair_of(case, finding)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        names, lost = finding.repair["names"], finding.repair["lost"]
        values = pair.suspect.texts(column)
        table = put_values(pair.suspect, column, np.array([names.get(v, v) for v in values], dtype=object), pair.yardstick)
        strange = np.isin(values.astype(str), list(lost)) & np.array([v is not None for v in values], dtype=bool)
        if strange.mean() < 0.5:
            table = table.filter(~strange)
        elif not names:
            return None
        return case.with_table(pair.side, pair.name, table)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Spell the reference's values as the broken side does."""
        name, column = finding.repair["table"], str(finding.repair["column"])
        table = case.reference.table(name) if case.reference else None
        share = float(finding.figures["share"])
        if table is None or column not in table or (not finding.repair["names"] and share < WHOLE):
            return None
        back = {old: new for new, old in sorted(finding.repair["names"].items(), key=lambda item: finding.repair["counts"][item[0]])}
        values = np.array([back.get(v, v) for v in table.texts(column)], dtype=object)
        if share >= WHOLE:
            # Every old name is gone: whichever new one stands for it, a model that learnt the old ones knows none of them.
            unknown = dict(zip(dict.fromkeys(v for v in values if v is not None and v not in back.values()), _spare(finding), strict=False))
            values = np.array([unknown.get(v, v) for v in values], dtype=object)
        return case.with_table("reference", name, put_values(table, column, values))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The values that the healthy table knows, and hardly any other."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        column = str(finding.repair["column"])
        known = sorted({v for v in pair.yardstick.texts(column).tolist() if v is not None})
        parameters = {"column": column, "values": known, "max_new_rate": round(float(finding.figures["share"]) / 2, 4)}
        return Guard(
            self.id(), finding.place, "allowed_categories", pair.name, parameters, f"{finding.place} holds values that are not known."
        )


def _spare(finding: Finding) -> list[str]:
    """New names that stand for no old one that is known, as many as may be needed."""
    lost = sorted(finding.repair["lost"])
    return [*lost, *(f"{name}'" for name in lost)]


def _counts(table: Table, column: str) -> Counter[str]:
    return Counter(v for v in texts(table, column).tolist() if v is not None)


def _least(n: int, m: int, n_values: int) -> float:
    """The fewest rows of a value that cannot have missed the healthy table by chance."""
    return float(np.log(1e-6 / max(n_values, 1)) / np.log(n / (n + m))) if n and m else np.inf


def _new_values(mine: Counter[str], theirs: Counter[str]) -> list[str]:
    n, m = sum(mine.values()), sum(theirs.values())
    least = max(3.0, _least(n, m, len(mine)))
    known = {normal_form(v) for v in theirs}
    # A word for null is no new category, unless it is a level of the healthy table spelled otherwise.
    unknown = [v for v in mine if v not in theirs and (v.strip().casefold() not in NULL_WORDS or normal_form(v) in known)]
    # Many values of few rows each, all spelled otherwise in one way, are as sure as one of many rows.
    respelled = {v for v in unknown if normal_form(v) in known} | set(without_affix(unknown, known))
    if sum(mine[v] for v in respelled) < least and not any(mine[v] >= least for v in unknown):
        return []
    return [v for v in unknown if mine[v] >= least or v in respelled]


def _of_another(case: Case, pair: Pair, column: str, new: list[str]) -> bool:
    """Whether nearly all new values are at home in another column: then columns changed places."""
    others = (set(_counts(pair.yardstick, c)) for c in category_columns(case, pair) if c != column)
    return len(new) > 1 and any(sum(v in known for v in new) > 0.9 * len(new) for known in others)


def _partners(case: Case, pair: Pair, column: str, new: list[str]) -> dict[str, str]:
    """The old name that each new one stands for, where there is one."""
    mine, theirs = _counts(pair.suspect, column), _counts(pair.yardstick, column)
    coded = _numbered(case, pair, column, mine, theirs)
    if coded:
        return coded
    names: dict[str, str] = {}
    forms: dict[str, list[str]] = {}
    for old in theirs:
        forms.setdefault(normal_form(old), []).append(old)
    for value in new:
        alike = forms.get(normal_form(value), [])
        if len(alike) == 1:
            names[value] = alike[0]
    names |= {name: forms[form][0] for name, form in without_affix(new, forms).items() if len(forms[form]) == 1}
    n, m = sum(mine.values()), sum(theirs.values())
    left = [v for v in new if v not in names]
    taken = Counter(dict.fromkeys(theirs, 0))
    for value, old in names.items():
        taken[old] += mine[value]
    missing = {old: theirs[old] * n / m - mine[old] - taken[old] for old in theirs}
    due = {old: theirs[old] * n / m for old in theirs}
    # A name that was to come ten times and is gone altogether stands elsewhere as surely as one that grew rare.
    short = [old for old, gap in missing.items() if gap > 4 * np.sqrt(due[old] * (1 + n / m)) and gap > 0.3 * due[old]]
    short += [old for old, gap in missing.items() if old not in short and not mine[old] and gap >= FEWEST]
    if not left or not short or len(left) * len(short) > 40_000:
        return names
    cost = np.zeros((len(left), len(short)))
    company = _company(case, pair, column, left, short)
    for i, value in enumerate(left):
        for j, old in enumerate(short):
            rate = np.log((mine[value] + 0.5) / (missing[old] + 0.5)) ** 2
            cost[i, j] = -6 * name_likeness(value, old) + min(6.0, 4 * rate) + min(6.0, company[i, j])
    for i, j in zip(*assign(cost), strict=True):
        # Spelling alone, or frequency and company together, must speak for the pair.
        if cost[i, j] < 3.0 and mine[left[i]] < 2.0 * missing[short[j]] + 10:
            names[left[i]] = short[j]
    rest, gone = [v for v in left if v not in names], [v for v in short if v not in names.values()]
    if names and len(rest) == len(gone) == 1 and abs(np.log((mine[rest[0]] + 0.5) / (missing[gone[0]] + 0.5))) < LAST:
        names[rest[0]] = gone[0]  # The one that is left is the one that is gone.
    return names


def _numbered(case: Case, pair: Pair, column: str, mine: Counter[str], theirs: Counter[str]) -> dict[str, str]:
    """The old name by its number where the names were counted off, and neither frequency nor company speaks against it; else empty."""
    coded = coded_in_order(list(mine), list(theirs))
    common = [code for code in coded if min(mine[code], theirs[coded[code]]) >= FEWEST]
    if not common:
        return {}
    expected = np.array([theirs[coded[code]] for code in common]) * sum(mine.values()) / sum(theirs.values())
    gap = (np.array([mine[code] for code in common]) - expected) ** 2 / (expected * (1 + sum(mine.values()) / sum(theirs.values())))
    company = np.diag(_company(case, pair, column, common, [coded[code] for code in common]))
    return coded if max(float(gap.mean()), float(company.mean())) < STRANGE else {}


def _company(case: Case, pair: Pair, column: str, new: list[str], old: list[str]) -> np.ndarray:
    """Hotelling's distance over its degrees of freedom between the rows of each new and each old name, shape (n_new, n_old)."""
    others = [c for c in match_columns(case, pair, (column,)) if not _renamed(pair, c)]
    if not others:
        return np.zeros((len(new), len(old)))

    def arrays(table: Table) -> list[np.ndarray]:
        return [numbers(table, c) if table.kind(c) == "numeric" else texts(table, c) for c in others]

    left, right = encode(arrays(pair.suspect), arrays(pair.yardstick), levels=8)
    place = {v: i for i, v in enumerate(new)}
    theirs_place = {v: i for i, v in enumerate(old)}
    first = fingerprints(np.array([place.get(v, -1) for v in texts(pair.suspect, column).tolist()]), len(new), left)
    second = fingerprints(np.array([theirs_place.get(v, -1) for v in texts(pair.yardstick, column).tolist()]), len(old), right)
    gap, freedom = distances(first, second)
    return np.asarray(gap / freedom - 1)


def _renamed(pair: Pair, column: str) -> bool:
    """Whether much of a column that might keep company was renamed as well."""
    if pair.suspect.kind(column) == "numeric":
        return False
    mine, theirs = _counts(pair.suspect, column), _counts(pair.yardstick, column)
    return sum(k for v, k in mine.items() if v not in theirs) > RENAMED * max(sum(mine.values()), 1)


def _finding(pair: Pair, column: str, *, new: list[str], names: dict[str, str], m: int) -> Finding:
    counts = _counts(pair.suspect, column)
    n = sum(counts.values())
    share = sum(counts[v] for v in new) / n
    lost = [v for v in new if v not in names]
    told = sum(counts[v] for v in names) / max(1, sum(counts[v] for v in new))
    shown = ", ".join(f'"{v}"' + (f' for "{names[v]}"' if v in names else "") for v in sorted(new, key=lambda v: -counts[v])[:3])
    said = (
        f"{pair.place(column)}: {share:.1%} of the rows hold one of {len(new)} value(s) that the healthy table never holds ({shown}), "
        f"expected fewer than {_least(n, m, len(counts)):.0f} rows of any (n = {n:,} and {m:,})."
    )
    return Finding(
        pair.place(column),
        pair.name,
        bounded(3.9 if share > 0.02 else 3.0),
        said,
        {"share": share, "new": sorted(new), "names": names, "n": n},
        {"table": pair.name, "column": column, "names": names, "lost": lost, "counts": dict(counts)},
        pair.side,
        0.95 if told > 0.5 else 0.8 if share >= WHOLE else 0.5,
    )
