"""Small summaries that merge: how many distinct values there are, and which of them are frequent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.tables.buffers import primitive, row_numbers, valid
from ruleout.tables.kernel import runs

__all__ = ["DistinctSketch", "FrequentNumbers", "FrequentTexts"]

N_HASHES = 16_384
_LEFT_OUT = np.uint64(16)
"""Low bits of a hash that a sketch does not keep: 48 tell a hundred billion values apart, and sorted they are stored in half the room."""
N_FREQUENT_NUMBERS = 2_048
N_FREQUENT_TEXTS = 16_384


@dataclass(frozen=True)
class DistinctSketch:
    """The smallest hashes of the values seen tell how many distinct values there are.

    k minimum values: the k-th smallest of D uniform hashes lies near k / D, so D is (k - 1) / h_k with a relative standard error of
    1 / sqrt(k - 2), 0.8 % for k = 16,384 (Beyer, Haas, Reinwald, Sismanis, Gemulla 2007, "On synopses for distinct-value estimation").

    Parameters
    ----------
    hashes
        The upper 48 bits of at most `k` distinct 64-bit hashes, ascending.
    k
        How many may be kept; of two sketches that merge the smaller number holds.
    """

    hashes: np.ndarray
    k: int = N_HASHES

    @classmethod
    def of(cls, hashes: np.ndarray) -> DistinctSketch:
        """The sketch of the 64-bit hashes of some distinct values, in any order."""
        if len(hashes) > 4 * N_HASHES:
            # Uniform hashes below this bound number about 18,432, so the k smallest are among them (15 standard deviations away).
            few = hashes[hashes < np.uint64(1.125 * N_HASHES / len(hashes) * 2.0**64)]
            if len(few) >= N_HASHES:
                hashes = few
        return cls._smallest(hashes >> _LEFT_OUT, N_HASHES)

    @classmethod
    def _smallest(cls, hashes: np.ndarray, k: int) -> DistinctSketch:
        ordered = np.sort(hashes)
        return cls(ordered[runs(ordered)[0]][:k], k)

    def merge(self, other: DistinctSketch) -> DistinctSketch:
        """The sketch of both sets of values together."""
        k = min(self.k, other.k)
        parts = [self.hashes[:k], other.hashes[:k]]
        # What lies beyond a full sketch's largest hash is none of the k smallest of both.
        bound = min((part[-1] for part in parts if len(part) == k), default=None)
        if bound is not None:
            parts = [part[: np.searchsorted(part, bound, side="right")] for part in parts]
        return self._smallest(np.concatenate(parts), k)

    @property
    def exact(self) -> bool:
        """Whether every distinct value is still in the sketch."""
        return len(self.hashes) < self.k

    def estimate(self) -> int:
        """Number of distinct values."""
        if self.exact:
            return len(self.hashes)
        return round((self.k - 1) / ((float(self.hashes[self.k - 1]) + 1) / 2.0**48))


@dataclass(frozen=True)
class FrequentNumbers:
    """The numbers that occur most, each counted at least `count` and at most `count + error` times.

    Values that were rare in a chunk are let go, and how many of one value that can have been is added to `error`: lossy counting
    (Manku, Motwani 2002) within a chunk, a capped list when merging (Agarwal et al. 2013, "Mergeable summaries").
    """

    values: np.ndarray
    counts: np.ndarray
    error: int = 0

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> FrequentNumbers:
        """The frequent ones of some distinct ascending values with their counts in a chunk."""
        error = 0
        if len(values) > N_FREQUENT_NUMBERS:
            error = max(1, int(counts.sum()) // (2 * N_FREQUENT_NUMBERS))
            kept = counts > error
            values, counts = values[kept], counts[kept]
        return cls(values, counts, error)._capped()

    def merge(self, other: FrequentNumbers) -> FrequentNumbers:
        """The frequent values of both."""
        values = np.concatenate([self.values, other.values])
        counts = np.concatenate([self.counts, other.counts])
        order = np.argsort(values, kind="stable")
        values, counts = values[order], counts[order]
        starts, _ = runs(values)
        if len(starts):
            values, counts = values[starts], np.add.reduceat(counts, starts)
        return FrequentNumbers(values, counts, self.error + other.error)._capped()

    def _capped(self) -> FrequentNumbers:
        kept, lost = _kept(self.counts, N_FREQUENT_NUMBERS)
        return self if not lost else FrequentNumbers(self.values[kept], self.counts[kept], self.error + lost)


@dataclass(frozen=True)
class FrequentTexts:
    """The categories that occur most, each counted at least `count` and at most `count + error` times; exact up to 16,384 of them.

    Parameters
    ----------
    values
        Distinct texts, a large_string array of shape (n_values,).
    counts
        Shape (n_values,).
    error
        What a count may lack, and what a value that is not listed may have at most.
    """

    values: pa.Array
    counts: np.ndarray
    error: int = 0

    @classmethod
    def of(cls, values: pa.Array, counts: np.ndarray) -> FrequentTexts:
        """The frequent ones of some texts with their counts; a text may be listed more than once."""
        seen = np.flatnonzero(counts)
        values = values.cast(pa.large_string())
        if len(seen) < len(values):
            values, counts = values.take(row_numbers(seen)), counts[seen]
        encoded = values.dictionary_encode()
        if len(encoded.dictionary) < len(values):
            summed = np.zeros(len(encoded.dictionary), dtype=np.int64)
            np.add.at(summed, primitive(encoded.indices), counts)
            values, counts = encoded.dictionary, summed
        return cls(values, counts)._capped()

    def merge(self, other: FrequentTexts) -> FrequentTexts:
        """The frequent values of both."""
        error = self.error + other.error
        if not len(other.values) or not len(self.values):
            kept = self if len(self.values) else other
            return FrequentTexts(kept.values, kept.counts, error)
        both = FrequentTexts.of(pa.concat_arrays([self.values, other.values]), np.concatenate([self.counts, other.counts]))
        return FrequentTexts(both.values, both.counts, both.error + error)

    def ranked(self) -> tuple[tuple[str, int], ...]:
        """Values and counts, the most frequent first, equally frequent ones in alphabetical order."""
        return tuple(sorted(zip(self.values.to_pylist(), self.counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])))

    def aligned(self, other: FrequentTexts) -> tuple[pa.Array, np.ndarray, np.ndarray]:
        """The values of either, with the counts here and there; 0 where one side does not list a value."""
        encoded = pa.concat_arrays([self.values, other.values]).dictionary_encode()
        at = pc.index_in(encoded.dictionary, value_set=self.values), pc.index_in(encoded.dictionary, value_set=other.values)
        return (encoded.dictionary, *(_looked_up(places, side.counts) for places, side in zip(at, (self, other), strict=True)))

    def _capped(self) -> FrequentTexts:
        kept, lost = _kept(self.counts, N_FREQUENT_TEXTS)
        return (
            self if not lost else FrequentTexts(self.values.take(row_numbers(np.flatnonzero(kept))), self.counts[kept], self.error + lost)
        )


def _kept(counts: np.ndarray, cap: int) -> tuple[np.ndarray, int]:
    """Which values stay when at most `cap` may, and the count of the most frequent one that goes (0 where all stay).

    All values as rare as the first one that must go leave too: which of them stays would depend on the order of the rows.
    """
    if len(counts) <= cap:
        return np.ones(len(counts), dtype=bool), 0
    cut = int(np.partition(counts, len(counts) - cap - 1)[len(counts) - cap - 1])
    return counts > cut, cut


def _looked_up(places: pa.Array, counts: np.ndarray) -> np.ndarray:
    return np.append(counts, 0)[np.where(valid(places), primitive(places), len(counts))]
