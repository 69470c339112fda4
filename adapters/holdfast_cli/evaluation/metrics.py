"""How good a ranking is, and how sure that is. Pure: numbers in, numbers out.

A question is judged by the ranks of its evidence: for each piece the place, from 1, at which it was found, or `None`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = Sequence[int | None]

RECIPROCAL_DEPTH = 50
"""Rank beyond which a first hit counts nothing for `reciprocal_rank`."""

GAIN_DEPTH = 10
"""Rank beyond which a hit counts nothing for `discounted_gain`."""

_TAIL = 2.5  # per cent on either side of a 95 % interval
_FLIPS_AT_ONCE = 1_000
_ROUNDING = 1e-12  # by which two sums of the same numbers in another order may differ


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the 95 % interval around it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one ranking is better than another on the same questions.

    Attributes:
        by: The mean difference with its 95 % interval.
        p: How often a difference at least as large comes about when nothing but chance tells the two apart.
    """

    by: Interval
    p: float


def recall_at(ranks: Ranks, k: int) -> float:
    """Return the share of the evidence among the first `k`."""
    return _found(ranks, k) / len(ranks)


def hit_at(ranks: Ranks, k: int) -> float:
    """Return 1.0 when any evidence is among the first `k`, else 0.0."""
    return float(_found(ranks, k) > 0)


def all_at(ranks: Ranks, k: int) -> float:
    """Return 1.0 when all evidence is among the first `k`, else 0.0."""
    return float(_found(ranks, k) == len(ranks))


def reciprocal_rank(ranks: Ranks) -> float:
    """Return 1 / rank of the first evidence, 0.0 when none is among the first 50."""
    best = min((rank for rank in ranks if rank is not None), default=math.inf)
    return 1 / best if best <= RECIPROCAL_DEPTH else 0.0


def discounted_gain(ranks: Ranks) -> float:
    """Return nDCG@10 with gains of 0 and 1; the ideal ranking has min(evidence, 10) hits at its head."""
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank is not None and rank <= GAIN_DEPTH)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(ranks), GAIN_DEPTH) + 1))
    return gained / ideal


def intervals(values: NDArray[np.float64], *, resamples: int = 2_000, seed: int = 0) -> list[Interval]:
    """Return the mean of every column with its percentile-bootstrap interval over the rows.

    Args:
        values: Shape `(questions, measures)`, at least one row.
        resamples: How many samples of as many rows are drawn, with replacement.
        seed: The same seed gives the same intervals.
    """
    count = len(values)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    low, high = np.percentile(draws @ values / count, [_TAIL, 100 - _TAIL], axis=0)
    return [Interval(*map(float, of)) for of in zip(values.mean(axis=0), low, high, strict=True)]


def differences(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], *, flips: int = 10_000, seed: int = 0
) -> list[Difference]:
    """Return, column by column, how much larger `ours` is, by a two-sided sign-flip permutation test.

    Args:
        ours: Shape `(questions, measures)`, at least one row.
        theirs: The same questions in the same order.
        flips: How many random assignments of the signs are tried.
        seed: The same seed gives the same answer.
    """
    apart = ours - theirs
    observed = np.abs(apart.sum(axis=0)) - _ROUNDING
    as_large = sum(np.sum(np.abs(signs @ apart) >= observed, axis=0) for signs in _signs(len(apart), flips, seed))
    chances = (1 + as_large) / (1 + flips)  # the observed signs are one of the assignments
    return [Difference(by, float(p)) for by, p in zip(intervals(apart, seed=seed), chances, strict=True)]


def _found(ranks: Ranks, k: int) -> int:
    return sum(rank is not None and rank <= k for rank in ranks)


def _signs(count: int, flips: int, seed: int) -> Iterator[NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    for start in range(0, flips, _FLIPS_AT_ONCE):
        shape = (min(_FLIPS_AT_ONCE, flips - start), count)
        yield generator.choice((-1.0, 1.0), size=shape)
