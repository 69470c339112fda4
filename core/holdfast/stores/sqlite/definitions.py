"""The definitions of a file's tables and indexes, compared with those of a newly created file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.schema import migrate


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition in a file.

    Attributes:
        kind: `"table"`, `"index"`, `"trigger"` or `"view"`.
        table: The table it belongs to.
        statement: The SQL that creates it, with white space normalised; empty for what SQLite adds by itself.
    """

    kind: str
    table: str
    statement: str

    @property
    def is_derived(self) -> bool:
        """Whether it can be created again without loss."""
        return self.kind == "index" and bool(self.statement)


def find_damaged_definitions(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Yield every difference between the definitions in the file and those it should have."""
    found, expected = _definitions(connection), _expected_definitions()
    for name, definition in expected.items():
        if name not in found:
            yield Damage(f"the {definition.kind} {name} is missing: {_consequence(definition)}")
        elif found[name] != definition:
            yield Damage(
                f"the {definition.kind} {name} is defined differently than it was created: {_consequence(definition)}"
            )
    for name, definition in found.items():
        if name not in expected:
            yield Damage(
                f"the {definition.kind} {name} is not Holdfast's: remove it,"
                " unless it is a missing table or index under another name"
            )


def undamaged_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables that are defined as they should be."""
    found = _definitions(connection)
    return {
        name
        for name, definition in _expected_definitions().items()
        if definition.kind == "table" and found.get(name) == definition
    }


def unrecoverable(connection: sqlite3.Connection) -> list[str]:
    """Return the names of what is missing or altered and cannot be created from the rest of the file."""
    return [name for name, definition in _find_altered(connection).items() if not definition.is_derived]


def count_altered_indexes(connection: sqlite3.Connection) -> int:
    """Return how many indexes are missing or altered."""
    return len(_find_altered_indexes(connection))


def recreate_indexes(connection: sqlite3.Connection) -> None:
    """Create the missing and altered indexes again."""
    for name, definition in _find_altered_indexes(connection).items():
        connection.execute(f"DROP INDEX IF EXISTS {name}")
        connection.execute(definition.statement)


def _find_altered_indexes(connection: sqlite3.Connection) -> dict[str, Definition]:
    return {name: definition for name, definition in _find_altered(connection).items() if definition.is_derived}


def primary_keys() -> Mapping[str, tuple[str, ...]]:
    """Return the columns of the primary key of every table, parents before the tables that refer to them."""
    with _empty_database() as empty:
        return {
            name: tuple(column for _, column, _, _, _, place in empty.execute(f"PRAGMA table_info({name})") if place)
            for name, definition in _definitions(empty).items()
            if definition.kind == "table"
        }


def forget_tables(connection: sqlite3.Connection) -> None:
    """Remove every table and index of Holdfast from the list of definitions, and leave their pages as they are."""
    tables = [name for name, definition in _expected_definitions().items() if definition.kind == "table"]
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(f"DELETE FROM sqlite_master WHERE tbl_name IN ({', '.join('?' * len(tables))})", tables)
    connection.execute("PRAGMA writable_schema = RESET")  # and off; the connection reads the list again


def create_tables(connection: sqlite3.Connection) -> None:
    """Create every table and index of Holdfast, in a file that has none."""
    for definition in _expected_definitions().values():
        if definition.statement:
            connection.execute(definition.statement)


def _find_altered(connection: sqlite3.Connection) -> dict[str, Definition]:
    """Return what is missing or altered in the file, as it should be defined."""
    found = _definitions(connection)
    return {name: definition for name, definition in _expected_definitions().items() if found.get(name) != definition}


def _definitions(connection: sqlite3.Connection) -> dict[str, Definition]:
    rows = connection.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
    # `ANALYZE`, which anyone may run, keeps its statistics in tables of these names.
    ours = [row for row in rows if not str(row[0]).startswith("sqlite_stat")]
    return {
        str(name): Definition(str(kind), str(table), " ".join((sql or "").split())) for name, kind, table, sql in ours
    }


@lru_cache(maxsize=1)
def _expected_definitions() -> Mapping[str, Definition]:
    with _empty_database() as empty:
        return _definitions(empty)


@contextlib.contextmanager
def _empty_database() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        migrate(empty, name="an empty database")
        yield empty


def _consequence(definition: Definition) -> str:
    if definition.is_derived:
        return "repair creates it again"
    return "its rows are lost or cannot be trusted, restore a backup"
