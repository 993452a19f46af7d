"""Which other codes of the categories reproduce the logged answers, and which codes two environments gave the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ruleout.causes.answers import Answers, Change, Found
from ruleout.causes.beside import Beside
from ruleout.causes.changes import texts_changed
from ruleout.causes.codes_together import read_together
from ruleout.tables.table import Table

__all__ = ["recoded", "renamed_between"]

MOST_LEVELS = 30
MOST_COLUMNS = 12

WHOLE = 0.995
"""Part of the answers that an order of the codes reproduces when nothing better is looked for."""

PASSES = 5
"""Times that the columns are gone through, at most: what several of them hide from each other comes out one after the other."""

NEARER = 0.97
"""Part of the distance to the logged answers, at most, that must be left for another reading of a column to be kept."""


def recoded(answers: Answers) -> Found | None:
    """The other order of categories, or the other meaning of single codes, that reproduces the logged answers; None where none does."""
    lists = _lists(answers)
    if not lists:
        return None
    found = answers.search(list(_orders(answers, lists)))
    if found is None:
        found = answers.search([c for change in lists for c in _orders(answers, {change: lists[change]})], rounds=4)
    if found is not None and found.told.rate >= WHOLE:
        return found
    # An order that leaves a part over is a guess near the truth: what each level was read as is asked by itself.
    others = [found, answers.search_some(_families(answers, lists)), _by_level(answers, lists)]
    return max((other for other in others if other is not None), key=lambda other: (other.told.rate, -len(other.changes)), default=None)


def _families(answers: Answers, lists: Mapping[str, list[str]]) -> list[list[Change]]:
    """Every other order of the codes, for each column by itself: some columns may have it and others not."""
    families: dict[str, list[Change]] = {}
    for column in list(lists)[:MOST_COLUMNS]:
        for change in _orders(answers, {column: lists[column]}):
            families.setdefault(change.words.removeprefix(column), []).append(change)
    return [family for family in families.values() if len(family) > 1]


def _lists(answers: Answers) -> dict[str, list[str]]:
    """The categories of each text feature in the order of the artifact's codes."""
    out = {}
    for column, values in answers.description.fitted.get("categories", {}).items():
        if column in answers.features and answers.log.kind(column) == "category" and str(answers.log.schema.field(column).type) != "bool":
            known = [str(v) for v in values if v is not None]
            if 2 <= len(known) <= 500:
                out[str(column)] = known
    return out


def _orders(answers: Answers, lists: Mapping[str, list[str]]) -> Iterator[Change]:
    """Codes given in another order: by appearance, by frequency, by the alphabet, reversed, moved by one."""

    def change(words: str, orders: Mapping[str, Sequence[str]]) -> Change | None:
        maps: dict[str, dict[str, str | None]] = {}
        for column, order in orders.items():
            own = lists[column]
            # The service's code k reaches a model that reads the k-th of its own categories.
            known = {value: (own[k] if k < len(own) else None) for k, value in enumerate(order)}
            if any(value != meant for value, meant in known.items()):
                maps[column] = known
        if not maps:
            return None
        name = next(iter(maps)) if len(maps) == 1 else f"{len(maps)} columns"
        return texts_changed(f"{name} coded {words}", list(maps), lambda v, c: v if v is None else maps[c].get(v, v))

    made = [
        change("in the order of the alphabet", {c: sorted(v) for c, v in lists.items()}),
        change("in the order of the alphabet, capitals aside", {c: sorted(v, key=str.casefold) for c, v in lists.items()}),
        change("in the reverse order", {c: v[::-1] for c, v in lists.items()}),
        change("one code higher", {c: [*v[1:], v[0]] for c, v in lists.items()}),
        change("one code lower", {c: [v[-1], *v[:-1]] for c, v in lists.items()}),
    ]
    for words, table in _tables(answers):
        seen = {c: [v for v in table.texts(c).tolist() if v is not None] for c in lists if c in table and table.kind(c) == "category"}
        if not seen:
            continue
        appearing = {c: _rest(list(dict.fromkeys(v)), lists[c]) for c, v in seen.items()}
        frequent = {
            c: _rest([v for v, _ in sorted(Counter(values).items(), key=lambda i: (-i[1], i[0]))], lists[c]) for c, values in seen.items()
        }
        known = {c: sorted(set(v)) for c, v in seen.items()}
        made += [
            change(f"in the order in which they appear in {words}", appearing),
            change(f"by their frequency in {words}", frequent),
            change(f"by their frequency in {words}, the rarest first", {c: v[::-1] for c, v in frequent.items()}),
            change(f"as they stand sorted in {words}", known),
        ]
    yield from (m for m in made if m is not None)


def _rest(order: list[str], own: list[str]) -> list[str]:
    return [*order, *(v for v in own if v not in order)]


def _tables(answers: Answers) -> Iterator[tuple[str, Table]]:
    yield "the log", answers.log
    for side in ("reference", "current"):
        held = answers.case.side(side)
        for name in ("train", "validation"):
            table = held.table(name) if held is not None else None
            if table is not None:
                yield f"the {side}'s {name} table", table


def _by_level(answers: Answers, lists: Mapping[str, list[str]]) -> Found | None:
    """What each level must have been read as: every level asked as every other, column by column, the best kept, again and again."""
    columns = [c for c in lists if len(lists[c]) <= MOST_LEVELS][:MOST_COLUMNS]
    if not columns:
        return None
    changes, table = _begun(answers, {c: lists[c] for c in columns})
    for _ in range(PASSES):
        begun = len(changes)
        for column in columns:
            read_as = _best_reading(answers, table, column, lists[column])
            moved = {a: b for a, b in read_as.items() if a != b}
            if len(moved) < 2:
                continue
            made = _read_as(column, moved)
            before, after = answers.told(table), answers.told(made.apply(table))
            if before is not None and after is not None and after.distance < NEARER * before.distance:
                table = made.apply(table)
                changes.append(made)
        if len(changes) == begun:
            break
    told = answers.told(table)
    return Found(tuple(changes), told) if changes and told is not None and answers.convinces(told) else None


def _begun(answers: Answers, lists: Mapping[str, list[str]]) -> tuple[list[Change], Table]:
    """The readings of all columns that fit together, if they bring the answers nearer, and the tried rows as they were read then."""
    table = answers.trial
    made = [_read_as(column, moved) for column, moved in read_together(answers, lists).items()]
    other = table
    for change in made:
        other = change.apply(other)
    before, after = answers.told(table), answers.told(other) if made else None
    nearer = before is not None and after is not None and after.distance < NEARER * before.distance
    return (made, other) if nearer else ([], table)


def _read_as(column: str, moved: Mapping[str, str]) -> Change:
    shown = ", ".join(f"{a} read as {b}" for a, b in list(moved.items())[:3])
    return texts_changed(f"{column}: {shown}", [column], lambda v, _: v if v is None else moved.get(v, v))


def _best_reading(answers: Answers, table: Table, column: str, levels: list[str]) -> dict[str, str]:
    """For each level the one that its rows' answers look most like; one level for one, at least distance in all."""
    from ruleout.statistics.spelling import assign

    values = table.texts(column)
    present = [v for v in levels if (values == v).sum() >= 3]
    if len(present) < 2:
        return {}
    cost = np.zeros((len(present), len(levels)))
    for at, level in enumerate(levels):
        found = answers.difference(texts_changed("", [column], lambda _v, _c, x=level: x).apply(table))  # type: ignore[misc]
        if found is None:
            return {}
        for row, value in enumerate(present):
            cost[row, at] = float(found[values == value].sum())
    rows, chosen = assign(cost)
    # A level stays what it is unless another reading is clearly nearer, or the place is another one's now.
    own = np.array([levels.index(level) for level in present])
    away = cost[rows, chosen] < 0.8 * cost[rows, own[rows]]
    while True:
        crowded = ~away & np.isin(own[rows], chosen[away]) & (chosen != own[rows])
        if not crowded.any():
            break
        away |= crowded
    return {present[row]: levels[at] if moved else present[row] for row, at, moved in zip(rows, chosen, away, strict=True)}


def renamed_between(pair: Beside, column: str) -> dict[str, str] | None:
    """The codes that stand for each other in two logs of the same rows, one for one; None where values do not go over one for one."""
    was, now = pair.reference.texts(column), pair.current.texts(column)
    seen = Counter((n, w) for n, w in zip(now.tolist(), was.tolist(), strict=True) if n is not None and w is not None)
    codes: dict[str, str] = {}
    kept = 0
    for (code, meant), count in seen.most_common():
        if code not in codes and meant not in codes.values():
            codes[code] = meant
            kept += count
    if not 2 <= len(codes) <= 200 or kept < 0.995 * sum(seen.values()) or all(a == b for a, b in codes.items()):
        return None
    return codes
