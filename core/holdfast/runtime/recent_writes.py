"""The memories that this process has written lately.

An add decides on what it has read, and other adds may write before it does. What they have written is here, so that an
add need not ask the file for it: a thousand concurrent adds would read each other's memories half a million times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.records import MemoryRecord
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexEntry

_MOST = 4096  # writes that are remembered


@dataclass(frozen=True, slots=True)
class RecentWrite:
    """One memory as it was inserted or updated.

    Attributes:
        sequence: The number of the store's last change before the call that wrote it.
    """

    sequence: int
    record: MemoryRecord
    entry: IndexEntry


class RecentWrites:
    """What the transactions of this process wrote, by scope; used inside transactions, of which one runs at a time."""

    def __init__(self) -> None:
        self._start = self._end = 0
        self._count = 0
        self._by_id: dict[tuple[str, str], list[RecentWrite]] = {}

    def note(self, before: int, after: int, written: Sequence[tuple[MemoryRecord, IndexEntry]]) -> None:
        """Remember what one call wrote.

        Args:
            before: The number of the store's last change before the call.
            after: Its number after the call.
            written: The memories with their index entries.
        """
        if before != self._end or self._count > _MOST:  # others have written, or a transaction was rolled back
            self._by_id.clear()
            self._start, self._count = before, 0
        self._end = after
        for record, entry in written:
            write = RecentWrite(before, record, entry)
            self._count += 1
            for named in record.scope.ids().items():
                self._by_id.setdefault(named, []).append(write)

    def since(self, sequence: int, scope: Scope, *, last: int) -> list[RecentWrite] | None:
        """Return what was written to `scope` after change `sequence`, `None` when others may have written too.

        Args:
            sequence: The number of a change of the store.
            scope: The memories carry all of its ids.
            last: The number of the store's last change.
        """
        if sequence < self._start or last != self._end:
            return None
        ids = scope.ids()
        writes = min((self._by_id.get(named, []) for named in ids.items()), key=len)
        carried = ids.items()
        return [one for one in writes if one.sequence >= sequence and carried <= one.record.scope.ids().items()]
