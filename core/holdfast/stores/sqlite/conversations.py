"""Source messages, and which memories may come from which: `sources` links a memory to messages `first` to `last`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import KeptTurn
from holdfast.stores.sqlite.rows import COLUMN_COUNT, COLUMNS, checksum, from_document, from_row, scope_key


def insert_messages(
    connection: sqlite3.Connection, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int
) -> list[int]:
    """Store messages; return their numbers, which follow each other."""
    key = scope_key(scope)
    ids = [getattr(scope, field) for field in SCOPE_FIELDS]
    connection.execute("INSERT OR IGNORE INTO scopes VALUES (?, ?, ?, ?, ?)", [key, *ids])
    # `sources` may hold the numbers of messages that are gone: they are not used again.
    (last,) = connection.execute(
        "SELECT max(ifnull((SELECT max(number) FROM messages), 0), ifnull((SELECT max(last) FROM sources), 0))"
    ).fetchone()
    numbers = list(range(last + 1, last + 1 + len(messages)))
    for number, message in zip(numbers, messages, strict=True):
        content = (message.role, message.content, message.name, message.happened_at)
        connection.execute(
            "INSERT INTO messages (number, scope, role, content, name, happened_at, recorded_at, checksum)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [number, key, *content, recorded_at, checksum(content)],
        )
    return numbers


def link_sources(connection: sqlite3.Connection, row: int, messages: Sequence[int], *, cite: bool) -> None:
    """Link a memory to the messages it may come from; `cite` them if that is certain, because it is only one."""
    if not messages:
        return
    first, last = messages[0], messages[-1]
    connection.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", [row, first, last])
    if cite and first == last:
        connection.execute("UPDATE messages SET cited = 1 WHERE number = ?", [first])


def delete_sources(connection: sqlite3.Connection, row: int) -> None:
    """Delete every message that the memory in `row` may come from."""
    connection.execute(
        "DELETE FROM messages WHERE number IN"
        " (SELECT number FROM sources JOIN messages ON number BETWEEN first AND last WHERE sources.row = ?)",
        [row],
    )


def delete_uncited_messages(connection: sqlite3.Connection, scope: Scope) -> None:
    """Delete the messages of exactly this scope that are not certain to be the source of a memory."""
    connection.execute("DELETE FROM messages WHERE scope = ? AND cited = 0", [scope_key(scope)])


def delete_messages(connection: sqlite3.Connection, ids: Mapping[str, str], *, before: int | None = None) -> None:
    """Delete the messages of every scope that has all of `ids`, set aside or not; with `before` only earlier ones."""
    condition = " AND ".join(["TRUE", *(f"{field} = :{field}" for field in ids)])
    of_scope = "" if not ids else f"AND scope IN (SELECT key FROM scopes WHERE {condition})"
    values = {**ids, "before": before}
    connection.execute(f"DELETE FROM messages WHERE (:before IS NULL OR happened_at < :before) {of_scope}", values)
    if before is None:
        connection.execute(
            "DELETE FROM damaged WHERE json_valid(content) AND json_extract(content, '$.table') = 'messages'"
            f" AND json_extract(content, '$.scope') IN (SELECT lower(hex(key)) FROM scopes WHERE {condition})",
            values,
        )
        connection.execute(f"DELETE FROM scopes WHERE {condition}", values)


def list_kept_turns(connection: sqlite3.Connection, row: int) -> list[MemoryRecord]:
    """Return the turns kept beside their facts that the memory in `row` may come from."""
    columns = COLUMNS.replace(", ", ", memories.")
    found = connection.execute(
        f"SELECT DISTINCT memories.{columns}, memories.checksum FROM sources AS told"
        " JOIN sources AS kept ON kept.last BETWEEN told.first AND told.last AND kept.first = kept.last"
        " JOIN memories ON memories.row = kept.row WHERE told.row = ? AND facts IS NOT NULL",
        [row],
    )
    return [from_row(values) for values in found.fetchall()]


def list_turns_kept_with(connection: sqlite3.Connection, turn: MemoryRecord) -> list[KeptTurn]:
    """Return all turns that the add of `turn` kept, each with the texts of the memories that may come from it."""
    ids = turn.scope.ids()
    conditions = [f"{field} = ?" if field in ids else f"{field} IS NULL" for field in SCOPE_FIELDS]
    found = connection.execute(
        f"SELECT {COLUMNS}, checksum, row FROM memories"
        f" WHERE {' AND '.join(conditions)} AND created_at = ? AND recorded_at = ? AND facts IS NOT NULL",
        [*ids.values(), turn.created_at, turn.recorded_at],
    ).fetchall()
    numbers = {values[-1]: _message_of(connection, values[-1]) for values in found}
    told = _texts_told(connection, [number for number in numbers.values() if number is not None])
    return [KeptTurn(from_row(values), frozenset(told.get(numbers[values[COLUMN_COUNT + 1]], ()))) for values in found]


def _message_of(connection: sqlite3.Connection, row: int) -> int | None:
    found = connection.execute("SELECT first FROM sources WHERE row = ? AND first = last", [row]).fetchone()
    return int(found[0]) if found else None


def _texts_told(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int | None, list[str]]:
    """Return, by message, the present and former texts of the memories that may come from it."""
    if not numbers:
        return {}
    told: dict[int | None, list[str]] = {number: [] for number in numbers}
    # The sources of one add end within it.
    found = connection.execute(
        "SELECT memories.row, text, first, last FROM sources JOIN memories ON memories.row = sources.row"
        " WHERE last BETWEEN ? AND ? AND facts IS NULL",
        [min(numbers), max(numbers)],
    ).fetchall()
    for row, text, first, last in found:
        former = connection.execute(
            "SELECT before FROM changes WHERE row = ? AND row <> sequence AND before IS NOT NULL", [row]
        )
        texts = [text, *(from_document(before).text for (before,) in former)]
        for number in numbers if first < last else (first,):
            if first <= number <= last and number in told:
                told[number] += texts
    return told
