"""Find the memories that new facts are compared with: similar in meaning, or about the same attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.extraction import rules
from holdfast.extraction.facts import SimilarMemory
from holdfast.index.protocol import Index, Positions
from holdfast.operations.add_steps.candidates import Candidate
from holdfast.operations.index_entries import DOCUMENT, TURN, attribute_labels, ended_labels
from holdfast.records import MemoryRecord
from holdfast.retrieval.bm25 import bm25_scores
from holdfast.retrieval.fusion import top_places
from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.tokenize import hash_terms, stem_question
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope

SIMILAR = 0.3
"""Least cosine of two texts that may be about the same thing; an embedder may set its own in `similar`."""

_MOST_SIMILAR = 5
_MOST_PER_ATTRIBUTE = 5
_LEAST_KEYWORD_SCORE = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """The memories that facts are compared with.

    Attributes:
        similar: One list per fact: at most five memories by vector, then five per attribute that the fact states.
        read_at: The number of the store's last change when they were read.
    """

    similar: Sequence[Sequence[SimilarMemory]]
    read_at: int


def find_similar(runtime: Runtime, scope: Scope, candidates: Sequence[Candidate]) -> Found:
    """Return, for each new fact, the known memories it may repeat or change, most similar first.

    Documents and kept turns are never among them: no conversation changes those. This is local work under the index
    lock.

    Args:
        runtime: The open memory.
        scope: The memories carry all of its ids.
        candidates: The new facts.
    """
    with runtime.live_index.lock:
        index = runtime.live_index.catch_up()
        positions = _changeable_positions(runtime, index, scope)
        if not len(positions):
            return Found([[] for _ in candidates], index.sequence)
        similar = []
        for candidate in candidates:
            places = _by_vector(runtime, index, positions, candidate.entry.vector)
            labels = attribute_labels(candidate.fact.text, candidate.record.speaker)
            for place in _by_attributes(index, positions, labels):
                places.setdefault(place, 0.0)
            similar.append(_memories_at(runtime, index, positions, places))
        return Found(similar, index.sequence)


def find_similar_or_ended(runtime: Runtime, scope: Scope, candidates: Sequence[Candidate]) -> Found:
    """Return what `find_similar` does and, for a fact that ends something, memories that share its words.

    "Rex died last night" has little but the name in common with the memory that it ends.
    """
    before = find_similar(runtime, scope, candidates)
    similar = [list(memories) for memories in before.similar]
    for memories, candidate in zip(similar, candidates, strict=True):
        if rules.ends_something(candidate.fact.text, speaker=candidate.record.speaker):
            found = {memory.id for memory in memories}
            related = find_related(runtime, scope, candidate.fact.text)
            memories += [SimilarMemory(record) for record in related if record.id not in found]
    return replace(before, similar=similar)


def is_about_the_same(candidate: Candidate, record: MemoryRecord) -> bool:
    """Return whether a memory states an attribute that a new fact states, or shares words with a fact that ends one."""
    labels = attribute_labels(candidate.fact.text, candidate.record.speaker)
    if not set(labels).isdisjoint(attribute_labels(record.text, record.speaker)):
        return True
    if not rules.ends_something(candidate.fact.text, speaker=candidate.record.speaker):
        return False
    return not rules.content_words(candidate.fact.text).isdisjoint(rules.content_words(record.text))


def least_similarity(runtime: Runtime) -> float:
    """Return the least cosine of two texts that may be about the same thing."""
    return float(getattr(runtime.engines.embedder, "similar", SIMILAR))


def find_related(runtime: Runtime, scope: Scope, text: str) -> list[MemoryRecord]:
    """Return at most five memories of `scope` that share rare words with `text`, best first; local work."""
    with runtime.live_index.lock:
        index = runtime.live_index.catch_up()
        positions = _changeable_positions(runtime, index, scope)
        if not len(positions):
            return []
        hits = index.terms.find_postings(hash_terms(stem_question(text)), positions)
        scores = bm25_scores(hits, index.terms.lengths_at(positions))
        places = top_places(scores, _MOST_SIMILAR, threshold=_LEAST_KEYWORD_SCORE)
        return [one.record for one in _memories_at(runtime, index, positions, dict.fromkeys(places.tolist(), 0.0))]


def _changeable_positions(runtime: Runtime, index: Index, scope: Scope) -> Positions:
    """Return the positions of `scope` that a conversation may change: no documents and no kept turns."""
    positions = index.filter_current(index.find_positions(scope.ids()), today=runtime.today())
    if not len(positions):
        return positions
    fixed = [
        hit.places for hit in index.terms.find_postings(label_terms([DOCUMENT, TURN]), positions) if len(hit.places)
    ]
    return np.delete(positions, np.concatenate(fixed)) if fixed else positions


def _by_vector(runtime: Runtime, index: Index, positions: Positions, vector: NDArray[np.float32]) -> dict[int, float]:
    cosines = index.vectors.cosines(vector, positions)
    best = top_places(cosines, _MOST_SIMILAR, threshold=least_similarity(runtime))
    return {place: float(cosines[place]) for place in best.tolist()}


def _by_attributes(index: Index, positions: Positions, labels: Sequence[str]) -> list[int]:
    if not labels:
        return []
    hits = index.terms.find_postings(label_terms([*labels, *ended_labels(labels)]), positions)
    # The newest of each: what was said last is what a new value replaces.
    return [int(place) for hit in hits for place in hit.places[-_MOST_PER_ATTRIBUTE:]]


def _memories_at(
    runtime: Runtime, index: Index, positions: Positions, places: Mapping[int, float]
) -> list[SimilarMemory]:
    records = runtime.live_index.records_at(index, positions[list(places)]) if places else []
    pairs = zip(records, places.values(), strict=True)
    return [SimilarMemory(record, similarity) for record, similarity in pairs if record is not None]
