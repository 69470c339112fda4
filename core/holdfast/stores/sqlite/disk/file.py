"""The SQLite file: how its path is read, and how it is checked before opening and configured."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Literal

from holdfast.errors import InvalidInput, StorageError
from holdfast.paths import make_private_folders, path_text, to_path
from holdfast.stores.sqlite.disk.new_file import BUSY_TIMEOUT, create_file
from holdfast.stores.sqlite.disk.old_log import beside, require_own_log

Synchronous = Literal["FULL", "NORMAL"]
"""When SQLite calls `fsync`: at every commit, or only when the log is merged into the file."""

IN_MEMORY = ":memory:"
"""The path of a store without a file."""

LOG_LIMIT = 8 * 1024 * 1024
"""Bytes to which the log is cut once nobody reads from it. SQLite keeps it at 4 MiB while no reader stays open."""

_MOST_PAGES_OF_LOG = 1_000
_LEAST_BYTES = 512  # of any database; SQLite takes a shorter file for a new one and would overwrite it


def locate(path: str | os.PathLike[str]) -> str:
    """Return the path to open, with `~` replaced by the home folder; `":memory:"` stays as it is.

    Raises:
        InvalidInput: No file can be at `path` (see `to_path`).

    >>> locate(":memory:")
    ':memory:'
    """
    return IN_MEMORY if path_text(path) == IN_MEMORY else str(to_path(path))


def prepare_file(path: Path) -> None:
    """Make sure that `path` is a file that can be opened as a store; create it, whole or not at all, if missing.

    A new file has mode 0600, and a new folder 0700. A file that exists keeps its mode, and SQLite gives it to the log.

    Raises:
        InvalidInput: `path` is a folder or a device.
        StorageError: The file is too short for a database, read-only, or the log beside it is another file's.
    """
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder: name a file in it, such as {path / 'memory.db'}")
    path = Path(os.path.realpath(path))  # SQLite follows links too, and keeps its log beside the file itself
    if not path.exists():
        make_private_folders(path.parent)
        create_file(path)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{path} is no regular file: choose another path")
    if status.st_size < _LEAST_BYTES:
        log = beside(path, "-wal")
        rest = f" with {log.name}, which may hold memories," if log.exists() else ""
        raise StorageError(
            f"{path} holds {status.st_size} bytes, too few for any store: restore a backup, or move it away{rest} to"
            " start over"
        )
    if not os.access(path, os.W_OK):
        raise StorageError(f"{path} is read-only: make it writable, or copy it to where it can be written")
    require_own_log(path)


def configure(connection: sqlite3.Connection, synchronous: Synchronous) -> None:
    """Set what SQLite does not store in the file. One write takes 0.3 ms with `FULL`, 0.03 ms with `NORMAL`."""
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # the default of a SQLite library depends on who built it
    # KiB. The system caches the file too: among 30,000 memories 64 MiB are no faster than 2, and they fill up.
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")


def empty_log(connection: sqlite3.Connection) -> None:
    """Move what the log holds into the file and cut the log, unless that would wait for another process."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000:.0f}")


def limit_pages_of_log(connection: sqlite3.Connection, size: int) -> None:
    """Let each commit move the log into the file from `size` bytes on, 0 for SQLite's own limit, which is the most."""
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    pages = min(size // page_size, _MOST_PAGES_OF_LOG) or _MOST_PAGES_OF_LOG
    connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")


def is_disk_full(error: BaseException) -> bool:
    """Return whether more room on the disk may help: a full disk, a quota, or a limit of the size of files."""
    # A quota and a limit are reported as "disk I/O error".
    return isinstance(error, sqlite3.OperationalError) and any(word in str(error) for word in ("full", "disk I/O"))


def advice_for(error: BaseException) -> str:
    """Return a sentence on what the caller can do about an error of SQLite.

    >>> advice_for(sqlite3.OperationalError("database or disk is full"))
    'Nothing was written: make room on the disk and call again; a few memories at a time can be deleted without'
    """
    text = str(error).lower()
    return next((advice for words, advice in _ADVICE.items() if any(word in text for word in words)), _NO_ADVICE)


_NO_ADVICE = "Nothing was written"
_ADVICE = {
    ("full", "no space"): (
        "Nothing was written: make room on the disk and call again; a few memories at a time can be deleted without"
    ),
    ("locked", "busy"): (
        f"Another process has locked it for over {BUSY_TIMEOUT:.0f} seconds: nothing was written, call again"
    ),
    ("readonly", "read-only", "permission"): "Nothing was written: make the file and its folder writable",
    ("name too long",): "Nothing was written: choose a shorter path",
    ("not a directory", "file exists"): "A part of the path is a file: choose a path in a folder",
    ("malformed database schema", "not a database"): "Nothing in the file can be read any more: restore a backup",
    ("no such file",): "Nothing was written: choose a path whose folder exists or can be created",
    ("malformed", "utf-8", "no such"): "The file is damaged: run `holdfast doctor`, or restore a backup",
}
"""What to do by words of the error, the first that match."""
