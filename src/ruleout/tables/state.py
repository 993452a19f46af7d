"""What is known of a column after some of its rows. States of different rows merge, on one machine or on many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.tables.buffers import measured, primitive, row_numbers
from ruleout.tables.kernel import counts_at, hash_numbers, hash_texts, runs
from ruleout.tables.sketch import DistinctSketch, FrequentNumbers, FrequentTexts

__all__ = ["CategoryState", "Moments", "NumberState", "OtherState", "State"]


@dataclass(frozen=True)
class Moments:
    """Count, mean, sum of squared deviations, smallest and largest of finite numbers.

    Merging is exact up to rounding: Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.5.
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    smallest: float = np.inf
    largest: float = -np.inf

    @classmethod
    def of(cls, ordered: np.ndarray) -> Self:
        """The moments of a sorted chunk of finite numbers."""
        if not len(ordered):
            return cls()
        mean = float(ordered.mean(dtype=np.float64))
        gaps = ordered - mean
        gaps *= gaps
        # A dot product's last bits depend on how many threads the arithmetic libraries are given, a sum's do not.
        return cls(len(ordered), mean, float(gaps.sum()), float(ordered[0]), float(ordered[-1]))

    def merge(self, other: Moments) -> Moments:
        """The moments of both."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        gap = other.mean - self.mean
        return Moments(
            n,
            self.mean + gap * other.n / n,
            self.squares + other.squares + gap * gap * self.n * other.n / n,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
        )


@dataclass(frozen=True)
class OtherState:
    """A column of no kind that is looked into (lists, structs, bytes): its rows and nulls are counted."""

    n: int = 0
    n_null: int = 0

    @classmethod
    def of(cls, array: pa.Array) -> Self:
        """The state of one chunk."""
        return cls(len(array), array.null_count)

    def merge(self, other: OtherState) -> OtherState:
        """The state of both sets of rows."""
        return OtherState(self.n + other.n, self.n_null + other.n_null)


@dataclass(frozen=True)
class NumberState:
    """Numbers, or times as seconds since 1970, after some rows; about 60 KB whatever their number.

    Parameters
    ----------
    edges
        Ascending, shape (n_edges,); integers for integer columns. States merge when they share them.
    n, n_null, n_nan, n_infinite
        Rows, and how many of them hold no finite number. NaN is not null.
    moments
        Of the finite values.
    counts, sums
        Number and sum of the values in (-inf, e0], (e0, e1], …, (ek, inf), shape (n_edges + 1,). Infinite ones are counted in the
        open ends and left out of the sums.
    """

    edges: np.ndarray
    n: int
    n_null: int
    n_nan: int
    n_infinite: int
    moments: Moments
    counts: np.ndarray
    sums: np.ndarray
    distinct: DistinctSketch
    frequent: FrequentNumbers

    @classmethod
    def of(cls, array: pa.Array, edges: np.ndarray) -> Self:
        """The state of one chunk: drop nulls, sort, look the edges up in it, fold."""
        values = measured(array, edges.dtype)
        n, n_values = len(array), len(values)
        n_nan = below = above = 0
        if edges.dtype.kind == "f":
            values += 0.0  # -0.0 becomes 0.0, so that both hash alike
            values.sort()
            n_nan = n_values - int(np.searchsorted(values, np.nan))
            values = values[: n_values - n_nan]
            below = int(np.searchsorted(values, -np.inf, side="right"))
            above = len(values) - int(np.searchsorted(values, np.inf))
        else:
            values.sort()
        finite = values[below : len(values) - above]
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near 1e308 have an infinite variance, which is what is said then
            counts, sums = counts_at(finite, edges)
            moments = Moments.of(finite)
        counts[0] += below
        counts[-1] += above
        starts, lengths = runs(values)
        distinct = values[starts]
        return cls(
            edges,
            n,
            n - n_values,
            n_nan,
            below + above,
            moments,
            counts,
            sums,
            DistinctSketch.of(hash_numbers(distinct)),
            FrequentNumbers.of(distinct, lengths),
        )

    def merge(self, other: NumberState) -> NumberState:
        """The state of both sets of rows."""
        with np.errstate(over="ignore", invalid="ignore"):
            moments, sums = self.moments.merge(other.moments), self.sums + other.sums
        return replace(
            self,
            n=self.n + other.n,
            n_null=self.n_null + other.n_null,
            n_nan=self.n_nan + other.n_nan,
            n_infinite=self.n_infinite + other.n_infinite,
            moments=moments,
            counts=self.counts + other.counts,
            sums=sums,
            distinct=self.distinct.merge(other.distinct),
            frequent=self.frequent.merge(other.frequent),
        )

    def between(self, edges: np.ndarray) -> NumberState:
        """The state over other edges: within one of its own bins values are taken as evenly spread.

        A cumulative count is then off by what one bin holds at most, about a thousandth of the values; at edges of its own it is exact,
        and so is the step of a value that fills several quantiles, which has edges on both its sides.
        """
        frequent = FrequentNumbers(self.frequent.values.astype(edges.dtype), self.frequent.counts, self.frequent.error)
        if np.array_equal(edges, self.edges):
            return replace(self, edges=edges, frequent=frequent)
        heights, sums = (np.concatenate([[0], np.cumsum(values, dtype=np.float64)]) for values in (self.counts, self.sums))
        if self.moments.n:
            places = np.concatenate([[self.moments.smallest], self.edges.astype(np.float64), [self.moments.largest]])
            places = np.maximum.accumulate(np.clip(places, self.moments.smallest, self.moments.largest))
            # Of equal places the last one holds all that lies at or below it.
            last = np.append(places[1:] != places[:-1], True)
            at = edges.astype(np.float64)
            below, beneath = (np.interp(at, places[last], values[last]) for values in (heights, sums))
            below, beneath = (np.where(at < places[0], 0.0, values) for values in (below, beneath))
        else:
            below, beneath = np.zeros(len(edges)), np.zeros(len(edges))
        counts = np.diff(np.concatenate([[0], np.round(below), [heights[-1]]])).astype(np.int64)
        return replace(self, edges=edges, counts=counts, sums=np.diff(np.concatenate([[0.0], beneath, [sums[-1]]])), frequent=frequent)


@dataclass(frozen=True)
class CategoryState:
    """Texts, booleans and dictionaries of texts after some rows."""

    n: int
    n_null: int
    distinct: DistinctSketch
    frequent: FrequentTexts

    @classmethod
    def of(cls, array: pa.Array) -> Self:
        """The state of one chunk: dictionary indices and how often each occurs."""
        if pa.types.is_dictionary(array.type) and array.dictionary.null_count:
            array = array.dictionary_decode()
        n, n_null = len(array), array.null_count
        if pa.types.is_null(array.type):
            array = pa.nulls(0, pa.large_string())
        elif pa.types.is_boolean(array.type):
            array = _boolean_texts(array)
        elif pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())
        if n_null:
            array = array.drop_null()
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        counts = np.bincount(primitive(encoded.indices).astype(np.int64, copy=False), minlength=len(encoded.dictionary))
        values = encoded.dictionary.cast(pa.large_string())
        used = values.take(row_numbers(np.flatnonzero(counts)))
        return cls(n, n_null, DistinctSketch.of(hash_texts(used)), FrequentTexts.of(used, counts[counts > 0]))

    def merge(self, other: CategoryState) -> CategoryState:
        """The state of both sets of rows."""
        return CategoryState(
            self.n + other.n, self.n_null + other.n_null, self.distinct.merge(other.distinct), self.frequent.merge(other.frequent)
        )


State = NumberState | CategoryState | OtherState


def _boolean_texts(array: pa.Array) -> pa.Array:
    """Booleans as "True" and "False", as `Table.texts` says them."""
    return pc.utf8_capitalize(array.cast(pa.large_string()))
