"""The index that keeps everything search needs in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self, override

from holdfast.errors import StorageError
from holdfast.index.arrays import GrowableArray
from holdfast.index.postings import TermTable, find_places
from holdfast.index.protocol import HashedTerms, Index, Matrix, Positions, Vectors
from holdfast.index.scopes import ScopePositions
from holdfast.index.vectors import FaissVectors
from holdfast.retrieval.tokenize import first_name, hash_terms
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import IndexBatch

_NEVER = date.max.toordinal()

_MAX_DELETED = 1_000
"""Positions of deleted memories that are kept beyond the number of memories: 2 MB of vectors and terms."""


class MemoryIndex(Index):
    """An index in the memory of this process: columns of NumPy arrays, one item per position.

    A deleted memory keeps its position, and only its item in `exists` changes: to close the gap, FAISS would move
    every vector behind it (10 to 26 ms at 100,000). Once more positions are deleted than not, all gaps are closed at
    once, so the index takes at most twice what its memories need. Snapshots leave deleted memories out.

    Args:
        dimensions: The length of every vector.
        vectors: Where the vectors are; FAISS by default.

    Attributes:
        scopes: The positions of each id.
        rows: The store's row of each position, ascending.
        expires: The last day of each memory as `date.toordinal`.
        exists: Whether the memory of each position still exists.
        conversations: See `conversations_at`.
        speakers: See `speakers_at`.
        deleted_count: How many positions have no memory any more.

    >>> from holdfast.testing import memory_for_tests
    >>> memory = memory_for_tests()
    >>> for text in ("I like green tea", "My dog is called Rex"):
    ...     _ = memory.add(text, user_id="ana", infer=False)
    >>> index = MemoryIndex(dimensions=64)
    >>> index.apply(memory.runtime.store.index_batches(0))
    >>> positions = index.find_positions({"user_id": "ana"})
    >>> [postings.places.tolist() for postings in index.terms.find_postings(hash_terms(["tea"]), positions)]
    [[0]]
    """

    terms: TermTable

    def __init__(self, dimensions: int, *, vectors: Vectors | None = None) -> None:
        self.dimensions = dimensions
        self._start_empty(FaissVectors(dimensions) if vectors is None else vectors)

    def _start_empty(self, vectors: Vectors) -> None:
        self.sequence = 0
        self.vectors = vectors
        self.scopes = ScopePositions()
        self.terms = TermTable()
        self.rows = GrowableArray(np.int64)
        self.expires = GrowableArray(np.int32)
        self.exists = GrowableArray(np.bool_)
        self.conversations = GrowableArray(np.int64)
        self.speakers = GrowableArray(np.uint32)
        self.deleted_count = 0

    @override
    def __len__(self) -> int:
        return len(self.rows) - self.deleted_count

    @override
    def apply(self, batches: Iterable[IndexBatch]) -> None:
        for batch in batches:
            _check_vectors(batch, self.dimensions)
            if batch.restart:
                self._start_empty(self.vectors.new_empty())
            self._apply_batch(batch)
            self.sequence = batch.sequence
        if self.deleted_count > _MAX_DELETED + len(self):
            self._drop_deleted()

    @override
    def find_positions(self, ids: Mapping[str, str]) -> Positions:
        return self.scopes.find(ids) if ids else np.arange(len(self.rows), dtype=np.int64)

    @override
    def positions_of_rows(self, rows: NDArray[np.int64]) -> Positions:
        if not len(rows) or not len(self.rows):
            return np.zeros(0, dtype=np.int64)
        found = np.searchsorted(self.rows.values, rows)
        found = found[self.rows.values[np.minimum(found, len(self.rows) - 1)] == rows]
        existing: Positions = found[self.exists.values[found]]
        return existing

    @override
    def rows_at(self, positions: Positions) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = self.rows.values[positions]
        return rows

    @override
    def filter_current(self, positions: Positions, *, today: date | None) -> Positions:
        if self.deleted_count:
            positions = positions[self.exists.values[positions]]
        if today is not None and len(positions):
            unexpired = self.expires.take(positions) >= today.toordinal()
            positions = positions if unexpired.all() else positions[unexpired]
        return positions

    @override
    def find_nearest(self, query: Matrix, positions: Positions, count: int) -> tuple[Positions, float]:
        nearest, bound = self.vectors.find_nearest(query, min(count, len(self.rows)))
        places, _ = find_places(positions, np.sort(nearest))
        return places, bound

    @override
    def conversations_at(self, positions: Positions) -> NDArray[np.int64]:
        return self.conversations.take(positions)

    @override
    def speakers_at(self, positions: Positions) -> HashedTerms:
        return self.speakers.take(positions)

    @override
    def new_empty(self) -> MemoryIndex:
        return MemoryIndex(self.dimensions, vectors=self.vectors.new_empty())

    @override
    def describe_difference(self, other: Self) -> str | None:
        here, there = np.flatnonzero(self.exists.values), np.flatnonzero(other.exists.values)
        if not np.array_equal(self.rows.values[here], other.rows.values[there]):
            return f"the index holds {len(self)} memories, the store {len(other)}"
        columns: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
            "vectors": (self.vectors.matrix()[here], other.vectors.matrix()[there]),
            "numbers of words": (self.terms.lengths_at(here), other.terms.lengths_at(there)),
            "words": (self.terms.terms_of(here), other.terms.terms_of(there)),
            "expiration dates": (self.expires.values[here], other.expires.values[there]),
            "conversations": (self.conversations.values[here], other.conversations.values[there]),
            "speakers": (self.speakers.values[here], other.speakers.values[there]),
        }
        for name, (ours, theirs) in columns.items():
            if not np.array_equal(ours, theirs):
                return f"the index holds other {name} than the store"
        if any(self._rows_by_id(field) != other._rows_by_id(field) for field in SCOPE_FIELDS):
            return "the index holds other scopes than the store"
        return None

    def _rows_by_id(self, field: str) -> dict[str, bytes]:
        """Return the rows of the memories that have each id of a scope field, as one comparable text."""
        existing = ((name, positions[self.exists.values[positions]]) for name, positions in self.scopes.lists(field))
        return {name: self.rows.values[positions].tobytes() for name, positions in existing if len(positions)}

    def _apply_batch(self, batch: IndexBatch) -> None:
        # Rows only grow (each is the number of the change that inserted it), so a larger row is a new memory.
        last_row = self.rows.values[-1] if len(self.rows) else -1
        is_new = batch.rows > last_row
        for row in batch.deleted_rows:
            self._delete(row)
        for place in np.flatnonzero(~is_new):
            self._replace(batch, int(place))
        if is_new.any():
            self._append(batch, np.flatnonzero(is_new))

    def _append(self, batch: IndexBatch, places: NDArray[np.int64]) -> None:
        start = len(self.rows)
        self.vectors.append(batch.vectors[places])
        self.rows.extend(batch.rows[places])
        self.expires.extend([_expiry_ordinal(batch.expiration_dates[place]) for place in places])
        self.exists.extend(np.ones(len(places), dtype=np.bool_))
        self.conversations.extend([_conversation_number(batch, place) for place in places])
        self.speakers.extend([_speaker_hash(batch.speakers[place]) for place in places])
        self.terms.extend([batch.terms[place] for place in places])
        self.scopes.extend([batch.scopes[place] for place in places], start=start)

    def _replace(self, batch: IndexBatch, place: int) -> None:
        # Scope and conversation never change; an update may change everything else.
        position = int(np.searchsorted(self.rows.values, batch.rows[place]))
        self.vectors.replace(position, batch.vectors[place])
        self.terms.replace(position, batch.terms[place])
        self.expires.values[position] = _expiry_ordinal(batch.expiration_dates[place])
        self.speakers.values[position] = _speaker_hash(batch.speakers[place])

    def _delete(self, row: int) -> None:
        position = int(np.searchsorted(self.rows.values, row))
        if position < len(self.rows) and self.rows.values[position] == row and self.exists.values[position]:
            self.exists.values[position] = False
            self.deleted_count += 1

    def _drop_deleted(self) -> None:
        kept = np.flatnonzero(self.exists.values)
        vectors = self.vectors.new_empty()
        vectors.append(self.vectors.matrix()[kept])
        self.vectors = vectors
        self.terms.keep(kept)
        self.scopes.keep(kept, count=len(self.rows))
        for column in (self.rows, self.expires, self.exists, self.conversations, self.speakers):
            column.keep(kept)
        self.deleted_count = 0


def _conversation_number(batch: IndexBatch, place: int) -> int:
    """Return a number for the session that a turn belongs to; 0 for facts, documents and turns without a session."""
    scope = batch.scopes[place]
    return _session_number(scope) if batch.memory_types[place] == "episodic" and scope.run_id is not None else 0


# The turns of a session arrive one after the other with the same few scopes and speakers, so small caches suffice.
@lru_cache(maxsize=4096)
def _session_number(scope: Scope) -> int:
    return 1 + zlib.crc32(repr(scope.ids()).encode())


@lru_cache(maxsize=4096)
def _speaker_hash(name: str | None) -> int:
    """Return the hash of a speaker's first name, 0 for none."""
    first = first_name(name) if name else ""
    return int(hash_terms([first])[0]) if first else 0


def _expiry_ordinal(day: str | None) -> int:
    return _NEVER if day is None else date.fromisoformat(day).toordinal()


def _check_vectors(batch: IndexBatch, dimensions: int) -> None:
    """Raise unless the vectors have `dimensions` finite numbers each: FAISS checks neither.

    Raises:
        StorageError: They have another length, or one holds NaN or infinity.
    """
    if not len(batch.rows):
        return
    if batch.vectors.shape[1] != dimensions:
        raise StorageError(
            f"the stored vectors have {batch.vectors.shape[1]} dimensions, and the store was built with {dimensions}:"
            " run `holdfast doctor --repair`, or restore a backup"
        )
    # The sum of a row is finite unless one of its numbers is not: unit vectors are far from overflowing.
    if not np.isfinite(batch.vectors.sum()):
        raise StorageError(
            "a stored vector holds a number that is not finite: run `holdfast doctor --repair`, or restore a backup"
        )
