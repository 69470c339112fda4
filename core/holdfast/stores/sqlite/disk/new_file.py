"""How a new SQLite file is created while other processes may do the same."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from holdfast.errors import StorageError
from holdfast.paths import create_draft
from holdfast.stores.sqlite.disk.old_log import beside, find_logs, set_aside
from holdfast.stores.sqlite.schema import migrate

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BUSY_TIMEOUT = 60.0
"""Seconds to wait for another process's transaction."""

_IS_WINDOWS = sys.platform == "win32"


def create_file(path: Path) -> None:
    """Create the store at `path`, whole or not at all, unless another process is faster."""
    # The file gets its name only when its tables exist, so an empty file is always damage, even while several
    # processes start at once: `link` refuses to replace what another one has created first.
    with _locked_folder(path.parent) as is_locked:
        if path.exists():
            return  # another process was faster, and what is beside the file is its log
        if logs := find_logs(path):
            if not (is_locked or _IS_WINDOWS):  # Windows does not rename a file that is open
                raise StorageError(f"{path} is missing, and {logs[0].name} is the log of an earlier file: move it away")
            set_aside(logs, path)
        draft = create_draft(path)
        try:
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                migrate(connection, name=str(path))
            _give_name(draft, path, is_locked=is_locked)
        finally:
            for suffix in ("", "-wal", "-shm"):  # SQLite leaves its own behind when the disk is full
                beside(draft, suffix).unlink(missing_ok=True)


def _give_name(draft: Path, path: Path, *, is_locked: bool) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # created by a process that knows no lock
    except OSError:
        # exFAT, FUSE and SMB have no hard links. `rename` is as atomic, but outside Windows it would replace a file.
        if not (is_locked or _IS_WINDOWS):
            raise
        draft.rename(path)


@contextlib.contextmanager
def _locked_folder(folder: Path) -> Iterator[bool]:
    """Keep other processes from creating a store in `folder`; yield whether that is possible here."""
    descriptor = None
    with contextlib.suppress(OSError):  # a folder that cannot be read, or Windows, where folders cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
    if descriptor is None or fcntl is None:
        yield False
        return
    try:
        yield _lock(descriptor, folder)
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # `close` alone would leave the lock to the child of a fork
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> bool:
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StorageError(
                    f"another process has locked the folder {folder} for over {BUSY_TIMEOUT:.0f} seconds: nothing was"
                    " written, call again"
                ) from None
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return False
        else:
            return True
