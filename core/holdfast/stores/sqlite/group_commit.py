"""Group commit: writes that arrive together share one transaction, so they share its `fsync`.

The thread that comes to `flush` first carries out everything queued, each call in a savepoint of its own, and
answers every caller after the one commit. A lone writer pays nothing for it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from holdfast.stores.protocol import QueuedWrite

Work = Callable[[], Any]


class GroupCommit:
    """A queue of writes in front of one connection.

    Args:
        lock: Held while a group is carried out.
        translate: Turns what SQLite raises into what callers see.

    Attributes:
        connection: In autocommit mode; used by one thread at a time, under `lock`.
    """

    connection: sqlite3.Connection

    def __init__(self, lock: threading.RLock, translate: Callable[[BaseException], BaseException]) -> None:
        self._lock = lock
        self._translate = translate
        self._queue: deque[tuple[Work, QueuedWrite[Any]]] = deque()

    def submit(self, work: Work) -> QueuedWrite[Any]:
        """Queue `work`; its result is known when a `flush` has committed it."""
        answer: QueuedWrite[Any] = QueuedWrite()
        self._queue.append((work, answer))
        return answer

    def flush(self) -> bool:
        """Carry out and commit what is queued; return whether there was anything."""
        with self._lock:
            group = self._drain()
            if group:
                self._carry_out(group)
            return bool(group)

    def forget(self) -> None:
        """Drop what is queued: in the child of a fork it belongs to the parent's threads."""
        self._queue.clear()

    def _drain(self) -> list[tuple[Work, QueuedWrite[Any]]]:
        group = []
        while self._queue:
            group.append(self._queue.popleft())
        return group

    def _carry_out(self, group: list[tuple[Work, QueuedWrite[Any]]]) -> None:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(work, alone=len(group) == 1) for work, _ in group]
            if self.connection.in_transaction:
                self.connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - every caller of the group is told
            self._roll_back()
            outcomes = [(None, error)] * len(group)
        for (_, answer), (result, failure) in zip(group, outcomes, strict=True):
            answer.value = result
            answer.failure = None if failure is None else self._translate(failure)
            answer.is_done = True

    def _attempt(self, work: Work, *, alone: bool) -> tuple[Any, BaseException | None]:
        """Run one call so that it leaves all of its writes or none."""
        execute = self.connection.execute
        if not alone:
            execute("SAVEPOINT call")
        try:
            result = work()
        except BaseException as error:
            if not self.connection.in_transaction:
                raise  # SQLite gave up the whole transaction, as it does on a full disk
            execute("ROLLBACK" if alone else "ROLLBACK TO call")
            if not alone:
                execute("RELEASE call")
            return None, error
        if not alone:
            execute("RELEASE call")
        return result, None

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
