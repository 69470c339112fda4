"""Which positions carry an id: one ascending list for each user, agent, run and app."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.scope import SCOPE_FIELDS, Scope

_NOBODY: array[int] = array("q")


class ScopePositions:
    """The posting lists of the scope ids, kept as memories arrive, so that no query looks at all of them."""

    def __init__(self) -> None:
        self._lists: dict[str, dict[str, array[int]]] = {field: {} for field in SCOPE_FIELDS}

    def extend(self, scopes: Sequence[Scope], *, start: int) -> None:
        """Take in the scopes of the positions from `start` on."""
        known: dict[Scope, list[array[int]]] = {}
        for position, scope in enumerate(scopes, start):
            lists = known.get(scope)
            if lists is None:
                lists = known[scope] = [self._list(field, value) for field, value in scope.ids().items()]
            for positions in lists:
                positions.append(position)

    def append(self, field: str, value: str, positions: NDArray[np.int64]) -> None:
        """Take in positions, ascending and behind all that are known, that carry one id."""
        self._list(field, value).frombytes(positions.astype(np.int64).tobytes())

    def with_ids(self, ids: Mapping[str, str]) -> NDArray[np.int64]:
        """Return the positions that carry all of `ids` (at least one), ascending; absent ids match nothing."""
        lists = sorted((self._lists[field].get(value, _NOBODY) for field, value in ids.items()), key=len)
        positions = np.array(lists[0], dtype=np.int64)
        for longer in lists[1:]:
            positions = _common(positions, np.frombuffer(longer, dtype=np.int64))
        return positions

    def lists(self, field: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Yield each id of `field` with the positions that carry it."""
        for value, positions in self._lists[field].items():
            yield value, np.array(positions, dtype=np.int64)

    def _list(self, field: str, value: str) -> array[int]:
        return self._lists[field].setdefault(value, array("q"))


def _common(shorter: NDArray[np.int64], longer: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(shorter):
        return shorter
    places = np.minimum(np.searchsorted(longer, shorter), len(longer) - 1)
    common: NDArray[np.int64] = shorter[longer[places] == shorter]
    return common
