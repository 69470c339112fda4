"""Which memories of a scope are close to a text or a vector: what a new fact is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.extraction.facts import KnownMemory
from holdfast.index.protocol import Index, Positions
from holdfast.operations.index_entries import DOCUMENT, TURN
from holdfast.records import MemoryRecord
from holdfast.retrieval.bm25 import bm25_scores
from holdfast.retrieval.fusion import top_places
from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope

SIMILAR = 0.3
"""Cosine from which two texts may be about the same thing; an embedder may say otherwise in `similar`."""

_MOST = 5
_MOST_BY_SLOT = 5
_LEAST_KEYWORD = 0.05


@dataclass(frozen=True, slots=True)
class SimilarMemory:
    """A memory and its cosine to what was asked."""

    record: MemoryRecord
    similarity: float

    def as_known(self) -> KnownMemory:
        """Return it as it is shown to whoever decides."""
        return KnownMemory(self.record.id, self.record.text, self.similarity)


def find_similar(
    runtime: Runtime,
    scope: Scope,
    *,
    vector: NDArray[np.float32] | None = None,
    text: str = "",
    slots: Sequence[str] = (),
) -> list[SimilarMemory]:
    """Return the memories with all ids of `scope` close to `vector`, sharing words with `text` or speaking of `slots`.

    Never documents, nor turns kept beside their facts. At most five each way, the closest first. This is local work
    and takes the core's lock.
    """
    with runtime.lock:
        index = runtime.index()
        positions = _open_to_change(
            index, index.filter_current(index.find_positions(scope.ids()), today=runtime.today())
        )
        if not len(positions):
            return []
        found: dict[int, float] = {}
        if vector is not None:
            found |= _by_meaning(runtime, index, positions, vector)
        if text:
            found |= {place: 0.0 for place in _by_words(index, positions, text) if place not in found}
        if slots:
            found |= {place: 0.0 for place in _by_slots(index, positions, slots) if place not in found}
        places = list(found)
        records = runtime.records_at(index, positions[places]) if places else []
    pairs = zip(records, found.values(), strict=True)
    return [SimilarMemory(record, similarity) for record, similarity in pairs if record is not None]


def _open_to_change(index: Index, positions: Positions) -> Positions:
    """Return `positions` without the documents, which are their owner's alone, and the turns, which were said."""
    closed = [
        hit.places for hit in index.terms.find_postings(label_terms([DOCUMENT, TURN]), positions) if len(hit.places)
    ]
    return np.delete(positions, np.concatenate(closed)) if closed else positions


def is_scope_empty(runtime: Runtime, scope: Scope) -> bool:
    """Return whether no memory carries all ids of `scope`; local work."""
    with runtime.lock:
        return not len(runtime.index().find_positions(scope.ids()))


def _by_meaning(runtime: Runtime, index: Index, positions: Positions, vector: NDArray[np.float32]) -> dict[int, float]:
    cosines = index.vectors.cosines(vector, positions)
    least = getattr(runtime.engines.embedder, "similar", SIMILAR)
    return {int(place): float(cosines[place]) for place in top_places(cosines, _MOST, threshold=least)}


def _by_words(index: Index, positions: Positions, text: str) -> list[int]:
    hits = index.terms.find_postings(hash_terms(stem_words(text)), positions)
    scores = bm25_scores(hits, index.terms.lengths_at(positions))
    return [int(place) for place in top_places(scores, _MOST, threshold=_LEAST_KEYWORD)]


def _by_slots(index: Index, positions: Positions, slots: Sequence[str]) -> list[int]:
    hits = index.terms.find_postings(label_terms(slots), positions)
    return [int(place) for hit in hits for place in hit.places[-_MOST_BY_SLOT:]]
