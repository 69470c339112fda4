"""An array that grows at its end without being copied each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", bound=np.generic)

_LEAST_CAPACITY = 64


class GrowableArray(Generic[Item]):
    """A one-dimensional array with spare capacity; appending takes amortised constant time.

    Attributes:
        values: The items, writable in place; valid until the next `extend`.

    >>> squares = GrowableArray(np.int64)
    >>> squares.extend([0, 1, 4, 9])
    >>> squares.take(np.array([1, 3])).tolist()
    [1, 9]
    """

    def __init__(self, dtype: type[Item]) -> None:
        self._capacity: NDArray[Item] = np.zeros(_LEAST_CAPACITY, dtype=dtype)
        self.values = self._capacity[:0]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.values)

    def take(self, places: NDArray[np.int64]) -> NDArray[Item]:
        """Return the items at `places` (distinct, ascending); without a copy when `places` are all there are."""
        # A search of the whole store asks for every item. Distinct and ascending, so the count alone proves it.
        values = self.values
        return values if len(places) == len(values) else values[places]

    def keep(self, places: NDArray[np.int64]) -> None:
        """Drop all items but those at `places` (distinct, ascending), and the spare capacity.

        >>> letters = GrowableArray(np.int64)
        >>> letters.extend([0, 1, 4, 9])
        >>> letters.keep(np.array([1, 3]))
        >>> letters.values.tolist()
        [1, 9]
        """
        self.replace_all(self.values[places])

    def replace_all(self, items: NDArray[Item]) -> None:
        """Hold `items` instead, without spare capacity; `items` must not be used by others."""
        self._capacity = items
        self.values = items[:]

    def extend(self, items: NDArray[Item] | Sequence[Any]) -> None:
        """Append `items`."""
        start, end = len(self.values), len(self.values) + len(items)
        if end > len(self._capacity):
            larger = np.zeros(max(end, 2 * len(self._capacity), _LEAST_CAPACITY), dtype=self._capacity.dtype)
            larger[:start] = self.values
            self._capacity = larger
        self._capacity[start:end] = items
        self.values = self._capacity[:end]
