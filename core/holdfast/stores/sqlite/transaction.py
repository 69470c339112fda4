"""What may be done inside one write."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.errors import NotFound, StorageError
from holdfast.filters import Filter, scope_filter, to_sql
from holdfast.records import Event, MemoryRecord, SourceMessage
from holdfast.scope import Scope
from holdfast.stores.protocol import Damage, IndexEntry
from holdfast.stores.sqlite import reembedding
from holdfast.stores.sqlite.integrity import move_aside, restore
from holdfast.stores.sqlite.queries import select_records
from holdfast.stores.sqlite.rows import (
    COLUMNS,
    WIDTH,
    SqlValue,
    checksum,
    from_row,
    record_checksum,
    scope_key,
    to_blobs,
    to_document,
    to_row,
    vector_checksum,
)
from holdfast.stores.sqlite.settings import read_setting, write_settings

_REEMBEDDING = "reembedding"  # the setting that names the embedder whose vectors are being kept


_PLACES = ", ".join("?" * WIDTH)


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
        return select_records(self.connection, matching)

    def has_memories(self, scope: Scope) -> bool:
        """Return whether any memory carries all ids of `scope`."""
        condition, values = to_sql(scope_filter(scope))
        found = self.connection.execute(f"SELECT 1 FROM memories WHERE {condition} LIMIT 1", values)
        return found.fetchone() is not None

    def insert(
        self, record: MemoryRecord, index_entry: IndexEntry, *, content_hash: bytes, sources: Sequence[int] = ()
    ) -> str | None:
        """Store a new memory; return the id of the one that already has `content_hash`, and store nothing, if any."""
        row = self._next_sequence()
        values = to_row(record)
        stored = self.connection.execute(
            f"INSERT INTO memories (row, {COLUMNS}, checksum, fingerprint) VALUES (?, {_PLACES}, ?, ?)"
            " ON CONFLICT (fingerprint) DO NOTHING",
            [row, *values, record_checksum(values), content_hash],
        )
        if not stored.rowcount:
            return self._duplicate_of(content_hash)
        vector, terms = to_blobs(index_entry)
        self.connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?)", [row, vector, terms, vector_checksum(vector, terms)]
        )
        self._log(row, row, record, "ADD", record.created_at, record.recorded_at)
        self._trace(row, sources)
        return None

    def update(
        self,
        old: MemoryRecord,
        new: MemoryRecord,
        *,
        index_entry: IndexEntry | None,
        content_hash: bytes,
        happened_at: int,
        recorded_at: int,
        sources: Sequence[int] = (),
    ) -> None:
        """Put `new` in the place of `old` and keep `old` in the history; without `index_entry` the vector stays."""
        row = self._row_of(old.id)
        duplicate = self._duplicate_of(content_hash)
        self._log(self._next_sequence(), row, old, "UPDATE", happened_at, recorded_at, before=to_document(old))
        values = to_row(new)
        assignments = COLUMNS.replace(", ", " = ?, ")
        self.connection.execute(
            f"UPDATE memories SET {assignments} = ?, checksum = ?, fingerprint = ? WHERE row = ?",
            # Two memories may come to say the same; only a new one is refused for that.
            [*values, record_checksum(values), content_hash if duplicate in (None, old.id) else None, row],
        )
        self._trace(row, sources)
        if index_entry is not None:
            vector, terms = to_blobs(index_entry)
            self.connection.execute(
                "UPDATE vectors SET vector = ?, terms = ?, checksum = ? WHERE row = ?",
                [vector, terms, vector_checksum(vector, terms), row],
            )

    def delete(self, record: MemoryRecord, *, happened_at: int, recorded_at: int) -> None:
        """Take a memory and its vector away; its last text stays in the history."""
        row = self._row_of(record.id)
        self._log(self._next_sequence(), row, record, "DELETE", happened_at, recorded_at, before=to_document(record))
        self.connection.execute("DELETE FROM memories WHERE row = ?", [row])

    def external_write_token(self) -> int:
        """Return a number that differs once another connection has written."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def begin_reembedding(self, fingerprint: str) -> None:
        """Make room for the vectors of another embedder; those of the same one, kept earlier, stay."""
        if self.get_setting(_REEMBEDDING) != fingerprint:
            reembedding.drop_vectors(self.connection)
            self.set_settings({_REEMBEDDING: fingerprint})

    def stage_vectors(
        self, fingerprint: str, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
    ) -> None:
        """Keep the vectors of the embedder to come beside those there are."""
        self._require_reembedding(fingerprint)
        reembedding.stage_vectors(self.connection, memories, entries)

    def adopt_vectors(self, fingerprint: str, *, recorded_at: int) -> int | None:
        """Put the kept vectors in the place of the others; return how many, `None` while a memory has none."""
        self._require_reembedding(fingerprint)
        count = reembedding.adopt_vectors(self.connection)
        if count is not None:
            self.set_settings({_REEMBEDDING: None})
            self._append((self._next_sequence(), 0, "", "REEMBED", recorded_at, recorded_at, None, None, None))
        return count

    def insert_messages(self, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int) -> list[int]:
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

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        return read_setting(self.connection, name)

    def set_settings(self, settings: Mapping[str, Any]) -> None:
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
        under_way = self.get_setting(_REEMBEDDING)
        if under_way != fingerprint:
            instead = "has finished" if under_way is None else f"goes on with {under_way}"
            raise StorageError(f"another re-embedding {instead}, so this one, with {fingerprint}, stops: call it again")

    def _trace(self, row: int, messages: Sequence[int]) -> None:
        for number in messages:
            self.connection.execute("INSERT OR IGNORE INTO sources VALUES (?, ?)", [row, number])

    def _duplicate_of(self, content_hash: bytes) -> str | None:
        row = self.connection.execute("SELECT id FROM memories WHERE fingerprint = ?", [content_hash]).fetchone()
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
