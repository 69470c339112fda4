"""The operations inside one write to the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from holdfast.errors import NotFound, StorageError
from holdfast.filters import Filter, scope_filter, to_sql
from holdfast.records import Event, MemoryRecord, SourceMessage
from holdfast.scope import Scope
from holdfast.stores.protocol import Erased, IndexEntry, KeptTurn, Transaction
from holdfast.stores.sqlite import conversations, reembedding, versions
from holdfast.stores.sqlite.queries import CHANGED_MEMORIES, select_records, to_record_and_entry
from holdfast.stores.sqlite.rows import (
    COLUMN_COUNT,
    COLUMNS,
    SqlValue,
    checksum,
    from_row,
    record_checksum,
    to_blobs,
    to_document,
    to_row,
    vector_checksum,
)
from holdfast.stores.sqlite.settings import read_setting, write_settings

_REEMBEDDING_SETTING = "reembedding"
"""The setting that holds the fingerprint of the embedder whose vectors are being staged."""

_PLACEHOLDERS = ", ".join("?" * COLUMN_COUNT)


class SqliteTransaction(Transaction):
    """A transaction on the writing connection, which `GroupCommit` begins and commits.

    Args:
        connection: In a transaction.
        on_deletion: Called before something is deleted. On a full disk only such a transaction may use the reserve.
    """

    def __init__(self, connection: sqlite3.Connection, *, on_deletion: Callable[[], None]) -> None:
        self.connection = connection
        self._on_deletion = on_deletion
        self.written = []

    @override
    def get(self, memory_id: str) -> MemoryRecord | None:
        row = self.connection.execute(f"SELECT {COLUMNS}, checksum FROM memories WHERE id = ?", [memory_id]).fetchone()
        return from_row(row) if row else None

    @override
    def select(self, filters: Filter) -> list[MemoryRecord]:
        return select_records(self.connection, filters)

    @override
    def has_memories(self, scope: Scope) -> bool:
        condition, values = to_sql(scope_filter(scope))
        found = self.connection.execute(f"SELECT 1 FROM memories WHERE {condition} LIMIT 1", values)
        return found.fetchone() is not None

    @override
    def last_sequence(self) -> int:
        (sequence,) = self.connection.execute("SELECT ifnull(max(sequence), 0) FROM changes").fetchone()
        return int(sequence)

    @override
    def written_since(self, sequence: int, scope: Scope) -> list[tuple[MemoryRecord, IndexEntry]]:
        condition, values = to_sql(scope_filter(scope))
        found = self.connection.execute(f"{CHANGED_MEMORIES} WHERE {condition}", [sequence, *values])
        return [to_record_and_entry(row) for row in found.fetchall()]

    @override
    def insert(
        self, record: MemoryRecord, index_entry: IndexEntry, *, content_hash: bytes, sources: Sequence[int] = ()
    ) -> str | None:
        # The number of the change becomes the row: it grows for ever, so rows are never reused, and an index can
        # tell new memories by their rows alone.
        row = self._next_sequence()
        values = to_row(record)
        inserted = self.connection.execute(
            f"INSERT INTO memories (row, {COLUMNS}, checksum, fingerprint) VALUES (?, {_PLACEHOLDERS}, ?, ?)"
            " ON CONFLICT (fingerprint) DO NOTHING",
            [row, *values, record_checksum(values), content_hash],
        )
        if not inserted.rowcount:
            return self._find_duplicate(content_hash)
        vector, terms = to_blobs(index_entry)
        self.connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?)", [row, vector, terms, vector_checksum(vector, terms)]
        )
        self._log_change(row, row, record, "ADD", record.created_at, record.recorded_at)
        # A kept turn is its own text: it keeps no message in prompts.
        conversations.link_sources(self.connection, row, sources, cite=record.facts is None)
        self.written.append((record, index_entry))
        return None

    @override
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
        row = self._row_of(old.id)
        duplicate = self._find_duplicate(content_hash)
        self._log_change(self._next_sequence(), row, old, "UPDATE", happened_at, recorded_at, before=to_document(old))
        values = to_row(new)
        assignments = COLUMNS.replace(", ", " = ?, ")
        self.connection.execute(
            f"UPDATE memories SET {assignments} = ?, checksum = ?, fingerprint = ? WHERE row = ?",
            # An update may make two memories equal, which is no error. Only one of them can own the hash.
            [*values, record_checksum(values), content_hash if duplicate in (None, old.id) else None, row],
        )
        conversations.link_sources(self.connection, row, sources, cite=new.facts is None)
        if index_entry is not None:
            self.written.append((new, index_entry))
            vector, terms = to_blobs(index_entry)
            self.connection.execute(
                "UPDATE vectors SET vector = ?, terms = ?, checksum = ? WHERE row = ?",
                [vector, terms, vector_checksum(vector, terms), row],
            )

    @override
    def link_sources(self, memory_id: str, sources: Sequence[int]) -> None:
        found = self.connection.execute("SELECT row, facts IS NULL FROM memories WHERE id = ?", [memory_id]).fetchone()
        if found:
            conversations.link_sources(self.connection, found[0], sources, cite=bool(found[1]))

    @override
    def delete(self, record: MemoryRecord, *, happened_at: int, recorded_at: int) -> None:
        self._on_deletion()
        row = self._row_of(record.id)
        before = to_document(record)
        self._log_change(self._next_sequence(), row, record, "DELETE", happened_at, recorded_at, before=before)
        conversations.delete_sources(self.connection, row)
        self.connection.execute("DELETE FROM memories WHERE row = ?", [row])

    @override
    def insert_messages(self, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int) -> list[int]:
        return conversations.insert_messages(self.connection, scope, messages, recorded_at=recorded_at)

    @override
    def count_messages(self) -> int:
        (count,) = self.connection.execute("SELECT count(*) FROM messages").fetchone()
        return int(count)

    @override
    def delete_uncited_messages(self, scope: Scope) -> None:
        self._on_deletion()
        conversations.delete_uncited_messages(self.connection, scope)

    @override
    def delete_messages(self, ids: Mapping[str, str], *, before: int | None = None) -> None:
        self._on_deletion()
        conversations.delete_messages(self.connection, ids, before=before)

    @override
    def list_kept_turns(self, record: MemoryRecord) -> list[MemoryRecord]:
        return conversations.list_kept_turns(self.connection, self._row_of(record.id))

    @override
    def list_turns_kept_with(self, turn: MemoryRecord) -> list[KeptTurn]:
        return conversations.list_turns_kept_with(self.connection, turn)

    @override
    def find_rows(self, filters: Filter) -> list[int]:
        return versions.find_rows(self.connection, filters)

    @override
    def find_rows_of(self, memory_id: str) -> list[int]:
        return versions.find_rows_of(self.connection, memory_id)

    @override
    def erase_history(self, rows: Sequence[int], *, ids: Sequence[str], recorded_at: int) -> Erased:
        self._on_deletion()
        every = sorted({*rows, *versions.find_rows_kept_with(self.connection, rows)})
        first = self._next_sequence()
        for sequence, row in enumerate(every, first):
            self._append_change((sequence, row, "", versions.ERASED, recorded_at, recorded_at, None, None, None))
        return versions.erase_history(self.connection, every, ids=ids, before=first)

    @override
    def prune_history(
        self, *, keep: int | None, before: int | None, rows: Sequence[int] | None, recorded_at: int
    ) -> int:
        self._on_deletion()
        sequence = self._next_sequence()
        count, last = versions.prune_history(self.connection, keep=keep, before=before, rows=rows)
        if last:
            self._append_change((sequence, last, "", versions.PRUNED, recorded_at, recorded_at, None, None, None))
        return count

    @override
    def get_setting(self, name: str) -> Any:
        return read_setting(self.connection, name)

    @override
    def set_settings(self, settings: Mapping[str, Any]) -> None:
        write_settings(self.connection, settings)

    @override
    def clear(self, *, recorded_at: int) -> None:
        self._on_deletion()
        for table in ("memories", "messages", "scopes", "damaged"):
            self.connection.execute(f"DELETE FROM {table}")
        # The sequence must not start again: the indexes of other processes have read up to here, and learn of the
        # reset from this change.
        sequence = self._next_sequence()
        self._append_change((sequence, 0, "", "RESET", recorded_at, recorded_at, None, None, None))
        self.connection.execute("DELETE FROM changes WHERE sequence < ?", [sequence])

    @override
    def external_write_token(self) -> int:
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    @override
    def begin_reembedding(self, fingerprint: str) -> None:
        if self.get_setting(_REEMBEDDING_SETTING) != fingerprint:
            reembedding.drop_vectors(self.connection)
            self.set_settings({_REEMBEDDING_SETTING: fingerprint})

    @override
    def stage_vectors(
        self, fingerprint: str, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
    ) -> None:
        self._require_reembedding(fingerprint)
        reembedding.stage_vectors(self.connection, memories, entries)

    @override
    def adopt_vectors(self, fingerprint: str, *, recorded_at: int) -> int | None:
        self._require_reembedding(fingerprint)
        count = reembedding.adopt_vectors(self.connection)
        if count is not None:
            self.set_settings({_REEMBEDDING_SETTING: None})
            self._append_change((self._next_sequence(), 0, "", "REEMBED", recorded_at, recorded_at, None, None, None))
        return count

    @override
    def restore_vectors(
        self, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry], *, recorded_at: int
    ) -> None:
        for (row, record), entry in zip(memories, entries, strict=True):
            vector, terms = to_blobs(entry)
            self.connection.execute(
                "INSERT OR IGNORE INTO vectors SELECT row, ?, ?, ? FROM memories WHERE row = ? AND checksum = ?",
                [vector, terms, vector_checksum(vector, terms), row, record_checksum(to_row(record))],
            )
        self._append_change((self._next_sequence(), 0, "", "REEMBED", recorded_at, recorded_at, None, None, None))

    def _require_reembedding(self, fingerprint: str) -> None:
        current = self.get_setting(_REEMBEDDING_SETTING)
        if current != fingerprint:
            reason = "has finished" if current is None else f"with {current} has started"
            raise StorageError(f"another re-embedding {reason}, so this one, with {fingerprint}, stops: call it again")

    def _find_duplicate(self, content_hash: bytes) -> str | None:
        row = self.connection.execute("SELECT id FROM memories WHERE fingerprint = ?", [content_hash]).fetchone()
        return row[0] if row else None

    def _row_of(self, memory_id: str) -> int:
        row = self.connection.execute("SELECT row FROM memories WHERE id = ?", [memory_id]).fetchone()
        if row is None:
            raise NotFound(f"there is no memory {memory_id}")
        return int(row[0])

    def _next_sequence(self) -> int:
        return self.last_sequence() + 1

    def _log_change(
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
        values = (sequence, row, record.id, event, happened_at, recorded_at, record.actor_id, record.role, before)
        self._append_change(values)

    def _append_change(self, values: tuple[SqlValue, ...]) -> None:
        self.connection.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*values, checksum(values)]
        )
