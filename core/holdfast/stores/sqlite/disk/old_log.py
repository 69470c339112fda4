"""The log that an earlier file has left behind: SQLite would apply it to whatever file has the name now.

A log does not say which file it belongs to. It may hold the only copy of somebody's memories, so it is never deleted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from holdfast.errors import StorageError
from holdfast.stores.protocol import STORE_ID_SETTING
from holdfast.stores.sqlite.damage.integrity import find_damage
from holdfast.stores.sqlite.settings import read_setting

_SUFFIXES = ("-wal", "-shm", "-journal")
_log = logging.getLogger("holdfast")


def beside(path: Path, suffix: str) -> Path:
    """Return the path of the file that SQLite names after `path`.

    >>> beside(Path("memory.db"), "-wal").name
    'memory.db-wal'
    """
    return path.with_name(path.name + suffix)


def find_logs(path: Path) -> list[Path]:
    """Return the files of a log beside `path`."""
    return [log for log in (beside(path, suffix) for suffix in _SUFFIXES) if os.path.lexists(log)]


def set_aside(logs: Sequence[Path], path: Path) -> None:
    """Rename the log of an earlier file at `path`, which is missing, and name it in one warning."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    names = ", ".join(log.rename(beside(log, f".stale-{now}")).name for log in logs)
    _log.warning("%s is missing: the log of an earlier file there is kept as %s; the new store is empty", path, names)


def require_own_log(path: Path) -> None:
    """Raise if the log beside `path` belongs to an earlier file there, such as one that a backup was copied over.

    Nothing is written, so the file stays as it is. It is read whole, twice at most, but only if it is newer than its
    log: SQLite itself leaves it so only from a checkpoint to the next write.

    Raises:
        StorageError: With the log, the file is another store or damaged; without it, it is neither.
    """
    log = beside(path, "-wal")
    try:
        is_suspect = log.stat().st_size > 0 and path.stat().st_ctime_ns > log.stat().st_ctime_ns
    except FileNotFoundError:
        return
    if not is_suspect:
        return
    with_log, alone = f"{path.absolute().as_uri()}?mode=ro", f"{path.absolute().as_uri()}?immutable=1"
    is_another_store = None not in (ids := {_store_id(with_log), _store_id(alone)}) and len(ids) > 1
    if is_another_store or (not _is_sound(with_log) and _is_sound(alone)):
        raise StorageError(
            f"{path} was replaced, and {log.name} beside it is the log of the earlier file: move that away, with"
            f" {beside(path, '-shm').name}, to open the file as it is; nothing was changed"
        )


def _store_id(address: str) -> str | None:
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        try:
            return str(read_setting(connection, STORE_ID_SETTING))
        except (sqlite3.Error, StorageError):
            return None


def _is_sound(address: str) -> bool:
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        try:
            return not find_damage(connection)
        except sqlite3.OperationalError:  # it is locked, or cannot be read here: the usual open says why
            return True
        except sqlite3.Error:
            return False
