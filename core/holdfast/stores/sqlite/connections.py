"""The two SQLite connections of an open store: how they are opened, used, closed and carried over a fork."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from holdfast.errors import HoldfastError, StorageError
from holdfast.filters import SQL_FUNCTIONS
from holdfast.stores.sqlite.disk.file import (
    IN_MEMORY,
    LOG_LIMIT,
    Synchronous,
    advice_for,
    configure,
    empty_log,
    limit_pages_of_log,
    prepare_file,
)
from holdfast.stores.sqlite.disk.new_file import BUSY_TIMEOUT
from holdfast.stores.sqlite.disk.old_log import beside
from holdfast.stores.sqlite.disk.reserve import Reserve
from holdfast.stores.sqlite.schema import migrate

_SECONDS_BETWEEN_LOG_CHECKS = 0.5

T = TypeVar("T")

# SQLite quotes the damaged bytes in some of its errors, and Python fails to decode those as text.
_FAILURES = (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError)


class Connections:
    """One connection that writes and one that reads, so that no search waits for a write's `fsync`.

    An in-memory database exists for one connection only: there, both are the same.

    Args:
        path: The file, or `":memory:"`.
        synchronous: See `SqliteStore`.

    Attributes:
        writer: In autocommit mode; used under `write_lock`.
        reader: The same; used under `read_lock`.
        openings: How often the connections were opened: once, and once more after each fork.
        is_closed: Whether `close` was called.
        deletes: Whether the present transaction deletes something, so that it may use the reserve of the disk.
        before_reopening_in_child: Called in the child of a fork before it opens its own connections.
        index_lock: See `Store`.
    """

    writer: sqlite3.Connection
    reader: sqlite3.Connection

    def __init__(self, path: str, *, synchronous: Synchronous) -> None:
        self.path = path
        self.openings = 0
        self.is_closed = False
        self.deletes = False
        self.before_reopening_in_child: Callable[[], None] = lambda: None
        self.index_lock = threading.RLock()
        self.write_lock = threading.RLock()
        self._synchronous = synchronous
        self._address = IN_MEMORY
        self._file = Path(os.path.realpath(path))
        self._log = beside(self._file, "-wal")
        self._next_log_check = 0.0
        self._reserve = Reserve(self._log.parent)
        self.read_lock = self.write_lock if path == IN_MEMORY else threading.RLock()
        with self._translated_errors():
            if path != IN_MEMORY:
                prepare_file(Path(path))
                # Not created by SQLite, which would give a new file any mode; and the same after a change of folder.
                self._address = f"{Path(path).absolute().as_uri()}?mode=rw"
            self._open()
        _open_connections.add(self)

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query.

        The same as `read` for one statement, without a further call: the shortest searches take only 100 µs.
        """
        self.require_open()
        try:
            with self.read_lock:
                return self.reader.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise self.translate(error) from error

    def read(self, task: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `task` reads with the reading connection; its failures are raised as `StorageError`.

        A task and no context manager: Ctrl-C may stop the code of `__exit__` before it releases anything, but neither
        `with` on a lock nor on a connection, which are written in C.
        """
        self.require_open()
        try:
            with self.read_lock:
                return task(self.reader)
        except _FAILURES as error:
            raise self.translate(error) from error

    def stream(self, task: Callable[[sqlite3.Connection], Iterator[T]]) -> Iterator[T]:
        """Yield what `task` yields, all of one state of the store; other threads do not read meanwhile."""
        self.require_open()
        try:
            with self.read_lock:
                if self.reader.in_transaction:  # which gives one state already
                    yield from task(self.reader)
                    return
                with self.reader:
                    self.reader.execute("BEGIN")
                    yield from task(self.reader)
        except _FAILURES as error:
            raise self.translate(error) from error

    def vacuum(self) -> None:
        """Write the file anew, without unused pages."""
        self.require_open()
        with self._translated_errors(), self.write_lock:
            self.writer.execute("VACUUM")

    def require_open(self) -> None:
        """Raise a `StorageError` if the store is closed."""
        if self.is_closed:
            raise self._closed()

    def require_same_file(self) -> None:
        """Raise a `StorageError` if the file is no longer at its path: what is written to it, no one would find."""
        if self.path != IN_MEMORY and _identity(self._file) != self._opened_file:
            raise StorageError(
                f"{self.path} was moved, deleted or replaced while it was open: nothing was written, open it again"
            )

    def translate(self, error: BaseException) -> BaseException:
        """Return the `StorageError` to raise for a failure of SQLite; any other error as it is."""
        if isinstance(error, HoldfastError) or not isinstance(error, _FAILURES):
            return error
        was_closed = self.is_closed and isinstance(error, sqlite3.ProgrammingError)
        translated = self._closed() if was_closed else StorageError(f"{self.path}: {error}. {advice_for(error)}")
        translated.__cause__ = error
        return translated

    def limit_log(self) -> None:
        """Cut the log if it is too large and nobody needs it, and fill the reserve; once in a while, and never waiting.

        A reader that another program keeps open lets the log grow without end. SQLite reuses the space after the
        reader has ended, but gives none of it back before the next writes.
        """
        now = time.monotonic()
        if now >= self._next_log_check:
            self._next_log_check = now + _SECONDS_BETWEEN_LOG_CHECKS
            self._keep_disk_in_order()

    def note_deletion(self) -> None:
        """Take note that the present transaction deletes something."""
        self.deletes = True

    def make_room(self) -> None:
        """Give a deletion all the space that can be given back to a full disk: the reserve, and that of the log."""
        self._reserve.release()
        with contextlib.suppress(sqlite3.Error):  # the deletion then says what is missing
            empty_log(self.writer)

    def _closed(self) -> StorageError:
        return StorageError(f"the memory at {self.path} is closed: open it again")

    def close(self) -> None:
        """Close both connections for good."""
        self.is_closed = True
        _open_connections.discard(self)
        with self._translated_errors(), self.write_lock, self.read_lock:
            self._reserve.release()
            self._keep_disk_in_order()  # if others keep the file open; the last to close removes the log
            self._close()

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            raise self.translate(error) from error

    def _keep_disk_in_order(self) -> None:
        is_large = _size_of(self._log) > LOG_LIMIT
        if self.path == IN_MEMORY or not (is_large or self._reserve.is_empty):
            return
        taken: list[bool] = []
        try:
            # One call takes the lock and notes it, so that Ctrl-C comes before both or after both.
            taken.extend(map(self.write_lock.acquire, [False]))
            # A failure loses nothing: everything in the log is durable where it is. Another thread may have closed it.
            with contextlib.suppress(sqlite3.Error):
                if any(taken) and not self.writer.in_transaction:
                    if is_large:
                        empty_log(self.writer)
                    self._fill_reserve()
        finally:
            if any(taken):
                self.write_lock.release()

    def _fill_reserve(self) -> None:
        if self.path != IN_MEMORY and not self.is_closed:
            self._reserve.fill()
            # What the log adds to the file must fit into the reserve, so that on a full disk the log can be emptied.
            limit_pages_of_log(self.writer, self._reserve.size)

    def _open(self) -> None:
        self.openings += 1
        self._opened_file = _identity(self._file)
        self.writer = self._new_connection()
        self.reader = self.writer if self.path == IN_MEMORY else self._new_connection()
        self._fill_reserve()

    def _close(self) -> None:
        self.reader.close()
        self.writer.close()

    def _new_connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._address,
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # autocommit: `BEGIN` and `COMMIT` are ours
            check_same_thread=False,  # the locks see to that
            cached_statements=256,  # the default 128 would compile some again: filters make many different ones
        )
        try:
            configure(connection, self._synchronous)
            migrate(connection, name=self.path)
        except BaseException:
            connection.close()
            raise
        for name, (arguments, function) in SQL_FUNCTIONS.items():
            connection.create_function(name, arguments, function, deterministic=True)
        return connection

    # A SQLite connection must not cross a fork: the child would hold none of the file locks it believes it has, and
    # when the parent closes, it removes the log under the child, with every write the child has acknowledged. So a
    # fork waits for the calls in progress, closes the connections, and both sides open their own.

    def before_fork(self) -> None:
        """Wait for the calls in progress, keep others out and close the connections."""
        self.index_lock.acquire()
        self.write_lock.acquire()
        self.read_lock.acquire()
        if self.path != IN_MEMORY and not self.is_closed:
            self._close()

    def after_fork(self, *, in_child: bool) -> None:
        """Open new connections and let others in. In the child, an in-memory store is closed: it is the parent's."""
        try:
            if in_child:
                self._reserve.forget()
                self.before_reopening_in_child()
                self.is_closed |= self.path == IN_MEMORY
            if self.path != IN_MEMORY and not self.is_closed:
                self._open()
        finally:
            self.read_lock.release()
            self.write_lock.release()
            self.index_lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - every write passes here, and `Path.stat` takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


_open_connections: weakref.WeakSet[Connections] = weakref.WeakSet()
_forking: list[Connections] = []  # from before a fork to after it, so that both see the same ones


def _before_fork() -> None:
    _forking[:] = _open_connections
    for connections in _forking:
        connections.before_fork()


def _after_fork(*, in_child: bool) -> None:
    for connections in _forking:
        connections.after_fork(in_child=in_child)
    _forking.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=functools.partial(_after_fork, in_child=False),
        after_in_child=functools.partial(_after_fork, in_child=True),
    )
