"""data.overlap."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.causes.before import mended_reference
from ruleout.causes.columns import ROWS, bounded
from ruleout.causes.leaks import together
from ruleout.causes.page import Cause, Finding, Look
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.matching import encode, nearest_distances
from ruleout.statistics.quantiles import detection_power, proportion_z
from ruleout.statistics.repeats import coincidence, row_codes, twins
from ruleout.tables.pairing import paired_sample
from ruleout.tables.repeated import SharedCopies, affordable, count_shared
from ruleout.tables.table import Table

FLOOR = 0.01
NEAR = 0.05
CLASS_COPIED, FAR_BEYOND, ONE_CLASS = 0.1, 20.0, 5.0
"""Copies of one class: their share of the validation rows, how many times chance that is, and how many times another class's share."""
PROBED = 1_500
MOST_ROWS = 150_000
"""Training rows among which near copies are looked for: a sample of few rows would hold few of the copies."""
FEWER_PROBED = 600
_TELLING = 2
"""Columns by whose hash rows of large tables are chosen."""


class Overlap(Cause):
    """Rows of the validation table, or near copies of them, are also in the training table.

    What goes wrong
    ---------------
    The model is examined on rows that it has learned by heart. Its metric is too good; when one side of a comparison has the
    overlap and the other has not, the honest side looks like a failure.

    Why it happens
    --------------
    Rows were repeated before the split, the split was drawn anew while the training table was kept, tables were stacked from files that
    share rows, augmentation made copies of all rows.

    What you see
    ------------
    A metric that no later table confirms, the better the more a model can memorise.

    How it is tested
    ----------------
    Rows of both tables are hashed over the features and the target, and the share of validation rows that have a twin in training is
    counted. Some twins are chance, in tables of few and coarse columns above all. How many is estimated in two ways, and the smaller number
    is taken: how many training rows have a twin among the other training rows, and what the probability that two validation rows coincide
    (Simpson 1949) leads one to expect. An excess of 1 % of the rows and of six standard errors is a finding.

    Twins within training are chance no longer if training itself was filled up. So rows that have their key in common count as the same
    row, and so do the twins of a single class (a rare one that was repeated before the split) if the other classes have hardly any and the
    pairs of distinct rows that agree in all columns but one do not lead one to expect them.

    Where no exact copies are found, near ones are looked for: the share of validation rows that lie nearer to a training row than all but
    one in a hundred of the training rows lie to each other.

    Tables that are examined by a sample are counted whole, unless they hold more than 500 million values; of these, and for near copies,
    the same share of either is looked at, chosen by the hash of what a row holds: copies come together.

    What would rule it out
    ----------------------
    No more rows coincide than chance gives, and none lie strangely near.

    How it is fixed
    ---------------
    Take the shared rows out of training, or split again after removing repeats, and measure again. Where it was the reference, its
    metric was never true: set the expectation right.

    How it stays fixed
    ------------------
    Remove repeats before the split, split by a hash of the row, and hold the overlap near zero before every training.

    Told apart from
    ---------------
    `data.group-leakage`: the same entity, other rows. `data.duplicates`: repeats within one table.

    References
    ----------
    Simpson (1949), Measurement of diversity. Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based
    science.
    """

    needs = (("current.train", "current.validation"), ("reference.train", "reference.validation"))
    cost = 0.4

    def suspect(self, problem: Problem) -> Look:
        """Count the rows that stand on both sides of each split, exactly or nearly."""
        found: list[Finding] = []
        power, said = 1.0, []
        names: tuple[SideName, ...] = ("current", "reference")
        for side in names:
            tables = _tables(problem.case, side)
            if tables is None or not (columns := _columns(problem.case, *tables)):
                continue
            train, validation = _coordinated(problem, side, *tables, columns)
            copies = _counted(problem, side, columns) or _copies(_codes(train, columns), _codes(validation, columns))
            n, m = copies.n_second, copies.n_first
            share, chance = copies.n_shared / n, _chance(copies)
            if share >= FLOOR and share - chance < max(FLOOR, 6 * _error(chance, n, m)):
                # Rows that come again within training too are no yardstick of chance where they are copies themselves.
                share, chance = _beyond_coarseness(problem.case, train, validation, columns) or (share, chance)
            error = _error(chance, n, m)
            power = min(power, detection_power(0.05, max(FLOOR, 6 * error), n, m) if chance < 0.2 else 0.2)
            said.append(f"{side}: {share:.2%} of the validation rows are in training, {chance:.2%} by chance, n = {n:,}")
            if share - chance >= FLOOR and share - chance > 6 * error:
                found.append(_finding(side, columns, share=share, chance=chance, rows=(n, m)))
            elif (near := _near(train, validation, columns)) is not None:
                found.append(_finding(side, columns, share=near[0], chance=0.01, rows=(n, m), near=near[1]))
        found.sort(key=lambda f: -f.evidence)
        return Look(tuple(found), power if said else 0.0, "" if found or not said else "; ".join(said) + ".", ("split",) if said else ())

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Take the shared rows out of training; where that would take most of a class, split anew with all copies of a row together."""
        if finding.side == "reference":
            return mended_reference(case, finding, self.put_right)
        tables = _tables(case, "current")
        columns = tuple(finding.repair["columns"])
        if tables is None or not all(c in t for t in tables for c in columns):
            return None
        train, validation = tables
        if finding.repair["near"] is not None:
            # What is fitted again is fitted on a sample of this size at most, so no more rows are held against each other.
            train = train.sample(ROWS)
        codes = _codes(train, columns)
        shared = np.isin(codes, _codes(validation, columns))
        if _takes_a_class(case, train, shared):
            return together(case, np.concatenate([codes, _codes(validation, columns)]))
        if finding.repair["near"] is not None:
            left, right = encode(_arrays(train, columns), _arrays(validation, columns))
            shared |= nearest_distances(left, right) <= finding.repair["near"]
        if shared.all():
            return None
        return case.with_table("current", "train", train.filter(~shared))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of validation rows in training, halfway between chance and what was found; exact copies only."""
        if finding.repair["near"] is not None:
            return None
        most = (float(finding.figures["share"]) + float(finding.figures["chance"])) / 2
        parameters = {"table": "train", "columns": list(finding.repair["columns"]), "max_rate": round(most, 4)}
        return Guard(self.id(), finding.place, "max_overlap", "validation", parameters, "Validation rows are in the training table.")


def _tables(case: Case, side: SideName) -> tuple[Table, Table] | None:
    held = case.side(side)
    if held is None or held.train is None or held.validation is None or min(held.train.n_rows, held.validation.n_rows) < 50:
        return None
    return held.train, held.validation


def _coordinated(problem: Problem, side: SideName, train: Table, validation: Table, columns: tuple[str, ...]) -> tuple[Table, Table]:
    """The two tables or, of large ones, the same share of either, chosen by what a row holds: a row and its copies all come or none does.

    Shares of rows with a copy are then those of the whole tables, which samples drawn apart would not show.
    """
    first, second = (problem.whole.get(f"{side}.{table.name}", table) for table in (train, validation))
    if first is train and second is validation:
        return train, validation
    n_rows = max(first.n_rows, second.n_rows)
    # Copies agree in all columns, so those that tell rows apart best are enough to bring them together.
    telling = sorted(columns, key=lambda column: -(train.profile_of(column).distinct or 0))[:_TELLING]
    return paired_sample(first, MOST_ROWS, by=telling, of=n_rows), paired_sample(second, MOST_ROWS, by=telling, of=n_rows)


def _columns(case: Case, train: Table, validation: Table) -> tuple[str, ...]:
    wanted = (*case.features(train), *([case.target] if case.target else []))
    return tuple(c for c in wanted if c in train and c in validation and train.kind(c) == validation.kind(c) and not _numbering(train, c))


def _numbering(table: Table, column: str) -> bool:
    if table.kind(column) != "numeric":
        return False
    values = table.numbers(column)
    return len(np.unique(values)) == len(values) and bool(np.all(np.mod(values, 1) == 0))


def _arrays(table: Table, columns: tuple[str, ...]) -> list[np.ndarray]:
    return [table.numbers(c) if table.kind(c) in ("numeric", "time") else table.texts(c) for c in columns]


def _codes(table: Table, columns: tuple[str, ...]) -> np.ndarray:
    return row_codes(_arrays(table, columns))


def _counted(problem: Problem, side: SideName, columns: tuple[str, ...]) -> SharedCopies | None:
    """Shared rows of tables of which the case holds samples, over all their rows; None where it holds none, or counting costs too much."""
    held = _tables(problem.case, side)
    if held is None:
        return None
    first, second = (problem.whole.get(f"{side}.{table.name}", table) for table in held)
    if (first is held[0] and second is held[1]) or not affordable(first, second):
        return None
    return count_shared(first, second, columns)


def _copies(train: np.ndarray, validation: np.ndarray) -> SharedCopies:
    """The same of rows by their codes."""
    n, m = len(validation), len(train)
    n_pairs = round(coincidence(validation) * n * (n - 1) / 2)
    return SharedCopies(m, n, int(np.isin(validation, train).sum()), round(twins(train) * m), n_pairs)


def _chance(copies: SharedCopies) -> float:
    # Few rows hold few equal pairs: what they bound is the pairs that were seen plus four standard errors.
    n_pairs = copies.n_second * (copies.n_second - 1) / 2
    seen = copies.n_pairs
    return min(copies.n_twins / copies.n_first, 1.0, (seen + 4 * float(np.sqrt(seen + 1)) + 4) / n_pairs * copies.n_first)


def _error(chance: float, n: int, m: int) -> float:
    """The standard error of a share of n validation rows whose twins among m training rows are `chance` alone."""
    return float(np.sqrt(max(chance, 1 / n) * (1 - min(chance, 0.99)) * (1 / n + 1 / m)))


def _beyond_coarseness(case: Case, train: Table, validation: Table, columns: tuple[str, ...]) -> tuple[float, float] | None:
    """The share of validation rows in training where copies within training hide it, and what chance gives; None where nothing is sure.

    Rows that have their key in common are the same. Else one class must hold them and another hardly any: by chance rows of all classes
    coincide. Among distinct rows, the pairs that agree in all columns but one say how many would agree in that one too, by its
    coincidence probability; rows of a pattern that holds a tenth of all shared rows do not count.
    """
    if case.key is not None and case.key in train and case.key in validation:
        mine, theirs = _codes(validation, (*columns, case.key)), _codes(train, (*columns, case.key))
        return float(np.isin(mine, theirs).mean()), 0.0
    parts = [np.concatenate([_codes(train, (c,)), _codes(validation, (c,))]) for c in columns]
    weights = np.random.default_rng(0).integers(1, 2**63, len(parts), dtype=np.uint64) | np.uint64(1)
    parts = [(part ^ (part >> np.uint64(29))) * weight for part, weight in zip(parts, weights, strict=True)]
    whole: np.ndarray = np.stack(parts).sum(axis=0, dtype=np.uint64)
    first = np.unique(whole, return_index=True)[1]
    per_pair = 0.0
    for part in parts:
        q = coincidence(part[first])
        per_pair = max(per_pair, coincidence((whole - part)[first]) * q / max(1 - q, 0.05))
    mine, theirs = whole[train.n_rows :], whole[: train.n_rows]
    shared = mine[np.isin(mine, theirs)]
    patterns, counts = np.unique(shared, return_counts=True)
    spread = patterns[counts <= max(0.1 * len(shared), 3)]
    copied = np.isin(mine, spread)
    share, chance = float(copied.mean()), min(1.0, per_pair * len(theirs))
    if case.task == "regression" or case.target not in validation or share < CLASS_COPIED or chance > share / FAR_BEYOND:
        return None
    texts = validation.texts(str(case.target)).astype(str)
    by_class = [float(copied[texts == label].mean()) for label in np.unique(texts) if (texts == label).sum() >= 30]
    return (share, chance) if by_class and max(by_class) >= ONE_CLASS * max(min(by_class), 0.01) else None


def _takes_a_class(case: Case, train: Table, shared: np.ndarray) -> bool:
    """Whether the shared rows are most of a class of the training rows: what is left would no longer be the same task."""
    if case.task == "regression" or case.target not in train:
        return False
    texts = train.texts(str(case.target)).astype(str)
    return any(shared[texts == label].mean() > 0.5 for label in np.unique(texts))


def _near(train: Table, validation: Table, columns: tuple[str, ...]) -> tuple[float, float] | None:
    """The share of validation rows nearer to training than all but 1 % of the training rows, and that distance; None within chance."""
    n_probed = PROBED if train.n_rows <= ROWS else FEWER_PROBED
    train, validation = train.sample(MOST_ROWS), validation.sample(n_probed)
    if not any(train.kind(c) == "numeric" for c in columns):
        return None
    probe, rest = encode(_arrays(validation, columns), _arrays(train, columns))
    chosen = np.random.default_rng(0).choice(len(rest), min(n_probed, len(rest)), replace=False)
    among = nearest_distances(rest[chosen], rest, itself=True)
    k = max(5, len(among) // 100)
    if len(among) < 200:
        return None
    usual = float(np.sort(among)[k])
    near = nearest_distances(probe, rest) < usual
    seldom = proportion_z(near.sum(), len(near), k, len(among)) < 6
    return None if usual == 0 or seldom or near.mean() < max(NEAR, 5 * k / len(among)) else (float(near.mean()), usual)


def _finding(
    side: SideName, columns: tuple[str, ...], *, share: float, chance: float, rows: tuple[int, int], near: float | None = None
) -> Finding:
    n, m = rows
    place = "train" if side == "current" else "reference.train"
    how = "are also in" if near is None else "have a near copy in"
    said = f"{place}: {share:.1%} of {n:,} validation rows {how} the {m:,} training rows ({len(columns)} columns), {chance:.2%} by chance."
    figures = {"share": share, "chance": chance, "n": n, "n_train": m}
    return Finding(place, "split", bounded(3.9), said, figures, {"columns": columns, "near": near}, side, 0.9)
