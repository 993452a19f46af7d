"""One pair of tables held side by side once, for every page that asks how columns stand together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import sampled
from ruleout.causes.page import Pair
from ruleout.statistics.association import Alignment, align, row_evidence
from ruleout.statistics.classifier import Domain, domain_classifier
from ruleout.statistics.resampling import bin_weights
from ruleout.tables.matrix import alike, binned, matrices, shared_rows
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["Comparison", "compare", "usual"]

_USUAL = 1.5
"""A column may move this much more than the others do by themselves: clusters and seasons move all of them."""

_LEAST_SEASON = 3
"""Columns that moved together from which rows are of another season."""

_NEAR = 0.3
"""A column that moved by less than this would keep most of its associations, stood it on its rows."""

_LOST = 0.25
"""A column that keeps less than this of each of its associations has lost them all: no season does that."""

_SWAPPED = 0.4
"""Part of its association that a column has at most, and gains at least by an exchange, that stands in another one's place."""

_TELLING = 0.1
"""Nats a row that the other columns must tell of a column for its place to be known by them."""

_LOST_ERROR = 0.1
"""The standard error to within which an association must be known to count for that."""


_INTACT = 0.8
"""A pair of columns that keeps this much of its association, within error, stands together."""


def usual(distances: Mapping[str, float], column: str) -> float:
    """How far from its healthy self a column may lie to which nothing happened, judged by the others in the same two tables.

    Rows come in storms, days and towns, so that samples differ by more than as many single rows would (the design effect; Kish, 1965):
    the median distance of the other columns tells by how much.
    """
    others = [distance for name, distance in distances.items() if name != column]
    return _USUAL * float(np.median(others)) if others else 0.0


class Comparison:
    """A table under suspicion beside its yardstick: shared columns, which of them moved, and which no longer stand together.

    Parameters
    ----------
    case
        Says which columns are features and which is the target.
    pair
        The two tables.
    """

    def __init__(self, case: Case, pair: Pair) -> None:
        self.case = case
        self.pair = pair
        self.suspect = sampled(pair.suspect)
        self.yardstick = sampled(pair.yardstick)

    @cached_property
    def target(self) -> str | None:
        """The target, where both tables hold it as the same kind."""
        wanted = [self.case.target] if self.case.target else []
        return next(iter(alike(self.pair.suspect, self.pair.yardstick, wanted)), None)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Features that both tables hold as the same kind."""
        return alike(self.pair.suspect, self.pair.yardstick, self.case.features(self.pair.suspect))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The features, and the target last where both tables hold it."""
        return (*self.features, *([self.target] if self.target else []))

    @cached_property
    def codes(self) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """Both tables in bins of the yardstick, as `ruleout.tables.matrix.binned` gives them."""
        return binned(self.yardstick, self.suspect, self.columns)

    @cached_property
    def shares(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each column the share of rows in each bin, in the yardstick and in the suspect."""
        yard, suspect, sizes = self.codes
        return tuple(
            (
                np.bincount(yard[:, at], minlength=size) / max(len(yard), 1),
                np.bincount(suspect[:, at], minlength=size) / max(len(suspect), 1),
            )
            for at, size in enumerate(sizes)
        )

    @cached_property
    def distance(self) -> dict[str, float]:
        """For each column the total variation distance of its bins beyond what samples of these sizes show by chance, at least 0."""
        n_yard, n_suspect = max(self.yardstick.n_rows, 1), max(self.suspect.n_rows, 1)
        out = {}
        for column, (mine, theirs) in zip(self.columns, self.shares, strict=True):
            chance = 0.5 * float(np.sqrt(2 / np.pi * mine * (1 - mine) * (1 / n_yard + 1 / n_suspect)).sum())
            out[column] = max(0.0, 0.5 * float(np.abs(mine - theirs).sum()) - 1.3 * chance)
        return out

    @cached_property
    def moved(self) -> tuple[str, ...]:
        """Columns whose own distribution is another: what is said of their relation to others would be about that."""
        least = 0.02 + 0.6 * float(np.sqrt(1 / max(self.yardstick.n_rows, 1) + 1 / max(self.suspect.n_rows, 1)))
        return tuple(c for c in self.columns if self.distance[c] > least)

    @cached_property
    def alignment(self) -> Alignment:
        """How much of the association of every two columns is left.

        Where rows bear a time, pairs whose association the yardstick itself does not keep from its first half to its second say nothing.
        """
        found = align(*self.codes)
        when = clock(self.yardstick, self.case.time)
        if when is not None and self.yardstick.n_rows >= 80:
            order = np.argsort(when, kind="stable")
            early, late = np.array_split(self.codes[0][order], 2)
            halves = align(early, late, self.codes[2])
            passing = ~(halves.kept + 2.0 * halves.error >= _INTACT)
            found.kept[passing] = np.nan
            found.error[passing] = np.nan
        return found

    @cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of the features in parts: within one, columns still stand together. The part that is right comes first.

        That is the largest; what a part still tells of the target counts for it, what it lost against it, each as half of all columns.
        """
        n_features = len(self.features)
        label = list(range(n_features))
        kept, error = self.alignment.kept[:n_features, :n_features], self.alignment.error[:n_features, :n_features]
        for first, second in np.argwhere((kept - 2.0 * error > _INTACT - 0.25) & (kept > _INTACT)):
            if label[first] != label[second]:
                old, new = label[second], label[first]
                label = [new if value == old else value for value in label]
        groups = [tuple(c for c in range(n_features) if label[c] == value) for value in dict.fromkeys(label)]

        def rank(group: tuple[int, ...]) -> float:
            told = [self.alignment.kept[c, -1] for c in group if self.target and np.isfinite(self.alignment.kept[c, -1])]
            return len(group) + n_features * (float(np.clip(np.mean(told), 0, 1)) - 0.5 if told else 0.0)

        return tuple(sorted(groups, key=rank, reverse=True))

    def damaged(self, part: tuple[int, ...], others: tuple[int, ...]) -> list[tuple[int, int]]:
        """Pairs, one column of either, that have surely lost a fifth of their association or more; () where the others outweigh them."""
        kept, error = (values[np.ix_(part, others)] for values in (self.alignment.kept, self.alignment.error))
        known = np.isfinite(kept)
        if not known.any():
            return []
        weight = 1.0 / error[known] ** 2
        if float((weight * kept[known]).sum() / weight.sum()) > _INTACT:
            return []
        # Beyond chance among as many pairs as there are: a normal quantile of 1 in 1,000 for all of them together.
        sure = float(np.sqrt(2.0 * np.log(500.0 * np.isfinite(self.alignment.kept).sum() / 2.0)))
        return [(part[a], others[b]) for a, b in np.argwhere(known & (kept < _INTACT) & (kept + sure * error < 1.0))]

    @cached_property
    def misplaced(self) -> tuple[str, ...]:
        """Features that have not moved themselves but no longer stand together with the part that is right."""
        if len(self.columns) < 2 or not self.features:
            return ()
        still = {c for c, name in enumerate(self.columns) if self.distance[name] <= 0.1}
        right = tuple(c for c in self.parts[0] if c in still)
        found: list[str] = []
        for part in self.parts[1:]:
            partly = set(part) <= still and not self.seasonal(part) and (self.damaged(part, right) or self._untold(part))
            if partly or self._lost(part):
                found.extend(self.columns[c] for c in part)
        return tuple(found + self._untelling(found, still)) if found else ()

    def _untelling(self, found: list[str], still: set[int]) -> list[str]:
        """Beside columns that are misplaced: those that told of the target alone, and no longer do.

        Where no other column still tells of it, the target may stand elsewhere; few are then likelier misplaced with the others.
        """
        if not self.target:
            return []
        kept, error = self.alignment.kept[:, -1], self.alignment.error[:, -1]
        others = [c for c in range(len(self.features)) if c in still and self.columns[c] not in found and np.isfinite(kept[c])]
        lost = [self.columns[c] for c in others if kept[c] + 2.0 * error[c] < _LOST]
        told = any(kept[c] - 2.0 * error[c] > _LOST for c in others)
        return lost if told or len(lost) <= len(found) else []

    def seasonal(self, part: tuple[int, ...] = ()) -> bool:
        """Whether the columns outside `part` moved together: rows of another season stand otherwise together by themselves."""
        moved = [c for c in self.moved if self.columns.index(c) not in part]
        return len(moved) >= max(_LEAST_SEASON, 0.3 * len(self.columns))

    def _lost(self, part: tuple[int, ...]) -> bool:
        """Whether a part kept no association with anything outside it, whatever season it is, while it hardly moved itself."""
        outside = [c for c in range(len(self.columns)) if c not in part]
        kept, error = (values[np.ix_(part, outside)] for values in (self.alignment.kept, self.alignment.error))
        sure = np.isfinite(kept) & (error < _LOST_ERROR)
        # Moving a share of the rows spoils that share of an association: so small a move leaves more than half of it.
        near = all(self.distance[self.columns[c]] <= _NEAR for c in part)
        # What a column that moved itself no longer tells may be its own doing.
        still = sure.any(axis=0) & np.array([self.distance[self.columns[c]] <= 0.1 for c in outside], dtype=bool)
        return bool(near and sure.sum() >= 3 and still.any() and np.all(kept[sure] + 2.0 * error[sure] < _LOST))

    @cached_property
    def steady(self) -> tuple[str, ...]:
        """Features that neither moved nor lost their place."""
        return tuple(c for c in self.features if c not in self.moved and c not in self.misplaced)

    @cached_property
    def domain(self) -> Domain:
        """A classifier that tells suspect from healthy rows by the features that stand in their place."""
        return self.apart()

    def apart(self, weights: np.ndarray | None = None, columns: tuple[str, ...] | None = None) -> Domain:
        """The same with weights for the suspect's rows, shape (n_rows,), or by some columns only."""
        names = tuple(c for c in self.features if c not in self.misplaced) if columns is None else columns
        yardstick, suspect = self.numbers(names)
        coded = [at for at, name in enumerate(names) if self.pair.yardstick.kind(name) == "category"]
        return domain_classifier(suspect, yardstick, suspect_weights=weights, categories=coded)

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """Features whose values in the suspect are such as the yardstick holds, not new, null or elsewhere, and stand on their rows."""
        return tuple(c for at, c in enumerate(self.features) if c not in self.misplaced and self._plain(at, c))

    @cached_property
    def along(self) -> tuple[str, float, float]:
        """The column whose weighting makes the tables most alike, target included, and the AUC less 1/2 with and without it.

        Rows that were chosen by one column, and by nothing else, are told apart no longer once that column's shares are restored:
        drift along a feature, label shift along the target. "" where no column brings the AUC down to a third, or near enough to 1/2.
        """
        columns = (*self.plain, *([self.target] if self.target else []))
        moved = sorted((c for c in columns if self.distance[c] > 0.05), key=lambda c: -self.distance[c])
        tried = [c for c in moved if c != self.target][:4] + [c for c in moved if c == self.target]
        whole = self.apart(None, columns).auc - 0.5
        left = {c: self.apart(self.weights(c), columns) for c in tried}
        if not left:
            return "", whole, whole
        best = min(left, key=lambda c: left[c].auc)
        # Where target and feature stand for each other, a class is what rows are chosen by, and a number what follows from the inputs.
        if self.target in left and best != self.target and self.case.task != "regression" and left[self.target].auc < left[best].auc + 0.01:
            best = self.target
        if self.target == best and self.case.task == "regression":
            others = [c for c in left if c != best and left[c].auc < left[best].auc + 0.01]
            best = min(others, key=lambda c: left[c].auc, default=best)
        rest = left[best].auc - 0.5
        return (best if rest < max(0.33 * whole, 0.02 + left[best].error) else ""), whole, rest

    def weights(self, column: str) -> np.ndarray:
        """Weight of each of the suspect's sampled rows by which a column lies as in the yardstick, shape (n_rows,)."""
        yardstick, suspect, sizes = binned(self.yardstick, self.suspect, [column], 40)
        return bin_weights(suspect[:, 0], yardstick[:, 0], sizes[0])

    def _plain(self, at: int, column: str) -> bool:
        was, now = self.shares[at]
        if now[-1] - was[-1] > 0.02:
            return False
        if self.pair.yardstick.kind(column) == "category":
            known = set(self.yardstick.texts(column).tolist())
            return float(np.mean([v not in known for v in self.suspect.texts(column).tolist()])) <= 0.02
        mine, theirs = self.suspect.numbers(column), self.yardstick.numbers(column)
        return bool(np.isfinite(theirs).any() and np.mean((mine < np.nanmin(theirs)) | (mine > np.nanmax(theirs))) <= 0.05)

    @cached_property
    def joined(self) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers, in suspect and yardstick, of the same rows: by key, else by equal steady features where they tell rows apart."""
        key = self.case.key
        if key and key in self.pair.suspect and key in self.pair.yardstick:
            return shared_rows(self.pair.suspect, self.pair.yardstick, [key])
        telling = [c for c in self.steady if self.pair.suspect.kind(c) != "category"]
        if len(telling) < 3:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        return shared_rows(self.pair.suspect, self.pair.yardstick, self.steady)

    def numbers(self, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Yardstick and suspect (samples) as floats, shape (n_rows, n_columns)."""
        return matrices(self.yardstick, self.suspect, columns)

    @cached_property
    def exchanged(self) -> tuple[tuple[str, str], ...]:
        """Pairs of features of one kind that stand together with the rest as they did once their names change places, and now do not.

        What each row's other columns lead one to expect of either is held against both (`row_evidence`), beside how common it is: columns
        of like distribution are told, and columns that moved with the season.
        """
        kept, strength = np.nan_to_num(self.alignment.kept), np.where(np.isfinite(self.alignment.kept), self.alignment.strength, 0.0)
        left = (kept * strength).sum(axis=1) / np.maximum(strength.sum(axis=1), 1e-9)
        weak = [c for c in range(len(self.features)) if strength[c].sum() > _TELLING and left[c] < _SWAPPED]
        found: list[tuple[float, int, int]] = []
        for first, second in combinations(weak, 2):
            if self.suspect.kind(self.columns[first]) != self.suspect.kind(self.columns[second]):
                continue
            gains = []
            for column, other in ((first, second), (second, first)):
                others = [d for d in range(len(self.columns)) if strength[column, d] and d != other]
                healthy, then = float(strength[column, others].sum()), self._fit(column, other, others)
                gain = then - self._fit(column, column, others)
                if healthy < _TELLING or gain < _SWAPPED * healthy or then < -0.5 * healthy:
                    break
                gains.append(gain)
            if len(gains) == 2:
                found.append((sum(gains), first, second))
        pairs: list[tuple[str, str]] = []
        for _, first, second in sorted(found, reverse=True):
            names = self.columns[first], self.columns[second]
            if not {c for pair in pairs for c in pair} & set(names):
                pairs.append(names)
        return tuple(pairs)

    def _fit(self, column: int, values: int, others: Sequence[int]) -> float:
        """How well the values of one column fit the place of another, in nats a row: by the row's other columns and how common they are."""
        if not others:
            return 0.0
        name, source = self.columns[column], self.columns[values]
        renamed = self.suspect.select([source]).rename({source: name}) if source != name else self.suspect
        codes = binned(self.yardstick, renamed, [name])[1][:, 0]
        told = row_evidence(self.alignment, self.codes[1], column, others)
        usual_share, seen = self.shares[column][0], np.bincount(codes, minlength=told.shape[1]) / max(len(codes), 1)
        known = usual_share > 0
        uncommon = float((seen[known] * np.log(np.maximum(seen[known], 1e-9) / usual_share[known])).sum()) + 3.0 * float(seen[~known].sum())
        return float(told[np.arange(len(codes)), codes].mean()) - uncommon

    def _untold(self, part: tuple[int, ...]) -> bool:
        """Whether a part has lost what it told of the target while another column tells it as before: then the target is in its place."""
        last = len(self.columns) - 1
        if not self.target or self.distance[self.target] > 0.1 or not self.damaged(part, (last,)):
            return False
        kept, error = self.alignment.kept[:, last], self.alignment.error[:, last]
        highest = max(kept[c] for c in part if np.isfinite(kept[c]))
        others = [c for c in range(last) if np.isfinite(kept[c]) and not self.damaged((c,), (last,))]
        if not others or highest > 0.6:
            return False
        weight = 1.0 / error[others] ** 2
        return bool((weight * kept[others]).sum() / weight.sum() - 2.0 / np.sqrt(weight.sum()) > highest + 0.25)


_compared: WeakKeyDictionary[Table, list[Comparison]] = WeakKeyDictionary()


def compare(case: Case, pair: Pair) -> Comparison:
    """The comparison of a pair, made once however many pages ask for it."""
    known = _compared.setdefault(pair.suspect, [])
    for found in known:
        if found.pair.yardstick is pair.yardstick and found.case.target == case.target and found.case.ignore == case.ignore:
            return found
    made = Comparison(case, pair)
    known.append(made)
    return made
