"""Vectors of a new embedder, staged in a table of their own until every memory has one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from holdfast.records import MemoryRecord
from holdfast.stores.protocol import IndexEntry
from holdfast.stores.sqlite.rows import COLUMNS, from_row, record_checksum, to_blobs, to_row, vector_checksum

# A staged vector is that of the memory as it was embedded; an update since then shows in the record's checksum.
_NOT_STAGED = "FROM memories LEFT JOIN reembedded USING (row) WHERE reembedded.of_record IS NOT memories.checksum"


def count_memories_to_embed(connection: sqlite3.Connection) -> int:
    """Return how many memories have no staged vector of their present text."""
    (count,) = connection.execute(f"SELECT count(*) {_NOT_STAGED}").fetchone()
    return int(count)


def list_memories_to_embed(connection: sqlite3.Connection, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
    """Return memories in rows above `after` that have no staged vector of their present text, each with its row."""
    found = connection.execute(
        f"SELECT {COLUMNS}, memories.checksum, row {_NOT_STAGED} AND row > ? ORDER BY row LIMIT ?", [after, limit]
    ).fetchall()
    return [(values[-1], from_row(values)) for values in found]


def stage_vectors(
    connection: sqlite3.Connection, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
) -> None:
    """Store new vectors of `memories`, except of those deleted since they were read."""
    for (row, record), entry in zip(memories, entries, strict=True):
        vector, terms = to_blobs(entry)
        connection.execute(
            "INSERT OR REPLACE INTO reembedded SELECT row, ?, ?, ?, ? FROM memories WHERE row = ?",
            [record_checksum(to_row(record)), vector, terms, vector_checksum(vector, terms), row],
        )


def adopt_vectors(connection: sqlite3.Connection) -> int | None:
    """Replace all vectors by the staged ones; return how many, or `None` while some memory has none.

    Damaged staged vectors are dropped first, so that their memories are embedded again.
    """
    staged = connection.execute("SELECT row, vector, terms, checksum FROM reembedded")
    damaged = [(row,) for row, vector, terms, written in staged if vector_checksum(vector, terms) != written]
    connection.executemany("DELETE FROM reembedded WHERE row = ?", damaged)
    if count_memories_to_embed(connection):
        return None
    connection.execute(
        "UPDATE vectors SET vector = new.vector, terms = new.terms, checksum = new.checksum"
        " FROM reembedded AS new WHERE new.row = vectors.row"
    )
    return int(connection.execute("DELETE FROM reembedded").rowcount)


def drop_vectors(connection: sqlite3.Connection) -> None:
    """Drop all staged vectors."""
    connection.execute("DELETE FROM reembedded")
