"""How a reranker's opinion and the search's own become one score."""

from __future__ import annotations

MOST_RERANKED = 50
"""Most candidates a reranker is asked about."""

RERANK_WEIGHT = 0.7
"""Share of the reranker in the score.

It reads query and memory together and is mostly right where it is sure. It sees one turn at a time, though: of the
turns it calls equally empty ("Yes, since March!") the neighbours and the session know which answers.
"""

_PER_RESULT = 4  # candidates


def depth(limit: int) -> int:
    """Return how many candidates to look at for `limit` results: four for each, as long as a reranker reads them."""
    return max(limit, min(_PER_RESULT * limit, MOST_RERANKED))


def blended(score: float, rating: float | None) -> float:
    """Return the score in 0..1 of a candidate that the search scores `score` and the reranker `rating`.

    Without a rating it counts as 0, so that none overtakes a candidate that was rated and stood before it.
    """
    return (1 - RERANK_WEIGHT) * score + RERANK_WEIGHT * (rating or 0.0)
