"""What repair does with one damaged row. What cannot be saved is kept in the table `damaged`."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.sqlite.rows import COLUMNS, SqlValue, checksum, from_row, scope_key, to_json

Remedy = Callable[[sqlite3.Connection, int], None]
"""Settles one finding within a transaction. The second argument is the time, microseconds since 1970."""

CHANGE_COLUMNS = "sequence, row, memory_id, event, happened_at, recorded_at, actor_id, role, before"
"""The columns of a change that its checksum covers, in that order."""


def setting_aside(table: str, key: str, value: object, problem: str) -> Remedy:
    """Return the remedy that moves the row of `table` whose primary key is `value` to the table `damaged`."""
    return functools.partial(_move_row, table, key, value, problem)


def deleting(table: str, condition: str, *values: object) -> Remedy:
    """Return the remedy that deletes rows which can be made again, or which point nowhere."""
    return functools.partial(_delete_rows, f"DELETE FROM {table} WHERE {condition}", values)


def recording_again(row: int, memory_id: str) -> Remedy:
    """Return the remedy for a memory in a row that no change has given it."""
    return functools.partial(_record_again, row, memory_id)


def recording_loss(row: int, memory_id: str) -> Remedy:
    """Return the remedy for a memory that is gone although nobody deleted it."""
    return functools.partial(_record_loss, row, memory_id)


def restoring_scopes(key: object, ids: Sequence[Any]) -> Remedy:
    """Return the remedy for a row of `scopes` whose `ids` are not those of its `key`."""
    return functools.partial(_restore_scopes, key, ids)


def set_aside(connection: sqlite3.Connection, table: str, problem: str, content: Mapping[str, object]) -> None:
    """Keep what is left of a damaged row of `table`."""
    printable = {name: value.hex() if isinstance(value, bytes) else value for name, value in content.items()}
    connection.execute(
        "INSERT INTO damaged (problem, content) VALUES (?, ?)",
        [problem, to_json({"table": table, **printable}).encode("utf-8", "replace").decode()],
    )


def append_change(connection: sqlite3.Connection, values: tuple[SqlValue, ...]) -> None:
    """Append a change; `values` are those of `CHANGE_COLUMNS`."""
    connection.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*values, checksum(values)])


def restart_indexes(connection: sqlite3.Connection, recorded_at: int, *, lost_changes: int) -> None:
    """Append the change that makes every process build its index again.

    Its number is above every number that was ever given, also those of changes that are damaged or lost: an index
    that has read so far would take it for known.
    """
    valid = (
        values[0]
        for *values, written in connection.execute(f"SELECT {CHANGE_COLUMNS}, checksum FROM changes NOT INDEXED")
        if checksum(values) == written
    )
    sequence = max(valid, default=0) + lost_changes + 1
    append_change(connection, (sequence, 0, "", "REEMBED", recorded_at, recorded_at, None, None, None))


def _move_row(table: str, key: str, value: object, problem: str, connection: sqlite3.Connection, _: int) -> None:
    cursor = connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", [value])
    names = [column[0] for column in cursor.description]
    for found in cursor.fetchall():
        set_aside(connection, table, problem, dict(zip(names, found, strict=True)))
    connection.execute(f"DELETE FROM {table} WHERE {key} = ?", [value])


def _delete_rows(statement: str, values: tuple[object, ...], connection: sqlite3.Connection, _: int) -> None:
    connection.execute(statement, values)


def _restore_scopes(key: object, ids: Sequence[Any], connection: sqlite3.Connection, _: int) -> None:
    connection.execute("DELETE FROM scopes WHERE key IS ?", [key])
    # Either the key is damaged, and the ids name the scope of messages; or an id is, and memories still have it.
    scopes = connection.execute(f"SELECT DISTINCT {', '.join(SCOPE_FIELDS)} FROM memories").fetchall()
    for found in (ids, *scopes):
        connection.execute(
            "INSERT OR IGNORE INTO scopes SELECT scope, ?, ?, ?, ? FROM messages WHERE scope = ? LIMIT 1",
            [*found, scope_key(Scope(*found))],
        )


def _record_again(row: int, memory_id: str, connection: sqlite3.Connection, _: int) -> None:
    found = connection.execute(f"SELECT {COLUMNS}, checksum FROM memories WHERE row = ?", [row]).fetchone()
    if found is None or found[0] != memory_id:
        return  # it was set aside, or has moved already
    record = from_row(found)
    (place,) = connection.execute(
        "SELECT max(sequence) FROM changes NOT INDEXED WHERE event = 'ADD' AND memory_id = ? AND sequence = row"
        " AND NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = sequence)",
        [memory_id],
    ).fetchone()
    if place is None:
        (last,) = connection.execute("SELECT max(sequence) FROM changes").fetchone()
        is_free = not connection.execute("SELECT 1 FROM changes WHERE sequence = ?", [row]).fetchone()
        place = row if is_free and 0 < row < last else last + 1
        added = (place, place, memory_id, "ADD", record.created_at, record.recorded_at, record.actor_id, record.role)
        append_change(connection, (*added, None))
    if place != row:
        # Rows that belong to the old place are others', or get found there as belonging to no memory.
        connection.execute("UPDATE memories SET row = ? WHERE row = ?", [place, row])


def _record_loss(row: int, memory_id: str, connection: sqlite3.Connection, recorded_at: int) -> None:
    if connection.execute("SELECT 1 FROM memories WHERE row = ?", [row]).fetchone():
        return  # found in another row, and moved back
    (last,) = connection.execute("SELECT max(sequence) FROM changes").fetchone()
    append_change(connection, (last + 1, row, memory_id, "DELETE", recorded_at, recorded_at, None, None, None))
