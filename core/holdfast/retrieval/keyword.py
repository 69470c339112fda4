"""Keyword score: BM25 over the candidates alone.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with Lucene's idf, which is
never negative. The document frequencies are those of the scope asked, so other users' words weigh nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Memories are short: a second mention says little (k1), and so does length (b).
K1 = 0.9
B = 0.4

_NEGLIGIBLE = 0.001  # share of the score


@dataclass(frozen=True, slots=True)
class Hits:
    """Where one term occurs among the candidates.

    Attributes:
        places: Shape `(n,)`: which candidates have it, ascending.
        counts: Shape `(n,)`: how often.
    """

    places: NDArray[np.int64]
    counts: NDArray[np.int64]


def keyword_scores(hits: Sequence[Hits], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
    """Score each candidate by the query's terms.

    Args:
        hits: One per distinct term of the query.
        lengths: Shape `(n,)`: the number of terms of each candidate.

    Returns:
        Shape `(n,)`, 0..1: BM25 divided by the sum of the idfs. 1.0 means that every term of the query occurs in a
        candidate of average length; a term no candidate has counts against all of them.
    """
    scores = np.zeros(len(lengths), dtype=np.float32)
    weights = [_idf(len(lengths), len(hit.places)) for hit in hits]
    total = sum(weights)
    mean = max(float(lengths.sum()) / len(lengths), 1.0) if len(lengths) else 1.0
    for weight, hit in zip(weights, hits, strict=True):
        # A word that nearly every candidate has costs the most and says the least.
        if weight > _NEGLIGIBLE * total:
            counts = hit.counts.astype(np.float32)
            damping = (K1 * B / mean) * lengths[hit.places].astype(np.float32) + np.float32(K1 * (1 - B))
            scores[hit.places] += np.float32(weight * (K1 + 1) / total) * counts / (counts + damping)
    np.minimum(scores, np.float32(1.0), out=scores)
    return scores


def _idf(candidates: int, having: int) -> float:
    return float(np.log1p((candidates - having + 0.5) / (having + 0.5)))
