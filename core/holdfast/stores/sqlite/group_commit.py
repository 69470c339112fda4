"""Group commit: writes that arrive together share one transaction, and so its `fsync`.

The first thread to call `flush` carries out everything queued and sets every caller's outcome after the one commit.
Under load, one `fsync` (0.1 to several milliseconds) serves the whole group. A lone writer pays nothing for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from holdfast.stores.protocol import QueuedWrite
from holdfast.stores.sqlite.connections import Connections

Work = Callable[[], Any]


class GroupCommit:
    """A queue of writes in front of the writing connection."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._queue: deque[tuple[Work, QueuedWrite[Any]]] = deque()

    def submit(self, work: Work) -> QueuedWrite[Any]:
        """Queue `work`; its outcome is set by the `flush` that commits it."""
        queued: QueuedWrite[Any] = QueuedWrite()
        self._queue.append((work, queued))
        return queued

    def flush(self) -> bool:
        """Carry out and commit what is queued; return whether there was anything.

        A thread whose write another thread has taken waits here for the lock, and so for the commit.
        """
        with self._connections.write_lock:
            group = self._drain()
            if group:
                self._commit(group)
            return bool(group)

    def forget(self) -> None:
        """Drop what is queued: in the child of a fork it belongs to the parent's threads."""
        self._queue.clear()

    def _drain(self) -> list[tuple[Work, QueuedWrite[Any]]]:
        group = []
        while self._queue:
            group.append(self._queue.popleft())
        return group

    def _commit(self, group: list[tuple[Work, QueuedWrite[Any]]]) -> None:
        try:
            self._connections.require_open()  # another thread may have closed the store since these were queued
            outcomes = self._run_group([work for work, _ in group])
        except BaseException as error:  # noqa: BLE001 - every caller of the group gets it
            outcomes = [(None, error)] * len(group)
        for (_, queued), (result, failure) in zip(group, outcomes, strict=True):
            queued.value = result
            queued.failure = None if failure is None else self._connections.translate(failure)
            queued.is_done = True

    def _run_group(self, works: list[Work]) -> list[tuple[Any, BaseException | None]]:
        connection = self._connections.writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._run(work, alone=len(works) == 1) for work in works]
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _run(self, work: Work, *, alone: bool) -> tuple[Any, BaseException | None]:
        """Run one call so that it leaves all of its writes or none.

        A savepoint undoes a failed call without the others; a lone call needs none, as the transaction is its own.
        """
        connection = self._connections.writer
        if not alone:
            connection.execute("SAVEPOINT call")
        try:
            result = work()
        except BaseException as error:
            if not connection.in_transaction:
                raise  # SQLite has rolled back the whole transaction, as it does on a full disk
            connection.execute("ROLLBACK" if alone else "ROLLBACK TO call")
            if not alone:
                connection.execute("RELEASE call")
            return None, error
        if not alone:
            connection.execute("RELEASE call")
        return result, None
