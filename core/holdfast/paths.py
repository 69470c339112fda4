"""Paths as callers give them, and files and folders that only their owner can open."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from holdfast.errors import InvalidInput, short_repr

PRIVATE_FILE = 0o600
"""The mode of a new file: only its owner reads and writes it."""

_PRIVATE_FOLDER = 0o700
_URI = re.compile(r"file:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def to_path(given: str | os.PathLike[str]) -> Path:
    """Return the file that a caller names, with `~` or `~user` replaced by that home folder.

    Args:
        given: A path of the operating system. `$VARIABLES` are not replaced.

    Raises:
        InvalidInput: It is blank, a folder's name, a URI, or not a name that a file can have.

    >>> to_path("~/memory.db") == Path.home() / "memory.db"
    True
    >>> to_path("sqlite:///memory.db")
    Traceback (most recent call last):
    holdfast.errors.InvalidInput: path is 'sqlite:///memory.db', a URI: give the path of a file, such as 'memory.db'
    """
    text = path_text(given)
    shown = short_repr(text)
    if "\0" in text or not _is_unicode(text):
        raise InvalidInput(f"path is {shown}: no file can have this name, choose another one")
    if _URI.match(text):
        raise InvalidInput(f"path is {shown}, a URI: give the path of a file, such as 'memory.db'")
    if text.endswith(("/", os.sep)):
        raise InvalidInput(f"path is {shown}, a folder: name a file in it, such as {short_repr(text + 'memory.db')}")
    expanded = os.path.expanduser(text)  # noqa: PTH111 - `Path.expanduser` raises a RuntimeError
    if expanded.startswith("~"):
        raise InvalidInput(
            f"path is {shown}, and there is no such home folder: write {short_repr('./' + text)} for a file here"
        )
    return Path(expanded)


def path_text(given: object) -> str:
    """Return the text of a path.

    Raises:
        InvalidInput: It is blank, or neither a text nor a path object.

    >>> path_text(Path("memory.db"))
    'memory.db'
    """
    if isinstance(given, (str, os.PathLike)):
        with contextlib.suppress(Exception):  # the path object is the caller's and may raise anything
            text = os.fsdecode(given)
            if text.strip():
                return text
    raise InvalidInput(f"path is {short_repr(given)}: name a file, or ':memory:'")


def make_private_folders(folder: Path) -> None:
    """Create `folder` and the missing ones above it with mode 0700; those that exist keep their mode."""
    if folder.is_dir() or folder == folder.parent:
        return
    make_private_folders(folder.parent)
    try:
        folder.mkdir(_PRIVATE_FOLDER)
    except FileExistsError:
        if not folder.is_dir():  # else another process was faster
            raise
    else:
        folder.chmod(_PRIVATE_FOLDER)  # a umask such as 0777 has removed the owner's rights too


def create_draft(path: Path, *, mode: int = PRIVATE_FILE) -> Path:
    """Create an empty file under a random name beside `path`, to be renamed to it when it is complete.

    The file never has more permissions than `mode`, whatever the umask.
    """
    # 60 characters are at most 240 bytes; with the random part they still fit into a name of 255 bytes.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name[:60]}.", dir=path.parent)
    os.close(descriptor)
    os.chmod(draft, mode)  # noqa: PTH101
    return Path(draft)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
