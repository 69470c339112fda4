"""The store in one SQLite file: the truth everything else is derived from."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, NotFound, StorageError
from holdfast.filters import SQL_FUNCTIONS, Filter, to_sql
from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import Damage, Entity, IndexBatch, QueuedWrite, Version
from holdfast.stores.sqlite import reembedding
from holdfast.stores.sqlite.file import BUSY_TIMEOUT, IN_MEMORY, Synchronous, configure, prepare_file, way_out
from holdfast.stores.sqlite.group_commit import GroupCommit
from holdfast.stores.sqlite.integrity import damages_of
from holdfast.stores.sqlite.queries import (
    ALL_ENTRIES,
    CHANGED_ENTRIES,
    HISTORY,
    REMOVED_ROWS,
    RESTART_SINCE,
    consistent_reads,
    index_entries_of,
    select_records,
    source_message_of,
    versions_of,
)
from holdfast.stores.sqlite.rows import (
    COLUMNS,
    from_document,
    from_row,
    scope_key,
    to_json,
)
from holdfast.stores.sqlite.schema import migrate
from holdfast.stores.sqlite.settings import read_setting, settle_settings
from holdfast.stores.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

_ROWS_AT_ONCE = 4096
# SQLite quotes the damaged bytes in some of its errors, and Python fails to read those as text.
_FAILURES = (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError)

_live_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
_over_fork: list[SqliteStore] = []


class SqliteStore:
    """A store in the file `path`, made when it does not exist; `":memory:"` keeps it in memory.

    Args:
        path: The file; missing folders are made.
        synchronous: `"FULL"` survives a power cut after the call has returned, `"NORMAL"` only a crash of the
            process (the last writes before a power cut may be undone, whole).

    Attributes:
        deriving_lock: For whoever keeps an index of this store; a fork waits for it.

    Raises:
        InvalidInput: `path` is a folder.
        SchemaTooNew: The file was written by a newer Holdfast.
        StorageError: The file is damaged, empty, not ours, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, synchronous: Synchronous = "FULL") -> None:
        self.path = str(path)
        self._synchronous = synchronous
        self._closed = False
        self._writes = 0
        self.deriving_lock = threading.RLock()
        self._write_lock = threading.RLock()
        self._read_lock = self._write_lock if self.path == IN_MEMORY else threading.RLock()
        self._commits = GroupCommit(self._write_lock, self._translated)
        with self._reporting():
            if self.path != IN_MEMORY:
                prepare_file(Path(self.path))
            self._connect()
        _live_stores.add(self)

    # Writing

    def write(self, work: Callable[[SqliteTransaction], T]) -> T:
        """Run `work` in one transaction and return its result once that is durable."""
        answer = self.submit(work)
        self.flush()
        return answer.result()

    def submit(self, work: Callable[[SqliteTransaction], T]) -> QueuedWrite[T]:
        """Queue `work` for the next `flush`."""
        self._require_open()
        return self._commits.submit(lambda: work(self._transaction))

    def flush(self) -> None:
        """Commit what is queued."""
        if self._commits.flush():
            self._writes += 1

    # Reading

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        with self._reading() as connection:
            return read_setting(connection, name)

    def change_token(self) -> tuple[int, int]:
        """Return a token that differs after any write by anyone."""
        ((version,),) = self._query("PRAGMA data_version")
        # A connection does not count its own writes, and in memory there is only one.
        return version, self._writes

    def get(self, memory_ids: Sequence[str]) -> dict[str, MemoryRecord]:
        """Return those of the memories that exist, by id."""
        found = self._query(
            f"SELECT {COLUMNS}, checksum FROM memories WHERE id IN (SELECT value FROM json_each(?))",
            [to_json(list(memory_ids))],
        )
        return {record.id: record for record in map(from_row, found)}

    def get_rows(self, rows: Sequence[int]) -> dict[int, MemoryRecord]:
        """Return those of the memories that exist, by row."""
        places = ", ".join("?" * len(rows))
        found = self._query(f"SELECT {COLUMNS}, checksum, row FROM memories WHERE row IN ({places})", list(rows))
        return {values[-1]: from_row(values) for values in found}

    def select(self, matching: Filter, *, limit: int | None = None, offset: int = 0) -> list[MemoryRecord]:
        """Return the memories that match, newest first."""
        with self._reading() as connection:
            return select_records(connection, matching, limit=limit, offset=offset)

    def count(self, matching: Filter) -> int:
        """Return how many memories match."""
        condition, values = to_sql(matching)
        return int(self._query(f"SELECT count(*) FROM memories WHERE {condition}", values)[0][0])

    def find_rows(self, matching: Filter) -> NDArray[np.int64]:
        """Return the rows of the memories that match, ascending."""
        condition, values = to_sql(matching)
        found = self._query(f"SELECT row FROM memories WHERE {condition}", values)
        return np.sort(np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found)))

    def list_versions(self, memory_id: str) -> list[Version]:
        """Return every version of a memory, oldest first; empty when the id was never used."""
        with self._reading() as connection, consistent_reads(connection):
            changes = connection.execute(HISTORY, {"id": memory_id}).fetchall()
            now = connection.execute(f"SELECT {COLUMNS}, checksum FROM memories WHERE id = ?", [memory_id]).fetchone()
        return versions_of(memory_id, changes, from_row(now).text if now else None)

    def get_before_change(self, memory_id: str, number: int) -> MemoryRecord | None:
        """Return the memory as it stood before change `number`; `None` when that change made it."""
        found = self._query("SELECT before FROM changes WHERE sequence = ? AND memory_id = ?", [number, memory_id])
        if not found:
            raise NotFound(f"memory {memory_id} has no version {number}: `history` lists them")
        return from_document(found[0][0]) if found[0][0] else None

    def find_duplicates(self, content_hashes: Sequence[bytes], *, today: str) -> dict[bytes, str]:
        """Return the ids of the memories, not expired by `today`, that have one of `content_hashes`."""
        statement = (
            "SELECT id FROM memories WHERE fingerprint = ? AND (expiration_date IS NULL OR expiration_date >= ?)"
        )
        found = (self._query(statement, [one, today]) for one in content_hashes)
        return {one: rows[0][0] for one, rows in zip(content_hashes, found, strict=True) if rows}

    def list_recent_messages(self, scope: Scope, limit: int) -> list[SourceMessage]:
        """Return the last source messages of exactly this scope, oldest first."""
        found = self._query(
            "SELECT role, content, name, happened_at, checksum, number FROM messages WHERE scope = ?"
            " ORDER BY number DESC LIMIT ?",
            [scope_key(scope), limit],
        )
        return [source_message_of(row) for row in reversed(found)]

    def list_entities(self) -> list[Entity]:
        """Return who has memories, the most recently changed first."""
        each = (
            f"SELECT '{field.removesuffix('_id')}', {field}, count(*), min(created_at), max(updated_at) AS latest"
            f" FROM memories WHERE {field} IS NOT NULL GROUP BY {field}"
            for field in SCOPE_FIELDS
        )
        return [Entity(*row) for row in self._query(" UNION ALL ".join(each) + " ORDER BY latest DESC")]

    def index_batches(self, since: int) -> Iterator[IndexBatch]:
        """Yield in parts what changed after change `since`; one consistent state even while others write."""
        with self._reading() as connection, consistent_reads(connection):
            (sequence,) = connection.execute("SELECT ifnull(max(sequence), 0) FROM changes").fetchone()
            if sequence < since:
                raise StorageError(f"{self.path} is older than its index: it was replaced while it was open")
            restart = bool(connection.execute(RESTART_SINCE, [since]).fetchone())
            whole = restart or not since
            removed = [] if whole else [row for (row,) in connection.execute(REMOVED_ROWS, [since])]
            cursor = connection.execute(ALL_ENTRIES) if whole else connection.execute(CHANGED_ENTRIES, [since])
            with contextlib.closing(cursor):
                while (part := cursor.fetchmany(_ROWS_AT_ONCE)) or restart or removed:
                    yield index_entries_of(part, removed, sequence, restart=restart)
                    restart, removed = False, []

    def get_change_id(self, sequence: int) -> str | None:
        """Return what identifies change `sequence`, so that a copy can tell whether it stems from this history."""
        found = self._query("SELECT memory_id || '/' || recorded_at FROM changes WHERE sequence = ?", [sequence])
        return found[0][0] if found else None

    # Another embedder

    def count_memories_to_embed(self) -> int:
        """Return how many memories have no vector of the embedder to come."""
        with self._reading() as connection:
            return reembedding.count_stale(connection)

    def list_memories_to_embed(self, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
        """Return memories behind row `after` that have no vector of the embedder to come, with their rows."""
        with self._reading() as connection:
            return reembedding.stale_memories(connection, after=after, limit=limit)

    # Upkeep

    def find_damage(self) -> list[Damage]:
        """Read everything and report what does not match its definition, its checksum or its neighbours."""
        with self._reading() as connection:
            return damages_of(connection)

    def repair(self, damages: Sequence[Damage]) -> int:
        """Move damaged memories out of the way, kept for inspection, and make lost indexes anew; return how many."""
        recorded_at = int(time.time() * 1_000_000)
        return self.write(lambda transaction: transaction.repair(damages, recorded_at=recorded_at))

    def restore_settings(self, settings: Mapping[str, Any]) -> int:
        """Put `settings` in the place of damaged ones of those names, `None` to drop one; return how many."""
        return self.write(lambda transaction: settle_settings(transaction.connection, settings))

    def close(self) -> None:
        """Commit what is queued and let go of the file."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        _live_stores.discard(self)
        with self._reporting(), self._write_lock, self._read_lock:
            self._disconnect()

    # Inside

    def _connect(self) -> None:
        self._writes += 1  # a new connection counts the writes of others anew
        self._writer = self._open_connection()
        self._reader = self._writer if self.path == IN_MEMORY else self._open_connection()
        self._transaction = SqliteTransaction(self._writer)
        self._commits.connection = self._writer

    def _disconnect(self) -> None:
        self._reader.close()
        self._writer.close()

    def _open_connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
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

    def _query(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        # As `_reading`, without its cost: the shortest searches take a tenth of a millisecond.
        self._require_open()
        try:
            with self._read_lock:
                return self._reader.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise self._translated(error) from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._require_open()
        with self._reporting(), self._read_lock:
            yield self._reader

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            raise self._translated(error) from error

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, HoldfastError) or not isinstance(error, _FAILURES):
            return error
        translated = StorageError(f"{self.path}: {error}. {way_out(error)}")
        translated.__cause__ = error
        return translated

    def _require_open(self) -> None:
        if self._closed:
            raise StorageError(f"the memory at {self.path} is closed: open it again")

    # A SQLite connection must not cross a fork: the child would hold none of the locks it believes it has, and the
    # parent's close would remove the log under it, with every write the child was told is kept. So a fork waits for
    # the calls under way, finds no connection, and both sides open their own.

    def _before_fork(self) -> None:
        self.deriving_lock.acquire()
        self._write_lock.acquire()
        self._read_lock.acquire()
        if self.path != IN_MEMORY and not self._closed:
            self._disconnect()

    def _after_fork(self, *, in_child: bool) -> None:
        try:
            if in_child:
                self._commits.forget()
                self._closed |= self.path == IN_MEMORY
            if self.path != IN_MEMORY and not self._closed:
                self._connect()
        finally:
            self._read_lock.release()
            self._write_lock.release()
            self.deriving_lock.release()


def _before_fork() -> None:
    _over_fork[:] = _live_stores
    for store in _over_fork:
        store._before_fork()  # noqa: SLF001 - the one place that knows every open store


def _after_fork(*, in_child: bool) -> None:
    for store in _over_fork:
        store._after_fork(in_child=in_child)  # noqa: SLF001
    _over_fork.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=functools.partial(_after_fork, in_child=False),
        after_in_child=functools.partial(_after_fork, in_child=True),
    )
