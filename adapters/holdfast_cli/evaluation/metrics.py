"""Measures of a ranking, with confidence intervals and a significance test.

The ranks of a question are the positions, from 1, at which each turn of its evidence was found, or `None`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = Sequence[int | None]

RECIPROCAL_DEPTH = 50
"""`reciprocal_rank` ignores hits beyond this rank."""

GAIN_DEPTH = 10
"""`discounted_gain` ignores hits beyond this rank."""

_TAIL = 2.5  # per cent on either side of a 95 % interval
_FLIPS_AT_ONCE = 1_000
_TOLERANCE = 1e-12  # sums of the same numbers in another order may differ by rounding


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the 95 % interval around it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one ranking is than another one on the same questions.

    Attributes:
        by: The mean difference with its 95 % interval.
        p: The probability of a difference at least as large if the two rankings were equally good.
    """

    by: Interval
    p: float


def recall_at(ranks: Ranks, k: int) -> float:
    """Return the share of the evidence among the first `k` results.

    >>> recall_at([1, 7, None, 3], 5)
    0.5
    """
    return _count_found(ranks, k) / len(ranks)


def hit_at(ranks: Ranks, k: int) -> float:
    """Return 1.0 if any evidence is among the first `k` results, otherwise 0.0."""
    return float(_count_found(ranks, k) > 0)


def all_at(ranks: Ranks, k: int) -> float:
    """Return 1.0 if all evidence is among the first `k` results, otherwise 0.0."""
    return float(_count_found(ranks, k) == len(ranks))


def reciprocal_rank(ranks: Ranks) -> float:
    """Return 1 / rank of the first evidence, 0.0 if none is among the first 50.

    >>> reciprocal_rank([4, 2])
    0.5
    """
    best = min((rank for rank in ranks if rank is not None), default=math.inf)
    return 1 / best if best <= RECIPROCAL_DEPTH else 0.0


def discounted_gain(ranks: Ranks) -> float:
    """Return nDCG@10 with gains of 0 and 1 (Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418).

    The ideal ranking starts with min(number of evidence turns, 10) hits.

    >>> discounted_gain([1, 2]), discounted_gain([None])
    (1.0, 0.0)
    """
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank is not None and rank <= GAIN_DEPTH)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(ranks), GAIN_DEPTH) + 1))
    return gained / ideal


def bootstrap_intervals(values: NDArray[np.float64], *, resamples: int = 2_000, seed: int = 0) -> list[Interval]:
    """Return the mean of every column with its 95 % percentile-bootstrap interval over the rows.

    Args:
        values: Shape `(questions, measures)`, at least one row.
        resamples: The number of samples, each of as many rows, drawn with replacement.
        seed: The seed of the random generator.
    """
    count = len(values)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    low, high = np.percentile(draws @ values / count, [_TAIL, 100 - _TAIL], axis=0)
    return [Interval(*map(float, of)) for of in zip(values.mean(axis=0), low, high, strict=True)]


def compare_columns(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], *, flips: int = 10_000, seed: int = 0
) -> list[Difference]:
    """Return for every column how much larger `ours` is, with a two-sided sign-flip permutation test.

    Args:
        ours: Shape `(questions, measures)`, at least one row.
        theirs: The same questions in the same order.
        flips: The number of random assignments of signs.
        seed: The seed of the random generator.
    """
    difference = ours - theirs
    observed = np.abs(difference.sum(axis=0)) - _TOLERANCE
    as_large = sum(
        np.sum(np.abs(signs @ difference) >= observed, axis=0) for signs in _draw_signs(len(difference), flips, seed)
    )
    p_values = (1 + as_large) / (1 + flips)  # the observed assignment is one of them, so p is never 0
    return [
        Difference(by, float(p)) for by, p in zip(bootstrap_intervals(difference, seed=seed), p_values, strict=True)
    ]


def _count_found(ranks: Ranks, k: int) -> int:
    return sum(rank is not None and rank <= k for rank in ranks)


def _draw_signs(count: int, flips: int, seed: int) -> Iterator[NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    for start in range(0, flips, _FLIPS_AT_ONCE):
        shape = (min(_FLIPS_AT_ONCE, flips - start), count)
        yield generator.choice((-1.0, 1.0), size=shape)
