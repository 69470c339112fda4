"""Opening the store a command works on."""

from __future__ import annotations

from pathlib import Path

from holdfast import Memory, NotFound


def new_or_existing(path: str | None, *, llm: str | None = None, embedder: str | None = None) -> Memory:
    """Open the store at `path`, making it if need be; `None` is the library's default.

    Raises:
        ConfigError: An engine that is named, or a new store's, is unknown or lacks its key.
        StorageError: The file cannot be used.
    """
    return Memory(path, llm=llm, embedder=embedder)


def existing(
    path: str | None, *, llm: str | None = None, embedder: str | None = None, reranker: str | None = None
) -> Memory:
    """Open the store at `path` without making one: a mistyped name is no empty memory.

    What needs no engine works without the key or package that the store's own engines want.

    Raises:
        ConfigError: An engine that is named is unknown or lacks its key.
        NotFound: There is no such file.
        StorageError: The file cannot be used.
    """
    if path is not None and not Path(path).exists():
        raise NotFound(f"there is no store at {path}: `holdfast add` makes one")
    return Memory(path, llm=llm, embedder=embedder, reranker=reranker)
