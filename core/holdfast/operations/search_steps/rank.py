"""The local part of a search: collect the candidates, compute their signals, take the best, and explain one memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import EmbedderMismatch
from holdfast.filters import Comparison, Filter, to_predicate
from holdfast.index.protocol import Index, Positions
from holdfast.operations.index_entries import ended_labels
from holdfast.operations.result_items import memory_item
from holdfast.protocols import ChatModel, Embedder, Reranker
from holdfast.records import MemoryRecord
from holdfast.results import Explanation, MemoryItem
from holdfast.retrieval.bm25 import Postings, bm25_scores
from holdfast.retrieval.conversation import (
    group_by_conversation,
    neighbour_scores,
    passage_scores,
    question_scores,
    session_scores,
    speaker_scores,
)
from holdfast.retrieval.fusion import Outliers, Signals, WordSignals, places_worth_scoring, top_places
from holdfast.retrieval.index_text import label_terms, text_to_embed
from holdfast.retrieval.tokenize import hash_terms, names_in_question
from holdfast.runtime.runtime import Runtime

# From 20,000 candidates on it is faster to look for the nearest 256 first and to score only what can still win: with
# 100,000 candidates it takes little more than half the time of scoring all of them.
_MANY_CANDIDATES = 20_000
_NEAREST = 256

_SAMPLE = 4_096  # candidates whose cosines say what is usual in a scope


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What a search asks for besides its query, checked.

    Attributes:
        limit: Most results.
        threshold: Least score kept; minus infinity keeps all.
        reranker: Reorders the best candidates; `None` leaves their order.
        relevance_model: Drops results that are not relevant; `None` keeps them.
        explain: `True` for score details, a memory's id to also explain that memory.
    """

    limit: int
    threshold: float = -np.inf
    reranker: Reranker | None = None
    relevance_model: ChatModel | None = None
    keyword_search: bool = True
    show_expired: bool = False
    explain: bool | str = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search, checked and embedded.

    Attributes:
        text: What is searched for.
        matching: The filter, scope included.
        vector: Shape `(dimensions,)`, made by `embedder`.
        words: The hashed words of the query.
        attributes: The labels of the attributes it asks for (see `labels_asked`).
        answer_kinds: The kinds of answer it asks for, such as a time.
    """

    text: str
    matching: Filter
    options: SearchOptions
    vector: NDArray[np.float32]
    embedder: Embedder
    words: NDArray[np.uint32]
    attributes: Sequence[str]
    answer_kinds: Sequence[str]


@dataclass(frozen=True, slots=True)
class RankedMemory:
    """A memory that was found: as the caller will see it, with its score, and as the store keeps it."""

    item: MemoryItem
    record: MemoryRecord

    @property
    def text(self) -> str:
        """The text that models rate: with the speaker and, for a turn, its day and its facts."""
        return text_to_embed(self.record)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The state of a search after each of its steps.

    Attributes:
        memories: Best first.
        dropped: What the relevance model has left out.
        warnings: Sentences about answers of models that could not be read.
    """

    memories: list[RankedMemory]
    explanation: Explanation | None = None
    dropped: Sequence[RankedMemory] = ()
    warnings: Sequence[str] = ()


def rank_candidates(runtime: Runtime, query: Query) -> Ranking:
    """Return the best candidates and, when `explain` names a memory, why it is or is not among them.

    This is local work; the index lock is held while it reads the index.

    Raises:
        EmbedderMismatch: The store was re-embedded since the query was embedded.
    """
    options = query.options
    with runtime.live_index.lock:
        index = runtime.live_index.catch_up()
        if query.embedder is not runtime.engines.embedder:
            raise EmbedderMismatch("the store was re-embedded while the question was being embedded: search again")
        positions = _candidates(runtime, index, query)
        positions, signals = _compute_signals(index, query, positions)
        scores = signals.fuse()
        places = top_places(scores, options.limit, threshold=options.threshold)
        records = runtime.live_index.records_at(index, positions[places])
    matches = to_predicate(query.matching)
    memories = []
    for place, record in zip(places.tolist(), records, strict=True):
        # The index chose the candidates; each result is checked once more against the filter itself, so that a damaged
        # index can never show one user's memory to another.
        if record is None or not matches(record):
            continue
        item = memory_item(record)
        item["score"] = max(0.0, float(scores[place]))
        if options.explain:
            item["score_details"] = signals.details_at(place)
        memories.append(RankedMemory(item, record))
    explanation = _explain(runtime, query, options.explain) if isinstance(options.explain, str) else None
    return Ranking(memories, explanation)


def why_at_rank(options: SearchOptions, rank: int, score: float) -> str:
    """Return the reason why a memory at `rank` with `score` is, or is not, among the results."""
    if score < options.threshold:
        return "below the threshold"
    return "found" if rank <= options.limit else "outranked"


def _candidates(runtime: Runtime, index: Index, query: Query) -> Positions:
    today = None if query.options.show_expired else runtime.today()
    return runtime.live_index.candidates(index, query.matching, today=today)


def _compute_signals(index: Index, query: Query, positions: Positions) -> tuple[Positions, Signals]:
    """Return the candidates worth scoring and their signals: all of them, or of very many those that can win."""
    words = _word_signals(index, query, positions)
    many = len(positions) > max(_MANY_CANDIDATES, len(index) // 4)
    if not many or query.options.limit > _NEAREST // 4:
        return positions, _all_signals(index, query, positions, words)
    outliers = _outliers(index, query, positions, words)
    places, cosine_bound = index.find_nearest(query.vector, positions, _NEAREST)
    nearest = Signals(words.take(places), index.vectors.cosines(query.vector, positions[places]), outliers)
    kept = places_worth_scoring(
        words, nearest, places, count=len(positions), cosine_bound=cosine_bound, limit=query.options.limit
    )
    if len(kept) < len(positions) // 4:
        positions, words = positions[kept], words.take(kept)
    return positions, Signals(words, index.vectors.cosines(query.vector, positions), outliers)


def _all_signals(index: Index, query: Query, positions: Positions, words: WordSignals) -> Signals:
    cosines = index.vectors.cosines(query.vector, positions)
    return Signals(words, cosines, _outliers(index, query, positions, words))


def _outliers(index: Index, query: Query, positions: Positions, words: WordSignals) -> Outliers:
    """Return what outliers add: from all candidates, or of very many from a sample, the same for every limit."""
    if not getattr(query.embedder, "knows_meaning", True):
        return Outliers()  # its cosines repeat what the words say
    sample = positions[:: -(-len(positions) // _SAMPLE) or 1]
    return Outliers.among(index.vectors.cosines(query.vector, sample), words.keyword)


def _word_signals(index: Index, query: Query, positions: Positions) -> WordSignals:
    postings = index.terms.find_postings(query.words, positions)
    if query.attributes:
        postings += _attribute_postings(index, query, positions)
    if not postings:
        return WordSignals()
    lengths = index.terms.lengths_at(positions)
    keyword = bm25_scores(postings, lengths)
    numbers = index.conversations_at(positions)
    answer = _answer_scores(index, query, positions)
    if not numbers.any():
        return WordSignals(keyword, answer=answer)
    conversations = group_by_conversation(numbers)
    return WordSignals(
        keyword,
        neighbours=neighbour_scores(keyword, conversations),
        passage=passage_scores(postings, conversations),
        asking=question_scores(index.terms.question_counts_at(positions), conversations),
        session=session_scores(postings, lengths, conversations),
        speaker=speaker_scores(index.speakers_at(positions), hash_terms(names_in_question(query.text))),
        answer=answer,
    )


def _attribute_postings(index: Index, query: Query, positions: Positions) -> list[Postings]:
    """Return where the asked attributes have a value or, where none has, where they are said to have ended."""
    for labels in (query.attributes, ended_labels(query.attributes)):
        # A word that no memory has counts against all of them; an attribute that nobody has stated does not.
        stated = [one for one in index.terms.find_postings(label_terms(labels), positions) if len(one.places)]
        if stated:
            return stated
    return []


def _answer_scores(index: Index, query: Query, positions: Positions) -> NDArray[np.float32] | None:
    if not query.answer_kinds:
        return None
    scores = np.zeros(len(positions), dtype=np.float32)
    for posting in index.terms.find_postings(label_terms(query.answer_kinds), positions):
        scores[posting.places] = 1
    return scores


def _explain(runtime: Runtime, query: Query, memory_id: str) -> Explanation:
    record = runtime.store.get([memory_id]).get(memory_id)
    if record is None:
        return {"id": memory_id, "reason": "unknown id"}
    if not to_predicate(query.matching)(record):
        return {"id": memory_id, "reason": "outside the filter"}
    with runtime.live_index.lock:
        index = runtime.live_index.catch_up()
        positions = _candidates(runtime, index, query)
        row = runtime.store.find_rows(Comparison("id", "eq", memory_id))
        place = np.flatnonzero(np.isin(positions, index.positions_of_rows(row)))
        if not len(place):
            return {"id": memory_id, "reason": "expired"}
        signals = _all_signals(index, query, positions, _word_signals(index, query, positions))
    scores = signals.fuse()
    score = float(scores[place[0]])
    rank = int((scores > score).sum()) + 1
    return {
        "id": memory_id,
        "reason": why_at_rank(query.options, rank, score),
        "rank": rank,
        "score": score,
        "score_details": signals.details_at(int(place[0])),
    }
