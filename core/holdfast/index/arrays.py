"""An array that grows at its end without being copied each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", bound=np.generic)


class GrowableArray(Generic[Item]):
    """A one-dimensional array with room at its end; appending costs constant time on average."""

    def __init__(self, dtype: type[Item]) -> None:
        self._room: NDArray[Item] = np.zeros(64, dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        """Return the number of items."""
        return self._size

    @property
    def view(self) -> NDArray[Item]:
        """The items, writable in place; valid until the next `extend`."""
        return self._room[: self._size]

    def at(self, places: NDArray[np.int64]) -> NDArray[Item]:
        """Return the items at `places`, distinct and ascending; without copying when those are all."""
        return self.view if len(places) == self._size else self.view[places]

    def extend(self, items: NDArray[Item] | Sequence[Any]) -> None:
        """Append `items`."""
        size = self._size + len(items)
        if size > len(self._room):
            room = np.zeros(max(size, 2 * len(self._room)), dtype=self._room.dtype)
            room[: self._size] = self.view
            self._room = room
        self._room[self._size : size] = items
        self._size = size
