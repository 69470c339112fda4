"""Take what was deleted out of the file itself, and out of its log."""

from __future__ import annotations

import gc
import sqlite3
import time
from collections.abc import Callable

from holdfast.errors import StorageError
from holdfast.stores.sqlite.connections import Connections
from holdfast.stores.sqlite.disk.file import IN_MEMORY
from holdfast.stores.sqlite.disk.new_file import BUSY_TIMEOUT

_PAUSE = 0.05  # seconds between attempts to empty the log while another process reads it


def scrub(connections: Connections) -> None:
    """Write every page of the file again, and empty the log.

    `secure_delete` overwrites a deleted row with zeros, but not the copies that SQLite leaves in a page when it moves
    rows to another page: of 6,000 random writes, up to 24 deleted words stayed in the file.

    Raises:
        StorageError: There is no room for the pages, or another process reads the log all the time.
    """
    if connections.path == IN_MEMORY:
        return
    connections.require_open()
    _until_done(
        lambda: _rewrite(connections),
        f"{connections.path}: the memories are deleted, but a call that was interrupted keeps the file from being"
        " written again without their words. Call this again",
    )
    _until_done(
        lambda: _empty_log(connections),
        f"{connections.path}: what was deleted is gone from the file, but the log still holds its words, as another"
        f" process has read it for over {BUSY_TIMEOUT:.0f} seconds. End that, then call this again",
    )


def _until_done(attempt: Callable[[], bool], failure: str) -> None:
    end = time.monotonic() + BUSY_TIMEOUT
    while not attempt():
        if time.monotonic() > end:
            raise StorageError(failure)
        time.sleep(_PAUSE)


def _rewrite(connections: Connections) -> bool:
    """Write the file again; return whether no statement was in the way."""
    with connections.write_lock:
        connections.require_open()
        try:
            connections.writer.execute("VACUUM")
        except sqlite3.Error as error:
            if "statements in progress" in str(error):
                gc.collect()  # the traceback of an interrupt may keep a statement open
                return False
            raise StorageError(
                f"{connections.path}: the memories are deleted, but the file could not be written again without their"
                f" words ({error}). Make room on the disk for a second copy of the file and call this again"
            ) from error
    return True


def _empty_log(connections: Connections) -> bool:
    """Merge the log into the file and empty it; return whether no reader was in the way."""
    with connections.write_lock:
        connections.require_open()
        # SQLite would wait for the readers with the lock of the file held, which stops all writers.
        connections.writer.execute("PRAGMA busy_timeout = 0")
        try:
            (is_busy, _, _) = connections.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise connections.translate(error) from error
            return False
        finally:
            connections.writer.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000:.0f}")
        return not is_busy
