"""Open the store a command works on."""

from __future__ import annotations

import os

from holdfast import Memory, NotFound


def store_exists(path: str) -> bool:
    """Return whether there is a file at `path`, in which `~` is the home folder."""
    return os.path.exists(os.path.expanduser(path))  # noqa: PTH110, PTH111 - neither raises, whatever the path is


def open_or_create(path: str | None, *, llm: str | None = None, embedder: str | None = None) -> Memory:
    """Open the store at `path`, and create it if there is none; `None` is the library's default path.

    Raises:
        ConfigError: An engine is unknown or its key is missing.
        StorageError: The file is unusable.
    """
    return Memory(path, llm=llm, embedder=embedder)


def open_existing(
    path: str | None, *, llm: str | None = None, embedder: str | None = None, reranker: str | None = None
) -> Memory:
    """Open the store at `path`, but do not create one, so that a mistyped path is an error and not an empty memory.

    Commands that need no engine work without the key or package of the store's engines.

    Raises:
        ConfigError: A named engine is unknown or its key is missing.
        NotFound: There is no such file.
        StorageError: The file is unusable.
    """
    if path is not None and not store_exists(path):
        raise NotFound(f"there is no store at {path}: `holdfast add` creates one")
    return Memory(path, llm=llm, embedder=embedder, reranker=reranker)
