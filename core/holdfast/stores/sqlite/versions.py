"""What is taken out of the change log: the history of erased memories, and former states that are no longer kept.

Whoever follows the changes must learn of those that are gone. An erased row leaves a mark that holds its number only.
Pruning leaves one mark, with the number of the last change it took: a reader that had not come so far starts again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from holdfast.filters import Filter, split_scope, to_predicate, to_sql
from holdfast.records import MemoryRecord
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import Erased
from holdfast.stores.sqlite.rows import from_document, to_json

ERASED = "ERASE"
"""The event of the mark that an erased row leaves."""

PRUNED = "PRUNE"
"""The event of the mark that pruning leaves; its `row` is the number of the last change that pruning took."""

_EXISTS = "EXISTS (SELECT 1 FROM memories WHERE memories.row = changes.row)"
_OF_MEMORIES = ("memories", "changes")  # tables whose rows, once set aside, name the row of a memory
_OF_ROWS = (
    "(sequence IN (SELECT value FROM json_each(:rows))"
    " OR (row IN (SELECT value FROM json_each(:rows)) AND row <> sequence))"
)


def find_rows(connection: sqlite3.Connection, filters: Filter) -> list[int]:
    """Return the rows of memories that match `filters`, and of deleted ones that did in their last known state."""
    condition, values = to_sql(filters)
    existing = [row for (row,) in connection.execute(f"SELECT row FROM memories WHERE {condition}", values)]
    matches = to_predicate(filters)
    last_states = dict(_former_states(connection, f"NOT {_EXISTS}"))
    deleted = [row for row, record in last_states.items() if matches(record)]
    return [*existing, *deleted, *_find_set_aside(connection, filters)]


def find_rows_of(connection: sqlite3.Connection, memory_id: str) -> list[int]:
    """Return the row of a memory, and those it had before it was deleted."""
    found = connection.execute(
        "SELECT row FROM memories WHERE id = ?1"
        " UNION SELECT row FROM changes WHERE memory_id = ?1 AND event = 'DELETE'",
        [memory_id],
    )
    return [row for (row,) in found]


def find_rows_kept_with(connection: sqlite3.Connection, rows: Sequence[int]) -> list[int]:
    """Return the rows of turns, deleted ones included, that were kept by the adds the memories in `rows` come from.

    The history of such a turn may hold the texts of these memories, or a deleted turn may have said them.
    """
    values = {"rows": to_json(rows)}
    told_at = {at for (at,) in connection.execute(f"SELECT recorded_at FROM changes WHERE {_OF_ROWS}", values)}
    scopes = {record.scope for _, record in _former_states(connection, _OF_ROWS, values)}
    moments = {"moments": to_json(sorted(told_at))}
    of_adds = "recorded_at IN (SELECT value FROM json_each(:moments))"
    existing = connection.execute(
        f"SELECT row, {', '.join(SCOPE_FIELDS)} FROM memories WHERE facts IS NOT NULL AND {of_adds}", moments
    ).fetchall()
    deleted = _former_states(connection, f"row IN (SELECT sequence FROM changes WHERE {of_adds})", moments)
    return [
        *(row for row, *ids in existing if Scope(*ids) in scopes),
        *(row for row, record in deleted if record.facts is not None and record.scope in scopes),
    ]


def erase_history(connection: sqlite3.Connection, rows: Sequence[int], *, ids: Sequence[str], before: int) -> Erased:
    """Delete every version of the memories in `rows`, and what repair has set aside of them.

    Of a memory that exists only the present state remains.

    Args:
        rows: Rows of memories.
        ids: What repair has set aside goes as well when it has all of these.
        before: The number of the first change that stays: the marks of the rows follow from there.
    """
    values = {"rows": to_json(rows), "before": before}
    deleted = connection.execute(
        f"DELETE FROM changes WHERE sequence < :before AND event <> '{PRUNED}' AND {_OF_ROWS}"
        f" AND NOT (sequence = row AND {_EXISTS})"
        " RETURNING row, event",
        values,
    ).fetchall()
    _erase_set_aside(connection, rows, ids)
    versions = [row for row, event in deleted if event != ERASED]
    existing = {
        row
        for (row,) in connection.execute(
            "SELECT row FROM memories WHERE row IN (SELECT value FROM json_each(:rows))", values
        )
    }
    return Erased(memories=len(set(versions) - existing), versions=len(versions))


def prune_history(
    connection: sqlite3.Connection, *, keep: int | None, before: int | None, rows: Iterable[int] | None
) -> tuple[int, int]:
    """Delete former states beyond the newest `keep` of each memory, and those replaced before the moment `before`.

    Of deleted memories without any state left nothing remains.

    Args:
        keep: `None` for any number.
        before: Microseconds since 1970; `None` for any age.
        rows: Only of the memories in these rows; `None` for all.

    Returns:
        How many states were deleted, and the number of the last change that was, 0 for none.
    """
    values = {"keep": keep, "before": before, "rows": None if rows is None else to_json(sorted(set(rows)))}
    chosen = "TRUE" if rows is None else _OF_ROWS
    states = connection.execute(
        "DELETE FROM changes WHERE sequence IN (SELECT sequence FROM ("
        "SELECT sequence, happened_at, row_number() OVER (PARTITION BY memory_id ORDER BY sequence DESC) AS place"
        f" FROM changes WHERE before IS NOT NULL AND {chosen}"
        ") WHERE place > :keep OR happened_at < :before) RETURNING sequence",
        values,
    ).fetchall()
    # A row without a memory and without a former state has nothing to say any more, not even that it was deleted.
    empty = connection.execute(
        f"DELETE FROM changes WHERE before IS NULL AND event <> '{PRUNED}' AND {chosen} AND NOT {_EXISTS}"
        " AND NOT EXISTS (SELECT 1 FROM changes AS other"
        " WHERE other.row = changes.row AND other.row <> other.sequence AND other.before IS NOT NULL)"
        " RETURNING sequence",
        values,
    ).fetchall()
    marks = connection.execute(
        f"DELETE FROM changes WHERE event = '{PRUNED}' OR (event = '{ERASED}' AND {chosen}) RETURNING sequence", values
    ).fetchall()
    return len(states), max((sequence for (sequence,) in (*states, *empty, *marks)), default=0)


def _former_states(
    connection: sqlite3.Connection, condition: str, values: Mapping[str, Any] | None = None
) -> Iterator[tuple[int, MemoryRecord]]:
    """Yield former states with their rows, oldest first; damaged ones are left out."""
    found = connection.execute(
        f"SELECT row, before FROM changes WHERE before IS NOT NULL AND {condition} ORDER BY sequence", values or {}
    )
    for row, before in found.fetchall():
        try:
            yield row, from_document(before)
        except (ValueError, KeyError, TypeError):
            continue


def _find_set_aside(connection: sqlite3.Connection, filters: Filter) -> list[int]:
    """Return the rows of which repair has set something aside that has the ids of the scope of `filters`."""
    ids, rest = split_scope(filters)
    if rest is not None or not ids:
        return []
    condition, values = _holds(list(ids.values()))
    found = connection.execute(f"SELECT content FROM damaged WHERE json_valid(content) AND {condition}", values)
    contents = [json.loads(content) for (content,) in found.fetchall()]
    rows = [one["row"] for one in contents if isinstance(one, dict) and one.get("table") in _OF_MEMORIES]
    return [row for row in rows if isinstance(row, int)]


def _erase_set_aside(connection: sqlite3.Connection, rows: Sequence[int], ids: Sequence[str]) -> None:
    """Delete what repair has set aside of the memories in `rows`, or with all of `ids`, however damaged it is."""
    connection.execute(
        f"DELETE FROM damaged WHERE json_valid(content) AND json_extract(content, '$.table') IN {_OF_MEMORIES}"
        " AND json_extract(content, '$.row') IN (SELECT value FROM json_each(?))",
        [to_json(rows)],
    )
    if ids:
        condition, values = _holds(ids)
        connection.execute(f"DELETE FROM damaged WHERE {condition}", values)


def _holds(ids: Sequence[str]) -> tuple[str, list[str]]:
    """Return the condition that what was set aside has all of `ids`: each a value, or inside a former state's JSON."""
    quoted = [to_json(one) for one in ids]
    condition = " AND ".join("(instr(content, ?) OR instr(content, ?))" for _ in quoted)
    return condition, [form for one in quoted for form in (one, to_json(one)[1:-1])]
