"""Views of `crew_memory` on some of its paths: `memory.scope(path)` and `memory.slice(paths)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from crewai.memory.memory_scope import MemoryScope, MemorySlice
from crewai.memory.types import MemoryMatch
from pydantic import SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from holdfast_crewai.records import ROOT, to_path


def serialize_as_itself(self: Any, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    """Return the object itself when pydantic dumps it to Python, and its fields when it dumps it to JSON.

    CrewAI copies an agent by building another one from its dump. From the fields of a memory it would build its own
    kind of memory, and from those of a view a view without a memory. Pydantic only calls this serializer if a field
    holds something else than its annotation says; that is why a view holds a path object instead of a string, and a
    tuple of paths instead of a list.
    """
    return dump(self) if info.mode_is_json() else self


class HoldfastScope(MemoryScope):
    """The view of one path and everything below it."""

    _memory: Any

    def __init__(self, *, memory: Any, root_path: str) -> None:
        super().__init__(memory=memory, root_path=root_path)  # type: ignore[call-arg]
        self.root_path = PurePosixPath(self._root or ROOT)  # type: ignore[assignment]

    @model_serializer(mode="wrap")
    def serialize(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """Do `serialize_as_itself`; in JSON the path is a string."""
        return (
            dump(MemoryScope(root_path=str(self.root_path)))
            if info.mode_is_json()
            else serialize_as_itself(self, dump, info)
        )

    def subscope(self, path: str) -> MemoryScope:
        """Return the view of a path below this one."""
        view: MemoryScope = self._memory.scope(to_path(self._root, path))
        return view


class HoldfastSlice(MemorySlice):
    """The view of several paths and everything below them; a recall is one search and one block."""

    _memory: Any
    _paths: Sequence[str]
    _categories: list[str] | None

    def __init__(self, *, memory: Any, scopes: list[str], categories: list[str] | None, read_only: bool) -> None:
        super().__init__(  # type: ignore[call-arg]
            memory=memory, scopes=scopes, categories=categories, read_only=read_only
        )
        self.scopes = self._paths = tuple(map(to_path, scopes))  # type: ignore[assignment]
        self._categories = categories

    @model_serializer(mode="wrap")
    def serialize(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """Do `serialize_as_itself`; in JSON the paths are a list."""
        if not info.mode_is_json():
            return serialize_as_itself(self, dump, info)
        return dump(MemorySlice(scopes=list(self._paths), categories=self._categories, read_only=self.read_only))

    def recall(
        self,
        query: str,
        scope: str | None = None,  # noqa: ARG002 - CrewAI's own slice ignores it too
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Any = "deep",  # noqa: ARG002 - there is one depth
        source: str | None = None,
        include_private: bool = False,  # noqa: FBT001, FBT002 - CrewAI's signature
    ) -> list[MemoryMatch]:
        """Return the memories of all the paths that are relevant to `query`, best first."""
        found: list[MemoryMatch] = self._memory.recall_within(
            self._paths,
            query,
            categories=categories or self._categories,
            limit=limit,
            source=source,
            include_private=include_private,
        )
        return found
