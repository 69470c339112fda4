"""Group commit: writes that arrive together share one transaction, and so its `fsync`.

The first thread to call `flush` carries out everything queued and sets every caller's outcome after the one commit.
Under load, one `fsync` (0.1 to several milliseconds) serves the whole group. A lone writer pays nothing for it.

Ctrl-C may stop that thread between any two steps, and is meant for that thread alone. So a group stays where the next
step finds it until all its outcomes are set: `_carry_out` rolls back and repeats a transaction that was not committed,
and of one that was committed it sets the outcomes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import StorageError
from holdfast.stores.protocol import QueuedWrite
from holdfast.stores.sqlite.connections import Connections
from holdfast.stores.sqlite.disk.file import is_disk_full

Work = Callable[[], Any]
Outcome = tuple[Any, BaseException | None]


@dataclass(eq=False, slots=True)
class _Write:
    """A queued call.

    Attributes:
        thread: The thread that queued it.
        interrupt: What stopped it in another thread. If it is stopped in the same way again, it does so itself.
    """

    work: Work
    queued: QueuedWrite[Any] = field(default_factory=QueuedWrite)
    thread: int = field(default_factory=threading.get_ident)
    interrupt: BaseException | None = None


@dataclass(eq=False, slots=True)
class _Group:
    """The writes of one transaction.

    Attributes:
        outcomes: One for each write when all have run.
        commits: Not empty when the transaction is committed.
    """

    writes: list[_Write]
    outcomes: list[Outcome] = field(default_factory=list)
    commits: list[Any] = field(default_factory=list)


class GroupCommit:
    """A queue of writes in front of the writing connection.

    Attributes:
        begun: How many transactions were begun. Counted before the commit, so that who reads the number first and the
            store second misses nothing.
    """

    def __init__(self, connections: Connections) -> None:
        self.begun = 0
        self._connections = connections
        self._queue: deque[_Write] = deque()
        self._group: _Group | None = None

    def submit(self, work: Work) -> QueuedWrite[Any]:
        """Queue `work`; its outcome is set by the `flush` that commits it."""
        write = _Write(work)
        self._queue.append(write)
        return write.queued

    def flush(self) -> None:
        """Carry out and commit what is queued.

        A thread whose write another thread has taken waits here for the lock, and so for the commit. An interrupt of
        this thread, such as Ctrl-C, is raised when the writes of the other threads are carried out; its own are given
        up unless they are committed.
        """
        with self._connections.write_lock:
            try:
                self._carry_out()
            except BaseException as interrupt:
                stopped = [write for write in self._queue.copy() if write.interrupt is interrupt]
                self._recover()
                self.withdraw()
                self._carry_out()
                if not any(type(write.queued.failure) is type(interrupt) for write in stopped):
                    raise

    def withdraw(self) -> None:
        """Give up the writes of this thread that are not carried out: it waits for them no more."""
        path, me = self._connections.path, threading.get_ident()
        for write in self._queue.copy():
            if write.thread == me and not write.queued.is_done:
                failure = StorageError(f"{path}: the write was interrupted, nothing of it was written: call again")
                self._answer(write.queued, None, failure)

    def forget(self) -> None:
        """Drop what is queued: in the child of a fork it belongs to the parent's threads."""
        self._queue.clear()
        self._group = None

    def _recover(self) -> None:
        """Bring to its end the group that an interrupt has stopped: set its outcomes if it was committed."""
        if self._group is not None and self._group.commits:
            self._settle(self._group)
        self._group = None
        self._roll_back()

    def _carry_out(self) -> None:
        if self._group is not None:
            self._recover()
        # A write stays in the queue until its outcome is set, so that an interrupt loses none.
        writes = [write for write in self._queue.copy() if not write.queued.is_done]
        if writes:
            self._group = _Group(writes)
            self._run_or_fail(self._group)
            self._settle(self._group)
        while self._queue and self._queue[0].queued.is_done:
            self._queue.popleft()

    def _settle(self, group: _Group) -> None:
        for write, (result, failure) in zip(group.writes, group.outcomes, strict=True):
            self._answer(write.queued, result, failure)
        self._group = None

    def _answer(self, queued: QueuedWrite[Any], result: Any, failure: BaseException | None) -> None:
        queued.value = result
        queued.failure = None if failure is None else self._connections.translate(failure)
        queued.is_done = True

    def _run_or_fail(self, group: _Group) -> None:
        self._connections.deletes = False
        self._try_to_run(group)
        is_full = any(failure is not None and is_disk_full(failure) for _, failure in group.outcomes)
        if is_full and self._connections.deletes and not group.commits:
            self._connections.make_room()
            self._try_to_run(group)

    def _try_to_run(self, group: _Group) -> None:
        try:
            self._connections.require_open()  # another thread may have closed the store since these were queued
            self._connections.require_same_file()
            self._run(group)
        except Exception as error:  # noqa: BLE001 - every caller of the group gets it
            group.outcomes = [(None, error)] * len(group.writes)

    def _run(self, group: _Group) -> None:
        connection = self._connections.writer
        self.begun += 1
        try:
            connection.execute("BEGIN IMMEDIATE")
            group.outcomes = [self._run_one(write, alone=len(group.writes) == 1) for write in group.writes]
            # One call commits and takes note, so that no interrupt comes in between.
            group.commits.extend(map(connection.execute, ["COMMIT"] if connection.in_transaction else []))
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if not self._connections.is_closed and self._connections.writer.in_transaction:
            self._connections.writer.execute("ROLLBACK")

    def _run_one(self, write: _Write, *, alone: bool) -> Outcome:
        """Run one call so that it leaves all of its writes or none.

        A savepoint undoes a failed call without the others; a lone call needs none, as the transaction is its own.
        """
        connection = self._connections.writer
        if not alone:
            connection.execute("SAVEPOINT call")
        try:
            result = write.work()
        except BaseException as error:
            if not connection.in_transaction:
                raise  # SQLite has rolled back the whole transaction, as it does on a full disk
            if _is_interrupt(error) and write.thread != threading.get_ident() and write.interrupt is None:
                write.interrupt = error
                raise
            connection.execute("ROLLBACK" if alone else "ROLLBACK TO call")
            if not alone:
                connection.execute("RELEASE call")
            return None, error
        if not alone:
            connection.execute("RELEASE call")
        return result, None


def _is_interrupt(error: BaseException) -> bool:
    return not isinstance(error, Exception)
