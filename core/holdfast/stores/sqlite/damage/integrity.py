"""What `doctor` checks in a file, row by row.

Every check yields what it found together with the remedy, so that nothing is reported without a way to settle it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.damage.definitions import find_damaged_definitions, undamaged_tables
from holdfast.stores.sqlite.damage.remedies import (
    CHANGE_COLUMNS,
    Remedy,
    deleting,
    recording_again,
    recording_loss,
    restoring_scopes,
    setting_aside,
)
from holdfast.stores.sqlite.rows import (
    COLUMN_COUNT,
    COLUMNS,
    checksum,
    is_usable_vector,
    record_checksum,
    scope_key,
    vector_checksum,
)
from holdfast.stores.sqlite.settings import find_damaged_settings

T = TypeVar("T")

Check = Callable[[sqlite3.Connection], Iterator["Finding"]]
"""Yields the damaged rows of one kind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One damaged row.

    Attributes:
        damage: What `doctor` reports.
        remedy: Settles it; `None` where the store alone cannot.
    """

    damage: Damage
    remedy: Remedy | None = None


def find_damage(connection: sqlite3.Connection) -> list[Damage]:
    """Return everything in the file that does not match its definition, its checksum or the rows it belongs to."""
    with tolerating_damaged_text(connection):
        pages = find_damaged_pages(connection)
        undamaged = undamaged_tables(connection)
        damages = [*find_damaged_definitions(connection), *pages]
        if "settings" in undamaged:
            settings = find_damaged_settings(connection)
            damages += _until_unreadable(settings) if pages else settings
        findings = find_damaged_rows(connection, undamaged, readable=not pages)
        return [*damages, *(finding.damage for finding in findings)]


def find_damaged_rows(connection: sqlite3.Connection, tables: set[str], *, readable: bool = True) -> Iterator[Finding]:
    """Yield every damaged row of `tables`; unless they are `readable`, as far as SQLite can read them."""
    for check in row_checks(tables):
        found = check(connection)
        yield from found if readable else _until_unreadable(found)


def row_checks(tables: set[str]) -> list[Check]:
    """Return the checks that read only `tables`, in the order in which their findings are to be settled."""
    return [check for check, needed in _CHECKS.items() if needed <= tables]


def find_damaged_pages(connection: sqlite3.Connection, *, most: int = 20) -> list[Damage]:
    """Return what SQLite's own check finds, at most `most` problems."""
    try:
        answers = [answer for (answer,) in connection.execute(f"PRAGMA integrity_check({most})")]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # the check itself fails on a badly damaged file
        answers = [str(error)]
    return [Damage(f"the file itself: {answer}") for answer in answers if answer != "ok"]


@contextlib.contextmanager
def tolerating_damaged_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are not UTF-8 any more with replacement characters."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        yield
    finally:
        connection.text_factory = str


def _until_unreadable(found: Iterator[T]) -> Iterator[T]:
    # The unreadable pages are reported already, one by one.
    with contextlib.suppress(sqlite3.DatabaseError):
        yield from found


# SQLite may answer from an index instead of the table, which the checks of a table must not: `NOT INDEXED`.


def _find_damaged_records(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, *values in connection.execute(f"SELECT row, {COLUMNS}, checksum FROM memories NOT INDEXED"):
        if record_checksum(values[:COLUMN_COUNT]) != values[COLUMN_COUNT]:
            problem = "the record does not match its checksum"
            yield Finding(
                Damage(problem, memory_id=_text(values[0]), row=row), setting_aside("memories", "row", row, problem)
            )


def _find_damaged_vectors(connection: sqlite3.Connection) -> Iterator[Finding]:
    width = _usual_width(connection)
    for vector, terms, written, memory_id, row in connection.execute(
        "SELECT vector, terms, vectors.checksum, id, vectors.row"
        " FROM vectors NOT INDEXED LEFT JOIN memories ON memories.row = vectors.row"
    ):
        if vector_checksum(vector, terms) != written:
            problem = "the vector or its terms do not match their checksum"
        elif not is_usable_vector(vector, terms, width):
            problem = "the vector or its terms have another length than those of other memories, or are no numbers"
        else:
            continue
        yield Finding(
            Damage(f"{problem}: {_EMBEDDED_AGAIN}", memory_id=_text(memory_id), row=row),
            deleting("vectors", "row = ?", row),
        )


def _usual_width(connection: sqlite3.Connection) -> int | None:
    """Return the length in bytes that most vectors have, `None` without any."""
    found = connection.execute(
        "SELECT length(vector) FROM vectors NOT INDEXED GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    return None if found is None else found[0]


def _find_damaged_changes(connection: sqlite3.Connection) -> Iterator[Finding]:
    for *values, written in connection.execute(f"SELECT {CHANGE_COLUMNS}, checksum FROM changes NOT INDEXED"):
        if checksum(values) != written:
            problem = f"version {values[0]} in the history of {values[2]} does not match its checksum"
            yield Finding(Damage(problem), setting_aside("changes", "sequence", values[0], problem))


def _find_damaged_messages(connection: sqlite3.Connection) -> Iterator[Finding]:
    columns = "number, role, content, name, happened_at"
    for number, *content, written in connection.execute(f"SELECT {columns}, checksum FROM messages NOT INDEXED"):
        if checksum(content) != written:
            problem = f"source message {number} does not match its checksum"
            yield Finding(Damage(problem), setting_aside("messages", "number", number, problem))


def _find_damaged_staged_vectors(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, vector, terms, written in connection.execute(
        "SELECT row, vector, terms, checksum FROM reembedded NOT INDEXED"
    ):
        if vector_checksum(vector, terms) != written:
            problem = f"the vector that `reembed` computed for row {row} does not match its checksum"
            yield Finding(Damage(f"{problem}: `reembed` computes it again"), deleting("reembedded", "row = ?", row))


def _find_damaged_scopes(connection: sqlite3.Connection) -> Iterator[Finding]:
    for key, *ids in connection.execute(f"SELECT key, {', '.join(SCOPE_FIELDS)} FROM scopes").fetchall():
        if scope_key(Scope(*ids)) != key:
            names = ", ".join(str(value) for value in ids if value is not None)
            yield Finding(Damage(f"the scope {names} does not match its key"), restoring_scopes(key, ids))


def _find_messages_of_no_scope(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (number,) in connection.execute(
        "SELECT number FROM messages NOT INDEXED WHERE scope NOT IN (SELECT key FROM scopes)"
    ).fetchall():
        problem = f"source message {number} belongs to no scope"
        yield Finding(Damage(problem), setting_aside("messages", "number", number, problem))


def _find_dangling_rows(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, *messages in connection.execute(
        "SELECT row, first, last FROM sources WHERE row NOT IN (SELECT row FROM memories NOT INDEXED) OR first > last"
    ).fetchall():
        yield Finding(
            Damage(f"row {row} is said to come from source messages {messages}: no memory can"),
            deleting("sources", "row = ? AND first = ? AND last = ?", row, *messages),
        )
    for (row,) in connection.execute(
        "SELECT row FROM reembedded NOT INDEXED WHERE row NOT IN (SELECT row FROM memories NOT INDEXED)"
    ).fetchall():
        yield Finding(
            Damage(f"the vector that `reembed` computed for row {row} belongs to no memory"),
            deleting("reembedded", "row = ?", row),
        )


_UNRECORDED = """
SELECT row, id FROM memories NOT INDEXED WHERE NOT EXISTS (
    SELECT 1 FROM changes WHERE changes.sequence = memories.row AND event = 'ADD' AND memory_id = memories.id
)
"""
"""Memories in another row than the change that inserted them says: see `insert` of the transaction."""

_VANISHED = """
SELECT row, memory_id FROM changes AS added WHERE event = 'ADD' AND row = sequence
AND NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = added.row)
AND NOT EXISTS (SELECT 1 FROM changes WHERE changes.row = added.row AND changes.row <> sequence AND event = 'DELETE')
"""


def _find_unrecorded_memories(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, memory_id in connection.execute(_UNRECORDED).fetchall():
        problem = "the memory is missing from the change sequence: repair records it again"
        yield Finding(Damage(problem, memory_id=_text(memory_id), row=row), recording_again(row, memory_id))


def _find_vanished_memories(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, memory_id in connection.execute(_VANISHED).fetchall():
        problem = "the memory is not in the file any more, and was not deleted: only a backup has it"
        yield Finding(Damage(problem, memory_id=_text(memory_id)), recording_loss(row, memory_id))


def _find_orphans(connection: sqlite3.Connection) -> Iterator[Finding]:
    for row, memory_id in connection.execute(
        "SELECT row, id FROM memories NOT INDEXED"
        " WHERE NOT EXISTS (SELECT 1 FROM vectors WHERE vectors.row = memories.row)"
    ).fetchall():
        problem = f"the memory has no vector, so no search can find it: {_EMBEDDED_AGAIN}"
        yield Finding(Damage(problem, memory_id=_text(memory_id), row=row))
    for (row,) in connection.execute(
        "SELECT row FROM vectors NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM memories WHERE memories.row = vectors.row)"
    ).fetchall():
        yield Finding(Damage("a vector belongs to no memory"), deleting("vectors", "row = ?", row))


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


_EMBEDDED_AGAIN = "repair with the embedder of the store embeds it again"

_CHECKS: Mapping[Check, set[str]] = {
    _find_damaged_records: {"memories"},
    _find_damaged_vectors: {"memories", "vectors"},
    _find_damaged_changes: {"changes"},
    _find_damaged_messages: {"messages"},
    _find_damaged_staged_vectors: {"reembedded"},
    _find_unrecorded_memories: {"memories", "changes"},
    _find_vanished_memories: {"memories", "changes"},
    _find_damaged_scopes: {"scopes", "memories", "messages"},
    _find_messages_of_no_scope: {"scopes", "messages"},
    _find_dangling_rows: {"memories", "sources", "reembedded"},
    _find_orphans: {"memories", "vectors"},
}
"""Every check with the tables it reads: it runs only if those are defined as they should be.

Repair settles what one finds before it runs the next: what is found later may be what an earlier one has settled.
"""
