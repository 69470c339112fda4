"""The index: everything search needs, in memory, derived from the store and never the truth.

Every memory has a position, counted from 0 in the order of the store's rows. `scopes` says which positions belong to
an id, `vectors` scores them by meaning, `terms` by words; all three speak of the same positions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holdfast.index.arrays import GrowableArray
from holdfast.index.postings import TermTable, places_in
from holdfast.index.scopes import ScopePositions
from holdfast.index.vectors import Vectors, vector_index
from holdfast.retrieval.tokenize import first_name, hash_terms
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexBatch

Positions = NDArray[np.int64]
NEVER = date.max.toordinal()


class MemoryIndex:
    """The state of the index after change `sequence` of the store.

    Args:
        dimensions: Length of every vector.
        vectors: Where vectors are kept; FAISS unless another is given.
    """

    def __init__(self, dimensions: int, *, vectors: Vectors | None = None) -> None:
        self.dimensions = dimensions
        self.sequence = 0
        self.vectors = vectors if vectors is not None else vector_index(dimensions)
        self.scopes = ScopePositions()
        self.terms = TermTable()
        self.rows = GrowableArray(np.int64)
        self.expires = GrowableArray(np.int32)
        self.alive = GrowableArray(np.bool_)
        self.conversations = GrowableArray(np.int64)
        self.speakers = GrowableArray(np.uint32)
        self.dead = 0

    def __len__(self) -> int:
        """Return the number of memories that are alive."""
        return len(self.rows) - self.dead

    def apply(self, parts: Iterable[IndexBatch]) -> None:
        """Take in what changed in the store, in order."""
        for part in parts:
            if part.restart:
                self.__init__(self.dimensions, vectors=self.vectors.new_empty())  # type: ignore[misc]
            self._take(part)
            self.sequence = part.sequence

    def with_ids(self, ids: Mapping[str, str]) -> Positions:
        """Return the positions that carry all of `ids`, ascending; every position when there are none."""
        return self.scopes.with_ids(ids) if ids else np.arange(len(self.rows), dtype=np.int64)

    def head(self, query: NDArray[np.float32], positions: Positions, count: int) -> tuple[Positions, float]:
        """Return the places in `positions` of those nearest to `query`, and a cosine that no other exceeds.

        Args:
            query: Shape `(dimensions,)`.
            positions: Ascending.
            count: About how many to look for, dead and other people's included.
        """
        nearest, ceiling = self.vectors.head(query, min(count, len(self.rows)))
        places, _ = places_in(positions, np.sort(nearest))
        return places, ceiling

    def filter_alive(self, positions: Positions, *, today: date | None) -> Positions:
        """Return those of `positions` that were not removed and, given `today`, have not expired."""
        if self.dead:
            positions = positions[self.alive.view[positions]]
        if today is not None and len(positions):
            kept = self.expires.at(positions) >= today.toordinal()
            positions = positions if kept.all() else positions[kept]
        return positions

    def positions_of(self, rows: NDArray[np.int64]) -> Positions:
        """Return the positions of `rows`; rows the index does not have are left out."""
        if not len(rows) or not len(self.rows):
            return np.zeros(0, dtype=np.int64)
        found = np.searchsorted(self.rows.view, rows)
        found = found[self.rows.view[np.minimum(found, len(self.rows) - 1)] == rows]
        there: Positions = found[self.alive.view[found]]
        return there

    def _take(self, part: IndexBatch) -> None:
        known = self.rows.view[-1] if len(self.rows) else -1
        fresh = part.rows > known
        for row in part.deleted_rows:
            self._remove(row)
        for place in np.flatnonzero(~fresh):
            self._change(part, int(place))
        if fresh.any():
            self._append(part, np.flatnonzero(fresh))

    def _append(self, part: IndexBatch, places: NDArray[np.int64]) -> None:
        start = len(self.rows)
        self.vectors.append(part.vectors[places])
        self.rows.extend(part.rows[places])
        self.expires.extend([_ordinal(part.expiration_dates[place]) for place in places])
        self.alive.extend(np.ones(len(places), dtype=np.bool_))
        self.conversations.extend([_conversation(part, place) for place in places])
        self.speakers.extend([_speaker(part.speakers[place]) for place in places])
        self.terms.extend([part.terms[place] for place in places])
        self.scopes.extend([part.scopes[place] for place in places], start=start)

    def _change(self, part: IndexBatch, place: int) -> None:
        position = int(np.searchsorted(self.rows.view, part.rows[place]))
        self.vectors.replace(position, part.vectors[place])
        self.terms.replace(position, part.terms[place])
        self.expires.view[position] = _ordinal(part.expiration_dates[place])
        self.speakers.view[position] = _speaker(part.speakers[place])

    def _remove(self, row: int) -> None:
        position = int(np.searchsorted(self.rows.view, row))
        if position < len(self.rows) and self.rows.view[position] == row and self.alive.view[position]:
            self.alive.view[position] = False
            self.dead += 1


def _conversation(part: IndexBatch, place: int) -> int:
    """Return a number for the session a turn belongs to, 0 when it belongs to none."""
    scope = part.scopes[place]
    return _conversation_of(scope) if part.memory_types[place] == "episodic" and scope.run_id is not None else 0


@lru_cache(maxsize=4096)
def _conversation_of(scope: Scope) -> int:
    return 1 + zlib.crc32(repr(scope.ids()).encode())


@lru_cache(maxsize=4096)
def _speaker(name: str | None) -> int:
    """Return the hash of a speaker's first name, 0 for none."""
    called = first_name(name) if name else ""
    return int(hash_terms([called])[0]) if called else 0


def _ordinal(day: str | None) -> int:
    return NEVER if day is None else date.fromisoformat(day).toordinal()
