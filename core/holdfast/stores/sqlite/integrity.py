"""What `doctor` reads in a file, its definitions and row by row, and how it sets damaged rows aside."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from holdfast.errors import StorageError
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.definitions import broken_definitions, lost_for_good, restore_indexes, whole_tables
from holdfast.stores.sqlite.rows import COLUMNS, WIDTH, checksum, record_checksum, to_json, vector_checksum
from holdfast.stores.sqlite.settings import broken_settings, settle_settings

_CHANGE = "sequence, row, memory_id, event, happened_at, recorded_at, actor_id, role, before"
_MESSAGE = "role, content, name, happened_at"


def damages_of(connection: sqlite3.Connection) -> list[Damage]:
    """Return everything in the file that does not match its definition, its checksum or its neighbours."""
    with _any_text(connection):
        pages = _broken_pages(connection)
        whole = whole_tables(connection)
        found = [*broken_definitions(connection), *pages]
        for check, tables in _CHECKS.items():
            if tables <= whole:
                found += _as_far_as_readable(check(connection)) if pages else check(connection)
        return found


def restore(connection: sqlite3.Connection) -> int:
    """Make anew what can be derived from what is there; return how many indexes were missing or altered.

    Raises:
        StorageError: The tables themselves are broken, so that nothing in them can be told apart safely.
    """
    with _any_text(connection), _giving_up():
        for name in lost_for_good(connection):
            raise StorageError(f"{_BEYOND_REPAIR}: {name} is missing or altered")
        restored = restore_indexes(connection)
        # What SQLite looks up by, and must find again to delete, may be what is damaged.
        settle_settings(connection, {})
        connection.execute("REINDEX")
        for damage in _broken_pages(connection):
            raise StorageError(f"{_BEYOND_REPAIR}: {damage.problem}")
        return restored


def move_aside(connection: sqlite3.Connection, damages: Sequence[Damage]) -> list[tuple[int, str]]:
    """Move the damaged memories into the table `damaged`; return their rows and ids."""
    with _any_text(connection):
        problems = {damage.row: damage.problem for damage in damages if damage.row is not None}
        return [moved for row, problem in problems.items() for moved in _move(connection, row, problem)]


_BEYOND_REPAIR = "this cannot be repaired, restore a backup"


@contextlib.contextmanager
def _any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are damaged too."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        yield
    finally:
        connection.text_factory = str


@contextlib.contextmanager
def _giving_up() -> Iterator[None]:
    """Say so when SQLite itself finds the file corrupt."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # a full disk, a lock: nothing that another file would help
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{_BEYOND_REPAIR}: {error}") from error


def _as_far_as_readable(damages: Iterator[Damage]) -> Iterator[Damage]:
    # That pages cannot be read was told already, page by page.
    with contextlib.suppress(sqlite3.DatabaseError):
        yield from damages


def _move(connection: sqlite3.Connection, row: int, problem: str) -> Iterator[tuple[int, str]]:
    found = connection.execute(f"SELECT {COLUMNS} FROM memories WHERE row = ?", [row]).fetchall()
    for values in found:
        shown = [value.hex() if isinstance(value, bytes) else value for value in values]
        connection.execute("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?)", [row, problem, to_json(shown)])
        yield row, str(values[0])
    for table in ("memories", "vectors"):
        connection.execute(f"DELETE FROM {table} WHERE row = ?", [row])


def _broken_pages(connection: sqlite3.Connection) -> list[Damage]:
    try:
        answers = [answer for (answer,) in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # so broken that the check itself gives up
        answers = [str(error)]
    return [Damage(f"the file itself: {answer}") for answer in answers if answer != "ok"]


def _broken_records(connection: sqlite3.Connection) -> Iterator[Damage]:
    for row, *values in connection.execute(f"SELECT row, {COLUMNS}, checksum FROM memories"):
        if record_checksum(values[:WIDTH]) != values[WIDTH]:
            yield Damage("the record does not match its checksum", memory_id=str(values[0]), row=row)


def _broken_vectors(connection: sqlite3.Connection) -> Iterator[Damage]:
    for vector, terms, written, memory_id, row in connection.execute(
        "SELECT vector, terms, vectors.checksum, id, vectors.row"
        " FROM vectors LEFT JOIN memories ON memories.row = vectors.row"
    ):
        if vector_checksum(vector, terms) != written:
            yield Damage("the vector or its terms do not match their checksum", memory_id=memory_id, row=row)


def _broken_changes(connection: sqlite3.Connection) -> Iterator[Damage]:
    for memory_id, values in _checked(connection, "changes", _CHANGE):
        yield Damage(f"version {values[0]} in the history of {memory_id} does not match its checksum")


def _broken_messages(connection: sqlite3.Connection) -> Iterator[Damage]:
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


# Each check beside the tables it reads.
_CHECKS: Mapping[Callable[[sqlite3.Connection], Iterator[Damage]], set[str]] = {
    broken_settings: {"settings"},
    _broken_records: {"memories"},
    _broken_vectors: {"memories", "vectors"},
    _broken_changes: {"changes"},
    _broken_messages: {"messages"},
    _broken_neighbours: {"memories", "vectors", "changes"},
}
