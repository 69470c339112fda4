"""Which positions have an id: one ascending list for each user, agent, run and app."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.index.protocol import Positions
from holdfast.scope import SCOPE_FIELDS, Scope

_EMPTY: array[int] = array("q")


class ScopePositions:
    """The posting lists of the scope ids, kept as memories arrive, so that no query scans the whole store.

    >>> scopes = ScopePositions()
    >>> scopes.extend([Scope(user_id="ana"), Scope(user_id="ben"), Scope(user_id="ana", run_id="1")], start=0)
    >>> scopes.find({"user_id": "ana"}).tolist(), scopes.find({"user_id": "ana", "run_id": "1"}).tolist()
    ([0, 2], [2])
    """

    def __init__(self) -> None:
        # An array takes 8 bytes a position, a list of integers 40; and NumPy reads its memory without a copy.
        self._lists: dict[str, dict[str, array[int]]] = {field: {} for field in SCOPE_FIELDS}

    def extend(self, scopes: Sequence[Scope], *, start: int) -> None:
        """Add the scopes of the positions from `start` on."""
        lists_by_scope: dict[Scope, list[array[int]]] = {}
        for position, scope in enumerate(scopes, start):
            lists = lists_by_scope.get(scope)
            if lists is None:
                lists = lists_by_scope[scope] = [self._list(field, value) for field, value in scope.ids().items()]
            for positions in lists:
                positions.append(position)

    def append(self, field: str, value: str, positions: Positions) -> None:
        """Add positions, all larger than those present, that have one id."""
        self._list(field, value).frombytes(positions.astype(np.int64).tobytes())

    def find(self, ids: Mapping[str, str]) -> Positions:
        """Return the positions that have all of `ids` (at least one); an id nobody has gives none."""
        lists = sorted((self._lists[field].get(value, _EMPTY) for field, value in ids.items()), key=len)
        positions = np.array(lists[0], dtype=np.int64)
        for longer in lists[1:]:
            positions = _intersect(positions, np.frombuffer(longer, dtype=np.int64))
        return positions

    def lists(self, field: str) -> Iterator[tuple[str, Positions]]:
        """Yield each id of `field` with the positions that have it."""
        for value, positions in self._lists[field].items():
            yield value, np.array(positions, dtype=np.int64)

    def keep(self, positions: Positions, *, count: int) -> None:
        """Drop all positions but `positions` (ascending), and number those from 0.

        Args:
            positions: The positions to keep.
            count: How many positions there were.
        """
        places = np.full(count, -1, dtype=np.int64)
        places[positions] = np.arange(len(positions))
        for field in SCOPE_FIELDS:
            kept = [(value, places[old]) for value, old in self.lists(field)]
            self._lists[field] = {}
            for value, new in kept:
                if (remaining := new[new >= 0]).size:
                    self.append(field, value, remaining)

    def _list(self, field: str, value: str) -> array[int]:
        return self._lists[field].setdefault(value, array("q"))


def _intersect(shorter: NDArray[np.int64], longer: NDArray[np.int64]) -> Positions:
    if not len(shorter):
        return shorter
    places = np.minimum(np.searchsorted(longer, shorter), len(longer) - 1)
    common: Positions = shorter[longer[places] == shorter]
    return common
