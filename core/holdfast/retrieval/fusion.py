"""One score in 0..1 from several signals, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

SEMANTIC_WEIGHT = 0.3
"""Share of the vectors beside the words: a convex combination beats rank fusion when one leg is weaker
(Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023)."""

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of each candidate, one array of shape `(n,)` per signal, each 0..1.

    Attributes:
        semantic: Cosine to the query, negative values counted as 0.
        keyword: Share of the query's words, weighted by rarity; `None` when the query has no content words.
    """

    semantic: Scores
    keyword: Scores | None

    def fused(self) -> Scores:
        """Return one score per candidate."""
        if self.keyword is None:
            return self.semantic
        return SEMANTIC_WEIGHT * self.semantic + (1 - SEMANTIC_WEIGHT) * self.keyword

    def at(self, place: int) -> dict[str, float]:
        """Return the signals of one candidate by name."""
        values = {"semantic": float(self.semantic[place])}
        if self.keyword is not None:
            values["keyword"] = float(self.keyword[place])
        return values


def semantic_scores(cosines: Scores) -> Scores:
    """Return cosines as scores: 0..1, unrelated and opposite both 0."""
    return np.clip(cosines, 0.0, 1.0)


def best(scores: Scores, limit: int, *, threshold: float = 0.0) -> NDArray[np.int64]:
    """Return the places of the `limit` highest scores of at least `threshold`, best first, ties newest (last) first."""
    places = np.flatnonzero(scores >= max(threshold, _floor(scores, limit)))
    order = np.lexsort((-places, -scores[places]))
    return places[order[:limit]]


def _floor(scores: Scores, limit: int) -> float:
    """Return a score that at least `limit` candidates reach, as high as one cheap pass can tell.

    The maxima of blocks are scores themselves, so the `limit`-th highest of them is such a score.
    """
    blocks = len(scores) // _BLOCK
    if blocks <= limit:
        return -np.inf
    maxima = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    return float(np.partition(maxima, blocks - limit)[blocks - limit])
