"""The store's longer queries, and what their rows become."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast.filters import Filter, to_predicate, to_sql
from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexBatch, IndexEntry, Version
from holdfast.stores.sqlite.rows import (
    COLUMN_COUNT,
    COLUMNS,
    checksum,
    damage_error,
    from_document,
    from_row,
    record_checksum,
    vector_checksum,
)
from holdfast.stores.sqlite.versions import PRUNED

VERSIONS = """
WITH one (row) AS (
    SELECT row FROM memories WHERE id = :id
    UNION
    SELECT row FROM changes WHERE memory_id = :id AND event = 'DELETE'
)
SELECT sequence, event, happened_at, recorded_at, actor_id, role, before, row, memory_id, checksum
FROM changes WHERE (sequence IN one OR (row IN one AND row <> sequence)) AND event IN ('ADD', 'UPDATE', 'DELETE')
ORDER BY sequence
"""
"""The changes of the memory with an id: of its present row, and of rows it had before it was deleted."""

_ENTRY = f"SELECT {COLUMNS}, memories.checksum, vectors.row, vector, terms, vectors.checksum"

ALL_ENTRIES = f"{_ENTRY} FROM vectors JOIN memories ON memories.row = vectors.row ORDER BY vectors.row"

CHANGED_MEMORIES = (
    f"{_ENTRY} FROM (SELECT DISTINCT row FROM changes WHERE sequence > ?) AS changed"
    " JOIN memories ON memories.row = changed.row JOIN vectors ON vectors.row = changed.row"
)

CHANGED_ENTRIES = f"{CHANGED_MEMORIES} ORDER BY vectors.row"

NEEDS_RESTART = f"""
SELECT 1 FROM changes
WHERE sequence > :since AND (event IN ('RESET', 'REEMBED') OR (event = '{PRUNED}' AND row > :since)) LIMIT 1
"""

DELETED_ROWS = """
SELECT DISTINCT row FROM changes
WHERE sequence > ? AND NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = changes.row)
"""


def select_records(
    connection: sqlite3.Connection, filters: Filter, *, limit: int | None = None, offset: int = 0
) -> list[MemoryRecord]:
    """Return the memories that match `filters`, newest first."""
    condition, values = to_sql(filters)
    found = connection.execute(
        f"SELECT {COLUMNS}, checksum FROM memories WHERE {condition}"
        " ORDER BY created_at DESC, row DESC LIMIT ? OFFSET ?",
        [*values, -1 if limit is None else limit, offset],
    )
    # A cursor that failed halfway stays alive in a traceback, and would hold its connection to the state of that time.
    with contextlib.closing(found):
        records = [from_row(row) for row in found.fetchall()]
    matches = to_predicate(filters)
    for record in records:
        # SQLite trusts its own indexes: a flipped bit in one would show one user's memory to another.
        if not matches(record):
            raise damage_error(f"the index that led to memory {record.id}")
    return records


_scope = functools.lru_cache(maxsize=4096)(Scope)  # the turns of a session are neighbours and share one object


def to_index_batch(
    rows: Sequence[Sequence[Any]], deleted_rows: Sequence[int], sequence: int, *, restart: bool
) -> IndexBatch:
    """Return rows of `ALL_ENTRIES` or `CHANGED_ENTRIES` as a batch for the index.

    Raises:
        StorageError: A checksum does not match.
    """
    for values in rows:
        if (
            record_checksum(values[:COLUMN_COUNT]) != values[COLUMN_COUNT]
            or vector_checksum(*values[-3:-1]) != values[-1]
            or len(values[-3]) != len(rows[0][-3])
            or len(values[-2]) % 4
        ):
            raise damage_error(f"memory {values[0]}")
    if rows and len(rows[0][-3]) % 4:
        raise damage_error(f"memory {rows[0][0]}")
    vectors = np.frombuffer(b"".join([values[-3] for values in rows]), dtype="<f4")
    return IndexBatch(
        rows=np.fromiter((values[-4] for values in rows), dtype=np.int64, count=len(rows)),
        scopes=[_scope(*values[2:6]) for values in rows],
        expiration_dates=[values[16] for values in rows],
        memory_types=[values[10] for values in rows],
        speakers=[values[9] for values in rows],
        vectors=vectors.reshape(len(rows), -1) if rows else vectors.reshape(0, 0),
        terms=[np.frombuffer(values[-2], dtype="<u4") for values in rows],
        deleted_rows=deleted_rows,
        sequence=sequence,
        restart=restart,
    )


def to_record_and_entry(values: Sequence[Any]) -> tuple[MemoryRecord, IndexEntry]:
    """Return a row of `CHANGED_MEMORIES` as a memory and its index entry.

    Raises:
        StorageError: A checksum does not match.
    """
    *_, vector, terms, written = values
    if vector_checksum(vector, terms) != written:
        raise damage_error(f"memory {values[0]}")
    entry = IndexEntry(np.frombuffer(vector, dtype="<f4"), np.frombuffer(terms, dtype="<u4"))
    return from_row(values), entry


def to_versions(memory_id: str, changes: Sequence[Sequence[Any]], current: MemoryRecord | None) -> list[Version]:
    """Return rows of `VERSIONS` as versions.

    The file stores only what each change replaced: its new state is the old state of the next change.
    """
    for sequence, event, happened_at, recorded_at, actor_id, role, before, row, id_then, written in changes:
        if checksum((sequence, row, id_then, event, happened_at, recorded_at, actor_id, role, before)) != written:
            raise damage_error(f"version {sequence} of memory {memory_id}")
    old_states = [from_document(change[6]) if change[6] else None for change in changes]
    new_states = [*old_states, current][1:]
    return [
        Version(
            number=change[0],
            memory_id=memory_id,
            event=change[1],
            old=old,
            new=None if change[1] == "DELETE" else new,
            created_at=changes[0][2],
            happened_at=change[2],
            recorded_at=change[3],
            actor_id=change[4],
            role=change[5],
        )
        for change, old, new in zip(changes, old_states, new_states, strict=True)
    ]


def to_source_message(row: Sequence[Any]) -> SourceMessage:
    """Return the source message of a row.

    Raises:
        StorageError: The checksum does not match.
    """
    if checksum(row[:4]) != row[4]:
        raise damage_error(f"message {row[5]}")
    return SourceMessage(role=row[0], content=row[1], name=row[2], happened_at=row[3])
