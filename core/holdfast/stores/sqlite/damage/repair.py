"""Repair a file: settle every damaged row, and write the tables anew where their pages are damaged."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.errors import StorageError
from holdfast.stores.protocol import Damage
from holdfast.stores.sqlite.damage.definitions import (
    columns_of,
    count_altered,
    create_tables,
    find_lost_tables,
    forget_tables,
    primary_keys,
    recreate_indexes,
    undamaged_tables,
)
from holdfast.stores.sqlite.damage.integrity import Finding, find_damaged_pages, row_checks, tolerating_damaged_text
from holdfast.stores.sqlite.damage.remedies import restart_indexes, set_aside
from holdfast.stores.sqlite.disk.file import IN_MEMORY
from holdfast.stores.sqlite.rows import COLUMNS, SqlValue, record_checksum
from holdfast.stores.sqlite.settings import replace_damaged_settings

_BEYOND_REPAIR = "this cannot be repaired, restore a backup"
_MOST_PASSES = 5  # what one pass settles may show something else: a damaged change hides which memory it inserted

_MOST_UNKEPT = 3
"""Rows that a damaged page may cost. More of them are the sign of a page that belongs to another table, or that is in
another place than it should be: then a file that looks whole would be missing most of what it had."""


@dataclass(slots=True)
class Repair:
    """What a repair has done.

    Attributes:
        settled: What it found and settled; memories without a vector are left to the caller, who has the embedder.
        rebuilt_definitions: How many definitions of tables and indexes were missing or altered.
        unkept: How many rows were set aside because they do not fit their table.
        leaves_unused_pages: Whether the tables were written anew, so that `VACUUM` has to follow.
    """

    settled: list[Damage] = field(default_factory=list)
    rebuilt_definitions: int = 0
    leaves_unused_pages: bool = False
    unkept: int = 0

    def note(self, problem: str) -> None:
        """Add a problem of the file to those that were settled."""
        if Damage(problem) not in self.settled:
            self.settled.append(Damage(problem))


def repair(connection: sqlite3.Connection, path: str, *, recorded_at: int) -> Repair:
    """Settle all damage of the file at `path` within the present transaction of `connection`.

    Raises:
        StorageError: The definitions of tables are damaged, or SQLite can no longer read a table.
    """
    with tolerating_damaged_text(connection), _raising_beyond_repair():
        for name in find_lost_tables(connection):
            raise StorageError(f"{_BEYOND_REPAIR}: {name} is missing or altered")
        # A memory moves to another row before what refers to it does; the commit checks that all is in place.
        connection.execute("PRAGMA defer_foreign_keys = ON")
        done = Repair(rebuilt_definitions=count_altered(connection))
        with _reader(path, connection) as reader:
            pages = find_damaged_pages(reader)
            if pages or not recreate_indexes(connection):
                _write_tables_anew(connection, reader, done, pages)
            else:
                # The name of a setting may itself be damaged; written again as a whole, the others can be found.
                replace_damaged_settings(connection, {})
        _settle_rows(connection, done, recorded_at)
        return done


@contextlib.contextmanager
def _reader(path: str, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Give a connection that reads the file as it was when the transaction began.

    Once a read has failed inside a transaction, SQLite lets nothing be written in it.
    """
    if path == IN_MEMORY:
        yield connection
        return
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader, tolerating_damaged_text(reader):
        reader.execute("BEGIN")
        yield reader


def _settle_rows(connection: sqlite3.Connection, done: Repair, recorded_at: int) -> None:
    checks = row_checks(undamaged_tables(connection))
    count = sum(1 for check in checks for _ in check(connection))
    if not count and not done.leaves_unused_pages:
        return
    restart_indexes(connection, recorded_at, lost_changes=count + len(done.settled))
    for _ in range(_MOST_PASSES):
        settled = [damage for check in checks for damage in _settle(connection, list(check(connection)), recorded_at)]
        if not settled:
            return
        done.settled += [damage for damage in settled if damage not in done.settled]


def _settle(connection: sqlite3.Connection, findings: Sequence[Finding], recorded_at: int) -> Iterator[Damage]:
    for finding in findings:
        if finding.remedy is not None:
            finding.remedy(connection, recorded_at)
            yield finding.damage


@contextlib.contextmanager
def _raising_beyond_repair() -> Iterator[None]:
    """Raise a `StorageError` that says so when SQLite itself finds the file corrupt."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # a full disk or a lock, which another file would not help
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite quotes damaged bytes in some of its errors
        raise StorageError(f"{_BEYOND_REPAIR}: {error}") from error


# Tables whose pages are damaged. What SQLite can still read of them is written to new tables, and the old pages are
# never touched again: to free them, SQLite would have to follow their damaged pointers. `VACUUM` drops them.


def _write_tables_anew(
    connection: sqlite3.Connection, reader: sqlite3.Connection, done: Repair, pages: Sequence[Damage]
) -> None:
    done.settled += pages[:1]
    forget_tables(connection)
    create_tables(connection)
    for table, keys in primary_keys().items():
        for names, values in _most_certain_first(reader, table, keys, done):
            _insert(connection, table, names, values, done)
    if done.unkept > _MOST_UNKEPT or _most_memories_are_lost(connection):
        problem = done.settled[0].problem if done.settled else "the definitions are altered"
        raise StorageError(f"{_BEYOND_REPAIR}: {problem}, and too little of the tables can be read")
    if count_altered(connection):
        raise StorageError(f"{_BEYOND_REPAIR}: the tables cannot be created again")
    for damage in find_damaged_pages(connection, most=1_000_000):
        if "never used" not in damage.problem:
            raise StorageError(f"{_BEYOND_REPAIR}: {damage.problem}")
    done.leaves_unused_pages = True


def _most_memories_are_lost(connection: sqlite3.Connection) -> bool:
    (kept,) = connection.execute("SELECT count(*) FROM memories").fetchone()
    (added,) = connection.execute("SELECT count(*) FROM changes WHERE event = 'ADD'").fetchone()
    (deleted,) = connection.execute("SELECT count(*) FROM changes WHERE event = 'DELETE'").fetchone()
    (vectors,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
    return bool(2 * kept < max(added - deleted, vectors))


Row = tuple[list[str], tuple[SqlValue, ...]]
"""The names of the columns of a table, and the values of a row."""


def _most_certain_first(reader: sqlite3.Connection, table: str, keys: Sequence[str], done: Repair) -> Iterator[Row]:
    """Yield the rows to insert, so that of two with one key the undamaged one is kept."""
    if table == "memories":
        for damaged in (False, True):
            for names, values in _read_rows(reader, table, keys, done):
                record = dict(zip(names, values, strict=True))
                is_damaged = record_checksum([record[name] for name in COLUMNS.split(", ")]) != record["checksum"]
                if is_damaged == damaged:
                    yield names, values
    elif table == "vectors":
        # Nothing says which of two vectors belongs to the memory: it is embedded again.
        counts = Counter(reader.execute("SELECT row FROM vectors NOT INDEXED"))
        yield from (row for row in _read_rows(reader, table, keys, done) if counts[row[1][:1]] == 1)
    else:
        yield from _read_rows(reader, table, keys, done)


def _read_rows(reader: sqlite3.Connection, table: str, keys: Sequence[str], done: Repair) -> Iterator[Row]:
    """Yield every row that can be read.

    Raises:
        DatabaseError: A page of the table cannot be read, and with it nobody knows how many rows.
    """
    names = columns_of(table)
    count = 0
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(reader.execute(f"SELECT * FROM {table} NOT INDEXED")) as cursor,
    ):
        for count, values in enumerate(cursor, 1):  # noqa: B007 - counts the rows up to the failure
            yield names, values
        return
    # One long row may be unreadable: its end is on pages of its own. Its key is not.
    condition = " AND ".join(f"{key} IS ?" for key in keys)
    for key in reader.execute(f"SELECT {', '.join(keys)} FROM {table} NOT INDEXED").fetchall()[count:]:
        try:
            found = reader.execute(f"SELECT * FROM {table} WHERE {condition}", key).fetchall()
        except sqlite3.DatabaseError:
            done.note(f"row {', '.join(map(str, key))} of the table {table} cannot be read any more")
        else:
            yield from ((names, values) for values in found)


_DERIVED_TABLES = ("vectors", "reembedded", "sources")
_RENUMBERED_TABLES = ("memories", "messages", "damaged")
"""Tables in which a row may take another number. Later checks move a memory back to where its history is."""


def _insert(
    connection: sqlite3.Connection, table: str, names: Sequence[str], values: Sequence[SqlValue], done: Repair
) -> None:
    """Insert a row into its new table, or set it aside."""
    variants = [list(values)]
    if table == "memories":
        variants.append([None if name == "fingerprint" else value for name, value in zip(names, values, strict=True)])
    if table in _RENUMBERED_TABLES:
        variants += [[None, *variant[1:]] for variant in variants]
    for variant in variants:
        try:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(variant))})", variant)
        except sqlite3.IntegrityError as error:
            reason = error
        else:
            return
    problem = f"row {values[0]!r} of the table {table} cannot be kept: {reason}"
    done.note(problem)
    if table not in _DERIVED_TABLES:
        done.unkept += 1
        set_aside(connection, table, problem, dict(zip(names, values, strict=True)))
