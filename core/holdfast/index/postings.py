"""The hashed terms of every memory in one column, and where the terms of a query occur in it.

For few candidates, their terms are gathered and compared with the query's one by one. For many, all terms are kept
sorted, so that a look-up touches only the occurrences.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from holdfast.index.arrays import GrowableArray
from holdfast.index.protocol import HashedTerms, Positions, Terms
from holdfast.retrieval.bm25 import Postings
from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.query_intent import QUESTION_LABEL

# Five terms among 1,000 candidates: 0.3 ms by comparing; among 5,000: 5 ms, or 0.2 ms in the sorted terms, which took
# 14 ms to sort once; among 100,000: 130 ms or 0.5 ms after 340 ms of sorting. Few scopes ever reach the limit.
_SORT_FROM_CANDIDATES = 5_000
_MAX_UNSORTED = 4_000
"""Memories added or changed since the last sort that are compared one by one; beyond, the terms are sorted again."""

_MAX_UNUSED_TERMS = 50_000
"""Replaced terms that are kept beyond half of all terms: 200 kB, and the terms are copied once in many updates."""

_MAX_QUERY_TERMS = 64  # a page pasted as a query is found by its rarest words; the time stays bounded
_QUESTION_TERM = label_terms([QUESTION_LABEL])[0]


class TermTable(Terms):
    """The terms of each position, end to end in one array.

    Attributes:
        terms: All terms.
        starts: Where the terms of each position start in `terms`.
        lengths: How many terms each position has.
        question_counts: How many question labels each position has. Counted on arrival, because every search of
            conversations needs them.
        unused_count: How many of `terms` belong to no position any more.
    """

    def __init__(self) -> None:
        self.terms = GrowableArray(np.uint32)
        self.starts = GrowableArray(np.int64)
        self.lengths = GrowableArray(np.int32)
        self.question_counts = GrowableArray(np.uint8)
        self.unused_count = 0
        self._sorted: SortedTerms | None = None

    def extend(self, terms: Sequence[HashedTerms]) -> None:
        """Add the terms of the next positions, one array per position."""
        if terms:
            self.append(np.concatenate(terms), np.fromiter(map(len, terms), dtype=np.int32, count=len(terms)))

    def append(self, terms: HashedTerms, lengths: NDArray[np.int32]) -> None:
        """Add the terms of the next positions end to end, with the number of terms of each position."""
        ends = np.cumsum(lengths, dtype=np.int64) + len(self.terms)
        questions = ends.searchsorted((terms == _QUESTION_TERM).nonzero()[0] + len(self.terms), side="right")
        self.terms.extend(terms)
        self.starts.extend(ends - lengths)
        self.lengths.extend(lengths)
        self.question_counts.extend(np.bincount(questions, minlength=len(lengths)).astype(np.uint8))

    def replace(self, position: int, terms: HashedTerms) -> None:
        """Replace the terms at `position`; the old ones stay behind unused until they are too many."""
        self.unused_count += int(self.lengths.values[position])
        self.starts.values[position] = len(self.terms)
        self.lengths.values[position] = len(terms)
        self.question_counts.values[position] = (terms == _QUESTION_TERM).sum()
        self.terms.extend(terms)
        if self._sorted is not None:
            self._sorted.changed.add(position)
        if self.unused_count > _MAX_UNUSED_TERMS + len(self.terms) // 2:
            self._drop_unused()

    def keep(self, positions: Positions) -> None:
        """Drop all positions but `positions` (ascending), and number those from 0."""
        for column in (self.starts, self.lengths, self.question_counts):
            column.keep(positions)
        self._sorted = None
        self._drop_unused()

    @override
    def find_postings(self, terms: HashedTerms, positions: Positions) -> list[Postings]:
        distinct = np.unique(terms)
        if len(distinct) > _MAX_QUERY_TERMS:
            distinct = self._rarest(distinct, positions)
        if not len(distinct):
            return []
        if len(positions) < _SORT_FROM_CANDIDATES:
            return self._scan(distinct, positions)
        return self._sorted_terms().find_postings(self, distinct, positions)

    @override
    def lengths_at(self, positions: Positions) -> NDArray[np.int32]:
        return self.lengths.take(positions)

    @override
    def question_counts_at(self, positions: Positions) -> NDArray[np.uint8]:
        return self.question_counts.take(positions)

    def terms_of(self, positions: Positions) -> HashedTerms:
        """Return the terms of `positions`, end to end."""
        return self._terms_and_ends(positions)[0]

    def _drop_unused(self) -> None:
        terms, ends = self._terms_and_ends(np.arange(len(self.lengths), dtype=np.int64))
        self.terms.replace_all(terms)
        self.starts.replace_all(ends - self.lengths.values)
        self.unused_count = 0

    def _terms_and_ends(self, positions: Positions) -> tuple[HashedTerms, Positions]:
        # One gather for all positions: each one's start, repeated once per term, plus a running count.
        lengths = self.lengths.values[positions]
        ends = lengths.cumsum(dtype=np.int64)
        offsets = (self.starts.values[positions] - ends + lengths).repeat(lengths)
        return self.terms.values[offsets + np.arange(len(offsets))], ends

    def _rarest(self, distinct: HashedTerms, positions: Positions) -> HashedTerms:
        terms = self.terms_of(positions)
        places = np.minimum(distinct.searchsorted(terms), len(distinct) - 1)
        counts = np.bincount(places[distinct[places] == terms], minlength=len(distinct))
        occurring = counts.nonzero()[0]
        rarest = occurring[counts[occurring].argsort(kind="stable")[:_MAX_QUERY_TERMS]]
        return distinct[np.sort(rarest)]

    def _scan(self, distinct: HashedTerms, positions: Positions) -> list[Postings]:
        """Return the postings of `distinct` by comparing every term of `positions`."""
        terms, ends = self._terms_and_ends(positions)
        query_place, term_place = (terms == distinct[:, np.newaxis]).nonzero()
        return _split_by_term(query_place, ends.searchsorted(term_place, side="right"), len(distinct))

    def _sorted_terms(self) -> SortedTerms:
        # Sorting again once a quarter is unsorted keeps the total cost of sorting linear in the number of memories.
        if self._sorted is None or self._sorted.count_unsorted(self) > _MAX_UNSORTED + self._sorted.size // 4:
            self._sorted = SortedTerms(self)
        return self._sorted


class SortedTerms:
    """The terms of the first `size` positions in sorted order, each with its position.

    Attributes:
        size: How many positions were sorted.
        changed: Positions whose terms were replaced since.
    """

    def __init__(self, table: TermTable) -> None:
        self.size = len(table.starts)
        self.changed: set[int] = set()
        every = np.arange(self.size, dtype=np.int64)
        terms = table.terms_of(every)
        order = np.argsort(terms, kind="stable")  # stable: the positions of a term stay ascending
        self._terms = terms[order]
        self._positions = np.repeat(every, table.lengths.values)[order]

    def count_unsorted(self, table: TermTable) -> int:
        """Return how many positions were added or changed since the sort."""
        return len(table.starts) - self.size + len(self.changed)

    def find_postings(self, table: TermTable, distinct: HashedTerms, positions: Positions) -> list[Postings]:
        """Return where each of `distinct` occurs among `positions`."""
        starts = np.searchsorted(self._terms, distinct, side="left")
        ends = np.searchsorted(self._terms, distinct, side="right")
        changed = np.array(sorted(self.changed), dtype=np.int64)
        unsorted = np.concatenate([changed[changed < self.size], np.arange(self.size, len(table.starts))])
        recent_places, recent_positions = find_places(positions, unsorted)
        recent_postings = table._scan(distinct, recent_positions)  # noqa: SLF001 - two halves of one table
        return [
            self._merge(positions, changed, start, end, recent_places, recent)
            for start, end, recent in zip(starts, ends, recent_postings, strict=True)
        ]

    def _merge(
        self,
        positions: Positions,
        changed: Positions,
        start: int,
        end: int,
        recent_places: Positions,
        recent: Postings,
    ) -> Postings:
        """Merge one term's sorted occurrences, without changed positions, with those found by comparing."""
        old = _postings_among(self._positions[start:end], positions)
        if len(changed):
            old = _without(old, positions, changed)
        if not len(recent.places):
            return old
        places = np.concatenate([old.places, recent_places[recent.places]])
        order = np.argsort(places)
        return Postings(places[order], np.concatenate([old.counts, recent.counts])[order])


def find_places(positions: Positions, wanted: Positions) -> tuple[Positions, Positions]:
    """Return the places within `positions` of those of `wanted` that are in it, and those positions themselves.

    >>> places, found = find_places(np.array([2, 5, 9]), np.array([5, 7, 9]))
    >>> places.tolist(), found.tolist()
    ([1, 2], [5, 9])
    """
    if len(positions) and positions[-1] == len(positions) - 1:
        inside = wanted[wanted < len(positions)]  # ascending without gaps: each position is its own place
        return inside, inside
    places = np.minimum(np.searchsorted(positions, wanted), max(len(positions) - 1, 0))
    is_there = positions[places] == wanted if len(positions) else np.zeros(len(wanted), dtype=np.bool_)
    return places[is_there], wanted[is_there]


def _postings_among(occurrences: Positions, positions: Positions) -> Postings:
    """Return where `occurrences` (ascending, repeated) fall within `positions`, searching with the shorter array."""
    if len(occurrences) <= len(positions):
        return _count_repetitions(find_places(positions, occurrences)[0])
    first = np.searchsorted(occurrences, positions, side="left")
    counts = np.searchsorted(occurrences, positions, side="right") - first
    places = np.flatnonzero(counts)
    return Postings(places, counts[places])


def _without(postings: Postings, positions: Positions, changed: Positions) -> Postings:
    unchanged = ~np.isin(positions[postings.places], changed)
    return Postings(postings.places[unchanged], postings.counts[unchanged])


def _split_by_term(query_places: Positions, places: Positions, count: int) -> list[Postings]:
    """Return one `Postings` per term from the pairs of all terms, which ascend by term and then by place."""
    is_first = np.ones(len(query_places), dtype=np.bool_)
    is_first[1:] = (query_places[1:] != query_places[:-1]) | (places[1:] != places[:-1])
    first = is_first.nonzero()[0]
    counts = np.empty_like(first)
    counts[:-1] = first[1:] - first[:-1]
    counts[-1:] = len(query_places) - first[-1:]
    borders = query_places[first].searchsorted(np.arange(count + 1))
    distinct = places[first]
    return [Postings(distinct[start:end], counts[start:end]) for start, end in pairwise(borders)]


def _count_repetitions(places: Positions) -> Postings:
    """Return the distinct items of an ascending array with how often each occurs."""
    if len(places) < 2:  # noqa: PLR2004 - nothing repeats
        return Postings(places, np.ones(len(places), dtype=np.int64))
    first = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    return Postings(places[first], np.diff(np.append(first, len(places))))
