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
            yield Damage(f"the {definition.kind} {name} is missing: {_consequence(definition, is_missing=True)}")
        elif found[name] != definition:
            yield Damage(
                f"the {definition.kind} {name} is defined differently than it was created:"
                f" {_consequence(definition, is_missing=False)}"
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


def find_lost_tables(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the tables that SQLite cannot find, or that have lost a column."""
    return [name for name, columns in _columns_of_tables().items() if _count_columns(connection, name) != len(columns)]


def count_altered(connection: sqlite3.Connection) -> int:
    """Return how many definitions are missing or altered."""
    found = _definitions(connection)
    return sum(found.get(name) != definition for name, definition in _expected_definitions().items())


def recreate_indexes(connection: sqlite3.Connection) -> bool:
    """Create the missing indexes again; return whether that makes all definitions what they should be."""
    found, expected = _definitions(connection), _expected_definitions()
    # An index that has lost its name is still there under another one, and an altered one cannot be found to be
    # dropped: with a second one beside it, SQLite would not open the file any more.
    if any(found.get(name, definition) != definition for name, definition in expected.items()) or any(
        definition.kind == "index" for name, definition in found.items() if name not in expected
    ):
        return count_altered(connection) == 0
    for name, definition in expected.items():
        if name not in found and definition.is_derived:
            connection.execute(definition.statement)
    return count_altered(connection) == 0


def _count_columns(connection: sqlite3.Connection, table: str) -> int:
    try:
        with contextlib.closing(connection.execute(f"SELECT * FROM {table} LIMIT 0")) as cursor:
            return len(cursor.description)
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            return 0
        raise


def columns_of(table: str) -> list[str]:
    """Return the names of the columns of a table, in order."""
    return _columns_of_tables()[table]


@lru_cache(maxsize=1)
def _columns_of_tables() -> Mapping[str, list[str]]:
    with _empty_database() as empty:
        return {
            name: [column for _, column, *_ in empty.execute(f"PRAGMA table_info({name})")]
            for name, definition in _definitions(empty).items()
            if definition.kind == "table"
        }


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
    expected = _expected_definitions()
    tables = {definition.table for definition in expected.values()}
    statements = {definition.statement for definition in expected.values()} - {""}
    rows = connection.execute("SELECT rowid, name, tbl_name, sql, * FROM sqlite_master").fetchall()
    ours = [
        (number,)
        for number, name, table, sql, *_ in rows
        if name in expected or table in tables or _normalise(sql) in statements  # any of them may be damaged
    ]
    connection.execute("PRAGMA writable_schema = ON")
    connection.executemany("DELETE FROM sqlite_master WHERE rowid = ?", ours)
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > len(rows) - len(ours):
        # Where their numbers are damaged SQLite reads the rows and cannot look them up: write the others again.
        others = [row for row in rows if (row[0],) not in ours]
        connection.execute("DELETE FROM sqlite_master")
        connection.executemany(f"INSERT INTO sqlite_master VALUES ({', '.join('?' * 5)})", [row[4:] for row in others])
    connection.execute("PRAGMA writable_schema = RESET")  # and off; the connection reads the list again


def create_tables(connection: sqlite3.Connection) -> None:
    """Create every table and index of Holdfast, in a file that has none."""
    for definition in _expected_definitions().values():
        if definition.statement:
            connection.execute(definition.statement)


def _definitions(connection: sqlite3.Connection) -> dict[str, Definition]:
    rows = connection.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
    # `ANALYZE`, which anyone may run, keeps its statistics in tables of these names.
    ours = [row for row in rows if not str(row[0]).startswith("sqlite_stat")]
    return {str(name): Definition(str(kind), str(table), _normalise(sql)) for name, kind, table, sql in ours}


def _normalise(statement: object) -> str:
    return " ".join(statement.split()) if isinstance(statement, str) else ""


@lru_cache(maxsize=1)
def _expected_definitions() -> Mapping[str, Definition]:
    with _empty_database() as empty:
        return _definitions(empty)


@contextlib.contextmanager
def _empty_database() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        migrate(empty, name="an empty database")
        yield empty


def _consequence(definition: Definition, *, is_missing: bool) -> str:
    if definition.is_derived:
        return "repair creates it again"
    if is_missing:
        return "its rows are lost or cannot be trusted, restore a backup"
    return "repair creates it again with every row that matches its checksum"
