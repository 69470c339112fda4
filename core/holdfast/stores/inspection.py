"""What `doctor` reads in a file, row by row, and how it sets damaged rows aside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from holdfast.errors import StorageError
from holdfast.stores import Damage
from holdfast.stores.rows import COLUMNS, WIDTH, checksum, to_json, vector_checksum

_CHANGE = "sequence, row, memory_id, event, happened_at, recorded_at, actor_id, role, before"
_MESSAGE = "role, content, name, happened_at"


def damages_of(connection: sqlite3.Connection) -> list[Damage]:
    """Return everything in the file that does not match its checksum or its neighbours."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        return [*_broken_pages(connection), *_broken_rows(connection), *_broken_neighbours(connection)]
    finally:
        connection.text_factory = str


def move_aside(connection: sqlite3.Connection, damages: Sequence[Damage]) -> list[tuple[int, str]]:
    """Move the damaged memories into the table `damaged`; return their rows and ids.

    Raises:
        StorageError: The tables themselves are broken, so that nothing in them can be told apart safely.
    """
    # What SQLite looks up by, and must find again to delete, may be what is damaged.
    connection.execute("REINDEX")
    for damage in _broken_pages(connection):
        raise StorageError(f"this cannot be repaired, restore a backup: {damage.problem}")
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        problems = {damage.row: damage.problem for damage in damages if damage.row is not None}
        return [moved for row, problem in problems.items() for moved in _move(connection, row, problem)]
    finally:
        connection.text_factory = str


def _move(connection: sqlite3.Connection, row: int, problem: str) -> Iterator[tuple[int, str]]:
    found = connection.execute(f"SELECT {COLUMNS} FROM memories WHERE row = ?", [row]).fetchall()
    for values in found:
        shown = [value.hex() if isinstance(value, bytes) else value for value in values]
        connection.execute("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?)", [row, problem, to_json(shown)])
        yield row, str(values[0])
    for table in ("memories", "vectors"):
        connection.execute(f"DELETE FROM {table} WHERE row = ?", [row])


def _broken_pages(connection: sqlite3.Connection) -> Iterator[Damage]:
    for (answer,) in connection.execute("PRAGMA integrity_check(20)"):
        if answer != "ok":
            yield Damage(f"the file itself: {answer}")


def _broken_rows(connection: sqlite3.Connection) -> Iterator[Damage]:
    for row, *values in connection.execute(f"SELECT row, {COLUMNS}, checksum FROM memories"):
        if checksum(values[:WIDTH]) != values[WIDTH]:
            yield Damage("the record does not match its checksum", memory_id=str(values[0]), row=row)
    for vector, terms, written, memory_id, row in connection.execute(
        "SELECT vector, terms, vectors.checksum, id, vectors.row"
        " FROM vectors LEFT JOIN memories ON memories.row = vectors.row"
    ):
        if vector_checksum(vector, terms) != written:
            yield Damage("the vector or its terms do not match their checksum", memory_id=memory_id, row=row)
    for memory_id, values in _checked(connection, "changes", _CHANGE):
        yield Damage(f"version {values[0]} in the history of {memory_id} does not match its checksum")
    for _, values in _checked(connection, "messages", f"{_MESSAGE}, number"):
        yield Damage(f"source message {values[4]} does not match its checksum")


def _checked(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[str, Sequence[Any]]]:
    for *values, written in connection.execute(f"SELECT {columns}, checksum FROM {table}"):
        content = values[:4] if table == "messages" else values
        if checksum(content) != written:
            yield values[2], values


def _broken_neighbours(connection: sqlite3.Connection) -> Iterator[Damage]:
    for row, memory_id in connection.execute(
        "SELECT row, id FROM memories WHERE NOT EXISTS (SELECT 1 FROM vectors WHERE vectors.row = memories.row)"
    ):
        yield Damage("the memory has no vector, so no search can find it", memory_id=memory_id, row=row)
    for row, memory_id in connection.execute(
        "SELECT row, id FROM memories WHERE NOT EXISTS (SELECT 1 FROM changes WHERE changes.sequence = memories.row)"
    ):
        yield Damage("the memory is missing from the change sequence", memory_id=memory_id, row=row)
    for (row,) in connection.execute(
        "SELECT row FROM vectors WHERE NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = vectors.row)"
    ):
        yield Damage("a vector belongs to no memory", row=row)
