"""Similarity by meaning: exact inner products over just the candidates, computed by FAISS.

A flat index beats every approximate one here: within a scope of 1,000 memories the exact answer takes 0.1 ms whatever
the store holds besides, where a filtered HNSW finds 2 to 10 % of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

Matrix = NDArray[np.float32]

# Rounding to half precision moves each component by at most 2^-11 of itself, so the inner product of unit vectors by
# at most 2^-11; twice that leaves room for the smallest numbers and for the order of the sum.
_HALF_ERROR = 2.0**-10

_DENSE_SHARE = 0.25  # from here on one sequential pass over everything is faster than picking rows


class Vectors(Protocol):
    """Unit vectors by position."""

    dimensions: int

    def __len__(self) -> int:
        """Return the number of positions."""
        ...

    def append(self, vectors: Matrix) -> None:
        """Add vectors, shape `(n, dimensions)`, at the next n positions."""
        ...

    def replace(self, position: int, vector: Matrix) -> None:
        """Put another vector at `position`."""
        ...

    def scores(self, query: Matrix, positions: NDArray[np.int64]) -> Matrix:
        """Return the inner product of `query` with the vector at each of `positions`, shape `(len(positions),)`."""
        ...

    def head(self, query: Matrix, count: int) -> tuple[NDArray[np.int64], float]:
        """Return about the `count` positions nearest to `query`, and a number no other's inner product exceeds."""
        ...

    def matrix(self) -> Matrix:
        """Return all vectors, shape `(n, dimensions)`; valid until the next `append`."""
        ...

    def new_empty(self) -> Self:
        """Return a new, empty one of the same kind."""
        ...


class FaissVectors:
    """`Vectors` in a FAISS flat inner-product index."""

    def __init__(self, dimensions: int) -> None:
        import faiss  # noqa: PLC0415 - half of the cost of starting up, paid at the first search

        self.dimensions = dimensions
        self._faiss: Any = faiss  # its kernels are not in its type stubs
        self._index = faiss.IndexFlatIP(dimensions)
        self._half: Any = None  # the same vectors in half precision, made when `head` is first asked for

    def __len__(self) -> int:
        """Return the number of positions."""
        return int(self._index.ntotal)

    def append(self, vectors: Matrix) -> None:
        """Add vectors, shape `(n, dimensions)`, at the next n positions."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._index.add(vectors)
        if self._half is not None:
            self._half.add(vectors)

    def replace(self, position: int, vector: Matrix) -> None:
        """Put another vector at `position`."""
        self.matrix()[position] = vector
        self._half = None

    def head(self, query: Matrix, count: int) -> tuple[NDArray[np.int64], float]:
        """Return about the `count` positions nearest to `query`, and a number no other's inner product exceeds."""
        if self._half is None:
            self._half = self._faiss.IndexScalarQuantizer(
                self.dimensions, self._faiss.ScalarQuantizer.QT_fp16, self._faiss.METRIC_INNER_PRODUCT
            )
            self._half.add(self.matrix())
        with _one_thread(self._faiss):
            rough, positions = self._half.search(np.ascontiguousarray(query[np.newaxis], dtype=np.float32), count)
        return positions[0], float(rough[0, -1]) + _HALF_ERROR

    def scores(self, query: Matrix, positions: NDArray[np.int64]) -> Matrix:
        """Return the inner product of `query` with the vector at each of `positions`."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        if len(positions) > _DENSE_SHARE * len(self):
            every = self._all_scores(query)
            return every if len(positions) == len(self) else every[positions]
        return self._some_scores(query, np.ascontiguousarray(positions, dtype=np.int64))

    def matrix(self) -> Matrix:
        """Return all vectors, a view into the index."""
        if not len(self):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        flat = self._faiss.rev_swig_ptr(self._index.get_xb(), len(self) * self.dimensions)
        return np.asarray(flat).reshape(len(self), self.dimensions)

    def new_empty(self) -> FaissVectors:
        """Return a new, empty one."""
        return FaissVectors(self.dimensions)

    def _all_scores(self, query: Matrix) -> Matrix:
        scores = np.empty(len(self), dtype=np.float32)
        pointer = self._faiss.swig_ptr
        self._faiss.fvec_inner_products_ny(
            pointer(scores), pointer(query), self._index.get_xb(), self.dimensions, len(self)
        )
        return scores

    def _some_scores(self, query: Matrix, positions: NDArray[np.int64]) -> Matrix:
        scores = np.empty(len(positions), dtype=np.float32)
        if len(positions):
            pointer = self._faiss.swig_ptr
            with _one_thread(self._faiss):
                self._faiss.fvec_inner_products_by_idx(
                    pointer(scores),
                    pointer(query),
                    self._index.get_xb(),
                    pointer(positions),
                    self.dimensions,
                    1,
                    len(positions),
                )
        return scores


@contextlib.contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    """Keep OpenMP's threads out of it.

    For one query they have nothing to do but wait for each other (1,000 of 100,000 rows on busy cores: 7 ms with
    them, 0.08 ms without), and in the child of a fork they are gone and would be waited for without end.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def vector_index(dimensions: int) -> Vectors:
    """Return the default `Vectors`."""
    return FaissVectors(dimensions)


class ExactVectors:
    """`Vectors` in one array, copied at every append: slow, and too simple to be wrong."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._matrix: Matrix = np.zeros((0, dimensions), dtype=np.float32)

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self._matrix)

    def append(self, vectors: Matrix) -> None:
        """Add vectors, shape `(n, dimensions)`, at the next n positions."""
        self._matrix = np.concatenate([self._matrix, vectors])

    def replace(self, position: int, vector: Matrix) -> None:
        """Put another vector at `position`."""
        self._matrix[position] = vector

    def scores(self, query: Matrix, positions: NDArray[np.int64]) -> Matrix:
        """Return the inner product of `query` with the vector at each of `positions`."""
        return self._matrix[positions] @ query

    def head(self, query: Matrix, count: int) -> tuple[NDArray[np.int64], float]:
        """Return the `count` positions nearest to `query`, and the inner product of the last of them."""
        scores = self._matrix @ query
        positions = np.argsort(-scores)[:count]
        return positions, float(scores[positions[-1]])

    def matrix(self) -> Matrix:
        """Return all vectors."""
        return self._matrix

    def new_empty(self) -> ExactVectors:
        """Return a new, empty one."""
        return ExactVectors(self.dimensions)
