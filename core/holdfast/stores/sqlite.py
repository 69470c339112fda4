"""The store in one SQLite file: the truth everything else is derived from."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, InvalidInput, NotFound, StorageError
from holdfast.filters import SQL_FUNCTIONS, Filter, predicate, scope_filter, to_sql
from holdfast.records import Event, MemoryRecord, SourceMessage
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores import Answer, Damage, Entity, Indexed, IndexEntries, Version, reembedding
from holdfast.stores.commit import GroupCommit
from holdfast.stores.inspection import damages_of, move_aside, restore
from holdfast.stores.rows import (
    COLUMNS,
    WIDTH,
    SqlValue,
    checksum,
    damaged,
    from_document,
    from_row,
    record_checksum,
    scope_key,
    to_blobs,
    to_document,
    to_json,
    to_row,
    vector_checksum,
)
from holdfast.stores.schema import migrate
from holdfast.stores.settings import read_setting, settle_settings, write_settings

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL"]

IN_MEMORY = ":memory:"
_REEMBEDDING = "reembedding"  # the setting that names the embedder whose vectors are being kept
_BUSY_TIMEOUT = 60.0
_ROWS_AT_ONCE = 4096
_LEAST_SIZE = 512  # of any database; SQLite takes a file of one byte for a new one
# SQLite quotes the damaged bytes in some of its errors, and Python fails to read those as text.
_FAILURES = (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError)
_PLACES = ", ".join("?" * WIDTH)

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
                _prepare_file(Path(self.path))
            self._connect()
        _live_stores.add(self)

    # Writing

    def write(self, work: Callable[[SqliteTransaction], T]) -> T:
        """Run `work` in one transaction and return its result once that is durable."""
        answer = self.submit(work)
        self.flush()
        return answer.result()

    def submit(self, work: Callable[[SqliteTransaction], T]) -> Answer[T]:
        """Queue `work` for the next `flush`."""
        self._require_open()
        return self._commits.submit(lambda: work(self._transaction))

    def flush(self) -> None:
        """Commit what is queued."""
        if self._commits.flush():
            self._writes += 1

    # Reading

    def setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        with self._reading() as connection:
            return read_setting(connection, name)

    def state(self) -> tuple[int, int]:
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

    def at_rows(self, rows: Sequence[int]) -> dict[int, MemoryRecord]:
        """Return those of the memories that exist, by row."""
        places = ", ".join("?" * len(rows))
        found = self._query(f"SELECT {COLUMNS}, checksum, row FROM memories WHERE row IN ({places})", list(rows))
        return {values[-1]: from_row(values) for values in found}

    def select(self, matching: Filter, *, limit: int | None = None, offset: int = 0) -> list[MemoryRecord]:
        """Return the memories that match, newest first."""
        with self._reading() as connection:
            return _select(connection, matching, limit=limit, offset=offset)

    def count(self, matching: Filter) -> int:
        """Return how many memories match."""
        condition, values = to_sql(matching)
        return int(self._query(f"SELECT count(*) FROM memories WHERE {condition}", values)[0][0])

    def rows(self, matching: Filter) -> NDArray[np.int64]:
        """Return the rows of the memories that match, ascending."""
        condition, values = to_sql(matching)
        found = self._query(f"SELECT row FROM memories WHERE {condition}", values)
        return np.sort(np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found)))

    def history(self, memory_id: str) -> list[Version]:
        """Return every version of a memory, oldest first; empty when the id was never used."""
        with self._reading() as connection, _snapshot(connection):
            changes = connection.execute(_HISTORY, {"id": memory_id}).fetchall()
            now = connection.execute(f"SELECT {COLUMNS}, checksum FROM memories WHERE id = ?", [memory_id]).fetchone()
        return _versions(memory_id, changes, from_row(now).text if now else None)

    def before(self, memory_id: str, number: int) -> MemoryRecord | None:
        """Return the memory as it stood before change `number`; `None` when that change made it."""
        found = self._query("SELECT before FROM changes WHERE sequence = ? AND memory_id = ?", [number, memory_id])
        if not found:
            raise NotFound(f"memory {memory_id} has no version {number}: `history` lists them")
        return from_document(found[0][0]) if found[0][0] else None

    def twins(self, fingerprints: Sequence[bytes], *, today: str) -> dict[bytes, str]:
        """Return the ids of the memories, not expired by `today`, that have one of `fingerprints`."""
        statement = (
            "SELECT id FROM memories WHERE fingerprint = ? AND (expiration_date IS NULL OR expiration_date >= ?)"
        )
        found = (self._query(statement, [one, today]) for one in fingerprints)
        return {one: rows[0][0] for one, rows in zip(fingerprints, found, strict=True) if rows}

    def recent_messages(self, scope: Scope, limit: int) -> list[SourceMessage]:
        """Return the last source messages of exactly this scope, oldest first."""
        found = self._query(
            "SELECT role, content, name, happened_at, checksum, number FROM messages WHERE scope = ?"
            " ORDER BY number DESC LIMIT ?",
            [scope_key(scope), limit],
        )
        return [_message(row) for row in reversed(found)]

    def entities(self) -> list[Entity]:
        """Return who has memories, the most recently changed first."""
        each = (
            f"SELECT '{field.removesuffix('_id')}', {field}, count(*), min(created_at), max(updated_at) AS latest"
            f" FROM memories WHERE {field} IS NOT NULL GROUP BY {field}"
            for field in SCOPE_FIELDS
        )
        return [Entity(*row) for row in self._query(" UNION ALL ".join(each) + " ORDER BY latest DESC")]

    def index_entries(self, since: int) -> Iterator[IndexEntries]:
        """Yield in parts what changed after change `since`; one consistent state even while others write."""
        with self._reading() as connection, _snapshot(connection):
            (sequence,) = connection.execute("SELECT ifnull(max(sequence), 0) FROM changes").fetchone()
            if sequence < since:
                raise StorageError(f"{self.path} is older than its index: it was replaced while it was open")
            restart = bool(connection.execute(_RESTART_SINCE, [since]).fetchone())
            whole = restart or not since
            removed = [] if whole else [row for (row,) in connection.execute(_REMOVED, [since])]
            cursor = connection.execute(_ALL) if whole else connection.execute(_CHANGED, [since])
            with contextlib.closing(cursor):
                while (part := cursor.fetchmany(_ROWS_AT_ONCE)) or restart or removed:
                    yield _entries(part, removed, sequence, restart=restart)
                    restart, removed = False, []

    def change_mark(self, sequence: int) -> str | None:
        """Return what identifies change `sequence`, so that a copy can tell whether it stems from this history."""
        found = self._query("SELECT memory_id || '/' || recorded_at FROM changes WHERE sequence = ?", [sequence])
        return found[0][0] if found else None

    # Another embedder

    def count_stale(self) -> int:
        """Return how many memories have no vector of the embedder to come."""
        with self._reading() as connection:
            return reembedding.count_stale(connection)

    def stale(self, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
        """Return memories behind row `after` that have no vector of the embedder to come, with their rows."""
        with self._reading() as connection:
            return reembedding.stale_memories(connection, after=after, limit=limit)

    # Upkeep

    def damages(self) -> list[Damage]:
        """Read everything and report what does not match its definition, its checksum or its neighbours."""
        with self._reading() as connection:
            return damages_of(connection)

    def repair(self, damages: Sequence[Damage]) -> int:
        """Move damaged memories out of the way, kept for inspection, and make lost indexes anew; return how many."""
        recorded_at = int(time.time() * 1_000_000)
        return self.write(lambda transaction: transaction.repair(damages, recorded_at=recorded_at))

    def settle(self, settings: Mapping[str, Any]) -> int:
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
            timeout=_BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _configure(connection, self._synchronous)
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
        translated = StorageError(f"{self.path}: {error}. {_way_out(error)}")
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


class SqliteTransaction:
    """What may be done inside one write (see `holdfast.stores.Transaction`)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def get(self, memory_id: str) -> MemoryRecord | None:
        """Return the memory as this transaction sees it."""
        row = self.connection.execute(f"SELECT {COLUMNS}, checksum FROM memories WHERE id = ?", [memory_id]).fetchone()
        return from_row(row) if row else None

    def select(self, matching: Filter) -> list[MemoryRecord]:
        """Return the memories that match as this transaction sees them, newest first."""
        return _select(self.connection, matching)

    def has_any(self, scope: Scope) -> bool:
        """Return whether any memory carries all ids of `scope`."""
        condition, values = to_sql(scope_filter(scope))
        found = self.connection.execute(f"SELECT 1 FROM memories WHERE {condition} LIMIT 1", values)
        return found.fetchone() is not None

    def insert(
        self, record: MemoryRecord, indexed: Indexed, *, fingerprint: bytes, sources: Sequence[int] = ()
    ) -> str | None:
        """Store a new memory; return the id of the one that already has `fingerprint`, and store nothing, if any."""
        row = self._next_sequence()
        values = to_row(record)
        stored = self.connection.execute(
            f"INSERT INTO memories (row, {COLUMNS}, checksum, fingerprint) VALUES (?, {_PLACES}, ?, ?)"
            " ON CONFLICT (fingerprint) DO NOTHING",
            [row, *values, record_checksum(values), fingerprint],
        )
        if not stored.rowcount:
            return self._twin(fingerprint)
        vector, terms = to_blobs(indexed)
        self.connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?)", [row, vector, terms, vector_checksum(vector, terms)]
        )
        self._log(row, row, record, "ADD", record.created_at, record.recorded_at)
        self._trace(row, sources)
        return None

    def revise(
        self,
        old: MemoryRecord,
        new: MemoryRecord,
        *,
        indexed: Indexed | None,
        fingerprint: bytes,
        happened_at: int,
        recorded_at: int,
        sources: Sequence[int] = (),
    ) -> None:
        """Put `new` in the place of `old` and keep `old` in the history; without `indexed` the vector stays."""
        row = self._row_of(old.id)
        twin = self._twin(fingerprint)
        self._log(self._next_sequence(), row, old, "UPDATE", happened_at, recorded_at, before=to_document(old))
        values = to_row(new)
        assignments = COLUMNS.replace(", ", " = ?, ")
        self.connection.execute(
            f"UPDATE memories SET {assignments} = ?, checksum = ?, fingerprint = ? WHERE row = ?",
            # Two memories may come to say the same; only a new one is refused for that.
            [*values, record_checksum(values), fingerprint if twin in (None, old.id) else None, row],
        )
        self._trace(row, sources)
        if indexed is not None:
            vector, terms = to_blobs(indexed)
            self.connection.execute(
                "UPDATE vectors SET vector = ?, terms = ?, checksum = ? WHERE row = ?",
                [vector, terms, vector_checksum(vector, terms), row],
            )

    def remove(self, record: MemoryRecord, *, happened_at: int, recorded_at: int) -> None:
        """Take a memory and its vector away; its last text stays in the history."""
        row = self._row_of(record.id)
        self._log(self._next_sequence(), row, record, "DELETE", happened_at, recorded_at, before=to_document(record))
        self.connection.execute("DELETE FROM memories WHERE row = ?", [row])

    def foreign_writes(self) -> int:
        """Return a number that differs once another connection has written."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def begin_reembedding(self, fingerprint: str) -> None:
        """Make room for the vectors of another embedder; those of the same one, kept earlier, stay."""
        if self.setting(_REEMBEDDING) != fingerprint:
            reembedding.drop_vectors(self.connection)
            self.set({_REEMBEDDING: fingerprint})

    def keep_vectors(
        self, fingerprint: str, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[Indexed]
    ) -> None:
        """Keep the vectors of the embedder to come beside those there are."""
        self._require_reembedding(fingerprint)
        reembedding.keep_vectors(self.connection, memories, entries)

    def adopt_vectors(self, fingerprint: str, *, recorded_at: int) -> int | None:
        """Put the kept vectors in the place of the others; return how many, `None` while a memory has none."""
        self._require_reembedding(fingerprint)
        count = reembedding.adopt_vectors(self.connection)
        if count is not None:
            self.set({_REEMBEDDING: None})
            self._append((self._next_sequence(), 0, "", "REEMBED", recorded_at, recorded_at, None, None, None))
        return count

    def keep_messages(self, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int) -> list[int]:
        """Keep source messages; return their numbers."""
        key = scope_key(scope)
        numbers = []
        for message in messages:
            content = (message.role, message.content, message.name, message.happened_at)
            cursor = self.connection.execute(
                "INSERT INTO messages (scope, role, content, name, happened_at, recorded_at, checksum)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [key, *content, recorded_at, checksum(content)],
            )
            numbers.append(int(cursor.lastrowid or 0))
        return numbers

    def setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        return read_setting(self.connection, name)

    def set(self, settings: Mapping[str, Any]) -> None:
        """Set store-wide settings, JSON values by name."""
        write_settings(self.connection, settings)

    def clear(self, *, recorded_at: int) -> None:
        """Remove every memory, version and message; settings and the change sequence go on."""
        for table in ("memories", "messages", "damaged"):
            self.connection.execute(f"DELETE FROM {table}")
        # The sequence must not start again: indexes elsewhere have read up to here, and learn of it by this change.
        sequence = self._next_sequence()
        self._append((sequence, 0, "", "RESET", recorded_at, recorded_at, None, None, None))
        self.connection.execute("DELETE FROM changes WHERE sequence < ?", [sequence])

    def repair(self, damages: Sequence[Damage], *, recorded_at: int) -> int:
        """Move damaged memories out of the way, kept for inspection, and make lost indexes anew; return how many."""
        restored = restore(self.connection)
        moved = move_aside(self.connection, damages)
        for row, memory_id in moved:
            values = (
                self._next_sequence(),
                row,
                memory_id,
                "DELETE",
                recorded_at,
                recorded_at,
                None,
                None,
                None,
            )
            self._append(values)
        return restored + len(moved)

    def _require_reembedding(self, fingerprint: str) -> None:
        under_way = self.setting(_REEMBEDDING)
        if under_way != fingerprint:
            instead = "has finished" if under_way is None else f"goes on with {under_way}"
            raise StorageError(f"another re-embedding {instead}, so this one, with {fingerprint}, stops: call it again")

    def _trace(self, row: int, messages: Sequence[int]) -> None:
        for number in messages:
            self.connection.execute("INSERT OR IGNORE INTO sources VALUES (?, ?)", [row, number])

    def _twin(self, fingerprint: bytes) -> str | None:
        row = self.connection.execute("SELECT id FROM memories WHERE fingerprint = ?", [fingerprint]).fetchone()
        return row[0] if row else None

    def _row_of(self, memory_id: str) -> int:
        row = self.connection.execute("SELECT row FROM memories WHERE id = ?", [memory_id]).fetchone()
        if row is None:
            raise NotFound(f"there is no memory {memory_id}")
        return int(row[0])

    def _log(
        self,
        sequence: int,
        row: int,
        record: MemoryRecord,
        event: Event,
        happened_at: int,
        recorded_at: int,
        *,
        before: str | None = None,
    ) -> None:
        self._append((sequence, row, record.id, event, happened_at, recorded_at, record.actor_id, record.role, before))

    def _next_sequence(self) -> int:
        (sequence,) = self.connection.execute("SELECT ifnull(max(sequence), 0) + 1 FROM changes").fetchone()
        return int(sequence)

    def _append(self, values: tuple[SqlValue, ...]) -> None:
        self.connection.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*values, checksum(values)]
        )


_HISTORY = """
WITH one (row) AS (
    SELECT row FROM memories WHERE id = :id
    UNION
    SELECT row FROM changes WHERE memory_id = :id AND event = 'DELETE'
)
SELECT sequence, event, happened_at, recorded_at, actor_id, role, before, row, memory_id, checksum
FROM changes WHERE sequence IN one OR (row IN one AND row <> sequence) ORDER BY sequence
"""
_ENTRY = f"SELECT {COLUMNS}, memories.checksum, vectors.row, vector, terms, vectors.checksum"
_ALL = f"{_ENTRY} FROM vectors JOIN memories ON memories.row = vectors.row ORDER BY vectors.row"
_CHANGED = (
    f"{_ENTRY} FROM (SELECT DISTINCT row FROM changes WHERE sequence > ?) AS changed"
    " JOIN memories ON memories.row = changed.row JOIN vectors ON vectors.row = changed.row ORDER BY vectors.row"
)
_RESTART_SINCE = "SELECT 1 FROM changes WHERE sequence > ? AND event IN ('RESET', 'REEMBED')"
_REMOVED = """
SELECT DISTINCT row FROM changes
WHERE sequence > ? AND NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = changes.row)
"""


def _select(
    connection: sqlite3.Connection, matching: Filter, *, limit: int | None = None, offset: int = 0
) -> list[MemoryRecord]:
    condition, values = to_sql(matching)
    found = connection.execute(
        f"SELECT {COLUMNS}, checksum FROM memories WHERE {condition}"
        " ORDER BY created_at DESC, row DESC LIMIT ? OFFSET ?",
        [*values, -1 if limit is None else limit, offset],
    )
    # A cursor that failed halfway and lives on in a traceback would hold its connection to the state of that moment.
    with contextlib.closing(found):
        records = [from_row(row) for row in found.fetchall()]
    holds = predicate(matching)
    for record in records:
        # SQLite believes its own indexes: one flipped bit there would show one user's memory to another.
        if not holds(record):
            raise damaged(f"the index that led to memory {record.id}")
    return records


def _prepare_file(path: Path) -> None:
    """See to it that `path` is a file that can be opened as a store, made whole or not at all."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder: name a file in it, such as {path / 'memory.db'}")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
    if (size := path.stat().st_size) < _LEAST_SIZE:
        raise StorageError(
            f"{path} holds {size} bytes, which no store ever does: restore a backup, or delete it to start anew"
        )
    if not os.access(path, os.W_OK):
        raise StorageError(f"{path} is read-only: make it writable, or copy it to where it can be written")


def _create(path: Path) -> None:
    # The file appears under its name only when its tables exist, so an empty file is always damage, even while
    # several processes start at once: `link` refuses to replace what another one made first.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, name=str(path))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        for suffix in ("", "-wal", "-shm"):  # SQLite leaves its own behind when the disk is full
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _configure(connection: sqlite3.Connection, synchronous: Synchronous) -> None:
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")


@contextlib.contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several queries see one state."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


_scope_of = functools.lru_cache(maxsize=4096)(Scope)  # the turns of a session lie beside each other


def _entries(part: Sequence[Sequence[Any]], removed: Sequence[int], sequence: int, *, restart: bool) -> IndexEntries:
    for values in part:
        if record_checksum(values[:WIDTH]) != values[WIDTH] or vector_checksum(*values[-3:-1]) != values[-1]:
            raise damaged(f"memory {values[0]}")
    vectors = np.frombuffer(b"".join([values[-3] for values in part]), dtype="<f4")
    return IndexEntries(
        rows=np.fromiter((values[-4] for values in part), dtype=np.int64, count=len(part)),
        scopes=[_scope_of(*values[2:6]) for values in part],
        expiration_dates=[values[16] for values in part],
        memory_types=[values[10] for values in part],
        speakers=[values[9] for values in part],
        vectors=vectors.reshape(len(part), -1) if part else vectors.reshape(0, 0),
        terms=[np.frombuffer(values[-2], dtype="<u4") for values in part],
        removed=removed,
        sequence=sequence,
        restart=restart,
    )


def _versions(memory_id: str, changes: Sequence[Sequence[Any]], text_now: str | None) -> list[Version]:
    """Chain the changes: what a change left is what the next one found."""
    for sequence, event, happened, recorded, actor, role, before, row, of_memory, written in changes:
        if checksum((sequence, row, of_memory, event, happened, recorded, actor, role, before)) != written:
            raise damaged(f"version {sequence} of memory {memory_id}")
    old_texts = [from_document(change[6]).text if change[6] else None for change in changes]
    new_texts = [*old_texts, text_now][1:]
    return [
        Version(
            number=change[0],
            memory_id=memory_id,
            event=change[1],
            old_text=old,
            new_text=None if change[1] == "DELETE" else new,
            created_at=changes[0][2],
            happened_at=change[2],
            recorded_at=change[3],
            actor_id=change[4],
            role=change[5],
        )
        for change, old, new in zip(changes, old_texts, new_texts, strict=True)
    ]


def _message(row: Sequence[Any]) -> SourceMessage:
    if checksum(row[:4]) != row[4]:
        raise damaged(f"message {row[5]}")
    return SourceMessage(role=row[0], content=row[1], name=row[2], happened_at=row[3])


def _way_out(error: BaseException) -> str:
    text = str(error).lower()
    if "full" in text or "no space" in text:
        return "Nothing was written: make room on the disk and call again"
    if "locked" in text or "busy" in text:
        return f"Another process kept it for over {_BUSY_TIMEOUT:.0f} seconds: nothing was written, call again"
    if "readonly" in text or "read-only" in text or "permission" in text:
        return "Nothing was written: make the file and its folder writable"
    if "malformed database schema" in text or "not a database" in text:
        return "Nothing in the file can be read any more: restore a backup"
    if "malformed" in text or "utf-8" in text or text.startswith("no such"):
        return "The file is damaged: run `holdfast doctor`, or restore a backup"
    return "Nothing was written"


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
