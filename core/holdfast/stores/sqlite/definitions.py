"""What a file's tables and indexes are, beside what the schema's steps make of an empty one."""

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
    """One thing that a file defines.

    Attributes:
        kind: `"table"`, `"index"`, `"trigger"` or `"view"`.
        table: What it belongs to.
        statement: The SQL that makes it, white space aside; empty for what SQLite adds by itself.
    """

    kind: str
    table: str
    statement: str

    @property
    def is_derived(self) -> bool:
        """Whether it can be made again without any loss."""
        return self.kind == "index" and bool(self.statement)


def broken_definitions(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Yield every difference between what is defined and what should be."""
    found, expected = _definitions(connection), _expected()
    for name, definition in expected.items():
        if name not in found:
            yield Damage(f"the {definition.kind} {name} is missing: {_lost(definition)}")
        elif found[name] != definition:
            yield Damage(f"the {definition.kind} {name} is defined otherwise than it was made: {_lost(definition)}")
    for name, definition in found.items():
        if name not in expected:
            yield Damage(
                f"the {definition.kind} {name} is not Holdfast's: remove it, unless it is what a table or index that"
                " is missing has become"
            )


def whole_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the tables that are defined as they should be."""
    found = _definitions(connection)
    return {name for name, one in _expected().items() if one.kind == "table" and found.get(name) == one}


def lost_for_good(connection: sqlite3.Connection) -> list[str]:
    """Return what is missing or altered and cannot be made again from what is there."""
    return [name for name, definition in _altered(connection).items() if not definition.is_derived]


def restore_indexes(connection: sqlite3.Connection) -> int:
    """Make the indexes that are missing or altered anew; return how many."""
    altered = {name: one for name, one in _altered(connection).items() if one.is_derived}
    for name, definition in altered.items():
        connection.execute(f"DROP INDEX IF EXISTS {name}")
        connection.execute(definition.statement)
    return len(altered)


def _altered(connection: sqlite3.Connection) -> dict[str, Definition]:
    """Return the definitions, as they should be, of what is missing or altered."""
    found = _definitions(connection)
    return {name: definition for name, definition in _expected().items() if found.get(name) != definition}


def _definitions(connection: sqlite3.Connection) -> dict[str, Definition]:
    rows = connection.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
    # `ANALYZE` keeps its counts in tables of these names, and anyone may run it.
    mine = [row for row in rows if not str(row[0]).startswith("sqlite_stat")]
    return {
        str(name): Definition(str(kind), str(table), " ".join((sql or "").split())) for name, kind, table, sql in mine
    }


@lru_cache(maxsize=1)
def _expected() -> Mapping[str, Definition]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        migrate(empty, name="an empty database")
        return _definitions(empty)


def _lost(definition: Definition) -> str:
    if definition.is_derived:
        return "repair makes it anew"
    return "its rows are lost or cannot be trusted, restore a backup"
