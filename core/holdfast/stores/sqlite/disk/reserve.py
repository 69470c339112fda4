"""Disk space kept back, so that memories can still be deleted when the disk is full."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

_BYTES = 4 * 1024 * 1024  # as many as the log has when SQLite moves it into the file
_LEAST_BYTES = 32 * 1024
_SHARE_OF_FREE_SPACE = 4
"""No more than a quarter of what is free, so that a small disk holds memories too."""


class Reserve:
    """An open file without a name: the system frees its space when it is closed, or when the process is killed.

    A deletion first writes to the log, and SQLite needs room in the file before it can make the log shorter.

    Attributes:
        size: How many bytes are kept back, 0 for none.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder = folder
        self._file: BinaryIO | None = None

    def fill(self) -> None:
        """Take the space, unless it is taken or the disk has too little."""
        if not self.is_empty:  # on Windows the file would have a name
            return
        with contextlib.suppress(OSError):  # a full disk, or a file system that cannot allocate
            status = os.statvfs(self._folder)
            size = min(_BYTES, status.f_bavail * status.f_frsize // _SHARE_OF_FREE_SPACE)
            if size >= _LEAST_BYTES:
                self._file = _allocate(self._folder, size)
                self.size = size

    @property
    def is_empty(self) -> bool:
        """Whether `fill` would take space, if there is any."""
        return self._file is None and sys.platform != "win32"

    def release(self) -> None:
        """Give the space back to the disk."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)  # closing would free nothing while the child of a fork holds the file too
                self._file.close()
            self._file, self.size = None, 0

    def forget(self) -> None:
        """Leave the space to the parent, in the child of a fork."""
        if self._file is not None:
            self._file.close()
            self._file, self.size = None, 0


def _allocate(folder: Path, size: int) -> BinaryIO:
    file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it stays open
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.write(bytes(size))
    except BaseException:
        file.close()
        raise
    return file
