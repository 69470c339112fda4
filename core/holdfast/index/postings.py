"""The hashed words of every memory, in one column beside the vectors, and where a query's words occur in them.

For a few candidates their words are picked out and compared. For many, the words of all memories are kept sorted, so
that a look-up touches only the occurrences.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from holdfast.index.arrays import GrowableArray
from holdfast.retrieval.bm25 import Postings
from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.query_intent import QUESTION_LABEL

Positions = NDArray[np.int64]
Terms = NDArray[np.uint32]

_MANY = 5_000  # candidates from which the sorted words are worth building
_TAIL = 4_000  # memories added or changed since then that are still looked at one by one
_QUESTION = label_terms([QUESTION_LABEL])[0]
_MOST_TERMS = 64  # of one query: a page pasted as a question is found by its rarest words


class TermTable:
    """The terms of each position.

    Attributes:
        words: The terms themselves, one position's after the other's.
        starts: Where each position's begin.
        lengths: How many there are of each.
        marks: How often the mark of a question is among them: every search in a conversation wants it.
    """

    def __init__(self) -> None:
        self.words = GrowableArray(np.uint32)
        self.starts = GrowableArray(np.int64)
        self.lengths = GrowableArray(np.int32)
        self.marks = GrowableArray(np.uint8)
        self._sorted: SortedTerms | None = None

    def extend(self, terms: Sequence[Terms]) -> None:
        """Add the terms of the next positions."""
        if terms:
            self.append(np.concatenate(terms), np.fromiter(map(len, terms), dtype=np.int32, count=len(terms)))

    def append(self, words: Terms, lengths: NDArray[np.int32]) -> None:
        """Add the terms of the next positions, one position's after the other's, and how many each has."""
        ends = np.cumsum(lengths, dtype=np.int64) + len(self.words)
        marked = ends.searchsorted((words == _QUESTION).nonzero()[0] + len(self.words), side="right")
        self.words.extend(words)
        self.starts.extend(ends - lengths)
        self.lengths.extend(lengths)
        self.marks.extend(np.bincount(marked, minlength=len(lengths)).astype(np.uint8))

    def replace(self, position: int, terms: Terms) -> None:
        """Put other terms at `position`; the old ones stay behind unused until the index is built anew."""
        self.starts.view[position] = len(self.words)
        self.lengths.view[position] = len(terms)
        self.marks.view[position] = (terms == _QUESTION).sum()
        self.words.extend(terms)
        if self._sorted is not None:
            self._sorted.changed.add(position)

    def hits(self, query: Terms, positions: Positions) -> list[Postings]:
        """Return where each distinct term of `query` occurs among `positions` (ascending).

        Of more than 64 terms only the 64 rarest that occur at all.
        """
        distinct = np.unique(query)
        if len(distinct) > _MOST_TERMS:
            distinct = self._rarest(distinct, positions)
        if not len(distinct):
            return []
        if len(positions) < _MANY:
            return self._look_through(distinct, positions)
        return self._sorted_terms().hits(self, distinct, positions)

    def _rarest(self, distinct: Terms, positions: Positions) -> Terms:
        words = self.words_of(positions)
        places = np.minimum(distinct.searchsorted(words), len(distinct) - 1)
        counts = np.bincount(places[distinct[places] == words], minlength=len(distinct))
        found = counts.nonzero()[0]
        rarest = found[counts[found].argsort(kind="stable")[:_MOST_TERMS]]
        return distinct[np.sort(rarest)]

    def words_of(self, positions: Positions) -> Terms:
        """Return the terms of `positions`, one after the other."""
        return self._words_and_ends(positions)[0]

    def _words_and_ends(self, positions: Positions) -> tuple[Terms, Positions]:
        lengths = self.lengths.view[positions]
        ends = lengths.cumsum(dtype=np.int64)
        offsets = (self.starts.view[positions] - ends + lengths).repeat(lengths)
        return self.words.view[offsets + np.arange(len(offsets))], ends

    def _look_through(self, distinct: Terms, positions: Positions) -> list[Postings]:
        words, ends = self._words_and_ends(positions)
        term, word = (words == distinct[:, np.newaxis]).nonzero()
        return _split(term, ends.searchsorted(word, side="right"), len(distinct))

    def _sorted_terms(self) -> SortedTerms:
        if self._sorted is None or self._sorted.behind(self) > _TAIL + self._sorted.size // 4:
            self._sorted = SortedTerms(self)
        return self._sorted


class SortedTerms:
    """The words of the first `size` positions, sorted, each with its position."""

    def __init__(self, table: TermTable) -> None:
        self.size = len(table.starts)
        self.changed: set[int] = set()
        every = np.arange(self.size, dtype=np.int64)
        words = table.words_of(every)
        order = np.argsort(words, kind="stable")
        self._words = words[order]
        self._positions = np.repeat(every, table.lengths.view)[order]

    def behind(self, table: TermTable) -> int:
        """Return how many positions were added or changed since."""
        return len(table.starts) - self.size + len(self.changed)

    def hits(self, table: TermTable, distinct: Terms, positions: Positions) -> list[Postings]:
        """Return where each of `distinct` occurs among `positions`."""
        starts = np.searchsorted(self._words, distinct, side="left")
        ends = np.searchsorted(self._words, distinct, side="right")
        changed = np.array(sorted(self.changed), dtype=np.int64)
        fresh = np.concatenate([changed[changed < self.size], np.arange(self.size, len(table.starts))])
        fresh_places, fresh_members = places_in(positions, fresh)
        fresh_hits = table._look_through(distinct, fresh_members)  # noqa: SLF001 - two halves of one table
        return [
            self._merged(positions, changed, start, end, fresh_places, hit)
            for start, end, hit in zip(starts, ends, fresh_hits, strict=True)
        ]

    def _merged(
        self,
        positions: Positions,
        changed: Positions,
        start: int,
        end: int,
        fresh_places: Positions,
        fresh: Postings,
    ) -> Postings:
        """Join what the sorted words know with what was looked through since."""
        old = _occurrences(self._positions[start:end], positions)
        if len(changed):
            old = _without(old, positions, changed)
        if not len(fresh.places):
            return old
        places = np.concatenate([old.places, fresh_places[fresh.places]])
        order = np.argsort(places)
        return Postings(places[order], np.concatenate([old.counts, fresh.counts])[order])


def _occurrences(having: Positions, positions: Positions) -> Postings:
    """Return where the members of `having` (ascending, repeated) stand in `positions`: from the shorter side."""
    if len(having) <= len(positions):
        return _counted(places_in(positions, having)[0])
    first = np.searchsorted(having, positions, side="left")
    counts = np.searchsorted(having, positions, side="right") - first
    places = np.flatnonzero(counts)
    return Postings(places, counts[places])


def _without(hits: Postings, positions: Positions, changed: Positions) -> Postings:
    kept = ~np.isin(positions[hits.places], changed)
    return Postings(hits.places[kept], hits.counts[kept])


def places_in(positions: Positions, wanted: Positions) -> tuple[Positions, Positions]:
    """Return the places in `positions` of those of `wanted` that are there, and those themselves."""
    if len(positions) and positions[-1] == len(positions) - 1:
        kept = wanted[wanted < len(positions)]  # ascending and gapless: a position is its own place
        return kept, kept
    places = np.minimum(np.searchsorted(positions, wanted), max(len(positions) - 1, 0))
    there = positions[places] == wanted if len(positions) else np.zeros(len(wanted), dtype=np.bool_)
    return places[there], wanted[there]


def _split(term: Positions, places: Positions, terms: int) -> list[Postings]:
    """Return the hits of each term from all occurrences, ascending by term and place."""
    new = np.ones(len(term), dtype=np.bool_)
    new[1:] = (term[1:] != term[:-1]) | (places[1:] != places[:-1])
    first = new.nonzero()[0]
    counts = np.empty_like(first)
    counts[:-1] = first[1:] - first[:-1]
    counts[-1:] = len(term) - first[-1:]
    borders = term[first].searchsorted(np.arange(terms + 1))
    found = places[first]
    return [Postings(found[start:end], counts[start:end]) for start, end in pairwise(borders)]


def _counted(places: Positions) -> Postings:
    """Return the distinct items of an ascending array, and how often each occurs."""
    if len(places) < 2:  # noqa: PLR2004 - nothing to merge
        return Postings(places, np.ones(len(places), dtype=np.int64))
    first = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    return Postings(places[first], np.diff(np.append(first, len(places))))
