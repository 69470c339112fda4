"""One score in 0..1 from several signals, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

SEMANTIC_WEIGHT = 0.3
"""Share of the vectors beside the words: a convex combination beats rank fusion when one leg is weaker
(Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023)."""

SPEAKER_WEIGHT = 0.5
"""How much more counts what was said by someone the query names."""

SESSION_WEIGHT = 0.5
"""Share of the session beside the turn itself."""

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of each candidate, one array of shape `(n,)` per signal; `None` where there is nothing to know.

    Attributes:
        semantic: Cosine to the query, -1..1.
        keyword: Share of the query's words, weighted by rarity, 0..1.
        neighbours: What the turns around lend of theirs, 0..1.2.
        session: Keyword score of the session, 0..1.
        speaker: Whether it was said by someone the query names, 0 or 1.
    """

    semantic: Scores
    keyword: Scores | None = None
    neighbours: Scores | None = None
    session: Scores | None = None
    speaker: Scores | None = None

    def fused(self) -> Scores:
        """Return one score per candidate, at most 1: scaled as a whole when what lies around lifts the best above.

        Negative scores still tell the order of what has nothing to do with the query; callers are shown 0.
        """
        if self.keyword is None:
            return self.semantic
        scores = SEMANTIC_WEIGHT * self.semantic + (1 - SEMANTIC_WEIGHT) * self.keyword
        if self.neighbours is not None:
            scores = scores + self.neighbours
        if self.speaker is not None:
            scores = scores * (1 + SPEAKER_WEIGHT * self.speaker)
        if self.session is not None:
            scores = scores + SESSION_WEIGHT * self.session
        most = scores.max(initial=0.0)
        return scores / most if most > 1 else scores

    def at(self, place: int) -> dict[str, float]:
        """Return the signals of one candidate by name."""
        present = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: float(values[place]) for name, values in present if values is not None}


def best(scores: Scores, limit: int, *, threshold: float = -np.inf) -> NDArray[np.int64]:
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
