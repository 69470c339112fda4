"""Cosine similarity: exact inner products over just the candidates, computed by FAISS.

A flat index beats every approximate one here. Within a scope of 1,000 memories the exact answer takes 0.1 ms however
many memories the store holds, while a filtered HNSW graph finds 2 to 10 % of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from typing_extensions import override

from holdfast.index.protocol import Matrix, Positions, Vectors

# Rounding to half precision changes each component by at most 2^-11 of itself, so the inner product of two unit
# vectors by at most 2^-11. Twice that covers subnormal numbers and the order of summation.
_HALF_PRECISION_ERROR = 2.0**-10

# Picking rows in random order misses the cache; from a quarter of all rows on, one sequential pass is faster
# (100,000 rows of 384: 6 ms).
_SCAN_FROM_SHARE = 0.25


class FaissVectors(Vectors):
    """Vectors in a FAISS flat inner-product index.

    `IndexFlatIP` stores plain rows, so FAISS's kernels and NumPy share its memory: nothing is kept twice, and the
    inner product of unit vectors is the cosine.

    >>> vectors = FaissVectors(2)
    >>> vectors.append(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    >>> vectors.cosines(np.array([0.6, 0.8], dtype=np.float32), np.array([1])).round(2).tolist()
    [0.8...]
    """

    def __init__(self, dimensions: int) -> None:
        import faiss  # noqa: PLC0415 - half of the start-up time, paid by the first search

        self.dimensions = dimensions
        self._faiss: Any = faiss  # its kernels are missing from its type stubs
        self._index = faiss.IndexFlatIP(dimensions)
        self._half_precision: Any = None  # a second copy of the vectors, made when `find_nearest` is first called

    @override
    def __len__(self) -> int:
        return int(self._index.ntotal)

    @override
    def append(self, vectors: Matrix) -> None:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._index.add(vectors)
        if self._half_precision is not None:
            self._half_precision.add(vectors)

    @override
    def replace(self, position: int, vector: Matrix) -> None:
        self.matrix()[position] = vector
        self._half_precision = None  # FAISS cannot replace one of its rows

    @override
    def cosines(self, query: Matrix, positions: Positions) -> Matrix:
        query = np.ascontiguousarray(query, dtype=np.float32)
        total = len(self)
        if len(positions) > _SCAN_FROM_SHARE * total:
            every = self._cosines_of_all(query, total)
            return every if len(positions) == total else every[positions]
        return self._cosines_of_some(query, np.ascontiguousarray(positions, dtype=np.int64))

    @override
    def find_nearest(self, query: Matrix, count: int) -> tuple[Positions, float]:
        """Search a copy in half precision, and raise the bound by its rounding error.

        Memory bandwidth limits a full scan, so half the bytes take half the time: 2.9 ms instead of 5 to 6.6 for
        100,000 vectors of 384, 29 instead of 44 to 59 for a million.
        """
        if self._half_precision is None:
            self._half_precision = self._faiss.IndexScalarQuantizer(
                self.dimensions, self._faiss.ScalarQuantizer.QT_fp16, self._faiss.METRIC_INNER_PRODUCT
            )
            self._half_precision.add(self.matrix())
        with _one_thread(self._faiss):
            rounded, positions = self._half_precision.search(
                np.ascontiguousarray(query[np.newaxis], dtype=np.float32), count
            )
        return positions[0], float(rounded[0, -1]) + _HALF_PRECISION_ERROR

    @override
    def matrix(self) -> Matrix:
        """Return all vectors, a view into FAISS's own memory (`get_xb` is the address of its first float)."""
        if not len(self):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        floats = self._faiss.rev_swig_ptr(self._index.get_xb(), len(self) * self.dimensions)
        return np.asarray(floats).reshape(len(self), self.dimensions)

    @override
    def new_empty(self) -> FaissVectors:
        return FaissVectors(self.dimensions)

    # FAISS's kernels take C pointers, which `swig_ptr` makes of NumPy arrays. They check neither type nor length, so
    # `cosines` passes contiguous arrays of exactly the types they expect.

    def _cosines_of_all(self, query: Matrix, total: int) -> Matrix:
        cosines = np.empty(total, dtype=np.float32)
        pointer = self._faiss.swig_ptr
        self._faiss.fvec_inner_products_ny(
            pointer(cosines), pointer(query), self._index.get_xb(), self.dimensions, total
        )
        return cosines

    def _cosines_of_some(self, query: Matrix, positions: Positions) -> Matrix:
        # The kernel reads the rows in place; NumPy would first copy them out, which takes 2 to 5 times as long.
        cosines = np.empty(len(positions), dtype=np.float32)
        if len(positions):
            pointer = self._faiss.swig_ptr
            with _one_thread(self._faiss):
                self._faiss.fvec_inner_products_by_idx(
                    pointer(cosines),
                    pointer(query),
                    self._index.get_xb(),
                    pointer(positions),
                    self.dimensions,
                    1,
                    len(positions),
                )
        return cosines


class ExactVectors(Vectors):
    """Vectors in one NumPy array that is copied at every `append`: slow, but simple enough to test the other against.

    >>> vectors = ExactVectors(2)
    >>> vectors.append(np.eye(2, dtype=np.float32))
    >>> vectors.find_nearest(np.array([0.6, 0.8], dtype=np.float32), 1)[0].tolist()
    [1]
    """

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._matrix: Matrix = np.zeros((0, dimensions), dtype=np.float32)

    @override
    def __len__(self) -> int:
        return len(self._matrix)

    @override
    def append(self, vectors: Matrix) -> None:
        self._matrix = np.concatenate([self._matrix, vectors])

    @override
    def replace(self, position: int, vector: Matrix) -> None:
        self._matrix[position] = vector

    @override
    def cosines(self, query: Matrix, positions: Positions) -> Matrix:
        return self._matrix[positions] @ query

    @override
    def find_nearest(self, query: Matrix, count: int) -> tuple[Positions, float]:
        cosines = self._matrix @ query
        positions = np.argsort(-cosines)[:count]
        return positions, float(cosines[positions[-1]])

    @override
    def matrix(self) -> Matrix:
        return self._matrix

    @override
    def new_empty(self) -> ExactVectors:
        return ExactVectors(self.dimensions)


@contextlib.contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    """Run FAISS without OpenMP's threads.

    One query gives them nothing to do but wait for each other: on busy cores 1,000 of 100,000 rows take 7 ms with
    them and 0.08 ms without. In the child of a fork they no longer exist, and FAISS would wait for them forever.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
