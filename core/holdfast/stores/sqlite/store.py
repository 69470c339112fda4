"""The store in one SQLite file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from holdfast.errors import NotFound, StorageError
from holdfast.filters import Filter, to_sql
from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import Damage, Entity, IndexBatch, QueuedWrite, Store, Version
from holdfast.stores.sqlite import reembedding
from holdfast.stores.sqlite.connections import Connections
from holdfast.stores.sqlite.damage.integrity import find_damage
from holdfast.stores.sqlite.damage.repair import repair
from holdfast.stores.sqlite.disk.file import Synchronous, locate
from holdfast.stores.sqlite.disk.scrub import scrub
from holdfast.stores.sqlite.group_commit import GroupCommit
from holdfast.stores.sqlite.queries import (
    ALL_ENTRIES,
    CHANGED_ENTRIES,
    DELETED_ROWS,
    NEEDS_RESTART,
    VERSIONS,
    select_records,
    to_index_batch,
    to_source_message,
    to_versions,
)
from holdfast.stores.sqlite.rows import COLUMNS, from_document, from_row, scope_key, to_json
from holdfast.stores.sqlite.settings import read_setting, replace_damaged_settings
from holdfast.stores.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

_BATCH_ROWS = 4096  # of an `IndexBatch`: 6 MB of vectors at 384 dimensions, and few enough Python calls per row


class SqliteStore(Store):
    """A store in the file `path`, created when it does not exist; `":memory:"` keeps it in memory.

    Several processes may open one file: SQLite's write-ahead log lets them read while one writes.

    Args:
        path: The file; `~` is the home folder. A missing file is created with mode 0600, missing folders with 0700.
        synchronous: `"FULL"` keeps every write through a power cut once its call has returned. `"NORMAL"` keeps it
            through a crash of the process only: a power cut may undo the last writes, each as a whole.

    Raises:
        InvalidInput: `path` is a folder, a URI, blank, or not a name that a file can have.
        SchemaTooNew: A newer Holdfast wrote the file.
        StorageError: The file is damaged, empty, of another program, or not writable.

    >>> from holdfast.filters import MATCH_ALL
    >>> from holdfast.stores.protocol import IndexEntry
    >>> store = SqliteStore(":memory:")
    >>> tea = MemoryRecord("1", "I like tea", Scope(user_id="ana"), created_at=0, updated_at=0, recorded_at=0)
    >>> entry = IndexEntry(np.ones(1, dtype=np.float32), np.zeros(0, dtype=np.uint32))
    >>> store.write(lambda transaction: transaction.insert(tea, entry, content_hash=b"tea"))
    >>> [record.text for record in store.select(MATCH_ALL)]
    ['I like tea']
    >>> store.close()
    """

    def __init__(self, path: str | os.PathLike[str], *, synchronous: Synchronous = "FULL") -> None:
        self.path = locate(path)
        self._connections = Connections(self.path, synchronous=synchronous)
        self._commits = GroupCommit(self._connections)
        self._connections.before_reopening_in_child = self._commits.forget
        self.index_lock = self._connections.index_lock

    # Writing

    @override
    def write(self, work: Callable[[SqliteTransaction], T]) -> T:
        try:
            queued = self.submit(work)
            self.flush()
        except BaseException:
            self._commits.withdraw()
            raise
        return queued.result()

    @override
    def submit(self, work: Callable[[SqliteTransaction], T]) -> QueuedWrite[T]:
        self._connections.require_open()
        return self._commits.submit(
            lambda: work(SqliteTransaction(self._connections.writer, on_deletion=self._connections.note_deletion))
        )

    @override
    def flush(self) -> None:
        self._commits.flush()
        self._connections.limit_log()

    # Reading

    @override
    def get_setting(self, name: str) -> Any:
        return self._connections.read(lambda connection: read_setting(connection, name))

    @override
    def change_token(self) -> tuple[int, int, int]:
        # `data_version` counts the writes of other connections, and starts again in a new one. In memory there is one
        # connection only, so this process's writes and the openings count too.
        ((version,),) = self._connections.query("PRAGMA data_version")
        self._connections.limit_log()  # every search passes here
        return version, self._commits.begun, self._connections.openings

    @override
    def get(self, memory_ids: Sequence[str]) -> dict[str, MemoryRecord]:
        # One bound value for any number of ids: SQLite limits how many values a statement may have.
        found = self._connections.query(
            f"SELECT {COLUMNS}, checksum FROM memories WHERE id IN (SELECT value FROM json_each(?))",
            [to_json(list(memory_ids))],
        )
        return {record.id: record for record in map(from_row, found)}

    @override
    def get_rows(self, rows: Sequence[int]) -> dict[int, MemoryRecord]:
        placeholders = ", ".join("?" * len(rows))
        found = self._connections.query(
            f"SELECT {COLUMNS}, checksum, row FROM memories WHERE row IN ({placeholders})", list(rows)
        )
        return {values[-1]: from_row(values) for values in found}

    @override
    def select(self, filters: Filter, *, limit: int | None = None, offset: int = 0) -> list[MemoryRecord]:
        return self._connections.read(lambda one: select_records(one, filters, limit=limit, offset=offset))

    @override
    def count(self, filters: Filter) -> int:
        condition, values = to_sql(filters)
        return int(self._connections.query(f"SELECT count(*) FROM memories WHERE {condition}", values)[0][0])

    @override
    def find_rows(self, filters: Filter) -> NDArray[np.int64]:
        condition, values = to_sql(filters)
        found = self._connections.query(f"SELECT row FROM memories WHERE {condition}", values)
        return np.sort(np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found)))

    @override
    def list_versions(self, memory_id: str) -> list[Version]:
        changes, now = self._connections.stream(
            lambda connection: (
                connection.execute(statement, {"id": memory_id}).fetchall()
                for statement in (VERSIONS, f"SELECT {COLUMNS}, checksum FROM memories WHERE id = :id")
            )
        )
        return to_versions(memory_id, changes, from_row(now[0]) if now else None)

    @override
    def get_before_change(self, memory_id: str, number: int) -> MemoryRecord | None:
        found = self._connections.query(
            "SELECT before FROM changes WHERE sequence = ? AND memory_id = ?", [number, memory_id]
        )
        if not found:
            raise NotFound(f"memory {memory_id} has no version {number}: `history` lists them")
        return from_document(found[0][0]) if found[0][0] else None

    @override
    def find_duplicates(self, content_hashes: Sequence[bytes], *, today: str) -> dict[bytes, str]:
        statement = (
            "SELECT id FROM memories WHERE fingerprint = ? AND (expiration_date IS NULL OR expiration_date >= ?)"
        )
        found = (self._connections.query(statement, [content_hash, today]) for content_hash in content_hashes)
        return {content_hash: rows[0][0] for content_hash, rows in zip(content_hashes, found, strict=True) if rows}

    @override
    def list_recent_messages(self, scope: Scope, limit: int) -> list[SourceMessage]:
        found = self._connections.query(
            "SELECT role, content, name, happened_at, checksum, number FROM messages WHERE scope = ?"
            " ORDER BY number DESC LIMIT ?",
            [scope_key(scope), limit],
        )
        return [to_source_message(row) for row in reversed(found)]

    @override
    def list_entities(self) -> list[Entity]:
        each = (
            f"SELECT '{field.removesuffix('_id')}', {field}, count(*), min(created_at), max(updated_at) AS latest"
            f" FROM memories WHERE {field} IS NOT NULL GROUP BY {field}"
            for field in SCOPE_FIELDS
        )
        statement = " UNION ALL ".join(each) + " ORDER BY latest DESC"
        return [Entity(*row) for row in self._connections.query(statement)]

    @override
    def index_batches(self, since: int) -> Iterator[IndexBatch]:
        return self._connections.stream(lambda connection: self._index_batches(connection, since))

    def _index_batches(self, connection: sqlite3.Connection, since: int) -> Iterator[IndexBatch]:
        (sequence,) = connection.execute("SELECT ifnull(max(sequence), 0) FROM changes").fetchone()
        if sequence < since:
            raise StorageError(f"{self.path} is older than its index: it was replaced while it was open")
        restart = bool(connection.execute(NEEDS_RESTART, {"since": since}).fetchone())
        reads_all = restart or not since
        deleted = [] if reads_all else [row for (row,) in connection.execute(DELETED_ROWS, [since])]
        cursor = connection.execute(ALL_ENTRIES) if reads_all else connection.execute(CHANGED_ENTRIES, [since])
        with contextlib.closing(cursor):
            # A batch without rows still carries a restart, deletions, or how far it comes.
            is_behind = sequence > since
            while (rows := cursor.fetchmany(_BATCH_ROWS)) or is_behind:
                yield to_index_batch(rows, deleted, sequence, restart=restart)
                is_behind, restart, deleted = False, False, []

    @override
    def get_change_id(self, sequence: int) -> str | None:
        found = self._connections.query(
            "SELECT memory_id || '/' || recorded_at FROM changes WHERE sequence = ?", [sequence]
        )
        return found[0][0] if found else None

    @override
    def count_memories_to_embed(self) -> int:
        return self._connections.read(reembedding.count_memories_to_embed)

    @override
    def list_memories_to_embed(self, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
        return self._connections.read(
            lambda connection: reembedding.list_memories_to_embed(connection, after=after, limit=limit)
        )

    # Maintenance

    @override
    def scrub(self) -> None:
        scrub(self._connections)

    @override
    def find_damage(self) -> list[Damage]:
        return self._connections.read(find_damage)

    @override
    def repair(self) -> tuple[list[Damage], int]:
        recorded_at = int(time.time() * 1_000_000)
        done = self.write(lambda transaction: repair(transaction.connection, self.path, recorded_at=recorded_at))
        if done.leaves_unused_pages:
            self._connections.vacuum()
        return done.settled, len(done.settled) + done.rebuilt_definitions

    @override
    def list_memories_without_vector(self, *, limit: int) -> list[tuple[int, MemoryRecord]]:
        found = self._connections.query(
            f"SELECT {COLUMNS}, checksum, row FROM memories"
            " WHERE NOT EXISTS (SELECT 1 FROM vectors WHERE vectors.row = memories.row) ORDER BY row LIMIT ?",
            [limit],
        )
        return [(values[-1], from_row(values)) for values in found]

    @override
    def restore_settings(self, settings: Mapping[str, Any]) -> int:
        return self.write(lambda transaction: replace_damaged_settings(transaction.connection, settings))

    @override
    def close(self) -> None:
        if not self._connections.is_closed:
            self.flush()
            self._connections.close()
