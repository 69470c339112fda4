"""The store-wide settings of a file, each with a checksum of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.errors import StorageError
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.rows import checksum, to_json

# As bytes: one setting that is no longer valid text must not prevent the others from being read.
_ALL_SETTINGS = "SELECT CAST(name AS BLOB), CAST(value AS BLOB), checksum FROM settings"


@dataclass(frozen=True, slots=True)
class _Row:
    """A setting as it is in the file."""

    name: str
    value: str
    checksum: int

    @property
    def is_undamaged(self) -> bool:
        return checksum((self.name, self.value)) == self.checksum


def read_setting(connection: sqlite3.Connection, name: str) -> Any:
    """Return a setting, `None` if it was never set.

    Raises:
        StorageError: The setting is damaged, or a damaged one may have been it.
    """
    rows = _rows(connection)
    for row in rows:
        if row.name == name and row.is_undamaged:
            return json.loads(row.value)
    if all(row.is_undamaged for row in rows):
        return None
    # A damaged setting may have lost its name, so a missing one may be damaged.
    raise StorageError(
        f"the setting {name!r} is damaged: its checksum does not match. `holdfast doctor` says what to do;"
        " a backup has it undamaged"
    )


def write_settings(connection: sqlite3.Connection, settings: Mapping[str, Any]) -> None:
    """Set settings, JSON values by name."""
    _insert(connection, [_make_row(name, value) for name, value in settings.items()])


def find_damaged_settings(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Yield the settings that do not match their checksum."""
    for row in _rows(connection):
        if not row.is_undamaged:
            yield Damage(f"the setting {row.name!r} does not match its checksum", setting=row.name)


def replace_damaged_settings(connection: sqlite3.Connection, values: Mapping[str, Any]) -> int:
    """Replace damaged settings by those of `values`, `None` to drop one; return how many were damaged.

    The table is written as a whole, since SQLite may not find a row to replace in a damaged one.
    """
    rows = _rows(connection)
    damaged = [row for row in rows if not row.is_undamaged and row.name in values]
    others = [row for row in rows if row not in damaged]
    connection.execute("DELETE FROM settings")
    _insert(connection, others)
    write_settings(connection, {name: value for name, value in values.items() if value is not None})
    return len(damaged)


def _rows(connection: sqlite3.Connection) -> list[_Row]:
    return [
        _Row(_text(name), _text(value), _number(written)) for name, value, written in connection.execute(_ALL_SETTINGS)
    ]


def _make_row(name: str, value: Any) -> _Row:
    text = to_json(value)
    return _Row(name, text, checksum((name, text)))


def _insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", [(row.name, row.value, row.checksum) for row in rows]
    )


def _text(content: object) -> str:
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _number(content: object) -> int:
    return content if isinstance(content, int) else -1  # never a checksum
