"""The local part of a search: candidates, their signals, the best of them, and why one is or is not among those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import EmbedderMismatch
from holdfast.filters import Comparison, Filter, to_predicate
from holdfast.index.protocol import Index, Positions
from holdfast.operations.result_items import memory_item
from holdfast.operations.search_steps.rerank import Candidate
from holdfast.protocols import Embedder
from holdfast.results import Explanation
from holdfast.retrieval.bm25 import bm25_scores
from holdfast.retrieval.conversation import (
    group_by_conversation,
    neighbour_scores,
    passage_scores,
    question_scores,
    session_scores,
    speaker_scores,
)
from holdfast.retrieval.fusion import Signals, WordSignals, places_worth_scoring, top_places
from holdfast.retrieval.tokenize import hash_terms, names_in_question
from holdfast.runtime.runtime import Runtime

_MANY = 20_000  # candidates from which it pays to look for the nearest first
_HEAD = 256  # how many of those


@dataclass(frozen=True, slots=True)
class Query:
    """A search, checked and embedded."""

    topic: str
    words: NDArray[np.uint32]
    slots: NDArray[np.uint32]
    answers: NDArray[np.uint32]
    vector: NDArray[np.float32]
    embedder: Embedder
    matching: Filter
    limit: int
    threshold: float
    show_expired: bool
    explain: bool | str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has come to so far."""

    candidates: list[Candidate]
    explanation: Explanation | None = None
    dropped: Sequence[Candidate] = ()
    warnings: Sequence[str] = ()


def find(runtime: Runtime, asked: Query) -> Found:
    """Return the best candidates and, when a memory was asked about, why it is or is not among them."""
    with runtime.live_index as index:
        if asked.embedder is not runtime.engines.embedder:
            raise EmbedderMismatch("the store was re-embedded while the question was being embedded: search again")
        positions = runtime.live_index.candidates(
            index, asked.matching, today=None if asked.show_expired else runtime.today()
        )
        positions, signals = _ranked(index, asked, positions)
        scores = signals.fused()
        places = top_places(scores, asked.limit, threshold=asked.threshold)
        records = runtime.live_index.records_at(index, positions[places])
    holds = to_predicate(asked.matching)
    candidates: list[Candidate] = []
    for place, record in zip(places, records, strict=True):
        # The filter chose the candidates; here it vouches for each result, should the two ever disagree.
        if record is None or not holds(record):
            continue
        item = memory_item(record)
        item["score"] = max(0.0, float(scores[place]))
        if asked.explain:
            item["score_details"] = signals.at(int(place))
        candidates.append(Candidate(item, record))
    explained = isinstance(asked.explain, str)
    return Found(candidates, _explanation(runtime, asked, str(asked.explain)) if explained else None)


def _ranked(index: Index, asked: Query, positions: Positions) -> tuple[Positions, Signals]:
    """Return the candidates worth scoring and their signals: all of them, or of very many those that can win."""
    words = _word_signals(index, asked, positions)
    wide = len(positions) > max(_MANY, len(index) // 4) and asked.limit <= _HEAD // 4
    if wide:
        places, ceiling = index.find_nearest(asked.vector, positions, _HEAD)
        head = _scored(index, asked, positions[places], words.take(places))
        kept = places_worth_scoring(words, head, places, count=len(positions), ceiling=ceiling, limit=asked.limit)
        if len(kept) < len(positions) // 4:
            positions, words = positions[kept], words.take(kept)
    return positions, _scored(index, asked, positions, words)


def _scored(index: Index, asked: Query, positions: Positions, words: WordSignals) -> Signals:
    return Signals(words, index.vectors.cosines(asked.vector, positions))


def _word_signals(index: Index, asked: Query, positions: Positions) -> WordSignals:
    hits = index.terms.find_postings(asked.words, positions)
    if len(asked.slots):
        # A word nobody used counts against the memories; a property nobody stated does not.
        hits += [hit for hit in index.terms.find_postings(asked.slots, positions) if len(hit.places)]
    if not hits:
        return WordSignals()
    lengths = index.terms.lengths_at(positions)
    keyword = bm25_scores(hits, lengths)
    numbers = index.conversations_at(positions)
    answer = _answer_scores(index, asked, positions)
    if not numbers.any():
        return WordSignals(keyword, answer=answer)
    conversations = group_by_conversation(numbers)
    return WordSignals(
        keyword,
        neighbours=neighbour_scores(keyword, conversations),
        passage=passage_scores(hits, conversations),
        asking=question_scores(index.terms.question_counts_at(positions), conversations),
        session=session_scores(hits, lengths, conversations),
        speaker=speaker_scores(index.speakers_at(positions), hash_terms(names_in_question(asked.topic))),
        answer=answer,
    )


def _answer_scores(index: Index, asked: Query, positions: Positions) -> NDArray[np.float32] | None:
    if not len(asked.answers):
        return None
    scores = np.zeros(len(positions), dtype=np.float32)
    for hit in index.terms.find_postings(asked.answers, positions):
        scores[hit.places] = 1
    return scores


def _explanation(runtime: Runtime, asked: Query, memory_id: str) -> Explanation:
    record = runtime.store.get([memory_id]).get(memory_id)
    if record is None:
        return {"id": memory_id, "reason": "unknown id"}
    if not to_predicate(asked.matching)(record):
        return {"id": memory_id, "reason": "outside the filter"}
    with runtime.live_index as index:
        positions = runtime.live_index.candidates(
            index, asked.matching, today=None if asked.show_expired else runtime.today()
        )
        row = runtime.store.find_rows(Comparison("id", "eq", memory_id))
        place = np.flatnonzero(np.isin(positions, index.positions_of_rows(row)))
        if not len(place):
            return {"id": memory_id, "reason": "expired"}
        signals = _scored(index, asked, positions, _word_signals(index, asked, positions))
    scores = signals.fused()
    score = float(scores[place[0]])
    rank = int((scores > score).sum()) + 1
    return {
        "id": memory_id,
        "reason": reason_of(asked, rank, score),
        "rank": rank,
        "score": score,
        "score_details": signals.at(int(place[0])),
    }


def reason_of(asked: Query, rank: int, score: float) -> str:
    """Return whether what stands at `rank` with `score` is among the results, and if not why."""
    if score < asked.threshold:
        return "below the threshold"
    return "found" if rank <= asked.limit else "outranked"
