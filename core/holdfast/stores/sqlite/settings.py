"""The store-wide settings of a file: read with their checksums, each for itself, and settled when they are damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.errors import StorageError
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.rows import checksum, to_json

# As bytes: one setting that is no text any more must not keep the others from being read.
_ALL = "SELECT CAST(name AS BLOB), CAST(value AS BLOB), checksum FROM settings"


@dataclass(frozen=True, slots=True)
class _Row:
    """A setting as it stands in the file."""

    name: str
    value: str
    checksum: int

    @property
    def is_whole(self) -> bool:
        return checksum((self.name, self.value)) == self.checksum


def read_setting(connection: sqlite3.Connection, name: str) -> Any:
    """Return a setting, `None` when it was never set.

    Raises:
        StorageError: It is damaged, or cannot be told from one that is.
    """
    rows = _rows(connection)
    for row in rows:
        if row.name == name and row.is_whole:
            return json.loads(row.value)
    if all(row.is_whole for row in rows):
        return None
    # What is damaged may be the name.
    raise StorageError(
        f"the setting {name!r} is damaged: its checksum does not hold. `holdfast doctor` says what to do;"
        " a backup has it whole"
    )


def write_settings(connection: sqlite3.Connection, settings: Mapping[str, Any]) -> None:
    """Set settings, JSON values by name."""
    _insert(connection, [_row_of(name, value) for name, value in settings.items()])


def broken_settings(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Yield the settings that do not match their checksum."""
    for row in _rows(connection):
        if not row.is_whole:
            yield Damage(f"the setting {row.name!r} does not match its checksum", setting=row.name)


def settle_settings(connection: sqlite3.Connection, anew: Mapping[str, Any]) -> int:
    """Put what `anew` says in the place of damaged settings, `None` to drop one; return how many were damaged.

    The table is written as a whole: in a damaged one SQLite may not find the row it is to replace.
    """
    rows = _rows(connection)
    replaced = [row for row in rows if not row.is_whole and row.name in anew]
    kept = [row for row in rows if row not in replaced]
    connection.execute("DELETE FROM settings")
    _insert(connection, kept)
    write_settings(connection, {name: value for name, value in anew.items() if value is not None})
    return len(replaced)


def _rows(connection: sqlite3.Connection) -> list[_Row]:
    return [_Row(_text(name), _text(value), _number(written)) for name, value, written in connection.execute(_ALL)]


def _row_of(name: str, value: Any) -> _Row:
    text = to_json(value)
    return _Row(name, text, checksum((name, text)))


def _insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", [(row.name, row.value, row.checksum) for row in rows]
    )


def _text(content: object) -> str:
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _number(content: object) -> int:
    return content if isinstance(content, int) else -1  # which no checksum is
