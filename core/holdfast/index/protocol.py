"""What search needs of an index.

An index is derived from the store and never the source of truth: it can be dropped at any time and built again. It
gives every memory a position, counted from 0 in the order of the store's rows, and answers in arrays of positions.
A second implementation, such as one that searches inside PostgreSQL, implements these three protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from holdfast.retrieval.bm25 import Postings
from holdfast.stores.protocol import IndexBatch

Positions = NDArray[np.int64]
"""Positions of memories, shape `(n,)`; distinct and ascending unless a docstring says otherwise."""

HashedTerms = NDArray[np.uint32]
"""Hashed terms, shape `(n,)` (see `holdfast.retrieval.tokenize.hash_terms`)."""

Matrix = NDArray[np.float32]
"""One vector, shape `(dimensions,)`, or several, shape `(n, dimensions)`."""


class Vectors(Protocol):
    """Unit vectors by position. An inner product of two is their cosine.

    Attributes:
        dimensions: The length of every vector.
    """

    dimensions: int

    def __len__(self) -> int:
        """Return the number of positions."""
        ...

    def append(self, vectors: Matrix) -> None:
        """Add vectors, shape `(n, dimensions)`, at the next n positions."""
        ...

    def replace(self, position: int, vector: Matrix) -> None:
        """Replace the vector at `position`."""
        ...

    def cosines(self, query: Matrix, positions: Positions) -> Matrix:
        """Return the cosine of `query` to the vector at each of `positions`, shape `(len(positions),)`."""
        ...

    def find_nearest(self, query: Matrix, count: int) -> tuple[Positions, float]:
        """Return about the `count` positions nearest to `query`, unordered, and an upper bound of all other cosines."""
        ...

    def matrix(self) -> Matrix:
        """Return all vectors, shape `(n, dimensions)`; valid until the next `append`."""
        ...

    def new_empty(self) -> Self:
        """Return a new, empty container of the same kind and dimensions."""
        ...


class Terms(Protocol):
    """The hashed terms of each position."""

    def find_postings(self, terms: HashedTerms, positions: Positions) -> list[Postings]:
        """Return where each distinct one of `terms` occurs among `positions`, in ascending order of the terms.

        Of more than 64 terms, only the 64 rarest that occur at all.
        """
        ...

    def lengths_at(self, positions: Positions) -> NDArray[np.int32]:
        """Return the number of terms at each of `positions`."""
        ...

    def question_counts_at(self, positions: Positions) -> NDArray[np.uint8]:
        """Return how many question labels (0 to `MAX_QUESTION_LABELS`) each of `positions` carries."""
        ...


class Index(Protocol):
    """The searchable form of a store after change `sequence`.

    Callers serialise: no method runs while another thread calls `apply`.

    Attributes:
        dimensions: The length of every vector.
        sequence: The number of the store's last change that the index has applied, 0 for none.
        vectors: The vector of each position.
        terms: The terms of each position.
    """

    dimensions: int
    sequence: int
    vectors: Vectors
    terms: Terms

    def __len__(self) -> int:
        """Return the number of memories; deleted ones do not count."""
        ...

    def apply(self, batches: Iterable[IndexBatch]) -> None:
        """Apply changes of the store, oldest first, and move `sequence` on."""
        ...

    def find_positions(self, ids: Mapping[str, str]) -> Positions:
        """Return the positions whose scope has all of `ids`; every position when `ids` is empty."""
        ...

    def positions_of_rows(self, rows: NDArray[np.int64]) -> Positions:
        """Return the positions of the store's `rows` (ascending); rows that the index does not have are left out."""
        ...

    def rows_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return the store's row of each of `positions`, which may be in any order."""
        ...

    def filter_current(self, positions: Positions, *, today: date | None) -> Positions:
        """Return those of `positions` that are not deleted and, unless `today` is `None`, not expired by `today`."""
        ...

    def find_nearest(self, query: Matrix, positions: Positions, count: int) -> tuple[Positions, float]:
        """Return the places within `positions` of the memories nearest to `query`, and a bound for the others.

        Args:
            query: Shape `(dimensions,)`.
            positions: The candidates.
            count: About how many memories to look at, including those that are not candidates.

        Returns:
            Places, ascending, at most `count`; and a cosine that no other candidate exceeds.
        """
        ...

    def conversations_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return a number for the conversation each of `positions` belongs to, 0 for none."""
        ...

    def speakers_at(self, positions: Positions) -> HashedTerms:
        """Return the hashed first name of the speaker at each of `positions`, 0 for none."""
        ...

    def new_empty(self) -> Self:
        """Return a new, empty index of the same dimensions."""
        ...

    def describe_difference(self, other: Self) -> str | None:
        """Return a sentence on how this index differs from `other`, built from the store; `None` if it does not."""
        ...
