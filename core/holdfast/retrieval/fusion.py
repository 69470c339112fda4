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

ANSWER_WEIGHT = 0.3
"""How much more counts what can give the kind of answer the query wants."""

PASSAGE_WEIGHT = 0.15
"""What the whole query counts for, said by a turn and those beside it together."""

ASKING_WEIGHT = 0.5
"""How much less counts what a turn asks: it names what the answer speaks of, and does not hold it."""

SESSION_WEIGHT = 0.5
"""Share of the session beside the turn itself."""

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class WordSignals:
    """What the words say of each candidate, one array of shape `(n,)` per signal; `None` where they say nothing.

    Attributes:
        keyword: Share of the query's words, weighted by rarity, 0..1.
        neighbours: What the turns around lend of theirs, 0..1.2.
        passage: Share of the query's words that the turn and those around it hold together, 0..1.
        asking: How much of it is a question, 0, 0.5 or 1.
        session: Keyword score of the session, 0..1.
        speaker: Whether it was said by someone the query names, 0 or 1.
        answer: Whether it says a time or a number when the query asks for one, 0 or 1.
    """

    keyword: Scores | None = None
    neighbours: Scores | None = None
    passage: Scores | None = None
    asking: Scores | None = None
    session: Scores | None = None
    speaker: Scores | None = None
    answer: Scores | None = None

    def take(self, places: NDArray[np.int64]) -> WordSignals:
        """Return the signals of some candidates."""
        arrays = (getattr(self, name) for name in self.__slots__)
        return WordSignals(*(None if values is None else values[places] for values in arrays))

    def line(self) -> tuple[Scores | float, Scores | float]:
        """Return how the score depends on the cosine: `offset + slope * cosine`."""
        if self.keyword is None:
            return 0.0, 1.0
        offset: Scores = (1 - SEMANTIC_WEIGHT) * self.keyword
        slope: Scores | float = SEMANTIC_WEIGHT
        if self.asking is not None:
            told = 1 - ASKING_WEIGHT * self.asking
            offset, slope = offset * told, slope * told
        if self.neighbours is not None:
            offset = offset + self.neighbours
        if self.passage is not None:
            offset = offset + PASSAGE_WEIGHT * self.passage
        lift: Scores | float = 1.0
        if self.speaker is not None:
            lift = lift + SPEAKER_WEIGHT * self.speaker
        if self.answer is not None:
            lift = lift + ANSWER_WEIGHT * self.answer
        offset, slope = offset * lift, slope * lift
        if self.session is not None:
            offset = offset + SESSION_WEIGHT * self.session
        return offset, slope


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything known of each candidate: what the words say, and its cosine to the query, -1..1."""

    words: WordSignals
    semantic: Scores

    def fused(self) -> Scores:
        """Return one score per candidate, at most 1: scaled as a whole when what lies around lifts the best above.

        Negative scores still tell the order of what has nothing to do with the query; callers are shown 0.
        """
        offset, slope = self.words.line()
        scores: Scores = offset + slope * self.semantic
        most = scores.max(initial=0.0)
        return scores / most if most > 1 else scores

    def at(self, place: int) -> dict[str, float]:
        """Return the signals of one candidate by name."""
        told = ((name, getattr(self.words, name)) for name in self.words.__slots__)
        known = {name: float(values[place]) for name, values in told if values is not None}
        return {"semantic": float(self.semantic[place]), **known}


def places_worth_scoring(
    words: WordSignals, head: Signals, at: NDArray[np.int64], *, count: int, ceiling: float, limit: int
) -> NDArray[np.int64]:
    """Return the places of all candidates that may be among the `limit` best, ascending.

    Fagin, Lotem and Naor's threshold algorithm (2001): whoever could not beat the `limit`-th of the head, even with
    the highest cosine left, need not be scored.

    Args:
        words: What the words say of all candidates.
        head: All signals of the candidates nearest to the query.
        at: The places of those.
        count: The number of candidates.
        ceiling: A cosine that no candidate outside the head exceeds.
        limit: How many are wanted.
    """
    if len(at) < limit:
        return np.arange(count)
    offset, slope = head.words.line()
    reached = np.sort(offset + slope * head.semantic)[-limit]
    offset, slope = words.line()
    kept = np.empty(count, dtype=np.bool_)
    kept[:] = offset >= reached - slope * np.float32(ceiling)
    kept[at] = True
    return kept.nonzero()[0]


def top_places(scores: Scores, limit: int, *, threshold: float = -np.inf) -> NDArray[np.int64]:
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
