"""Fuse several signals into one score in 0..1, and select the best candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

SEMANTIC_WEIGHT = 0.3
"""Weight of the cosine; the keyword score has the rest.

A convex combination beats rank fusion when one side is weaker (Bruch, Gai and Ingber, "An Analysis of Fusion Functions
for Hybrid Retrieval", 2023): on LoCoMo 66.2 against 57.9 points of recall@10."""

OUTLIER_WEIGHT = 0.6
"""Increase for each standard deviation by which a cosine is more than `OUTLIER_START` above the mean of its scope, when
no memory has a word of the query. A cosine far above all others is evidence, however low it is, and that holds for
every embedder, while what counts as near differs between them. Of 440 paraphrases without a common word, static vectors
bring 40 % among the first five results, and 23 % without this (`holdfast eval benchmarks/paraphrases.jsonl --split
development --embedder static`)."""

OUTLIER_START = 2.0
OUTLIER_LIMIT = 4.0  # standard deviations above the start that count at most

COVERED = 0.5
"""Share of the query that a memory has in words from which on outliers do not count: then words say what is meant. On
LoCoMo, whose questions repeat the words of their answers, outliers that always count cost 1.5 points of recall@10, and
0.5 with this limit."""

SPEAKER_WEIGHT = 0.5
"""Increase for what someone named in the query said."""

ANSWER_WEIGHT = 0.3
"""Increase for what can give the kind of answer the query asks for."""

PASSAGE_WEIGHT = 0.15
"""Weight of how much of the query a turn covers together with its neighbours."""

ASKING_WEIGHT = 0.5
"""Decrease for a turn that only asks: it names what the answer is about, but does not contain it."""

SESSION_WEIGHT = 0.5
"""Weight of the session's score, added to the turn's own."""

_BLOCK_SIZE = 256
_LEAST_DEVIATION = 1e-4  # of cosines that differ by more than rounding


@dataclass(frozen=True, slots=True)
class WordSignals:
    """The signals from words, one array of shape `(n,)` each; `None` where there is no such signal.

    Their names are keys of `score_details`.

    Attributes:
        keyword: BM25 as a share of the query, 0..1.
        neighbours: What the neighbouring turns add, 0..1.2.
        passage: How much of the query the turn and its neighbours cover together, 0..1.
        asking: How much of the turn is a question, 0, 0.5 or 1.
        session: Keyword score of the session, 0..1.
        speaker: Whether someone named in the query said it, 0 or 1.
        answer: Whether it contains a time or a number when the query asks for one, 0 or 1.
    """

    keyword: Scores | None = None
    neighbours: Scores | None = None
    passage: Scores | None = None
    asking: Scores | None = None
    session: Scores | None = None
    speaker: Scores | None = None
    answer: Scores | None = None

    def take(self, places: NDArray[np.int64]) -> WordSignals:
        """Return the signals of the candidates at `places`."""
        arrays = (getattr(self, name) for name in self.__slots__)
        return WordSignals(*(None if values is None else values[places] for values in arrays))

    def offset_and_slope(self) -> tuple[Scores | float, Scores | float]:
        """Return the score as a linear function of the cosine: `offset + slope * cosine`.

        In this form, a bound on the cosine gives a bound on the score (see `places_worth_scoring`).
        """
        if self.keyword is None:
            return 0.0, 1.0
        offset: Scores = (1 - SEMANTIC_WEIGHT) * self.keyword
        slope: Scores | float = SEMANTIC_WEIGHT
        if self.asking is not None:
            statement_share = 1 - ASKING_WEIGHT * self.asking
            offset, slope = offset * statement_share, slope * statement_share
        if self.neighbours is not None:
            offset = offset + self.neighbours
        if self.passage is not None:
            offset = offset + PASSAGE_WEIGHT * self.passage
        boost: Scores | float = 1.0
        if self.speaker is not None:
            boost = boost + SPEAKER_WEIGHT * self.speaker
        if self.answer is not None:
            boost = boost + ANSWER_WEIGHT * self.answer
        offset, slope = offset * boost, slope * boost
        if self.session is not None:
            offset = offset + SESSION_WEIGHT * self.session
        return offset, slope


@dataclass(frozen=True, slots=True)
class Outliers:
    """What a cosine far above the others of its scope adds to a score.

    Attributes:
        mean: Of the cosines of the scope to the query.
        deviation: Their standard deviation.
        weight: What each standard deviation above `OUTLIER_START` adds.
    """

    mean: float = 0.0
    deviation: float = 0.0
    weight: float = 0.0

    @staticmethod
    def among(cosines: Scores, keyword: Scores | None) -> Outliers:
        """Return what outliers among `cosines` add.

        Args:
            cosines: Of the candidates, or of a sample of them.
            keyword: Keyword scores of all candidates, `None` when none has a word of the query.
        """
        if not len(cosines) or cosines.std() <= _LEAST_DEVIATION:
            return Outliers()
        covered = 0.0 if keyword is None else float(keyword.max(initial=0.0))
        weight = OUTLIER_WEIGHT * max(0.0, 1 - covered / COVERED)
        return Outliers(float(cosines.mean()), float(cosines.std()), weight)

    def scores(self, cosines: Scores) -> Scores:
        """Return what each cosine adds, 0 for most."""
        if not self.weight:
            return np.zeros_like(cosines)
        distance = (cosines - np.float32(self.mean)) / np.float32(self.deviation)
        added: Scores = np.float32(self.weight) * (distance - np.float32(OUTLIER_START)).clip(0, OUTLIER_LIMIT)
        return added


@dataclass(frozen=True, slots=True)
class Signals:
    """All signals of each candidate: those from words, and its cosine to the query, -1..1.

    >>> words = WordSignals(keyword=np.array([1.0, 0.0], dtype=np.float32))
    >>> signals = Signals(words, semantic=np.array([0.5, 0.9], dtype=np.float32))
    >>> signals.fuse().round(2).tolist()
    [0.8..., 0.2...]
    >>> signals.details_at(0)
    {'semantic': 0.5, 'keyword': 1.0}
    """

    words: WordSignals
    semantic: Scores
    outliers: Outliers = Outliers()

    def fuse(self) -> Scores:
        """Return one score per candidate, at most 1: all are divided by the highest if that is above 1.

        Negative scores keep their order, for candidates unrelated to the query; callers see 0 instead.
        """
        scores = self.unbounded()
        highest = scores.max(initial=0.0)
        return scores / highest if highest > 1 else scores

    def unbounded(self) -> Scores:
        """Return one score per candidate that may exceed 1."""
        offset, slope = self.words.offset_and_slope()
        scores: Scores = offset + slope * self.semantic + self.outliers.scores(self.semantic)
        return scores

    def details_at(self, place: int) -> dict[str, float]:
        """Return the signals of one candidate by name."""
        signals = ((name, getattr(self.words, name)) for name in self.words.__slots__)
        present = {name: float(values[place]) for name, values in signals if values is not None}
        return {"semantic": float(self.semantic[place]), **present}


def places_worth_scoring(
    words: WordSignals,
    nearest: Signals,
    nearest_places: NDArray[np.int64],
    *,
    count: int,
    cosine_bound: float,
    limit: int,
) -> NDArray[np.int64]:
    """Return the places of all candidates that may be among the `limit` best, ascending.

    The threshold algorithm of Fagin, Lotem and Naor (2001): the `limit`-th best score among the nearest
    candidates is reached already, so a candidate that would not reach it even with the highest cosine left to it need
    not be scored.

    Args:
        words: The word signals of all candidates.
        nearest: All signals of the candidates nearest to the query.
        nearest_places: The places of those.
        count: The number of candidates.
        cosine_bound: A cosine that no other candidate exceeds.
        limit: How many results are wanted.
    """
    if len(nearest_places) < limit:
        return np.arange(count)
    score_to_reach = np.sort(nearest.unbounded())[-limit]
    offset, slope = words.offset_and_slope()
    bound = np.array([cosine_bound], dtype=np.float32)
    may_win = np.empty(count, dtype=np.bool_)
    may_win[:] = offset >= score_to_reach - nearest.outliers.scores(bound) - slope * bound
    may_win[nearest_places] = True
    return may_win.nonzero()[0]


def top_places(scores: Scores, limit: int, *, threshold: float = -np.inf) -> NDArray[np.int64]:
    """Return the places of the `limit` highest scores of at least `threshold`, best first, of equals the last first.

    >>> top_places(np.array([0.2, 0.9, 0.2, 0.5], dtype=np.float32), 3).tolist()
    [1, 3, 2]
    """
    places = np.flatnonzero(scores >= max(threshold, _score_reached_by(scores, limit)))
    order = np.lexsort((-places, -scores[places]))
    return places[order[:limit]]


def _score_reached_by(scores: Scores, limit: int) -> float:
    """Return a score that at least `limit` candidates reach, as high as one cheap pass can find.

    The maximum of each block is a score itself, so `limit` candidates reach the `limit`-th highest maximum. Only what
    is left above it is sorted.
    """
    blocks = len(scores) // _BLOCK_SIZE
    if blocks <= limit:
        return -np.inf
    maxima = scores[: blocks * _BLOCK_SIZE].reshape(blocks, _BLOCK_SIZE).max(axis=1)
    return float(np.partition(maxima, blocks - limit)[blocks - limit])
