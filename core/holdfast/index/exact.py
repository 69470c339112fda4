"""`Vectors` in plain NumPy: what FAISS must agree with, number for number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.index.vectors import Matrix


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

    def emptied(self) -> ExactVectors:
        """Return a new, empty one."""
        return ExactVectors(self.dimensions)
