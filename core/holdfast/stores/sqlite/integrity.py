"""What `doctor` checks in a file, row by row, and how it sets damaged rows aside."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence

from holdfast.errors import StorageError
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.definitions import (
    find_damaged_definitions,
    recreate_indexes,
    undamaged_tables,
    unrecoverable,
)
from holdfast.stores.sqlite.rows import COLUMN_COUNT, COLUMNS, checksum, record_checksum, to_json, vector_checksum
from holdfast.stores.sqlite.settings import find_damaged_settings, replace_damaged_settings

_BEYOND_REPAIR = "this cannot be repaired, restore a backup"


def find_damage(connection: sqlite3.Connection) -> list[Damage]:
    """Return everything in the file that does not match its definition, its checksum or the rows it belongs to."""
    with _tolerating_damaged_text(connection):
        pages = _find_damaged_pages(connection)
        undamaged = undamaged_tables(connection)
        damages = [*find_damaged_definitions(connection), *pages]
        for check, tables in _CHECKS.items():
            if tables <= undamaged:
                damages += _until_unreadable(check(connection)) if pages else check(connection)
        return damages


def rebuild_indexes(connection: sqlite3.Connection) -> int:
    """Rebuild what can be derived from the rest of the file; return how many indexes were missing or altered.

    Raises:
        StorageError: The tables themselves are damaged, so that nothing in them can be trusted.
    """
    with _tolerating_damaged_text(connection), _raising_beyond_repair():
        for name in unrecoverable(connection):
            raise StorageError(f"{_BEYOND_REPAIR}: {name} is missing or altered")
        count = recreate_indexes(connection)
        # The key of a setting, or of an index, may itself be damaged; written again as a whole, it can be found.
        replace_damaged_settings(connection, {})
        connection.execute("REINDEX")
        for damage in _find_damaged_pages(connection):
            raise StorageError(f"{_BEYOND_REPAIR}: {damage.problem}")
        return count


def quarantine(connection: sqlite3.Connection, damages: Sequence[Damage]) -> list[tuple[int, str]]:
    """Move the damaged memories into the table `damaged`; return their rows and ids."""
    with _tolerating_damaged_text(connection):
        problems = {damage.row: damage.problem for damage in damages if damage.row is not None}
        return [moved for row, problem in problems.items() for moved in _move(connection, row, problem)]


@contextlib.contextmanager
def _tolerating_damaged_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are not UTF-8 any more with replacement characters."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        yield
    finally:
        connection.text_factory = str


@contextlib.contextmanager
def _raising_beyond_repair() -> Iterator[None]:
    """Raise a `StorageError` that says so when SQLite itself finds the file corrupt."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # a full disk or a lock, which another file would not help
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{_BEYOND_REPAIR}: {error}") from error


def _until_unreadable(damages: Iterator[Damage]) -> Iterator[Damage]:
    # The unreadable pages are reported already, one by one.
    with contextlib.suppress(sqlite3.DatabaseError):
        yield from damages


def _move(connection: sqlite3.Connection, row: int, problem: str) -> Iterator[tuple[int, str]]:
    found = connection.execute(f"SELECT {COLUMNS} FROM memories WHERE row = ?", [row]).fetchall()
    for values in found:
        printable = [value.hex() if isinstance(value, bytes) else value for value in values]
        connection.execute("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?)", [row, problem, to_json(printable)])
        yield row, str(values[0])
    for table in ("memories", "vectors"):
        connection.execute(f"DELETE FROM {table} WHERE row = ?", [row])


def _find_damaged_pages(connection: sqlite3.Connection) -> list[Damage]:
    try:
        answers = [answer for (answer,) in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # the check itself fails on a badly damaged file
        answers = [str(error)]
    return [Damage(f"the file itself: {answer}") for answer in answers if answer != "ok"]


def _find_damaged_records(connection: sqlite3.Connection) -> Iterator[Damage]:
    for row, *values in connection.execute(f"SELECT row, {COLUMNS}, checksum FROM memories"):
        if record_checksum(values[:COLUMN_COUNT]) != values[COLUMN_COUNT]:
            yield Damage("the record does not match its checksum", memory_id=str(values[0]), row=row)


def _find_damaged_vectors(connection: sqlite3.Connection) -> Iterator[Damage]:
    for vector, terms, written, memory_id, row in connection.execute(
        "SELECT vector, terms, vectors.checksum, id, vectors.row"
        " FROM vectors LEFT JOIN memories ON memories.row = vectors.row"
    ):
        if vector_checksum(vector, terms) != written:
            yield Damage("the vector or its terms do not match their checksum", memory_id=memory_id, row=row)


def _find_damaged_changes(connection: sqlite3.Connection) -> Iterator[Damage]:
    columns = "sequence, row, memory_id, event, happened_at, recorded_at, actor_id, role, before"
    for *values, written in connection.execute(f"SELECT {columns}, checksum FROM changes"):
        if checksum(values) != written:
            yield Damage(f"version {values[0]} in the history of {values[2]} does not match its checksum")


def _find_damaged_messages(connection: sqlite3.Connection) -> Iterator[Damage]:
    columns = "number, role, content, name, happened_at"
    for number, *content, written in connection.execute(f"SELECT {columns}, checksum FROM messages"):
        if checksum(content) != written:
            yield Damage(f"source message {number} does not match its checksum")


def _find_orphans(connection: sqlite3.Connection) -> Iterator[Damage]:
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


_CHECKS: Mapping[Callable[[sqlite3.Connection], Iterator[Damage]], set[str]] = {
    find_damaged_settings: {"settings"},
    _find_damaged_records: {"memories"},
    _find_damaged_vectors: {"memories", "vectors"},
    _find_damaged_changes: {"changes"},
    _find_damaged_messages: {"messages"},
    _find_orphans: {"memories", "vectors", "changes"},
}
"""Every check with the tables it reads: it runs only if those are defined as they should be."""
