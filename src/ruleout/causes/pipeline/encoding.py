"""pipeline.encoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import Answers, answers_of, between, replayed
from ruleout.causes.beside import Beside, beside, taken_back
from ruleout.causes.codes import recoded, renamed_between
from ruleout.causes.columns import bounded, match_columns, numbers, pair_of, put_values, sampled, texts
from ruleout.causes.counted import counted_codes
from ruleout.causes.counted_from import counted_from
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.fingerprints import distances, fingerprints, most_telling
from ruleout.statistics.matching import encode
from ruleout.statistics.spelling import assign
from ruleout.tables.table import Table

MOST_LEVELS = 40
MOST_CODES = 200


class Encoding(Cause):
    """The codes of a category differ between the two sides although the values behind them are the same.

    What goes wrong
    ---------------
    On one side "red" is 0 and "blue" 1, on the other the reverse. Nothing is new, nothing is missing, the column's range is what it was,
    and every row says something else than it means.

    Why it happens
    --------------
    Codes are given in order of appearance or of frequency, an encoder was fitted again on other rows, a code list was edited, a category
    was added at the head of the list.

    What you see
    ------------
    The shares of the codes have changed places, and with each share went its company: the target's rate and the other columns' means.

    How it is tested
    ----------------
    By the lists, where they are known. Where a text column stands beside the codes, or both sides' configurations hold the list of codes,
    the two lists are compared.

    By where they are counted from. Codes of several columns that all lie one too high, or one too low, and agree once that is taken off.

    By the company that codes keep. Otherwise each code has a fingerprint: its share of the rows, and the means of the other columns and of
    the target in the rows where it stands. Hotelling's statistic (1931) compares the fingerprint of each code here with that of each code
    there; where two codes mean the same it is chi-square. The one-to-one assignment of least total is found (Kuhn 1955). It is a finding if
    every code standing for itself is refused (a mean statistic beyond 4 times its degrees of freedom) and the assignment explains four
    fifths of the misfit.

    By the answers, in production. The artifact answers the logged features again, with its categories in another order (of appearance, of
    frequency, of the alphabet, reversed, moved by one) and with each level read as each other one; where several columns hide each other,
    what each level adds to the answers is told for all columns at once, by regression. What reproduces the logged answers is the finding.
    Two logs of the same rows are compared row by row.

    What would rule it out
    ----------------------
    Every code keeps the company it kept, in samples that would have shown an exchange.

    How it is fixed
    ---------------
    Use one fitted encoder, stored with the model, on both sides; translate the codes back where rows were already written.

    How it stays fixed
    ------------------
    Fix the list of categories in the configuration rather than in the data, and hold the shares of the codes against the healthy ones.

    Told apart from
    ---------------
    `data.new-categories`: new names, not new codes for the same ones. `data.row-misalignment`: no assignment brings the company back.
    `data.unit-change`: numbers that measure, not name.

    References
    ----------
    Hotelling (1931), The generalization of Student's ratio. Kuhn (1955), The Hungarian method for the assignment problem.
    """

    needs = (
        ("reference.train", "current.train"),
        ("reference.validation", "current.validation"),
        ("current.train", "current.validation"),
        ("current.serving",),
    )
    cost = 0.4

    def suspect(self, problem: Problem) -> Look:
        """Ask of every column of few levels whether its codes keep their company."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, n_columns = 1.0, 0
        rows = beside(problem.case) if problem.situation == "environment" else None
        if rows is not None and rows.unlike:
            return _between_logs(rows)
        for pair in pairs(problem.case):
            covers.append(pair.name)
            blocks = _blocks(problem.case, pair)
            written = _by_config(problem.case, pair)
            columns = list(_coded(problem.case, pair))
            ranked = counted_codes(pair, (c for c in columns if c not in written))
            written |= {c: _finding(pair, c, codes, "in the order of their frequency", 3.9) for c, codes in ranked.items()}
            started = counted_from(problem.case, pair, (c for c in columns if c not in written))
            written |= {c: _finding(pair, c, codes, f"counted from another start in {len(started)}", 3.9) for c, codes in started.items()}
            for column in columns:
                n_columns += 1
                told = written.get(column) or _by_name(pair, column) or _by_company(pair, column, blocks)
                if isinstance(told, Finding):
                    found.append(told)
                elif told is not None:
                    power = min(power, told)
        answers = answers_of(problem)
        if not found and answers is not None and not answers.follow:
            covers.append("serving")
            power = min(power, 0.85)
            found = list(_on_the_way(answers))
        found.sort(key=lambda f: -f.evidence)
        said = f"{n_columns} columns of few levels: every code keeps its share and its company."
        return Look(tuple(found), power if n_columns else 0.9, "" if found else said, tuple(covers))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Translate the codes back; or take the other environment's rows, or ask the artifact, where that is how it was seen."""
        if finding.repair.get("replay"):
            return replayed(case, finding.side)
        if finding.repair.get("beside"):
            return taken_back(case, [str(finding.repair["column"])])
        pair = pair_of(case, finding)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        return case.with_table(pair.side, pair.name, _translated(pair.suspect, column, finding.repair["codes"]))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Give the reference's column the broken side's codes."""
        if "codes" not in finding.repair:
            return None
        name, column = finding.repair["table"], str(finding.repair["column"])
        table = case.reference.table(name) if case.reference else None
        if table is None or column not in table:
            return None
        back = {old: now for now, old in finding.repair["codes"].items()}
        return case.with_table("reference", name, _translated(table, column, back))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of the code that moved most, halfway between healthy and broken."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        if "codes" not in finding.repair:
            return None
        column = str(finding.repair["column"])
        mine, theirs = _shares(pair.suspect, column), _shares(pair.yardstick, column)
        code = max(theirs, key=lambda v: abs(theirs[v] - mine.get(v, 0.0)))
        gap = abs(theirs[code] - mine.get(code, 0.0)) / 2
        if gap < 0.005:
            return None
        parameters = {"column": column, "value": code, "low": theirs[code] - gap, "high": theirs[code] + gap}
        return Guard(self.id(), finding.place, "value_share", pair.name, parameters, f"{finding.place} has other codes.")


def _between_logs(rows: Beside) -> Look:
    """Columns whose codes stand for each other, one for one, in two logs of the same rows."""
    found = []
    for column in rows.unlike:
        codes = renamed_between(rows, column) if len(set(rows.current.texts(column).tolist())) <= MOST_CODES else None
        # New spellings are data.new-categories; codes are numbers, or the same names for others.
        same_names = codes is not None and len(set(codes) & set(codes.values())) >= 0.5 * len(codes)
        if codes is None or not same_names:
            continue
        changed = {now: old for now, old in codes.items() if now != old}
        shown = ", ".join(f"{now} for {old}" for now, old in list(changed.items())[:4])
        said = (
            f"serving.{column}: {len(changed)} codes stand for others than in the reference's log of the same rows ({shown}), one for one;"
            f" n = {rows.n:,}."
        )
        repair = {"column": column, "beside": True}
        found.append(Finding(f"serving.{column}", "serving", 3.9, said, {"codes": changed, "n": rows.n}, repair, specificity=1.0))
    said = f"serving: none of {len(rows.unlike)} columns that differ between the logs differs by its codes one for one, n = {rows.n:,}."
    return Look(tuple(found), 0.95, "" if found else said, ("serving",))


def _on_the_way(answers: Answers) -> Iterator[Finding]:
    """Categories that are right in the log and were read as others."""
    told = recoded(answers)
    for column in told.columns if told is not None else ():
        assert told is not None
        said = f"serving.{column}: with {told.words} {answers.said_rate(told.told)}."
        figures = {"changes": [c.words for c in told.changes], "rate": told.told.rate, "plain": answers.now.rate}
        yield between(f"serving.{column}", answers.evidence(told.told), said, figures)


def _shares(table: Table, column: str) -> dict[str, float]:
    counts = Counter(v for v in texts(table, column).tolist() if v is not None)
    total = sum(counts.values())
    return {v: k / total for v, k in counts.items()}


def _coded(case: Case, pair: Pair) -> Iterator[str]:
    for column in case.features(pair.suspect):
        if (
            column not in pair.yardstick
            or pair.suspect.kind(column) != pair.yardstick.kind(column)
            or pair.suspect.kind(column) not in ("numeric", "category")
        ):
            continue
        tables = (pair.suspect, pair.yardstick)
        if pair.suspect.kind(column) == "numeric" and any(_n_numbers(t, column) > MOST_LEVELS for t in tables):
            continue
        mine, theirs = (set(texts(t, column).tolist()) - {None} for t in tables)
        if 2 <= len(theirs) <= MOST_LEVELS and 2 <= len(mine) <= MOST_LEVELS:
            if pair.suspect.kind(column) == "numeric" and any("." in v for v in theirs):
                continue
            yield column


def _n_numbers(table: Table, column: str) -> int:
    values = numbers(table, column)
    return len(np.unique(values[~np.isnan(values)]))


def _by_name(pair: Pair, column: str) -> Finding | None:
    """Where a text column is one to one with the codes on both sides: the codes whose text differs."""
    for name in pair.suspect.columns:
        if name == column or name not in pair.yardstick or pair.suspect.kind(name) != "category" or pair.yardstick.kind(name) != "category":
            continue
        mine, theirs = _dictionary(pair.suspect, column, name), _dictionary(pair.yardstick, column, name)
        if mine is None or theirs is None or len(theirs) < 2:
            continue
        code_of = {text: code for code, text in theirs.items()}
        codes = {code: code_of[text] for code, text in mine.items() if text in code_of}
        if all(now == old for now, old in codes.items()):
            return None
        return _finding(pair, column, codes, f"by {name}, which names each code", 3.9)
    return None


def _by_config(case: Case, pair: Pair) -> dict[str, Finding]:
    """Columns whose lists of codes the configurations hold and which differ, where reading them so brings the shares nearer to health."""
    reference = case.reference.config if case.reference is not None else None
    found: dict[str, Finding] = {}
    if pair.side != "current" or not reference or not case.current.config:
        return found
    theirs = dict(_code_lists(reference))
    for path, mine in _code_lists(case.current.config):
        column, was = path[-1], theirs.get(path)
        if was is None or was == mine or column not in pair.suspect or column not in pair.yardstick:
            continue
        codes = {code: was[name] for name, code in mine.items() if name in was}
        here, there = (_shares(t, column) for t in (pair.suspect, pair.yardstick))
        if set(here) - set(mine.values()) or not any(now != old for now, old in codes.items()):
            continue
        read: dict[str, float] = {}
        for code, share in here.items():
            read[codes.get(code, code)] = read.get(codes.get(code, code), 0.0) + share
        as_it_is, assigned = (sum(abs(s.get(v, 0.0) - there.get(v, 0.0)) for v in {*s, *there}) / 2 for s in (here, read))
        if assigned <= as_it_is:
            why = (
                f"by the lists in both configurations; the shares then lie {assigned:.3f} from the healthy ones, {as_it_is:.3f} as they are"
            )
            found[column] = _finding(pair, column, codes, why, 3.9)
    return found


def _code_lists(config: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """What looks like a list of codes in a configuration: names to whole numbers, or names in their order; by its path."""
    for key, value in config.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            whole = [v for v in value.values() if isinstance(v, int) and not isinstance(v, bool)]
            if len(value) >= 2 and len(whole) == len(value) == len(set(whole)):
                yield here, {str(name): str(code) for name, code in value.items()}
            else:
                yield from _code_lists(value, here)
        elif (
            isinstance(value, (list, tuple))
            and len(value) >= 2
            and all(isinstance(v, str) for v in value)
            and len(set(value)) == len(value)
        ):
            yield here, {name: str(code) for code, name in enumerate(value)}


def _dictionary(table: Table, column: str, name: str) -> Mapping[str, str] | None:
    rows = sampled(table)
    (codes, levels), (named, names) = rows.coded(column), rows.coded(name)
    known = (codes < len(levels) - 1) & (named < len(names) - 1)
    pairs_seen, counts = np.unique(codes[known].astype(np.int64) * len(names) + named[known], return_counts=True)
    out: dict[str, str] = {}
    kept = 0
    for at in np.argsort(-counts, kind="stable").tolist():
        code, value = levels[pairs_seen[at] // len(names)], names[pairs_seen[at] % len(names)]
        if code not in out and value not in out.values():
            out[code] = value
            kept += int(counts[at])
    return out if len(counts) and kept >= 0.999 * int(counts.sum()) else None


def _blocks(case: Case, pair: Pair) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each shared column as points, here and there."""
    out = {}
    for column in match_columns(case, pair, ()):
        how = numbers if pair.suspect.kind(column) == "numeric" else texts
        out[column] = encode([how(pair.suspect, column)], [how(pair.yardstick, column)], levels=8)
    return out


def _by_company(pair: Pair, column: str, blocks: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Finding | float | None:
    """The assignment of codes that company proves, or the power with which none was found."""
    levels = [v for v, k in Counter(v for v in texts(pair.yardstick, column).tolist() if v is not None).items() if k >= 5]
    now = [v for v, k in Counter(v for v in texts(pair.suspect, column).tolist() if v is not None).items() if k >= 5]
    shared = sorted(set(levels) & set(now))
    gone, new = sorted(set(levels) - set(now)), sorted(set(now) - set(levels))
    rows, columns = shared + new, shared + gone
    others = [c for c in blocks if c != column]
    if len(shared) < 2 or not others:
        return None

    left, right = (np.hstack([blocks[c][side] for c in others]) for side in (0, 1))
    place, theirs_place = {v: i for i, v in enumerate(rows)}, {v: i for i, v in enumerate(columns)}
    here = np.array([place.get(v, -1) for v in texts(pair.suspect, column).tolist()])
    there = np.array([theirs_place.get(v, -1) for v in texts(pair.yardstick, column).tolist()])
    axes = most_telling(there, right)
    mine, theirs = fingerprints(here, len(rows), left[:, axes]), fingerprints(there, len(columns), right[:, axes])
    gap, freedom = distances(mine, theirs)
    same = np.diag(gap)[: len(shared)]
    codes = {rows[i]: columns[j] for i, j in zip(*assign(gap), strict=True)}
    moved = [i for i, v in enumerate(shared) if codes.get(v, v) != v]
    # The power to see two codes exchanged: how far the two commonest lie apart.
    common = np.argsort(-theirs.counts[: len(shared)])[:2]
    apart = float(min(gap[common[0], common[1]], gap[common[1], common[0]])) / freedom
    power = 0.95 if apart > 8 else 0.5 if apart > 4 else 0.1
    if len(moved) < 2 or mine.counts[moved].sum() < 0.05 * mine.n_rows:
        return power
    was = float(np.sum(same[moved]))
    becomes = float(sum(gap[i, columns.index(codes[shared[i]])] for i in moved))
    # Chi-square under identity has mean `freedom` a level; the margin leaves room for clustered rows.
    if was < len(moved) * (4 * freedom + 20) or becomes > 0.2 * was or becomes > len(moved) * (3 * freedom + 10):
        return power
    kept = {v: codes[v] for v in (shared[i] for i in moved)}
    kept |= {v: codes[v] for v in new if v in codes}
    return _finding(pair, column, kept, f"chi-square {was:,.0f} as it is, {becomes:,.0f} assigned, {len(moved) * freedom} expected", 3.9)


def _translated(table: Table, column: str, codes: Mapping[str, str]) -> Table:
    values = table.texts(column)
    out = np.array([None if v is None else codes.get(v, v) for v in values.tolist()], dtype=object)
    if table.kind(column) == "numeric":
        return put_values(table, column, np.array([np.nan if v is None else float(v) for v in out.tolist()]), table)
    if str(table.arrow.schema.field(column).type) == "bool":
        out = np.array([None if v is None else v == "True" for v in out.tolist()], dtype=object)
    return put_values(table, column, out, table)


def _finding(pair: Pair, column: str, codes: Mapping[str, str], proof: str, evidence: float) -> Finding:
    changed = {now: old for now, old in codes.items() if now != old}
    shown = ", ".join(f"{now} for {old}" for now, old in list(changed.items())[:4])
    n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
    said = f"{pair.place(column)}: {len(changed)} codes stand for others than in the healthy table ({shown}; {proof}; n = {n:,} and {m:,})."
    repair = {"table": pair.name, "column": column, "codes": dict(codes)}
    return Finding(pair.place(column), pair.name, bounded(evidence), said, {"codes": changed, "n": n}, repair, pair.side, 1.0)
