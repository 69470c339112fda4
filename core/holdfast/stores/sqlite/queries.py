"""The queries of the store, and the records made of their rows."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from holdfast.filters import Filter, to_predicate, to_sql
from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexBatch, Version
from holdfast.stores.sqlite.rows import (
    COLUMNS,
    WIDTH,
    checksum,
    damaged,
    from_document,
    from_row,
    record_checksum,
    vector_checksum,
)

HISTORY = """
WITH one (row) AS (
    SELECT row FROM memories WHERE id = :id
    UNION
    SELECT row FROM changes WHERE memory_id = :id AND event = 'DELETE'
)
SELECT sequence, event, happened_at, recorded_at, actor_id, role, before, row, memory_id, checksum
FROM changes WHERE sequence IN one OR (row IN one AND row <> sequence) ORDER BY sequence
"""


_ENTRY = f"SELECT {COLUMNS}, memories.checksum, vectors.row, vector, terms, vectors.checksum"


ALL_ENTRIES = f"{_ENTRY} FROM vectors JOIN memories ON memories.row = vectors.row ORDER BY vectors.row"


CHANGED_ENTRIES = (
    f"{_ENTRY} FROM (SELECT DISTINCT row FROM changes WHERE sequence > ?) AS changed"
    " JOIN memories ON memories.row = changed.row JOIN vectors ON vectors.row = changed.row ORDER BY vectors.row"
)


RESTART_SINCE = "SELECT 1 FROM changes WHERE sequence > ? AND event IN ('RESET', 'REEMBED')"


REMOVED_ROWS = """
SELECT DISTINCT row FROM changes
WHERE sequence > ? AND NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = changes.row)
"""


def select_records(
    connection: sqlite3.Connection, matching: Filter, *, limit: int | None = None, offset: int = 0
) -> list[MemoryRecord]:
    """Return the memories that match, newest first."""
    condition, values = to_sql(matching)
    found = connection.execute(
        f"SELECT {COLUMNS}, checksum FROM memories WHERE {condition}"
        " ORDER BY created_at DESC, row DESC LIMIT ? OFFSET ?",
        [*values, -1 if limit is None else limit, offset],
    )
    # A cursor that failed halfway and lives on in a traceback would hold its connection to the state of that moment.
    with contextlib.closing(found):
        records = [from_row(row) for row in found.fetchall()]
    holds = to_predicate(matching)
    for record in records:
        # SQLite believes its own indexes: one flipped bit there would show one user's memory to another.
        if not holds(record):
            raise damaged(f"the index that led to memory {record.id}")
    return records


@contextlib.contextmanager
def consistent_reads(connection: sqlite3.Connection) -> Iterator[None]:
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


def index_entries_of(
    part: Sequence[Sequence[Any]], removed: Sequence[int], sequence: int, *, restart: bool
) -> IndexBatch:
    """Return the rows of a query as the index wants them."""
    for values in part:
        if record_checksum(values[:WIDTH]) != values[WIDTH] or vector_checksum(*values[-3:-1]) != values[-1]:
            raise damaged(f"memory {values[0]}")
    vectors = np.frombuffer(b"".join([values[-3] for values in part]), dtype="<f4")
    return IndexBatch(
        rows=np.fromiter((values[-4] for values in part), dtype=np.int64, count=len(part)),
        scopes=[_scope_of(*values[2:6]) for values in part],
        expiration_dates=[values[16] for values in part],
        memory_types=[values[10] for values in part],
        speakers=[values[9] for values in part],
        vectors=vectors.reshape(len(part), -1) if part else vectors.reshape(0, 0),
        terms=[np.frombuffer(values[-2], dtype="<u4") for values in part],
        deleted_rows=removed,
        sequence=sequence,
        restart=restart,
    )


def versions_of(memory_id: str, changes: Sequence[Sequence[Any]], text_now: str | None) -> list[Version]:
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


def source_message_of(row: Sequence[Any]) -> SourceMessage:
    """Return the message of a row."""
    if checksum(row[:4]) != row[4]:
        raise damaged(f"message {row[5]}")
    return SourceMessage(role=row[0], content=row[1], name=row[2], happened_at=row[3])
