"""Vectors of another embedder on their way into a file: kept beside the old ones until every memory has its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from holdfast.records import MemoryRecord
from holdfast.stores.protocol import IndexEntry
from holdfast.stores.sqlite.rows import COLUMNS, from_row, record_checksum, to_blobs, to_row, vector_checksum

_STALE = "FROM memories LEFT JOIN reembedded USING (row) WHERE reembedded.of_record IS NOT memories.checksum"


def count_stale(connection: sqlite3.Connection) -> int:
    """Return how many memories have no new vector, or one of what they said before."""
    (count,) = connection.execute(f"SELECT count(*) {_STALE}").fetchone()
    return int(count)


def stale_memories(connection: sqlite3.Connection, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
    """Return memories behind row `after` that have no new vector, or one of what they said before, with their rows."""
    found = connection.execute(
        f"SELECT {COLUMNS}, memories.checksum, row {_STALE} AND row > ? ORDER BY row LIMIT ?", [after, limit]
    ).fetchall()
    return [(values[-1], from_row(values)) for values in found]


def stage_vectors(
    connection: sqlite3.Connection, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
) -> None:
    """Keep the new vectors of memories; of one that is gone meanwhile, none."""
    for (row, record), entry in zip(memories, entries, strict=True):
        vector, terms = to_blobs(entry)
        connection.execute(
            "INSERT OR REPLACE INTO reembedded SELECT row, ?, ?, ?, ? FROM memories WHERE row = ?",
            [record_checksum(to_row(record)), vector, terms, vector_checksum(vector, terms), row],
        )


def adopt_vectors(connection: sqlite3.Connection) -> int | None:
    """Put the new vectors in the place of the old ones; return how many, `None` while a memory has none.

    One that is not as it was written is none.
    """
    kept = connection.execute("SELECT row, vector, terms, checksum FROM reembedded")
    broken = [(row,) for row, vector, terms, written in kept if vector_checksum(vector, terms) != written]
    connection.executemany("DELETE FROM reembedded WHERE row = ?", broken)
    if count_stale(connection):
        return None
    connection.execute(
        "UPDATE vectors SET vector = new.vector, terms = new.terms, checksum = new.checksum"
        " FROM reembedded AS new WHERE new.row = vectors.row"
    )
    return int(connection.execute("DELETE FROM reembedded").rowcount)


def drop_vectors(connection: sqlite3.Connection) -> None:
    """Drop what was kept."""
    connection.execute("DELETE FROM reembedded")
