"""Keyword score: BM25 over the candidates alone.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with Lucene's idf, which is
never negative. The document frequencies are those of the scope asked, so other users' words weigh nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Memories are short: a second mention says little (k1), and so does length (b).
K1 = 0.9
B = 0.4

_NEGLIGIBLE = 0.001  # share of the score


@dataclass(frozen=True, slots=True)
class Postings:
    """Where one term occurs among the candidates.

    Attributes:
        places: Shape `(n,)`: which candidates have it, ascending.
        counts: Shape `(n,)`: how often.
    """

    places: NDArray[np.int64]
    counts: NDArray[np.int64]


def bm25_scores(hits: Sequence[Postings], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
    """Score each candidate by the query's terms.

    Args:
        hits: One per distinct term of the query.
        lengths: Shape `(n,)`: the number of terms of each candidate.

    Returns:
        Shape `(n,)`, 0..1: BM25 divided by the sum of the idfs. 1.0 means that every term of the query occurs in a
        candidate of average length; a term no candidate has counts against all of them.
    """
    told = weigh_terms(hits, len(lengths))
    if not told or not len(lengths):
        return np.zeros(len(lengths), dtype=np.float32)
    places = np.concatenate([hit.places for _, hit in told])
    counts = np.concatenate([hit.counts for _, hit in told])
    shares = np.repeat([share for share, _ in told], [len(hit.places) for _, hit in told])
    mean = max(float(lengths.sum()) / len(lengths), 1.0)
    damping = K1 * (1 - B + B * lengths[places] / mean)
    scores = np.bincount(places, weights=shares * counts * (K1 + 1) / (counts + damping), minlength=len(lengths))
    return np.minimum(scores, 1.0, dtype=np.float32, casting="same_kind")


def weigh_terms(hits: Sequence[Postings], candidates: int) -> list[tuple[float, Postings]]:
    """Return the terms that tell candidates apart, each with its share of the query: its idf, of the sum of all."""
    weights = [_idf(candidates, len(hit.places)) for hit in hits]
    total = sum(weights)
    # A word that nearly every candidate has costs the most and says the least.
    return [(weight / total, hit) for weight, hit in zip(weights, hits, strict=True) if weight > _NEGLIGIBLE * total]


def _idf(candidates: int, having: int) -> float:
    return math.log1p((candidates - having + 0.5) / (having + 0.5))
